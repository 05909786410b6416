package files

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"runner/agent/action"
	"runner/agent/disk"
	"runner/agent/view"
	"runner/agent/wire"
)

// Directory is the action of that name.
type Directory struct {
	action.Access
	Path  string `cbor:"path"`
	State string `cbor:"state"`

	// What Look found, for Act.
	want    action.Wanted
	missing []string  // the path and its parents as far as they are missing, outermost first
	kind    disk.Kind // of what is to be removed

	// For remove.
	anything bool // what is removed may be of any kind
	full     bool // a directory may be removed with what is in it
}

// Look looks at the path and its parents.
func (d *Directory) Look(ctx context.Context, env *action.Env) (action.Outcome, error) {
	if env.IsUnknown("path") || env.IsUnknown("state") {
		env.View.Disturb()
		return d.blind(wire.VerbUpdate, env.Unknown...), nil
	}
	d.Path = strings.TrimRight(d.Path, "/")
	if d.State == "absent" {
		return d.lookAbsent(ctx, env)
	}
	p, err := d.search(env)
	if action.IsUnknown(err) {
		return d.blind(wire.VerbCreate, action.Names(view.Mode|view.Owner|view.Group)...), nil
	}
	if err != nil {
		return action.Outcome{}, action.Cannot("make", d.Path, err)
	}
	defer p.Close()
	if d.want, err = d.Wanted(env); err != nil {
		return action.Outcome{}, action.Cannot("make", d.Path, err)
	}
	if len(d.missing) > 0 {
		return d.lookMissing(env, p)
	}
	return d.lookPresent(env, p)
}

// search follows the path as far as it is there. It notes what is missing and returns the place of the first missing
// directory, or of the directory itself.
func (d *Directory) search(env *action.Env) (*view.Place, error) {
	d.missing = nil
	for at := d.Path; ; at = path.Dir(at) {
		p, err := env.View.Follow(at)
		var missing *view.MissingError
		switch {
		case errors.As(err, &missing) && !action.IsUnknown(err):
			if clean := path.Clean(at); clean != at { // a ".." behind what is missing can only mean this
				at, d.missing = clean+"/", nil
				continue
			}
			d.missing = append([]string{at}, d.missing...)
			continue
		case err != nil:
			return nil, err
		case p.Entry != nil && len(d.missing) > 0: // it was missing a moment ago
			p.Close()
			return nil, &disk.ChangedError{Path: at}
		case p.Entry == nil && p.Linked:
			defer p.Close()
			return nil, action.Problem("Remove the link, or make what it points to.", "cannot make %s: %s is a symbolic link that leads to %s, where nothing is", d.Path, at, p.Path)
		case p.Entry == nil:
			d.missing = append([]string{at}, d.missing...)
		}
		return p, nil
	}
}

func (d *Directory) blind(verb wire.Verb, unknown ...string) action.Outcome {
	return action.Change(verb, nil, action.Blindly(d.Path), unknown...)
}

// lookMissing previews a directory that is to be made, with its parents; p is the place of the outermost.
func (d *Directory) lookMissing(env *action.Env, p *view.Place) (action.Outcome, error) {
	if !env.View.Disturbed() {
		if err := action.Writable(p); err != nil {
			return action.Outcome{}, action.Cannot("make", d.Path, err)
		}
	}
	var will view.Entry
	for i, at := range d.missing {
		if i > 0 {
			p = &view.Place{Path: path.Join(p.Path, path.Base(at)), Name: path.Base(at), Parent: will.Stat}
		}
		will = view.Entry{Stat: action.Fresh(p, disk.Directory), New: true}
		if i == len(d.missing)-1 {
			if err := action.Permitted(will.Stat, d.want.Over(will.Stat)); err != nil && !env.View.Disturbed() {
				return action.Outcome{}, action.Cannot("set the owner and mode of", d.Path, err)
			}
			will.Stat, will.Unknown = d.want.Over(will.Stat), d.want.Unknown
		}
		env.View.Plan(p, will)
	}
	after := action.Attributes(env, d.Path, will)
	if parents := d.missing[:len(d.missing)-1]; len(parents) > 0 {
		after["parents"] = action.Plain(parents)
	}
	out := action.Change(wire.VerbCreate, nil, after, action.Names(will.Unknown)...)
	if will.Unknown == 0 {
		out.Values = d.values(env, &will)
	}
	return out, nil
}

