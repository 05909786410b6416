package ssh

import (
	"fmt"
	"net"
	"slices"
	"strings"

	xssh "golang.org/x/crypto/ssh"

	"runner/transports/ssh/knownhosts"
)

// verifier decides whether a server is who it should be. It serves one connection.
type verifier struct {
	s     *settings
	names []string // as known_hosts writes them; the second one only trusts, it does not contradict
	known []knownhosts.Known
	key   xssh.PublicKey // the one that was let pass
	// doubt is why the server gets no password although its key was let pass.
	doubt *Error
}

func newVerifier(s *settings) (*verifier, error) {
	v := &verifier{s: s}
	if s.hostKeyAlias != "" {
		v.names = []string{strings.ToLower(s.hostKeyAlias)}
	} else {
		v.names = []string{knownhosts.Name(s.address, s.port)}
		if s.port != knownhosts.DefaultPort {
			// As OpenSSH does: an entry without a port vouches for the same key on another port.
			v.names = append(v.names, knownhosts.Name(s.address, knownhosts.DefaultPort))
		}
	}
	for _, name := range v.names {
		known, err := knownhosts.Find(s.knownHosts, name)
		if err != nil {
			return nil, &Error{Kind: KindOptions, Message: err.Error(), Cause: err}
		}
		v.known = append(v.known, known)
	}
	return v, nil
}

// algorithms orders the host key algorithms so that the server shows a key that is known, if it has one. Certificates
// are asked for only where an authority is known: without one they are worth no more than their plain key.
func (v *verifier) algorithms() []string {
	order := plainAlgorithms()
	allowed := slices.Concat(knownhosts.CertificateAlgorithms(), order)
	if len(v.s.hostKeyAlgorithms) > 0 {
		order = v.s.hostKeyAlgorithms
		allowed = order
	}
	var list []string
	for _, known := range v.known {
		list = append(list, known.Algorithms()...)
	}
	list = append(list, order...)
	var out []string
	for _, algorithm := range list {
		if slices.Contains(allowed, algorithm) && !slices.Contains(out, algorithm) {
			out = append(out, algorithm)
		}
	}
	return out
}

// plainAlgorithms are OpenSSH's in its order, so that the key that is recorded is the one it would record.
func plainAlgorithms() []string {
	return []string{
		xssh.KeyAlgoED25519,
		xssh.KeyAlgoECDSA256, xssh.KeyAlgoECDSA384, xssh.KeyAlgoECDSA521,
		xssh.KeyAlgoRSASHA512, xssh.KeyAlgoRSASHA256,
	}
}

// verify is called with the key that the server has proved to hold, before anything secret is sent.
func (v *verifier) verify(_ string, _ net.Addr, key xssh.PublicKey) error {
	plain := key
	if cert, ok := key.(*xssh.Certificate); ok {
		plain = cert.Key
	}
	if failure := v.listed(plain); failure != nil { // which nothing overrides
		return failure
	}
	failure := v.judge(key)
	if failure == nil {
		return nil
	}
	if v.s.hostKey != hostKeyIgnore {
		return failure
	}
	if failure.Kind != KindHostKeyUnknown {
		// As OpenSSH does without strict checking: go on, but no password to someone who may sit in the middle.
		v.doubt = failure
	}
	return nil
}

func (v *verifier) judge(key xssh.PublicKey) *Error {
	cert, certified := key.(*xssh.Certificate)
	if certified {
		key = cert.Key
	}
	if certified {
		failure := v.judgeCertificate(cert)
		if failure == nil || failure.Kind != KindHostKeyUnknown {
			return failure
		}
	}
	for _, known := range v.known {
		if status, entry := known.Check(key); status == knownhosts.Revoked {
			return v.revoked(key, entry.Place())
		}
	}
	for i, known := range v.known {
		status, entry := known.Check(key)
		switch {
		case status == knownhosts.Trusted:
			return nil
		case status == knownhosts.Changed && i == 0:
			return v.changed(key, entry)
		}
	}
	if v.s.hostKey == hostKeyAcceptNew {
		return v.record(key)
	}
	return v.unknown(key)
}

