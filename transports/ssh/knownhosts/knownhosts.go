// Package knownhosts reads and extends OpenSSH's known_hosts files: hashed and plain names, patterns with wildcards and
// negation, names with a port, @cert-authority and @revoked. It answers for one host at a time and reads the files
// anew for each, so that it sees what other programs append; keys are only decoded on the lines that match. As with
// OpenSSH, lines that cannot be understood are passed over and files that do not exist are empty.
//
// The reader that comes with golang.org/x/crypto gives up on a file for one bad line, takes a revocation for all hosts,
// an authority for a host's own key, and decodes every key of every line for each connection.
//
// This one is used by transports/ssh, which decides what an unknown or changed key means.
package knownhosts

import (
	"bufio"
	"bytes"
	"crypto/sha1" //nolint:gosec // the file format's own hash
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"

	"runner/agent/plain"
	"runner/transports/ssh/pattern"
)

// DefaultPort is the port that names in known_hosts leave out.
const DefaultPort = 22

// maxLine is the number of bytes of a line that is read; longer lines are passed over.
const maxLine = 64 << 10

// Entry is one line that speaks about a host.
type Entry struct {
	Key       ssh.PublicKey
	Authority bool // the key signs host certificates
	Revoked   bool
	File      string
	Line      int // from 1
}

// Place is where the entry stands, as file:line.
func (e Entry) Place() string { return e.File + ":" + strconv.Itoa(e.Line) }

// Known is what the files say about one host.
type Known []Entry

// Name is how known_hosts writes a host: in lower case, in brackets with its port where that is not 22.
func Name(host string, port int) string {
	host = strings.ToLower(host)
	if port == DefaultPort || port == 0 {
		return host
	}
	return "[" + host + "]:" + strconv.Itoa(port)
}

// Find returns all that the files say about a name, as Name writes it.
func Find(files []string, name string) (Known, error) {
	var known Known
	for _, file := range files {
		found, err := findIn(file, name)
		if err != nil {
			return nil, err
		}
		known = append(known, found...)
	}
	return known, nil
}

func findIn(file, name string) (Known, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read known hosts: %w", plain.Reading(err))
	}
	defer f.Close()
	known, err := scan(f, file, name)
	if err != nil {
		return nil, fmt.Errorf("cannot read known hosts: %w", plain.Reading(err))
	}
	return known, nil
}

