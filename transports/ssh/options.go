package ssh

import (
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"runner/agent/schema"
	"runner/transports"
	"runner/transports/ssh/config"
	"runner/transports/ssh/keys"
	"runner/transports/ssh/knownhosts"
)

// What holds when neither the site nor the configuration says otherwise.
const (
	defaultTimeout        = 30 * time.Second
	defaultKeepaliveCount = 3
)

// The values of host_key.
const (
	hostKeyStrict    = "strict"
	hostKeyAcceptNew = "accept-new"
	hostKeyIgnore    = "ignore"
)

// Environment is what the controller's own surroundings say: who runs it, where, and with which variables.
type Environment struct {
	Home         string // where ~ leads
	User         string
	UID          string
	Hostname     string
	Dir          string // what relative paths of options are relative to; "": the working directory
	SystemConfig string // the configuration behind the user's own; "": none
	Getenv       func(string) string
	Open         config.Open // how files of configuration are opened; nil: from the disk
}

// CurrentEnvironment is the environment of this process.
func CurrentEnvironment() Environment {
	env := Environment{Home: os.Getenv("HOME"), SystemConfig: "/etc/ssh/ssh_config", Getenv: os.Getenv}
	if u, err := user.Current(); err == nil {
		env.User, env.UID = u.Username, u.Uid
		if env.Home == "" {
			env.Home = u.HomeDir
		}
	}
	env.Hostname, _ = os.Hostname() // only stands in tokens of paths
	return env
}

// path resolves a path on the controller: ~ follows $HOME, anything relative the environment's directory.
func (e Environment) path(p string) string {
	if p == "~" || strings.HasPrefix(p, "~/") {
		return filepath.Join(e.Home, p[1:])
	}
	if name, rest, _ := strings.Cut(p, "/"); strings.HasPrefix(name, "~") {
		if u, err := user.Lookup(name[1:]); err == nil {
			return filepath.Join(u.HomeDir, rest)
		}
	}
	if p == "" || filepath.IsAbs(p) || e.Dir == "" {
		return p
	}
	return filepath.Join(e.Dir, p)
}

func (e Environment) paths(list []string) []string {
	out := make([]string, len(list))
	for i, p := range list {
		out[i] = e.path(p)
	}
	return out
}

// settings are the options of one hop in their types, complete.
type settings struct {
	address string
	port    int
	user    string

	keys           []string // nil: the ones that OpenSSH looks for
	passphrase     string
	certificates   []string
	agent          string // path of its socket; "": none
	identitiesOnly bool
	password       string // "": none

	hostKey        string
	knownHosts     []string // the first is the one that is added to
	hashKnownHosts bool
	hostKeyAlias   string
	revokedKeys    string // path of a list of public keys; "": none

	timeout        time.Duration // of the whole opening; 0: the context says
	keepalive      time.Duration // 0: none
	keepaliveCount int
	network        string // tcp, tcp4, tcp6

	ciphers, macs, keyExchanges, hostKeyAlgorithms []string // nil: the library's
}

// endpoint names the server for people.
func (s *settings) endpoint() string {
	if s.port == knownhosts.DefaultPort {
		return s.address
	}
	return net.JoinHostPort(s.address, strconv.Itoa(s.port))
}

// login names user and server for people.
func (s *settings) login() string { return s.user + "@" + s.endpoint() }

// newSettings reads options that need not have passed the schema: it fails on all that Check would find.
func newSettings(o transports.Options, env Environment) (*settings, error) {
	if err := check(o); err != nil {
		return nil, &Error{Kind: KindOptions, Message: err.Error(), Cause: err}
	}
	s := &settings{
		address:           trimBrackets(o.String("address", "")),
		port:              number(o, "port", knownhosts.DefaultPort),
		user:              o.String("user", env.User),
		passphrase:        o.String("passphrase", ""),
		certificates:      env.paths(o.Strings("certificates")),
		agent:             agentSocket(o, env),
		identitiesOnly:    o.Bool("identities_only", false),
		password:          o.String("password", ""),
		hostKey:           o.String("host_key", hostKeyStrict),
		hashKnownHosts:    o.Bool("hash_known_hosts", false),
		hostKeyAlias:      o.String("host_key_alias", ""),
		revokedKeys:       env.path(o.String("revoked_host_keys", "")),
		timeout:           o.Duration("connect_timeout", 0),
		keepalive:         o.Duration("keepalive", 0),
		keepaliveCount:    number(o, "keepalive_count", defaultKeepaliveCount),
		network:           "tcp",
		ciphers:           o.Strings("ciphers"),
		macs:              o.Strings("macs"),
		keyExchanges:      o.Strings("kex_algorithms"),
		hostKeyAlgorithms: o.Strings("host_key_algorithms"),
	}
	if s.address == "" {
		return nil, &Error{Kind: KindOptions, Message: "an ssh hop has no address"}
	}
	if _, ok := o["keys"].([]any); ok {
		s.keys = env.paths(o.Strings("keys")) // not nil: an empty list means none
	}
	switch o.String("address_family", "any") {
	case "inet":
		s.network = "tcp4"
	case "inet6":
		s.network = "tcp6"
	}
	s.knownHosts = env.paths(texts(o, "known_hosts"))
	if len(s.knownHosts) == 0 {
		s.knownHosts = slices.Concat(env.paths(userKnownHosts()), systemKnownHosts())
	}
	return s, nil
}

func userKnownHosts() []string { return []string{"~/.ssh/known_hosts", "~/.ssh/known_hosts2"} }

func systemKnownHosts() []string {
	return []string{"/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"}
}

