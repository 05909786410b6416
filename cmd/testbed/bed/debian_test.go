package bed

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestSystemdInContainer(t *testing.T) {
	if !Inside(t, BoxOptions{Systemd: true}) {
		return
	}
	if first, err := os.ReadFile("/proc/1/comm"); err != nil || string(first) != "systemd\n" {
		t.Errorf("process 1 is %q: %v", first, err)
	}
	if out, err := exec.CommandContext(t.Context(), "systemctl", "is-system-running").CombinedOutput(); string(out) != "running\n" {
		t.Errorf("the system is %s: %v", out, err)
	}
}

// What an agent leaves is found in a Debian too, though it has daemons of its own.
func TestLeaksInSystemd(t *testing.T) {
	b := New(t, "linux", "root", "docker")
	box := b.Container(BoxOptions{Systemd: true})
	if left := b.leaks(); len(left) > 0 {
		t.Errorf("its own daemons are leaks: %s", left)
	}
	box.Run("sh", "-c", "cp /bin/sleep /tmp/runner-agent-left; /tmp/runner-agent-left 60 >/dev/null 2>&1 &")
	if left := b.leaks(); len(left) != 1 || !strings.Contains(left[0], "runner-agent-left") {
		t.Errorf("found %s", left)
	}
	box.Run("pkill", "-f", "^/tmp/runner-agent-left")
}

// A container without a network is reached all the same.
func TestReach(t *testing.T) {
	b := New(t, "linux", "root", "docker", "ssh")
	box := b.Container(BoxOptions{Systemd: true})
	key := b.Admit(box)
	host, port, err := net.SplitHostPort(box.Reach(22))
	if err != nil {
		t.Fatal(err)
	}
	b.write("known", 0o644, fmt.Sprintf("[%s]:%s %s\n", host, port, key))
	cmd := exec.CommandContext(t.Context(), "ssh", "-F", "none", "-i", b.Key(), "-o", "UserKnownHostsFile="+b.path("known"), "-o", "BatchMode=yes", "-p", port, "-l", "root", host, "cat", "/proc/1/comm")
	if out, err := cmd.CombinedOutput(); string(out) != "systemd\n" {
		t.Errorf("%v: %s", err, out)
	}
}
