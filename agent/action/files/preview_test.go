//go:build linux

package files_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"runner/agent/action"
	"runner/agent/action/actiontest"
	"runner/agent/wire"
)

// pipeline previews calls one after the other, as an agent does for a plan.
type pipeline struct {
	*actiontest.Bench
	env *action.Env
}

func newPipeline(t *testing.T) *pipeline {
	t.Helper()
	b := actiontest.New(t)
	return &pipeline{b, b.Env(wire.ModeLook)}
}

func (p *pipeline) look(name string, a args, unknown ...string) (action.Outcome, error) {
	p.Helper()
	p.env.Unknown = unknown
	out, err := p.Make(name, a).Look(p.Context(), p.env)
	if err == nil && !slices.Contains([]wire.Verb{wire.VerbNone, wire.VerbRead}, out.Change.Verb) {
		p.env.Unsettled = true
	}
	return out, err
}

func (p *pipeline) expect(want wire.Verb, name string, a args, unknown ...string) action.Outcome {
	p.Helper()
	out, err := p.look(name, a, unknown...)
	if err != nil {
		p.Fatalf("%s %v: %v", name, a, err)
	}
	if out.Change.Verb != want {
		p.Fatalf("%s %v: %s, want %s", name, a, out.Change.Verb, want)
	}
	return out
}

func (p *pipeline) refuse(part, name string, a args) {
	p.Helper()
	out, err := p.look(name, a)
	if err == nil || !strings.Contains(err.Error(), part) {
		p.Fatalf("%s %v: %s and %v, want an error with %q", name, a, out.Change.Verb, err, part)
	}
}

func TestG28PreviewSeesWhatEarlierTasksWillMake(t *testing.T) {
	actiontest.NeedsRoot(t) // for a group that is not ours
	p := newPipeline(t)
	dir := t.TempDir()
	before := actiontest.Snapshot(t, dir)
	site := dir + "/srv/site"

	p.refuse("does not exist", "file", args{"path": site + "/x", "content": "a\n"})
	out := p.expect(wire.VerbCreate, "directory", args{"path": site, "mode": "2750", "group": "1234"})
	if got := actiontest.AttributesOf(t, out.After)["parents"]; len(got.([]any)) != 1 {
		t.Errorf("parents %v", got)
	}
	p.expect(wire.VerbNone, "directory", args{"path": site, "mode": "2750"})
	p.expect(wire.VerbUpdate, "directory", args{"path": site, "mode": "2755"})
	out = p.expect(wire.VerbCreate, "file", args{"path": site + "/x", "content": "a\n"})
	if got := actiontest.AttributesOf(t, out.After)["group"]; got != "1234" {
		t.Errorf("the group of a setgid directory is inherited, got %v", got)
	}
	p.expect(wire.VerbNone, "file", args{"path": site + "/x", "content": "a\n"})
	out = p.expect(wire.VerbUpdate, "file", args{"path": site + "/x", "content": "b\n"})
	if !strings.Contains(out.Change.Diff, "-a\n+b\n") {
		t.Errorf("diff %q", out.Change.Diff)
	}
	p.expect(wire.VerbUpdate, "file", args{"path": site + "/x", "mode": "0600"})
	p.expect(wire.VerbNone, "file", args{"path": site + "/x", "content": "b\n", "mode": "0600"})
	p.expect(wire.VerbNone, "command", args{"argv": []string{"/bin/false"}, "creates": site + "/x"})
	p.expect(wire.VerbNone, "command", args{"argv": []string{"/bin/false"}, "creates": site + "/[x-z]"})
	p.refuse("it is a file", "directory", args{"path": site + "/x"})
	p.refuse(site+"/x is a file", "file", args{"path": site + "/x/y"})

	p.expect(wire.VerbCreate, "symlink", args{"path": dir + "/current", "target": "srv/site"})
	p.expect(wire.VerbNone, "file", args{"path": dir + "/current/x", "content": "b\n"})
	p.expect(wire.VerbNone, "file", args{"path": dir + "/current/../site/x", "content": "b\n"})
	p.expect(wire.VerbNone, "directory", args{"path": dir + "/current"})
	p.expect(wire.VerbUpdate, "symlink", args{"path": dir + "/current", "target": "nowhere"})
	p.refuse("does not exist", "file", args{"path": dir + "/current/x"})
	p.refuse("nothing is", "directory", args{"path": dir + "/current"})

	p.expect(wire.VerbRemove, "file", args{"path": site + "/x", "state": "absent"})
	p.expect(wire.VerbNone, "file", args{"path": site + "/x", "state": "absent"})
	p.expect(wire.VerbRemove, "directory", args{"path": dir + "/srv", "state": "absent"})
	p.expect(wire.VerbNone, "file", args{"path": site + "/x", "state": "absent"})
	p.refuse("does not exist", "symlink", args{"path": site + "/y", "target": "z"})
	if now := actiontest.Snapshot(t, dir); now != before {
		t.Errorf("a preview changed something:\n%s", now)
	}
}

