package actiontest

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

const apart = "RUNNER_TEST_APART"

// setUp gives the namespaces that Apart makes directories of their own, to which the test may do anything. While other tests make
// accounts, files of /etc come and go: cp says so, and copies the rest.
const setUp = `set -e
mount -t tmpfs tmpfs "$1"
cp -a /etc "$1/etc" 2>/dev/null || true
mkdir -p "$1/spool/crontabs" /var/spool/cron
if [ -d /var/spool/cron/crontabs ]; then chgrp crontab "$1/spool/crontabs"; chmod 1730 "$1/spool/crontabs"; fi
mount --bind "$1/etc" /etc
mount --bind "$1/spool" /var/spool/cron
mount -t tmpfs -o mode=755 tmpfs /home
mount -t tmpfs -o mode=755 tmpfs /srv
test -d /proc/sys/net
shift
exec "$@"`

// Namespaces is a program in namespaces of its own, for which it takes a directory: what it does to /etc, /home, /srv,
// crontabs, what is mounted, the host name and parameters of the network is nobody else's.
func Namespaces(dir string, argv ...string) []string {
	return append([]string{"unshare", "--mount", "--uts", "--net", "--propagation", "private", "sh", "-c", setUp, "sh", dir}, argv...)
}

// Apart runs a test of this binary again in Namespaces, as root. It returns true in the process that is to do the test.
func Apart(t *testing.T) bool {
	t.Helper()
	if os.Getenv(apart) != "" {
		return true
	}
	NeedsRoot(t)
	if _, err := exec.LookPath("unshare"); err != nil {
		t.Skip("needs unshare: ", err)
	}
	self, err := os.Executable()
	OK(t, err)
	name, _, _ := strings.Cut(t.Name(), "/")
	argv := Namespaces(t.TempDir(), self, "-test.run", "^"+name+"$", "-test.v")
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), apart+"=1")
	out, err := cmd.CombinedOutput()
	if passed := strings.Contains(string(out), "--- PASS: "+name); err != nil || !passed {
		var shown []string
		for line := range strings.Lines(string(out)) {
			if !strings.Contains(line, "=== RUN") && !strings.Contains(line, "--- PASS") {
				shown = append(shown, line)
			}
		}
		t.Errorf("%v\n%s", err, strings.Join(shown, ""))
	}
	return false
}

// Command runs a program that makes something ready for a test.
func Command(t testing.TB, argv ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", argv, err, out)
	}
	return string(out)
}
