//go:build linux

package trees_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"runner/agent/action"
	"runner/agent/action/actiontest"
	"runner/agent/manifest"
	"runner/agent/transfer"
	"runner/agent/wire"
	"runner/lang/source"
	"runner/planner/trees"
)

// rig has the controller's half of a sync at hand.
type rig struct {
	*actiontest.Bench
	trees trees.Trees
	ask   bool  // contents do not ride along, however little they are
	large bool  // nor does the description
	sent  int64 // bytes of contents
}

func newRig(t *testing.T) *rig { return &rig{Bench: actiontest.New(t)} }

// call is what a task comes to.
func (r *rig) call(env *action.Env, a actiontest.Args) action.Action {
	r.Helper()
	a = maps.Clone(a)
	links, _ := a["links"].(string)
	exclude, _ := a["exclude"].([]string)
	include, _ := a["include"].([]string)
	d, err := r.trees.Of(a["source"].(string), links, manifest.Filter{Exclude: exclude, Include: include}, false).Now(source.Disk{})
	if err != nil {
		r.Fatal(err)
	}
	delete(a, "source")
	a["tree_sha256"] = d.SHA256
	if d.Content != nil && !r.ask {
		a["content"] = d.Content
	}
	var first []byte
	if r.large {
		a["tree_size"], first = len(d.Encoded), d.Encoded
	} else {
		a["tree"] = d.Encoded
	}
	wants, asks := io.Pipe()
	in, contents := io.Pipe()
	env.Output = func(context.Context) io.Writer { return asks }
	begun := false
	env.Input = func() io.Reader {
		if begun {
			return in
		}
		begun = true
		go func() {
			_, err := contents.Write(first)
			if err == nil {
				err = transfer.Serve(context.Background(), wants, func(i int) (io.ReadCloser, int64, error) {
					f, err := os.Open(d.Files[i].Name)
					return f, d.Files[i].Size, err
				}, counting{contents, &r.sent})
			}
			contents.CloseWithError(err)
		}()
		return in
	}
	r.Cleanup(func() {
		_ = wants.Close()
		_ = in.Close()
	})
	return r.Make("sync", a)
}

type counting struct {
	io.Writer
	n *int64
}

func (c counting) Write(p []byte) (int, error) {
	*c.n += int64(len(p))
	return c.Writer.Write(p)
}

func (r *rig) preview(a actiontest.Args) (action.Outcome, error) {
	r.Helper()
	env := r.Env(wire.ModeLook)
	return r.call(env, a).Look(r.Context(), env)
}

func (r *rig) apply(a actiontest.Args) (action.Outcome, error) {
	r.Helper()
	env := r.Env(wire.ModeApply)
	r.sent = 0
	return actiontest.Run(r.Context(), env, r.call(env, a))
}

// both previews and applies, compares the two, and applies again, which must change nothing.
func (r *rig) both(a actiontest.Args) action.Outcome {
	r.Helper()
	path := a["path"].(string)
	before := actiontest.Snapshot(r, filepath.Dir(path))
	foreseen, err := r.preview(a)
	if err != nil {
		r.Fatalf("preview: %v", err)
	}
	if after := actiontest.Snapshot(r, filepath.Dir(path)); after != before {
		r.Fatalf("the preview has changed something:\n%s\n%s", before, after)
	}
	done, err := r.apply(a)
	if err != nil {
		r.Fatalf("apply: %v", err)
	}
	if foreseen.Change.Verb != done.Change.Verb || foreseen.Change.Diff != done.Change.Diff || fmt.Sprint(foreseen.Values) != fmt.Sprint(done.Values) {
		r.Errorf("foreseen was %v %v\n%s, done %v %v\n%s", foreseen.Change.Verb, foreseen.Values, foreseen.Change.Diff, done.Change.Verb, done.Values, done.Change.Diff)
	}
	after := actiontest.Snapshot(r, filepath.Dir(path))
	for _, f := range []func(actiontest.Args) (action.Outcome, error){r.preview, r.apply} {
		again, err := f(a)
		if err != nil || again.Change.Verb != wire.VerbNone {
			r.Errorf("the second time: %v, %v\n%s", again.Change.Verb, err, again.Change.Diff)
		}
	}
	if now := actiontest.Snapshot(r, filepath.Dir(path)); now != after {
		r.Errorf("the second time it has changed something:\n%s\n%s", after, now)
	}
	return done
}

