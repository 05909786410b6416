//go:build linux

package edit_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"runner/agent/action"
	"runner/agent/action/actiontest"
	"runner/agent/wire"
)

type args = actiontest.Args

// edits are what is made of contents. What is not said of a file is that it is written the second time.
func edits() []struct {
	name, action string
	args         args
	old, want    string
} {
	return []struct {
		name, action string
		args         args
		old, want    string
	}{
		{"added at the end", "line", args{"line": "c"}, "a\nb\n", "a\nb\nc\n"},
		{"is there", "line", args{"line": "a"}, "a\nb\n", "a\nb\n"},
		{"added where the last one has no end", "line", args{"line": "c"}, "a\nb", "a\nb\nc"},
		{"added to nothing", "line", args{"line": "a"}, "", "a\n"},
		{"CR LF", "line", args{"line": "c"}, "a\r\nb\r\n", "a\r\nb\r\nc\r\n"},
		{"CR LF, replaced", "line", args{"line": "c", "regex": "^b$"}, "a\nb\r\nd", "a\nc\r\nd"},
		{"the last match is replaced", "line", args{"line": "Port 22", "regex": "^#?Port "}, "#Port 1\n#Port 2\nx\n", "#Port 1\nPort 22\nx\n"},
		{"the first match is replaced", "line", args{"line": "Port 22", "regex": "^#?Port ", "first_match": true}, "x\n#Port 1\n#Port 2\n", "x\nPort 22\n#Port 2\n"},
		{"not matched by its own expression", "line", args{"line": "b", "regex": "^a"}, "x\na1\na2\ny\n", "x\na1\nb\ny\n"},
		{"not matched by its own expression, and there", "line", args{"line": "b", "regex": "^a"}, "b\nx\n", "b\nx\n"},
		{"behind the last", "line", args{"line": "n", "after": "^a"}, "a1\na2\nb\n", "a1\na2\nn\nb\n"},
		{"behind the first", "line", args{"line": "n", "after": "^a", "first_match": true}, "a1\na2\nb\n", "a1\nn\na2\nb\n"},
		{"before the last", "line", args{"line": "n", "before": "^a"}, "a1\na2\nb", "a1\nn\na2\nb"},
		{"at the beginning", "line", args{"line": "n", "before": "^", "first_match": true}, "\xef\xbb\xbfa\nb\n", "\xef\xbb\xbfn\na\nb\n"},
		{"behind the last line, without an end", "line", args{"line": "n", "after": "b"}, "a\nb", "a\nb\nn"},
		{"no anchor", "line", args{"line": "n", "after": "nowhere"}, "a\n", "a\nn\n"},
		{"not moved", "line", args{"line": "n", "after": "b"}, "n\na\nb\n", "n\na\nb\n"},
		{"an empty one", "line", args{"line": ""}, "a\n", "a\n\n"},
		{"Latin-1", "line", args{"line": "b", "regex": "^m.ller"}, "m\xfcller\n\xff\xfe\n", "b\n\xff\xfe\n"},
		{"byte order mark", "line", args{"line": "b", "regex": "^a$"}, "\xef\xbb\xbfa\nc", "\xef\xbb\xbfb\nc"},
		{"dollar signs mean themselves", "line", args{"line": "PATH=$1:$PATH", "regex": "^(PATH)="}, "PATH=x\n", "PATH=$1:$PATH\n"},
		{"absent by text", "line", args{"line": "a", "state": "absent"}, "a\nb\na\naa", "b\naa"},
		{"absent by expression", "line", args{"regex": "a$", "state": "absent"}, "a\nb\nxa\nab\n", "b\nab\n"},
		{"absent, the last one", "line", args{"regex": "^c", "state": "absent"}, "a\nb\nc", "a\nb"},
		{"absent, all", "line", args{"regex": "", "state": "absent"}, "a\nb\n", ""},
		{"absent, none", "line", args{"regex": "x", "state": "absent"}, "a\nb", "a\nb"},

		{"new", "block", args{"content": "x\ny"}, "a\n", "a\n# BEGIN MANAGED BLOCK\nx\ny\n# END MANAGED BLOCK\n"},
		{"into nothing", "block", args{"content": "x\n"}, "", "# BEGIN MANAGED BLOCK\nx\n# END MANAGED BLOCK\n"},
		{"CR LF", "block", args{"content": "x\r\ny\n", "marker": "; {mark}"}, "a\r\n", "a\r\n; BEGIN\r\nx\r\ny\r\n; END\r\n"},
		{"replaced", "block", args{"content": "n\n", "marker": "; {mark} m"}, "a\n; BEGIN m\nold\n; END m\nb", "a\n; BEGIN m\nn\n; END m\nb"},
		{"replaced at the end", "block", args{"content": "n", "marker": "{mark}"}, "a\nBEGIN\nold\nEND", "a\nBEGIN\nn\nEND"},
		{"others stay", "block", args{"content": "n", "marker": "{mark} 1"}, "BEGIN 2\nx\nEND 2\n", "BEGIN 2\nx\nEND 2\nBEGIN 1\nn\nEND 1\n"},
		{"several become one", "block", args{"content": "n", "marker": "{mark}"}, "BEGIN\n1\nEND\na\nBEGIN\n2\nEND\n", "BEGIN\nn\nEND\na\n"},
		{"own words", "block", args{"content": "n", "marker": "<!-- {mark} -->", "begin": "start", "end": "stop"}, "", "<!-- start -->\nn\n<!-- stop -->\n"},
		{"behind", "block", args{"content": "n", "marker": "{mark}", "after": "^a"}, "a\nb\n", "a\nBEGIN\nn\nEND\nb\n"},
		{"in front", "block", args{"content": "n", "marker": "{mark}", "before": "^", "first_match": true}, "a\nb", "BEGIN\nn\nEND\na\nb"},
		{"blank lines", "block", args{"content": "\nx\n\n", "marker": "{mark}"}, "", "BEGIN\n\nx\n\nEND\n"},
		{"empty", "block", args{"content": "", "marker": "{mark}"}, "BEGIN\nold\nEND\n", "BEGIN\nEND\n"},
		{"absent", "block", args{"state": "absent", "marker": "{mark}"}, "a\nBEGIN\n1\nEND\nb\nBEGIN\n2\nEND", "a\nb"},
		{"absent already", "block", args{"state": "absent"}, "a\nb", "a\nb"},

		{"everywhere", "replace", args{"regex": "\\bold\\b", "with": "new"}, "old older old\nold", "new older new\nnew"},
		{"removed", "replace", args{"regex": "(?m)^#.*\n"}, "#a\nb\n#c", "b\n#c"},
		{"groups", "replace", args{"regex": "^(?P<key>\\w+)\\s+(\\w+)$", "with": "$key=${2}_$$1"}, "a  1\nb\t2\nc\n", "a=1_$1\nb=2_$1\nc\n"},
		{"CR LF", "replace", args{"regex": "^a$", "with": "b\nc"}, "a\r\nx\r\n", "b\r\nc\r\nx\r\n"},
		{"mixed line ends stay", "replace", args{"regex": "x", "with": "y"}, "a\r\nx\n", "a\r\ny\n"},
		{"behind", "replace", args{"regex": "a", "with": "b", "after": "\\[2\\]"}, "a\n[2]\na\n", "a\n[2]\nb\n"},
		{"between", "replace", args{"regex": "a", "with": "b", "after": "\\[2\\]", "before": "\\["}, "a\n[2]\na\n[3]\na", "a\n[2]\nb\n[3]\na"},
		{"in front", "replace", args{"regex": "a", "with": "b", "before": "x"}, "aaxa", "bbxa"},
		{"no such place", "replace", args{"regex": "a", "with": "b", "before": "y"}, "aaxa", "aaxa"},
		{"over lines", "replace", args{"regex": "(?s)<x>.*</x>", "with": "<x/>"}, "1\n<x>\na\n</x>\n2\n", "1\n<x/>\n2\n"},
		{"no UTF-8", "replace", args{"regex": "b", "with": "é"}, "\xffb\xfe\n", "\xffé\xfe\n"},

		{"changed in its place", "ini", args{"section": "s", "key": "k", "value": "2"}, "; c\n[s]\nk=1\nl=1\n", "; c\n[s]\nk=2\nl=1\n"},
		{"spaces stay", "ini", args{"section": "s", "key": "k", "value": "2"}, "[s]\n\tk  =\t1  \r\n", "[s]\n\tk  =\t2\r\n"},
		{"is there", "ini", args{"section": "s", "key": "k", "value": "1"}, "[s]\n  k =   1  \n", "[s]\n  k =   1  \n"},
		{"new key", "ini", args{"section": "s", "key": "n", "value": "1"}, "[s]\nk=1\n\n[t]\nx = 1\n", "[s]\nk=1\nn=1\n\n[t]\nx = 1\n"},
		{"new key, indented", "ini", args{"section": "user", "key": "email", "value": "a@b"}, "[user]\n\tname = A\n[core]\n", "[user]\n\tname = A\n\temail = a@b\n[core]\n"},
		{"new section", "ini", args{"section": "t", "key": "n", "value": "1"}, "[s]\nk=1", "[s]\nk=1\n\n[t]\nn=1"},
		{"new section behind a blank line", "ini", args{"section": "t", "key": "n", "value": "1"}, "[s]\n\n", "[s]\n\n[t]\nn = 1\n"},
		{"into nothing", "ini", args{"section": "t", "key": "n", "value": "1"}, "", "[t]\nn = 1\n"},
		{"without a section", "ini", args{"key": "n", "value": "1"}, "# c\n# d\n\n[s]\nk=1\n", "# c\n# d\nn=1\n\n[s]\nk=1\n"},
		{"without a section, behind others", "ini", args{"key": "n", "value": "1"}, "# c\nm = 1\n[s]\nn=2\n", "# c\nm = 1\nn = 1\n[s]\nn=2\n"},
		{"comments are no keys", "ini", args{"section": "s", "key": "k", "value": "1"}, "[s]\n#k=0\n;k=0\n", "[s]\nk = 1\n#k=0\n;k=0\n"},
		{"several values", "ini", args{"section": "s", "key": "k", "values": []string{"1", "2"}}, "[s]\nk=0\nl=1\nk=2\nk=3\n", "[s]\nk=1\nl=1\nk=2\n"},
		{"more values", "ini", args{"section": "s", "key": "k", "values": []string{"1", "2", "3"}}, "[s]\nk=1\nl=1\n", "[s]\nk=1\nk=2\nk=3\nl=1\n"},
		{"one of several", "ini", args{"section": "s", "key": "k", "value": "1"}, "[s]\nk=0\nk=2\n", "[s]\nk=1\n"},
		{"no values", "ini", args{"section": "s", "key": "k", "values": []string{}}, "[s]\nk=0\nk=2\n", "[s]\n"},
		{"no values, no section", "ini", args{"section": "s", "key": "k", "values": []string{}}, "a=b\n", "a=b\n"},
		{"a key alone", "ini", args{"section": "mysqld", "key": "skip-networking"}, "[mysqld]\nport = 1\n", "[mysqld]\nport = 1\nskip-networking\n"},
		{"a key alone is there", "ini", args{"section": "mysqld", "key": "skip-networking"}, "[mysqld]\nskip-networking\n", "[mysqld]\nskip-networking\n"},
		{"a key alone gets a value", "ini", args{"section": "s", "key": "k", "value": "1"}, "[s]\n k\n", "[s]\n k = 1\n"},
		{"a value goes", "ini", args{"section": "s", "key": "k"}, "[s]\n k = 1\n", "[s]\n k\n"},
		{"an empty value", "ini", args{"section": "s", "key": "k", "value": ""}, "[s]\nk = 1\n", "[s]\nk =\n"},
		{"an empty value is filled", "ini", args{"section": "s", "key": "k", "value": "1"}, "[s]\nk =\nl=\n", "[s]\nk = 1\nl=\n"},
		{"equals signs in the value", "ini", args{"section": "s", "key": "k", "value": "c=d"}, "[s]\nk=a=b\n", "[s]\nk=c=d\n"},
		{"a section only", "ini", args{"section": "t"}, "[s]\nk=1\n", "[s]\nk=1\n\n[t]\n"},
		{"a section that is split", "ini", args{"section": "s", "key": "k", "value": "2"}, "[s]\n[t]\n[s]\nk=1\n", "[s]\n[t]\n[s]\nk=2\n"},
		{"a subsection", "ini", args{"section": `remote "o"`, "key": "url", "value": "x"}, "[remote \"o\"] ; c\n\turl = y\n", "[remote \"o\"] ; c\n\turl = x\n"},
		{"key absent", "ini", args{"section": "s", "key": "k", "state": "absent"}, "k=0\n[s]\nk=1\n# c\nk = 2\n[t]\nk=3\n", "k=0\n[s]\n# c\n[t]\nk=3\n"},
		{"key absent already", "ini", args{"section": "s", "key": "k", "state": "absent"}, "[t]\nk=3", "[t]\nk=3"},
		{"section absent", "ini", args{"section": "s", "state": "absent"}, "[r]\na=1\n\n[s]\n# c\nk=1\n\n# about t\n[t]\nk=3\n[s]\nx=1\n", "[r]\na=1\n\n# about t\n[t]\nk=3\n"},
		{"last section absent", "ini", args{"section": "t", "state": "absent"}, "[s]\nk=1\n\n[t]\nn=1", "[s]\nk=1"},
		{"byte order mark", "ini", args{"section": "s", "key": "k", "value": "2"}, "\xef\xbb\xbf[s]\nk=1\n", "\xef\xbb\xbf[s]\nk=2\n"},
	}
}

