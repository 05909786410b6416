package transfer

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"runner/agent/disk"
	"runner/agent/wire"
)

// copyTo copies a source to a destination, through a stream that breaks after so many bytes; 0: it does not.
func copyTo(t *testing.T, from, to string, breaks int) (Report, int, error) {
	t.Helper()
	r, err := NewReceiver(t.Context(), Destination{Path: to, Name: Name(from)}, Progress{})
	if err != nil {
		return Report{}, 0, err
	}
	defer r.Close()
	var stream bytes.Buffer
	if err := Send(t.Context(), Source{Path: from, Held: r.Held()}, &stream, Progress{}); err != nil {
		return Report{}, 0, err
	}
	size := stream.Len()
	if breaks > 0 {
		stream.Truncate(breaks)
	}
	report, err := r.Receive(t.Context(), &stream)
	return report, size, err
}

func write(t *testing.T, name string, data []byte, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(name, data, mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(name, mode); err != nil {
		t.Fatal(err)
	}
}

func random(t *testing.T, size int) []byte {
	t.Helper()
	data := make([]byte, size)
	rand.Read(data)
	return data
}

// framed gives content room for the head of its record.
func framed(data []byte) []byte { return append(make([]byte, blockHead), data...) }

// names lists a directory.
func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return strings.Join(out, " ")
}