// layout makes a tree of what is described: a name that ends in a slash is a directory, one with -> a link, others files with contents.
func layout(t testing.TB, dir string, entries map[string]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		at := filepath.Join(dir, name)
		actiontest.OK(t, os.MkdirAll(filepath.Dir(at), 0o755))
		link, target, isLink := strings.Cut(name, " -> ")
		switch {
		case isLink:
			actiontest.OK(t, os.Symlink(target, filepath.Join(dir, link)))
		case strings.HasSuffix(name, "/"):
			actiontest.OK(t, os.MkdirAll(at, 0o755))
		case strings.HasSuffix(name, "|"):
			actiontest.OK(t, unix.Mkfifo(strings.TrimSuffix(at, "|"), 0o600))
		default:
			actiontest.Write(t, at, entries[name], 0o644)
		}
	}
}

// tree describes a tree by what a sync without arguments brings over.
func tree(t testing.TB, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		fmt.Fprintf(&b, "%q %v", rel, info.Mode())
		switch {
		case info.Mode().IsRegular():
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, " %d %q", info.ModTime().UnixNano(), data)
		case info.Mode()&fs.ModeSymlink != 0:
			target, _ := os.Readlink(path)
			fmt.Fprintf(&b, " %q", target)
		}
		b.WriteString("\n")
		return nil
	})
	actiontest.OK(t, err)
	return b.String()
}

// TestG28Sync: for what may be there and every way to compare, the preview is what is done, and the second time there is nothing to do.
func TestG28Sync(t *testing.T) {
	from := map[string]string{
		"a": "content of a\n", "dir/b": "b", "dir/empty": "", "dir/in/c": strings.Repeat("c", 100), "empty/": "",
		"link -> dir/b": "", "dangling -> ../nothing": "", "odd\nname\xff": "x", "-rf": "y", "skip.bak": "no", "cache/x": "no",
	}
	for name, was := range map[string]map[string]string{
		"nothing":         nil,
		"an empty tree":   {"to/": ""},
		"others":          {"to/other": "1", "to/dir/other": "2", "to/gone/deep/er": "3", "to/x -> a": ""},
		"older":           {"to/a": "content of A\n", "to/dir/b": "older", "to/link -> a": "", "to/dangling -> ../nothing": ""},
		"excluded":        {"to/kept.bak": "1", "to/gone/kept.bak": "2", "to/cache/y": "3"},
		"links for files": {"to/a -> ../outside": "", "to/dir/b -> ../../outside": "", "outside": "safe"},
		"files for links": {"to/link": "a file", "to/dangling": "another"},
	} {
		for _, options := range []actiontest.Args{
			{},
			{"delete": true},
			{"checksum": true},
			{"mode": "0600", "directory_mode": "0711"},
			{"times": true, "delete": true},
			{"exclude": []string{"*.bak", "/cache/"}, "delete": true},
			{"exclude": []string{"*"}, "include": []string{"*/", "b"}},
			{"links": "skip"},
		} {
			for _, how := range []string{"along", "asked", "large"} {
				t.Run(fmt.Sprint(name, options, how), func(t *testing.T) {
					r, dir := newRig(t), t.TempDir()
					r.ask, r.large = how != "along", how == "large"
					layout(t, dir+"/from", from)
					layout(t, dir, was)
					old := time.Date(2020, 1, 2, 3, 4, 5, 6, time.UTC)
					actiontest.OK(t, os.Chtimes(dir+"/from/a", old, old))
					a := actiontest.Merged(actiontest.Args{"source": dir + "/from", "path": dir + "/to"}, options)
					r.both(a)
					if got := tree(t, dir+"/to"); options["delete"] == true && options["exclude"] == nil && got != tree(t, dir+"/from") {
						t.Errorf("it is not the same:\n%s\n%s", got, tree(t, dir+"/from"))
					}
					if _, there := was["outside"]; there && actiontest.Read(t, dir+"/outside") != "safe" {
						t.Error("it was written through a link")
					}
					for at := range was {
						_, err := os.Lstat(filepath.Join(dir, strings.Split(at, " -> ")[0]))
						if gone := errors.Is(err, fs.ErrNotExist); gone && (options["delete"] != true || options["exclude"] != nil && (strings.Contains(at, "kept") || strings.Contains(at, "cache"))) {
							t.Errorf("%s was removed", at)
						}
					}
				})
			}
		}
	}
}