// G28: what is predicted is what is done, with a diff that tells it, and the second time there is nothing to do.
func TestG28Edits(t *testing.T) {
	for _, c := range edits() {
		t.Run(c.action+"/"+c.name, func(t *testing.T) {
			b := actiontest.New(t)
			dir := t.TempDir()
			path := dir + "/x"
			actiontest.Write(t, path, c.old, 0o640)
			a := actiontest.Merged(c.args, args{"path": path})
			before := actiontest.Snapshot(t, dir)
			predicted, err := b.Preview(c.action, a)
			actiontest.OK(t, err)
			if now := actiontest.Snapshot(t, dir); now != before {
				t.Fatalf("Look changed something:\n%s\n%s", before, now)
			}
			did := b.Must(c.action, a)
			if got := actiontest.Read(t, path); got != c.want {
				t.Fatalf("got\n%q\nwant\n%q", got, c.want)
			}
			want := wire.VerbUpdate
			if c.old == c.want {
				want = wire.VerbNone
			}
			b.Verb(did, want)
			if (did.Change.Diff == "") != (c.old == c.want) || len(did.Change.Unknown) > 0 {
				t.Errorf("diff %q, unknown %v", did.Change.Diff, did.Change.Unknown)
			}
			if !reflect.DeepEqual(predicted, did) {
				t.Errorf("predicted %+v, got %+v", predicted, did)
			}
			settled := actiontest.Snapshot(t, dir)
			if c.old == c.want && settled != before {
				t.Error("none, and something was changed")
			}
			b.Verb(b.Must(c.action, a), wire.VerbNone)
			if now := actiontest.Snapshot(t, dir); now != settled {
				t.Errorf("applied twice:\n%s\n%s", settled, now)
			}
		})
	}
}