// listed fails if the key is among those that the configuration names as revoked.
func (v *verifier) listed(key xssh.PublicKey) *Error {
	if v.s.revokedKeys == "" {
		return nil
	}
	listed, err := knownhosts.Listed(v.s.revokedKeys, key)
	switch {
	case err != nil:
		return &Error{
			Kind: KindHostKeyRevoked, Cause: err, Message: err.Error(),
			Hint: "RevokedHostKeys in the ssh configuration must name a readable list of public keys, one a line.",
		}
	case listed:
		return v.revoked(key, v.s.revokedKeys)
	}
	return nil
}

func (v *verifier) judgeCertificate(cert *xssh.Certificate) *Error {
	host := v.s.address
	if v.s.hostKeyAlias != "" {
		host = v.s.hostKeyAlias
	}
	for _, known := range v.known {
		status, entry, err := known.CheckCertificate(cert, host)
		switch {
		case status == knownhosts.Trusted:
			return nil
		case status == knownhosts.Revoked:
			return v.revoked(cert.Key, entry.Place())
		case err != nil && entry.Key != nil:
			return &Error{
				Kind: KindHostKeyInvalid, Cause: err,
				Message: fmt.Sprintf("the host certificate of %s does not hold: %v", v.s.endpoint(), err),
				Hint:    fmt.Sprintf("It is signed by the authority in %s; have it issued anew.", entry.Place()),
			}
		}
	}
	return v.unknown(cert.Key)
}

// record adds a new key to the first known_hosts file.
func (v *verifier) record(key xssh.PublicKey) *Error {
	status, entry, err := knownhosts.Append(v.s.knownHosts[0], v.names[0], key, v.s.hashKnownHosts)
	switch {
	case err != nil:
		return &Error{
			Kind: KindHostKeyUnknown, Cause: err, Message: err.Error(),
			Hint: "With host_key = \"accept-new\" the first known_hosts file must be writable.",
		}
	case status == knownhosts.Changed:
		return v.changed(key, entry)
	case status == knownhosts.Revoked:
		return v.revoked(key, entry.Place())
	}
	return nil
}

func (v *verifier) unknown(key xssh.PublicKey) *Error {
	port := ""
	if v.s.port != knownhosts.DefaultPort {
		port = fmt.Sprintf("-p %d ", v.s.port)
	}
	return &Error{
		Kind:    KindHostKeyUnknown,
		Message: fmt.Sprintf("the host key of %s is not known: %s", v.s.endpoint(), describe(key)),
		Hint: fmt.Sprintf("Compare the fingerprint with the machine's own; then add the key with \"ssh-keyscan %s%s >> %s\", or set host_key = \"accept-new\".",
			port, v.s.address, v.s.knownHosts[0]),
	}
}

func (v *verifier) changed(key xssh.PublicKey, entry knownhosts.Entry) *Error {
	return &Error{
		Kind: KindHostKeyChanged,
		Message: fmt.Sprintf("the host key of %s has changed: it shows %s, but %s has %s",
			v.s.endpoint(), describe(key), entry.Place(), describe(entry.Key)),
		Hint: fmt.Sprintf("Someone may be in between. If the machine was set up anew, remove line %d of %s (\"ssh-keygen -f %s -R '%s'\") and add the new key.",
			entry.Line, entry.File, entry.File, v.names[0]),
	}
}

func (v *verifier) revoked(key xssh.PublicKey, place string) *Error {
	return &Error{
		Kind:    KindHostKeyRevoked,
		Message: fmt.Sprintf("the host key of %s is revoked: %s", v.s.endpoint(), describe(key)),
		Hint:    fmt.Sprintf("It is revoked in %s; give the machine a new key.", place),
	}
}

// describe shows a key as ssh-keygen -l does.
func describe(key xssh.PublicKey) string {
	return key.Type() + " " + xssh.FingerprintSHA256(key)
}
