package trees

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"time"

	"runner/agent/action"
	"runner/agent/disk"
	"runner/agent/transfer"
	"runner/agent/wire"
)

// Act makes the steps: what is new or changes in the order of the tree, then removals, then the attributes of directories.
func (s *Sync) Act(ctx context.Context, env *action.Env, found action.Outcome) (action.Outcome, error) {
	p, err := s.find(env)
	if err != nil {
		return action.Outcome{}, action.Cannot("write", s.Path, err)
	}
	defer p.Close()
	if p.Dir == nil {
		return action.Outcome{}, action.Cannot("write", s.Path, &disk.ChangedError{Path: s.Path})
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	w := &writing{Sync: s, ctx: ctx, env: env, dirs: dirs{base: p.Dir, name: p.Name}, base: p.Path}
	defer w.dirs.close()
	asked := make(chan error, 1)
	if s.asks() {
		w.contents = transfer.NewContents(ctx, env.Input())
		go func() { asked <- s.ask(ctx, env, dirs{base: p.Dir, name: p.Name}) }()
	} else {
		asked <- nil
	}
	err = w.all()
	if err == nil && w.contents != nil {
		err = w.contents.End()
	}
	if err != nil {
		cancel(err)
	}
	if askErr := <-asked; err == nil || askErr != nil && ctx.Err() == nil {
		err = askErr
	}
	if err != nil {
		return action.Outcome{}, w.stopped(err)
	}
	found.Values = s.values()
	return found, nil
}

// stopped is the error of a tree of which only a part was written, and says so: it is each entry of a tree that is whole or not there.
func (w *writing) stopped(err error) error {
	err = action.Cannot("write", w.now, err)
	problem, ok := errors.AsType[*wire.Problem](err)
	if !ok || w.done == 0 {
		return err
	}
	told := *problem
	told.Message += fmt.Sprintf(" (%d of %d entries were written or removed before it)", w.done, len(w.steps))
	return &told
}

// needs says whether the content of a file has to be asked for.
func (s *Sync) needs(st *step) bool {
	return st.want.Kind == disk.Regular && st.what&content != 0 && st.want.Size > 0 && s.Content == nil
}

func (s *Sync) asks() bool {
	for i := range s.steps {
		if s.needs(&s.steps[i]) {
			return true
		}
	}
	return false
}

// ask asks for all contents, in the order of the steps, and says what is there of the large ones.
func (s *Sync) ask(ctx context.Context, env *action.Env, d dirs) error {
	defer d.close()
	wants := transfer.NewWants(env.Output(ctx))
	for i := range s.steps {
		st := &s.steps[i]
		if !s.needs(st) {
			continue
		}
		var old *os.File
		if st.old != nil && st.old.Kind == disk.Regular {
			dir, name, err := d.of(st.path)
			if err == nil {
				old, _, err = dir.Read(name)
			}
			if err != nil {
				return err
			}
		}
		var from io.Reader
		size := int64(0)
		if old != nil {
			from, size = old, st.old.Size
		}
		err := wants.File(st.number, from, size)
		_ = old.Close() // it may be nil
		if err != nil {
			return err
		}
	}
	return wants.End()
}

// writing carries steps out.
type writing struct {
	*Sync
	ctx      context.Context //nolint:containedctx // of one Act
	env      *action.Env
	dirs     dirs
	base     string
	contents *transfer.Contents // nil: nothing has to be asked for
	now      string             // what is being written
	done     int                // how many steps are
	after    []step             // directories that get their attributes at the end
}

func (w *writing) all() error {
	for i := range w.steps {
		s := &w.steps[i]
		w.now = path.Join(w.base, s.path)
		if w.ctx.Err() != nil {
			return context.Cause(w.ctx)
		}
		dir, name, err := w.dirs.of(s.path)
		if err != nil {
			return err
		}
		if w.env.Touched != nil && w.dirs.moved {
			if st, err := dir.Stat(); err == nil {
				w.env.Touched(dir.Path, st.ID.Device)
			}
		}
		if err := w.step(dir, name, s); err != nil {
			return err
		}
		w.done++
	}
	for i := range w.after {
		s := &w.after[len(w.after)-1-i]
		w.now = path.Join(w.base, s.path)
		dir, name, err := w.dirs.of(s.path)
		if err != nil {
			return err
		}
		st, err := dir.Lstat(name)
		if err != nil {
			return err
		}
		if err := dir.Change(name, st.ID, s.uid, s.gid, s.perm); err != nil {
			return err
		}
	}
	return nil
}

func (w *writing) step(dir *disk.Dir, name string, s *step) error {
	switch {
	case s.what&removal != 0:
		if s.old.Kind == disk.Directory {
			return dir.RemoveDir(name)
		}
		return dir.Remove(name)
	case s.want.Kind == disk.Directory:
		const own = 0o700 // until everything is in it
		if s.what&content == 0 || s.perm&own != own || w.directories.UID != nil || w.directories.GID != nil {
			w.after = append(w.after, *s)
		}
		if s.what&content == 0 {
			return nil
		}
		return dir.Mkdir(name, nil, nil, s.perm|own)
	case s.want.Kind == disk.Link:
		return w.link(dir, name, s)
	case s.what&content != 0:
		return w.file(dir, name, s)
	}
	if s.what&^times != 0 {
		if err := dir.Change(name, s.old.ID, s.uid, s.gid, s.perm); err != nil {
			return err
		}
	}
	if s.what&times != 0 {
		return dir.SetTime(name, time.Unix(0, s.want.Modified))
	}
	return nil
}

func (w *writing) link(dir *disk.Dir, name string, s *step) error {
	var err error
	switch {
	case s.what&content == 0:
	case s.old == nil:
		err = dir.Symlink(name, s.want.Target)
	default:
		err = dir.Relink(name, s.want.Target)
	}
	if err != nil {
		return err
	}
	st, err := dir.Lstat(name)
	if err != nil || st.UID == s.uid && st.GID == s.gid {
		return err
	}
	return dir.Lchown(name, s.uid, s.gid)
}

// file writes a file beside its place and puts it there when all of it has come.
func (w *writing) file(dir *disk.Dir, name string, s *step) error {
	draft, err := dir.Draft(name)
	if err != nil {
		return err
	}
	defer draft.Close()
	var old *os.File
	if s.old != nil && s.old.Kind == disk.Regular {
		if old, _, err = dir.Read(name); err != nil {
			return err
		}
		defer old.Close()
	}
	if err := w.fill(draft, old, s); err != nil {
		return err
	}
	if err := draft.Finish(old, s.uid, s.gid, s.perm); err != nil {
		return err
	}
	if s.old == nil {
		err = draft.Create()
	} else {
		err = draft.Replace()
	}
	if err != nil {
		return err
	}
	return dir.SetTime(name, time.Unix(0, s.want.Modified))
}

// fill writes the content of a file.
func (w *writing) fill(draft *disk.Draft, old *os.File, s *step) error {
	if s.want.Size == 0 {
		return nil
	}
	var digest [sha256.Size]byte
	var err error
	if w.contents == nil {
		data := w.bytes(s)
		digest = sha256.Sum256(data)
		_, err = draft.Write(data)
	} else {
		digest, err = w.contents.File(draft.File, old, s.want.Size)
	}
	if err != nil {
		return err
	}
	if digest != s.want.Digest {
		return &wire.Problem{
			Code: wire.CodeAction, Message: fmt.Sprintf("cannot write %s: what came is not what was to come", w.now),
			Hint: "The file on the controller, or the one that was there, was changed meanwhile; run again.",
		}
	}
	return nil
}

// dirs opens the directories of a tree, one after the other, from the one that the tree is in.
type dirs struct {
	base  *disk.Dir
	name  string // of the tree in it
	open  []*disk.Dir
	names []string // of those, below base
	moved bool     // it was another one before
}

// of returns the directory that a path lies in, and the last element of the path. It is open until the next call.
func (d *dirs) of(at string) (*disk.Dir, string, error) {
	elements := []string{d.name}
	if at != "" {
		elements = append(elements, strings.Split(at, "/")...)
	}
	last := len(elements) - 1
	same := 0
	for same < len(d.names) && same < last && d.names[same] == elements[same] {
		same++
	}
	d.moved = same < len(d.names) || same < last || last == 0
	d.cut(same)
	dir := d.base
	if same > 0 {
		dir = d.open[same-1]
	}
	for _, name := range elements[same:last] {
		next, err := dir.Open(name)
		if err != nil {
			return nil, "", err
		}
		d.open, d.names = append(d.open, next), append(d.names, name)
		dir = next
	}
	return dir, elements[last], nil
}

func (d *dirs) cut(n int) {
	for ; len(d.open) > n; d.open = d.open[:len(d.open)-1] {
		d.open[len(d.open)-1].Close()
		d.names = d.names[:len(d.names)-1]
	}
}

func (d *dirs) close() { d.cut(0) }
