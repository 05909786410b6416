package accounts

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"

	"runner/agent/action/given"
	"runner/agent/schema"
)

// AuthorizedKeySchema describes AuthorizedKey.
func AuthorizedKeySchema() schema.Block {
	return schema.Block{
		Name: "authorized_key",
		Doc: "Makes sure that a user can log in with keys, or cannot any more. A key is known by its type and its base64: where it is there with other options or another comment, its line is replaced, " +
			"and where it is there twice, once is enough. All other lines stay as they are. The directory `~/.ssh` is made with the mode 0700 and the file with 0600, both the user's. A link in the way that the user could have put there, to what is " +
			"not the user's, is an error, and so is a file in the user's directory that belongs to somebody else.",
		Arguments: []schema.Attribute{
			{Name: "user", Type: schema.String, Required: true, Doc: "Who can log in."},
			{Name: "key", Type: schema.String, Required: true, Doc: "One key or several, each on a line as in a file `id_ed25519.pub`: options, if there are any, type, base64 and comment. Empty lines and those that begin with `#` count as none."},
			{Name: "options", Type: schema.String, Doc: "What to put before each key in place of its own options, such as `from=\"10.0.0.0/8\",no-pty`; `\"\"` for none."},
			{Name: "exclusive", Type: schema.Bool, Doc: "Other keys in the file are removed."},
			{Name: "path", Type: schema.Path, Doc: "The file, if it is not `~/.ssh/authorized_keys` of the user. Its directory must be there."},
			{Name: "state", Type: schema.String, OneOf: []string{"present", "absent"}, Doc: "`present` (unless set), or `absent`."},
		},
		Results: []schema.Attribute{
			{Name: "user", Type: schema.String, Doc: "The user as given."},
			{Name: "path", Type: schema.String, Doc: "The file that the keys are in."},
		},
		Environ: &schema.Reach{Quote: true},
		Example: `task "authorized_key" "laptop" {
  run_as = "root"
  user   = "publisher"
  key    = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICKLSKVtvC7PEDkyJ6ycnclDiB/XpVRS4SoJEHR2vvKy ann@laptop"
}

task "authorized_key" "robots" {
  run_as    = "root"
  user      = "publisher"
  path      = "/home/publisher/.ssh/robots"
  exclusive = true
  options   = "restrict,command=\"publish\""
  key       = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIF+xZ54IZ0BZty4nHYkCwRoSe7UwGwVdx3+gOTKtpWpW ci"
}

task "authorized_key" "lost" {
  run_as = "root"
  user   = "publisher"
  state  = "absent"
  key    = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMrrphImPKA+NFKOfxQpM2I/xCwKxleQugnhpON6rRXB"
}`,
		Check: func(m map[string]any) error {
			g := given.Args(m)
			err := errors.Join(accountName(g, "user", "user"), g.State(), g.WithoutSlash("path", "file"), checkKeys(g), checkOptions(g))
			if g.Removes() {
				err = errors.Join(err, g.Absent("options", "exclusive"))
			}
			return err
		},
	}
}

func checkOptions(g given.Args) error {
	const key = "ssh-x x" // would be found behind good ones
	s, _ := g.Text("options")
	if strings.ContainsAny(s, "\r\n\x00") || s != strings.TrimSpace(s) || keyOf(s+" "+key) != key {
		return given.Wrong("options", "options must be on one line, with commas between them, no spaces outside of quotes, and no quote that is not closed.")
	}
	return nil
}

// checkKeys tells whether each line is a public key: its base64 says the type once more.
func checkKeys(g given.Args) error {
	text, known := g.Text("key")
	if !known {
		return nil
	}
	if strings.Contains(text, "PRIVATE KEY-----") {
		return given.Wrong("key", "key must be the public key, which is in the file that ends in .pub: this is the private one.")
	}
	keys := 0
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if !isKey(line) {
			return given.Wrong("key", "Line %d of key is no public key: a type such as ssh-ed25519 and its base64 are expected, as in a file that ends in .pub.", i+1)
		}
		keys++
	}
	if keys == 0 {
		return given.Wrong("key", "key must hold at least one public key.")
	}
	return nil
}

func isKey(line string) bool {
	fields := strings.Fields(keyOf(line))
	if len(fields) != 2 || strings.ContainsRune(line, 0) {
		return false
	}
	kind := fields[0]
	blob, err := base64.StdEncoding.DecodeString(fields[1])
	const prefix = 4 // the length of a part, before it
	parts := 0
	for ; err == nil && len(blob) >= prefix; parts++ {
		end := prefix + int(binary.BigEndian.Uint32(blob))
		if end > len(blob) || parts == 0 && string(blob[prefix:end]) != kind {
			return false
		}
		blob = blob[end:]
	}
	return err == nil && len(blob) == 0 && parts > 1
}
