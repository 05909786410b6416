package files

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"runner/lang/source"
)

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A file has one content, for all who ask and however it changes.
func TestReadKeeps(t *testing.T) {
	r := &Reader{From: source.Disk{}, Dir: t.TempDir()}
	path := filepath.Join(r.Dir, "a")
	write(t, path, "first")
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if content, err := r.Read("a"); err != nil || string(content) != "first" {
				t.Errorf("%q %v", content, err)
			}
		})
	}
	group.Wait()
	write(t, path, "second")
	for _, name := range []string{"a", "./a", path} {
		if content, err := r.Read(name); err != nil || string(content) != "first" {
			t.Errorf("%s: %q %v", name, content, err)
		}
	}
}

// A reader does not keep more than it may.
func TestReadKeepsLittle(t *testing.T) {
	r := &Reader{From: source.Disk{}, Dir: t.TempDir()}
	large := strings.Repeat("a", MaxSize)
	for name := range strings.SplitSeq("abcdefghij", "") {
		write(t, filepath.Join(r.Dir, name), large)
		if _, err := r.Read(name); err != nil {
			t.Fatal(err)
		}
	}
	if r.kept > mostKept || len(r.contents) != mostKept/MaxSize {
		t.Errorf("keeps %d files, %d bytes", len(r.contents), r.kept)
	}
	if content, err := r.Read("j"); err != nil || !bytes.Equal(content, []byte(large)) {
		t.Errorf("%d bytes, %v", len(content), err)
	}
}

// What is no regular file is refused at once, also where reading it would wait or never end.
func TestReadRefuses(t *testing.T) {
	r := &Reader{From: source.Disk{}, Dir: t.TempDir()}
	if err := syscall.Mkfifo(filepath.Join(r.Dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(r.Dir, "large"), strings.Repeat("a", MaxSize+1))
	for name, want := range map[string]string{
		"pipe":      `"pipe" is not a regular file`,
		"/dev/zero": `"/dev/zero" is not a regular file`,
		".":         `"." is a directory`,
		"missing":   `there is no file or directory "missing"`,
		"pipe/x":    `"pipe/x", or a part of its path, is a file, and a directory is needed`,
		"":          "the path is empty",
		"a\x00":     "holds a NUL character",
		"~/x":       "HOME is not set",
		"~root/x":   "another user",
		"large":     "larger than 8 MiB",
	} {
		if _, err := r.Read(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := r.Read("large"); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
}

// A file of /proc says that it is empty, and is not.
func TestReadProc(t *testing.T) {
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("needs /proc: ", err)
	}
	if content, err := (&Reader{From: source.Disk{}}).Read("/proc/self/status"); err != nil || len(content) == 0 {
		t.Errorf("%q %v", content, err)
	}
}

// A file that is read anew each time, because more would be kept than is allowed, has its size but once.
func TestSizesOnce(t *testing.T) {
	r := &Reader{From: source.Disk{}, Dir: t.TempDir()}
	want := map[string]int{}
	for i := range mostKept/MaxSize + 1 {
		path := filepath.Join(r.Dir, strconv.Itoa(i))
		write(t, path, strings.Repeat("x", MaxSize))
		want[path] = MaxSize
	}
	for range 3 {
		for path := range want {
			if _, err := r.Read(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	sizes := map[string]int{}
	r.AddSizes(sizes)
	if r.kept > mostKept || !maps.Equal(sizes, want) {
		t.Errorf("%d kept, sizes %v", r.kept, sizes)
	}
}