// TestSyncFile: a single file is one, too.
func TestSyncFile(t *testing.T) {
	for _, was := range []map[string]string{nil, {"to": "older"}, {"to -> outside": "", "outside": "safe"}} {
		r, dir := newRig(t), t.TempDir()
		layout(t, dir, map[string]string{"from": "content"})
		layout(t, dir, was)
		r.both(actiontest.Args{"source": dir + "/from", "path": dir + "/to", "mode": "0640"})
		if info, err := os.Lstat(dir + "/to"); err != nil || info.Mode() != 0o640 || actiontest.Read(t, dir+"/to") != "content" {
			t.Errorf("%v, %v", info, err)
		}
		if was["outside"] != "" && actiontest.Read(t, dir+"/outside") != "safe" {
			t.Error("it was written through a link")
		}
	}
}

// TestG30SyncInTheWay: what is neither file nor link is not replaced, unless things may be removed.
func TestG30SyncInTheWay(t *testing.T) {
	from := map[string]string{"file": "x", "dir/in": "y", "link -> file": ""}
	for what, was := range map[string]map[string]string{
		"directory for file": {"file/in/deep": "1"}, "pipe for file": {"file|": ""}, "file for directory": {"dir": "1"},
		"link for directory": {"dir -> ../outside": ""}, "directory for link": {"link/x": "1"}, "pipe for directory": {"dir|": ""},
	} {
		t.Run(what, func(t *testing.T) {
			r, dir := newRig(t), t.TempDir()
			layout(t, dir+"/from", from)
			layout(t, dir+"/outside", map[string]string{"in": "safe"})
			layout(t, dir+"/to", was)
			before := actiontest.Snapshot(t, dir)
			a := actiontest.Args{"source": dir + "/from", "path": dir + "/to"}
			for _, f := range []func(actiontest.Args) (action.Outcome, error){r.preview, r.apply} {
				_, err := f(a)
				if p, ok := errors.AsType[*wire.Problem](err); !ok || p.Hint == "" {
					t.Errorf("it ended with %v", err)
				}
			}
			if actiontest.Snapshot(t, dir) != before {
				t.Error("something was changed")
			}
			r.both(actiontest.Merged(a, actiontest.Args{"delete": true}))
			if tree(t, dir+"/to") != tree(t, dir+"/from") || actiontest.Read(t, dir+"/outside/in") != "safe" {
				t.Errorf("there is\n%s", tree(t, dir))
			}
		})
	}
}

// TestG29SyncFull: on a file system without room what was there stays, and nothing remains.
func TestG29SyncFull(t *testing.T) {
	actiontest.NeedsRoot(t)
	r, dir, from := newRig(t), t.TempDir(), t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Skip("cannot mount a small file system: ", err)
	}
	defer unix.Unmount(dir, 0) //nolint:errcheck // the test's end tells
	layout(t, dir+"/to", map[string]string{"b": "old", "z": "extra"})
	layout(t, from, map[string]string{"a": "small", "b": string(noise(5 << 20))})
	_, err := r.apply(actiontest.Args{"source": from, "path": dir + "/to", "delete": true})
	if p, ok := errors.AsType[*wire.Problem](err); !ok || !strings.Contains(p.Message, dir+"/to/b") || !strings.Contains(p.Message, "1 of 3 entries") || !strings.Contains(p.Hint, "room") {
		t.Errorf("it ended with %v", err)
	}
	if got := actiontest.Entries(t, dir+"/to"); fmt.Sprint(got) != "[a b z]" || actiontest.Read(t, dir+"/to/b") != "old" {
		t.Errorf("there are %q", got)
	}
}

