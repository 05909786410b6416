package process

import "golang.org/x/sys/unix"

// maxInherited is how many descriptors are looked at.
const maxInherited = 1024

// CloseInherited closes what whoever started this process has left open by mistake, such as a terminal or a listening
// socket: it would stay open as long as an agent lives. What this process opens itself is marked, and stays.
func CloseInherited() {
	for fd := 3; fd < maxInherited; fd++ {
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			_ = unix.Close(fd)
		}
	}
}
