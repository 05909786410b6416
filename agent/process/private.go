package process

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Opened is what to start to run an open file, which is at a path: that very file, where the system shows it.
func Opened(f *os.File, path string) string {
	shown := fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), f.Fd())
	if _, err := os.Stat(shown); err == nil {
		return shown
	}
	return path
}

// privateFile puts a program into a file that only this user can read, where files can be executed. What is returned
// removes it.
func privateFile(content []byte) (path string, remove func(), err error) {
	for _, dir := range []string{os.TempDir(), "/var/tmp", "/dev/shm"} {
		f, failed := os.CreateTemp(dir, ".runner-script-")
		if failed != nil {
			err = errors.Join(err, failed)
			continue
		}
		_, failed = f.Write(content)
		failed = errors.Join(failed, f.Chmod(0o700), f.Close())
		if failed == nil {
			failed = unix.Access(f.Name(), unix.X_OK) // mounted noexec?
		}
		if failed == nil {
			return f.Name(), func() { _ = os.Remove(f.Name()) }, nil
		}
		_ = os.Remove(f.Name())
		err = errors.Join(err, failed)
	}
	return "", nil, err
}
