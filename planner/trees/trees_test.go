package trees

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"runner/agent/disk"
	"runner/agent/manifest"
	"runner/lang/source"
	"runner/planner/digests"
)

// opening counts the files that are opened.
type opening struct {
	source.Disk
	opened []string
}

func (o *opening) Open(name string) (fs.File, error) {
	o.opened = append(o.opened, filepath.Base(name))
	return o.Disk.Open(name)
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// names lists what is in a description, links with what they say.
func names(t *testing.T, d *Description) string {
	t.Helper()
	var out []string
	r := manifest.NewReader(d.Encoded)
	for depth := 0; ; {
		e := r.Next()
		if e.Kind == disk.Unknown {
			if depth--; depth <= 0 {
				break
			}
			continue
		}
		if e.Kind == disk.Directory {
			depth++
		}
		name := e.Name
		if e.Kind == disk.Link {
			name += "->" + e.Target
		}
		out = append(out, name)
		if depth == 0 {
			break
		}
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(out, " ")
}

// TestDescribe: what has not been written to is not read again, and what has is another description.
func TestDescribe(t *testing.T) {
	dir := t.TempDir()
	large := strings.Repeat("x", 300_000)
	write(t, dir+"/a", large)
	write(t, dir+"/d/b", "b")
	write(t, dir+"/skip.bak", "no")
	if err := os.Symlink("d", dir+"/link"); err != nil {
		t.Fatal(err)
	}
	var all Trees
	files := &opening{}
	filter := manifest.Filter{Exclude: []string{"*.bak"}}
	first, err := all.Of(dir, "", filter, false).Now(files)
	if err != nil || len(files.opened) != 2 || first.Content != nil || len(first.Files) != 2 {
		t.Fatalf("%v were opened, %+v, %v", files.opened, first, err)
	}
	if got := names(t, first); got != " a d b link->d" {
		t.Errorf("there are %q", got)
	}
	again, err := all.Of(dir, "", filter, false).Now(files)
	if err != nil || again != first || len(files.opened) != 2 {
		t.Errorf("%v were opened, %v", files.opened, err)
	}
	write(t, dir+"/d/b", "other")
	changed, err := all.Of(dir, "", filter, false).Now(files)
	if err != nil || changed.SHA256 == first.SHA256 || len(files.opened) != 3 || files.opened[2] != "b" {
		t.Errorf("%v were opened, %v", files.opened, err)
	}
	write(t, dir+"/a", "small")
	little, err := all.Of(dir, "", filter, false).Now(files)
	if err != nil || string(little.Content) != "smallother" {
		t.Errorf("%q, %v", little.Content, err)
	}
	for links, want := range map[string]string{source.FollowLinks: " a d b link b", source.SkipLinks: " a d b"} {
		d, err := all.Of(dir, links, filter, false).Now(files)
		if err != nil || names(t, d) != want {
			t.Errorf("%s: %q, %v", links, names(t, d), err)
		}
	}
}

// TestWhatCannotBeSent is an error that says what to do, unless it is excluded.
func TestWhatCannotBeSent(t *testing.T) {
	for what, c := range map[string]struct {
		links, err string
		put        func(at string) error
	}{
		"pipe":     {"", "is a pipe, which cannot be sent; exclude it", func(at string) error { return unix.Mkfifo(at, 0o600) }},
		"circle":   {source.FollowLinks, "too many levels of symbolic links", func(at string) error { return os.Symlink(".", at) }},
		"dangling": {source.FollowLinks, "no such file", func(at string) error { return os.Symlink("nothing", at) }},
	} {
		dir := t.TempDir()
		if err := c.put(dir + "/x"); err != nil {
			t.Fatal(err)
		}
		var all Trees
		if _, err := all.Of(dir, c.links, manifest.Filter{}, false).Now(source.Disk{}); err == nil || !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v", what, err)
		}
		if _, err := all.Of(dir, c.links, manifest.Filter{Exclude: []string{"x"}}, false).Now(source.Disk{}); err != nil {
			t.Errorf("%s, excluded: %v", what, err)
		}
	}
}

// TestRemembered: a large file that has rested is read in the first run only, unless that is not wanted; whoever notes digests hears of it all the same.
func TestRemembered(t *testing.T) {
	program, err := exec.LookPath("go") // a file of some size that nobody has just written
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var want *Description
	for _, c := range []struct {
		anew  bool
		reads int
	}{{false, 1}, {false, 0}, {true, 1}} {
		files := &noting{known: map[string][32]byte{}}
		all := Trees{Digests: digests.New(dir)} // of another run
		d, err := all.Of(program, "", manifest.Filter{}, c.anew).Now(files)
		if err != nil || len(files.opened) != c.reads {
			t.Fatalf("%v were opened, %v", files.opened, err)
		}
		if err := all.Digests.Save(); err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = d
		}
		if d.SHA256 != want.SHA256 || len(files.known) != 1 || files.known[program] != d.digests[""] {
			t.Errorf("%+v, %v", d, files.known)
		}
	}
}

// TestManyTrees: however many trees there are, what is known of their files is written when that is asked for, once.
func TestManyTrees(t *testing.T) {
	program, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "cache")
	all := Trees{Digests: digests.New(dir)}
	for n := range 50 {
		root := t.TempDir()
		if err := os.Symlink(program, filepath.Join(root, "program")); err != nil {
			t.Fatal(err)
		}
		d, err := all.Of(root, source.FollowLinks, manifest.Filter{}, false).Now(&opening{})
		if err != nil || d.Content != nil || len(d.Files) != 1 {
			t.Fatalf("%d: %+v, %v", n, d, err)
		}
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("something was written before the end, %v", err)
	}
	written := func() fs.FileInfo {
		if err := all.Digests.Save(); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Join(dir, "digests"))
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	if first := written(); first.Size() < 50*48 || !os.SameFile(first, written()) {
		t.Errorf("it has %d bytes, and is written again although nothing has changed", first.Size())
	}
}

type noting struct {
	opening
	known map[string][32]byte
}

func (n *noting) Know(name string, digest [32]byte) { n.known[name] = digest }