// wishes are one edit of each kind, that change a file with "old\n" in it.
func wishes() map[string]args {
	return map[string]args{
		"line":    {"line": "new", "regex": "^old"},
		"block":   {"content": "new"},
		"replace": {"regex": "\\bold\\b", "with": "new"},
		"ini":     {"section": "s", "key": "k", "value": "1"},
	}
}

func TestEditsRefuse(t *testing.T) {
	for name, wish := range wishes() {
		for _, c := range []struct {
			name, want string
			make       func(path string) error
			args       args
		}{
			{"missing", "does not exist", func(string) error { return nil }, nil},
			{"missing directory", "does not exist", func(string) error { return nil }, args{"path": "/d/x", "create": true}},
			{"directory", "it is a directory", func(path string) error { return os.Mkdir(path, 0o755) }, args{"create": true}},
			{"pipe", "it is a pipe", func(path string) error { return unix.Mkfifo(path, 0o644) }, nil},
			{"socket", "it is a socket", func(path string) error { return unix.Mknod(path, unix.S_IFSOCK|0o644, 0) }, nil},
			{"link", "it is a symbolic link to /etc/passwd", func(path string) error { return os.Symlink("/etc/passwd", path) }, nil},
			{"NUL", "NUL bytes", func(path string) error { return os.WriteFile(path, []byte("old\n\x00"), 0o600) }, nil},
			{"large", "has 4194305 bytes, and at most 4194304 can be edited", func(path string) error { return os.WriteFile(path, []byte(strings.Repeat("x", 4<<20+1)), 0o600) }, nil},
			{"no such owner", `there is no user "nonesuch"`, func(path string) error { return os.WriteFile(path, []byte("old\n"), 0o600) }, args{"owner": "nonesuch"}},
			{"not valid", "its new content is not valid", func(path string) error { return os.WriteFile(path, []byte("old\n"), 0o600) }, args{"validate": []string{"/bin/grep", "-q", "nonesuch", "%s"}}},
		} {
			t.Run(name+"/"+c.name, func(t *testing.T) {
				b := actiontest.New(t)
				dir := t.TempDir()
				actiontest.OK(t, c.make(dir+"/x"))
				a := actiontest.Merged(wish, c.args)
				at, _ := a["path"].(string)
				a["path"] = dir + "/x"
				if at != "" {
					a["path"] = dir + at
				}
				before := actiontest.Snapshot(t, dir)
				_, lookErr := b.Preview(name, a)
				_, err := b.Apply(name, a)
				var p *wire.Problem
				if !errors.As(err, &p) || !strings.Contains(p.Message, c.want) || !strings.Contains(p.Message, a["path"].(string)) || p.Hint == "" {
					t.Errorf("got %#v", err)
				}
				if lookErr == nil && c.name != "not valid" || lookErr != nil && lookErr.Error() != err.Error() {
					t.Errorf("predicted %v, got %v", lookErr, err)
				}
				if now := actiontest.Snapshot(t, dir); now != before {
					t.Errorf("something was changed:\n%s\n%s", before, now)
				}
			})
		}
	}
	for _, c := range []struct {
		action, old, want string
		args              args
	}{
		{"block", "BEGIN\nx\n", "are no pairs", args{"content": "x", "marker": "{mark}"}},
		{"block", "END\nx\nBEGIN\n", "are no pairs", args{"content": "x", "marker": "{mark}"}},
		{"block", "BEGIN\nBEGIN\nx\nEND\n", "are no pairs", args{"state": "absent", "marker": "{mark}"}},
		{"block", "", "one of its own markers", args{"content": "x\nEND\ny", "marker": "{mark}"}},
		{"replace", "a\n", "would be replaced again", args{"regex": "a", "with": "aa"}},
		{"replace", "a\n", `the group "2"`, args{"regex": "(a)", "with": "$2"}},
		{"replace", "a\n", `the group "1b"`, args{"regex": "(a)", "with": "$1b"}},
	} {
		b := actiontest.New(t)
		path := t.TempDir() + "/x"
		actiontest.Write(t, path, c.old, 0o644)
		_, lookErr := b.Preview(c.action, actiontest.Merged(c.args, args{"path": path}))
		_, err := b.Apply(c.action, actiontest.Merged(c.args, args{"path": path}))
		var p *wire.Problem
		if !errors.As(err, &p) || !strings.Contains(p.Message, c.want) || p.Hint == "" || lookErr == nil || lookErr.Error() != err.Error() {
			t.Errorf("%s %v: got %v, %v", c.action, c.args, lookErr, err)
		}
		if actiontest.Read(t, path) != c.old {
			t.Errorf("%s %v: changed", c.action, c.args)
		}
	}
}

