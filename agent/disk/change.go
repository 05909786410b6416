package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Change sets the owner and the permissions of a file or directory, of the very one that was: if something else is at
// the name now, or another kind of thing, the error is a *ChangedError.
func (d *Dir) Change(name string, was ID, uid, gid, perm uint32) error {
	n, err := d.node(name)
	if err != nil {
		return err
	}
	defer n.close()
	st, err := n.stat()
	if err != nil {
		return err
	}
	if st.ID != was || st.Kind != Regular && st.Kind != Directory {
		return &ChangedError{Path: d.Join(name)}
	}
	if st.UID != uid || st.GID != gid {
		if err := n.chown(uid, gid); err != nil {
			return failed("set the owner of", d.Join(name), err)
		}
		// Giving a file away clears its setuid bits, so the permissions are looked at again.
		if st, err = n.stat(); err != nil {
			return err
		}
	}
	if st.Perm != perm {
		if err := n.chmod(perm); err != nil {
			return failed("set the mode of", d.Join(name), err)
		}
	}
	return nil
}

// node is a file or directory that is held so that its attributes can be changed.
type node struct {
	fd   int
	dir  *Dir
	name string
}

func (n node) close() { unix.Close(n.fd) } //nolint:errcheck // nothing was written through it

func (n node) stat() (Stat, error) {
	var st unix.Stat_t
	if err := unix.Fstat(n.fd, &st); err != nil {
		return Stat{}, failed("look at", n.dir.Join(n.name), err)
	}
	return statOf(&st), nil
}

// Mkdir makes a directory with an owner, a group (nil: what the system gives it) and permissions. If it is given away,
// only this user can enter it until then.
func (d *Dir) Mkdir(name string, uid, gid *uint32, perm uint32) error {
	first := perm & 0o777
	if uid != nil || gid != nil {
		first &= 0o700
	}
	if err := unix.Mkdirat(d.fd, name, first); err != nil {
		if errors.Is(err, unix.EEXIST) {
			return &ChangedError{Path: d.Join(name)}
		}
		return failed("create", d.Join(name), err)
	}
	st, err := d.Lstat(name)
	if err != nil {
		return err
	}
	if st.Kind != Directory || (uid != nil || gid != nil) && st.UID != Me() { // not the one that we have made
		return &ChangedError{Path: d.Join(name)}
	}
	owner, group := st.UID, st.GID
	if uid != nil {
		owner = *uid
	}
	if gid != nil {
		group = *gid
	}
	if err := d.Change(name, st.ID, owner, group, perm); err != nil {
		unix.Unlinkat(d.fd, name, unix.AT_REMOVEDIR) //nolint:errcheck // the first error counts
		return err
	}
	return nil
}

// Symlink makes a link, where nothing may be.
func (d *Dir) Symlink(name, target string) error {
	err := unix.Symlinkat(target, d.fd, name)
	switch {
	case errors.Is(err, unix.EEXIST):
		return &ChangedError{Path: d.Join(name)}
	case err != nil:
		return failed("create", d.Join(name), err)
	}
	return nil
}

// Relink puts a link at the place of another one.
func (d *Dir) Relink(name, target string) error {
	w := &Draft{dir: d, final: name}
	err := w.claim(func(hidden string) error {
		err := unix.Symlinkat(target, d.fd, hidden)
		if errors.Is(err, unix.EEXIST) {
			d.removeStaleLink(hidden)
		}
		return err
	})
	if err != nil {
		return failed("create", d.Join(name), err)
	}
	if err := unix.Renameat(d.fd, w.hidden, d.fd, name); err != nil {
		w.Close()
		return failed("replace", d.Join(name), err)
	}
	return nil
}

// Link gives a file that is in another directory, or in this one, one more name, also at the place of another file.
func (d *Dir) Link(name string, in *Dir, old string) error {
	w := &Draft{dir: d, final: name}
	err := w.claim(func(hidden string) error { return unix.Linkat(in.fd, old, d.fd, hidden, 0) })
	if err != nil {
		return failed("create", d.Join(name), err)
	}
	if err = unix.Renameat(d.fd, w.hidden, d.fd, name); err != nil {
		err = failed("create", d.Join(name), err)
	}
	w.Close() // where both were names of one file already, nothing was renamed
	return err
}

// removeStaleLink removes a link with a hidden name. Links cannot be locked, and they live for two calls only: whoever
// loses it to us fails and says so.
func (d *Dir) removeStaleLink(hidden string) {
	if st, err := d.Lstat(hidden); err == nil && st.Kind == Link && st.UID == Me() {
		unix.Unlinkat(d.fd, hidden, 0) //nolint:errcheck // the next attempt tells
	}
}

