package disk

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Find opens the directory at a path that a person named: links on the way are followed, once. It must be closed.
func Find(name string) (*Dir, error) {
	name, err := filepath.Abs(name)
	if err == nil {
		name, err = filepath.EvalSymlinks(name)
	}
	if err != nil {
		return nil, err
	}
	dir, err := Root()
	if err != nil {
		return nil, err
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" {
			continue
		}
		next, err := dir.Open(part)
		dir.Close()
		if err != nil {
			return nil, err
		}
		dir = next
	}
	return dir, nil
}

// Resume is Draft for a file that is worth going on with later: it has the given hidden name, and goes on with the file
// of that name if there is one that can be nobody else's work. Another process that uses it is an error.
func (d *Dir) Resume(hidden, name string) (*Draft, Stat, error) {
	const flags = unix.O_RDWR | unix.O_CREAT | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_CLOEXEC | unix.O_NOCTTY
	for range 3 {
		fd, err := d.openat(hidden, flags, 0o600)
		if err != nil {
			return nil, Stat{}, err
		}
		w := &Draft{File: os.NewFile(uintptr(fd), d.Join(name)), dir: d, final: name}
		st, mine, err := w.take(hidden)
		if err != nil {
			w.Close()
			return nil, Stat{}, err
		}
		if !mine {
			w.Close()
			continue
		}
		if st.Kind == Regular && st.UID == Me() && st.Links == 1 && st.Perm&0o077 == 0 {
			w.hidden = hidden
			return w, st, nil
		}
		w.Close()
		if st.Kind == Directory || st.Links > 1 && st.UID != Me() {
			break
		}
		if err := unix.Unlinkat(d.fd, hidden, 0); err != nil && !errors.Is(err, unix.ENOENT) {
			return nil, Stat{}, failed("replace", d.Join(hidden), err)
		}
	}
	return nil, Stat{}, &ChangedError{Path: d.Join(hidden)}
}

// take locks what was opened under a hidden name. It is not ours if whoever worked on it has put it at its place since.
func (w *Draft) take(hidden string) (st Stat, mine bool, err error) {
	if errors.Is(lock(int(w.Fd())), unix.EWOULDBLOCK) {
		return st, false, failed("write", w.Name(), errors.New("another process is copying to it"))
	}
	st, err = w.Describe()
	return st, w.dir.still(hidden, st.ID), err
}

// Keep closes a draft that has a hidden name and leaves it there, for Resume.
func (w *Draft) Keep() {
	w.hidden = ""
	w.Close()
}

// SetTime sets when an entry was modified last. It does not follow a link.
func (d *Dir) SetTime(name string, modified time.Time) error {
	times := make([]unix.Timespec, 2)
	for i := range times {
		ts, err := unix.TimeToTimespec(modified)
		if err != nil {
			return failed("set the time of", d.Join(name), err)
		}
		times[i] = ts
	}
	if err := unix.UtimesNanoAt(d.fd, name, times, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return failed("set the time of", d.Join(name), err)
	}
	return nil
}

// Lchown sets the owner of an entry. It does not follow a link.
func (d *Dir) Lchown(name string, uid, gid uint32) error {
	if err := unix.Fchownat(d.fd, name, int(uid), int(gid), unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return failed("set the owner of", d.Join(name), err)
	}
	return nil
}
