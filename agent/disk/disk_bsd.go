//go:build darwin || freebsd

package disk

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// searchFlags open a directory for lookups only; that needs no permission to list it.
const searchFlags = unix.O_SEARCH | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC

// What a new entry takes over from its directory: always its group, never the setgid bit.
const (
	InheritsGroup  = true
	InheritsSetgid = 0
)

func faccessat(dir int, name string, mode uint32) error {
	return unix.Faccessat(dir, name, mode, unix.AT_EACCESS)
}

// unnamed makes a file without a name; these systems have none.
func unnamed(int) (int, error) { return -1, errors.ErrUnsupported }

func ofKernel(fs *unix.Statfs_t) bool { return unix.ByteSliceToString(fs.Fstypename[:]) == "procfs" }

func isMemory(fs *unix.Statfs_t) bool { return unix.ByteSliceToString(fs.Fstypename[:]) == "tmpfs" }

func inMemory(string) (int, error) { return -1, errors.ErrUnsupported }

func linkUnnamed(int, int, string) error { return errors.ErrUnsupported }

func (d *Dir) node(name string) (node, error) {
	fd, err := d.openat(name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	return node{fd: fd, dir: d, name: name}, err
}

func (n node) chown(uid, gid uint32) error { return unix.Fchown(n.fd, int(uid), int(gid)) }

func (n node) chmod(perm uint32) error { return unix.Fchmod(n.fd, perm) }

func reserve(*os.File, int64) error { return nil }

// MountPoint tells whether something is mounted at an entry. Files that are mounted over files of the same file system
// are not found out; replacing them fails.
func (d *Dir) MountPoint(name string) (bool, error) {
	here, err := d.Stat()
	if err != nil {
		return false, err
	}
	there, err := d.Lstat(name)
	return err == nil && there.ID.Device != here.ID.Device, err
}

// mountPoints lists where something is mounted.
func mountPoints() ([]string, error) {
	n, err := unix.Getfsstat(nil, unix.MNT_NOWAIT)
	if err != nil {
		return nil, err
	}
	list := make([]unix.Statfs_t, n+8)
	n, err = unix.Getfsstat(list, unix.MNT_NOWAIT)
	if err != nil {
		return nil, err
	}
	var out []string
	for i := range list[:n] {
		out = append(out, unix.ByteSliceToString(list[i].Mntonname[:]))
	}
	return out, nil
}
