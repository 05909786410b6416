package child

import (
	"os"

	"golang.org/x/sys/unix"
)

// echoes says whether a terminal shows what is typed. One that cannot be asked does.
func echoes(terminal *os.File) bool {
	raw, err := terminal.SyscallConn()
	if err != nil {
		return true
	}
	on := true
	_ = raw.Control(func(fd uintptr) {
		if mode, err := unix.IoctlGetTermios(int(fd), getTermios); err == nil {
			on = mode.Lflag&unix.ECHO != 0
		}
	})
	return on
}
