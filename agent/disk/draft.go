package disk

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Draft is a new file that is not at its place yet. Where the file system can do it (Linux's O_TMPFILE) it has no name
// until then, so that nothing remains of it if this process is killed; else it has a hidden name that only this user
// can read. It must be closed.
type Draft struct {
	*os.File // to write the content to

	dir    *Dir
	final  string // the name it is for
	hidden string // the name it has, "" for none
}

// Draft starts a file that is to be called name.
func (d *Dir) Draft(name string) (*Draft, error) {
	if fd, err := again(func() (int, error) { return unnamed(d.fd) }); err == nil {
		return &Draft{File: os.NewFile(uintptr(fd), d.Join(name)), dir: d, final: name}, nil
	} else if !errors.Is(err, errors.ErrUnsupported) {
		return nil, failed("write", d.Join(name), err)
	}
	w := &Draft{dir: d, final: name}
	return w, w.create()
}

// create makes the draft with a name.
func (w *Draft) create() error {
	return w.claim(func(hidden string) error {
		fd, err := w.dir.openat(hidden, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
		if path, ok := errors.AsType[*fs.PathError](err); ok { // nobody knows the hidden name
			err = failed("create", w.dir.Join(w.final), path.Err)
		}
		if err != nil {
			return err
		}
		w.File = os.NewFile(uintptr(fd), w.dir.Join(w.final))
		lock(fd) //nolint:errcheck // some file systems have no locks; remains stay there
		return nil
	})
}

// claim gives the draft a hidden name with give. The name is the same each time, so that the remains of a killed process
// are found and removed; it is locked by whoever uses it, and a name that is in use is left alone.
func (w *Draft) claim(give func(hidden string) error) error {
	hidden := "." + strings.ToValidUTF8(w.final[:min(len(w.final), 200)], "") + ".runner-" + strconv.Itoa(unix.Geteuid())
	for range 3 {
		err := give(hidden)
		if err == nil {
			w.hidden = hidden
			return nil
		}
		if !errors.Is(err, unix.EEXIST) {
			return err
		}
		if !w.dir.RemoveStale(hidden) {
			var b [8]byte
			rand.Read(b[:]) // it never fails
			hidden += "-" + hex.EncodeToString(b[:])
		}
	}
	return &ChangedError{Path: w.dir.Join(hidden)}
}

// RemoveStale removes a draft that a process of this user, which has ended, left under a hidden name, and says whether it
// has: what somebody works on stays. It may have had its owner already.
func (d *Dir) RemoveStale(hidden string) bool {
	f, st, err := d.Read(hidden)
	if err != nil {
		return false
	}
	defer f.Close()
	return (Me() == 0 || st.UID == Me()) && lock(int(f.Fd())) == nil && d.still(hidden, st.ID) && unix.Unlinkat(d.fd, hidden, 0) == nil
}

// still says whether a name stands for a file that is open and locked: whoever held the lock before may have moved it.
func (d *Dir) still(name string, id ID) bool {
	st, err := d.Lstat(name)
	return err == nil && st.ID == id
}

// lock locks a file as long as it is open here, or fails at once.
func lock(fd int) error { return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) }

// Reserve makes sure of the room for size bytes where the file system can tell.
func Reserve(f *os.File, size int64) error {
	const worthwhile = 1 << 20
	if size < worthwhile {
		return nil
	}
	return reserve(f, size)
}

// Finish gives a written draft the ACL and the extended attributes of old, which may be nil, and then its owner and
// permissions.
func (w *Draft) Finish(old *os.File, uid, gid, perm uint32) error {
	st, err := w.Describe()
	if err != nil {
		return err
	}
	// The owner first: giving a file away clears its setuid bits and its capabilities. The permissions last: they are part
	// of the ACL.
	if st.UID != uid || st.GID != gid {
		if err := unix.Fchown(int(w.Fd()), int(uid), int(gid)); err != nil {
			return failed("set the owner of", w.Name(), err)
		}
	}
	if old != nil {
		if err := copyAttributes(old, w.File); err != nil {
			return err
		}
	}
	if err := unix.Fchmod(int(w.Fd()), perm); err != nil {
		return failed("set the mode of", w.Name(), err)
	}
	return nil
}

// Describe describes the draft as it is.
func (w *Draft) Describe() (Stat, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(w.Fd()), &st); err != nil {
		return Stat{}, failed("look at", w.Name(), err)
	}
	return statOf(&st), nil
}

