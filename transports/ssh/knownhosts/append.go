package knownhosts

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"runner/agent/plain"
)

// Append records a host's key at the end of a file, which is made where it does not exist, as is its directory. Under
// the file's lock it looks again: what another run has recorded meanwhile is not recorded twice, and a different key
// is not added beside it. It returns what is then known of the key: Trusted unless another run was faster.
func Append(file, name string, key ssh.PublicKey, hashed bool) (Status, Entry, error) {
	status, entry, err := appendLocked(file, name, key, hashed)
	if err != nil {
		return Unknown, Entry{}, fmt.Errorf("cannot record the host key in %q: %w", file, plain.Cause(err))
	}
	return status, entry, nil
}

func appendLocked(file, name string, key ssh.PublicKey, hashed bool) (status Status, entry Entry, err error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return Unknown, Entry{}, err
	}
	f, err := os.OpenFile(file, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return Unknown, Entry{}, err
	}
	defer func() { err = errors.Join(err, f.Close()) }() // gives the lock back too
	if err := lock(f); err != nil {
		return Unknown, Entry{}, err
	}
	known, err := scan(f, file, name)
	if err != nil {
		return Unknown, Entry{}, err
	}
	if status, entry := known.Check(key); status != Unknown {
		return status, entry, nil
	}
	line, err := newLine(name, key, hashed)
	if err != nil {
		return Unknown, Entry{}, err
	}
	if open, err := unterminated(f); err != nil {
		return Unknown, Entry{}, err
	} else if open {
		line = append([]byte{'\n'}, line...)
	}
	// One write: OpenSSH's client appends to this file without any lock.
	if _, err := f.Write(line); err != nil {
		return Unknown, Entry{}, err
	}
	return Trusted, Entry{Key: key, File: file}, nil
}

func lock(f *os.File) error {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// unterminated tells whether the last line lacks its end.
func unterminated(f *os.File) (bool, error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil || size == 0 {
		return false, err
	}
	var last [1]byte
	_, err = f.ReadAt(last[:], size-1)
	return last[0] != '\n', err
}

func newLine(name string, key ssh.PublicKey, hashed bool) ([]byte, error) {
	if hashed {
		salt := make([]byte, 20) // the length of the hash, as OpenSSH chooses it
		if _, err := rand.Read(salt); err != nil {
			return nil, err
		}
		sum := hash(name, salt)
		name = "|1|" + base64.StdEncoding.EncodeToString(salt) + "|" + base64.StdEncoding.EncodeToString(sum[:])
	}
	var line bytes.Buffer
	fmt.Fprintf(&line, "%s %s", name, ssh.MarshalAuthorizedKey(key)) // which ends the line
	return line.Bytes(), nil
}
