package keys

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	"golang.org/x/crypto/ssh"

	"runner/agent/plain"
)

// Store reads key files once for all connections: to parse an RSA key takes ten milliseconds and more, to open a
// protected one a hundred. It is safe for concurrent use.
type Store struct {
	mu    sync.Mutex
	files map[reference]func() keyFile
}

type reference struct{ path, passphrase string }

// NewStore returns a store that has read nothing yet.
func NewStore() *Store {
	return &Store{files: map[reference]func() keyFile{}}
}

func (s *Store) read(path, passphrase string) keyFile {
	ref := reference{path, passphrase}
	s.mu.Lock()
	load, ok := s.files[ref]
	if !ok {
		load = sync.OnceValue(func() keyFile { return readKeyFile(path, passphrase) })
		s.files[ref] = load
	}
	s.mu.Unlock()
	return load()
}

// keyFile is what a file has given: a private key, or a public one whose private half the agent may hold.
type keyFile struct {
	public  ssh.PublicKey // nil: nothing to offer
	signer  ssh.Signer    // nil: the private half is not here
	fault   string        // why it cannot be used, or not by itself
	missing bool          // there is no such file
}

func readKeyFile(path, passphrase string) keyFile {
	data, err := readFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		file := keyFile{missing: true}
		if file.public = readPublic(path + ".pub"); file.public == nil {
			file.fault = path + " does not exist"
		}
		return file
	}
	if err != nil {
		return keyFile{fault: plain.File(path, err)}
	}
	signer, err := ssh.ParsePrivateKey(data)
	if err == nil {
		return keyFile{public: signer.PublicKey(), signer: signer}
	}
	if locked, ok := errors.AsType[*ssh.PassphraseMissingError](err); ok {
		return protectedKey(path, data, locked.PublicKey, passphrase)
	}
	if public, _, _, _, failed := ssh.ParseAuthorizedKey(data); failed == nil {
		return keyFile{public: public}
	}
	// Of a hardware key only the public half is of use: the agent may know how to sign with it.
	return keyFile{
		public: readPublic(path + ".pub"),
		fault:  fmt.Sprintf("%s is no private key that can be used here: %v", path, err),
	}
}

// protectedKey is a key whose passphrase is only used when a server accepts the key.
func protectedKey(path string, data []byte, public ssh.PublicKey, passphrase string) keyFile {
	if public == nil {
		public = readPublic(path + ".pub")
	}
	switch {
	case public != nil:
		return keyFile{public: public, signer: newProtectedSigner(path, data, public, passphrase)}
	case passphrase == "":
		return keyFile{fault: path + " needs a passphrase and none is configured"}
	}
	// An old format that hides even the public half.
	signer, err := ssh.ParsePrivateKeyWithPassphrase(data, []byte(passphrase))
	if err != nil {
		return keyFile{fault: "the passphrase does not open " + path}
	}
	return keyFile{public: signer.PublicKey(), signer: signer}
}

// readPublic reads a public key or a certificate. It returns nil where there is none.
func readPublic(path string) ssh.PublicKey {
	data, err := readFile(path)
	if err != nil {
		return nil
	}
	public, _, _, _, err := ssh.ParseAuthorizedKey(data)
	if err != nil {
		return nil
	}
	return public
}

// maxKeyFile is far more than any key takes, in bytes.
const maxKeyFile = 1 << 20

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxKeyFile))
}

// PassphraseError tells why a protected key, which the server accepts, did not sign.
type PassphraseError struct {
	Path    string
	Missing bool // none is configured
}

func (e *PassphraseError) Error() string {
	if e.Missing {
		return fmt.Sprintf("the server accepts %s, but it needs a passphrase and none is configured", e.Path)
	}
	return fmt.Sprintf("the server accepts %s, but the passphrase does not open it", e.Path)
}

// protectedSigner opens its key when the first signature is asked of it.
type protectedSigner struct {
	public ssh.PublicKey
	open   func() (ssh.Signer, error)
}

func newProtectedSigner(path string, data []byte, public ssh.PublicKey, passphrase string) *protectedSigner {
	return &protectedSigner{public: public, open: sync.OnceValues(func() (ssh.Signer, error) {
		if passphrase == "" {
			return nil, &PassphraseError{Path: path, Missing: true}
		}
		signer, err := ssh.ParsePrivateKeyWithPassphrase(data, []byte(passphrase))
		if err != nil {
			return nil, &PassphraseError{Path: path}
		}
		return signer, nil
	})}
}

// PublicKey is known without the passphrase.
func (p *protectedSigner) PublicKey() ssh.PublicKey { return p.public }

// Sign signs with the key's own algorithm.
func (p *protectedSigner) Sign(rand io.Reader, data []byte) (*ssh.Signature, error) {
	return p.SignWithAlgorithm(rand, data, "")
}

// SignWithAlgorithm signs; an empty algorithm is the key's own.
func (p *protectedSigner) SignWithAlgorithm(rand io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	signer, err := p.open()
	if err != nil {
		return nil, err
	}
	return Sign(signer, rand, data, algorithm)
}

// Sign signs with an algorithm where a key has several; an empty one is the key's own.
func Sign(signer ssh.Signer, rand io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	if with, ok := signer.(ssh.AlgorithmSigner); ok && algorithm != "" {
		return with.SignWithAlgorithm(rand, data, algorithm)
	}
	return signer.Sign(rand, data)
}
