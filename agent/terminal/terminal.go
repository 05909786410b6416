// Package terminal makes pseudo terminals. Its neighbours are agent/child, which answers the prompts of hops at one, and
// agent/session, which gives one to a person; what is typed and shown there is theirs.
package terminal

import (
	"cmp"
	"os"

	"golang.org/x/sys/unix"
)

// Size is how large a terminal is, in characters.
type Size struct {
	Rows    uint16 `cbor:"rows"`
	Columns uint16 `cbor:"columns"`
}

// Resize sets the size of a terminal. Whoever runs in its foreground is told.
func Resize(terminal *os.File, s Size) error {
	raw, err := terminal.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: s.Rows, Col: s.Columns})
	})
	return cmp.Or(err, failed)
}

// Echoes says whether a terminal shows what is typed. One that cannot be asked does.
func Echoes(terminal *os.File) bool {
	on := true
	withMode(terminal, func(_ int, mode *unix.Termios) { on = mode.Lflag&unix.ECHO != 0 })
	return on
}

// withMode gives away the settings of a terminal, if they can be read.
func withMode(terminal *os.File, do func(fd int, mode *unix.Termios)) {
	raw, err := terminal.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		if mode, err := unix.IoctlGetTermios(int(fd), getTermios); err == nil {
			do(int(fd), mode)
		}
	})
}