// defaultKeys are the private keys that OpenSSH looks for.
func defaultKeys() []string {
	return []string{"~/.ssh/id_rsa", "~/.ssh/id_ecdsa", "~/.ssh/id_ecdsa_sk", "~/.ssh/id_ed25519", "~/.ssh/id_ed25519_sk"}
}

// identities asks for the keys to offer.
func (s *settings) identities(env Environment) keys.Request {
	q := keys.Request{
		Files: s.keys, Named: s.keys != nil, Certificates: s.certificates, Passphrase: s.passphrase,
		Agent: s.agent, Only: s.identitiesOnly,
	}
	if !q.Named {
		q.Files = env.paths(defaultKeys())
	}
	return q
}

func agentSocket(o transports.Options, env Environment) string {
	switch v := o["agent"].(type) {
	case bool:
		if !v {
			return ""
		}
	case string:
		if v != "" {
			return env.path(v)
		}
	}
	return env.Getenv("SSH_AUTH_SOCK")
}

// texts reads an option that is a string or a list of strings.
func texts(o transports.Options, name string) []string {
	if s := o.String(name, ""); s != "" {
		return []string{s}
	}
	return o.Strings(name)
}

func number(o transports.Options, name string, otherwise int) int {
	switch v := o[name].(type) {
	case float64:
		return int(v)
	case int64:
		return int(v)
	case int:
		return v
	}
	return otherwise
}

// trimBrackets takes the brackets off an IPv6 literal: people write it both ways.
func trimBrackets(address string) string {
	if inner, ok := strings.CutPrefix(address, "["); ok && strings.Contains(inner, ":") {
		return strings.TrimSuffix(inner, "]")
	}
	return address
}

// check finds what the types of the arguments do not say.
func check(known map[string]any) error {
	o := transports.Options(known)
	var all []error
	wrong := func(argument, format string, values ...any) {
		all = append(all, &schema.ArgumentError{Argument: argument, Message: fmt.Sprintf(format, values...)})
	}
	if fault := addressFault(o.String("address", "")); fault != "" {
		wrong("address", "The address %s", fault)
	}
	if fault := userFault(o.String("user", "")); fault != "" {
		wrong("user", "The user %s", fault)
	}
	if strings.ContainsFunc(o.String("host_key_alias", ""), unprintable) {
		wrong("host_key_alias", "The HostKeyAlias must not contain spaces or control characters.")
	}
	if port, ok := asNumber(o["port"]); ok && (port < 1 || port > math.MaxUint16 || port != math.Trunc(port)) {
		wrong("port", "The port must be a whole number from 1 to 65535, but this is %v.", port)
	}
	if h := o.String("host_key", hostKeyStrict); !slices.Contains([]string{hostKeyStrict, hostKeyAcceptNew, hostKeyIgnore}, h) {
		wrong("host_key", `The host_key must be "strict", "accept-new" or "ignore".`)
	}
	for _, name := range []string{"connect_timeout", "keepalive"} {
		if text, ok := o[name].(string); ok {
			if d, err := time.ParseDuration(text); err != nil || d < 0 || name == "connect_timeout" && d == 0 {
				wrong(name, `The %s must be a duration such as "30s".`, name)
			}
		}
	}
	if v, ok := o["config"]; ok && v != nil && v != false {
		if text, ok := v.(string); !ok || text == "" {
			wrong("config", "The config must be the path of a file, or false.")
		}
	}
	switch v := o["agent"].(type) {
	case nil, bool, string:
	default:
		wrong("agent", "The agent must be true, false or the path of a socket, not %v.", v)
	}
	if v, ok := o["known_hosts"]; ok && v != nil && len(texts(o, "known_hosts")) == 0 {
		wrong("known_hosts", "The known_hosts must be the path of a file or a list of paths.")
	}
	return errors.Join(all...)
}

func asNumber(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case int64:
		return float64(v), true
	case int:
		return float64(v), true
	}
	return 0, false
}

// shellCharacters have no place in a name, whoever reads it later. The set is that of OpenSSH's valid_hostname.
const shellCharacters = "'`\"$\\;&<>|(){}"

// addressFault says what is wrong with an address, as the end of a sentence; "" is nothing.
func addressFault(address string) string {
	switch {
	case address == "":
		return ""
	case address[0] == '-':
		return "must not begin with a dash."
	case strings.Contains(address, "://") || strings.Contains(address, "/"):
		return "must be a host name or an IP address, not a URL or a network."
	case strings.Contains(address, "@"):
		return "must not contain a user; say it in the argument user."
	case strings.ContainsFunc(address, unprintable) || strings.ContainsAny(address, shellCharacters+"*?!,#"):
		return "must not contain spaces, control characters or shell characters."
	case !strings.HasPrefix(address, "[") && strings.Count(address, ":") == 1:
		return "must not contain a port; say it in the argument port."
	}
	if literal := trimBrackets(address); strings.ContainsAny(address, "[]:") {
		literal, _, _ = strings.Cut(literal, "%")
		if net.ParseIP(literal) == nil || strings.HasPrefix(address, "[") != strings.HasSuffix(address, "]") {
			return "is no IPv6 address."
		}
	}
	return ""
}

// userFault does so for a user. It follows OpenSSH's valid_ruser, and allows no spaces.
func userFault(name string) string {
	switch {
	case name == "":
		return ""
	case name[0] == '-':
		return "must not begin with a dash."
	case strings.ContainsFunc(name, unprintable) || strings.ContainsAny(name, "'`\";&<>|(){}$"):
		return "must not contain spaces, control characters or shell characters."
	case strings.HasSuffix(name, `\`):
		return "must not end with a backslash."
	}
	return ""
}
