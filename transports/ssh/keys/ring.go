// Package keys finds what may prove to an ssh server who logs in: private keys and certificates in files, and what an
// ssh-agent holds. It puts them into the order in which they are offered and keeps what it has read for a whole run.
// Package transports/ssh offers them; it knows what a site and the configuration name.
package keys

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

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// Identity is a key, or a certificate for one, that can be offered to a server.
type Identity struct {
	Label  string // for errors: a path, or the agent's comment
	Public ssh.PublicKey
	Signer ssh.Signer
	Named  bool // by the site or the configuration, not found by default or in the agent
}

// Request says which identities are wanted. Its paths are absolute.
type Request struct {
	Files        []string // private keys, or public ones that the agent has the other half of
	Named        bool     // the files were named; otherwise they are the usual ones, of which some may not exist
	Certificates []string // beside those that lie next to the files
	Passphrase   string   // of protected files; "": none
	Agent        string   // path of the ssh-agent's socket; "": none
	Only         bool     // nothing of the agent that is not among the files
}

// Ring is what was found for one connection. It is for one goroutine.
type Ring struct {
	Identities []Identity // in the order in which they are offered
	Notes      []string   // what could not be used, and why
	agent      net.Conn   // nil: none
	stop       func() bool
}

// Load finds the identities of a request. What is named comes first, in its order, then what the agent holds, then the
// usual files. OpenSSH offers the agent's keys before named files that the agent does not hold; naming a key here also
// spares the round trips, and the server's patience, that the others would cost. The ring's owner closes it; when the
// context ends, nothing waits for the agent any more.
func (s *Store) Load(ctx context.Context, q Request) *Ring {
	r := new(Ring)
	held := r.fromAgent(ctx, q.Agent)
	var files, certificates, others []Identity
	for _, path := range q.Files {
		if key, ok := r.fromFile(s.read(path, q.Passphrase), path, q.Named); ok {
			files = append(files, adopt(key, held))
		}
	}
	certify := func(path string, named bool) {
		if cert, ok := r.certificate(path); ok {
			certificates = append(certificates, Identity{
				Label: path, Public: cert, Signer: signerFor(cert, slices.Concat(files, held)), Named: named,
			})
		}
	}
	for _, path := range q.Certificates {
		certify(path, true)
	}
	for _, path := range q.Files {
		beside := strings.TrimSuffix(path, ".pub") + "-cert.pub"
		if _, err := os.Stat(beside); err == nil {
			certify(beside, q.Named)
		}
	}
	for _, key := range held {
		among := belongs(key.Public, files)
		if among || !q.Only {
			key.Named = q.Named && among
			others = append(others, key)
		}
	}
	if q.Named {
		r.Identities = usable(certificates, files, others)
	} else {
		r.Identities = usable(certificates, others, files)
	}
	return r
}

// usable joins identities, without those that cannot sign and without doublets.
func usable(groups ...[]Identity) []Identity {
	var out []Identity
	seen := map[string]bool{}
	for _, id := range slices.Concat(groups...) {
		blob := string(id.Public.Marshal())
		if id.Signer == nil || seen[blob] {
			continue
		}
		seen[blob] = true
		out = append(out, id)
	}
	return out
}

// adopt gives a key without a private half the one that the agent holds. The agent also goes before a file: it needs
// no passphrase.
func adopt(key Identity, held []Identity) Identity {
	for _, h := range held {
		if bytes.Equal(h.Public.Marshal(), key.Public.Marshal()) {
			key.Signer = h.Signer
		}
	}
	return key
}

// signerFor returns what signs with a certificate: the private half of its key, if that is there.
func signerFor(cert *ssh.Certificate, keys []Identity) ssh.Signer {
	for _, key := range keys {
		if key.Signer != nil && bytes.Equal(cert.Key.Marshal(), key.Public.Marshal()) {
			if signer, err := ssh.NewCertSigner(cert, key.Signer); err == nil {
				return signer
			}
		}
	}
	return nil
}

// belongs tells whether a key, or the key that a certificate is for, is among the files.
func belongs(key ssh.PublicKey, files []Identity) bool {
	blob := key.Marshal()
	if parsed, err := ssh.ParsePublicKey(blob); err == nil {
		if cert, ok := parsed.(*ssh.Certificate); ok {
			blob = cert.Key.Marshal()
		}
	}
	for _, f := range files {
		if bytes.Equal(f.Public.Marshal(), blob) {
			return true
		}
	}
	return false
}

// Note adds to the notes.
func (r *Ring) Note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// fromAgent lists what the agent holds. The connection stays open for signatures.
func (r *Ring) fromAgent(ctx context.Context, socket string) []Identity {
	if socket == "" {
		return nil
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if err != nil {
		r.Note("the ssh-agent cannot be used: %v", err)
		return nil
	}
	r.agent = conn
	// It may be asking its owner, now or when it shall sign.
	r.stop = context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })
	// Hiding Close keeps the client from starting a goroutine that nobody waits for.
	client := agent.NewClient(struct{ io.ReadWriter }{conn})
	signers, err := client.Signers()
	if err != nil {
		r.Note("the ssh-agent cannot be used: %v", err)
		return nil
	}
	var held []Identity
	for _, signer := range signers {
		label := "a key of the ssh-agent"
		if key, ok := signer.PublicKey().(*agent.Key); ok && key.Comment != "" {
			label = key.Comment + " of the ssh-agent"
		}
		held = append(held, Identity{Label: label, Public: signer.PublicKey(), Signer: signer})
	}
	return held
}

// Close gives the agent's connection back.
func (r *Ring) Close() {
	if r.agent != nil {
		r.stop()
		_ = r.agent.Close()
	}
}

// fromFile takes a key from its file, or what the file says of one that the agent may hold.
func (r *Ring) fromFile(file keyFile, path string, named bool) (Identity, bool) {
	if file.fault != "" && (named || !file.missing) {
		r.Note("%s", file.fault)
	}
	return Identity{Label: path, Public: file.public, Signer: file.signer, Named: named}, file.public != nil
}

func (r *Ring) certificate(path string) (*ssh.Certificate, bool) {
	cert, ok := readPublic(path).(*ssh.Certificate)
	if !ok || cert.CertType != ssh.UserCert {
		r.Note("%s is no user certificate", path)
		return nil, false
	}
	if before := time.Unix(int64(min(cert.ValidBefore, 1<<62)), 0); cert.ValidBefore != ssh.CertTimeInfinity && time.Now().After(before) {
		r.Note("%s expired at %s", path, before.UTC().Format(time.RFC3339))
		return nil, false
	}
	return cert, true
}
