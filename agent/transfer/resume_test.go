package transfer

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"runner/agent/disk"
)

// TestResume cuts a copy and makes it again: it goes on where it stopped, if both ends are as they were. G29.
func TestResume(t *testing.T) {
	for _, tree := range []bool{false, true} {
		dir := t.TempDir()
		from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
		file, copied := from, to
		if tree {
			for _, d := range []string{from, to} { // a copy to what is not there would go into it the second time
				if err := os.Mkdir(d, 0o700); err != nil {
					t.Fatal(err)
				}
			}
			file, copied = filepath.Join(from, "big"), filepath.Join(to, "from", "big")
		}
		data := random(t, 64*Block+1)
		write(t, file, data, 0o600)
		_, whole, err := copyTo(t, from, to, 40*Block)
		if !errors.As(err, new(*CutError)) {
			t.Fatalf("it ended with %v", err)
		}
		if _, err := os.Stat(copied); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a part of the file is at its place, %v", err)
		}
		_, again, err := copyTo(t, from, to, 0)
		if err != nil {
			t.Fatal(err)
		}
		if again > whole/2 {
			t.Errorf("%d bytes were sent again of %d, of which 39 blocks were there", again, whole)
		}
		if got, err := os.ReadFile(copied); err != nil || !bytes.Equal(got, data) {
			t.Errorf("the content is another one, %v", err)
		}
		if got := names(t, filepath.Dir(copied)); strings.Contains(got, "runner") {
			t.Errorf("there remains %s", got)
		}
	}
}

// TestResumeChanged goes on with nothing that is not just what is to be sent.
func TestResumeChanged(t *testing.T) {
	for what, change := range map[string]func(t *testing.T, from, part string){
		"source": func(t *testing.T, from, _ string) { write(t, from, random(t, 64*Block), 0o600) },
		"part": func(t *testing.T, _, part string) {
			f, err := os.OpenFile(part, os.O_WRONLY, 0)
			if err == nil {
				_, err = f.WriteAt([]byte("other"), 3*Block)
				f.Close()
			}
			if err != nil {
				t.Fatal(err)
			}
		},
		"source in place": func(t *testing.T, from, _ string) {
			info, err := os.Stat(from)
			if err != nil {
				t.Fatal(err)
			}
			write(t, from, random(t, 64*Block), 0o600)
			if err := os.Chtimes(from, info.ModTime(), info.ModTime()); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
			write(t, from, random(t, 64*Block), 0o600)
			if _, _, err := copyTo(t, from, to, 40*Block); !errors.As(err, new(*CutError)) {
				t.Fatalf("it ended with %v", err)
			}
			parts, err := filepath.Glob(filepath.Join(dir, ".to"+mark+"*"))
			if err != nil || len(parts) != 1 {
				t.Fatalf("there are %q, %v", parts, err)
			}
			change(t, from, parts[0])
			if _, _, err := copyTo(t, from, to, 0); err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(from)
			got, err2 := os.ReadFile(to)
			if err != nil || err2 != nil || !bytes.Equal(got, want) {
				t.Errorf("the content is another one, %v, %v", err, err2)
			}
			if got := names(t, dir); got != "from to" {
				t.Errorf("there are %q", got)
			}
		})
	}
}

// TestForget removes what is left of a file that is gone, in the directories that are copied to, but not what another copy
// is at work on. G21.
func TestForget(t *testing.T) {
	from, to := filepath.Join(t.TempDir(), "from"), t.TempDir()
	for _, d := range []string{from, filepath.Join(to, "other")} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	dir, err := disk.Find(to)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	live, _, err := dir.Resume(hiddenName("live", "1"), "live")
	if err != nil {
		t.Fatal(err)
	}
	defer live.Close()
	part := random(t, 2*Block)
	if _, err := live.Write(part); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(to, hiddenName("gone", "2")), part, 0o600)
	write(t, filepath.Join(to, "other", hiddenName("gone", "3")), part, 0o600)
	if _, _, err := copyTo(t, from+"/.", to, 0); err != nil {
		t.Fatal(err)
	}
	if got := names(t, to) + ";" + names(t, filepath.Join(to, "other")); got != ".live"+mark+"1 other;.gone"+mark+"3" {
		t.Errorf("there are %q", got)
	}
}

// TestFind: what was cut is looked for in a part of a destination that may be all of a machine.
func TestFind(t *testing.T) {
	to := t.TempDir()
	if err := errors.Join(os.MkdirAll(filepath.Join(to, "dir", "in"), 0o700), os.Mkdir(filepath.Join(to, "closed"), 0)); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(to, "dir", "in", hiddenName("f", "1")), random(t, 2*Block), 0o600)
	held := func(most int) string {
		r, err := NewReceiver(t.Context(), Destination{Path: to, Name: "."}, Progress{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		clear(r.held)
		r.find(t.Context(), most)
		var keys []string
		for key := range r.held {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		return strings.Join(keys, " ")
	}
	if got := held(4); got != "1" {
		t.Errorf("of all entries %q", got)
	}
	if got := held(3); got != "" {
		t.Errorf("of three entries %q", got)
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root to mount another file system")
	}
	other := filepath.Join(to, "closed")
	if err := unix.Mount("tmpfs", other, "tmpfs", 0, "size=2m"); err != nil {
		t.Skip("cannot mount another file system: ", err)
	}
	defer unix.Unmount(other, 0) //nolint:errcheck // the test's end tells
	write(t, filepath.Join(other, hiddenName("f", "2")), random(t, 2*Block), 0o600)
	if got := held(mostSeen); got != "1" {
		t.Errorf("beside another file system %q", got)
	}
}

// TestHeld is what a receiver says, read by the other side.
func TestHeld(t *testing.T) {
	var b bytes.Buffer
	want := []Held{{"key", 5 * Block, []byte{1, 2}}}
	if err := WriteHeld(&b, want); err != nil {
		t.Fatal(err)
	}
	got, err := ReadHeld(&b)
	if err != nil || len(got) != 1 || got[0].Key != "key" || got[0].Size != 5*Block {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := ReadHeld(strings.NewReader("\x05\x00\x00\x00\x00")); err == nil {
		t.Error("another record was taken")
	}
}