func scan(r io.Reader, file, name string) (Known, error) {
	var known Known
	lines := bufio.NewReaderSize(r, maxLine)
	for number := 1; ; number++ {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = lines.ReadSlice('\n')
			}
			line = nil
		}
		if entry, ok := parse(line, name); ok {
			entry.File, entry.Line = file, number
			known = append(known, entry)
		}
		if errors.Is(err, io.EOF) {
			return known, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// parse reads one line, if it is about the name. Most lines are not, and a fleet has many: those are told apart without
// taking memory.
func parse(line []byte, name string) (Entry, bool) {
	var entry Entry
	hosts, rest := cutField(line)
	switch {
	case len(hosts) == 0:
		return Entry{}, false
	case string(hosts) == "@cert-authority":
		entry.Authority = true
		hosts, rest = cutField(rest)
	case string(hosts) == "@revoked":
		entry.Revoked = true
		hosts, rest = cutField(rest)
	}
	if len(hosts) == 0 || hosts[0] == '@' || hosts[0] == '#' || !speaksOf(hosts, name) {
		return Entry{}, false
	}
	kind, rest := cutField(rest)
	encoded, _ := cutField(rest)
	blob, err := base64.StdEncoding.AppendDecode(nil, encoded)
	if err != nil {
		return Entry{}, false
	}
	entry.Key, err = ssh.ParsePublicKey(blob)
	if err != nil || entry.Key.Type() != string(kind) {
		return Entry{}, false
	}
	return entry, true
}

// cutField takes the first field off a line.
func cutField(line []byte) (field, rest []byte) {
	const space = " \t\r\n"
	line = bytes.TrimLeft(line, space)
	if end := bytes.IndexAny(line, space); end >= 0 {
		return line[:end], line[end:]
	}
	return line, nil
}

// speaksOf tells whether the first field of a line covers the name.
func speaksOf(hosts []byte, name string) bool {
	if hosts[0] == '|' {
		return hashedMatch(hosts, name)
	}
	return pattern.MatchHost(string(hosts), name)
}

// hashedMatch compares a field such as |1|salt|sum, both in base64.
func hashedMatch(field []byte, name string) bool {
	encoded, ok := bytes.CutPrefix(field, []byte("|1|"))
	if !ok {
		return false
	}
	salt, sum, _ := bytes.Cut(encoded, []byte("|"))
	var a, b [64]byte // far more than any sum takes
	if len(salt) > len(a) || len(sum) > len(b) {
		return false
	}
	n, err := base64.StdEncoding.Decode(a[:], salt)
	m, err2 := base64.StdEncoding.Decode(b[:], sum)
	if err != nil || err2 != nil || m != sha1.Size {
		return false
	}
	return [sha1.Size]byte(b[:sha1.Size]) == hash(name, a[:n])
}

// hash is HMAC-SHA1 (RFC 2104) keyed with at most 64 bytes of salt. The library's takes memory, for each line anew.
func hash(name string, salt []byte) [sha1.Size]byte {
	var inner, outer [sha1.BlockSize + 256]byte
	copy(inner[:], salt)
	copy(outer[:], salt)
	for i := range sha1.BlockSize {
		inner[i] ^= 0x36
		outer[i] ^= 0x5c
	}
	text := append(inner[:sha1.BlockSize], name...)
	sum := sha1.Sum(text)                                      //nolint:gosec // the file format's own hash
	return sha1.Sum(append(outer[:sha1.BlockSize], sum[:]...)) //nolint:gosec // as above
}

// Status is what is known about a key that a host presents.
type Status int

// What can be known.
const (
	Unknown Status = iota // nothing is known about the host
	Trusted
	Changed // another key is known for the host
	Revoked
)

// Check tells what is known about a plain key (not a certificate), and the entry that says so: for a changed key the
// one of the same type, if there is one.
func (k Known) Check(key ssh.PublicKey) (Status, Entry) {
	status, blame := Unknown, Entry{}
	for _, e := range k {
		same := bytes.Equal(e.Key.Marshal(), key.Marshal())
		switch {
		case e.Revoked && same:
			return Revoked, e
		case e.Revoked || e.Authority || status == Trusted:
		case same:
			status, blame = Trusted, e
		case status == Unknown || e.Key.Type() == key.Type() && blame.Key.Type() != key.Type():
			status, blame = Changed, e
		}
	}
	return status, blame
}

// ErrNoAuthority tells that no known authority has signed a certificate.
var ErrNoAuthority = errors.New("no known authority has signed the host's certificate")

// CheckCertificate verifies a host certificate for a host, by the authorities that are known for it. A revoked key or
// authority gives the status Revoked and the entry that says so.
func (k Known) CheckCertificate(cert *ssh.Certificate, host string) (Status, Entry, error) {
	for _, key := range []ssh.PublicKey{cert.Key, cert.SignatureKey} {
		if status, e := k.Check(key); status == Revoked {
			return Revoked, e, nil
		}
	}
	for _, e := range k {
		if !e.Authority || !bytes.Equal(e.Key.Marshal(), cert.SignatureKey.Marshal()) {
			continue
		}
		if cert.CertType != ssh.HostCert {
			return Unknown, e, errors.New("the certificate is one for users, not for hosts")
		}
		// Principals of host certificates may be patterns, which the checker does not know: it is given the one that fits.
		principal := host
		for _, p := range cert.ValidPrincipals {
			if pattern.MatchHost(p, host) {
				principal = p
			}
		}
		if err := new(ssh.CertChecker).CheckCert(principal, cert); err != nil {
			return Unknown, e, err
		}
		return Trusted, e, nil
	}
	return Unknown, Entry{}, ErrNoAuthority
}

// Listed tells whether a key is in a file of public keys, one a line, such as RevokedHostKeys names. Like OpenSSH, it
// fails where the file cannot be read: nothing may be trusted then.
func Listed(file string, key ssh.PublicKey) (bool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return false, fmt.Errorf("cannot read revoked keys: %w", plain.Reading(err))
	}
	if bytes.HasPrefix(text, []byte("SSHKRL\n")) {
		return false, fmt.Errorf("cannot read revoked keys: %s is a binary revocation list", file)
	}
	for line := range bytes.Lines(text) {
		if listed, _, _, _, err := ssh.ParseAuthorizedKey(line); err == nil && bytes.Equal(listed.Marshal(), key.Marshal()) {
			return true, nil
		}
	}
	return false, nil
}

// Algorithms lists the host key algorithms that lead to a key that is known, certificates first.
func (k Known) Algorithms() []string {
	var certificates, plain []string
	for _, e := range k {
		switch {
		case e.Revoked:
		case e.Authority:
			// The type of an authority's key says nothing about the types of the keys that it signs.
			certificates = CertificateAlgorithms()
		case e.Key.Type() == ssh.KeyAlgoRSA:
			plain = append(plain, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256)
		default:
			plain = append(plain, e.Key.Type())
		}
	}
	return append(certificates, plain...)
}

// CertificateAlgorithms lists the algorithms of host certificates, best first.
func CertificateAlgorithms() []string {
	return []string{
		ssh.CertAlgoED25519v01,
		ssh.CertAlgoECDSA256v01, ssh.CertAlgoECDSA384v01, ssh.CertAlgoECDSA521v01,
		ssh.CertAlgoRSASHA512v01, ssh.CertAlgoRSASHA256v01,
	}
}
