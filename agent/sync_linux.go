package agent

import (
	"fmt"
	"path"

	"golang.org/x/sys/unix"
)

// syncFileSystem writes out the file system with that device number, of which at was a directory or file. By now
// anything can be at that path. Where that is another file system's, or cannot be read, what is above it will do.
// Without any, everything is written out.
func syncFileSystem(at string, device uint64) error {
	for ; ; at = path.Dir(at) {
		if fd, ok := openOn(at, device); ok {
			defer unix.Close(fd) //nolint:errcheck // nothing was written through it
			return unix.Syncfs(fd)
		}
		if at == "/" {
			unix.Sync()
			return nil
		}
	}
}

// openOn opens a directory or file if it is on that device. To open anything else could wait, or do something.
func openOn(at string, device uint64) (int, bool) {
	held, err := unix.Open(at, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, false
	}
	defer unix.Close(held) //nolint:errcheck // nothing was written through it
	var st unix.Stat_t
	if unix.Fstat(held, &st) != nil || uint64(st.Dev) != device { //nolint:unconvert // its type differs between systems
		return 0, false
	}
	if kind := st.Mode & unix.S_IFMT; kind != unix.S_IFDIR && kind != unix.S_IFREG {
		return 0, false
	}
	fd, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", held), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	return fd, err == nil
}
