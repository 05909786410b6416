package action

import (
	"fmt"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"runner/agent/disk"
	"runner/agent/view"
	"runner/agent/wire"
)

// Permissions of what is new, unless the task says else.
const (
	newFile      = 0o644
	newDirectory = 0o755
)

// Access are the arguments that say who may do what.
type Access struct {
	Mode  string `cbor:"mode"`
	Owner string `cbor:"owner"`
	Group string `cbor:"group"`
}

// Wanted is what Access means on this target; nil: left as it is.
type Wanted struct {
	Perm, UID, GID *uint32
	Unknown        view.Attr
}

// Wanted finds out what the arguments mean here.
func (a Access) Wanted(env *Env) (Wanted, error) {
	var w Wanted
	if a.Mode != "" {
		n, err := strconv.ParseUint(a.Mode, 8, 12)
		if err != nil {
			return w, &wire.Problem{Code: wire.CodeArguments, Message: fmt.Sprintf("mode %q is not octal", a.Mode)}
		}
		perm := uint32(n)
		w.Perm = &perm
	}
	find := func(name string, in func(string) (uint32, error), attr view.Attr) (*uint32, error) {
		if name == "" {
			return nil, nil //nolint:nilnil // left as it is
		}
		id, err := in(name)
		if IsUnknown(err) {
			w.Unknown |= attr
			return nil, nil //nolint:nilnil // an earlier task may make it
		}
		return &id, err
	}
	var err error
	if w.UID, err = find(a.Owner, env.View.User, view.Owner); err != nil {
		return w, err
	}
	if w.GID, err = find(a.Group, env.View.Group, view.Group); err != nil {
		return w, err
	}
	for name, attr := range map[string]view.Attr{"mode": view.Mode, "owner": view.Owner, "group": view.Group} {
		if env.IsUnknown(name) {
			w.Unknown |= attr
		}
	}
	return w, nil
}

// Over lays what is wanted over what is there.
func (w Wanted) Over(was disk.Stat) disk.Stat {
	if w.Perm != nil {
		was.Perm = *w.Perm
	}
	if w.UID != nil {
		was.UID = *w.UID
	}
	if w.GID != nil {
		was.GID = *w.GID
	}
	return was
}

// Known are the attributes that are wanted to be something, and known what.
func (w Wanted) Known() view.Attr {
	var set view.Attr
	for attr, is := range map[view.Attr]*uint32{view.Mode: w.Perm, view.Owner: w.UID, view.Group: w.GID} {
		if is != nil {
			set |= attr
		}
	}
	return set
}

// Fresh is what a new entry at a place will be, before what is wanted is laid over it.
func Fresh(p *view.Place, kind disk.Kind) disk.Stat {
	st := disk.Stat{Kind: kind, Perm: newFile, UID: disk.Me(), GID: disk.MyGroup(), Links: 1}
	if kind == disk.Directory {
		st.Perm = newDirectory | p.Parent.Perm&disk.Setgid*disk.InheritsSetgid
	}
	if p.Parent.Perm&disk.Setgid != 0 || disk.InheritsGroup {
		st.GID = p.Parent.GID
	}
	return st
}

// Same tells whether two entries are the same to those who may do things with them.
func Same(a, b disk.Stat) bool { return a.Perm == b.Perm && a.UID == b.UID && a.GID == b.GID }

// Permitted tells whether the system will let this user make an entry what it is to be. Root may do everything, or the
// system will tell.
func Permitted(was, will disk.Stat) error {
	me := disk.Me()
	if me == 0 || Same(was, will) {
		return nil
	}
	if was.UID != me || will.UID != me {
		return unix.EPERM
	}
	if will.GID != was.GID {
		groups, err := unix.Getgroups()
		if err != nil || !slices.Contains(append(groups, unix.Getegid()), int(will.GID)) {
			return unix.EPERM
		}
	}
	return nil
}

// Writable tells whether the system will let this user put another entry at a place, or take it away.
func Writable(p *view.Place) error {
	if p.Dir == nil {
		return nil
	}
	if err := p.Dir.Writable(); err != nil {
		return err
	}
	me := disk.Me()
	if p.Parent.Perm&disk.Sticky != 0 && p.Entry != nil && me != 0 && p.Entry.UID != me && p.Parent.UID != me {
		return unix.EPERM
	}
	return nil
}

// Attributes describes an entry for people, without what is not known.
func Attributes(env *Env, at string, e view.Entry) map[string]any {
	out := map[string]any{"path": at}
	if e.Unknown&view.Kind != 0 {
		return out
	}
	if e.Unknown&view.Mode == 0 {
		out["mode"] = fmt.Sprintf("%04o", e.Perm)
	}
	if e.Unknown&view.Owner == 0 {
		out["owner"] = env.View.UserName(e.UID)
	}
	if e.Unknown&view.Group == 0 {
		out["group"] = env.View.GroupName(e.GID)
	}
	return out
}

// Blindly describes an entry of which nothing but the path is known, if that.
func Blindly(at string) map[string]any {
	if at == "" {
		return map[string]any{}
	}
	return map[string]any{"path": at}
}

// Names lists a set of attributes by the names of the language.
func Names(set view.Attr) []string {
	var out []string
	for _, a := range []struct {
		attr view.Attr
		name string
	}{{view.Group, "group"}, {view.Mode, "mode"}, {view.Owner, "owner"}, {view.Target, "target"}} {
		if set&a.attr != 0 {
			out = append(out, a.name)
		}
	}
	return out
}

// Change puts an outcome together. A nil map is left out.
func Change(verb wire.Verb, before, after map[string]any, unknown ...string) Outcome {
	return Outcome{Change: wire.Change{Verb: verb, Unknown: unknown}, Before: before, After: after}
}

// None is the outcome where there is nothing to do.
func None(values any) Outcome {
	return Outcome{Change: wire.Change{Verb: wire.VerbNone}, Values: values}
}

// Plain makes a list of strings one of the language's values.
func Plain(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}
