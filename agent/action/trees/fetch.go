package trees

import (
	"context"
	"errors"
	"fmt"
	"io"

	"runner/agent/action"
	"runner/agent/manifest"
	"runner/agent/transfer"
	"runner/agent/view"
	"runner/agent/wire"
)

// Fetch is the action of that name. It is the half of the target: the controller, which writes, says in the end what has changed.
type Fetch struct {
	Path   string `cbor:"path"`
	Delete bool   `cbor:"delete"`
	manifest.Filter
	Checksum bool            `cbor:"checksum"` // the controller has seen to it
	Salt     []byte          `cbor:"salt"`     // of the inventory of what is there
	Have     []byte          `cbor:"have"`
	HaveSize int             `cbor:"have_size"` // if that comes first of the input
	Held     []transfer.Held `cbor:"held"`
}

// Look sends what differs, without contents in a preview. It waits until all of it is written.
func (f *Fetch) Look(ctx context.Context, env *action.Env) (action.Outcome, error) {
	out := action.Outcome{Change: wire.Change{Verb: wire.VerbRead}}
	unknown := func() (action.Outcome, error) {
		return action.Change(wire.VerbUpdate, nil, action.Blindly(f.Path), "action"), nil
	}
	if len(env.Unknown) > 0 {
		return unknown()
	}
	p, err := env.View.Follow(f.Path)
	var missing *view.UnknownError
	switch {
	case errors.As(err, &missing):
		return unknown()
	case err != nil:
		return out, action.Cannot("read", f.Path, err)
	}
	defer p.Close()
	planned := p.Dir == nil || p.Entry != nil && (p.Entry.New || p.Entry.Content != nil || p.Entry.Unknown != 0) || env.View.Below(p.Path) != nil
	switch {
	case planned, env.View.Disturbed():
		return unknown() // what earlier tasks leave
	case p.Entry == nil:
		return out, action.Problem("Make it with a task before this one, or name what is there.", "cannot read %s: there is nothing", f.Path)
	}
	if f.HaveSize < 0 || f.HaveSize > mostTree {
		return out, fmt.Errorf("an inventory of %d bytes is too large", f.HaveSize)
	}
	if f.HaveSize > 0 {
		f.Have = make([]byte, f.HaveSize)
		if _, err := io.ReadFull(env.Input(), f.Have); err != nil {
			return out, err
		}
	}
	sent, err := transfer.SendSelected(ctx, p.Dir, p.Name, f.Held, transfer.Selection{
		Salt: f.Salt, Have: f.Have, Excludes: f.Excludes, Names: f.Delete, Dry: env.Mode == wire.ModeLook,
	}, env.Output(ctx))
	if err == nil && sent > 0 && env.Mode == wire.ModeApply {
		_, err = io.ReadFull(env.Input(), make([]byte, 1)) // nothing follows before it is written
	}
	if err != nil {
		return out, action.Cannot("fetch", f.Path, err)
	}
	return out, nil
}

// Act has nothing to do.
func (*Fetch) Act(_ context.Context, _ *action.Env, found action.Outcome) (action.Outcome, error) {
	return found, nil
}
