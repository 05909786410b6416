package bed

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// systemdArgs let systemd be process 1 of a container: it mounts file systems, and makes groups in the host's tree of
// control groups, below the container's own.
func systemdArgs() []string {
	return []string{
		"--cap-add", "SYS_ADMIN", "--cap-add", "NET_ADMIN", "--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined",
		"--cgroupns", "host", "--volume", "/sys/fs/cgroup:/sys/fs/cgroup", "--tmpfs", "/run", "--tmpfs", "/run/lock", "--tmpfs", "/tmp:exec",
		"--env", "container=docker", "--stop-signal", "SIGRTMIN+3",
	}
}

// awaitSystemd waits until the system has come up.
func (c *Box) awaitSystemd() {
	c.bed.t.Helper()
	// Until systemd listens, the question fails at once.
	script := `i=0; while [ $i -lt 200 ] && [ ! -S /run/systemd/private ]; do i=$((i+1)); sleep 0.05; done; systemctl is-system-running --wait`
	out, err := run("exec", c.Name, "sh", "-c", script)
	if err != nil {
		c.bed.t.Fatalf("systemd does not come up in a container: %v\n%s", err, out)
	}
}

// inside is set in the environment of a test that runs in a container.
const inside = "RUNNER_TESTBED_INSIDE"

// Inside lets a test happen in a container of its own: it starts one, runs the test there, by the same program and name,
// with what it prints, and returns false. There it returns true. Needs docker and root.
//
//	if !bed.Inside(t, bed.BoxOptions{Systemd: true}) {
//		return
//	}
func Inside(t *testing.T, options BoxOptions) bool {
	t.Helper()
	if os.Getenv(inside) != "" {
		return true
	}
	b := New(t, "linux", "root", "docker")
	program, err := os.Executable()
	if err != nil {
		t.Fatalf("cannot find the test's program: %v", err)
	}
	const at = "/usr/local/bin/the-test"
	options.Args = append(options.Args, "--volume", program+":"+at+":ro")
	box := b.Container(options)
	args := []string{"exec", "--env", inside + "=1", "--env", "CI=" + os.Getenv("CI"), "--workdir", "/root", box.Name, at, "-test.run", "^" + t.Name() + "$"}
	for _, arg := range os.Args[1:] {
		if strings.HasPrefix(arg, "-test.v") || strings.HasPrefix(arg, "-test.timeout") || strings.HasPrefix(arg, "-test.short") {
			args = append(args, arg)
		}
	}
	cmd := exec.CommandContext(t.Context(), "docker", args...)
	out, err := cmd.CombinedOutput()
	if len(out) > 0 {
		t.Logf("in the container:\n%s", out)
	}
	switch {
	case err != nil:
		t.Errorf("the test fails in the container: %v", err)
	case strings.Contains(string(out), "no tests to run"):
		t.Error("the container ran no test")
	}
	return false
}