// Rename gives a directory another name beside it, where nothing may be but an empty directory.
func (d *Dir) Rename(from, to string) error {
	err := unix.Renameat(d.fd, from, d.fd, to)
	switch {
	case errors.Is(err, unix.EEXIST), errors.Is(err, unix.ENOTEMPTY), errors.Is(err, unix.ENOTDIR):
		return &ChangedError{Path: d.Join(to)}
	case err != nil:
		return failed("create", d.Join(to), err)
	}
	return nil
}

// Remove removes a file or link.
func (d *Dir) Remove(name string) error {
	if err := unix.Unlinkat(d.fd, name, 0); err != nil {
		return failed("remove", d.Join(name), err)
	}
	return nil
}

// RemoveDir removes a directory with nothing in it.
func (d *Dir) RemoveDir(name string) error {
	if err := unix.Unlinkat(d.fd, name, unix.AT_REMOVEDIR); err != nil {
		return failed("remove", d.Join(name), err)
	}
	return nil
}

// Count returns how many entries a directory holds, in all its depth.
func (d *Dir) Count(ctx context.Context, name string, each func(path string, st Stat)) (int, error) {
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	inside, err := d.Open(name)
	if err != nil {
		return 0, err
	}
	defer inside.Close()
	names, err := inside.Names()
	if err != nil {
		return 0, err
	}
	count := len(names)
	slices.Sort(names)
	for _, name := range names {
		st, err := inside.Lstat(name)
		if err != nil {
			return 0, err
		}
		each(inside.Join(name), st)
		if st.Kind != Directory {
			continue
		}
		n, err := inside.Count(ctx, name, each)
		if err != nil {
			return 0, err
		}
		count += n
	}
	return count, nil
}

// RemoveAll removes an entry, a directory with everything in it, until ctx ends. Links in it are removed, never followed. That
// nothing is there is no error.
func (d *Dir) RemoveAll(ctx context.Context, name string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	err := unix.Unlinkat(d.fd, name, 0)
	if err == nil || errors.Is(err, unix.ENOENT) {
		return nil
	}
	if st, lookErr := d.Lstat(name); lookErr == nil && st.Kind == Directory {
		return d.removeTree(ctx, name)
	}
	return failed("remove", d.Join(name), err)
}

func (d *Dir) removeTree(ctx context.Context, name string) error {
	if unix.Unlinkat(d.fd, name, unix.AT_REMOVEDIR) == nil { // one that nobody may look into can be empty
		return nil
	}
	if err := d.Clear(ctx, name); err != nil {
		return err
	}
	return d.RemoveDir(name)
}

// Clear removes everything that is in a directory, until ctx ends.
func (d *Dir) Clear(ctx context.Context, name string) error {
	inside, err := d.Open(name)
	if err != nil {
		return err
	}
	defer inside.Close()
	names, err := inside.Names()
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := inside.RemoveAll(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// Backup gives a file a second name with the time in it and returns what was added to the name. Where the file system
// has no second names, or this user may not give any, the file is copied.
func (d *Dir) Backup(name string, at time.Time) (string, error) {
	return d.aside(name, at, func(second string) error {
		err := unix.Linkat(d.fd, name, d.fd, second, 0)
		if err != nil && !errors.Is(err, unix.EEXIST) {
			return d.copy(name, second)
		}
		return err
	})
}

// CopyAside is as Backup for a file that will be written to, and is always a copy.
func (d *Dir) CopyAside(name string, at time.Time) (string, error) {
	return d.aside(name, at, func(second string) error { return d.copy(name, second) })
}

func (d *Dir) aside(name string, at time.Time, make func(second string) error) (string, error) {
	stamp := at.UTC().Format(".2006-01-02T15-04-05Z")
	for n := range 100 {
		suffix := stamp + "~"
		if n > 0 {
			suffix = fmt.Sprintf("%s.%d~", stamp, n)
		}
		err := make(name + suffix)
		var taken *ChangedError
		if err == nil {
			return suffix, nil
		} else if !errors.Is(err, unix.EEXIST) && !errors.As(err, &taken) {
			return "", failed("back up", d.Join(name), err)
		}
	}
	return "", failed("back up", d.Join(name), unix.EEXIST)
}

// Overwrite writes content into a file that is there, after it has made sure of the room.
func Overwrite(f *os.File, content io.ReadSeeker, size int64) error {
	if err := reserve(f, size); err != nil {
		return err
	}
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if _, err := io.Copy(f, content); err != nil {
		return err
	}
	return f.Truncate(size)
}

// copy makes a new file with the content and all attributes of another one.
func (d *Dir) copy(name, second string) error {
	old, st, err := d.Read(name)
	if err != nil {
		return err
	}
	defer old.Close()
	w, err := d.Draft(second)
	if err != nil {
		return err
	}
	defer w.Close()
	if _, err := io.Copy(w.File, old); err != nil {
		return err
	}
	if err := w.Finish(old, st.UID, st.GID, st.Perm); err != nil {
		return err
	}
	return w.Create()
}
