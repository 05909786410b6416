package services

import (
	"bytes"
	"context"
	"path"
	"slices"
	"strings"

	"runner/agent/action"
	"runner/agent/action/files"
	"runner/agent/process"
	"runner/agent/wire"
)

// Unit is the action of that name: a file, in a directory that is made for it where need be, which systemd reads when it
// has changed.
type Unit struct {
	files.File
	Name   string `cbor:"name"`
	Dropin string `cbor:"dropin"`
	Scope  string `cbor:"scope"`

	dir *files.Directory // to be made first
}

// Look compares the file with what should be in it.
func (u *Unit) Look(ctx context.Context, env *action.Env) (action.Outcome, error) {
	if slices.ContainsFunc([]string{"name", "dropin", "scope"}, env.IsUnknown) {
		env.View.Disturb()
		return action.Change(wire.VerbUpdate, nil, map[string]any{}, env.Unknown...), nil
	}
	home := process.Variable(env.Environ, "HOME", "")
	if u.Scope == "user" && !strings.HasPrefix(home, "/") {
		return action.Outcome{}, action.Problem("Set HOME in the task's environment.", "cannot find the units of the user: HOME is %q", home)
	}
	u.Path = unitPath(u.Name, u.Dropin, u.Scope, home)
	u.Verify = u.verify
	if u.State != "absent" {
		made, err := u.lookDirectory(ctx, env)
		if err != nil || made && env.Mode != wire.ModeLook {
			return action.Change(wire.VerbCreate, nil, map[string]any{"path": u.Path}), err
		}
	}
	out, err := u.named(u.File.Look(ctx, env))
	if err == nil && out.Change.Verb == wire.VerbRemove {
		out.Change.Why = u.orphan(ctx, env)
	}
	if err == nil && env.Mode == wire.ModeLook && u.State != "absent" && !env.View.Disturbed() && !env.View.Planning(u.Path+".d/") {
		err = u.Judge(ctx, env)
	}
	return out, err
}

// orphan says what is left of a unit without its file.
func (u *Unit) orphan(ctx context.Context, env *action.Env) string {
	s := &systemd{unit: unitName(u.Name), user: u.Scope == "user"}
	if u.Dropin != "" || u.Scope == "global" || !exists("/run/systemd/system") || s.reachable(ctx, env) != nil {
		return ""
	}
	is, err := s.look(ctx, env)
	what := ""
	switch running := is.state == "running" || is.state == "starting"; {
	case err != nil, !running && !is.enabled:
		return ""
	case running && is.enabled:
		what = "it is running and enabled now, and stays so without its file"
	case running:
		what = "it is running now, and goes on without its file"
	default:
		what = "it is enabled now, and what is to start it stays"
	}
	if env.Mode == wire.ModeLook && (env.Unsettled || env.View.Disturbed()) {
		return what + ", unless a task before this one changes that"
	}
	return what + `: a task "service" with state = "stopped" and enabled = false belongs before this one`
}

// lookDirectory tells whether the file's directory is to be made.
func (u *Unit) lookDirectory(ctx context.Context, env *action.Env) (bool, error) {
	u.dir = &files.Directory{Path: path.Dir(u.Path)}
	out, err := u.dir.Look(ctx, env)
	if err != nil || out.Change.Verb != wire.VerbCreate {
		u.dir = nil
	}
	return u.dir != nil, err
}

// named adds the unit's name to the results.
func (u *Unit) named(out action.Outcome, err error) (action.Outcome, error) {
	if values, ok := out.Values.(map[string]any); ok {
		values["name"] = unitName(u.Name)
	}
	return out, err
}

// unitPath is where a unit's file is, or a drop-in for it.
func unitPath(name, dropin, scope, home string) string {
	dir := "/etc/systemd/system"
	switch scope {
	case "user":
		dir = path.Join(home, ".config/systemd/user")
	case "global":
		dir = "/etc/systemd/user"
	}
	if dropin != "" {
		return path.Join(dir, unitName(name)+".d", dropin)
	}
	return path.Join(dir, unitName(name))
}

// Act writes or removes the file, and has systemd read it.
func (u *Unit) Act(ctx context.Context, env *action.Env, found action.Outcome) (action.Outcome, error) {
	if u.dir != nil {
		if _, err := u.dir.Act(ctx, env, action.Change(wire.VerbCreate, nil, nil)); err != nil {
			return action.Outcome{}, err
		}
		var err error
		if found, err = u.File.Look(ctx, env); err != nil {
			return action.Outcome{}, err
		}
	}
	s := &systemd{unit: unitName(u.Name), user: u.Scope == "user"}
	reads := u.Scope != "global" && exists("/run/systemd/system")
	if reads {
		var err error
		if reads, err = s.there(ctx, env); err != nil { // where it is not, it reads the file when it starts
			return action.Outcome{}, err
		}
	}
	restore, err := files.Kept(ctx, env, u.Path)
	if err != nil {
		return action.Outcome{}, err
	}
	out, err := u.named(u.File.Act(ctx, env, found))
	if err == nil && reads {
		if err = s.reload(ctx, env); err != nil {
			restore(context.WithoutCancel(ctx), env)
		}
	}
	return out, err
}

// verify asks systemd whether it can use a unit of this content. What the unit needs, such as its program, can come later.
func (u *Unit) verify(ctx context.Context, env *action.Env, file string) error {
	const program = "systemd-analyze"
	if u.Dropin != "" || !env.View.Program(program, "/", env.Environ) {
		return nil
	}
	s := &systemd{user: u.Scope == "user" || u.Scope == "global"}
	exit, err := s.run(ctx, env, program, "verify", file)
	if err != nil || exit.Status == 0 {
		return err
	}
	for _, bad := range []string{"bad unit file setting", "failed to load properly"} {
		if strings.Contains(string(exit.Stderr), bad) {
			exit.Stderr = bytes.ReplaceAll(exit.Stderr, []byte(file), []byte(u.Path))
			return said("Nothing was written.", "cannot write "+u.Path+": systemd could not use it", exit)
		}
	}
	return nil
}
