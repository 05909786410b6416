package plain_test

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"runner/agent/plain"
)

func TestFile(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.WriteFile("file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("loop", "loop"); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 300)
	for path, want := range map[string]string{
		"no":     `there is no file or directory "no"`,
		"file/x": `"file/x", or a part of its path, is a file, and a directory is needed`,
		".":      `"." is a directory, and a file is needed`,
		"loop":   `"loop" is a link that leads in a circle`,
		long:     `the path "` + long + `" is too long`,
	} {
		_, err := os.ReadFile(path)
		if err == nil {
			t.Fatalf("%s can be read", path)
		}
		if got := plain.File(path, err); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
		if got := plain.Reading(err); got.Error() != want || !errors.Is(got, err) {
			t.Errorf("%s: %v", path, got)
		}
	}
	denied := &os.PathError{Op: "open", Path: "a\x1b", Err: os.ErrPermission}
	if got := plain.File("a\x1b", denied); got != `"a\x1b" cannot be read: permission denied` {
		t.Error(got)
	}
	for _, err := range []error{denied, &os.LinkError{Op: "rename", Old: "a", New: "b", Err: os.ErrPermission}, os.ErrPermission} {
		if got := plain.Cause(err); got != os.ErrPermission { //nolint:errorlint // the bare error is what is asked for
			t.Errorf("%v: %v", err, got)
		}
	}
	if got := plain.Reading(io.ErrUnexpectedEOF); got != io.ErrUnexpectedEOF { //nolint:errorlint // it is to be the same
		t.Error(got)
	}
}
