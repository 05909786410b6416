package files

import (
	"context"

	"runner/agent/action"
	"runner/agent/disk"
	"runner/agent/view"
	"runner/agent/wire"
)

// Symlink is the action of that name.
type Symlink struct {
	Path   string `cbor:"path"`
	Target string `cbor:"target"`
	State  string `cbor:"state"`
	Over   bool   `cbor:"-"` // for other actions: a file at the path is replaced as well
}

// Look compares what the link says with what it should say.
func (s *Symlink) Look(_ context.Context, env *action.Env) (action.Outcome, error) {
	if env.IsUnknown("path") || env.IsUnknown("state") {
		env.View.Disturb()
		return s.blind(wire.VerbUpdate, env.Unknown...), nil
	}
	absent := s.State == "absent"
	if !absent && s.Target == "" && !env.IsUnknown("target") {
		return action.Outcome{}, &wire.Problem{Code: wire.CodeArguments, Message: "cannot make " + s.Path + ": target is required"}
	}
	p, err := env.View.Find(s.Path)
	switch {
	case absent && action.Gone(err):
		return s.none()
	case action.IsUnknown(err) && absent:
		return s.blind(wire.VerbRemove, "action"), nil
	case action.IsUnknown(err):
		return s.blind(wire.VerbCreate, "target"), nil
	case err != nil:
		return action.Outcome{}, s.cannot(err)
	}
	defer p.Close()
	return s.look(env, p, absent)
}

func (s *Symlink) look(env *action.Env, p *view.Place, absent bool) (action.Outcome, error) {
	switch {
	case p.Entry == nil && absent:
		return s.none()
	case p.Entry == nil || p.Entry.Unknown&view.Kind != 0:
	case s.refuses(p.Entry.Kind):
		return action.Outcome{}, s.cannot(&disk.KindError{Path: "it", Kind: p.Entry.Kind})
	case !absent && p.Entry.Target == s.Target && p.Entry.Unknown == 0 && !env.IsUnknown("target"):
		return s.none()
	}
	if !env.View.Disturbed() {
		if err := action.Writable(p); err != nil {
			return action.Outcome{}, s.cannot(err)
		}
	}
	var before map[string]any
	if p.Entry != nil {
		before = s.describe(p.Entry.Target, p.Entry.Unknown&(view.Kind|view.Target) == 0)
	}
	if absent {
		env.View.PlanRemoval(p)
		out := action.Change(wire.VerbRemove, before, nil)
		out.Values = s.values()
		return out, nil
	}
	verb := wire.VerbCreate
	if p.Entry != nil {
		verb = wire.VerbUpdate
	}
	will := view.Entry{Stat: action.Fresh(p, disk.Link), Target: s.Target, New: true}
	if env.IsUnknown("target") {
		will.Unknown = view.Target
	}
	env.View.Plan(p, will)
	out := action.Change(verb, before, s.describe(s.Target, will.Unknown == 0), action.Names(will.Unknown)...)
	if will.Unknown == 0 {
		out.Values = s.values()
	}
	return out, nil
}

// refuses tells whether something else than a link is in the way.
func (s *Symlink) refuses(kind disk.Kind) bool {
	return kind != disk.Link && (!s.Over || kind != disk.Regular)
}

func (s *Symlink) blind(verb wire.Verb, unknown ...string) action.Outcome {
	return action.Change(verb, nil, action.Blindly(s.Path), unknown...)
}

func (s *Symlink) none() (action.Outcome, error) {
	return action.None(s.values()), nil
}

func (s *Symlink) cannot(err error) error {
	what := "make the symbolic link"
	if s.State == "absent" {
		what = "remove the symbolic link"
	}
	return action.Cannot(what, s.Path, err)
}

func (s *Symlink) describe(target string, known bool) map[string]any {
	out := map[string]any{"path": s.Path}
	if known {
		out["target"] = target
	}
	return out
}

func (s *Symlink) values() map[string]any {
	if s.State == "absent" {
		return map[string]any{"path": s.Path, "target": nil}
	}
	return map[string]any{"path": s.Path, "target": s.Target}
}

// Act makes, replaces or removes the link.
func (s *Symlink) Act(_ context.Context, env *action.Env, found action.Outcome) (action.Outcome, error) {
	p, err := env.View.Find(s.Path)
	if err != nil {
		return action.Outcome{}, s.cannot(err)
	}
	defer p.Close()
	if p.Entry != nil && s.refuses(p.Entry.Kind) {
		return action.Outcome{}, s.cannot(&disk.KindError{Path: "it", Kind: p.Entry.Kind})
	}
	switch {
	case s.State == "absent" && p.Entry != nil:
		err = p.Dir.Remove(p.Name)
	case s.State == "absent":
	case p.Entry == nil:
		err = p.Dir.Symlink(p.Name, s.Target)
	case p.Entry.Kind != disk.Link || p.Entry.Target != s.Target:
		err = p.Dir.Relink(p.Name, s.Target)
	}
	if err != nil {
		return action.Outcome{}, s.cannot(err)
	}
	env.Touch(p)
	found.Values = s.values()
	return found, nil
}
