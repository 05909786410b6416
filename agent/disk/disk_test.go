//go:build linux

package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func open(t *testing.T, path string) *Dir {
	t.Helper()
	d, err := Root()
	ok(t, err)
	for name := range strings.FieldsFuncSeq(path, func(r rune) bool { return r == '/' }) {
		next, err := d.Open(name)
		ok(t, err)
		d.Close()
		d = next
	}
	t.Cleanup(d.Close)
	return d
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func list(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	ok(t, err)
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// drafts are the ways to make one: with and without a name.
func drafts(t *testing.T, each func(t *testing.T, d *Dir, draft func(name string) *Draft)) {
	t.Helper()
	t.Run("unnamed", func(t *testing.T) {
		d := open(t, t.TempDir())
		each(t, d, func(name string) *Draft {
			w, err := d.Draft(name)
			ok(t, err)
			if w.hidden != "" {
				t.Skip("needs a file system with O_TMPFILE")
			}
			return w
		})
	})
	t.Run("named", func(t *testing.T) {
		d := open(t, t.TempDir())
		each(t, d, func(name string) *Draft {
			w := &Draft{dir: d, final: name}
			ok(t, w.create())
			return w
		})
	})
	t.Run("copied", func(t *testing.T) { // where a file without a name cannot be given one
		d := open(t, t.TempDir())
		each(t, d, func(name string) *Draft {
			w, err := d.Draft(name)
			ok(t, err)
			_, err = w.WriteString("content")
			ok(t, err)
			ok(t, w.Finish(nil, uint32(os.Getuid()), uint32(os.Getgid()), 0o4711))
			ok(t, w.copyToNamed())
			return w
		})
	})
}

func TestG29DraftsAppearWhole(t *testing.T) {
	drafts(t, func(t *testing.T, d *Dir, draft func(string) *Draft) {
		for _, replace := range []bool{false, true} {
			w := draft("x")
			if slices.Contains(list(t, d.Path), "x") != replace {
				t.Error("it is at its place before it is finished")
			}
			if fromCopy := w.hidden != "" && size(t, w) > 0; !fromCopy {
				_, err := w.WriteString("content")
				ok(t, err)
			}
			ok(t, w.Finish(nil, uint32(os.Getuid()), uint32(os.Getgid()), 0o4711))
			if replace {
				ok(t, w.Replace())
			} else {
				ok(t, w.Create())
			}
			w.Close()
			w.Close()
			data, err := os.ReadFile(d.Path + "/x")
			ok(t, err)
			st, err := d.Lstat("x")
			ok(t, err)
			if string(data) != "content" || st.Perm != 0o4711 || len(list(t, d.Path)) != 1 {
				t.Errorf("%q, %o, %v", data, st.Perm, list(t, d.Path))
			}
		}
		w := draft("x")
		var changed *ChangedError
		if err := w.Create(); !errors.As(err, &changed) {
			t.Errorf("over something else: %v", err)
		}
		w.Close()
		w = draft("y")
		w.Close()
		ok(t, os.Mkdir(d.Path+"/dir", 0o755))
		w = draft("dir")
		if err := w.Replace(); err == nil {
			t.Error("over a directory")
		}
		w.Close()
		if got := list(t, d.Path); !slices.Equal(got, []string{"dir", "x"}) {
			t.Errorf("left: %v", got)
		}
	})
}

func size(t *testing.T, w *Draft) int64 {
	t.Helper()
	st, err := w.Describe()
	ok(t, err)
	return st.Size
}

// G21: what a killed process left under a hidden name is taken away by the next one; what is in use is left alone, and so
// is what belongs to somebody else.
func TestG21HiddenNames(t *testing.T) {
	d := open(t, t.TempDir())
	first := &Draft{dir: d, final: "x"}
	ok(t, first.create())
	second := &Draft{dir: d, final: "x"}
	ok(t, second.create())
	if first.hidden == second.hidden {
		t.Fatal("a name in use was taken")
	}
	second.Close()
	name := first.hidden
	ok(t, first.File.Close()) // as if killed
	if got := list(t, d.Path); !slices.Equal(got, []string{name}) {
		t.Fatalf("%v", got)
	}
	for _, make := range []func() *Draft{
		func() *Draft { w := &Draft{dir: d, final: "x"}; ok(t, w.create()); return w },
		func() *Draft { w, err := d.Draft("x"); ok(t, err); return w },
	} {
		w := make()
		ok(t, w.Replace())
		w.Close()
		if got := list(t, d.Path); !slices.Equal(got, []string{"x"}) {
			t.Fatalf("%v", got)
		}
		ok(t, os.WriteFile(d.Path+"/"+name, nil, 0o600))
	}
	ok(t, os.Remove(d.Path+"/"+name))
	ok(t, os.Mkdir(d.Path+"/"+name, 0o755)) // a trap: it is not ours to remove
	w, err := d.Draft("x")
	ok(t, err)
	ok(t, w.Replace())
	w.Close()
	if got := list(t, d.Path); !slices.Equal(got, []string{name, "x"}) {
		t.Errorf("%v", got)
	}
	long, err := d.Draft(strings.Repeat("ö", 127))
	ok(t, err)
	ok(t, long.Replace())
	long.Close()
}

// G29: what was finished and put at its place between being opened and locked is not gone on with.
func TestG29ResumeTakesNothingWhole(t *testing.T) {
	d := open(t, t.TempDir())
	first, _, err := d.Resume(".x", "x")
	ok(t, err)
	f, _, err := d.ReadWrite(".x") // somebody else opens it
	ok(t, err)
	second := &Draft{File: f, dir: d, final: "x"}
	defer second.Close()
	if _, _, err := second.take(".x"); err == nil {
		t.Error("a file that is being written was taken")
	}
	ok(t, first.Create())
	first.Close()
	if _, mine, err := second.take(".x"); err != nil || mine {
		t.Errorf("a whole file was taken: %t, %v", mine, err)
	}
}

func TestG30ChangeIsAboutTheVeryFile(t *testing.T) {
	d := open(t, t.TempDir())
	ok(t, os.WriteFile(d.Path+"/x", nil, 0o600))
	st, err := d.Lstat("x")
	ok(t, err)
	ok(t, d.Change("x", st.ID, st.UID, st.GID, 0o640))
	ok(t, os.WriteFile(d.Path+"/other", nil, 0o600))
	for _, swap := range []func(){
		func() { ok(t, os.Rename(d.Path+"/other", d.Path+"/x")) },
		func() { ok(t, os.Remove(d.Path+"/x")); ok(t, os.Symlink("/etc/passwd", d.Path+"/x")) },
	} {
		swap()
		var changed *ChangedError
		if err := d.Change("x", st.ID, st.UID, st.GID, 0o666); !errors.As(err, &changed) {
			t.Errorf("got %v", err)
		}
	}
	if _, _, err := d.Read("x"); err == nil {
		t.Error("a link was read")
	}
	ok(t, unix.Mkfifo(d.Path+"/pipe", 0o600))
	var kind *KindError
	if _, _, err := d.ReadWrite("pipe"); !errors.As(err, &kind) || kind.Kind != Pipe {
		t.Errorf("got %v", err)
	}
}

func TestChangeWithoutPermissionToRead(t *testing.T) {
	d := open(t, t.TempDir())
	ok(t, d.Mkdir("closed", nil, nil, 0))
	st, err := d.Lstat("closed")
	ok(t, err)
	if st.Perm != 0 {
		t.Errorf("%o", st.Perm)
	}
	ok(t, d.Change("closed", st.ID, st.UID, st.GID, 0o1750))
	if st, err = d.Lstat("closed"); err != nil || st.Perm != 0o1750 {
		t.Errorf("%o %v", st.Perm, err)
	}
}

func TestRelink(t *testing.T) {
	d := open(t, t.TempDir())
	ok(t, d.Symlink("l", "a"))
	ok(t, os.Symlink("stale", d.Path+"/.l.runner-"+strconv.Itoa(os.Geteuid())))
	for _, target := range []string{"b", strings.Repeat("long/", 300)} {
		ok(t, d.Relink("l", target))
		if got, err := d.Readlink("l"); got != target || err != nil {
			t.Errorf("%q %v", got, err)
		}
	}
	if got := list(t, d.Path); !slices.Equal(got, []string{"l"}) {
		t.Errorf("%v", got)
	}
	var changed *ChangedError
	if err := d.Symlink("l", "c"); !errors.As(err, &changed) {
		t.Errorf("%v", err)
	}
}

func TestBackupNames(t *testing.T) {
	d := open(t, t.TempDir())
	ok(t, os.WriteFile(d.Path+"/x", []byte("1"), 0o640))
	at := time.Date(2026, 11, 23, 5, 5, 6, 0, time.FixedZone("", 3600))
	for _, want := range []string{".2026-11-23T04-05-06Z~", ".2026-11-23T04-05-06Z.1~"} {
		got, err := d.Backup("x", at)
		if got != want || err != nil {
			t.Errorf("%q %v", got, err)
		}
	}
	got, err := d.CopyAside("x", at)
	ok(t, err)
	one, err := d.Lstat("x")
	ok(t, err)
	copied, err := d.Lstat("x" + got)
	ok(t, err)
	if one.Links != 3 || copied.Links != 1 || copied.Perm != 0o640 {
		t.Errorf("%+v %+v", one, copied)
	}
	if _, err := d.Backup("none", at); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestG30RemoveAllNeverFollows(t *testing.T) {
	dir := t.TempDir()
	ok(t, os.MkdirAll(dir+"/tree/"+strings.Repeat("d/", 100), 0o755))
	ok(t, os.Mkdir(dir+"/kept", 0o755))
	ok(t, os.WriteFile(dir+"/kept/x", nil, 0o600))
	ok(t, os.Symlink(dir+"/kept", dir+"/tree/d/link"))
	d := open(t, dir)
	n, err := d.Count(t.Context(), "tree", func(string, Stat) {})
	if n != 101 || err != nil {
		t.Errorf("%d %v", n, err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := d.RemoveAll(ended, "tree"); !errors.Is(err, context.Canceled) {
		t.Errorf("when it was ended before: %v", err)
	}
	ok(t, d.RemoveAll(t.Context(), "nothing"))
	ok(t, d.RemoveAll(t.Context(), "tree"))
	if _, err := os.Lstat(dir + "/tree"); err == nil {
		t.Error("it is still there")
	}
	if _, err := os.Stat(dir + "/kept/x"); err != nil {
		t.Error(err)
	}
	ok(t, os.Rename(dir, dir+"-moved"))
	defer func() { _ = os.RemoveAll(dir + "-moved") }()
	ok(t, os.MkdirAll(dir+"/kept", 0o755))
	ok(t, d.RemoveAll(t.Context(), "kept"))
	if _, err := os.Stat(dir + "/kept"); err != nil {
		t.Errorf("in another directory of the same name: %v", err)
	}
	if _, err := os.Stat(dir + "-moved/kept"); err == nil {
		t.Error("it is still in the directory that was opened")
	}
}

func TestMountPoints(t *testing.T) {
	d := open(t, "/")
	root, err := d.Open("proc")
	ok(t, err)
	root.Close()
	if mounted, err := d.MountPoint("proc"); !mounted || err != nil {
		t.Errorf("%v %v", mounted, err)
	}
	if mounted, err := d.MountPoint("etc"); mounted || err != nil {
		t.Errorf("%v %v", mounted, err)
	}
	mounts, err := mountPoints()
	if !slices.Contains(mounts, "/proc") || err != nil {
		t.Errorf("%v %v", mounts, err)
	}
	if got := Unescape(`/mnt/with\040blank\134and\011tab\`); got != "/mnt/with blank\\and\ttab\\" {
		t.Errorf("%q", got)
	}
}

func TestStatKinds(t *testing.T) {
	dir := t.TempDir()
	ok(t, os.Mkdir(dir+"/directory", 0o755))
	ok(t, os.Symlink("x", dir+"/link"))
	ok(t, unix.Mkfifo(dir+"/pipe", 0o600))
	ok(t, os.WriteFile(dir+"/file", nil, 0o600))
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	ok(t, err)
	defer func() { _ = unix.Close(fd) }()
	ok(t, unix.Bind(fd, &unix.SockaddrUnix{Name: filepath.Join(dir, "socket")}))
	d := open(t, dir)
	for name, want := range map[string]Kind{"directory": Directory, "link": Link, "pipe": Pipe, "file": Regular, "socket": Socket} {
		st, err := d.Lstat(name)
		if err != nil || st.Kind != want {
			t.Errorf("%s: %v %v", name, st.Kind, err)
		}
	}
	dev := open(t, "/dev")
	if st, err := dev.Lstat("null"); err != nil || st.Kind != CharDevice {
		t.Errorf("%v %v", st.Kind, err)
	}
}

// TestDraftWhereNothingCanBeMade: the error names the file that was wanted, not the hidden name.
func TestDraftWhereNothingCanBeMade(t *testing.T) {
	d := open(t, "/proc")
	w, err := d.Draft("wanted")
	if err == nil {
		w.Close()
		t.Fatal("a file was made in /proc")
	}
	if !strings.Contains(err.Error(), "/proc/wanted:") {
		t.Error(err)
	}
}

// fewSteps is a context that ends when it has been asked so often.
type fewSteps struct {
	context.Context //nolint:containedctx // it is one
	left            int
}

func (f *fewSteps) Err() error {
	if f.left--; f.left < 0 {
		return context.Canceled
	}
	return nil
}

// TestG24RemoveAllEnds: who removes very much stops where the call ends, and goes on with the rest another time.
func TestG24RemoveAllEnds(t *testing.T) {
	dir := t.TempDir()
	for n := range 1000 {
		at := fmt.Sprintf("%s/tree/%d", dir, n%10)
		ok(t, os.MkdirAll(at, 0o755))
		ok(t, os.WriteFile(fmt.Sprintf("%s/%d", at, n), nil, 0o600))
	}
	d := open(t, dir)
	count := func() int {
		n, err := d.Count(t.Context(), "tree", func(string, Stat) {})
		ok(t, err)
		return n
	}
	before := count()
	if err := d.RemoveAll(&fewSteps{t.Context(), 300}, "tree"); !errors.Is(err, context.Canceled) {
		t.Errorf("when it was ended: %v", err)
	}
	if now := count(); now < before-300 || now > before-290 {
		t.Errorf("%d entries, and %d are left after 300 steps", before, now)
	}
	ok(t, d.RemoveAll(t.Context(), "tree"))
	if _, err := d.Lstat("tree"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
}
