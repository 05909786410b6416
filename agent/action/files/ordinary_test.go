//go:build linux

package files_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"runner/agent/action/actiontest"
	"runner/agent/wire"
)

// G28: what an ordinary user may not do is said by the preview already.
func TestG28OrdinaryUser(t *testing.T) { actiontest.AsNobody(t, "TestAsOrdinaryUser") }

func TestAsOrdinaryUser(t *testing.T) {
	if os.Geteuid() == 0 {
		return // TestG28OrdinaryUser runs it
	}
	if os.Geteuid() != actiontest.Nobody {
		t.Skip("needs root to become nobody")
	}
	b := actiontest.New(t)
	base := t.TempDir()
	for _, c := range []struct {
		name    string
		perm    uint32 // of the directory
		action  string
		args    args
		allowed bool
	}{
		{"closed directory", 0, "file", args{"path": "/d/x", "content": "x"}, false},
		{"closed directory", 0, "file", args{"path": "/d/old", "state": "absent"}, false},
		{"closed directory", 0, "command", args{"argv": []string{"/bin/true"}, "creates": "/d/x"}, false},
		{"closed directory", 0, "directory", args{"path": "/d/sub/sub"}, false},
		{"closed directory", 0, "directory", args{"path": "/d", "mode": "0700"}, true},
		{"closed directory", 0, "directory", args{"path": "/d", "state": "absent"}, false},
		{"list only", 0o400, "file", args{"path": "/d/old", "mode": "0600"}, false},
		{"pass only", 0o100, "file", args{"path": "/d/old", "mode": "0600"}, true},
		{"pass only", 0o100, "file", args{"path": "/d/old", "content": "new"}, false},
		{"pass only", 0o100, "file", args{"path": "/d/old", "content": "new", "in_place": true}, true},
		{"no listing", 0o300, "file", args{"path": "/d/old", "content": "new"}, true},
		{"no listing", 0o300, "file", args{"path": "/d/new", "content": "new"}, true},
		{"no listing", 0o300, "symlink", args{"path": "/d/link", "target": "x"}, true},
		{"no listing", 0o300, "directory", args{"path": "/d/a/b"}, true},
		{"no listing", 0o300, "command", args{"argv": []string{"/bin/true"}, "creates": "/d/x*"}, false},
		{"no writing", 0o500, "file", args{"path": "/d/new"}, false},
		{"no writing", 0o500, "file", args{"path": "/d/old", "state": "absent"}, false},
		{"no writing", 0o500, "symlink", args{"path": "/d/link", "target": "x"}, false},
		{"no writing", 0o500, "directory", args{"path": "/d/a/b"}, false},
		{"no writing", 0o500, "directory", args{"path": "/d/tree", "state": "absent"}, false},
		{"all", 0o700, "file", args{"path": "/d/old", "owner": "root"}, false},
		{"all", 0o700, "file", args{"path": "/d/old", "group": "root"}, false},
		{"all", 0o700, "file", args{"path": "/d/new", "owner": "root"}, false},
		{"all", 0o700, "directory", args{"path": "/d/new", "group": "root"}, false},
		{"all", 0o700, "directory", args{"path": "/d/new", "group": "65534"}, true},
		{"all", 0o700, "file", args{"path": "/d/old", "mode": "2755"}, true},
	} {
		t.Run(c.name+" "+c.action, func(t *testing.T) {
			dir := t.TempDir()
			actiontest.OK(t, os.MkdirAll(dir+"/d/tree", 0o755))
			actiontest.Write(t, dir+"/d/old", "old\n", 0o644)
			actiontest.OK(t, unix.Chmod(dir+"/d", c.perm))
			defer func() { _ = unix.Chmod(dir+"/d", 0o700) }()
			a := actiontest.Merged(c.args, nil)
			for _, name := range []string{"path", "creates"} {
				if at, given := a[name].(string); given {
					a[name] = dir + at
				}
			}
			_, lookErr := b.Preview(c.action, a)
			_, err := b.Apply(c.action, a)
			if (lookErr == nil) != c.allowed || (err == nil) != c.allowed {
				t.Fatalf("%v: predicted %v, got %v", a, lookErr, err)
			}
			var p *wire.Problem
			if err != nil && (!errors.As(err, &p) || !denied(p.Message)) {
				t.Errorf("%v: %v", a, err)
			}
		})
	}
	// What an earlier task will open is not known, rather than closed.
	closed := base + "/closed"
	actiontest.OK(t, os.Mkdir(closed, 0))
	p := newPipeline(t)
	p.refuse("permission denied", "file", args{"path": closed + "/x", "content": "x"})
	p.expect(wire.VerbUpdate, "directory", args{"path": closed, "mode": "0700"})
	p.expect(wire.VerbCreate, "file", args{"path": closed + "/x", "content": "x"})

	for _, c := range []struct {
		action string
		args   args
	}{
		{"file", args{"path": "/etc/passwd", "content": "x"}},
		{"file", args{"path": "/etc/passwd", "mode": "0666"}},
		{"file", args{"path": "/etc/passwd", "content": "x", "in_place": true}},
		{"file", args{"path": "/etc/new"}},
		{"directory", args{"path": "/etc", "mode": "0777"}},
		{"directory", args{"path": "/etc/ssl", "state": "absent"}},
		{"symlink", args{"path": "/etc/new", "target": "x"}},
		{"file", args{"path": "/proc/version", "content": "x"}},
		{"file", args{"path": os.Args[0], "content": "x"}}, // root's, in a directory that is open to all
	} {
		_, lookErr := b.Preview(c.action, c.args)
		_, err := b.Apply(c.action, c.args)
		if lookErr == nil || err == nil || !denied(err.Error()) {
			t.Errorf("%v: predicted %v, got %v", c.args, lookErr, err)
		}
	}
}

func denied(message string) bool {
	return strings.Contains(message, "permission denied") || strings.Contains(message, "not permitted")
}
