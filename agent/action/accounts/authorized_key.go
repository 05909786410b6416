package accounts

import (
	"context"
	"strings"

	"runner/agent/action"
	"runner/agent/action/files"
	"runner/agent/view"
	"runner/agent/wire"
)

// AuthorizedKey is the action authorized_key.
type AuthorizedKey struct {
	User      string  `cbor:"user"`
	Key       string  `cbor:"key"`
	Options   *string `cbor:"options"`
	Exclusive bool    `cbor:"exclusive"`
	Path      string  `cbor:"path"`
	State     string  `cbor:"state"`
}

// Parts are the directory and the file, which hold the keys that are wanted.
func (k *AuthorizedKey) Parts(_ context.Context, env *action.Env) ([]action.Part, error) {
	user, err := env.View.Account(k.User)
	if action.IsUnknown(err) {
		return nil, err
	}
	if err != nil {
		return nil, noUser(err, "change the keys of "+k.User)
	}
	access := action.Access{Mode: "0600", Owner: k.User, Group: user[gidField]}
	if access.Group == "" { // planned, with a group of its own
		access.Group = k.User
	}
	var parts []action.Part
	if k.Path == "" {
		home := user[homeField]
		if k.State != "absent" && !env.View.Directory(home) {
			return nil, action.Problem("Make it with a task before this one, or name another file with path.",
				"cannot change the keys of %s: its home directory %s does not exist", k.User, home)
		}
		dir := strings.TrimRight(home, "/") + "/.ssh"
		k.Path = dir + "/authorized_keys"
		mine := access
		mine.Mode = "0700"
		made := &files.Directory{Path: dir, Access: mine}
		parts = append(parts, action.Part{Action: made, Undo: func(_ context.Context, env *action.Env) { made.Unmake(env) }})
	}
	file := files.Edited(k.Path, files.Edit{Change: k.keys, Create: true, Trust: func(p *view.Place) error { return k.trust(env, p) }})
	file.Access = access
	if k.State == "absent" {
		parts, file.Access = nil, action.Access{}
	}
	return append(parts, action.Part{Action: file}), nil
}

// Describe gives the results.
func (k *AuthorizedKey) Describe(out *action.Outcome) {
	if _, made := out.After["parents"]; made || out.Change.Verb == wire.VerbCreate {
		delete(out.After, "path") // more than that is new
		out.After["file"] = k.Path
	}
	out.Values = action.Texts("user", k.User, "path", k.Path)
}

// trust tells whether a file may be read for the user to see: where others than root make entries, one that is not the
// user's could be a second name of anything.
func (k *AuthorizedKey) trust(env *action.Env, p *view.Place) error {
	uid, err := env.View.User(k.User)
	if err != nil || !p.Exposed() && p.Parent.UID != uid || p.Entry.UID == uid {
		return nil //nolint:nilerr // a planned user owns nothing yet
	}
	return action.Problem("Look where it comes from, and remove it or give it to the user.",
		"cannot change the keys of %s: %s belongs to %s, and somebody else than root could have put it there", k.User, k.Path, env.View.UserName(p.Entry.UID))
}

// keys lays the wanted keys over those that are there.
func (k *AuthorizedKey) keys(old []byte) ([]byte, error) {
	absent := k.State == "absent"
	if old == nil && absent {
		return nil, nil
	}
	var order []string
	want := map[string]string{} // lines, by their key
	given, there := strings.Split(k.Key, "\n"), strings.Split(strings.TrimSuffix(string(old), "\n"), "\n")
	for _, text := range given {
		text = strings.TrimSpace(text)
		key := keyOf(text)
		if key == "" {
			continue
		}
		if k.Options != nil {
			text = strings.TrimSpace(*k.Options + " " + text[strings.Index(text, key):])
		}
		order, want[key] = append(order, key), text
	}
	out := []byte{}
	add := func(text string) { out = append(append(out, text...), '\n') }
	done := map[string]bool{}
	once := func(key string) {
		if !done[key] && !absent {
			add(want[key])
		}
		done[key] = true
	}
	for _, text := range there {
		text = strings.TrimSuffix(text, "\r")
		switch key := keyOf(text); {
		case want[key] != "":
			once(key)
		case len(old) > 0 && (key == "" || !k.Exclusive || absent):
			add(text)
		}
	}
	for _, key := range order {
		once(key)
	}
	return out, nil
}

// keyOf returns the type and the key of a line of authorized_keys, without the options before them and the comment behind
// them; "" where it has none.
func keyOf(text string) string {
	text = strings.TrimLeft(text, " \t")
	for range 2 {
		if strings.HasPrefix(text, "#") {
			return ""
		}
		end := fieldEnd(text)
		if kind := text[:end]; strings.HasPrefix(kind, "ssh-") || strings.HasPrefix(kind, "ecdsa-") || strings.HasPrefix(kind, "sk-") {
			rest := strings.TrimLeft(text[end:], " \t")
			key := rest[:fieldEnd(rest)]
			if key == "" {
				return ""
			}
			return text[:len(text)-len(rest)+len(key)]
		}
		text = strings.TrimLeft(text[end:], " \t")
	}
	return ""
}

// fieldEnd is where the first field of a text ends: at a space that is not between quotes. As for sshd(8), a backslash means
// something in front of a quote alone.
func fieldEnd(text string) int {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && strings.HasPrefix(text[i+1:], `"`):
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ' ' || c == '\t'):
			return i
		}
	}
	return len(text)
}
