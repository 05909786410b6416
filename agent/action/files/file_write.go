package files

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"runner/agent/action"
	"runner/agent/disk"
	"runner/agent/view"
)

// adjust sets the owner and mode of a file whose content stays.
func (f *File) adjust(p *view.Place) error {
	if err := f.unshared(p); err != nil {
		return err
	}
	will := f.want.Over(p.Entry.Stat)
	if err := p.Dir.Change(p.Name, p.Entry.ID, will.UID, will.GID, will.Perm); err != nil {
		return err
	}
	if !f.Durable {
		return nil
	}
	file, _, err := p.Dir.Read(p.Name)
	if err != nil {
		return err
	}
	defer file.Close()
	return file.Sync()
}

// replace puts a new file at the place of what is there, or where nothing is. It returns the path of the backup.
func (f *File) replace(ctx context.Context, env *action.Env, p *view.Place) (string, error) {
	draft, err := p.Dir.Draft(p.Name)
	if err != nil {
		return "", err
	}
	defer draft.Close()
	if err := f.fill(ctx, env, draft.File); err != nil {
		return "", err
	}
	will := f.want.Over(action.Fresh(p, disk.Regular))
	var old *os.File
	if p.Entry != nil && p.Entry.Kind == disk.Regular {
		var st disk.Stat
		if old, st, err = p.Dir.Read(p.Name); err != nil {
			return "", err
		}
		defer old.Close()
		will = f.want.Over(st)
	}
	if err := draft.Finish(old, will.UID, will.GID, will.Perm); err != nil {
		return "", err
	}
	if err := f.validate(ctx, env, draft.File, will); err != nil {
		return "", err
	}
	if f.Durable {
		if err := draft.Sync(); err != nil {
			return "", err
		}
	}
	backup, err := f.publish(p, draft)
	if err == nil && f.Durable {
		err = p.Dir.Sync()
	}
	return backup, err
}

func (f *File) publish(p *view.Place, draft *disk.Draft) (string, error) {
	if p.Entry == nil {
		return "", draft.Create()
	}
	if err := f.unchanged(p); err != nil { // a validator takes its time
		return "", err
	}
	suffix := ""
	if f.backsUp(p) {
		var err error
		if suffix, err = p.Dir.Backup(p.Name, time.Now()); err != nil {
			return "", err
		}
	}
	if err := draft.Replace(); err != nil {
		if suffix != "" {
			_ = p.Dir.Remove(p.Name + suffix) // the first error counts
		}
		if errors.Is(err, unix.EBUSY) {
			return "", mountProblem(f.Path)
		}
		return "", err
	}
	if suffix == "" {
		return "", nil
	}
	return f.Path + suffix, nil
}

// fill writes the wanted content.
func (f *File) fill(ctx context.Context, env *action.Env, to *os.File) (err error) {
	if f.From != nil {
		f.content, err = f.From(ctx, env, to)
		return err
	}
	if f.SHA256 == "" {
		_, err := to.Write(f.Content)
		return err
	}
	if err := disk.Reserve(to, f.Size); err != nil {
		return err
	}
	digest := sha256.New()
	// One byte more than there should be tells whether there is more.
	size, err := io.Copy(io.MultiWriter(to, digest), io.LimitReader(env.Input(), f.Size+1))
	if err != nil {
		return err
	}
	if got := hex.EncodeToString(digest.Sum(nil)); size != f.Size || got != f.SHA256 {
		return action.Problem("The file on the controller was changed while it was sent; run again.",
			"cannot write %s: %d bytes with the digest %s were to come, %d bytes with the digest %s came", f.Path, f.Size, f.SHA256, size, got)
	}
	return nil
}

// overwrite writes into the file that is there. All that can fail without harm is done first: the content has arrived
// and is valid, the backup is made, there is room.
func (f *File) overwrite(ctx context.Context, env *action.Env, p *view.Place) (string, error) {
	if err := f.unshared(p); err != nil {
		return "", err
	}
	target, st, err := p.Dir.ReadWrite(p.Name)
	if err != nil {
		return "", err
	}
	defer target.Close()
	if st.ID != p.Entry.ID {
		return "", &disk.ChangedError{Path: f.Path}
	}
	will := f.want.Over(st)
	staged, done, err := f.stage(ctx, env, p)
	if err != nil {
		return "", err
	}
	defer done()
	if err := f.validate(ctx, env, staged, will); err != nil {
		return "", err
	}
	if err := f.unchanged(p); err != nil { // a validator takes its time
		return "", err
	}
	backup := ""
	if f.Backup {
		if backup, err = p.Dir.CopyAside(p.Name, time.Now()); err != nil {
			return "", err
		}
		backup = f.Path + backup
	}
	// Neither the old content nor the new one is anybody's to read who may not read both.
	if err := p.Dir.Change(p.Name, st.ID, st.UID, st.GID, st.Perm&will.Perm); err != nil {
		return backup, err
	}
	if err := disk.Overwrite(target, staged, f.content.Size); err != nil {
		return backup, fmt.Errorf("it may be incomplete now: %w", err)
	}
	if err := p.Dir.Change(p.Name, st.ID, will.UID, will.GID, will.Perm); err != nil {
		return backup, err
	}
	if f.Durable {
		err = target.Sync()
	}
	return backup, err
}

// stage has the new content at hand, whole and verified, before the old one is touched. It lasts until done is called.
func (f *File) stage(ctx context.Context, env *action.Env, p *view.Place) (content io.ReadSeeker, done func(), err error) {
	if f.SHA256 == "" && f.From == nil {
		return bytes.NewReader(f.Content), func() {}, nil
	}
	var staged *os.File
	draft, err := p.Dir.Draft(p.Name)
	if err == nil {
		staged, done = draft.File, draft.Close
	} else {
		// Around a mount point there may be nothing that this user can write to.
		if staged, err = os.CreateTemp("", ".runner-"); err != nil {
			return nil, nil, err
		}
		_ = os.Remove(staged.Name()) // the open file is all that is needed
		done = func() { _ = staged.Close() }
	}
	if err := f.fill(ctx, env, staged); err != nil {
		done()
		return nil, nil, err
	}
	return staged, done, nil
}
