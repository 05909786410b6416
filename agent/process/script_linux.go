package process

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// scriptFile puts a script into a sealed memory file of our own. The program reads it through our entry in /proc, as
// long as we hold the file open, and so has no descriptor that its children would inherit.
func scriptFile(script []byte) (*os.File, string, error) { return memoryFile(script, 0) }

func memoryFile(content []byte, flags int) (*os.File, string, error) {
	fd, err := unix.MemfdCreate("script", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|flags)
	if err != nil {
		return nil, "", err
	}
	f := os.NewFile(uintptr(fd), "script")
	path := fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), fd)
	if _, err = f.Write(content); err == nil {
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

// Program makes content something that can be started, by its own first line if it is a script: path is what to start,
// until it is released. Here it is a sealed memory file, so that nothing can be left behind and no file system has to allow it;
// where those cannot be executed, a private file.
func Program(content []byte) (path string, release func(), err error) {
	f, path, err := memoryFile(content, unix.MFD_EXEC)
	if errors.Is(err, unix.EINVAL) { // older kernels have no such flag, and need none
		f, path, err = memoryFile(content, 0)
	}
	if err != nil {
		return privateFile(content)
	}
	return path, func() { closeScript(f) }, nil
}
