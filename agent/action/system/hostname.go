package system

import (
	"context"
	"os"

	"runner/agent/action"
	"runner/agent/action/files"
	"runner/agent/wire"
)

// Hostname is the action of that name.
type Hostname struct {
	Name string `cbor:"name"`
}

// Parts are the name that the kernel has, and that of the next start.
func (h *Hostname) Parts(context.Context, *action.Env) ([]action.Action, error) {
	return []action.Action{&kernelName{want: h.Name}, &files.File{Path: "/etc/hostname", Content: action.Data(h.Name + "\n")}}, nil
}

// Describe gives the results.
func (h *Hostname) Describe(out *action.Outcome) { out.Values = map[string]any{"name": h.Name} }

// kernelName is the name that the system has now.
type kernelName struct{ want, was string }

// Look compares it.
func (k *kernelName) Look(_ context.Context, env *action.Env) (action.Outcome, error) {
	var err error
	if k.was, err = os.Hostname(); err != nil {
		return action.Outcome{}, action.Cannot("read", "the host name", err)
	}
	if k.was == k.want {
		return action.None(nil), nil
	}
	if err := administrator(env, "set the host name"); err != nil {
		return action.Outcome{}, err
	}
	return action.Change(wire.VerbUpdate, map[string]any{"name": k.was}, map[string]any{"name": k.want}), nil
}

// Act sets it.
func (k *kernelName) Act(_ context.Context, _ *action.Env, found action.Outcome) (action.Outcome, error) {
	if err := setHostname(k.want); err != nil {
		return found, action.Cannot("set", "the host name", err)
	}
	return found, nil
}

// Undo sets the name that was.
func (k *kernelName) Undo(context.Context, *action.Env) {
	_ = setHostname(k.was) // what went wrong before is reported
}