func (d *Directory) lookPresent(env *action.Env, p *view.Place) (action.Outcome, error) {
	if p.Entry.Unknown&view.Kind != 0 {
		return d.blind(wire.VerbUpdate, action.Names(view.Mode|view.Owner|view.Group)...), nil
	}
	if p.Entry.Kind != disk.Directory {
		return action.Outcome{}, action.Cannot("make", d.Path, &disk.KindError{Path: "it", Kind: p.Entry.Kind})
	}
	old := *p.Entry
	will := old
	will.Stat, will.Unknown = d.want.Over(old.Stat), (old.Unknown|d.want.Unknown)&^d.want.Known()
	if action.Same(old.Stat, will.Stat) && old.Unknown|will.Unknown == 0 {
		return action.None(d.values(env, &will)), nil
	}
	if !env.View.Disturbed() {
		if err := action.Permitted(old.Stat, will.Stat); err != nil {
			return action.Outcome{}, action.Cannot("set the owner and mode of", d.Path, err)
		}
	}
	env.View.Plan(p, will)
	out := action.Change(wire.VerbUpdate, action.Attributes(env, d.Path, old), action.Attributes(env, d.Path, will), action.Names(will.Unknown)...)
	if will.Unknown == 0 {
		out.Values = d.values(env, &will)
	}
	return out, nil
}

// lookAbsent looks without following a link at the path itself.
func (d *Directory) lookAbsent(ctx context.Context, env *action.Env) (action.Outcome, error) {
	p, err := env.View.Find(d.Path)
	switch {
	case action.Gone(err):
		return action.None(d.values(nil, nil)), nil
	case action.IsUnknown(err):
		return d.blind(wire.VerbRemove, "action"), nil
	case err != nil:
		return action.Outcome{}, action.Cannot("remove", d.Path, err)
	}
	defer p.Close()
	if p.Entry == nil {
		return action.None(d.values(nil, nil)), nil
	}
	before := action.Attributes(env, d.Path, *p.Entry)
	d.kind = p.Entry.Kind
	switch {
	case p.Entry.Unknown&view.Kind != 0:
	case d.anything && d.kind != disk.Directory:
		before = (&File{Path: d.Path}).describe(env, *p.Entry)
		err = d.removable(env, p)
	case d.kind == disk.Link:
		return action.Outcome{}, action.Problem("Remove a link with task \"symlink\" and state = \"absent\".", "cannot remove %s: it is a symbolic link to %s", d.Path, p.Entry.Target)
	case d.kind != disk.Directory:
		return action.Outcome{}, action.Cannot("remove", d.Path, &disk.KindError{Path: "it", Kind: d.kind})
	default:
		if err = d.removable(env, p); err == nil && !p.Entry.New && p.Dir != nil {
			before["entries"], err = p.Dir.Count(ctx, p.Name, env.View.Notice)
		}
		if err == nil && d.anything && !d.full {
			err = d.empty(env, p)
		}
	}
	if err != nil {
		return action.Outcome{}, action.Cannot("remove", d.Path, err)
	}
	env.View.PlanRemoval(p)
	out := action.Change(wire.VerbRemove, before, nil)
	out.Values = d.values(nil, nil)
	return out, nil
}

// empty tells whether a directory is empty, or may be by then.
func (d *Directory) empty(env *action.Env, p *view.Place) error {
	empty, err := env.View.Empty(p.Path)
	if err == nil && !empty && !env.View.Disturbed() {
		err = action.Problem("Set recurse = true to remove it with everything in it.", "cannot remove %s: the directory is not empty", d.Path)
	}
	return err
}

