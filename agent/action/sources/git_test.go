//go:build linux

package sources_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"runner/agent/action/actiontest"
	"runner/agent/wire"
)

type args = actiontest.Args

// upstream is a repository with two commits on main, one on side, and a tag at the first.
type upstream struct {
	testing.TB
	path, url   string
	first, main string // commits
	side        string
}

func newUpstream(t testing.TB) *upstream {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("there is no git here")
	}
	home := t.TempDir()
	for name, value := range map[string]string{
		"HOME": home, "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.net",
		"GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.net",
	} {
		t.(interface{ Setenv(name, value string) }).Setenv(name, value)
	}
	actiontest.Write(t, home+"/.gitconfig", "[init]\n\tdefaultBranch = main\n\ttemplateDir = /nowhere\n", 0o600)
	u := &upstream{TB: t, path: filepath.Join(t.TempDir(), "up stream")}
	u.url = "file://" + u.path
	u.git("", "init", "-q", u.path)
	u.first = u.commit("one")
	u.git(u.path, "tag", "-a", "-m", "first", "v1")
	u.git(u.path, "checkout", "-q", "-b", "side")
	u.side = u.commit("aside")
	u.git(u.path, "checkout", "-q", "main")
	u.main = u.commit("two")
	return u
}

func (u *upstream) commit(content string) string {
	u.Helper()
	actiontest.Write(u, u.path+"/file", content+"\n", 0o644)
	u.git(u.path, "add", "file")
	u.git(u.path, "commit", "-q", "-m", content)
	return u.git(u.path, "rev-parse", "HEAD")
}

