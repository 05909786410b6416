package saved

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
)

// Recipients are those that --seal-to names: one, or those in a file.
func Recipients(text string) ([]age.Recipient, error) {
	switch {
	case strings.HasPrefix(text, "ssh-"):
		r, err := agessh.ParseRecipient(text)
		if err != nil {
			return nil, errors.New("this is no ssh public key of type ed25519 or rsa")
		}
		return []age.Recipient{r}, nil
	case strings.HasPrefix(text, "age1"):
		r, err := age.ParseRecipients(strings.NewReader(text))
		if err != nil {
			return nil, errors.New("this is no age recipient")
		}
		return r, nil
	}
	content, err := os.ReadFile(text)
	if err != nil {
		return nil, errors.New("this is neither an age recipient, nor an ssh public key, nor a file of them that can be read")
	}
	var out []age.Recipient
	for line := range strings.Lines(string(content)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if !strings.HasPrefix(line, "ssh-") && !strings.HasPrefix(line, "age1") {
			return nil, errors.New("a line of the file is neither an age recipient nor an ssh public key")
		}
		r, err := Recipients(line)
		if err != nil {
			return nil, err
		}
		out = append(out, r...)
	}
	if len(out) == 0 {
		return nil, errors.New("the file has no recipients")
	}
	return out, nil
}

// identities reads those that open sealed files.
func identities(names []string) ([]age.Identity, error) {
	var out []age.Identity
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("--identity %s: the file cannot be read", name)
		}
		if strings.HasPrefix(string(content), "-----BEGIN") {
			id, err := agessh.ParseIdentity(content)
			if err != nil {
				return nil, fmt.Errorf("--identity %s: this is no ssh private key without a passphrase", name)
			}
			out = append(out, id)
			continue
		}
		ids, err := age.ParseIdentities(strings.NewReader(string(content)))
		if err != nil {
			return nil, fmt.Errorf("--identity %s: this is neither a file of age identities nor an ssh private key", name)
		}
		out = append(out, ids...)
	}
	return out, nil
}
