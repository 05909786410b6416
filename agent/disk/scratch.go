package disk

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

const (
	// scratchShare is which part of the free room scratch may take: the rest is for what people want to be there.
	scratchShare = 4
	// scratchMemory is how much of it may be kept in memory: in a file system that is there, or where no directory will do.
	scratchMemory = 16 << 20
)

// Scratch makes a file without a name, so that nothing remains of it if this process is killed, and nobody else finds it.
// It has room for size bytes, and lies in the first of some directories that will do.
func Scratch(size int64, dirs ...string) (*os.File, error) {
	var all error
	for _, dir := range dirs {
		file, err := scratch(dir, size)
		if err == nil {
			return file, nil
		}
		all = errors.Join(all, err)
	}
	if size > scratchMemory {
		return nil, all
	}
	fd, err := inMemory("runner-scratch")
	if err != nil {
		return nil, all
	}
	return os.NewFile(uintptr(fd), "memory"), nil
}

// Room tells how many bytes the file system of a directory could hold, and how many more it can. Where that cannot be told, there is room.
func Room(dir string) (all, free int64) {
	var room unix.Statfs_t
	if unix.Statfs(dir, &room) != nil {
		return 1 << 60, 1 << 60
	}
	return int64(room.Blocks) * int64(room.Bsize), int64(room.Bavail) * int64(room.Bsize) //nolint:gosec // no file system is that large
}

// OfKernel tells whether the directory is none of a file system that keeps anything: what is in it stands for processes or devices.
func (d *Dir) OfKernel() bool {
	var fs unix.Statfs_t
	return unix.Fstatfs(d.fd, &fs) == nil && ofKernel(&fs)
}

func scratch(dir string, size int64) (*os.File, error) {
	var room unix.Statfs_t
	if err := unix.Statfs(dir, &room); err != nil {
		return nil, failed("look at", dir, err)
	}
	may := int64(room.Bavail) * int64(room.Bsize) / scratchShare //nolint:gosec // where it is signed, it can be negative
	if isMemory(&room) {
		may = min(may, scratchMemory)
	}
	if size > may {
		return nil, failed("write", dir, unix.ENOSPC)
	}
	file, err := nameless(dir, unnamed)
	if err != nil {
		return nil, err
	}
	if err := Reserve(file, size); err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// nameless makes a file without a name: at once where make can, which unnamed does, or else one whose name it removes.
func nameless(dir string, make func(dir int) (fd int, err error)) (*os.File, error) {
	fd, err := again(func() (int, error) { return unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0) })
	if err != nil {
		return nil, failed("open", dir, err)
	}
	defer unix.Close(fd) //nolint:errcheck // nothing is written through it
	made, err := again(func() (int, error) { return make(fd) })
	if err == nil {
		return os.NewFile(uintptr(made), dir), nil
	}
	if !errors.Is(err, errors.ErrUnsupported) {
		return nil, failed("write", dir, err)
	}
	file, err := os.CreateTemp(dir, ".runner-")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(file.Name()); err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}
