package process

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestProgram: content is started by its own first line, or as the executable that it is, and nothing of it is left, neither
// where memory can be executed nor where it takes a file.
func TestProgram(t *testing.T) {
	tb := table(t)
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	executable, err := os.ReadFile("/bin/true")
	if err != nil {
		t.Fatal(err)
	}
	for name, makes := range map[string]func([]byte) (string, func(), error){"memory": Program, "file": privateFile} {
		for _, c := range []struct {
			content string
			want    string
			err     error
		}{
			{content: "#!/bin/sh\necho \"$1\"; ls /proc/self/fd | wc -l", want: "an argument\n4\n"}, // 0 to 2, and that of ls itself
			{content: string(executable)},
			{content: "no program", err: syscall.ENOEXEC},
			{content: "#!/no/such/interpreter\n", err: syscall.ENOENT},
		} {
			path, release, err := makes([]byte(c.content))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			exit, err := tb.Run(t.Context(), Command{Argv: []string{path, "an argument"}, Env: os.Environ()})
			release()
			if !errors.Is(err, c.err) {
				t.Errorf("%s: %.20q: %v", name, c.content, err)
			}
			if got := string(exit.Stdout); got != c.want || exit.Status != 0 {
				t.Errorf("%s: %.20q: printed %q, status %d", name, c.content, got, exit.Status)
			}
			if _, err := os.Stat(path); err == nil {
				t.Errorf("%s: %s is left", name, path)
			}
		}
	}
	if left, _ := filepath.Glob(temporary + "/*"); len(left) > 0 {
		t.Errorf("left: %s", strings.Join(left, " "))
	}
}
