// Package disk reaches a target's files through opened directories, so that nobody can lead it elsewhere between two
// steps: every name is looked up in a directory that is held open, and no link is followed here. It makes files appear
// whole (Draft) and changes what is there (Node); what differs between operating systems is in the files named after
// them. Its neighbour is agent/view, which decides about links and shows what is planned; agent/action decides what to
// do. It knows nothing of either.
//
// Why not os.Root: it refuses absolute links, such as /var/run, and gives no way to look at a link before following it.
package disk

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// Kind says what a name stands for.
type Kind uint8

// The kinds. Unknown is for what is only planned, and not known yet.
const (
	Unknown Kind = iota
	Regular
	Directory
	Link
	Pipe
	Socket
	CharDevice
	BlockDevice
)

func (k Kind) String() string {
	switch k {
	case Regular:
		return "a file"
	case Directory:
		return "a directory"
	case Link:
		return "a symbolic link"
	case Pipe:
		return "a pipe"
	case Socket:
		return "a socket"
	case CharDevice, BlockDevice:
		return "a device"
	case Unknown:
	}
	return "something unknown"
}

// Stat is what a name stands for.
type Stat struct {
	Kind     Kind
	Perm     uint32 // the permissions and the setuid, setgid and sticky bits: 07777
	UID, GID uint32
	Size     int64
	Links    uint64
	ID       ID
	Changed  int64 // when anything of it has changed last: nanoseconds since 1970
	Modified int64 // when its content has changed last, or is said to have
}

// ID tells files apart as long as one of them is held open.
type ID struct{ Device, Inode uint64 }

// Me is the number of the user whose rights this process has.
func Me() uint32 { return uint32(unix.Geteuid()) } //nolint:gosec // such numbers are never negative

// MyGroup is the number of the group that this process makes files for.
func MyGroup() uint32 { return uint32(unix.Getegid()) } //nolint:gosec // such numbers are never negative

// Setgid is the bit that new entries of a directory inherit its group by.
const Setgid = 0o2000

// Sticky is the bit that lets only the owner of an entry, or of the directory, rename or remove it.
const Sticky = 0o1000

func statOf(st *unix.Stat_t) Stat {
	s := Stat{
		Perm: uint32(st.Mode) & 0o7777, UID: st.Uid, GID: st.Gid, Size: st.Size, Links: uint64(st.Nlink),
		ID: ID{uint64(st.Dev), st.Ino}, Changed: unix.TimespecToNsec(st.Ctim), Modified: unix.TimespecToNsec(st.Mtim),
	}
	switch uint32(st.Mode) & unix.S_IFMT {
	case unix.S_IFREG:
		s.Kind = Regular
	case unix.S_IFDIR:
		s.Kind = Directory
	case unix.S_IFLNK:
		s.Kind = Link
	case unix.S_IFIFO:
		s.Kind = Pipe
	case unix.S_IFSOCK:
		s.Kind = Socket
	case unix.S_IFCHR:
		s.Kind = CharDevice
	case unix.S_IFBLK:
		s.Kind = BlockDevice
	}
	return s
}

// Dir is an opened directory. It must be closed.
type Dir struct {
	Path string // absolute, without links
	fd   int
}

// Root opens the root directory.
func Root() (*Dir, error) {
	fd, err := again(func() (int, error) { return unix.Open("/", searchFlags, 0) })
	if err != nil {
		return nil, failed("open", "/", err)
	}
	return &Dir{Path: "/", fd: fd}, nil
}

// Close closes the directory. It can be called twice, and on nil.
func (d *Dir) Close() {
	if d != nil && d.fd >= 0 {
		unix.Close(d.fd) //nolint:errcheck // nothing was written through it
		d.fd = -1
	}
}

// Join returns the path of an entry.
func (d *Dir) Join(name string) string { return path.Join(d.Path, name) }

// Open opens a directory in it; it does not follow a link.
func (d *Dir) Open(name string) (*Dir, error) {
	fd, err := d.openat(name, searchFlags, 0)
	if err != nil {
		return nil, err
	}
	return &Dir{Path: d.Join(name), fd: fd}, nil
}

// Stat describes the directory itself.
func (d *Dir) Stat() (Stat, error) {
	var st unix.Stat_t
	if err := unix.Fstat(d.fd, &st); err != nil {
		return Stat{}, failed("look at", d.Path, err)
	}
	return statOf(&st), nil
}

