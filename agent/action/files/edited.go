package files

import (
	"context"
	"errors"
	"io/fs"

	"runner/agent/action"
	"runner/agent/disk"
	"runner/agent/view"
)

// MostEdited is the size of a file that can be edited, in bytes: the old and the new content are in memory at once.
const MostEdited = 4 << 20

// Edit is how an action makes the new content of a file of its old one.
type Edit struct {
	Change  func(old []byte) ([]byte, error) // of nil, where no file is, or to nil, for there is to be none; nil: what it depends on is not known yet
	Create  bool                             // make a file that is missing
	Missing bool                             // a file that is missing is as it should be
	Trust   func(p *view.Place) error        // tells whether what is at the path may be read; may be nil
}

// Edit makes the action one that changes what is in a file, before it looks. Whatever writes to files keeps and refuses the
// same, and the file is written whole. Its content is read by Look; if it has changed by then, Act leaves it alone.
func (f *File) Edit(how Edit) { f.how = &how }

// Edited is a file at a path that another action edits. A link there is an error: what it leads to would be lost.
func Edited(path string, how Edit) *File { return &File{Path: path, how: &how} }

// leaves tells whether there is to be no file where none is.
func (e *Edit) leaves() bool {
	if e == nil || e.Missing || !e.Create || e.Change == nil {
		return e != nil && e.Missing
	}
	content, err := e.Change(nil)
	return content == nil && err == nil
}

// edit finds the new content of the file at a place. There is nothing to do where it is false.
func (f *File) edit(ctx context.Context, p *view.Place) (todo bool, err error) {
	f.old, f.seen = &view.Content{}, disk.Stat{}
	switch {
	case p.Entry == nil && !f.how.Create:
		if f.how.Missing {
			return false, nil
		}
		return false, action.Problem("Set create = true to have it made, or make it with a task before this one.", "cannot edit %s: it does not exist", f.Path)
	case p.Entry == nil:
	case p.Entry.Kind == disk.Link:
		return false, action.Problem("Name the path that it points to.", "cannot edit %s: it is a symbolic link to %s", f.Path, p.Entry.Target)
	case p.Entry.Kind != disk.Regular:
		return true, nil
	case p.Entry.Size > MostEdited:
		return false, action.Problem("Change it with a program, such as sed.", "cannot edit %s: it has %d bytes, and at most %d can be edited", f.Path, p.Entry.Size, MostEdited)
	default:
		if f.how.Trust != nil {
			err = f.how.Trust(p)
		}
		if err == nil {
			f.old, err = p.Read(ctx, MostEdited)
		}
		if err != nil {
			return false, err
		}
		f.seen = p.Entry.Stat
		if f.old.Unknown || f.old.Bytes == nil { // of much planned content only the digest is kept
			return true, nil
		}
	}
	if f.how.Change == nil {
		return true, nil
	}
	f.Content, err = f.how.Change(f.old.Bytes)
	f.content = view.ContentOf(f.Content)
	if f.Content == nil {
		f.State = "absent"
	}
	return p.Entry != nil || f.Content != nil, err
}

// unchanged tells whether what was edited is still what is there.
func (f *File) unchanged(p *view.Place) error {
	if f.how == nil {
		return nil
	}
	now, err := p.Dir.Lstat(p.Name)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err == nil && now != f.seen {
		err = &disk.ChangedError{Path: f.Path}
	}
	return err
}
