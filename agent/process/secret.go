package process

import (
	"os"

	"golang.org/x/sys/unix"
)

// Secret has programs of this user read data, such as a key, from a path: as long as done has not been called, and, where
// the system can do it, without a name in any directory, so that nothing remains if this process is killed.
func Secret(data []byte) (path string, done func(), err error) {
	f, path, err := scriptFile(data)
	if err != nil {
		return "", nil, err
	}
	const mine = 0o600
	if err := unix.Fchmod(int(f.Fd()), mine); err != nil {
		closeScript(f)
		return "", nil, &os.PathError{Op: "set the mode of", Path: path, Err: err}
	}
	return path, func() { closeScript(f) }, nil
}