// What says who may read a file, and how it is written, is the same as for the action file.
func TestEditsWriteAsFileDoes(t *testing.T) {
	for name, wish := range wishes() {
		t.Run(name, func(t *testing.T) {
			b := actiontest.New(t)
			dir := t.TempDir()
			path := dir + "/x"
			actiontest.Write(t, path, "old\n", 0o600)
			actiontest.OK(t, os.Link(path, dir+"/second"))
			a := actiontest.Merged(wish, args{"path": path, "mode": "0604", "backup": true, "durable": true, "validate": []string{"/bin/sh", "-c", `test "$(stat -c %a "$1")" = 604`, "x", "%s"}})
			out := b.Must(name, a)
			backup, _ := actiontest.Result(out, "backup").(string)
			if actiontest.Read(t, backup) != "old\n" || actiontest.Read(t, dir+"/second") != "old\n" || out.After["mode"] != "0604" {
				t.Errorf("%+v", out)
			}
			b.Verb(b.Must(name, a), wire.VerbNone)
			a["mode"] = "0640"
			if out := b.Must(name, a); out.Change.Diff != "" || actiontest.Result(out, "backup") != nil || len(actiontest.Entries(t, dir)) != 3 {
				t.Errorf("only the mode: %+v", out)
			}
			actiontest.OK(t, os.WriteFile(path, []byte("old\n"), 0o600))
			actiontest.OK(t, os.Link(path, dir+"/third"))
			b.Must(name, actiontest.Merged(wish, args{"path": path, "in_place": true}))
			if actiontest.Read(t, dir+"/third") == "old\n" || actiontest.Read(t, dir+"/third") != actiontest.Read(t, path) {
				t.Error("not in place")
			}
			a = actiontest.Merged(wish, args{"path": dir + "/new", "create": true})
			predicted, err := b.Preview(name, a)
			actiontest.OK(t, err)
			out, err = b.Apply(name, a)
			actiontest.OK(t, err)
			b.Verb(out, wire.VerbCreate)
			if out.After["mode"] != "0644" || !reflect.DeepEqual(predicted, out) {
				t.Errorf("%+v, predicted %+v", out, predicted)
			}
			gone := args{"path": dir + "/nowhere", "state": "absent"}
			if name != "replace" {
				delete(wish, "value")
				delete(wish, "content")
				b.Verb(b.Must(name, actiontest.Merged(wish, gone)), wire.VerbNone)
				gone["path"] = dir + "/no/where"
				b.Verb(b.Must(name, actiontest.Merged(wish, gone)), wire.VerbNone)
			}
		})
	}
}