// Create puts the draft at its place, where nothing may be: it never replaces. The error is a *ChangedError if
// something has appeared there.
func (w *Draft) Create() error {
	if w.hidden == "" {
		err := w.link(w.final)
		if errors.Is(err, unix.EEXIST) {
			return &ChangedError{Path: w.dir.Join(w.final)}
		}
		if err == nil || !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
		if err := w.copyToNamed(); err != nil {
			return err
		}
	}
	return w.move("create", renameNew)
}

// Replace puts the draft at its place, instead of the file or link that is there.
func (w *Draft) Replace() error {
	if w.hidden == "" {
		lock(int(w.Fd())) //nolint:errcheck // some file systems have no locks; remains stay there
		err := w.claim(w.link)
		if errors.Is(err, errors.ErrUnsupported) {
			err = w.copyToNamed()
		}
		if err != nil {
			return err
		}
	}
	return w.move("replace", func(dir int, from, to string) error { return unix.Renameat(dir, from, dir, to) })
}

// move moves a draft from its hidden name to its place.
func (w *Draft) move(op string, rename func(dir int, from, to string) error) error {
	ours, err := w.Describe()
	if err != nil {
		return err
	}
	// Network file systems may tell only when a file is closed that there was no room. The lock lasts until the last close.
	second, err := unix.Dup(int(w.Fd()))
	if err == nil {
		err = unix.Close(second)
	}
	if err != nil {
		return failed("write", w.dir.Join(w.final), err)
	}
	err = rename(w.dir.fd, w.hidden, w.final)
	switch {
	case errors.Is(err, unix.EEXIST):
		return &ChangedError{Path: w.dir.Join(w.final)}
	case err != nil:
		return failed(op, w.dir.Join(w.final), err)
	}
	w.hidden = ""
	// In a directory where others may rename, somebody could have put something else under the hidden name.
	there, err := w.dir.Lstat(w.final)
	if err != nil {
		return err
	}
	if there.ID != ours.ID {
		return &ChangedError{Path: w.dir.Join(w.final)}
	}
	return nil
}

// link gives an unnamed draft a name.
func (w *Draft) link(name string) error {
	if err := linkUnnamed(int(w.Fd()), w.dir.fd, name); err != nil {
		return failed("create", w.dir.Join(name), err)
	}
	return nil
}

// copyToNamed is for systems where a file without a name cannot be given one (no /proc, not root).
func (w *Draft) copyToNamed() error {
	old := w.File
	defer old.Close()
	st, err := w.Describe()
	if err != nil {
		return err
	}
	if err := w.create(); err != nil {
		return err
	}
	if _, err := old.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if _, err := io.Copy(w.File, old); err != nil {
		return err
	}
	return w.Finish(old, st.UID, st.GID, st.Perm)
}

// Close removes the draft unless it was put at its place. It can be called twice.
func (w *Draft) Close() {
	if w.hidden != "" {
		unix.Unlinkat(w.dir.fd, w.hidden, 0) //nolint:errcheck // there is nobody left to tell
		w.hidden = ""
	}
	if w.File != nil {
		w.File.Close() // write errors have been reported: by Write, by Sync where asked for, by move
	}
}

// linkNew renames and never replaces, for systems that have no call for it.
func linkNew(dir int, from, to string) error {
	if err := unix.Linkat(dir, from, dir, to, 0); err != nil {
		return err
	}
	return unix.Unlinkat(dir, from, 0)
}
