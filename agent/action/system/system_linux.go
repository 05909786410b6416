package system

import (
	"golang.org/x/sys/unix"

	"runner/agent/action"
)

// administrator tells whether this process may do what takes the capability of a system's administrator, which containers
// are not given.
func administrator(env *action.Env, purpose string) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil || data[0].Effective&(1<<unix.CAP_SYS_ADMIN) != 0 {
		return nil //nolint:nilerr // the system will tell
	}
	if err := action.NeedsRoot(purpose); err != nil || env.View.Disturbed() {
		return err
	}
	return action.Problem("Containers are not given the right to do this: do it where the container is made, or on its machine.",
		"cannot %s: root lacks the capability CAP_SYS_ADMIN here", purpose)
}

func setHostname(name string) error {
	if err := unix.Sethostname([]byte(name)); err != nil {
		return action.Cannot("set", "the host name", err)
	}
	return nil
}