// What is written between Look and Act is not lost.
func TestEditsLeaveAloneWhatOthersWrite(t *testing.T) {
	for name, wish := range wishes() {
		for _, inPlace := range []bool{false, true} {
			b := actiontest.New(t)
			path := t.TempDir() + "/x"
			actiontest.Write(t, path, "old\n", 0o600)
			a, env := b.Make(name, actiontest.Merged(wish, args{"path": path, "in_place": inPlace})), b.Env(wire.ModeApply)
			found, err := a.Look(t.Context(), env)
			actiontest.OK(t, err)
			actiontest.OK(t, os.WriteFile(path, []byte("old\nand more\n"), 0o600))
			if _, err := a.Act(t.Context(), env, found); err == nil || !strings.Contains(err.Error(), "changed") || actiontest.Read(t, path) != "old\nand more\n" {
				t.Errorf("%s: %v, %q", name, err, actiontest.Read(t, path))
			}
			validator := []string{"sh", "-c", "echo more >>" + path, "sh", "%s"}
			_, err = b.Apply(name, actiontest.Merged(wish, args{"path": path, "in_place": inPlace, "validate": validator}))
			if err == nil || !strings.Contains(err.Error(), "changed") || actiontest.Read(t, path) != "old\nand more\nmore\n" {
				t.Errorf("%s, while the new content is validated: %v, %q", name, err, actiontest.Read(t, path))
			}
			path += ".new"
			a = b.Make(name, actiontest.Merged(wish, args{"path": path, "in_place": inPlace, "create": true}))
			found, err = a.Look(t.Context(), env)
			actiontest.OK(t, err)
			actiontest.Write(t, path, "theirs\n", 0o600)
			if _, err := a.Act(t.Context(), env, found); err == nil || !strings.Contains(err.Error(), "changed") || actiontest.Read(t, path) != "theirs\n" {
				t.Errorf("%s of a new file: %v, %q", name, err, actiontest.Read(t, path))
			}
		}
	}
}

