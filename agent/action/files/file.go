// Package files holds the actions about what is at a path: file, directory and symlink. A path is reached by opened
// directories (agent/disk), and looked at through what the earlier tasks of a preview will have made of it (agent/view).
package files

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"runner/agent/action"
	"runner/agent/action/diff"
	"runner/agent/disk"
	"runner/agent/view"
	"runner/agent/wire"
)

// File is the action of that name.
type File struct {
	action.Access
	Path     string      `cbor:"path"`
	Content  action.Data `cbor:"content"`
	Size     int64       `cbor:"content_size"`   // of content that comes as the call's input
	SHA256   string      `cbor:"content_sha256"` // likewise, hexadecimal
	Source   string      `cbor:"source"`         // for people: the bytes are in one of the above
	State    string      `cbor:"state"`
	Backup   bool        `cbor:"backup"`
	Validate []string    `cbor:"validate"`
	InPlace  bool        `cbor:"in_place"`
	Durable  bool        `cbor:"durable"`

	// From, if it is not nil, writes the content instead of the call's input, and tells its size and digest. Without SHA256
	// the content is not known before; with it, Size may be less than nothing for a size that is not.
	From func(ctx context.Context, env *action.Env, to *os.File) (*view.Content, error) `cbor:"-"`
	// Verify, of an action that writes a kind of file, judges a file of the new content, as the program of Validate does.
	Verify func(ctx context.Context, env *action.Env, file string) error `cbor:"-"`

	// What Look found, for Act.
	want    action.Wanted
	content *view.Content // wanted; nil: left as it is
	rewrite bool          // the content differs
	how     *Edit         // nil: the content is given
	old     *view.Content // that was edited
	seen    disk.Stat     // of the file that was edited; zero where none was
}

// Look compares what is at the path with what is wanted; it reads the old content, never the call's input.
func (f *File) Look(ctx context.Context, env *action.Env) (action.Outcome, error) {
	if env.IsUnknown("path") || env.IsUnknown("state") {
		env.View.Disturb()
		return f.blind(wire.VerbUpdate, env.Unknown...), nil
	}
	if f.how != nil {
		f.State = "" // of an earlier Look
	}
	p, err := env.View.Find(f.Path)
	var unknown *view.UnknownError
	switch {
	case action.Gone(err) && (f.State == "absent" || f.how.leaves()):
		return f.nothing()
	case errors.As(err, &unknown) && f.State == "absent":
		return f.blind(wire.VerbRemove, "action"), nil
	case err != nil && f.State == "absent":
		return action.Outcome{}, action.Cannot("remove", f.Path, err)
	}
	if err == nil {
		defer p.Close()
		if f.State == "absent" {
			return f.lookAbsent(env, p)
		}
	} else if unknown == nil {
		return action.Outcome{}, action.Cannot("write", f.Path, err)
	}
	if f.want, err = f.Wanted(env); err != nil {
		return action.Outcome{}, action.Cannot("write", f.Path, err)
	}
	f.content = f.contentWanted(env)
	// What is to be edited may come with a program that runs before.
	if unknown != nil || f.how != nil && p.Entry == nil && !f.how.Create && env.View.Disturbed() {
		return f.lookUnknown(env), nil
	}
	if f.how != nil {
		todo, err := f.edit(ctx, p)
		if err != nil {
			return action.Outcome{}, action.Cannot("edit", f.Path, err)
		}
		if !todo {
			return f.nothing()
		}
		if f.State == "absent" {
			return f.lookAbsent(env, p)
		}
	}
	return f.lookPresent(ctx, env, p)
}

// contentWanted describes the content that the task gives; nil if it gives none.
func (f *File) contentWanted(env *action.Env) *view.Content {
	switch {
	case env.IsUnknown("content") || env.IsUnknown("source") || f.how != nil:
		return &view.Content{Unknown: true}
	case f.SHA256 != "":
		return &view.Content{Size: f.Size, SHA256: f.SHA256}
	case f.Content != nil:
		return view.ContentOf(f.Content)
	case f.From != nil:
		return &view.Content{Unknown: true}
	}
	return nil
}

