// Package vault decrypts what ansible-vault has encrypted: texts that begin with $ANSIBLE_VAULT;1.1;AES256 or, with an id,
// $ANSIBLE_VAULT;1.2;AES256;ID. The format is that of Ansible's documentation: the rest is the hexadecimal form of three
// lines, which are the hexadecimal forms of a salt, of an HMAC-SHA256 of the ciphertext, and of the ciphertext, which is
// AES-256 in counter mode over a text padded as PKCS #7 says. Package ansible is what calls it. It encrypts nothing.
package vault

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"strings"
)

const (
	header     = "$ANSIBLE_VAULT;"
	iterations = 10_000
	keySize    = 32
)

// DefaultID is the id under which a password is used for texts without an id, or with one that has no password.
const DefaultID = "default"

// maxPasswords bounds how many passwords are tried for one text: each costs milliseconds.
const maxPasswords = 16

// Why a text cannot be decrypted, as the end of a sentence about it.
var (
	ErrFormat     = errors.New("it is not in the format of ansible-vault")
	ErrVersion    = errors.New("its version of ansible-vault's format is not known: 1.1 and 1.2 with AES256 are")
	ErrNoPassword = errors.New("there is no password for it")
	ErrPassword   = errors.New("no password given is the right one, or it is damaged")
)

// Is says whether a text was encrypted.
func Is(text string) bool { return strings.HasPrefix(text, header) }

// Keys decrypts with some passwords. It keeps the keys that it derives, for one salt may come again. It is used by one
// goroutine at a time.
type Keys struct {
	Passwords map[string]string // by id
	derived   map[string][]byte // by salt and password
	tries     int
}

// maxTries bounds the derivations of one inventory.
const maxTries = 2000

// ErrTooMany is returned when there are more encrypted texts than anybody has.
var ErrTooMany = errors.New("more than 2000 texts of the inventory are encrypted")

// Decrypt returns what an encrypted text stands for. The password of its own id is tried first, then the others, as
// Ansible does.
func (k *Keys) Decrypt(text string) (string, error) {
	first, rest, _ := strings.Cut(strings.TrimSpace(text), "\n")
	fields := strings.Split(strings.TrimSpace(first), ";")
	if len(fields) < 3 {
		return "", ErrFormat
	}
	if fields[1] != "1.1" && fields[1] != "1.2" || fields[2] != "AES256" {
		return "", ErrVersion
	}
	id := DefaultID
	if len(fields) > 3 {
		id = fields[3]
	}
	salt, mac, ciphertext, err := parse(rest)
	if err != nil {
		return "", err
	}
	order := k.order(id)
	if len(order) == 0 {
		return "", ErrNoPassword
	}
	for _, password := range order {
		keys, err := k.derive(password, salt)
		if err != nil {
			return "", err
		}
		h := hmac.New(sha256.New, keys[keySize:2*keySize])
		h.Write(ciphertext)
		if hmac.Equal(h.Sum(nil), mac) {
			return open(keys, ciphertext)
		}
	}
	return "", ErrPassword
}

// IDOf is the id that an encrypted text names, "" if none.
func IDOf(text string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	if fields := strings.Split(strings.TrimSpace(first), ";"); len(fields) > 3 {
		return fields[3]
	}
	return ""
}

// order lists the passwords to try.
func (k *Keys) order(id string) []string {
	var out []string
	if password, ok := k.Passwords[id]; ok {
		out = append(out, password)
	}
	for _, other := range slices.Sorted(maps.Keys(k.Passwords)) {
		if other != id && len(out) < maxPasswords {
			out = append(out, k.Passwords[other])
		}
	}
	return out
}

// parse takes the body apart.
func parse(body string) (salt, mac, ciphertext []byte, err error) {
	joined := strings.Join(strings.Fields(body), "")
	inner, err := hex.DecodeString(joined)
	if err != nil {
		return nil, nil, nil, ErrFormat
	}
	parts := bytes.Split(inner, []byte("\n"))
	if len(parts) != 3 {
		return nil, nil, nil, ErrFormat
	}
	for i, part := range parts {
		if parts[i], err = hex.DecodeString(string(part)); err != nil {
			return nil, nil, nil, ErrFormat
		}
	}
	return parts[0], parts[1], parts[2], nil
}

func (k *Keys) derive(password string, salt []byte) ([]byte, error) {
	name := string(salt) + "\x00" + password
	if keys := k.derived[name]; keys != nil {
		return keys, nil
	}
	if k.tries++; k.tries > maxTries {
		return nil, ErrTooMany
	}
	keys, err := pbkdf2.Key(sha256.New, password, salt, iterations, 2*keySize+aes.BlockSize)
	if err != nil {
		return nil, ErrFormat
	}
	if k.derived == nil {
		k.derived = map[string][]byte{}
	}
	k.derived[name] = keys
	return keys, nil
}

// open decrypts, with keys that were found to be right.
func open(keys, ciphertext []byte) (string, error) {
	block, err := aes.NewCipher(keys[:keySize])
	if err != nil {
		return "", ErrFormat
	}
	out := make([]byte, len(ciphertext))
	cipher.NewCTR(block, keys[2*keySize:]).XORKeyStream(out, ciphertext)
	if len(out) == 0 || len(out)%aes.BlockSize != 0 {
		return "", ErrFormat
	}
	padding := int(out[len(out)-1])
	if padding == 0 || padding > aes.BlockSize {
		return "", ErrFormat
	}
	return string(out[:len(out)-padding]), nil
}
