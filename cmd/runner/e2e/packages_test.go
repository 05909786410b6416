package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"runner/cmd/testbed/bed"
)

// slowPackage makes a Debian package whose script takes its time, in a container.
func slowPackage(t *testing.T, box *bed.Box, seconds string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"control":  "Package: slow\nVersion: 1.0\nArchitecture: all\nMaintainer: nobody <nobody@example.net>\nDescription: none\n",
		"postinst": "#!/bin/sh\ntouch /srv/began\nsleep " + seconds + "\ntouch /srv/done\n",
	} {
		if err := os.MkdirAll(filepath.Join(dir, "slow/DEBIAN"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "slow/DEBIAN", name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, argv := range [][]string{
		{"dpkg-deb", "--build", "--root-owner-group", dir + "/slow", dir + "/slow.deb"},
		{"docker", "cp", dir + "/slow.deb", box.Name + ":/srv/slow.deb"},
	} {
		if out, err := exec.CommandContext(t.Context(), argv[0], argv[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%q: %v\n%s", argv, err, out)
		}
	}
}

// TestG24Package: a package manager at work is not cut by a first interrupt, however long it takes, nor by the loss of the
// controller; a second interrupt ends it.
func TestG24Package(t *testing.T) {
	for _, c := range []struct {
		name    string
		seconds string
		end     func(*testing.T, *running)
		done    bool
	}{
		{"interrupted once", "12", func(t *testing.T, run *running) { // longer than an interrupted run may take otherwise
			_ = run.cmd.Process.Signal(syscall.SIGINT)
			got := run.end(40*time.Second).must(t, 130)
			if end := got.of("task_end")[0]; end.text("status") != "changed" {
				t.Errorf("the task ended %q: %s", end.text("status"), end.text("error"))
			}
			if after := got.of("task_end")[1]; after.text("status") != "cancelled" {
				t.Errorf("the task after it ended %q", after.text("status"))
			}
			if !strings.Contains(got.stderr, "must not be cut") {
				t.Errorf("nobody was told why it takes so long: %q", got.stderr)
			}
		}, true},
		{"interrupted twice", "1000", func(t *testing.T, run *running) {
			_ = run.cmd.Process.Signal(syscall.SIGINT)
			time.Sleep(300 * time.Millisecond)
			_ = run.cmd.Process.Signal(syscall.SIGINT)
			run.end(2*time.Second).must(t, 130)
		}, false},
		{"controller lost", "5", func(t *testing.T, run *running) {
			kill(t, run.cmd.Process.Pid)
			_ = run.cmd.Wait()
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newReached(t, bed.ServerOptions{Machine: true})
			box := r.Container(bed.BoxOptions{Debian: true})
			r.write("debian.hcl", `host "debian" {
  via = host.root
  hop "docker" { container = "`+box.Name+`" }
}`)
			r.write("site.hcl", `job "slow" {
  hosts = [host.debian]
  task "package" "slow" { name = "/srv/slow.deb" }
  task "command" "after" { argv = ["true"] }
}`)
			slowPackage(t, box, c.seconds)
			is := func(file string) bool {
				return strings.Contains(box.Run("sh", "-c", "test -e "+file+" && echo yes || true"), "yes")
			}
			run := r.start("apply", "--json", "--auto-approve")
			eventually(t, "the package's script runs", func() bool { return is("/srv/began") })
			c.end(t, run)
			if c.done {
				eventually(t, "it is done", func() bool { return is("/srv/done") })
				eventually(t, "it is installed", func() bool {
					return strings.Contains(box.Run("sh", "-c", "dpkg-query -W -f '${db:Status-Abbrev}' slow"), "ii")
				})
				return
			}
			eventually(t, "its script has ended", func() bool { return !strings.Contains(box.Run("ps", "ax"), "sleep "+c.seconds) })
			if is("/srv/done") {
				t.Error("it was let finish")
			}
		})
	}
}
