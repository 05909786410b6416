package vault

import (
	"errors"
	"testing"
)

// What ansible-vault encrypt_string made of "s3cret" with the password "correct horse".
const encrypted = `$ANSIBLE_VAULT;1.1;AES256
32396433663636646631643638383437386364333963363937303066633062613663366439333934
6265653266616234376461356136306566633430643838660a663439653133383032633833613237
62353131306235353064633636303735376566383532333933343462313438393738356265386363
6434343231333935320a336234633162333563636531633031643236316232343165653966306637
3939
`

func TestDecrypt(t *testing.T) {
	keys := Keys{Passwords: map[string]string{"prod": "wrong", DefaultID: "correct horse"}}
	if got, err := keys.Decrypt(encrypted); got != "s3cret" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := keys.Decrypt("$ANSIBLE_VAULT;1.2;AES256;prod" + encrypted[len("$ANSIBLE_VAULT;1.1;AES256"):]); got != "s3cret" || err != nil {
		t.Errorf("with an id: %q, %v", got, err)
	}
	damaged := []byte(encrypted)
	damaged[len(damaged)-2]--
	for text, want := range map[string]error{
		string(damaged):                    ErrPassword,
		"$ANSIBLE_VAULT;1.1;AES256\n":      ErrFormat,
		"$ANSIBLE_VAULT;1.1;AES256\nzz\n":  ErrFormat,
		"$ANSIBLE_VAULT;1.1;AES256\n616\n": ErrFormat,
		"$ANSIBLE_VAULT;1.0;AES\n6162\n":   ErrVersion,
		"$ANSIBLE_VAULT;1.1\n":             ErrFormat,
	} {
		if _, err := keys.Decrypt(text); !errors.Is(err, want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := (&Keys{}).Decrypt(encrypted); !errors.Is(err, ErrNoPassword) {
		t.Errorf("without a password: %v", err)
	}
}

// FuzzDecrypt decrypts anything.
func FuzzDecrypt(f *testing.F) {
	f.Add(encrypted)
	f.Add("$ANSIBLE_VAULT;1.2;AES256;id\n6162\n")
	f.Fuzz(func(t *testing.T, text string) {
		keys := Keys{Passwords: map[string]string{DefaultID: "x"}}
		if out, err := keys.Decrypt(text); (err == nil) == (out == "" && text == "") && err == nil {
			t.Error("nothing was decrypted")
		}
	})
}
