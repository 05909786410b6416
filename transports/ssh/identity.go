package ssh

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	xssh "golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// identity is a key, or a certificate for one, that can be offered to a server.
type identity struct {
	label  string // for errors: a path, or the agent's comment
	public xssh.PublicKey
	signer xssh.Signer // nil: the private half is not here
	named  bool        // by the site or the configuration, not found by default or in the agent
}

// keyring finds the identities for one connection, and notes what it could not use.
type keyring struct {
	s     *settings
	env   Environment
	store *keyStore
	notes []string
	agent net.Conn // nil: none
	stop  func() bool
}

// load returns the identities in the order in which they are offered: what is named first, in its order, then what the
// agent holds, then the default files. OpenSSH offers the agent's keys before named files that the agent does not
// hold; naming a key here also spares the round trips, and the server's patience, that the others would cost.
func (k *keyring) load(ctx context.Context) []identity {
	held := k.fromAgent(ctx)
	var files, certificates []identity
	named := k.s.keys != nil
	paths := k.s.keys
	if !named {
		paths = k.env.paths(defaultKeys())
	}
	for _, path := range paths {
		if key, ok := k.key(path, named); ok {
			files = append(files, adopt(key, held))
		}
	}
	for _, path := range k.s.certificates {
		if cert, ok := k.certificate(path); ok {
			certificates = append(certificates, certify(identity{label: path, public: cert, named: true}, files, held))
		}
	}
	for _, path := range paths {
		beside := strings.TrimSuffix(path, ".pub") + "-cert.pub"
		if _, err := os.Stat(beside); err == nil {
			if cert, ok := k.certificate(beside); ok {
				certificates = append(certificates, certify(identity{label: beside, public: cert, named: named}, files, held))
			}
		}
	}
	var others []identity
	for _, key := range held {
		if k.s.identitiesOnly && !belongs(key.public, files) {
			continue
		}
		key.named = named && belongs(key.public, files)
		others = append(others, key)
	}
	return inOrder(certificates, files, others, named)
}

func inOrder(certificates, files, others []identity, named bool) []identity {
	order := slices.Concat(certificates, others, files)
	if named {
		order = slices.Concat(certificates, files, others)
	}
	var out []identity
	seen := map[string]bool{}
	for _, id := range order {
		blob := string(id.public.Marshal())
		if id.signer == nil || seen[blob] {
			continue
		}
		seen[blob] = true
		out = append(out, id)
	}
	return out
}

// adopt gives a key without a private half the one that the agent holds. The agent also goes before a file: it needs
// no passphrase.
func adopt(key identity, held []identity) identity {
	for _, h := range held {
		if bytes.Equal(h.public.Marshal(), key.public.Marshal()) {
			key.signer = h.signer
		}
	}
	return key
}

// certify gives a certificate the signer of its key.
func certify(id identity, files, held []identity) identity {
	cert, _ := id.public.(*xssh.Certificate)
	for _, key := range slices.Concat(files, held) {
		if key.signer != nil && bytes.Equal(cert.Key.Marshal(), key.public.Marshal()) {
			if signer, err := xssh.NewCertSigner(cert, key.signer); err == nil {
				id.signer = signer
				return id
			}
		}
	}
	return id
}

// belongs tells whether a key, or the key that a certificate is for, is among the files.
func belongs(key xssh.PublicKey, files []identity) bool {
	blob := key.Marshal()
	if parsed, err := xssh.ParsePublicKey(blob); err == nil {
		if cert, ok := parsed.(*xssh.Certificate); ok {
			blob = cert.Key.Marshal()
		}
	}
	for _, f := range files {
		if bytes.Equal(f.public.Marshal(), blob) {
			return true
		}
	}
	return false
}

func (k *keyring) note(format string, args ...any) {
	k.notes = append(k.notes, fmt.Sprintf(format, args...))
}

// fromAgent lists what the agent holds. The connection stays open for signatures.
func (k *keyring) fromAgent(ctx context.Context) []identity {
	if k.s.agent == "" {
		return nil
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", k.s.agent)
	if err != nil {
		k.note("the ssh-agent cannot be used: %v", err)
		return nil
	}
	k.agent = conn
	// It may be asking its owner, now or when it shall sign.
	k.stop = context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })
	// Hiding Close keeps the client from starting a goroutine that nobody waits for.
	client := agent.NewClient(struct{ io.ReadWriter }{conn})
	signers, err := client.Signers()
	if err != nil {
		k.note("the ssh-agent cannot be used: %v", err)
		return nil
	}
	var held []identity
	for _, signer := range signers {
		label := "a key of the ssh-agent"
		if key, ok := signer.PublicKey().(*agent.Key); ok && key.Comment != "" {
			label = key.Comment + " of the ssh-agent"
		}
		held = append(held, identity{label: label, public: signer.PublicKey(), signer: signer})
	}
	return held
}

// close gives the agent's connection back.
func (k *keyring) close() {
	if k.agent != nil {
		k.stop()
		_ = k.agent.Close()
	}
}

// key takes a key from its file, or what the file says of one that the agent may hold.
func (k *keyring) key(path string, named bool) (identity, bool) {
	file := k.store.read(path, k.s.passphrase)
	if file.fault != "" && (named || !file.missing) {
		k.note("%s", file.fault)
	}
	return identity{label: path, public: file.public, signer: file.signer, named: named}, file.public != nil
}

func (k *keyring) certificate(path string) (*xssh.Certificate, bool) {
	cert, ok := readPublic(path).(*xssh.Certificate)
	if !ok || cert.CertType != xssh.UserCert {
		k.note("%s is no user certificate", path)
		return nil, false
	}
	if before := time.Unix(int64(min(cert.ValidBefore, 1<<62)), 0); cert.ValidBefore != xssh.CertTimeInfinity && time.Now().After(before) {
		k.note("%s expired at %s", path, before.UTC().Format(time.RFC3339))
		return nil, false
	}
	return cert, true
}
