package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
)

// At a terminal the console asks on after an error, ends well, and keeps what was typed for its owner alone.
func TestConsoleAtTerminal(t *testing.T) {
	dir := t.TempDir()
	site := "variable \"n\" { default = 4 }\nlocals { x = 1 }\n"
	if err := os.WriteFile(filepath.Join(dir, "site.hcl"), []byte(site), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "runner", "console", "--no-color")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TERM=xterm", "XDG_STATE_HOME="+dir)
	master, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 80})
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	stuck := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
	defer stuck.Stop()
	shown := ""
	for _, step := range []struct{ after, keys string }{
		{"> ", "\"x-${var\t}\"\r"},      // Tab completes var.n
		{"\"x-4\"", ""},                 // the value
		{"> ", "loca.x\r"},              //
		{"Did you mean \"local\"?", ""}, // and nothing ends
		{"> ", "[1,\r"},                 // not finished
		{"  ", "\x03"},                  // given up
		{"> ", "local.x + 1\r"},         //
		{"2", ""},                       //
		{"> ", "\x04"},                  // Ctrl-D
	} {
		for !strings.Contains(shown, step.after) {
			var b [4096]byte
			n, err := master.Read(b[:])
			if err != nil {
				t.Fatalf("%v, waiting for %q after %q", err, step.after, shown)
			}
			shown += string(b[:n])
		}
		_, shown, _ = strings.Cut(shown, step.after)
		if _, err := master.WriteString(step.keys); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ends with %v", err)
	}
	file := filepath.Join(dir, "runner", "console_history")
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the history is %v: %v", info, err)
	}
	if kept, err := os.ReadFile(file); err != nil || string(kept) != "\"x-${var.n}\"\nloca.x\n[1,\nlocal.x + 1\n" {
		t.Errorf("the history is %q: %v", kept, err)
	}
}
