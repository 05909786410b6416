package files

import (
	"context"
	"fmt"

	"runner/agent/action"
	"runner/agent/disk"
	"runner/agent/wire"
)

// Kept notes what is at a path, a file that can be edited, a link or nothing, and returns what puts that back. What else is
// there stays, for no action on files replaces it; so does a file that only a later task of a plan may read.
func Kept(ctx context.Context, env *action.Env, path string) (restore func(ctx context.Context, env *action.Env), err error) {
	leave := func(context.Context, *action.Env) {}
	p, err := env.View.Find(path)
	if err != nil || p.Dir == nil {
		return leave, nil // what changes the file says so
	}
	defer p.Close()
	var back action.Action
	switch {
	case p.Entry == nil:
		back = &File{Path: path, State: "absent"}
	case p.Entry.Kind == disk.Link:
		back = &Symlink{Path: path, Target: p.Entry.Target, Over: true}
	case p.Entry.Kind == disk.Regular && p.Entry.Size <= MostEdited:
		was, err := p.Read(ctx, MostEdited)
		if err != nil || was.Bytes == nil {
			return leave, err
		}
		back = &File{Path: path, Content: was.Bytes, Access: action.Access{
			Mode: fmt.Sprintf("%04o", p.Entry.Perm), Owner: fmt.Sprint(p.Entry.UID), Group: fmt.Sprint(p.Entry.GID),
		}}
	default:
		return leave, nil
	}
	return func(ctx context.Context, env *action.Env) {
		if out, err := back.Look(ctx, env); err == nil && out.Change.Verb != wire.VerbNone {
			_, _ = back.Act(ctx, env, out) // what went wrong before is reported
		}
	}, nil
}