// blind is the outcome where it is not known what is there.
func (f *File) blind(verb wire.Verb, unknown ...string) action.Outcome {
	return action.Change(verb, nil, action.Blindly(f.Path), unknown...)
}

// nothing is the outcome where there is nothing to remove.
func (f *File) nothing() (action.Outcome, error) {
	return action.None(f.values(nil, nil, "")), nil
}

// lookUnknown previews a file in a directory that an earlier task may make.
func (f *File) lookUnknown(env *action.Env) action.Outcome {
	will := view.Entry{
		Stat:    f.want.Over(disk.Stat{Kind: disk.Regular}),
		Content: f.content,
		Unknown: (view.Mode | view.Owner | view.Group) &^ f.want.Known(),
	}
	return action.Change(wire.VerbCreate, nil, f.describe(env, will), f.unknowns(will)...)
}

func (f *File) lookAbsent(env *action.Env, p *view.Place) (action.Outcome, error) {
	if p.Entry == nil {
		return f.nothing()
	}
	old := *p.Entry
	switch old.Kind {
	case disk.Regular, disk.Link, disk.Unknown:
	default:
		return action.Outcome{}, action.Cannot("remove", f.Path, &disk.KindError{Path: "it", Kind: old.Kind})
	}
	if err := f.replaceable(env, p); err != nil {
		return action.Outcome{}, action.Cannot("remove", f.Path, err)
	}
	env.View.PlanRemoval(p)
	out := action.Change(wire.VerbRemove, f.describe(env, old), nil)
	if !f.Backup {
		out.Values = f.values(nil, nil, "")
	}
	return out, nil
}

func (f *File) lookPresent(ctx context.Context, env *action.Env, p *view.Place) (action.Outcome, error) {
	if err := f.acceptable(p); err != nil {
		return action.Outcome{}, err
	}
	old := view.Entry{Stat: action.Fresh(p, disk.Regular)}
	exists := p.Entry != nil && p.Entry.Kind == disk.Regular
	if exists {
		old = *p.Entry
		if f.content != nil {
			old.Content = f.old
			if f.old == nil {
				content, err := p.Read(ctx, wire.MaxInline)
				if err != nil {
					return action.Outcome{}, action.Cannot("read", f.Path, err)
				}
				old.Content = content
			}
		}
	}
	if p.Entry != nil && p.Entry.Kind == disk.Unknown {
		old.Unknown, old.Content = view.Mode|view.Owner|view.Group, &view.Content{Unknown: true}
	}
	f.rewrite = !exists || f.content != nil && (f.content.Unknown || old.Content.Unknown || f.content.SHA256 != old.Content.SHA256)
	will := view.Entry{Stat: f.want.Over(old.Stat), Content: old.Content, Unknown: (old.Unknown | f.want.Unknown) &^ f.want.Known()}
	switch {
	case f.content != nil:
		will.Content, will.Size = f.content, f.content.Size
	case old.Content == nil && !exists:
		will.Content = view.ContentOf(nil)
	}
	if exists && !f.rewrite && action.Same(old.Stat, will.Stat) && will.Unknown == 0 && old.Unknown == 0 {
		return action.None(f.values(env, &will, "")), nil
	}
	if err := f.possible(env, p, old.Stat, will.Stat); err != nil {
		return action.Outcome{}, err
	}
	env.View.Plan(p, will)
	return f.outcome(env, p, old, will), nil
}

// acceptable tells whether a file can be put where the place is, by what is there.
func (f *File) acceptable(p *view.Place) error {
	if p.Entry == nil {
		return nil
	}
	switch p.Entry.Kind {
	case disk.Regular, disk.Unknown:
		return nil
	case disk.Link:
		if f.content == nil {
			return action.Problem("Say what is to be in the file, then the link is replaced; or name the path that it points to.",
				"cannot write %s: a symbolic link to %s is there, and no content is given", f.Path, p.Entry.Target)
		}
		if f.InPlace {
			return action.Problem("Name the path that it points to, or leave in_place out, then the link is replaced.",
				"cannot write %s in place: a symbolic link to %s is there", f.Path, p.Entry.Target)
		}
		return nil
	case disk.Directory, disk.Pipe, disk.Socket, disk.CharDevice, disk.BlockDevice:
	}
	return action.Cannot("write", f.Path, &disk.KindError{Path: "it", Kind: p.Entry.Kind})
}

