package bed

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// thrownAway is set in the environment of what runs in a throw-away copy of the machine's file system.
const thrownAway = "RUNNER_TESTBED_THROWAWAY"

// throwaway lays a file system in memory over this machine's, in a mount namespace of its own, and runs its arguments in
// there, in the same directory: a copy that costs nothing, of which nothing remains. /tmp is the machine's own.
const throwaway = `
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root
for dir in /proc /sys /dev /tmp; do mount --rbind $dir /mnt/root$dir; done
mount -t tmpfs tmpfs /mnt/root/run
[ -e "/mnt/root$PWD/." ] || { mkdir -p "/mnt/root$PWD"; mount --bind "$PWD" "/mnt/root$PWD"; }
exec chroot /mnt/root /bin/sh -euc 'cd "$0"; exec "$@"' "$PWD" "$@"
`

// InThrowaway returns a command that runs in a throw-away copy of this machine's file system, which goes with its last
// process. It needs root, and Linux.
func InThrowaway(argv ...string) *exec.Cmd {
	cmd := exec.Command("unshare", append([]string{"--mount", "--propagation", "private", "/bin/sh", "-euc", throwaway, "sh"}, argv...)...)
	cmd.Env = append(os.Environ(), thrownAway+"=1")
	return cmd
}

// Throwaway runs the tests of a package in a throw-away copy of this machine's file system, where that can be had. It is for
// TestMain. Tests that change the system say Need(t, "throwaway").
func Throwaway(m *testing.M) int {
	if os.Getenv(thrownAway) != "" || InThrowaway("/bin/true").Run() != nil {
		return m.Run()
	}
	self, err := os.Executable()
	if err != nil {
		fmt.Fprintln(os.Stderr, "cannot find the test's program:", err)
		return 1
	}
	cmd := InThrowaway(append([]string{self}, os.Args[1:]...)...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	err = cmd.Run()
	if _, failed := errors.AsType[*exec.ExitError](err); err != nil && !failed {
		fmt.Fprintln(os.Stderr, "cannot run the tests in a throw-away file system:", err)
		return 1
	}
	return cmd.ProcessState.ExitCode()
}