func TestG28PreviewHidesWhatEarlierTasksWillRemove(t *testing.T) {
	p := newPipeline(t)
	dir := t.TempDir()
	actiontest.OK(t, os.MkdirAll(dir+"/old/sub", 0o755))
	actiontest.Write(t, dir+"/old/sub/x", "a\n", 0o644)
	p.expect(wire.VerbNone, "command", args{"argv": []string{"/bin/true"}, "creates": dir + "/old/*/x"})
	out := p.expect(wire.VerbRemove, "directory", args{"path": dir + "/old", "state": "absent"})
	if got := actiontest.AttributesOf(t, out.Before)["entries"]; got != int64(2) {
		t.Errorf("entries %v", got)
	}
	p.expect(wire.VerbCreate, "directory", args{"path": dir + "/old"})
	p.refuse("does not exist", "file", args{"path": dir + "/old/sub/x"})
	p.expect(wire.VerbNone, "file", args{"path": dir + "/old/sub/x", "state": "absent"})
	p.expect(wire.VerbCreate, "directory", args{"path": dir + "/old/sub"})
	p.expect(wire.VerbCreate, "file", args{"path": dir + "/old/sub/x", "content": "a\n"})
	if actiontest.Read(t, dir+"/old/sub/x") != "a\n" {
		t.Error("a preview removed it")
	}
}

func TestG28PreviewKnowsThatACommandMayChangeEverything(t *testing.T) {
	t.Setenv("PATH", "/usr/bin:/bin") // in a directory that is closed to us, a program may be
	p := newPipeline(t)
	dir := t.TempDir()
	actiontest.Write(t, dir+"/x", "a\n", 0o644)
	missing := dir + "/checkout/conf"
	p.refuse("does not exist", "file", args{"path": missing, "content": "a"})
	p.refuse("no such program", "command", args{"argv": []string{dir + "/tool"}})
	p.refuse("no such program", "command", args{"argv": []string{"no-such-tool-anywhere"}})
	p.refuse("no such directory", "command", args{"argv": []string{"/bin/true"}, "chdir": dir + "/checkout"})
	p.refuse("there is no user", "file", args{"path": dir + "/y", "owner": "nosuchuser"})

	p.expect(wire.VerbRead, "command", args{"argv": []string{"/bin/true"}, "changes": false})
	p.refuse("does not exist", "file", args{"path": missing, "content": "a"})
	out := p.expect(wire.VerbRun, "command", args{"argv": []string{"/bin/false"}, "creates": dir + "/made"})
	if out.Values != nil {
		t.Errorf("values %v", out.Values)
	}

	p.expect(wire.VerbNone, "command", args{"argv": []string{"/bin/false"}, "creates": dir + "/made"})
	p.expect(wire.VerbRun, "command", args{"argv": []string{dir + "/tool"}, "chdir": dir + "/checkout"})
	out = p.expect(wire.VerbCreate, "file", args{"path": missing, "content": "a", "mode": "0600"})
	if !slices.Equal(out.Change.Unknown, []string{"group", "owner"}) || out.Values != nil {
		t.Errorf("unknown %v, values %v", out.Change.Unknown, out.Values)
	}
	out = p.expect(wire.VerbCreate, "file", args{"path": dir + "/y", "owner": "nosuchuser"})
	if !slices.Equal(out.Change.Unknown, []string{"owner"}) {
		t.Errorf("unknown %v", out.Change.Unknown)
	}
	out = p.expect(wire.VerbUpdate, "file", args{"path": dir + "/made", "content": "a"})
	if !slices.Equal(out.Change.Unknown, []string{"group", "mode", "owner"}) || out.Change.Diff != "" {
		t.Errorf("unknown %v, diff %q", out.Change.Unknown, out.Change.Diff)
	}
	p.expect(wire.VerbCreate, "directory", args{"path": dir + "/checkout/sub"})
	p.expect(wire.VerbCreate, "symlink", args{"path": dir + "/checkout/sub/link", "target": "x"})
	p.expect(wire.VerbNone, "file", args{"path": missing + "/gone", "state": "absent"})
	p.expect(wire.VerbNone, "file", args{"path": dir + "/x", "content": "a\n"}) // what is there is the best guess
	out = p.expect(wire.VerbRead, "command", args{"argv": []string{"/bin/false"}, "changes": false})
	if out.Values != nil {
		t.Errorf("it was run, or its values invented: %v", out.Values)
	}
}

