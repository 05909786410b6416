package action

import (
	"context"
	"maps"

	"runner/agent/view"
	"runner/agent/wire"
)

// A Composed action says of which parts its work consists, such as a directory and a file in it.
type Composed interface {
	// Parts returns them for what is there now. The error is what Look gives.
	Parts(ctx context.Context, env *Env) ([]Action, error)
	// Describe words what the parts have found as one change, and gives the results.
	Describe(out *Outcome)
}

// Compose makes an action of its parts. Each part is found out with what those before it will leave, and made after them.
func Compose(c Composed) Action { return &composite{Composed: c} }

type composite struct {
	Composed
	parts []Action
}

// UnmarshalCBOR decodes the arguments.
func (c *composite) UnmarshalCBOR(encoded []byte) error { return wire.Unmarshal(encoded, c.Composed) }

// Look puts together what the parts find. The verb is that of the last one that has something to do.
func (c *composite) Look(ctx context.Context, env *Env) (out Outcome, err error) {
	if len(env.Unknown) > 0 {
		env.View.Disturb()
		return Change(wire.VerbUpdate, nil, map[string]any{}, env.Unknown...), nil
	}
	looking := *env
	if env.Mode == wire.ModeApply { // the later ones have to see what the earlier ones have not made yet
		looking.Mode, looking.View = wire.ModeLook, view.Preview()
	}
	if c.parts, err = c.Parts(ctx, &looking); IsUnknown(err) {
		return Change(wire.VerbUpdate, nil, map[string]any{}, "action"), nil
	} else if err != nil {
		return out, err
	}
	out.Change.Verb = wire.VerbNone
	for _, part := range c.parts {
		found, err := part.Look(ctx, &looking)
		if err != nil {
			return found, err
		}
		if found.Change.Verb == wire.VerbNone {
			continue
		}
		out.Change.Verb = found.Change.Verb
		out.Change.Diff += found.Change.Diff
		out.Change.Unknown = append(out.Change.Unknown, found.Change.Unknown...)
		out.Before, out.After = over(out.Before, found.Before), over(out.After, found.After)
	}
	c.Describe(&out)
	return out, nil
}

func over(under, m map[string]any) map[string]any {
	if under == nil {
		return maps.Clone(m)
	}
	maps.Copy(under, m)
	return under
}

// Act makes what the parts find, one after the other. When one fails, those before it that can be undone are.
func (c *composite) Act(ctx context.Context, env *Env, found Outcome) (Outcome, error) {
	for i, part := range c.parts {
		out, err := part.Look(ctx, env)
		if err == nil && out.Change.Verb != wire.VerbNone {
			_, err = part.Act(ctx, env, out)
		}
		if err != nil {
			for _, done := range c.parts[:i] {
				if u, ok := done.(interface {
					Undo(ctx context.Context, env *Env)
				}); ok {
					u.Undo(context.WithoutCancel(ctx), env)
				}
			}
			return Outcome{}, err
		}
	}
	return found, nil
}
