package action

import (
	"context"

	"runner/agent/disk"
	"runner/agent/view"
	"runner/agent/wire"
)

// symlink is the action of that name.
type symlink struct {
	Path   string `cbor:"path"`
	Target string `cbor:"target"`
	State  string `cbor:"state"`
}

// Look compares what the link says with what it should say.
func (s *symlink) Look(_ context.Context, env *Env) (Outcome, error) {
	if env.unknown("path") || env.unknown("state") {
		env.View.Disturb()
		return s.blind(wire.VerbUpdate, env.Unknown...), nil
	}
	absent := s.State == "absent"
	if !absent && s.Target == "" && !env.unknown("target") {
		return Outcome{}, &wire.Problem{Code: wire.CodeArguments, Message: "cannot make " + s.Path + ": target is required"}
	}
	p, err := env.View.Find(s.Path)
	switch {
	case absent && gone(err):
		return s.none()
	case isUnknown(err) && absent:
		return s.blind(wire.VerbRemove), nil
	case isUnknown(err):
		return s.blind(wire.VerbCreate, "target"), nil
	case err != nil:
		return Outcome{}, s.cannot(err)
	}
	defer p.Close()
	return s.look(env, p, absent)
}

func (s *symlink) look(env *Env, p *view.Place, absent bool) (Outcome, error) {
	switch {
	case p.Entry == nil && absent:
		return s.none()
	case p.Entry == nil || p.Entry.Unknown&view.Kind != 0:
	case p.Entry.Kind != disk.Link:
		return Outcome{}, s.cannot(&disk.KindError{Path: "it", Kind: p.Entry.Kind})
	case !absent && p.Entry.Target == s.Target && p.Entry.Unknown == 0 && !env.unknown("target"):
		return s.none()
	}
	if !env.View.Disturbed() {
		if err := writable(p); err != nil {
			return Outcome{}, s.cannot(err)
		}
	}
	var before map[string]any
	if p.Entry != nil {
		before = s.describe(p.Entry.Target, p.Entry.Unknown&(view.Kind|view.Target) == 0)
	}
	if absent {
		env.View.PlanRemoval(p)
		out := change(wire.VerbRemove, before, nil)
		out.Values = s.values()
		return out, nil
	}
	verb := wire.VerbCreate
	if p.Entry != nil {
		verb = wire.VerbUpdate
	}
	will := view.Entry{Stat: fresh(p, disk.Link), Target: s.Target, New: true}
	if env.unknown("target") {
		will.Unknown = view.Target
	}
	env.View.Plan(p, will)
	out := change(verb, before, s.describe(s.Target, will.Unknown == 0), names(will.Unknown)...)
	if will.Unknown == 0 {
		out.Values = s.values()
	}
	return out, nil
}

func (s *symlink) blind(verb wire.Verb, unknown ...string) Outcome {
	return change(verb, nil, blindly(s.Path), unknown...)
}

func (s *symlink) none() (Outcome, error) {
	return Outcome{Change: wire.Change{Verb: wire.VerbNone}, Values: s.values()}, nil
}

func (s *symlink) cannot(err error) error {
	what := "make the symbolic link"
	if s.State == "absent" {
		what = "remove the symbolic link"
	}
	return cannot(what, s.Path, err)
}

func (s *symlink) describe(target string, known bool) map[string]any {
	out := map[string]any{"path": s.Path}
	if known {
		out["target"] = target
	}
	return out
}

func (s *symlink) values() map[string]any {
	if s.State == "absent" {
		return map[string]any{"path": s.Path, "target": nil}
	}
	return map[string]any{"path": s.Path, "target": s.Target}
}

// Act makes, replaces or removes the link.
func (s *symlink) Act(_ context.Context, env *Env, found Outcome) (Outcome, error) {
	p, err := env.View.Find(s.Path)
	if err != nil {
		return Outcome{}, s.cannot(err)
	}
	defer p.Close()
	if p.Entry != nil && p.Entry.Kind != disk.Link {
		return Outcome{}, s.cannot(&disk.KindError{Path: "it", Kind: p.Entry.Kind})
	}
	switch {
	case s.State == "absent" && p.Entry != nil:
		err = p.Dir.Remove(p.Name)
	case s.State == "absent":
	case p.Entry == nil:
		err = p.Dir.Symlink(p.Name, s.Target)
	case p.Entry.Target != s.Target:
		err = p.Dir.Relink(p.Name, s.Target)
	}
	if err != nil {
		return Outcome{}, s.cannot(err)
	}
	env.touched(p)
	found.Values = s.values()
	return found, nil
}
