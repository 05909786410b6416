package files

import (
	"context"

	"runner/agent/action"
)

// Remove is the action of that name: directory with the state absent, for whatever is there.
type Remove struct {
	Directory
	Recurse bool `cbor:"recurse"`
}

// Look finds out what is there.
func (r *Remove) Look(ctx context.Context, env *action.Env) (action.Outcome, error) {
	r.State, r.anything, r.full = "absent", true, r.Recurse || env.IsUnknown("recurse")
	return r.Directory.Look(ctx, env)
}