// TestG29SyncRefused: an owner that does not exist, and a file system that is read-only, are the same errors of a preview.
func TestG29SyncRefused(t *testing.T) {
	actiontest.NeedsRoot(t)
	r, dir, from := newRig(t), t.TempDir(), t.TempDir()
	layout(t, from, map[string]string{"a": "new", "d/b": "y"})
	layout(t, dir+"/to", map[string]string{"a": "old"})
	refused := func(a actiontest.Args, want string) {
		t.Helper()
		before := actiontest.Snapshot(t, dir)
		for _, f := range []func(actiontest.Args) (action.Outcome, error){r.preview, r.apply} {
			_, err := f(actiontest.Merged(actiontest.Args{"source": from, "path": dir + "/to"}, a))
			if p, ok := errors.AsType[*wire.Problem](err); !ok || !strings.Contains(p.Message, want) || p.Hint == "" {
				t.Errorf("%v: it ended with %v", a, err)
			}
		}
		if now := actiontest.Snapshot(t, dir); now != before {
			t.Errorf("%v: something was changed: %s", a, actiontest.Difference(before, now))
		}
	}
	refused(actiontest.Args{"owner": "nobody-here"}, `there is no user "nobody-here"`)
	refused(actiontest.Args{"group": "nobody-here"}, `there is no group "nobody-here"`)
	if err := unix.Mount(dir, dir, "", unix.MS_BIND, ""); err != nil {
		t.Skip("cannot mount: ", err)
	}
	defer unix.Unmount(dir, 0) //nolint:errcheck // the test's end tells
	actiontest.OK(t, unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""))
	refused(nil, "read-only file system")
}

// TestSyncMounts: what is mounted is neither removed nor replaced.
func TestSyncMounts(t *testing.T) {
	actiontest.NeedsRoot(t)
	r, dir := newRig(t), t.TempDir()
	layout(t, dir, map[string]string{"from/a": "x", "to/gone/mounted/": "", "to/gone/x": "1"})
	if err := unix.Mount("tmpfs", dir+"/to/gone/mounted", "tmpfs", 0, "size=1m"); err != nil {
		t.Skip("cannot mount: ", err)
	}
	defer unix.Unmount(dir+"/to/gone/mounted", 0) //nolint:errcheck // the test's end tells
	a := actiontest.Args{"source": dir + "/from", "path": dir + "/to", "delete": true}
	for _, f := range []func(actiontest.Args) (action.Outcome, error){r.preview, r.apply} {
		if _, err := f(a); err == nil || !strings.Contains(err.Error(), "mounted") {
			t.Errorf("it ended with %v", err)
		}
	}
	if _, err := os.Stat(dir + "/to/gone/x"); err != nil {
		t.Error("something was removed before")
	}
	r.both(actiontest.Merged(a, actiontest.Args{"exclude": []string{"mounted/"}}))
}

// TestSyncOwners gives everything to somebody, and leaves it to whom it belongs.
func TestSyncOwners(t *testing.T) {
	actiontest.NeedsRoot(t)
	r, dir := newRig(t), t.TempDir()
	layout(t, dir, map[string]string{"from/a": "x", "from/d/b": "y", "from/l -> a": "", "to/a": "older"})
	actiontest.OK(t, os.Chown(dir+"/to/a", 1234, 1235))
	r.both(actiontest.Args{"source": dir + "/from", "path": dir + "/to"})
	owner := func(name string) string {
		var st unix.Stat_t
		actiontest.OK(t, unix.Lstat(dir+"/to/"+name, &st))
		return fmt.Sprint(st.Uid, ":", st.Gid)
	}
	if owner("a") != "1234:1235" || owner("d/b") != "0:0" {
		t.Errorf("they belong to %s and %s", owner("a"), owner("d/b"))
	}
	r.both(actiontest.Args{"source": dir + "/from", "path": dir + "/to", "owner": "65534", "group": "1236"})
	for _, name := range []string{"", "a", "d", "d/b", "l"} {
		if owner(name) != "65534:1236" {
			t.Errorf("%q belongs to %s", name, owner(name))
		}
	}
}

// TestSyncComparison: the same size and time are enough, unless all is to be compared; another time is no other content.
func TestSyncComparison(t *testing.T) {
	r, dir := newRig(t), t.TempDir()
	layout(t, dir, map[string]string{"from/a": "one", "from/b": "same"})
	a := actiontest.Args{"source": dir + "/from", "path": dir + "/to"}
	r.both(a)
	info, err := os.Stat(dir + "/to/a")
	actiontest.OK(t, err)
	actiontest.Write(t, dir+"/to/a", "two", 0o644)
	actiontest.OK(t, os.Chtimes(dir+"/to/a", info.ModTime(), info.ModTime()))
	actiontest.OK(t, os.Chtimes(dir+"/to/b", time.Now(), time.Unix(5, 0)))
	if out, err := r.preview(a); err != nil || out.Change.Verb != wire.VerbNone {
		t.Errorf("%v, %v: %s", out.Change.Verb, err, out.Change.Diff)
	}
	if out, err := r.preview(actiontest.Merged(a, actiontest.Args{"times": true})); err != nil || out.Change.Diff != "~ b (time)\n" {
		t.Errorf("%v: %s", err, out.Change.Diff)
	}
	out := r.both(actiontest.Merged(a, actiontest.Args{"checksum": true}))
	if !strings.HasPrefix(out.Change.Diff, "~ a (content)\n--- ") || !strings.HasSuffix(out.Change.Diff, "-two\n\\ No newline at end of file\n+one\n\\ No newline at end of file\n") {
		t.Errorf("%q", out.Change.Diff)
	}
}

