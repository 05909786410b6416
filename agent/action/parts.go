package action

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"runner/agent/view"
	"runner/agent/wire"
)

// A Composed action says of which parts its work consists, such as a directory and a file in it.
type Composed interface {
	// Parts returns them for what is there now. The error is what Look gives.
	Parts(ctx context.Context, env *Env) ([]Part, error)
	// Describe words what the parts have found as one change, and gives the results.
	Describe(out *Outcome)
}

// Part is one of them: another action, or something that is known to be done.
type Part struct {
	Action Action
	Found  Outcome // without an Action
	// Do does it; with an Action it is what follows when that has changed something.
	Do func(ctx context.Context, env *Env) error
	// Undo, if it is set, undoes it where Do or a later part fails. Of a part that had nothing to do nothing is undone.
	Undo func(ctx context.Context, env *Env)

	begun bool // there is something to undo
}

// Compose makes an action of its parts. Each part is found out with what those before it will leave, and made after them.
func Compose(c Composed) Action { return &composite{Composed: c} }

type composite struct {
	Composed
	parts []Part
}

// UnmarshalCBOR decodes the arguments.
func (c *composite) UnmarshalCBOR(encoded []byte) error { return wire.Unmarshal(encoded, c.Composed) }

// Look puts together what the parts find. The verb is that of the last one that has something to do.
func (c *composite) Look(ctx context.Context, env *Env) (out Outcome, err error) {
	out.Change.Verb = wire.VerbNone
	if len(env.Unknown) > 0 {
		env.View.Disturb()
		out.Change.Verb, out.After, out.Change.Unknown = wire.VerbUpdate, map[string]any{}, env.Unknown
		return out, nil
	}
	looking := *env
	if env.Mode == wire.ModeApply { // the later ones have to see what the earlier ones have not made yet
		looking.Mode, looking.View = wire.ModeLook, view.Preview()
	}
	if c.parts, err = c.Parts(ctx, &looking); IsUnknown(err) {
		out.Change.Verb, out.After, out.Change.Unknown = wire.VerbUpdate, map[string]any{}, []string{"action"}
		return out, nil
	}
	for i := range c.parts {
		if p := &c.parts[i]; err == nil {
			err = p.look(ctx, &looking, &out)
		}
	}
	if err == nil {
		c.Describe(&out)
	}
	return out, err
}

// look adds to an outcome what the part will change.
func (p *Part) look(ctx context.Context, env *Env, to *Outcome) (err error) {
	if p.Action != nil {
		if p.Found, err = p.Action.Look(ctx, env); err != nil {
			return err
		}
	}
	found, change := &p.Found.Change, &to.Change
	if found.Verb == wire.VerbNone {
		return nil
	}
	change.Verb = found.Verb
	change.Diff += found.Diff
	change.Unknown, change.Why = append(change.Unknown, found.Unknown...), cmp.Or(change.Why, found.Why)
	over(&to.Before, p.Found.Before)
	over(&to.After, p.Found.After)
	return nil
}

func over(under *map[string]any, m map[string]any) {
	if *under == nil && m != nil {
		*under = map[string]any{}
	}
	maps.Copy(*under, m)
}

// Act makes what the parts find, one after the other. When one fails, what was done and can be undone is.
func (c *composite) Act(ctx context.Context, env *Env, found Outcome) (Outcome, error) {
	for i := range c.parts {
		if err := c.parts[i].act(ctx, env); err != nil {
			for _, p := range slices.Backward(c.parts[:i+1]) {
				if p.begun && p.Undo != nil {
					p.Undo(context.WithoutCancel(ctx), env)
				}
			}
			return found, err
		}
	}
	return found, nil
}

func (p *Part) act(ctx context.Context, env *Env) (err error) {
	if p.Action != nil {
		if p.Found, err = p.Action.Look(ctx, env); err != nil || p.Found.Change.Verb == wire.VerbNone {
			return err
		}
		if _, err = p.Action.Act(ctx, env, p.Found); err != nil {
			return err
		}
	}
	if p.begun = true; p.Do != nil {
		err = p.Do(ctx, env)
	}
	return err
}

// Texts makes attributes of names and texts, in turn.
func Texts(pairs ...string) map[string]any {
	out := make(map[string]any, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = pairs[i+1]
	}
	return out
}

// KeepLine sets one line of a text: the first one that is the task's, unless it is good as it is, and no other that is. Where
// there is none it comes at the end. With an empty line all that are the task's are removed. A missing last line break is made.
func KeepLine(old []byte, line string, about func(text string) (mine, good bool)) []byte {
	out, done, lines := []byte{}, line == "", strings.SplitAfter(string(old), "\n")
	for _, text := range lines {
		if text == "" {
			continue
		}
		text = strings.TrimSuffix(text, "\n")
		mine, good := about(text)
		if mine && done {
			continue
		}
		if mine && !good {
			text = line
		}
		done = done || mine
		out = append(append(out, text...), '\n')
	}
	if !done {
		out = append(append(out, line...), '\n')
	}
	return out
}
