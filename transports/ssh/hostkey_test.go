package ssh

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	xssh "golang.org/x/crypto/ssh"

	"runner/cmd/testbed/bed"
	"runner/transports"
)

// nosy is a server that counts what it is told before it was trusted.
func nosy(t *testing.T) (transports.Options, *atomic.Int32) {
	t.Helper()
	told := new(atomic.Int32)
	note := func() error {
		told.Add(1)
		return fmt.Errorf("no")
	}
	server := fakeSSH(t, &xssh.ServerConfig{
		NoClientAuth: true,
		NoClientAuthCallback: func(xssh.ConnMetadata) (*xssh.Permissions, error) {
			return nil, note()
		},
		PasswordCallback: func(xssh.ConnMetadata, []byte) (*xssh.Permissions, error) { return nil, note() },
		PublicKeyCallback: func(xssh.ConnMetadata, xssh.PublicKey) (*xssh.Permissions, error) {
			return nil, note()
		},
	})
	server["password"] = "secret word"
	return server, told
}

// G9: an unknown key stops before anything is said about the user, and the error shows the way out.
func TestG9UnknownKey(t *testing.T) {
	server, told := nosy(t)
	delete(server, "host_key")
	e := fails(t, server, KindHostKeyUnknown)
	if !strings.Contains(e.Message, "SHA256:") || !strings.Contains(e.Hint, "ssh-keyscan -p ") || !strings.Contains(e.Hint, "accept-new") {
		t.Error(e)
	}
	if n := told.Load(); n != 0 {
		t.Errorf("%d logins were tried", n)
	}
}

// G9: a changed key too, and the error says which line is contradicted. Without checking a key may still be used, but
// no password.
func TestG9ChangedKey(t *testing.T) {
	server, told := nosy(t)
	other := generate(t, filepath.Join(t.TempDir(), "other"), "-t", "ed25519", "-N", "")
	known := writeFile(t, filepath.Join(t.TempDir(), "known_hosts"),
		fmt.Sprintf("# a comment\n[127.0.0.1]:%d %s", number(server, "port", 0), readText(t, other+".pub")))
	server["known_hosts"] = known
	for _, policy := range []string{hostKeyStrict, hostKeyAcceptNew} {
		server["host_key"] = policy
		e := fails(t, server, KindHostKeyChanged)
		if !strings.Contains(e.Message, known+":2") || !strings.Contains(e.Hint, "ssh-keygen -f "+known) {
			t.Error(e)
		}
		if n := told.Load(); n != 0 {
			t.Errorf("%s: %d logins were tried", policy, n)
		}
	}
	server["host_key"] = hostKeyIgnore
	e := fails(t, server, KindHostKeyChanged)
	if !strings.Contains(e.Message, "password is not sent") {
		t.Error(e)
	}
	if n := told.Load(); n != 1 { // "none", which tells the server's methods
		t.Errorf("%d logins were tried", n)
	}
	s := newSite(t)
	writeFile(t, known, fmt.Sprintf("[%s]:%d %s", s.server.Address, s.server.Port, readText(t, other+".pub")))
	dial(t, s.options("host_key", hostKeyIgnore, "known_hosts", known))
}

// G9: accept-new records the key where OpenSSH finds it, hashed if that is wanted, and from then on it is known.
func TestG9AcceptNew(t *testing.T) {
	s := newSite(t)
	dial(t, s.options("known_hosts", os.DevNull, "host_key", hostKeyAcceptNew)) // UserKnownHostsFile none
	for _, hashed := range []bool{false, true} {
		home := t.TempDir()
		t.Setenv("HOME", home)
		known := filepath.Join(home, ".ssh", "known_hosts")
		o := s.options("known_hosts", nil, "hash_known_hosts", hashed)
		fails(t, o, KindHostKeyUnknown)
		o["host_key"] = hostKeyAcceptNew
		dial(t, o)
		o["host_key"] = hostKeyStrict
		dial(t, o)
		name := fmt.Sprintf("[%s]:%d", s.server.Address, s.server.Port)
		run(t, "ssh-keygen", "-F", name, "-f", known)
		if strings.Contains(readText(t, known), s.server.Address) == hashed {
			t.Errorf("hashed is %v, but the file is\n%s", hashed, readText(t, known))
		}
		if info, err := os.Stat(filepath.Dir(known)); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%v, %v", info.Mode(), err)
		}
		if n := strings.Count(readText(t, known), "\n"); n != 1 {
			t.Errorf("%d lines", n)
		}
	}
}