func noise(size int) []byte {
	out := make([]byte, size)
	rand.NewChaCha8([32]byte{1}).Read(out) //nolint:errcheck // never fails
	return out
}

// TestSyncLarge: of a large file only what is new is sent, and holes stay holes.
func TestSyncLarge(t *testing.T) {
	r, dir := newRig(t), t.TempDir()
	data := noise(4 << 20)
	layout(t, dir, map[string]string{"from/large": string(data), "from/small": "x"})
	a := actiontest.Args{"source": dir + "/from", "path": dir + "/to"}
	r.both(a)
	data = append(append(bytes.Clone(data[:1<<20]), "inserted"...), data[1<<20:]...)
	actiontest.Write(t, dir+"/from/large", string(data), 0o644)
	if _, err := r.apply(a); err != nil || actiontest.Read(t, dir+"/to/large") != string(data) || r.sent > 32<<10 {
		t.Errorf("%d bytes were sent, %v", r.sent, err)
	}
	f, err := os.OpenFile(dir+"/from/large", os.O_RDWR, 0)
	actiontest.OK(t, err)
	actiontest.OK(t, f.Truncate(64<<20))
	actiontest.OK(t, f.Close())
	_, err = r.apply(a)
	info, statErr := os.Stat(dir + "/to/large")
	if err != nil || statErr != nil || info.Size() != 64<<20 || info.Sys().(*syscall.Stat_t).Blocks*512 > 8<<20 {
		t.Errorf("%v, %v", err, info)
	}
}

// TestSyncRandomly makes trees and changes them at random.
func TestSyncRandomly(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	rng := rand.New(rand.NewPCG(seed, 7))
	random := noise(1 << 20)
	for range 12 {
		r, dir := newRig(t), t.TempDir()
		r.ask = rng.IntN(2) == 0
		actiontest.OK(t, os.Mkdir(dir+"/from", 0o755))
		edit := func(root string) {
			for range rng.IntN(30) {
				at := root
				for range 1 + rng.IntN(3) {
					at += fmt.Sprintf("/%c", 'a'+rng.IntN(4))
				}
				switch rng.IntN(6) {
				case 0:
					_ = os.RemoveAll(at)
				case 1:
					_ = os.MkdirAll(at, 0o700)
				case 2:
					_ = os.Symlink([]string{"a", "..", "/etc/passwd", "nothing"}[rng.IntN(4)], at)
				case 3:
					if info, err := os.Lstat(at); err == nil && info.Mode()&fs.ModeSymlink == 0 { // it would be what the link leads to
						_ = os.Chmod(at, fs.FileMode(0o600+rng.IntN(0o100)))
					}
				default:
					if info, err := os.Lstat(at); err != nil || info.Mode().IsRegular() {
						_ = os.WriteFile(at, random[:rng.IntN([]int{10, 1000, 300000}[rng.IntN(3)])], 0o600)
					}
				}
			}
		}
		edit(dir + "/from")
		a := actiontest.Args{"source": dir + "/from", "path": dir + "/to", "delete": true, "directory_mode": "0750", "times": true} // an edit may write what the other side has, too
		r.both(a)
		for range 3 {
			edit(dir + "/from")
			edit(dir + "/to")
			r.both(a)
			r.both(actiontest.Merged(a, actiontest.Args{"checksum": true}))
			modes := func(root string) string {
				out := tree(t, root)
				for line := range strings.SplitSeq(out, "\n") {
					if fields := strings.Fields(line); len(fields) > 1 && fields[1][0] == 'd' {
						out = strings.ReplaceAll(out, line, fields[0])
					}
				}
				return out
			}
			if got, want := modes(dir+"/to"), modes(dir+"/from"); got != want {
				t.Fatalf("it is\n%.3000s\nand not\n%.3000s", got, want)
			}
		}
	}
}
