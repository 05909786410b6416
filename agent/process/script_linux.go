package process

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// scriptFile puts a script into a sealed memory file of our own. The program reads it through our entry in /proc, as
// long as we hold the file open, and so has no descriptor that its children would inherit.
func scriptFile(script []byte) (*os.File, string, error) {
	fd, err := unix.MemfdCreate("script", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, "", err
	}
	f := os.NewFile(uintptr(fd), "script")
	path := fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), fd)
	if _, err = f.Write(script); err == nil {
		_, err = unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_WRITE|unix.F_SEAL_GROW|unix.F_SEAL_SHRINK|unix.F_SEAL_SEAL)
	}
	if err == nil {
		_, err = os.Stat(path) // is there a /proc?
	}
	if err != nil {
		_ = f.Close()
		return nil, "", err
	}
	return f, path, nil
}

func closeScript(f *os.File) { _ = f.Close() }
