package action

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"path"
	"strings"

	"runner/agent/disk"
	"runner/agent/view"
	"runner/agent/wire"
)

// directory is the action of that name.
type directory struct {
	access
	Path  string `cbor:"path"`
	State string `cbor:"state"`

	// What Look found, for Act.
	want    wanted
	missing []string // the path and its parents as far as they are missing, outermost first
}

// Look looks at the path and its parents.
func (d *directory) Look(ctx context.Context, env *Env) (Outcome, error) {
	if env.unknown("path") || env.unknown("state") {
		env.View.Disturb()
		return d.blind(wire.VerbUpdate, env.Unknown...), nil
	}
	d.Path = strings.TrimRight(d.Path, "/")
	if d.State == "absent" {
		return d.lookAbsent(ctx, env)
	}
	p, err := d.search(env)
	if isUnknown(err) {
		return d.blind(wire.VerbCreate, names(view.Mode|view.Owner|view.Group)...), nil
	}
	if err != nil {
		return Outcome{}, cannot("make", d.Path, err)
	}
	defer p.Close()
	if d.want, err = d.wanted(env); err != nil {
		return Outcome{}, cannot("make", d.Path, err)
	}
	if len(d.missing) > 0 {
		return d.lookMissing(env, p)
	}
	return d.lookPresent(env, p)
}

// search follows the path as far as it is there. It notes what is missing and returns the place of the first missing
// directory, or of the directory itself.
func (d *directory) search(env *Env) (*view.Place, error) {
	d.missing = nil
	for at := d.Path; ; at = path.Dir(at) {
		p, err := env.View.Follow(at)
		var missing *view.MissingError
		switch {
		case errors.As(err, &missing) && !isUnknown(err):
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
			return nil, problem("Remove the link, or make what it points to.", "cannot make %s: %s is a symbolic link that leads to %s, where nothing is", d.Path, at, p.Path)
		case p.Entry == nil:
			d.missing = append([]string{at}, d.missing...)
		}
		return p, nil
	}
}

func (d *directory) blind(verb wire.Verb, unknown ...string) Outcome {
	return change(verb, nil, blindly(d.Path), unknown...)
}

// lookMissing previews a directory that is to be made, with its parents; p is the place of the outermost.
func (d *directory) lookMissing(env *Env, p *view.Place) (Outcome, error) {
	if !env.View.Disturbed() {
		if err := writable(p); err != nil {
			return Outcome{}, cannot("make", d.Path, err)
		}
	}
	var will view.Entry
	for i, at := range d.missing {
		if i > 0 {
			p = &view.Place{Path: path.Join(p.Path, path.Base(at)), Name: path.Base(at), Parent: will.Stat}
		}
		will = view.Entry{Stat: fresh(p, disk.Directory), New: true}
		if i == len(d.missing)-1 {
			if err := permitted(will.Stat, d.want.over(will.Stat)); err != nil && !env.View.Disturbed() {
				return Outcome{}, cannot("set the owner and mode of", d.Path, err)
			}
			will.Stat, will.Unknown = d.want.over(will.Stat), d.want.unknown
		}
		env.View.Plan(p, will)
	}
	after := attributes(env, d.Path, will)
	if parents := d.missing[:len(d.missing)-1]; len(parents) > 0 {
		after["parents"] = plain(parents)
	}
	out := change(wire.VerbCreate, nil, after, names(will.Unknown)...)
	if will.Unknown == 0 {
		out.Values = d.values(env, &will)
	}
	return out, nil
}

func (d *directory) lookPresent(env *Env, p *view.Place) (Outcome, error) {
	if p.Entry.Unknown&view.Kind != 0 {
		return d.blind(wire.VerbUpdate, names(view.Mode|view.Owner|view.Group)...), nil
	}
	if p.Entry.Kind != disk.Directory {
		return Outcome{}, cannot("make", d.Path, &disk.KindError{Path: "it", Kind: p.Entry.Kind})
	}
	old := *p.Entry
	will := old
	will.Stat, will.Unknown = d.want.over(old.Stat), (old.Unknown|d.want.unknown)&^d.want.known()
	if same(old.Stat, will.Stat) && old.Unknown|will.Unknown == 0 {
		return Outcome{Change: wire.Change{Verb: wire.VerbNone}, Values: d.values(env, &will)}, nil
	}
	if !env.View.Disturbed() {
		if err := permitted(old.Stat, will.Stat); err != nil {
			return Outcome{}, cannot("set the owner and mode of", d.Path, err)
		}
	}
	env.View.Plan(p, will)
	out := change(wire.VerbUpdate, attributes(env, d.Path, old), attributes(env, d.Path, will), names(will.Unknown)...)
	if will.Unknown == 0 {
		out.Values = d.values(env, &will)
	}
	return out, nil
}