// G8: the server is asked for the key that is known, whichever it is, though it would rather show another.
func TestG8KnownAlgorithmFirst(t *testing.T) {
	dir := t.TempDir()
	var config, keys []string
	for _, kind := range []string{"rsa", "ecdsa"} {
		key := generate(t, filepath.Join(dir, kind), "-t", kind, "-N", "")
		config, keys = append(config, "HostKey "+key), append(keys, key)
	}
	s := newSite(t, config...)
	for _, key := range keys {
		known := writeFile(t, key+".known", fmt.Sprintf("[%s]:%d %s", s.server.Address, s.server.Port, readText(t, key+".pub")))
		dial(t, s.options("known_hosts", known))
		// OpenSSH takes an entry without a port for any port, if the key is the same.
		known = writeFile(t, key+".portless", s.server.Address+" "+readText(t, key+".pub"))
		dial(t, s.options("known_hosts", known))
		known = writeFile(t, key+".alias", "the-alias "+readText(t, key+".pub"))
		dial(t, s.options("known_hosts", known, "host_key_alias", "the-alias"))
		fails(t, s.options("known_hosts", known), KindHostKeyUnknown)
		revoked := fmt.Sprintf("@revoked * %s%s", readText(t, key+".pub"), readText(t, key+".known"))
		fails(t, s.options("known_hosts", writeFile(t, key+".revoked", revoked)), KindHostKeyRevoked)
		dial(t, s.options("known_hosts", []any{filepath.Join(dir, "none"), key + ".known"}))
		fails(t, s.options("known_hosts", known, "host_key_alias", "the-alias", "revoked_host_keys", key+".pub"), KindHostKeyRevoked)
		fails(t, s.options("revoked_host_keys", filepath.Join(dir, "none")), KindHostKeyRevoked)
		fails(t, s.options("known_hosts", known, "host_key_alias", "the-alias", "revoked_host_keys", key+".pub", "host_key", hostKeyIgnore), KindHostKeyRevoked)
		dial(t, s.options("revoked_host_keys", s.Key()+".pub"))
	}
	fails(t, s.options("host_key_algorithms", []any{xssh.KeyAlgoRSASHA256}), KindHostKeyChanged)
}

// G8, G9: host certificates of an authority in known_hosts, and what holds when one does not.
func TestG8HostCertificates(t *testing.T) {
	dir := t.TempDir()
	authority := generate(t, filepath.Join(dir, "authority"), "-t", "ed25519", "-N", "")
	host := generate(t, filepath.Join(dir, "host"), "-t", "ed25519", "-N", "")
	s := newSite(t, "HostKey "+host)
	known := writeFile(t, filepath.Join(dir, "known"), "@cert-authority 127.* "+readText(t, authority+".pub"))
	for _, c := range []struct {
		principal, validity string
		kind                Kind
	}{
		{s.server.Address, "+1h", ""},
		{"127.*", "+1h", ""},
		{"elsewhere", "+1h", KindHostKeyInvalid},
		{s.server.Address, "-2h:-1h", KindHostKeyInvalid},
	} {
		run(t, "ssh-keygen", "-q", "-s", authority, "-I", "host", "-h", "-n", c.principal, "-V", c.validity, host+".pub")
		// The server reads its certificate when it starts; each has an address of its own, so the name is an alias.
		server := s.another("HostKey "+host, "HostCertificate "+host+"-cert.pub")
		o := server.options("known_hosts", known, "host_key_alias", s.server.Address)
		if c.kind == "" {
			dial(t, o)
			continue
		}
		e := fails(t, o, c.kind)
		if !strings.Contains(e.Hint, known+":1") {
			t.Error(e)
		}
	}
	// Without an authority, the plain key counts.
	plain := writeFile(t, filepath.Join(dir, "plain"), fmt.Sprintf("[%s]:%d %s", s.server.Address, s.server.Port, readText(t, host+".pub")))
	dial(t, s.options("known_hosts", plain))
}

// G8: IPv6, with and without brackets.
func TestG8IPv6(t *testing.T) {
	probe, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skipf("needs IPv6: %v", err)
	}
	_ = probe.Close()
	s := newSite(t)
	s.server = s.SSHD(bed.ServerOptions{Address: "::1"})
	for _, address := range []string{"::1", "[::1]", "::1%lo"} {
		o := s.options("address", address)
		if address == "::1%lo" {
			o["host_key_alias"] = fmt.Sprintf("[::1]:%d", s.server.Port)
		}
		dial(t, o)
	}
	fails(t, s.options("address", "::1", "address_family", "inet"), KindUnreachable)
}