// Lstat describes an entry. Where there is none the error is fs.ErrNotExist.
func (d *Dir) Lstat(name string) (Stat, error) {
	var st unix.Stat_t
	if err := unix.Fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return Stat{}, failed("look at", d.Join(name), err)
	}
	return statOf(&st), nil
}

// Readlink returns what a link says.
func (d *Dir) Readlink(name string) (string, error) {
	for size := 256; ; size *= 2 {
		buf := make([]byte, size)
		n, err := unix.Readlinkat(d.fd, name, buf)
		if err != nil {
			return "", failed("read the link", d.Join(name), err)
		}
		if n < size {
			return string(buf[:n]), nil
		}
	}
}

// Names lists the entries, in no order.
func (d *Dir) Names() ([]string, error) {
	f, err := d.readable()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}

// readable opens the directory once more, for what a directory that is only good for lookups cannot do.
func (d *Dir) readable() (*os.File, error) {
	fd, err := d.openat(".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), d.Path), nil
}

// Sync has the entries of a directory on the disk.
func (d *Dir) Sync() error {
	f, err := d.readable()
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// MountBelow returns a mount point below an entry, or "".
func (d *Dir) MountBelow(name string) (string, error) {
	mounts, err := mountPoints()
	if err != nil {
		return "", err
	}
	for _, m := range mounts {
		if strings.HasPrefix(m, d.Join(name)+"/") {
			return m, nil
		}
	}
	return "", nil
}

// Writable returns nil if this process may make, rename and remove entries.
func (d *Dir) Writable() error {
	err := faccessat(d.fd, ".", unix.W_OK|unix.X_OK)
	if err != nil {
		return failed("write to", d.Path, err)
	}
	return nil
}

// Access returns nil if this process may use an entry, which is no link, as mode (unix.W_OK and the like) says.
func (d *Dir) Access(name string, mode uint32) error {
	if err := faccessat(d.fd, name, mode); err != nil {
		return failed("write to", d.Join(name), err)
	}
	return nil
}

// Read opens a regular file for reading. Anything else, also a link, is an error; a pipe or a device is not opened.
func (d *Dir) Read(name string) (*os.File, Stat, error) {
	return d.file(name, unix.O_RDONLY)
}

// ReadWrite opens a regular file for reading and writing and does not truncate it.
func (d *Dir) ReadWrite(name string) (*os.File, Stat, error) {
	return d.file(name, unix.O_RDWR)
}

func (d *Dir) file(name string, flags int) (*os.File, Stat, error) {
	before, err := d.Lstat(name)
	if err != nil {
		return nil, Stat{}, err
	}
	if before.Kind != Regular {
		return nil, Stat{}, &KindError{Path: d.Join(name), Kind: before.Kind}
	}
	// O_NONBLOCK: it may have become a pipe by now.
	fd, err := d.openat(name, flags|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, Stat{}, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd) //nolint:errcheck // nothing was written through it
		return nil, Stat{}, failed("look at", d.Join(name), err)
	}
	if s := statOf(&st); s.Kind == Regular {
		return os.NewFile(uintptr(fd), d.Join(name)), s, nil
	}
	unix.Close(fd) //nolint:errcheck // nothing was written through it
	return nil, Stat{}, &KindError{Path: d.Join(name), Kind: statOf(&st).Kind}
}

func (d *Dir) openat(name string, flags int, perm uint32) (int, error) {
	fd, err := again(func() (int, error) { return unix.Openat(d.fd, name, flags, perm) })
	if err != nil {
		return -1, failed("open", d.Join(name), err)
	}
	return fd, nil
}

// again repeats a call that a signal interrupted; the runtime's own signals do that on some file systems.
func again[T any](call func() (T, error)) (T, error) {
	for {
		v, err := call()
		if !errors.Is(err, unix.EINTR) {
			return v, err
		}
	}
}

func failed(op, path string, err error) error { return &fs.PathError{Op: op, Path: path, Err: err} }

// KindError says that something else is there than a regular file or a directory.
type KindError struct {
	Path string
	Kind Kind
}

func (e *KindError) Error() string { return e.Path + " is " + e.Kind.String() }

// ChangedError says that something was put at a path at the very moment when it was to be written.
type ChangedError struct{ Path string }

func (e *ChangedError) Error() string { return e.Path + " was changed by something else meanwhile" }