// TestTree copies everything that a tree can have.
func TestTree(t *testing.T) {
	from, to := filepath.Join(t.TempDir(), "from"), t.TempDir()
	if err := os.MkdirAll(filepath.Join(from, "a", "b"), 0o750); err != nil {
		t.Fatal(err)
	}
	data := random(t, 3*Block+17)
	write(t, filepath.Join(from, "a", "data"), data, 0o640)
	write(t, filepath.Join(from, "a", "b", "empty"), nil, 0o400)
	write(t, filepath.Join(from, "odd \n name"), []byte("x"), 0o4755)
	for link, target := range map[string]string{"link": "a/data", "out": "/etc/passwd", "nowhere": "../nothing"} {
		if err := os.Symlink(target, filepath.Join(from, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mkfifo(filepath.Join(from, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	old := time.Date(2020, 2, 3, 4, 5, 6, 789, time.UTC)
	for _, name := range []string{"a/data", "a"} {
		if err := os.Chtimes(filepath.Join(from, name), old, old); err != nil {
			t.Fatal(err)
		}
	}

	for _, there := range []bool{false, true} {
		report, _, err := copyTo(t, from, to, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(report.Left) != 1 || report.Left[0] != (Left{"pipe", "it is a pipe"}) {
			t.Errorf("left out: %v", report.Left)
		}
		got, err := os.ReadFile(filepath.Join(to, "from", "a", "data"))
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("the content is another one, %v", err)
		}
		for name, want := range map[string]os.FileMode{"a": 0o750 | os.ModeDir, "a/data": 0o640, "a/b/empty": 0o400, "odd \n name": 0o755} {
			if info, err := os.Lstat(filepath.Join(to, "from", name)); err != nil || info.Mode() != want {
				t.Errorf("%q is %v, %v", name, info.Mode(), err)
			}
		}
		for _, name := range []string{"a/data", "a"} {
			if there && name == "a" {
				continue // it has got an entry now
			}
			if info, err := os.Lstat(filepath.Join(to, "from", name)); err != nil || !info.ModTime().Equal(old) {
				t.Errorf("%s is of %v, %v", name, info.ModTime(), err)
			}
		}
		if target, err := os.Readlink(filepath.Join(to, "from", "nowhere")); err != nil || target != "../nothing" {
			t.Errorf("the link says %q, %v", target, err)
		}
		if got := names(t, filepath.Join(to, "from")); got != "a link nowhere odd \n name out" {
			t.Errorf("there are %q", got)
		}
	}
}

// TestDirectories: what is new in a setgid directory gets its group, and directories that are there stay as they are.
func TestDirectories(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to give a directory to another group")
	}
	from, to := t.TempDir(), t.TempDir()
	for _, d := range []string{"new", "old"} {
		if err := os.Mkdir(filepath.Join(from, d), 0o750); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(from, d, "small"), []byte("content"), 0o640)
		write(t, filepath.Join(from, d, "large"), random(t, resumable), 0o640)
	}
	old := filepath.Join(to, "old")
	if err := os.Mkdir(old, 0o700); err != nil {
		t.Fatal(err)
	}
	const group = 4321
	for _, d := range []string{to, old} {
		if err := errors.Join(os.Chown(d, -1, group), os.Chmod(d, 0o755|os.ModeSetgid)); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := copyTo(t, from+"/.", to, 0); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]uint32{
		"old": 0o2755, "old/small": 0o640, "old/large": 0o640,
		"new": 0o750 | disk.Setgid*disk.InheritsSetgid, "new/small": 0o640, "new/large": 0o640,
	} {
		var st unix.Stat_t
		if err := unix.Lstat(filepath.Join(to, name), &st); err != nil || uint32(st.Mode)&0o7777 != want || st.Gid != group {
			t.Errorf("%s is %o of group %d, %v", name, st.Mode, st.Gid, err)
		}
	}
}

// TestHoles copies a file that is mostly holes: they are not sent, and stay holes.
func TestHoles(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	f, err := os.Create(from)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const size = 1 << 30
	for _, at := range []int64{5 * Block, size / 2, size - 3*Block - 5} {
		if _, err := f.WriteAt([]byte("content"), at); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	_, sent, err := copyTo(t, from, to, 0)
	if err != nil {
		t.Fatal(err)
	}
	if sent > 8*Block {
		t.Errorf("%d bytes were sent for 21", sent)
	}
	var st unix.Stat_t
	if err := unix.Stat(to, &st); err != nil || st.Size != size || st.Blocks*512 > 64*Block {
		t.Errorf("the copy has %d bytes and takes %d, %v", st.Size, st.Blocks*512, err)
	}
	for _, at := range []int64{5 * Block, size / 2, size - 3*Block - 5} {
		got := make([]byte, 7)
		g, err := os.Open(to)
		if err == nil {
			_, err = g.ReadAt(got, at)
			g.Close()
		}
		if err != nil || string(got) != "content" {
			t.Errorf("at %d there is %q, %v", at, got, err)
		}
	}
}

// TestDigest puts nothing in place that is not what was sent. G29.
func TestDigest(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	write(t, from, random(t, 2*Block), 0o600)
	write(t, to, []byte("old"), 0o600)
	var stream bytes.Buffer
	if err := Send(t.Context(), Source{Path: from}, &stream, Progress{}); err != nil {
		t.Fatal(err)
	}
	stream.Bytes()[Block] ^= 1
	r, err := NewReceiver(t.Context(), Destination{Path: to, Name: "from"}, Progress{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Receive(t.Context(), &stream); err == nil || !strings.Contains(err.Error(), "digest") {
		t.Errorf("it ended with %v", err)
	}
	if got, err := os.ReadFile(to); err != nil || string(got) != "old" {
		t.Errorf("there is %q, %v", got, err)
	}
	if got := names(t, dir); got != "from to" {
		t.Errorf("there are %q", got)
	}
}

// TestPlaces: where a copy goes is as with cp.
func TestPlaces(t *testing.T) {
	for _, c := range []struct{ from, to, want, err string }{
		{"file", "new", "new", ""},
		{"file", "dir", "dir/file", ""},
		{"file", "dir/", "dir/file", ""},
		{"file", "other", "other", ""},
		{"file", "new/", "", "there is no directory"},
		{"file", "none/new", "", "no such file"},
		{"file", "toDir", "dir/file", ""},
		{"file", "toFile", "toFile", ""}, // the link is replaced
		{"file", "hasDir", "", "is a directory"},
		{"dir", "new", "new/in", ""},
		{"dir", "new/", "new/in", ""},
		{"dir", "dir2", "dir2/dir/in", ""},
		{"dir/.", "dir2", "dir2/in", ""},
		{"dir", "other", "", "is a file"},
		{"toFile2", "new", "new", ""}, // a source is followed
		{"none", "new", "", "there is no file"},
		{"dir", "dir2/toDir", "", "is a symbolic link"},
	} {
		dir := t.TempDir()
		at := func(name string) string { return dir + "/" + name }
		for _, d := range []string{"dir", "dir2", "hasDir", "hasDir/file"} {
			if err := os.Mkdir(at(d), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		write(t, at("file"), []byte("content"), 0o600)
		write(t, at("dir/in"), []byte("content"), 0o600)
		write(t, at("other"), []byte("other"), 0o600)
		for link, target := range map[string]string{"toDir": "dir", "toFile": "other", "toFile2": "file", "dir2/toDir": "../hasDir/file/"} {
			if err := os.Symlink(target, at(link)); err != nil {
				t.Fatal(err)
			}
		}
		if c.to == "dir2/toDir" { // not named as the destination, but met in it
			if err := os.Rename(at("dir2/toDir"), at("dir2/dir")); err != nil {
				t.Fatal(err)
			}
			c.to = "dir2"
		}
		_, _, err := copyTo(t, at(c.from), at(c.to), 0)
		if err != nil {
			if c.err == "" || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s to %s: %v", c.from, c.to, err)
			}
			continue
		}
		got, err := os.ReadFile(at(c.want))
		if c.err != "" || err != nil || string(got) != "content" {
			t.Errorf("%s to %s: %q, %v, want %s", c.from, c.to, got, err, c.err)
		}
		if got, err := os.ReadFile(at("other")); c.to != "other" && (err != nil || string(got) != "other") {
			t.Errorf("%s to %s was written through a link: %q, %v", c.from, c.to, got, err)
		}
	}
}

// TestG23HostileSender: nothing that a sender says leads out of the destination, or through a link. G30.
func TestG23HostileSender(t *testing.T) {
	enter := func(name string) func(writer) error {
		return func(w writer) error { return w.record(kindEnter, entry{Name: name, Perm: 0o755}) }
	}
	file := func(name string) func(writer) error {
		return func(w writer) error {
			if err := w.record(kindFile, entry{Name: name, Perm: 0o644, Size: 5}); err != nil {
				return err
			}
			sum := newDigest()
			sum.add(0, []byte("owned"))
			if err := w.block(0, framed([]byte("owned"))); err != nil {
				return err
			}
			return w.record(kindDone, done{Digest: sum.Sum(nil)})
		}
	}
	link := func(name, target string) func(writer) error {
		return func(w writer) error { return w.record(kindLink, entry{Name: name, Target: target}) }
	}
	plain := func(k kind) func(writer) error { return func(w writer) error { return w.record(k, nil) } }
	block := func(at int64, data []byte) func(writer) error {
		return func(w writer) error {
			if err := w.record(kindFile, entry{Name: "f", Size: 2 * Block}); err != nil {
				return err
			}
			return w.block(at, framed(data))
		}
	}
	deep := make([]func(writer) error, deepest+1)
	for i := range deep {
		deep[i] = enter("d")
	}
	for what, records := range map[string][]func(writer) error{
		"up":                    {enter(""), file("../owned")},
		"dots":                  {enter(""), file("..")},
		"dot":                   {enter(""), enter("."), file("owned")},
		"absolute":              {enter(""), file("/owned")},
		"nothing":               {enter(""), file("")},
		"below":                 {enter(""), file("dir/owned")},
		"same up":               {enter(""), func(w writer) error { return w.record(kindSame, entry{Name: "../owned"}) }},
		"nul":                   {enter(""), file("a\x00b")},
		"long":                  {enter(""), file(strings.Repeat("x", 256))},
		"through a link":        {enter(""), link("out", "../outside"), enter("out"), file("owned")},
		"over a link":           {enter(""), link("owned", "../outside/owned"), file("owned"), plain(kindLeave), plain(kindEnd)},
		"left too often":        {enter(""), plain(kindLeave), plain(kindLeave)},
		"two sources":           {enter(""), plain(kindLeave), file("owned")},
		"nothing at all":        {plain(kindEnd)},
		"an end within":         {enter(""), plain(kindEnd)},
		"too deep":              deep,
		"behind the end":        {enter(""), block(2*Block, []byte("x"))},
		"before the begin":      {enter(""), block(-Block, []byte("x"))},
		"between blocks":        {enter(""), block(7, []byte("x"))},
		"an empty block":        {enter(""), block(0, nil)},
		"a block of no file":    {enter(""), func(w writer) error { return w.block(0, framed([]byte("x"))) }},
		"no kind":               {enter(""), plain(99)},
		"goes on with nothing":  {func(w writer) error { return w.record(kindFile, entry{Size: 2 * resumable, Offset: Block}) }},
		"goes on with little":   {func(w writer) error { return w.record(kindFile, entry{Size: 2 * Block, Offset: Block}) }},
		"a file within a file":  {enter(""), func(w writer) error { return w.record(kindFile, entry{Name: "f", Size: 5}) }, file("owned")},
		"a record that is huge": {func(w writer) error { return w.header(kindBlock, 1<<30) }},
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			for _, d := range []string{"outside", "in"} {
				if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			var stream bytes.Buffer
			w := newWriter(&stream)
			for _, record := range records {
				if err := record(w); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
			r, err := NewReceiver(t.Context(), Destination{Path: filepath.Join(dir, "in"), Name: "top"}, Progress{})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			_, err = r.Receive(t.Context(), &stream)
			switch cut := errors.As(err, new(*CutError)); {
			case what == "over a link" && err != nil:
				t.Errorf("it ended with %v", err)
			case what != "over a link" && (err == nil || cut):
				t.Errorf("it was taken: %v", err)
			}
			if got := names(t, dir) + ";" + names(t, filepath.Join(dir, "outside")); got != "in outside;" {
				t.Errorf("outside there are %q", got)
			}
			if got := strings.ReplaceAll(names(t, filepath.Join(dir, "in")), "top", ""); got != "" {
				t.Errorf("beside the copy there are %q", got)
			}
		})
	}
}

// TestInTheWay: what is no file is not replaced, and a link in a tree is not followed. G30.
func TestInTheWay(t *testing.T) {
	for what, put := range map[string]func(at string) error{
		"pipe": func(at string) error { return unix.Mkfifo(at, 0o600) },
		"dir":  func(at string) error { return os.Mkdir(at, 0o700) },
	} {
		dir := t.TempDir()
		from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
		for _, d := range []string{from, to, filepath.Join(to, "from")} {
			if err := os.Mkdir(d, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		write(t, filepath.Join(from, "f"), []byte("content"), 0o600)
		if err := put(filepath.Join(to, "from", "f")); err != nil {
			t.Fatal(err)
		}
		_, _, err := copyTo(t, from, to, 0)
		if _, ok := errors.AsType[*disk.KindError](err); !ok {
			t.Errorf("%s: it ended with %v", what, err)
		}
		if p, ok := errors.AsType[*wire.Problem](Explain(err)); !ok || p.Hint == "" {
			t.Errorf("%s: no hint: %v", what, Explain(err))
		}
	}
}

// TestFull: on a file system without room, what was there stays and nothing remains. G29.
func TestFull(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to mount a small file system")
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Skip("cannot mount a small file system: ", err)
	}
	defer unix.Unmount(dir, 0) //nolint:errcheck // the test's end tells
	from, to := filepath.Join(t.TempDir(), "from"), filepath.Join(dir, "to")
	write(t, to, []byte("old"), 0o600)
	write(t, from, random(t, 5<<20), 0o600)
	_, _, err := copyTo(t, from, to, 0)
	if !errors.Is(err, unix.ENOSPC) {
		t.Errorf("it ended with %v", err)
	}
	if got, err := os.ReadFile(to); err != nil || string(got) != "old" {
		t.Errorf("there is %q, %v", got, err)
	}
	if got := names(t, dir); got != "to" {
		t.Errorf("there are %q", got)
	}
}

// FuzzReceive: whatever comes, nothing lands outside.
func FuzzReceive(f *testing.F) {
	var stream bytes.Buffer
	w := newWriter(&stream)
	for _, r := range []struct {
		k kind
		v any
	}{{kindTotal, total{1, 2}}, {kindEnter, entry{Perm: 0o755}}, {kindLink, entry{Name: "l", Target: ".."}}, {kindEnter, entry{Name: "l"}}, {kindLeave, nil}, {kindEnd, nil}} {
		if err := w.record(r.k, r.v); err != nil {
			f.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		f.Fatal(err)
	}
	f.Add(stream.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "in"), 0o700); err != nil {
			t.Fatal(err)
		}
		r, err := NewReceiver(context.Background(), Destination{Path: filepath.Join(dir, "in"), Name: "top"}, Progress{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		_, _ = r.Receive(context.Background(), io.LimitReader(bytes.NewReader(data), 1<<20))
		if got := names(t, dir); got != "in" {
			t.Errorf("outside there are %q", got)
		}
	})
}

// What the kernel makes when it is read has no size, and is no empty file.
func TestUnsized(t *testing.T) {
	to := filepath.Join(t.TempDir(), "copy")
	if _, _, err := copyTo(t, "/proc/self/status", to, 0); !errors.Is(err, errUnsized) {
		t.Errorf("%v", err)
	}
	if _, err := os.Lstat(to); err == nil {
		t.Error("there is a copy")
	}
}
