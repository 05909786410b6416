//go:build linux

package files_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"runner/agent/action"
	"runner/agent/action/actiontest"
	"runner/agent/wire"
)

// tmpfs mounts a small file system.
func tmpfs(t *testing.T, options string) string {
	t.Helper()
	actiontest.NeedsRoot(t)
	dir := t.TempDir()
	if err := unix.Mount("none", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("needs to mount: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

// large makes arguments for content that comes as the input, and an environment that gives it.
func large(b *actiontest.Bench, size int64, seed byte) (args, *action.Env) {
	b.Helper()
	digest := sha256.New()
	_, err := io.Copy(digest, io.LimitReader(pattern(seed), size))
	actiontest.OK(b, err)
	env := b.Env(wire.ModeApply)
	env.Input = func() io.Reader { return io.LimitReader(pattern(seed), size) }
	return args{"content_size": size, "content_sha256": hex.EncodeToString(digest.Sum(nil))}, env
}

type pattern byte

func (p pattern) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(p)
	}
	return len(b), nil
}

// G29: a full disk leaves the old file as it is and nothing else.
func TestG29FullDisk(t *testing.T) {
	b := actiontest.New(t)
	dir := tmpfs(t, "size=1m,mode=0755")
	actiontest.Write(t, dir+"/old", "precious\n", 0o640)
	before := actiontest.Snapshot(t, dir)
	half, whole := strings.Repeat("x", 600<<10), strings.Repeat("y", 250<<10)
	for _, a := range []args{
		{"path": dir + "/old"},
		{"path": dir + "/new"},
		{"path": dir + "/old", "in_place": true},
		{"path": dir + "/old", "backup": true},
		{"path": dir + "/old", "durable": true, "mode": "0600"},
	} {
		streamed, env := large(b, 2<<20, 'z')
		_, err := b.ApplyIn(env, "file", actiontest.Merged(a, streamed))
		noRoom(t, err, a["path"].(string))
		if now := actiontest.Snapshot(t, dir); now != before {
			t.Fatalf("%v left\n%s\nof\n%s", a, now, before)
		}
	}
	b.Must("file", args{"path": dir + "/ballast", "content": half})
	before = actiontest.Snapshot(t, dir)
	for _, a := range []args{{"path": dir + "/old"}, {"path": dir + "/new"}, {"path": dir + "/old", "in_place": true}} {
		_, err := b.Apply("file", actiontest.Merged(a, args{"content": whole + whole}))
		noRoom(t, err, a["path"].(string))
		if now := actiontest.Snapshot(t, dir); now != before {
			t.Fatalf("%v left\n%s\nof\n%s", a, now, before)
		}
	}
	b.Must("file", args{"path": dir + "/old", "content": whole})
}

func noRoom(t *testing.T, err error, path string) {
	t.Helper()
	var p *wire.Problem
	if !errors.As(err, &p) || p.Code != wire.CodeAction || !strings.Contains(p.Message, path) ||
		!strings.Contains(p.Message, "no space left on device") || !strings.Contains(p.Hint, "Make room") {
		t.Fatalf("got %#v", err)
	}
}

// G29: whatever a file had before and the task does not speak of, it has afterwards.
func TestG29ReplacingKeepsOwnerModeAttributesAndACL(t *testing.T) {
	actiontest.NeedsRoot(t)
	b := actiontest.New(t)
	dir := t.TempDir()
	actiontest.OK(t, os.Chmod(dir, 0o755))
	path := dir + "/x"
	actiontest.Write(t, path, "old\n", 0o640)
	actiontest.OK(t, os.Chown(path, 1234, 1235))
	actiontest.OK(t, unix.Chmod(path, 0o4755))
	set := map[string]string{
		"user.note":               "kept",
		"trusted.note":            "kept as well",
		"security.note":           "and this",
		"security.capability":     capability(0x2000),
		"system.posix_acl_access": acl(7, 5, 4, 5),
	}
	for name, value := range set {
		if err := unix.Setxattr(path, name, []byte(value), 0); err != nil {
			t.Skipf("needs a file system with %s: %v", name, err)
		}
	}
	// What the directory would give a new file must not come along.
	actiontest.OK(t, unix.Setxattr(dir, "system.posix_acl_default", []byte(acl(7, 7, 7, 7)), 0))
	for _, a := range []args{{"content": "new\n"}, {"content": "newer\n", "mode": "4711"}, {"content": "newest\n", "backup": true}, {"content": "inside\n", "in_place": true}} {
		before := actiontest.XAttrs(path)
		b.Must("file", actiontest.Merged(a, args{"path": path}))
		var st unix.Stat_t
		actiontest.OK(t, unix.Lstat(path, &st))
		want := uint32(0o4755)
		if a["mode"] != nil {
			want = 0o4711
			actiontest.OK(t, unix.Chmod(path, 0o4755))
		}
		if st.Uid != 1234 || st.Gid != 1235 || st.Mode&0o7777 != want {
			t.Errorf("%v: %d:%d %o", a, st.Uid, st.Gid, st.Mode&0o7777)
		}
		after := actiontest.XAttrs(path)
		for name := range set {
			if a["in_place"] != nil && name == "security.capability" {
				continue // the system takes it away from whoever writes
			}
			if a["mode"] != nil && name == "system.posix_acl_access" {
				continue // the mode is part of it
			}
			if before[name] != after[name] {
				t.Errorf("%v: %s was %q, is %q", a, name, before[name], after[name])
			}
		}
	}
	plain := dir + "/plain"
	actiontest.Write(t, plain, "old\n", 0o640)
	actiontest.OK(t, unix.Removexattr(plain, "system.posix_acl_access"))
	b.Must("file", args{"path": plain, "content": "new\n"})
	if got := actiontest.XAttrs(plain); len(got) > 0 {
		t.Errorf("a file without an ACL got %v", got)
	}
}

func acl(user, named, group, mask byte) string {
	entry := func(tag, perm byte, id uint32) []byte {
		return []byte{tag, 0, perm, 0, byte(id), byte(id >> 8), byte(id >> 16), byte(id >> 24)}
	}
	const none = 1<<32 - 1
	return string(bytes.Join([][]byte{
		{2, 0, 0, 0}, entry(1, user, none), entry(2, named, 1), entry(4, group, none), entry(16, mask, none), entry(32, 5, none),
	}, nil))
}

// capability is a file capability in the kernel's form (version 2).
func capability(permitted uint32) string {
	b := make([]byte, 20)
	b[3] = 2
	b[4], b[5] = byte(permitted), byte(permitted>>8)
	return string(b)
}

// G30: a mount point is named, never replaced, and written into where asked for.
func TestG30MountPoints(t *testing.T) {
	actiontest.NeedsRoot(t)
	b := actiontest.New(t)
	dir := t.TempDir()
	actiontest.Write(t, dir+"/source", "mounted\n", 0o644)
	actiontest.Write(t, dir+"/hosts", "below\n", 0o644)
	actiontest.OK(t, os.MkdirAll(dir+"/tree/deep/mnt", 0o755))
	actiontest.Write(t, dir+"/tree/deep/x", "kept\n", 0o644)
	for from, to := range map[string]string{"/source": "/hosts", "/": "/tree/deep/mnt"} {
		if err := unix.Mount(dir+from, dir+to, "", unix.MS_BIND, ""); err != nil {
			t.Skipf("needs to mount: %v", err)
		}
		t.Cleanup(func() { _ = unix.Unmount(dir+to, unix.MNT_DETACH) })
	}
	for _, a := range []args{{"content": "new\n"}, {"state": "absent"}} {
		a = actiontest.Merged(a, args{"path": dir + "/hosts"})
		for _, try := range []func(string, args) (action.Outcome, error){b.Preview, b.Apply} {
			if _, err := try("file", a); err == nil || !strings.Contains(err.Error(), "something is mounted there") {
				t.Errorf("%v: %v", a, err)
			}
		}
	}
	b.Must("file", args{"path": dir + "/hosts", "content": "mounted\n"})
	b.Must("file", args{"path": dir + "/hosts", "mode": "0600"})
	out := b.Must("file", args{"path": dir + "/hosts", "content": "longer than before\n", "in_place": true, "backup": true})
	b.Verb(out, wire.VerbUpdate)
	if actiontest.Read(t, dir+"/source") != "longer than before\n" || actiontest.Read(t, actiontest.Result(out, "backup").(string)) != "mounted\n" {
		t.Errorf("in place: %v", out.Values)
	}
	b.Must("file", args{"path": dir + "/hosts", "content": "short\n", "in_place": true})
	if actiontest.Read(t, dir+"/source") != "short\n" {
		t.Errorf("got %q", actiontest.Read(t, dir+"/source"))
	}
	streamed, env := large(b, 1<<20, 'q')
	if _, err := b.ApplyIn(env, "file", actiontest.Merged(streamed, args{"path": dir + "/hosts", "in_place": true})); err != nil {
		t.Error(err)
	}
	for _, path := range []string{"/tree", "/tree/deep", "/tree/deep/mnt"} {
		_, err := b.Preview("directory", args{"path": dir + path, "state": "absent"})
		_, err2 := b.Apply("directory", args{"path": dir + path, "state": "absent"})
		if err == nil || err2 == nil || !strings.Contains(err.Error(), "something is mounted") {
			t.Errorf("%s: %v, %v", path, err, err2)
		}
	}
	if actiontest.Read(t, dir+"/tree/deep/x") != "kept\n" {
		t.Error("something was removed")
	}
}

// G29: content that is not what was announced never goes live, and neither does part of it.
func TestG29StreamedContentIsVerified(t *testing.T) {
	b := actiontest.New(t)
	dir := t.TempDir()
	actiontest.Write(t, dir+"/x", "old\n", 0o644)
	before := actiontest.Snapshot(t, dir)
	size := int64(1 << 20)
	for name, input := range map[string]io.Reader{
		"short":   io.LimitReader(pattern('a'), size-1),
		"long":    io.LimitReader(pattern('a'), size+1),
		"other":   io.LimitReader(pattern('b'), size),
		"broken":  io.MultiReader(io.LimitReader(pattern('a'), 1000), broken{}),
		"nothing": strings.NewReader(""),
	} {
		for _, path := range []string{"/x", "/new"} {
			for _, inPlace := range []bool{false, true} {
				a, env := large(b, size, 'a')
				env.Input = func() io.Reader { return input }
				_, err := b.ApplyIn(env, "file", actiontest.Merged(a, args{"path": dir + path, "in_place": inPlace}))
				if err == nil || actiontest.Snapshot(t, dir) != before {
					t.Errorf("%s %s: %v\n%s", name, path, err, actiontest.Snapshot(t, dir))
				}
			}
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	a, env := large(b, size, 'a')
	why := errors.New("enough")
	env.Input = func() io.Reader { cancel(why); return io.MultiReader(io.LimitReader(pattern('a'), 1000), stopped{ctx}) }
	if _, err := actiontest.Run(ctx, env, b.Make("file", actiontest.Merged(a, args{"path": dir + "/x"}))); !errors.Is(err, why) && !strings.Contains(err.Error(), "enough") {
		t.Errorf("cancelled: %v", err)
	}
	if now := actiontest.Snapshot(t, dir); now != before {
		t.Errorf("cancelled:\n%s", now)
	}
}

// stopped is what a call's input is once the call was ended.
type stopped struct{ ctx context.Context }

func (s stopped) Read([]byte) (int, error) { return 0, context.Cause(s.ctx) }

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("the link is gone") }

// The input is asked for only where the content differs.
func TestStreamedContentIsAskedForOnlyWhereNeeded(t *testing.T) {
	b := actiontest.New(t)
	path := t.TempDir() + "/x"
	a, env := large(b, 1<<20, 'a')
	a["path"] = path
	predicted, err := b.Preview("file", a) // its environment fails the test when the input is asked for
	actiontest.OK(t, err)
	b.Verb(predicted, wire.VerbCreate)
	out, err := b.ApplyIn(env, "file", a)
	actiontest.OK(t, err)
	b.Verb(out, wire.VerbCreate)
	if !strings.Contains(out.Change.Diff, "too large to be compared: 0 bytes before, 1048576 bytes after") {
		t.Errorf("diff %q", out.Change.Diff)
	}
	b.Verb(b.Must("file", a), wire.VerbNone)
	b.Verb(b.Must("file", actiontest.Merged(a, args{"mode": "0600"})), wire.VerbUpdate)
}

// G22: a large file takes a bounded amount of memory, to write and to compare.
func TestG22LargeFileInBoundedMemory(t *testing.T) {
	b := actiontest.New(t)
	path := t.TempDir() + "/x"
	const size = 300 << 20
	a, env := large(b, size, 'a')
	a["path"] = path
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	out, err := b.ApplyIn(env, "file", a)
	actiontest.OK(t, err)
	b.Verb(out, wire.VerbCreate)
	b.Verb(b.Must("file", a), wire.VerbNone)
	b.Must("file", actiontest.Merged(a, args{"mode": "0600"}))
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 4<<20 {
		t.Errorf("%d bytes were allocated", used)
	}
	info, err := os.Stat(path)
	actiontest.OK(t, err)
	if info.Size() != size {
		t.Errorf("%d bytes", info.Size())
	}
}

func TestFileBackup(t *testing.T) {
	b := actiontest.New(t)
	dir := t.TempDir()
	path := dir + "/x"
	name := regexp.MustCompile(`^` + regexp.QuoteMeta(path) + `\.\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ(\.\d+)?~$`)

	if got := actiontest.Result(b.Must("file", args{"path": path, "content": "1\n", "backup": true, "mode": "0640"}), "backup"); got != nil {
		t.Errorf("a backup of nothing: %v", got)
	}
	seen := map[string]bool{}
	for _, next := range []args{{"content": "2\n"}, {"content": "3\n"}, {"content": "4\n", "in_place": true}, {"state": "absent"}} {
		old := actiontest.Read(t, path)
		out := b.Must("file", actiontest.Merged(next, args{"path": path, "backup": true}))
		backup, _ := actiontest.Result(out, "backup").(string)
		if !name.MatchString(backup) || seen[backup] || actiontest.Read(t, backup) != old {
			t.Errorf("%v: backup %q", next, backup)
		}
		seen[backup] = true
		info, err := os.Stat(backup)
		actiontest.OK(t, err)
		if info.Mode().Perm() != 0o640 {
			t.Errorf("mode %v", info.Mode())
		}
	}
	b.Must("file", args{"path": path, "content": "1\n"})
	n := len(actiontest.Entries(t, dir))
	b.Must("file", args{"path": path, "content": "1\n", "mode": "0600", "backup": true})
	if len(actiontest.Entries(t, dir)) != n {
		t.Error("a backup of content that stays")
	}
}

func TestG29ValidateRunsBeforeTheFileGoesLive(t *testing.T) {
	b := actiontest.New(t)
	dir := t.TempDir()
	path := dir + "/app.conf"
	actiontest.Write(t, path, "good\n", 0o600)
	check := func(script string) args {
		return args{"path": path, "validate": []string{"/bin/sh", "-c", script, "check", "--conf=%s", "%s"}}
	}
	// The validator sees the name, the mode and the content, while the old content is still there.
	script := `set -e; test "$1" = "--conf=$2"; test "${2##*/}" = app.conf; test "$(stat -c %a "$2")" = 600; grep -q new "$2"; grep -q good ` + path
	for _, inPlace := range []bool{false, true} {
		actiontest.Write(t, path, "good\n", 0o600)
		b.Must("file", actiontest.Merged(check(script), args{"content": "new\n", "in_place": inPlace}))
		if actiontest.Read(t, path) != "new\n" {
			t.Errorf("got %q", actiontest.Read(t, path))
		}
	}
	before := actiontest.Snapshot(t, dir)
	_, err := b.Apply("file", actiontest.Merged(check(`echo "$2:3: unexpected }" >&2; exit 7`), args{"content": "bad\n", "backup": true}))
	var p *wire.Problem
	if !errors.As(err, &p) || p.Quote != path+":3: unexpected }" || !strings.Contains(p.Message, path) || !strings.Contains(p.Message, "status 7") {
		t.Errorf("got %#v", err)
	}
	_, err = b.Apply("file", args{"path": path, "content": "bad\n", "validate": []string{"/nonexistent/check", "%s"}})
	if err == nil || !strings.Contains(err.Error(), "/nonexistent/check") {
		t.Errorf("got %v", err)
	}
	if now := actiontest.Snapshot(t, dir); now != before {
		t.Errorf("something was changed:\n%s", now)
	}
	left, err := os.ReadDir("/dev/shm")
	actiontest.OK(t, err)
	for _, e := range left {
		if strings.HasPrefix(e.Name(), ".runner-validate-") {
			t.Errorf("/dev/shm/%s is left", e.Name())
		}
	}
}

func TestFileDiffs(t *testing.T) {
	b := actiontest.New(t)
	path := t.TempDir() + "/x"
	for _, c := range []struct{ content, want string }{
		{"a\nb\n", "--- /dev/null\n+++ " + path + "\n@@ -0,0 +1,2 @@\n+a\n+b\n"},
		{"a\nc", "--- " + path + "\n+++ " + path + "\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n\\ No newline at end of file\n"},
		{"\x00", "--- " + path + "\n+++ " + path + "\n\\ This is no text: 3 bytes before, 1 byte after\n"},
		{"", "--- " + path + "\n+++ " + path + "\n\\ This is no text: 1 byte before, 0 bytes after\n"},
	} {
		out := b.Must("file", args{"path": path, "content": []byte(c.content)})
		if out.Change.Diff != c.want {
			t.Errorf("got\n%s\nwant\n%s", out.Change.Diff, c.want)
		}
	}
}

func TestTouchedNamesTheFileSystemsToSync(t *testing.T) {
	b := actiontest.New(t)
	dir := t.TempDir()
	env := b.Env(wire.ModeApply)
	var got []string
	env.Touched = func(dir string, _ uint64) { got = append(got, dir) }
	for _, c := range []struct {
		name string
		args args
	}{
		{"directory", args{"path": dir + "/d"}},
		{"file", args{"path": dir + "/d/x", "content": "x"}},
		{"file", args{"path": dir + "/d/x", "content": "x"}},
		{"symlink", args{"path": dir + "/l", "target": "d"}},
	} {
		if _, err := b.ApplyIn(env, c.name, c.args); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{dir, dir + "/d", dir}; strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestG24RemoveEnds: the removal of a tree ends with the call, and another one removes the rest.
func TestG24RemoveEnds(t *testing.T) {
	b, dir := actiontest.New(t), t.TempDir()
	for n := range 100 {
		actiontest.Write(t, fmt.Sprintf("%s/%d", dir, n), "", 0o600)
	}
	for name, a := range map[string]args{"remove": {"path": dir, "recurse": true}, "directory": {"path": dir, "state": "absent"}} {
		remove, env := b.Make(name, a), b.Env(wire.ModeApply)
		found, err := remove.Look(t.Context(), env)
		actiontest.OK(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := remove.Act(ctx, env, found); !errors.Is(err, context.Canceled) || len(actiontest.Entries(t, dir)) != 100 {
			t.Errorf("%s: %v, %d are left", name, err, len(actiontest.Entries(t, dir)))
		}
	}
	b.Must("remove", args{"path": dir, "recurse": true})
	if _, err := os.Lstat(dir); err == nil {
		t.Error("it is still there")
	}
}
