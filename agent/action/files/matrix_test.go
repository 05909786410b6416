//go:build linux

package files_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"runner/agent/action"
	"runner/agent/action/actiontest"
	"runner/agent/wire"
)

// state is what can be at a path before a task.
type state struct {
	name string
	make func(t testing.TB, path string)
	root bool // only root can make it
}

func states() []state {
	file := func(content string, perm uint32) func(testing.TB, string) {
		return func(t testing.TB, path string) { t.Helper(); actiontest.Write(t, path, content, perm) }
	}
	return []state{
		{"absent", func(testing.TB, string) {}, false},
		{"equal", file("hello\n", 0o640), false},
		{"other content", file("other\n", 0o640), false},
		{"other content of the same size", file("hallo\n", 0o640), false},
		{"other mode", file("hello\n", 0o600), false},
		{"setuid", file("hello\n", 0o4755), false},
		{"read-only", file("hello\n", 0o400), false},
		{"unreadable", file("hello\n", 0), false},
		{"other owner", func(t testing.TB, path string) {
			t.Helper()
			actiontest.Write(t, path, "hello\n", 0o640)
			actiontest.OK(t, os.Chown(path, 1234, -1))
		}, true},
		{"other group", func(t testing.TB, path string) {
			t.Helper()
			actiontest.Write(t, path, "hello\n", 0o640)
			actiontest.OK(t, os.Chown(path, -1, 1234))
		}, true},
		{"setuid of another", func(t testing.TB, path string) {
			t.Helper()
			actiontest.Write(t, path, "hello\n", 0o640)
			actiontest.OK(t, os.Chown(path, 1234, 1234))
			actiontest.OK(t, unix.Chmod(path, 0o6755))
		}, true},
		{"hard link", func(t testing.TB, path string) {
			t.Helper()
			actiontest.Write(t, path+".other", "other\n", 0o640)
			actiontest.OK(t, os.Link(path+".other", path))
		}, false},
		{"link to a file", func(t testing.TB, path string) {
			t.Helper()
			actiontest.Write(t, path+".target", "hello\n", 0o640)
			actiontest.OK(t, os.Symlink(path+".target", path))
		}, false},
		{"link to a directory", func(t testing.TB, path string) {
			t.Helper()
			actiontest.OK(t, os.Mkdir(path+".target", 0o755))
			actiontest.OK(t, os.Symlink(filepath.Base(path)+".target", path))
		}, false},
		{"dangling link", func(t testing.TB, path string) { t.Helper(); actiontest.OK(t, os.Symlink("nowhere", path)) }, false},
		{"link to itself", func(t testing.TB, path string) { t.Helper(); actiontest.OK(t, os.Symlink(path, path)) }, false},
		{"empty directory", func(t testing.TB, path string) { t.Helper(); actiontest.OK(t, os.Mkdir(path, 0o755)) }, false},
		{"other directory", func(t testing.TB, path string) { t.Helper(); actiontest.OK(t, os.Mkdir(path, 0o2700)) }, false},
		{"closed directory", func(t testing.TB, path string) { t.Helper(); actiontest.OK(t, os.Mkdir(path, 0)) }, false},
		{"full directory", func(t testing.TB, path string) {
			t.Helper()
			actiontest.OK(t, os.MkdirAll(path+"/a/b", 0o755))
			actiontest.Write(t, path+"/a/file", "x", 0o644)
			actiontest.OK(t, os.Symlink("/etc", path+"/a/b/etc"))
		}, false},
		{"pipe", func(t testing.TB, path string) { t.Helper(); actiontest.OK(t, unix.Mkfifo(path, 0o644)) }, false},
		{"device", func(t testing.TB, path string) {
			t.Helper()
			actiontest.OK(t, unix.Mknod(path, unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
		}, true},
	}
}

type wish struct {
	name   string
	action string
	args   args
	root   bool // actiontest.Nobody else can have it
}

func wishes() []wish {
	return []wish{
		{"file exists", "file", args{}, false},
		{"file content", "file", args{"content": "hello\n"}, false},
		{"file content mode", "file", args{"content": "hello\n", "mode": "0640"}, false},
		{"file setuid", "file", args{"content": "hello\n", "mode": "4755"}, false},
		{"file mode", "file", args{"mode": "0604"}, false},
		{"file owner", "file", args{"owner": "1234", "group": "1234"}, true},
		{"file content owner mode", "file", args{"content": "new\n", "owner": "1234", "group": "1235", "mode": "6711"}, true},
		{"file named owner", "file", args{"content": "hello\n", "owner": "nobody"}, false},
		{"file in place", "file", args{"content": "in place\n", "in_place": true, "mode": "0600"}, false},
		{"file durable", "file", args{"content": "durable\n", "durable": true}, false},
		{"file empty", "file", args{"content": ""}, false},
		{"file absent", "file", args{"state": "absent"}, false},
		{"line", "line", args{"line": "hello", "create": true, "mode": "0604"}, false},
		{"line absent", "line", args{"regex": "^h", "state": "absent"}, false},
		{"replace in place", "replace", args{"regex": "\\bhello\\b", "with": "replaced", "in_place": true}, false},
		{"ini", "ini", args{"section": "s", "key": "k", "value": "v", "create": true, "owner": "1234"}, true},
		{"directory", "directory", args{}, false},
		{"directory mode", "directory", args{"mode": "0750"}, false},
		{"directory owner", "directory", args{"mode": "1777", "owner": "1234", "group": "1234"}, true},
		{"directory absent", "directory", args{"state": "absent"}, false},
		{"symlink", "symlink", args{"target": "nowhere"}, false},
		{"symlink other", "symlink", args{"target": "/etc"}, false},
		{"symlink absent", "symlink", args{"state": "absent"}, false},
	}
}

// G28, G30: whatever is there, what Look predicts is what Act does, Look leaves everything as it is, the second Look
// finds nothing to do, and what cannot be done leaves everything as it is.
func TestG28MatrixOfStatesAndWishes(t *testing.T) {
	umask := unix.Umask(0o027) // modes must not depend on it
	defer unix.Umask(umask)
	for _, s := range states() {
		for _, w := range wishes() {
			if os.Geteuid() != 0 && s.root {
				continue // it runs as root elsewhere; a user cannot make that state
			}
			t.Run(s.name+"/"+w.name, func(t *testing.T) { matrix(t, s, w) })
		}
	}
}

func TestG28MatrixAsAnOrdinaryUser(t *testing.T) {
	actiontest.AsNobody(t, "TestG28MatrixOfStatesAndWishes")
}

func matrix(t *testing.T, s state, w wish) {
	b := actiontest.New(t)
	dir := t.TempDir()
	t.Cleanup(func() { // so that it can be removed; a link leads to what is not ours
		if info, err := os.Lstat(dir + "/x"); err == nil && info.IsDir() {
			_ = unix.Chmod(dir+"/x", 0o700)
		}
	})
	s.make(t, dir+"/x")
	a := actiontest.Merged(w.args, args{"path": dir + "/x"})
	before := actiontest.Snapshot(t, dir)

	predicted, predictedErr := b.Preview(w.action, a)
	if now := actiontest.Snapshot(t, dir); now != before {
		t.Fatalf("Look changed something:\n%s\n%s", before, now)
	}
	did, err := b.Apply(w.action, a)
	t.Logf("%s %v %v", predicted.Change.Verb, predictedErr, actiontest.AttributesOf(t, predicted.After))
	if (predictedErr == nil) != (err == nil) {
		t.Fatalf("predicted %v, got %v", predictedErr, err)
	}
	if err != nil {
		if now := actiontest.Snapshot(t, dir); now != before {
			t.Fatalf("%v, and something was changed:\n%s\n%s", err, before, now)
		}
		problem, isProblem := err.(*wire.Problem) //nolint:errorlint // it is what crosses the wire
		if !isProblem || problem.Code != wire.CodeAction || !strings.Contains(err.Error(), dir+"/x") || problem.Hint == "" {
			t.Fatalf("not a named error with a hint: %#v", err)
		}
		return
	}
	if !reflect.DeepEqual(predicted.Change, did.Change) || !reflect.DeepEqual(predicted.Before, did.Before) || !reflect.DeepEqual(predicted.After, did.After) {
		t.Errorf("predicted %+v, got %+v", predicted, did)
	}
	if predicted.Values != nil && !reflect.DeepEqual(predicted.Values, did.Values) {
		t.Errorf("predicted %v, got %v", predicted.Values, did.Values)
	}
	if did.Change.Verb == wire.VerbNone && actiontest.Snapshot(t, dir) != before {
		t.Errorf("none, and something was changed")
	}
	holds(t, dir+"/x", a, did)

	settled := actiontest.Snapshot(t, dir)
	again, err := b.Preview(w.action, a)
	if err != nil {
		t.Fatal(err)
	}
	b.Verb(again, wire.VerbNone)
	if w.action != "directory" && !reflect.DeepEqual(again.Values, did.Values) {
		t.Errorf("the second time %v, the first time %v", again.Values, did.Values)
	}
	b.Must(w.action, a)
	if now := actiontest.Snapshot(t, dir); now != settled {
		t.Errorf("applied twice:\n%s\n%s", settled, now)
	}
}

// holds checks the wish with other means than the action's own.
func holds(t *testing.T, path string, a args, did action.Outcome) {
	t.Helper()
	var st unix.Stat_t
	err := unix.Lstat(path, &st)
	if a["state"] == "absent" {
		if err == nil && a["regex"] == nil {
			t.Errorf("it is still there")
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if target, ok := a["target"].(string); ok {
		if got, _ := os.Readlink(path); got != target {
			t.Errorf("target %q", got)
		}
		return
	}
	actiontest.OK(t, unix.Stat(path, &st))
	after := actiontest.AttributesOf(t, did.After)
	if mode, ok := a["mode"].(string); ok && strings.TrimLeft(mode, "0") != strings.TrimLeft(octal(st.Mode&0o7777), "0") {
		t.Errorf("mode %o, want %s", st.Mode&0o7777, mode)
	}
	if after != nil && after["mode"] != octal(st.Mode&0o7777) {
		t.Errorf("mode %o, said %v", st.Mode&0o7777, after["mode"])
	}
	if a["owner"] == "1234" && st.Uid != 1234 || a["group"] == "1235" && st.Gid != 1235 {
		t.Errorf("owner %d:%d", st.Uid, st.Gid)
	}
	if content, ok := a["content"].(string); ok {
		_ = os.Chmod(path, 0o600|os.FileMode(st.Mode&0o777))
		if got := actiontest.Read(t, path); got != content {
			t.Errorf("content %q", got)
		}
		ok2 := unix.Chmod(path, st.Mode&0o7777)
		if ok2 != nil {
			t.Error(ok2)
		}
	}
}

func octal(perm uint32) string {
	const digits = "01234567"
	return string([]byte{digits[perm>>9&7], digits[perm>>6&7], digits[perm>>3&7], digits[perm&7]})
}
