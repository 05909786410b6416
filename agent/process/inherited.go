package process

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// CloseInherited closes what whoever started this process has left open by mistake, such as a terminal or a listening
// socket: it would stay open as long as an agent lives. What this process opens itself is marked, and stays.
func CloseInherited() {
	for _, fd := range open() {
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			_ = unix.Close(fd)
		}
	}
}

// open lists descriptors that may be open, but for the standard ones.
func open() []int {
	var out []int
	var names []string
	dir, err := os.Open("/proc/self/fd")
	if err == nil {
		names, err = dir.Readdirnames(-1)
		_ = dir.Close()
	}
	if err != nil { // all that are likely
		for fd := 3; fd < 1024; fd++ {
			out = append(out, fd)
		}
	}
	for _, name := range names {
		if fd, err := strconv.Atoi(name); err == nil && fd > 2 {
			out = append(out, fd)
		}
	}
	return out
}
