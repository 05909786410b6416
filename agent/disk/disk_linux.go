package disk

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// searchFlags open a directory for lookups only; that needs no permission to list it.
const searchFlags = unix.O_PATH | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC

// What a new entry takes over from its directory: its group and the setgid bit where that is set.
const (
	InheritsGroup  = false
	InheritsSetgid = 1
)

func faccessat(dir int, name string, mode uint32) error {
	return unix.Faccessat(dir, name, mode, unix.AT_EACCESS)
}

// unnamed makes a file without a name.
func unnamed(dir int) (int, error) {
	fd, err := unix.Openat(dir, ".", unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if errors.Is(err, unix.EISDIR) || errors.Is(err, unix.EINVAL) { // what older kernels make of the flag
		err = errors.ErrUnsupported
	}
	return fd, err
}

func ofKernel(fs *unix.Statfs_t) bool {
	return fs.Type == unix.PROC_SUPER_MAGIC || fs.Type == unix.SYSFS_MAGIC
}

// isMemory says whether what is written to a file system stays in memory.
func isMemory(fs *unix.Statfs_t) bool {
	kind := uint32(fs.Type) //nolint:gosec // magic numbers have 32 bits, and are signed on some platforms
	return kind == unix.TMPFS_MAGIC || kind == unix.RAMFS_MAGIC
}

// inMemory makes a file that is in no file system.
func inMemory(name string) (int, error) { return unix.MemfdCreate(name, unix.MFD_CLOEXEC) }

// linkUnnamed gives such a file a name.
func linkUnnamed(fd, dir int, name string) error {
	err := unix.Linkat(fd, "", dir, name, unix.AT_EMPTY_PATH)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EPERM) { // it takes a capability on most kernels
		err = unix.Linkat(unix.AT_FDCWD, descriptor(fd), dir, name, unix.AT_SYMLINK_FOLLOW)
	}
	for _, cannot := range []error{unix.ENOENT, unix.EPERM, unix.EXDEV, unix.EINVAL, unix.ELOOP} {
		if errors.Is(err, cannot) {
			return errors.ErrUnsupported
		}
	}
	return err
}

// descriptor is a path that leads to what a descriptor holds.
func descriptor(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// renameNew renames and never replaces.
func renameNew(dir int, from, to string) error {
	err := unix.Renameat2(dir, from, dir, to, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EINVAL) {
		return linkNew(dir, from, to)
	}
	return err
}

func (d *Dir) node(name string) (node, error) {
	fd, err := d.openat(name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	return node{fd: fd, dir: d, name: name}, err
}

func (n node) chown(uid, gid uint32) error {
	return unix.Fchownat(n.fd, "", int(uid), int(gid), unix.AT_EMPTY_PATH)
}

func (n node) chmod(perm uint32) error {
	// fchmodat2 is young, and some sandboxes answer EPERM to calls that they do not know.
	if unix.Fchmodat(n.fd, "", perm, unix.AT_EMPTY_PATH) == nil {
		return nil
	}
	err := unix.Chmod(descriptor(n.fd), perm)
	if !errors.Is(err, unix.ENOENT) {
		return err
	}
	// No /proc: a descriptor that the file was really opened with will do, if it is the same file.
	fd, err := n.dir.openat(n.name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd) //nolint:errcheck // nothing is written through it
	ours, err := n.stat()
	if err != nil {
		return err
	}
	there, err := node{fd: fd, dir: n.dir, name: n.name}.stat()
	if err != nil {
		return err
	}
	if there.ID != ours.ID {
		return &ChangedError{Path: n.dir.Join(n.name)}
	}
	return unix.Fchmod(fd, perm)
}

// reserve makes sure of the room for size bytes.
func reserve(f *os.File, size int64) error {
	if size == 0 {
		return nil
	}
	err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, 0, size)
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) || errors.Is(err, unix.EFBIG) {
		return failed("write", f.Name(), err)
	}
	return nil
}

// MountPoint tells whether something is mounted at an entry, be it a directory or a file.
func (d *Dir) MountPoint(name string) (bool, error) {
	var st unix.Statx_t
	err := unix.Statx(d.fd, name, unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT, unix.STATX_TYPE, &st)
	if err == nil && st.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT != 0 {
		return st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0, nil
	}
	mounts, err := mountPoints() // kernels before 5.8
	if err != nil {
		return false, err
	}
	for _, m := range mounts {
		if m == d.Join(name) {
			return true, nil
		}
	}
	return false, nil
}

// mountPoints lists where something is mounted.
func mountPoints() ([]string, error) {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	var out []string
	for line := range bytes.Lines(data) {
		if fields := strings.Fields(string(line)); len(fields) > 4 {
			out = append(out, Unescape(fields[4]))
		}
	}
	return out, nil
}