func TestG28PreviewOfUnknownArguments(t *testing.T) {
	dir := t.TempDir()
	actiontest.Write(t, dir+"/x", "a\n", 0o644)
	actiontest.OK(t, os.Symlink("a", dir+"/link"))
	for _, c := range []struct {
		want    wire.Verb
		name    string
		args    args
		unknown []string
	}{
		{wire.VerbUpdate, "file", args{"path": dir + "/x"}, []string{"content"}},
		{wire.VerbUpdate, "file", args{"path": dir + "/x"}, []string{"source"}},
		{wire.VerbCreate, "file", args{"path": dir + "/new"}, []string{"content"}},
		{wire.VerbUpdate, "file", args{"path": dir + "/x", "content": "a\n"}, []string{"mode"}},
		{wire.VerbUpdate, "file", args{"path": dir + "/x", "content": "a\n"}, []string{"owner"}},
		{wire.VerbCreate, "file", args{"path": dir + "/new", "content": "a\n"}, []string{"group"}},
		{wire.VerbUpdate, "file", args{"content": "a\n"}, []string{"path"}},
		{wire.VerbUpdate, "file", args{"path": dir + "/x"}, []string{"state"}},
		{wire.VerbUpdate, "directory", args{"path": dir}, []string{"mode"}},
		{wire.VerbCreate, "directory", args{"path": dir + "/new"}, []string{"owner"}},
		{wire.VerbUpdate, "directory", args{}, []string{"path"}},
		{wire.VerbUpdate, "symlink", args{"path": dir + "/link"}, []string{"target"}},
		{wire.VerbCreate, "symlink", args{"path": dir + "/new"}, []string{"target"}},
		{wire.VerbRun, "command", args{}, []string{"argv"}},
		{wire.VerbRun, "command", args{"argv": []string{"/bin/true"}}, []string{"changes"}},
		{wire.VerbRun, "command", args{"argv": []string{"/bin/true"}}, []string{"creates"}},
		{wire.VerbRead, "command", args{"changes": false}, []string{"argv"}},
		{wire.VerbRead, "shell", args{"script": "touch " + dir + "/ran", "changes": false}, []string{"stdin"}},
		{wire.VerbRun, "shell", args{}, []string{"script"}},
	} {
		p := newPipeline(t)
		before := actiontest.Snapshot(t, dir)
		out := p.expect(c.want, c.name, c.args, c.unknown...)
		if !slices.Equal(out.Change.Unknown, c.unknown) && !slices.Equal(out.Change.Unknown, []string{"content"}) {
			t.Errorf("%s %v: unknown %v, want %v", c.name, c.args, out.Change.Unknown, c.unknown)
		}
		if out.Values != nil {
			t.Errorf("%s %v: values %v", c.name, c.args, out.Values)
		}
		if after := actiontest.AttributesOf(t, out.After); after[c.unknown[0]] != nil {
			t.Errorf("%s %v: it says %v", c.name, c.args, after)
		}
		if actiontest.Snapshot(t, dir) != before {
			t.Errorf("%s %v changed something", c.name, c.args)
		}
	}
}

// What is planned later is compared with what was planned before, also where the content is not kept.
func TestPreviewComparesWithoutTheContent(t *testing.T) {
	p := newPipeline(t)
	dir := t.TempDir()
	large := strings.Repeat("x", 200<<10)
	for i := range 40 {
		p.expect(wire.VerbCreate, "file", args{"path": dir + "/" + string(rune('A'+i)), "content": large})
	}
	p.expect(wire.VerbNone, "file", args{"path": dir + "/A", "content": large})
	p.expect(wire.VerbNone, "file", args{"path": dir + "/Z", "content": large})
	out := p.expect(wire.VerbUpdate, "file", args{"path": dir + "/Z", "content": "y"})
	if !strings.Contains(out.Change.Diff, "too large to be compared") {
		t.Errorf("diff %q", out.Change.Diff)
	}
}