// unshared tells whether the file that is there can be changed, and not only replaced: a second name in a directory where
// others may make entries can be the first name of anything.
func (f *File) unshared(p *view.Place) error {
	if p.Exposed() && p.Entry.Links > 1 {
		return action.Problem("Remove the other names, or let the directory belong to root or to the user that the task runs as.",
			"cannot change %s: it has other names (hard links), and somebody else could have made them", f.Path)
	}
	return nil
}

// possible finds what will stand in the way of a change.
func (f *File) possible(env *action.Env, p *view.Place, was, will disk.Stat) error {
	if env.View.Disturbed() {
		return nil // it may have gone by then
	}
	inside := p.Entry != nil && p.Entry.Kind == disk.Regular && (!f.rewrite || f.InPlace)
	if inside {
		if err := f.unshared(p); err != nil {
			return err
		}
		if f.rewrite && p.Dir != nil && !p.Entry.New && p.Entry.Content == nil {
			if err := p.Dir.Access(p.Name, unix.W_OK); err != nil {
				return action.Cannot("write", f.Path, err)
			}
		}
	} else {
		if err := f.replaceable(env, p); err != nil {
			return action.Cannot("write", f.Path, err)
		}
		was = action.Fresh(p, disk.Regular) // a new file takes its place
	}
	if err := action.Permitted(was, will); err != nil {
		return action.Cannot("set the owner and mode of", f.Path, err)
	}
	return nil
}

// replaceable tells whether what is at a place can be replaced or removed.
func (f *File) replaceable(env *action.Env, p *view.Place) error {
	if env.View.Disturbed() {
		return nil
	}
	if p.Entry != nil && !p.Entry.New && p.Dir != nil {
		mounted, err := p.Dir.MountPoint(p.Name)
		if err != nil {
			return err
		}
		if mounted {
			return mountProblem(f.Path)
		}
	}
	return action.Writable(p)
}

func mountProblem(at string) error {
	return action.Problem("Set in_place = true to write into it.", "cannot replace %s: something is mounted there", at)
}

// outcome words a change of a file that is to be there.
func (f *File) outcome(env *action.Env, p *view.Place, old, will view.Entry) action.Outcome {
	verb, before, after := wire.VerbCreate, map[string]any(nil), f.describe(env, will)
	switch {
	case p.Entry == nil:
	case p.Entry.Kind == disk.Regular:
		verb, before = wire.VerbUpdate, f.describe(env, old)
	default:
		verb, before = wire.VerbUpdate, f.describe(env, *p.Entry)
		after["kind"] = "file"
	}
	unknown := f.unknowns(will)
	out := action.Change(verb, before, after, unknown...)
	if f.rewrite && f.content != nil {
		out.Change.Diff = f.diff(p, old.Content, env.WholeDiff)
	}
	if len(unknown) == 0 && !f.backsUp(p) && will.Size >= 0 {
		out.Values = f.values(env, &will, "")
	}
	return out
}

// backsUp tells whether a backup will be made.
func (f *File) backsUp(p *view.Place) bool {
	return f.Backup && f.rewrite && p.Entry != nil && p.Entry.Kind == disk.Regular
}

func (f *File) unknowns(will view.Entry) []string {
	out := action.Names(will.Unknown)
	if will.Content != nil && will.Content.Unknown {
		out = append([]string{"content"}, out...)
	}
	return out
}

// diff compares the content that is there with the content that is wanted.
func (f *File) diff(p *view.Place, old *view.Content, whole bool) string {
	from := f.Path
	if p.Entry == nil || p.Entry.Kind == disk.Link {
		from, old = "/dev/null", view.ContentOf(nil)
	}
	switch {
	case f.content.Unknown || f.content.Size < 0 || old == nil || old.Unknown:
		return ""
	case old.Bytes == nil || f.content.Bytes == nil:
		return fmt.Sprintf("--- %s\n+++ %s\n\\ This is too large to be compared: %d bytes before, %d bytes after\n", from, f.Path, old.Size, f.content.Size)
	}
	return diff.Unified(from, f.Path, old.Bytes, f.content.Bytes, whole)
}

