package planfile

import (
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"runner/lang/source"
)

// TestReplay: what was read of a disk reads the same from a file, after the disk has changed; what was not is an error
// that says so.
func TestReplay(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	write("a", "first")
	write("b", "second")
	write("looked", "only looked at")
	write("secret", "hunter2")
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o750); err != nil {
		t.Fatal(err)
	}
	rec := NewRecorder(source.Disk{}, dir)
	text := func(f source.Files, name string) string {
		t.Helper()
		content, err := source.Read(f, name, 100)
		if err != nil {
			return err.Error()
		}
		return string(content)
	}
	within := func(name string) string { return filepath.Join(dir, name) }
	for _, name := range []string{"a", "secret"} {
		if got := text(rec, within(name)); len(got) > 10 {
			t.Fatal(got)
		}
	}
	if _, err := rec.ReadDir(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := rec.Stat(within("looked")); err != nil {
		t.Fatal(err)
	}
	if _, err := rec.Stat(within("none")); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	nodes, blobs, err := rec.Record()
	if err != nil {
		t.Fatal(err)
	}
	c := sample()
	c.File.Site.Dir, c.File.Site.Nodes, c.Blobs = dir, nodes, blobs
	c.File.Site.Again = []Withheld{{SourceFile, within("secret")}}
	delete(blobs, nodes[within("secret")].Digest)
	reader, err := read(written(t, c))
	if err != nil {
		t.Fatal(err)
	}
	write("a", "another")
	write("none", "now there")
	files := reader.Files(map[string][]byte{within("secret"): []byte("hunter2")})
	for name, want := range map[string]string{
		within("a"): "first", "a": "first", within("secret"): "hunter2",
		within("none"): "open " + within("none") + ": file does not exist",
		within("b"):    "open " + within("b") + ": " + ErrNotKept.Error(),
	} {
		if got := text(files, name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	info, err := files.Stat(within("looked"))
	if err != nil || info.Size() != 14 || info.Mode() != 0o640 || info.IsDir() {
		t.Errorf("%v, %v", info, err)
	}
	entries, err := files.ReadDir(dir)
	if err != nil || len(entries) != 5 || entries[4].Name() != "sub" || !entries[4].IsDir() {
		t.Errorf("%v, %v", entries, err)
	}
	if _, err := files.ReadDir(within("sub")); !errors.Is(err, ErrNotKept) {
		t.Errorf("a directory that was not listed: %v", err)
	}
	f, err := files.Open("a")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.Name() != "a" || info.Size() != 5 {
		t.Errorf("%v, %v", info, err)
	}
	if content, err := io.ReadAll(f); err != nil || string(content) != "first" {
		t.Errorf("%q, %v", content, err)
	}
}

// TestKeep: what will only be read later is kept as well, and what was only looked at is no empty file.
func TestKeep(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"kept", "looked"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("content"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rec := NewRecorder(source.Disk{}, dir)
	rec.Keep(filepath.Join(dir, "none"))
	if _, err := rec.Stat(filepath.Join(dir, "looked")); err != nil {
		t.Fatal(err)
	}
	rec.Keep(filepath.Join(dir, "kept"))
	nodes, blobs, err := rec.Record()
	if err != nil {
		t.Fatal(err)
	}
	c := sample()
	c.File.Site.Dir, c.File.Site.Nodes, c.Blobs, c.File.Site.Again = dir, nodes, blobs, nil
	reader, err := read(written(t, c))
	if err != nil {
		t.Fatal(err)
	}
	if content, err := source.Read(reader.Files(nil), filepath.Join(dir, "kept"), 100); err != nil || string(content) != "content" {
		t.Errorf("%q, %v", content, err)
	}
	if content, err := source.Read(reader.Files(nil), filepath.Join(dir, "looked"), 100); !errors.Is(err, ErrNotKept) {
		t.Errorf("%q, %v", content, err)
	}
}

// TestRecordChanged: a file that is written while a plan is made is not taken for what it was.
func TestRecordChanged(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a")
	if err := os.WriteFile(name, []byte("first"), 0o600); err != nil {
		t.Fatal(err)
	}
	rec := NewRecorder(source.Disk{}, "/")
	if _, err := source.Read(rec, name, 10); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(name, time.Time{}, time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := rec.Record(); !errors.As(err, new(*ChangedError)) {
		t.Errorf("%v", err)
	}
}

// unreadable are files that nobody may read.
type unreadable struct{ source.Disk }

func (unreadable) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
}

// TestKnown: a file whose digest is known is not read for that, and is still looked at again.
func TestKnown(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a")
	if err := os.WriteFile(name, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	rec := NewRecorder(unreadable{}, "/")
	if _, err := rec.Stat(name); err != nil {
		t.Fatal(err)
	}
	want := sha256.Sum256([]byte("content"))
	rec.Know(name, want)
	nodes, err := rec.Nodes()
	if n := nodes[name]; err != nil || !n.Read || n.Digest != want {
		t.Errorf("%+v, %v", n, err)
	}
	if err := os.WriteFile(name, []byte("another content"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := rec.Nodes(); !errors.As(err, new(*ChangedError)) {
		t.Errorf("of a file that has changed: %v", err)
	}
	rec = NewRecorder(source.Disk{}, "/")
	if _, err := rec.Stat(name); err != nil {
		t.Fatal(err)
	}
	rec.Know(name, want)
	if _, blobs, err := rec.Record(); err != nil || len(blobs) != 1 { // which is the content, and not what somebody says of it
		t.Errorf("%v, %v", blobs, err)
	}
}
