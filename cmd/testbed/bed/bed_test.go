package bed_test

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"runner/cmd/testbed/bed"
)

// An account logs in with the bed's key, and may use sudo as its rules say.
func TestAccountLogsInAndUsesSudo(t *testing.T) {
	b := bed.New(t, "linux", "root", "sshd", "ssh", "sudo")
	server := b.SSHD(bed.ServerOptions{})
	a := b.Account(bed.AccountOptions{Sudoers: []string{bed.SudoFree}})
	out, err := server.Client(t.Context(), a, "id -un; sudo -n id -un").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s\n%s", err, out, server.Log())
	}
	if got, want := string(out), a.Name+"\nroot\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Containers are as asked for.
func TestContainer(t *testing.T) {
	b := bed.New(t, "docker")
	plain := b.Container(bed.BoxOptions{})
	if got := plain.Run("id", "-u"); got != "0" {
		t.Errorf("got user %s, want 0", got)
	}
	tight := b.Container(bed.BoxOptions{Scratch: true, ReadOnly: true, User: "1000", Memory: "32m", Tmpfs: []string{"/tmp"}})
	if got := tight.Run("ls", "/"); strings.Contains(got, "bin") {
		t.Errorf("a scratch container has a bin directory:\n%s", got)
	}
}

// complaints records what a bed complains about instead of failing.
type complaints struct {
	testing.TB
	text string
}

func (c *complaints) Errorf(format string, args ...any) { c.text += fmt.Sprintf(format, args...) }

// G21: a process, a file and a terminal that are left of an account are found, and so is a process by sudo.
func TestCheckLeaksFindsWhatIsLeft(t *testing.T) {
	b := bed.New(t, "linux", "root", "sudo", "script")
	a := b.Account(bed.AccountOptions{Sudoers: []string{bed.SudoFree}})
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	start := func(cmd *exec.Cmd) {
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // sudo hands it on
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Wait() })
	}
	start(a.Command(ctx, "sleep", "1001"))
	start(a.Command(ctx, "sudo", "-n", "sleep", "1002"))
	start(a.Command(ctx, "script", "-q", "-c", "sleep 1003", "/dev/null"))
	file := filepath.Join("/var/tmp", "left-by-"+a.Name)
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(file) })
	if err := os.Chown(file, a.UID, a.GID); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond)
	f := &complaints{TB: t}
	bed.CheckLeaksFor(b, f)
	found := f.text
	for _, want := range []string{"sleep 1001", "by sudo from " + a.Name + "): sleep 1002", "sleep 1003", file, "/dev/pts/"} {
		if !strings.Contains(found, want) {
			t.Errorf("%q is not among what was found:\n%s", want, found)
		}
	}
}

// A need that is not met skips with its reason, and fails in CI.
func TestNeed(t *testing.T) {
	for ci, want := range map[string]string{"": "skipped", "true": "failed"} {
		t.Setenv("CI", ci)
		v := &verdict{TB: t}
		bed.Need(v, "no-such-program")
		if v.said != want {
			t.Errorf("with CI=%q got %q, want %q", ci, v.said, want)
		}
	}
}

// verdict records how a test would have ended.
type verdict struct {
	testing.TB
	said string
}

// A real one would not come back from either; only the first counts.
func (v *verdict) Skipf(string, ...any)  { v.said = cmp.Or(v.said, "skipped") }
func (v *verdict) Fatalf(string, ...any) { v.said = cmp.Or(v.said, "failed") }
