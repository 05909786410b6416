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
func (h *Hostname) Parts(_ context.Context, env *action.Env) ([]action.Part, error) {
	const at = "/etc/hostname"
	file := &files.File{Path: at, Content: action.Data(h.Name + "\n")}
	if p, err := env.View.Find(at); err == nil {
		if p.Dir != nil && p.Entry != nil {
			file.InPlace, _ = p.Dir.MountPoint(p.Name) // a container has it from its machine
		}
		p.Close()
	}
	boot := action.Part{Action: file}
	was, err := os.Hostname()
	if err != nil {
		return nil, action.Cannot("read", "the host name", err)
	}
	if was == h.Name {
		return []action.Part{boot}, nil
	}
	return []action.Part{setting(h.Name, was, h.Name, setHostname), boot}, administrator(env, "set the host name")
}

// setting is a part that sets something of the kernel, and sets it back when that or a later part fails.
func setting(name, was, want string, set func(value string) error) action.Part {
	p := action.Part{
		Do:   func(context.Context, *action.Env) error { return set(want) },
		Undo: func(context.Context, *action.Env) { _ = set(was) }, // what went wrong before is reported
	}
	p.Found.Change.Verb = wire.VerbUpdate
	p.Found.Before, p.Found.After = action.Texts("name", name, "value", was), action.Texts("name", name, "value", want)
	return p
}

// Describe gives the results.
func (h *Hostname) Describe(out *action.Outcome) { out.Values = action.Texts("name", h.Name) }