// A plan of several tasks for one file tells what each of them will do.
func TestPreviewsOfSeveralEdits(t *testing.T) {
	b := actiontest.New(t)
	dir := t.TempDir()
	path := dir + "/x"
	look, live := b.Env(wire.ModeLook), b.Env(wire.ModeApply)
	for i, c := range []struct {
		action string
		args   args
		verb   wire.Verb
	}{
		{"file", args{"path": path, "content": "a\nold\n"}, wire.VerbCreate},
		{"line", args{"path": path, "line": "b", "after": "^a"}, wire.VerbUpdate},
		{"line", args{"path": path, "line": "b"}, wire.VerbNone},
		{"block", args{"path": path, "content": "x", "before": "^old", "mode": "0600"}, wire.VerbUpdate},
		{"replace", args{"path": path, "regex": "^old$", "with": "[s]"}, wire.VerbUpdate},
		{"ini", args{"path": path, "section": "s", "key": "k", "value": "1"}, wire.VerbUpdate},
		{"ini", args{"path": dir + "/new/y", "section": "s", "key": "k", "value": "1", "create": true}, ""},
		{"directory", args{"path": dir + "/new"}, wire.VerbCreate},
		{"ini", args{"path": dir + "/new/y", "section": "s", "key": "k", "value": "1", "create": true}, wire.VerbCreate},
	} {
		predicted, err := actiontest.Run(t.Context(), look, preview{b.Make(c.action, c.args)})
		did, applyErr := b.ApplyIn(live, c.action, c.args)
		if (err == nil) != (applyErr == nil) || (err == nil) != (c.verb != "") {
			t.Fatalf("%d: predicted %v, got %v", i, err, applyErr)
		}
		if err == nil && (did.Change.Verb != c.verb || !reflect.DeepEqual(predicted.Change, did.Change) || !reflect.DeepEqual(predicted.After, did.After)) {
			t.Errorf("%d: predicted %+v, got %+v", i, predicted, did)
		}
	}
	if got, want := actiontest.Read(t, path), "a\nb\n# BEGIN MANAGED BLOCK\nx\n# END MANAGED BLOCK\n[s]\nk = 1\n"; got != want {
		t.Errorf("got %q", got)
	}
}

