//go:build darwin || freebsd

package terminal

import (
	"os"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

const getTermios = unix.TIOCGETA

// Open returns both sides of a new pseudo terminal: ours, and the one that is a terminal for a program. Reads of ours have
// deadlines.
func Open() (ours, theirs *os.File, err error) {
	blocking, theirs, err := pty.Open()
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = blocking.Close() }()
	fd, err := unix.FcntlInt(blocking.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		_ = theirs.Close()
		return nil, nil, err
	}
	return os.NewFile(uintptr(fd), blocking.Name()), theirs, nil
}

// UTF8 does nothing: these terminals find it out by themselves, or not at all.
func UTF8(*os.File) {}