func (u *upstream) git(dir string, args ...string) string {
	u.Helper()
	c := exec.Command("git", args...)
	c.Dir = dir
	out, err := c.CombinedOutput()
	if err != nil {
		u.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// situations are what can be at the path before a task.
func (u *upstream) situations() map[string]func(path string) {
	clone := func(more ...string) func(string) {
		return func(path string) { u.git("", append(append([]string{"clone", "-q"}, more...), u.url, path)...) }
	}
	and := func(first func(string), then func(path string)) func(string) {
		return func(path string) { first(path); then(path) }
	}
	return map[string]func(string){
		"absent":          func(string) {},
		"empty directory": func(path string) { actiontest.OK(u, os.Mkdir(path, 0o750)) },
		"full directory": func(path string) {
			actiontest.OK(u, os.Mkdir(path, 0o755))
			actiontest.Write(u, path+"/mine", "x", 0o600)
		},
		"file":          func(path string) { actiontest.Write(u, path, "x", 0o600) },
		"dangling link": func(path string) { actiontest.OK(u, os.Symlink("elsewhere", path)) },
		"link to a directory": func(path string) {
			clone()(path + ".real")
			actiontest.OK(u, os.Symlink(filepath.Base(path)+".real", path))
		},
		"current":   clone(),
		"behind":    and(clone(), func(path string) { u.git(path, "reset", "-q", "--hard", u.first) }),
		"detached":  and(clone(), func(path string) { u.git(path, "checkout", "-q", "v1") }),
		"on side":   clone("--branch", "side"),
		"shallow":   clone("--depth", "1"),
		"bare":      clone("--bare"),
		"untracked": and(clone(), func(path string) { actiontest.Write(u, path+"/mine", "x", 0o600) }),
		"in the way": and(clone("--branch", "v1"), func(path string) {
			u.git(path, "rm", "-q", "--cached", "file")
			u.git(path, "commit", "-q", "-m", "less")
		}),
		"modified":     and(clone(), func(path string) { actiontest.Write(u, path+"/file", "mine\n", 0o644) }),
		"old modified": and(clone("--branch", "v1"), func(path string) { actiontest.Write(u, path+"/file", "mine\n", 0o644) }),
		"staged": and(clone(), func(path string) {
			actiontest.Write(u, path+"/new", "mine\n", 0o644)
			u.git(path, "add", "new")
		}),
		"local commit": and(clone(), func(path string) {
			actiontest.Write(u, path+"/file", "mine\n", 0o644)
			u.git(path, "commit", "-q", "-a", "-m", "mine")
		}),
		"local commit on another branch": and(clone("--branch", "side"), func(path string) {
			u.git(path, "checkout", "-q", "main")
			u.git(path, "commit", "-q", "--allow-empty", "-m", "mine")
			u.git(path, "checkout", "-q", "side")
		}),
		"other remote": and(clone(), func(path string) { u.git(path, "remote", "set-url", "origin", "/nowhere") }),
		"no remote":    and(clone(), func(path string) { u.git(path, "remote", "remove", "origin") }),
		"no commit":    func(path string) { u.git("", "init", "-q", path) },
	}
}

// G28: whatever is there, what Look predicts is what Act does, Look leaves everything as it is, the second time there is
// nothing to do, and what cannot be done leaves everything as it is. Nothing that only the working copy has is lost.
func TestG28GitMatrix(t *testing.T) {
	u := newUpstream(t)
	wishes := map[string]args{
		"main": {}, "side": {"version": "side", "depth": 1}, "tag": {"version": "v1", "remote": "upstream"},
		"force": {"force": true, "version": "main"},
	}
	want := map[string]string{"side": u.side, "tag": u.first}
	refused := map[string]bool{}
	for situation, prepare := range u.situations() {
		for wish, a := range wishes {
			t.Run(situation+"/"+wish, func(t *testing.T) {
				b := actiontest.New(t)
				dir := t.TempDir()
				path := dir + "/x"
				prepare(path)
				a := actiontest.Merged(a, args{"url": u.url, "path": path})
				err := gitMatrix(t, b, dir, a)
				if err != nil {
					refused[situation+"/"+wish] = true
					return
				}
				commit := want[wish]
				if commit == "" {
					commit = u.main
				}
				if got := u.git(path, "rev-parse", "HEAD"); got != commit {
					t.Errorf("at %s, want %s", got, commit)
				}
				if branch := u.git(path, "branch", "--show-current"); (branch == "") != (want[wish] == u.first) {
					t.Errorf("on branch %q", branch)
				}
				u.git(path, "fsck", "--no-dangling")
				if situation == "untracked" && actiontest.Read(t, path+"/mine") != "x" {
					t.Error("the untracked file is gone")
				}
				if lost := u.git(path, "status", "--porcelain", "--untracked-files=no"); wish == "force" && lost != "" {
					t.Errorf("still there: %s", lost)
				}
			})
		}
	}
	for _, must := range []string{
		"old modified/main", "local commit/main", "modified/tag", "local commit on another branch/main", "full directory/force", "file/force", "bare/main", "in the way/main",
	} {
		if !refused[must] {
			t.Errorf("%s was not refused", must)
		}
	}
	for _, never := range []string{"modified/main", "untracked/tag", "local commit/force", "behind/main", "detached/side", "other remote/main", "empty directory/tag"} {
		if refused[never] {
			t.Errorf("%s was refused", never)
		}
	}
}

func gitMatrix(t *testing.T, b *actiontest.Bench, dir string, a args) error {
	t.Helper()
	before := actiontest.Snapshot(t, dir)
	predicted, predictedErr := b.Preview("git", a)
	same(t, "after a look", before, actiontest.Snapshot(t, dir))
	did, err := b.Apply("git", a)
	if (predictedErr == nil) != (err == nil) {
		t.Fatalf("predicted %v, got %v", predictedErr, err)
	}
	if err != nil {
		same(t, err.Error(), before, actiontest.Snapshot(t, dir))
		t.Log(err)
		return err
	}
	if !reflect.DeepEqual(predicted, did) {
		t.Errorf("predicted %+v, got %+v", predicted, did)
	}
	settled := actiontest.Snapshot(t, dir)
	again := b.Must("git", a)
	b.Verb(again, wire.VerbNone)
	same(t, "applied twice", settled, actiontest.Snapshot(t, dir))
	return nil
}

// same fails the test where two snapshots differ, and shows the lines that do.
func same(t *testing.T, when, before, now string) {
	t.Helper()
	was, is := strings.Split(before, "\n"), strings.Split(now, "\n")
	for i, line := range was {
		if len(was) != len(is) || is[i] != line {
			t.Fatalf("%s, something was changed:\n%s\n%s", when, line, is[min(i, len(is)-1)])
		}
	}
}

func TestGitFollowsItsBranchAndTags(t *testing.T) {
	u := newUpstream(t)
	b := actiontest.New(t)
	path := t.TempDir() + "/x"
	for depth := range 2 {
		a := args{"url": u.url, "path": fmt.Sprint(path, depth), "version": "main", "depth": depth}
		if depth == 0 {
			delete(a, "depth")
		}
		b.Must("git", a)
		before := u.git(u.path, "rev-parse", "HEAD")
		after := u.commit(fmt.Sprint("more", depth))
		out := b.Must("git", a)
		if got := []any{actiontest.Result(out, "before"), actiontest.Result(out, "after"), actiontest.Result(out, "branch")}; !reflect.DeepEqual(got, []any{before, after, "main"}) {
			t.Errorf("results %v", got)
		}
		// A branch that was written anew is followed too: what was there came from the remote.
		u.git(u.path, "commit", "-q", "--amend", "-m", "again")
		b.Verb(b.Must("git", a), wire.VerbUpdate)
		u.git(u.path, "tag", "-f", "v1")
		tag := actiontest.Merged(a, args{"version": "v1"})
		predicted, err := b.Preview("git", tag)
		actiontest.OK(t, err)
		if branch, is := predicted.After["branch"]; is || predicted.Before["branch"] != "main" {
			t.Errorf("of a tag the preview shows the branch %q, before %q", branch, predicted.Before["branch"])
		}
		b.Must("git", tag)
		b.Verb(b.Must("git", tag), wire.VerbNone)
	}
}

func TestGitTakesACommitAndLeavesIt(t *testing.T) {
	u := newUpstream(t)
	b := actiontest.New(t)
	dir := t.TempDir()
	for _, more := range []args{{"path": dir + "/x", "depth": 1}, {"path": dir + "/y"}} {
		a := actiontest.Merged(args{"url": u.url, "version": u.side}, more)
		b.Verb(b.Must("git", a), wire.VerbCreate)
		if got := u.git(a["path"].(string), "rev-parse", "HEAD"); got != u.side {
			t.Errorf("at %s", got)
		}
		actiontest.OK(t, os.Rename(u.path, u.path+".gone")) // the remote is not needed any more
		b.Verb(b.Must("git", a), wire.VerbNone)
		b.Verb(b.Must("git", actiontest.Merged(a, args{"version": u.first, "update": false})), wire.VerbNone)
		actiontest.OK(t, os.Rename(u.path+".gone", u.path))
		b.Verb(b.Must("git", actiontest.Merged(a, args{"version": u.first})), wire.VerbUpdate)
	}
}

func TestGitChecksOutSubmodules(t *testing.T) {
	u, inner := newUpstream(t), newUpstream(t)
	u.git("", "config", "--global", "protocol.file.allow", "always")
	u.git("", "config", "--global", "init.defaultBranch", "main")
	u.git(u.path, "submodule", "--quiet", "add", inner.url, "inner")
	u.git(u.path, "commit", "-q", "-m", "inner")
	b := actiontest.New(t)
	dir := t.TempDir()
	a := args{"url": u.url, "path": dir + "/x", "submodules": true}
	if err := gitMatrix(t, b, dir, a); err != nil {
		t.Fatal(err)
	}
	if got := actiontest.Read(t, dir+"/x/inner/file"); got != "two\n" {
		t.Errorf("in the submodule: %q", got)
	}
	u.git(dir+"/x/inner", "checkout", "-q", inner.first)
	b.Verb(b.Must("git", a), wire.VerbUpdate)
	if got := actiontest.Read(t, dir+"/x/inner/file"); got != "two\n" {
		t.Errorf("in the submodule: %q", got)
	}
	b.Verb(b.Must("git", a), wire.VerbNone)
}

func TestGitErrorsAreNamed(t *testing.T) {
	u := newUpstream(t)
	b := actiontest.New(t)
	dir := t.TempDir()
	for _, c := range []struct {
		args args
		want string
	}{
		{args{"version": "nothing"}, "has no such branch or tag"},
		{args{"version": strings.Repeat("a", 40)}, "git fetch ended with status 128"},
		{args{"version": u.first[:10]}, "has no such branch or tag"},
		{args{"url": "file:///nowhere"}, "git ls-remote ended with status 128"},
		{args{"path": dir + "/no/x"}, "does not exist"},
		{args{"path": "/proc/x"}, "cannot check out into /proc/x"},
	} {
		before := actiontest.Snapshot(t, dir)
		_, err := b.Apply("git", actiontest.Merged(args{"url": u.url, "path": dir + "/x"}, c.args))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v", c.args, err)
		}
		if now := strings.Join(actiontest.Entries(t, dir), " "); now != "" {
			t.Errorf("%v: left %s, before %s", c.args, now, before)
		}
	}
	env := b.Env(wire.ModeApply)
	env.Environ = []string{"PATH=/nowhere"}
	if _, err := b.ApplyIn(env, "git", args{"url": u.url, "path": dir + "/x"}); err == nil || !strings.Contains(err.Error(), "cannot start git") {
		t.Error(err)
	}
	// Another git is at work there, or was killed.
	a := args{"url": u.url, "path": dir + "/busy"}
	b.Must("git", actiontest.Merged(a, args{"version": u.first}))
	actiontest.Write(t, dir+"/busy/.git/index.lock", "", 0o600)
	_, err := b.Apply("git", a)
	if p, is := asProblem(err); !is || !strings.Contains(p.Quote, "index.lock': File exists") || !strings.Contains(p.Hint, "Another git works there") {
		t.Errorf("%#v", err)
	}
	if now := u.git(dir+"/busy", "rev-parse", "HEAD"); now != u.first || actiontest.Read(t, dir+"/busy/file") != "one\n" {
		t.Errorf("it is at %s, and the file is %q", now, actiontest.Read(t, dir+"/busy/file"))
	}
	actiontest.OK(t, os.Remove(dir+"/busy/.git/index.lock"))
	b.Must("git", a)
	for _, name := range []string{"git", "extract"} { // what only changes files before brings neither git nor xz
		env = b.Env(wire.ModeLook)
		env.Environ, env.Unsettled = []string{"PATH=/nowhere"}, true
		packed := filepath.Join(t.TempDir(), "packed")
		actiontest.OK(t, os.WriteFile(packed, []byte("\xfd7zXZ\x00and more"), 0o600))
		a := map[string]args{"git": {"url": u.url, "path": dir + "/x"}, "extract": {"archive": packed, "path": dir + "/x"}}[name]
		if _, err := b.Make(name, a).Look(t.Context(), env); err == nil || !strings.Contains(err.Error(), "cannot start ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	env = b.Env(wire.ModeLook)
	env.Unsettled = true
	unreached, err := b.Make("git", args{"url": "file:///nowhere", "path": dir + "/x"}).Look(t.Context(), env)
	const why = "git ls-remote ended with status 128: fatal: '/nowhere' does not appear to be a git repository; a task that runs before may change that"
	if err != nil || !reflect.DeepEqual(unreached.Change.Unknown, []string{"commit"}) || unreached.Change.Why != why {
		t.Errorf("where something may be changed before: %+v, %v", unreached.Change, err)
	}
	env = b.Env(wire.ModeLook)
	env.Environ, env.Unsettled = []string{"PATH=/nowhere"}, true
	env.View.Disturb()
	out, err := b.Make("git", args{"url": u.url, "path": dir + "/x"}).Look(t.Context(), env)
	if err != nil || out.Change.Verb != wire.VerbCreate || !reflect.DeepEqual(out.Change.Unknown, []string{"commit"}) {
		t.Errorf("where git may be installed by then: %+v, %v", out.Change, err)
	}
	// What is in the directory is not known to later tasks of the plan.
	out, err = b.Make("file", args{"path": dir + "/x/y", "content": "z"}).Look(t.Context(), env)
	if err != nil || out.Change.Verb != wire.VerbCreate || len(out.Change.Unknown) == 0 {
		t.Errorf("a file in it: %+v, %v", out.Change, err)
	}
}

func asProblem(err error) (*wire.Problem, bool) { return errors.AsType[*wire.Problem](err) }

// Nothing that another user has put into a repository is run as root: neither from the working copy, whatever sudo and the configuration
// say, nor from a local remote, where git itself refuses.
func TestGitRunsNothingOfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	u := newUpstream(t)
	u.git("", "config", "--global", "safe.directory", "*")
	dir := t.TempDir()
	trap := func(path string, owned ...string) {
		u.git("", "clone", "-q", u.url, path)
		u.git(path, "reset", "-q", "--hard", u.first)
		actiontest.OK(t, os.MkdirAll(path+"/.git/hooks", 0o755))
		actiontest.Write(t, path+"/.git/hooks/post-checkout", "#!/bin/sh\ntouch "+dir+"/ran\n", 0o755)
		u.git(path, "config", "core.fsmonitor", path+"/.git/hooks/post-checkout")
		for _, name := range owned {
			actiontest.OK(t, os.Lchown(path+name, 65534, 65534))
		}
	}
	trap(dir+"/all", "", "/.git", "/.git/config")
	trap(dir+"/inner", "/.git", "/.git/config")
	actiontest.OK(t, os.Mkdir(dir+"/empty", 0o755))
	actiontest.OK(t, os.Chown(dir+"/empty", 65534, 65534))
	actiontest.OK(t, os.RemoveAll(dir+"/ran")) // of the test's own git
	b := actiontest.New(t)
	for name, at := range map[string]string{"/all": "/all", "/inner": "/inner/.git", "/empty": "/empty"} {
		for _, mode := range []wire.Mode{wire.ModeLook, wire.ModeApply} {
			env := b.Env(mode)
			env.Environ = append(env.Environ, "SUDO_UID=65534")
			_, err := b.Make("git", args{"url": u.url, "path": dir + name}).Look(t.Context(), env)
			p, is := asProblem(err)
			if !is || !strings.Contains(p.Message, dir+at+" belongs to nobody") || !strings.Contains(p.Hint, `run_as = "nobody"`) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if _, err := os.Lstat(dir + "/ran"); err == nil {
		t.Error("another user's program was run")
	}

	out, err := exec.Command("chown", "-R", "65534", u.path).CombinedOutput()
	if err != nil {
		t.Fatalf("%s", out)
	}
	a := args{"url": u.url, "path": dir + "/of another"}
	if err := gitMatrix(t, b, dir, a); err != nil { // safe.directory allows it
		t.Error(err)
	}
	u.git("", "config", "--global", "--unset", "safe.directory")
	env := b.Env(wire.ModeLook)
	env.Environ = append(env.Environ, "SUDO_UID=65534")
	_, err = b.Make("git", args{"url": u.url, "path": dir + "/another"}).Look(t.Context(), env)
	if p, is := asProblem(err); !is || !strings.Contains(p.Quote, "dubious ownership") || !strings.Contains(p.Hint, "run_as") {
		t.Errorf("a remote of another user: %v", err)
	}
}