// preview is an action that does not act.
type preview struct{ action.Action }

func (p preview) Act(_ context.Context, _ *action.Env, found action.Outcome) (action.Outcome, error) {
	return found, nil
}

// What only the run will tell is unknown in a preview, and no error.
func TestPreviewsOfWhatIsNotKnown(t *testing.T) {
	for name, wish := range wishes() {
		b := actiontest.New(t)
		dir := t.TempDir()
		actiontest.Write(t, dir+"/x", "old\n", 0o600)
		unknown := func(what string, env *action.Env, a args) {
			t.Helper()
			out, err := b.Make(name, a).Look(t.Context(), env)
			if err != nil || len(out.Change.Unknown) == 0 || out.Change.Verb == wire.VerbNone || out.Change.Diff != "" || out.Values != nil {
				t.Errorf("%s, %s: %+v, %v", name, what, out, err)
			}
		}
		env := b.Env(wire.ModeLook)
		env.Unknown = []string{"path"}
		unknown("the path", env, wish)
		env = b.Env(wire.ModeLook)
		env.Unknown = []string{"value", "line", "with", "content"}
		a := actiontest.Merged(wish, args{"path": dir + "/x"})
		for _, argument := range env.Unknown {
			delete(a, argument)
		}
		unknown("what to write", env, a)
		env.Unknown = nil
		unknown("what was written", env, actiontest.Merged(wish, args{"path": dir + "/x"}))
		env = b.Env(wire.ModeLook)
		env.View.Disturb()
		unknown("a file that a program makes", env, actiontest.Merged(wish, args{"path": dir + "/y"}))
		unknown("a file in a directory that a program makes", env, actiontest.Merged(wish, args{"path": dir + "/d/y"}))
		out, err := b.Make(name, actiontest.Merged(wish, args{"path": dir + "/x"})).Look(t.Context(), env)
		if err != nil || out.Change.Diff == "" {
			t.Errorf("%s after a program: %+v, %v", name, out, err)
		}
		env = b.Env(wire.ModeLook)
		env.Unknown = []string{"mode", "backup"}
		if out, err := b.Make(name, actiontest.Merged(wish, args{"path": dir + "/x"})).Look(t.Context(), env); err != nil || out.Change.Diff == "" || fmt.Sprint(out.Change.Unknown) != "[mode]" {
			t.Errorf("%s with an unknown mode: %+v, %v", name, out, err)
		}
		env = b.Env(wire.ModeLook)
		for i := range 3 { // of so much a preview keeps not all
			_, err := b.Make("file", args{"path": fmt.Sprint(dir, "/large", i), "content": strings.Repeat("old\n", 500_000)}).Look(t.Context(), env)
			actiontest.OK(t, err)
		}
		unknown("large content", env, actiontest.Merged(wish, args{"path": dir + "/large2"}))
	}
}

