//go:build linux

package system_test

import (
	"os"
	"slices"
	"testing"

	"runner/agent/action/actiontest"
	"runner/agent/wire"
)

// After a mount only what is below its path is not known.
func TestG28AfterAMount(t *testing.T) {
	if !actiontest.Apart(t) {
		return
	}
	actiontest.OK(t, os.MkdirAll("/srv/m", 0o755))
	actiontest.Write(t, "/srv/m/file", "old", 0o644)
	actiontest.Write(t, "/srv/file", "old", 0o644)
	b := actiontest.New(t)
	env := b.Env(wire.ModeLook)
	for _, c := range []struct {
		action string
		args   args
		verb   wire.Verb
		known  bool
	}{
		{"mount", args{"path": "/srv/m", "source": "tmpfs", "type": "tmpfs"}, wire.VerbCreate, true},
		{"file", args{"path": "/srv/file", "content": "old"}, wire.VerbNone, true},
		{"file", args{"path": "/srv/m/file", "content": "old"}, wire.VerbCreate, false},
		{"file", args{"path": "/srv/m/file", "state": "absent"}, wire.VerbRemove, false},
		{"directory", args{"path": "/srv/m/a/b"}, wire.VerbCreate, false},
		{"directory", args{"path": "/srv/m", "mode": "0755"}, wire.VerbUpdate, false},
		{"mount", args{"path": "/srv/m", "state": "unmounted"}, wire.VerbUpdate, false},
		{"mount", args{"path": "/srv/m/deeper", "source": "tmpfs", "type": "tmpfs"}, wire.VerbCreate, false},
		{"symlink", args{"path": "/srv/link", "target": "x"}, wire.VerbCreate, true},
	} {
		out, err := b.Make(c.action, c.args).Look(t.Context(), env)
		actiontest.OK(t, err)
		unknown := slices.DeleteFunc(out.Change.Unknown, func(name string) bool { return name == "" })
		if out.Change.Verb != c.verb || (len(unknown) == 0) != c.known {
			t.Errorf("%s %v: %s, unknown %v", c.action, c.args, out.Change.Verb, unknown)
		}
	}
	if env.View.Disturbed() {
		t.Error("after a mount everything is unknown")
	}
}
