package ssh

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	xssh "golang.org/x/crypto/ssh"
)

// keyStore reads key files once for all connections: to parse an RSA key takes ten milliseconds and more, to open a
// protected one a hundred.
type keyStore struct {
	mu    sync.Mutex
	files map[keyRef]func() keyFile
}

type keyRef struct{ path, passphrase string }

func (s *keyStore) read(path, passphrase string) keyFile {
	ref := keyRef{path, passphrase}
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
	public  xssh.PublicKey // nil: nothing to offer
	signer  xssh.Signer    // nil: the private half is not here
	fault   string         // why it cannot be used, or not by itself
	missing bool           // there is no such file
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
		return keyFile{fault: err.Error()}
	}
	signer, err := xssh.ParsePrivateKey(data)
	if err == nil {
		return keyFile{public: signer.PublicKey(), signer: signer}
	}
	if locked, ok := errors.AsType[*xssh.PassphraseMissingError](err); ok {
		return protectedKey(path, data, locked.PublicKey, passphrase)
	}
	if public, _, _, _, failed := xssh.ParseAuthorizedKey(data); failed == nil {
		return keyFile{public: public}
	}
	// Of a hardware key only the public half is of use: the agent may know how to sign with it.
	return keyFile{
		public: readPublic(path + ".pub"),
		fault:  fmt.Sprintf("%s is no private key that can be used here: %v", path, err),
	}
}

// protectedKey is a key whose passphrase is only used when a server accepts the key.
func protectedKey(path string, data []byte, public xssh.PublicKey, passphrase string) keyFile {
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
	signer, err := xssh.ParsePrivateKeyWithPassphrase(data, []byte(passphrase))
	if err != nil {
		return keyFile{fault: "the passphrase does not open " + path}
	}
	return keyFile{public: signer.PublicKey(), signer: signer}
}

// readPublic reads a public key or a certificate. It returns nil where there is none.
func readPublic(path string) xssh.PublicKey {
	data, err := readFile(path)
	if err != nil {
		return nil
	}
	public, _, _, _, err := xssh.ParseAuthorizedKey(data)
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

// passphraseError tells why a protected key did not sign.
type passphraseError struct {
	path    string
	missing bool
}

func (e *passphraseError) Error() string {
	if e.missing {
		return fmt.Sprintf("the server accepts %s, but it needs a passphrase and none is configured", e.path)
	}
	return fmt.Sprintf("the server accepts %s, but the passphrase does not open it", e.path)
}

// protectedSigner opens its key when the first signature is asked of it.
type protectedSigner struct {
	public xssh.PublicKey
	open   func() (xssh.Signer, error)
}

func newProtectedSigner(path string, data []byte, public xssh.PublicKey, passphrase string) *protectedSigner {
	return &protectedSigner{public: public, open: sync.OnceValues(func() (xssh.Signer, error) {
		if passphrase == "" {
			return nil, &passphraseError{path: path, missing: true}
		}
		signer, err := xssh.ParsePrivateKeyWithPassphrase(data, []byte(passphrase))
		if err != nil {
			return nil, &passphraseError{path: path}
		}
		return signer, nil
	})}
}

// PublicKey is known without the passphrase.
func (p *protectedSigner) PublicKey() xssh.PublicKey { return p.public }

// Sign signs with the key's own algorithm.
func (p *protectedSigner) Sign(rand io.Reader, data []byte) (*xssh.Signature, error) {
	return p.SignWithAlgorithm(rand, data, "")
}

// SignWithAlgorithm signs; an empty algorithm is the key's own.
func (p *protectedSigner) SignWithAlgorithm(rand io.Reader, data []byte, algorithm string) (*xssh.Signature, error) {
	signer, err := p.open()
	if err != nil {
		return nil, err
	}
	return sign(signer, rand, data, algorithm)
}

func sign(signer xssh.Signer, rand io.Reader, data []byte, algorithm string) (*xssh.Signature, error) {
	if with, ok := signer.(xssh.AlgorithmSigner); ok && algorithm != "" {
		return with.SignWithAlgorithm(rand, data, algorithm)
	}
	return signer.Sign(rand, data)
}