// G29: a full disk, or one that cannot be written to, leaves the old file as it is and nothing else.
func TestG29EditsOnAFullDisk(t *testing.T) {
	actiontest.NeedsRoot(t)
	for name, wish := range wishes() {
		b := actiontest.New(t)
		dir := t.TempDir()
		if err := unix.Mount("none", dir, "tmpfs", 0, "size=1m,mode=0755"); err != nil {
			t.Skipf("needs to mount: %v", err)
		}
		t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
		actiontest.Write(t, dir+"/x", "old\n"+strings.Repeat("x", 600<<10), 0o640)
		before := actiontest.Snapshot(t, dir)
		refused := func(part, hint string, more args) {
			t.Helper()
			_, err := b.Apply(name, actiontest.Merged(actiontest.Merged(wish, more), args{"path": dir + "/x"}))
			var p *wire.Problem
			if !errors.As(err, &p) || !strings.Contains(p.Message, part) || !strings.Contains(p.Message, dir+"/x") || !strings.Contains(p.Hint, hint) {
				t.Errorf("%s: got %#v", name, err)
			}
			if now := actiontest.Snapshot(t, dir); now != before {
				t.Errorf("%s left\n%s\nof\n%s", name, now, before)
			}
		}
		refused("no space left on device", "Make room", nil)
		refused("no space left on device", "Make room", args{"backup": true, "durable": true})
		refused("no space left on device", "Make room", args{"in_place": true, "backup": true})
		actiontest.OK(t, unix.Mount("none", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
		refused("read-only file system", "read-only", nil)
		refused("read-only file system", "read-only", args{"in_place": true})
	}
}

// What an ordinary user may not do is said by the preview already.
func TestEditsAsAnOrdinaryUser(t *testing.T) { actiontest.AsNobody(t, "TestAsOrdinaryUser") }

func TestAsOrdinaryUser(t *testing.T) {
	if os.Geteuid() == 0 {
		return // TestEditsAsAnOrdinaryUser runs it
	}
	if os.Geteuid() != actiontest.Nobody {
		t.Skip("needs root to become nobody")
	}
	b := actiontest.New(t)
	for name, wish := range wishes() {
		own := t.TempDir() + "/x"
		actiontest.Write(t, own, "old\n", 0o600)
		b.Verb(b.Must(name, actiontest.Merged(wish, args{"path": own})), wire.VerbUpdate)
		delete(wish, "regex")
		if name == "replace" {
			wish["regex"] = "root"
		}
		for _, a := range []args{{"path": "/etc/passwd"}, {"path": "/etc/shadow"}, {"path": "/etc/passwd", "in_place": true}, {"path": "/etc/new", "create": true}} {
			_, lookErr := b.Preview(name, actiontest.Merged(wish, a))
			_, err := b.Apply(name, actiontest.Merged(wish, a))
			if lookErr == nil || err == nil || lookErr.Error() != err.Error() || !strings.Contains(err.Error(), "permission denied") {
				t.Errorf("%s %v: predicted %v, got %v", name, a, lookErr, err)
			}
		}
	}
}