// removable finds what stands in the way of removing something, before anything in it is removed.
func (d *Directory) removable(env *action.Env, p *view.Place) error {
	if p.Dir == nil || p.Entry.New {
		return nil
	}
	if p.Dir.OfKernel() {
		return action.Problem("It goes when what it stands for does: when the process ends, or the device is taken away.",
			"cannot remove %s: the kernel keeps what is there, and no file system", d.Path)
	}
	const apart = "Unmount it first; what is mounted is never removed with the directory that it is mounted in."
	mounted, err := p.Dir.MountPoint(p.Name)
	if err != nil {
		return err
	}
	if mounted {
		return action.Problem(apart, "cannot remove %s: something is mounted there", d.Path)
	}
	below, err := p.Dir.MountBelow(p.Name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if below != "" {
		return action.Problem(apart, "cannot remove %s: something is mounted at %s", d.Path, below)
	}
	if env.View.Disturbed() {
		return nil
	}
	if err := action.Writable(p); err != nil {
		return err
	}
	return nil
}

func (d *Directory) values(env *action.Env, e *view.Entry) map[string]any {
	if d.anything {
		return map[string]any{"path": d.Path}
	}
	out := map[string]any{"path": d.Path, "mode": nil, "owner": nil, "group": nil, "created": action.Plain(d.missing)}
	if e != nil {
		maps.Copy(out, action.Attributes(env, d.Path, *e))
	}
	return out
}

// Act makes what is missing, outermost first.
func (d *Directory) Act(ctx context.Context, env *action.Env, found action.Outcome) (action.Outcome, error) {
	if d.State == "absent" {
		return d.remove(ctx, env, found)
	}
	for i, at := range d.missing {
		if err := d.make(env, at, i == len(d.missing)-1); err != nil {
			return action.Outcome{}, action.Cannot("make", at, err)
		}
	}
	p, err := env.View.Follow(d.Path)
	if err != nil {
		return action.Outcome{}, action.Cannot("make", d.Path, err)
	}
	defer p.Close()
	if p.Entry == nil || p.Entry.Kind != disk.Directory {
		return action.Outcome{}, action.Cannot("make", d.Path, &disk.ChangedError{Path: d.Path})
	}
	if len(d.missing) == 0 {
		will := d.want.Over(p.Entry.Stat)
		if err := p.Dir.Change(p.Name, p.Entry.ID, will.UID, will.GID, will.Perm); err != nil {
			return action.Outcome{}, action.Cannot("make", d.Path, err)
		}
		env.Touch(p)
		p.Entry.Stat = will
	}
	found.Values = d.values(env, p.Entry)
	return found, nil
}

// make makes one directory; the last is the one that the task is about.
func (d *Directory) make(env *action.Env, at string, last bool) error {
	p, err := env.View.Follow(at)
	if err != nil {
		return err
	}
	defer p.Close()
	if p.Entry != nil {
		return &disk.ChangedError{Path: at}
	}
	will := action.Fresh(p, disk.Directory)
	var uid, gid *uint32
	if last {
		will, uid, gid = d.want.Over(will), d.want.UID, d.want.GID
	}
	if err := p.Dir.Mkdir(p.Name, uid, gid, will.Perm); err != nil {
		return err
	}
	env.Touch(p)
	return nil
}

// Unmake removes what Act has made, as far as nothing is in it.
func (d *Directory) Unmake(env *action.Env) {
	for _, at := range slices.Backward(d.missing) {
		if p, err := env.View.Follow(at); err == nil {
			_ = p.Dir.RemoveDir(p.Name) // what went wrong before is reported
			p.Close()
		}
	}
}

func (d *Directory) remove(ctx context.Context, env *action.Env, found action.Outcome) (action.Outcome, error) {
	p, err := env.View.Find(d.Path)
	if err != nil {
		return action.Outcome{}, action.Cannot("remove", d.Path, err)
	}
	defer p.Close()
	if p.Entry != nil {
		if p.Entry.Kind != d.kind {
			return action.Outcome{}, action.Cannot("remove", d.Path, &disk.ChangedError{Path: d.Path})
		}
		switch {
		case d.kind != disk.Directory:
			err = p.Dir.Remove(p.Name)
		case d.full || !d.anything:
			err = p.Dir.RemoveAll(ctx, p.Name)
		default:
			err = p.Dir.RemoveDir(p.Name)
		}
		env.Touch(p)
		if err != nil {
			return action.Outcome{}, action.Cannot("remove", d.Path, err)
		}
	}
	return found, nil
}
