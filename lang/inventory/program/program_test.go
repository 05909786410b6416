package program

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"runner/lang/diag"
)

func TestRun(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "inv.sh")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho noise >&2\npwd; echo \"$1\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	file, d := Run(t.Context(), []string{"./inv.sh", "--list"}, dir, DefaultTimeout)
	if d != nil {
		t.Fatal(d)
	}
	if real, _ := filepath.EvalSymlinks(dir); file.Text != real+"\n--list\n" {
		t.Errorf("%q", file.Text)
	}
}

func TestFailures(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "plain"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		argv    []string
		timeout time.Duration
		says    []string
	}{
		"exit":    {[]string{"sh", "-c", "echo no credentials >&2; exit 3"}, DefaultTimeout, []string{"its exit status is 3", "no credentials"}},
		"signal":  {[]string{"sh", "-c", "kill -9 $$"}, DefaultTimeout, []string{"signal 9"}},
		"timeout": {[]string{"sh", "-c", "echo waiting >&2; sleep 100 & sleep 100"}, 100 * time.Millisecond, []string{"did not end within 100ms", "waiting"}},
		"missing": {[]string{"there-is-no-such-program"}, DefaultTimeout, []string{"no such file"}},
		"path":    {[]string{"./nothing"}, DefaultTimeout, []string{"no such file"}},
		"mode":    {[]string{"./plain"}, DefaultTimeout, []string{"permission denied"}},
		"endless": {[]string{"cat", "/dev/zero"}, DefaultTimeout, []string{"printed more than 8 MiB"}},
		"words":   {[]string{"sh", "-c", "head -c 100000 /dev/zero | tr '\\0' x >&2; printf '\\033[31m' >&2; exit 1"}, DefaultTimeout, []string{"xxx…"}},
		"control": {[]string{"sh", "-c", "printf 'a\\033[31mb' >&2; exit 1"}, DefaultTimeout, []string{"a", "[31mb"}},
	} {
		begin := time.Now()
		file, d := Run(t.Context(), test.argv, dir, test.timeout)
		if file != nil || d == nil || diag.CodeOf(d) != diag.Program {
			t.Errorf("%s: %v %v", name, file, d)
			continue
		}
		for _, says := range test.says {
			if !strings.Contains(d.Detail, says) || strings.Contains(d.Detail, "\x1b") {
				t.Errorf("%s: %s", name, d.Detail)
			}
		}
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
	}
}