// lookAbsent looks without following a link at the path itself.
func (d *directory) lookAbsent(ctx context.Context, env *Env) (Outcome, error) {
	p, err := env.View.Find(d.Path)
	switch {
	case gone(err):
		return Outcome{Change: wire.Change{Verb: wire.VerbNone}, Values: d.values(nil, nil)}, nil
	case isUnknown(err):
		return d.blind(wire.VerbRemove), nil
	case err != nil:
		return Outcome{}, cannot("remove", d.Path, err)
	}
	defer p.Close()
	if p.Entry == nil {
		return Outcome{Change: wire.Change{Verb: wire.VerbNone}, Values: d.values(nil, nil)}, nil
	}
	before := attributes(env, d.Path, *p.Entry)
	switch {
	case p.Entry.Unknown&view.Kind != 0:
	case p.Entry.Kind == disk.Link:
		return Outcome{}, problem("Remove a link with task \"symlink\" and state = \"absent\".", "cannot remove %s: it is a symbolic link to %s", d.Path, p.Entry.Target)
	case p.Entry.Kind != disk.Directory:
		return Outcome{}, cannot("remove", d.Path, &disk.KindError{Path: "it", Kind: p.Entry.Kind})
	case p.Dir != nil && !p.Entry.New:
		if err := d.removable(env, p); err != nil {
			return Outcome{}, err
		}
		count, err := p.Dir.Count(ctx, p.Name, env.View.Notice)
		if err != nil {
			return Outcome{}, cannot("remove", d.Path, err)
		}
		before["entries"] = count
	}
	env.View.PlanRemoval(p)
	out := change(wire.VerbRemove, before, nil)
	out.Values = d.values(nil, nil)
	return out, nil
}

// removable finds what stands in the way of removing a directory, before anything in it is removed.
func (d *directory) removable(env *Env, p *view.Place) error {
	const apart = "Unmount it first; what is mounted is never removed with the directory that it is mounted in."
	mounted, err := p.Dir.MountPoint(p.Name)
	if err != nil {
		return cannot("remove", d.Path, err)
	}
	if mounted {
		return problem(apart, "cannot remove %s: something is mounted there", d.Path)
	}
	below, err := p.Dir.MountBelow(p.Name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return cannot("remove", d.Path, err)
	}
	if below != "" {
		return problem(apart, "cannot remove %s: something is mounted at %s", d.Path, below)
	}
	if env.View.Disturbed() {
		return nil
	}
	if err := writable(p); err != nil {
		return cannot("remove", d.Path, err)
	}
	return nil
}

func (d *directory) values(env *Env, e *view.Entry) map[string]any {
	out := map[string]any{"path": d.Path, "mode": nil, "owner": nil, "group": nil, "created": plain(d.missing)}
	if e != nil {
		maps.Copy(out, attributes(env, d.Path, *e))
	}
	return out
}

// plain makes a list of strings one of the language's values.
func plain(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

// Act makes what is missing, outermost first.
func (d *directory) Act(_ context.Context, env *Env, found Outcome) (Outcome, error) {
	if d.State == "absent" {
		return d.remove(env, found)
	}
	for i, at := range d.missing {
		if err := d.make(env, at, i == len(d.missing)-1); err != nil {
			return Outcome{}, cannot("make", at, err)
		}
	}
	p, err := env.View.Follow(d.Path)
	if err != nil {
		return Outcome{}, cannot("make", d.Path, err)
	}
	defer p.Close()
	if p.Entry == nil || p.Entry.Kind != disk.Directory {
		return Outcome{}, cannot("make", d.Path, &disk.ChangedError{Path: d.Path})
	}
	if len(d.missing) == 0 {
		will := d.want.over(p.Entry.Stat)
		if err := p.Dir.Change(p.Name, p.Entry.ID, will.UID, will.GID, will.Perm); err != nil {
			return Outcome{}, cannot("make", d.Path, err)
		}
		env.touched(p)
		p.Entry.Stat = will
	}
	found.Values = d.values(env, p.Entry)
	return found, nil
}

// make makes one directory; the last is the one that the task is about.
func (d *directory) make(env *Env, at string, last bool) error {
	p, err := env.View.Follow(at)
	if err != nil {
		return err
	}
	defer p.Close()
	if p.Entry != nil {
		return &disk.ChangedError{Path: at}
	}
	will := fresh(p, disk.Directory)
	var uid, gid *uint32
	if last {
		will, uid, gid = d.want.over(will), d.want.uid, d.want.gid
	}
	if err := p.Dir.Mkdir(p.Name, uid, gid, will.Perm); err != nil {
		return err
	}
	env.touched(p)
	return nil
}

func (d *directory) remove(env *Env, found Outcome) (Outcome, error) {
	p, err := env.View.Find(d.Path)
	if err != nil {
		return Outcome{}, cannot("remove", d.Path, err)
	}
	defer p.Close()
	if p.Entry != nil {
		if p.Entry.Kind != disk.Directory {
			return Outcome{}, cannot("remove", d.Path, &disk.ChangedError{Path: d.Path})
		}
		err := p.Dir.RemoveAll(p.Name)
		env.touched(p)
		if err != nil {
			return Outcome{}, cannot("remove", d.Path, err)
		}
	}
	return found, nil
}