// describe gives the attributes of what was or will be there.
func (f *File) describe(env *action.Env, e view.Entry) map[string]any {
	if e.Kind == disk.Link {
		return map[string]any{"path": f.Path, "kind": "symlink", "target": e.Target}
	}
	out := action.Attributes(env, f.Path, e)
	switch {
	case e.Kind != disk.Regular:
	case e.Content == nil:
		out["size"] = e.Size
	case !e.Content.Unknown:
		out["sha256"] = e.Content.SHA256
		if e.Content.Size >= 0 {
			out["size"] = e.Content.Size
		}
	}
	return out
}

// values are the results of the task. Without an entry there is no file.
func (f *File) values(env *action.Env, e *view.Entry, backup string) map[string]any {
	out := map[string]any{"path": f.Path, "size": nil, "sha256": nil, "mode": nil, "owner": nil, "group": nil, "backup": nil}
	if backup != "" {
		out["backup"] = backup
	}
	if e == nil {
		return out
	}
	maps.Copy(out, action.Attributes(env, f.Path, *e))
	out["size"] = e.Size
	if f.content != nil {
		out["sha256"] = f.content.SHA256
	}
	return out
}

// Act writes, changes or removes the file.
func (f *File) Act(ctx context.Context, env *action.Env, found action.Outcome) (action.Outcome, error) {
	p, err := env.View.Find(f.Path)
	if err != nil {
		return action.Outcome{}, action.Cannot("write", f.Path, err)
	}
	defer p.Close()
	if err := f.unchanged(p); err != nil {
		return action.Outcome{}, action.Cannot("write", f.Path, err)
	}
	if f.State == "absent" {
		return f.remove(env, p, found)
	}
	if err := f.acceptable(p); err != nil {
		return action.Outcome{}, err
	}
	backup := ""
	inside := p.Entry != nil && p.Entry.Kind == disk.Regular
	switch {
	case !f.rewrite && !inside, f.rewrite && f.content == nil && inside: // not what Look has found
		err = &disk.ChangedError{Path: f.Path}
	case !f.rewrite:
		err = f.adjust(p)
	case f.InPlace && inside:
		backup, err = f.overwrite(ctx, env, p)
	default:
		backup, err = f.replace(ctx, env, p)
	}
	env.Touch(p)
	if err != nil {
		return action.Outcome{}, action.Cannot("write", f.Path, err)
	}
	st, err := p.Dir.Lstat(p.Name)
	if err != nil {
		return action.Outcome{}, action.Cannot("look at", f.Path, err)
	}
	if f.From != nil && f.rewrite { // now it is known
		found.After["size"], found.After["sha256"], found.Change.Unknown, found.Change.Why = f.content.Size, f.content.SHA256, nil, ""
	}
	found.Values = f.values(env, &view.Entry{Stat: st}, backup)
	return found, nil
}

// remove removes a file or link.
func (f *File) remove(env *action.Env, p *view.Place, found action.Outcome) (action.Outcome, error) {
	backup := ""
	if p.Entry != nil {
		if p.Entry.Kind != disk.Regular && p.Entry.Kind != disk.Link {
			return action.Outcome{}, action.Cannot("remove", f.Path, &disk.ChangedError{Path: f.Path})
		}
		if f.Backup && p.Entry.Kind == disk.Regular {
			suffix, err := p.Dir.Backup(p.Name, time.Now())
			if err != nil {
				return action.Outcome{}, action.Cannot("back up", f.Path, err)
			}
			backup = f.Path + suffix
		}
		if err := p.Dir.Remove(p.Name); err != nil {
			return action.Outcome{}, action.Cannot("remove", f.Path, err)
		}
		env.Touch(p)
	}
	if f.Durable {
		if err := p.Dir.Sync(); err != nil {
			return action.Outcome{}, action.Cannot("sync", f.Path, err)
		}
	}
	found.Values = f.values(nil, nil, backup)
	return found, nil
}
