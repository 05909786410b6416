package ssh

import (
	"fmt"
	"slices"
	"strings"

	xssh "golang.org/x/crypto/ssh"

	"runner/transports"
	"runner/transports/ssh/config"
	"runner/transports/ssh/knownhosts"
	"runner/transports/ssh/pattern"
)

// setAlgorithms takes over the configuration's choice of algorithms, as far as the library knows them.
func setAlgorithms(out transports.Options, values config.Values) error {
	usual, weak := xssh.SupportedAlgorithms(), xssh.InsecureAlgorithms()
	for _, kind := range []struct {
		option, keyword string
		usual, weak     []string
	}{
		{"ciphers", "ciphers", usual.Ciphers, weak.Ciphers},
		{"macs", "macs", usual.MACs, weak.MACs},
		{"kex_algorithms", "kexalgorithms", usual.KeyExchanges, weak.KeyExchanges},
		{"host_key_algorithms", "hostkeyalgorithms", slices.Concat(knownhosts.CertificateAlgorithms(), plainAlgorithms()), weak.HostKeys},
	} {
		value := values.Get(kind.keyword)
		if value == "" {
			continue
		}
		list := chooseAlgorithms(value, kind.usual, kind.weak)
		if len(list) == 0 {
			return fmt.Errorf("the ssh configuration allows only %s that are not known here: %s", kind.keyword, value)
		}
		var plain []any
		for _, name := range list {
			plain = append(plain, name)
		}
		out[kind.option] = plain
	}
	return nil
}

// chooseAlgorithms applies a list of OpenSSH's to what the library has: a list by itself, or one to add (+), to put
// first (^) or to take away (-, with patterns) from the usual ones. Weak ones are only used where they are named.
func chooseAlgorithms(value string, usual, weak []string) []string {
	operator := value[0]
	names := strings.Split(strings.TrimLeft(value, "+-^"), ",")
	var known []string
	for _, name := range names {
		if slices.Contains(usual, name) || slices.Contains(weak, name) {
			known = append(known, name)
		}
	}
	switch operator {
	case '+':
		known = slices.Concat(usual, known)
	case '^':
		known = slices.Concat(known, usual)
	case '-':
		known = slices.DeleteFunc(slices.Clone(usual), func(name string) bool { return pattern.MatchAny(names, name) })
	}
	var out []string
	for _, name := range known {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}
