package services

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"runner/agent/action"
	"runner/agent/disk"
	"runner/agent/process"
	"runner/agent/wire"
)

// scripts asks the scripts in /etc/init.d: those of OpenRC, or of System V.
type scripts struct {
	name   string
	openrc bool
}

func (s *scripts) places() []string { return []string{scriptOf(s.name)} }

// look asks the script, and looks for the links that have it run at the start of the machine.
func (s *scripts) look(ctx context.Context, env *action.Env) (status, error) {
	st := status{name: s.name, found: exists(scriptOf(s.name)), state: "stopped", reloads: true}
	if !st.found {
		return st, nil
	}
	exit, err := s.call(ctx, env, "status")
	if err != nil {
		return st, err
	}
	switch exit.Status {
	case 0:
		st.state = "running"
	case 1, 2, 32: // what says that it runs is there, but it does not
		st.state = "failed"
	case 3:
	case 8:
		st.state = "starting"
	default:
		return st, said("", fmt.Sprintf("cannot find out whether %s runs: its script ends with status %d", s.name, exit.Status), exit)
	}
	links, err := filepath.Glob("/etc/rc[2-5].d/S[0-9][0-9]" + s.name)
	st.enabled = len(links) > 0
	if s.openrc {
		st.enabled = len(s.levels()) > 0
	}
	return st, err
}

// levels are those of OpenRC's runlevels that come with the start of the machine and have the service.
func (s *scripts) levels() []string {
	var out []string
	for _, level := range []string{"sysinit", "boot", "default"} {
		if exists("/etc/runlevels/" + level + "/" + s.name) {
			out = append(out, level)
		}
	}
	return out
}

// call runs the script.
func (s *scripts) call(ctx context.Context, env *action.Env, step string) (process.Exit, error) {
	if s.openrc {
		return run(ctx, env, []string{"rc-service", "--", s.name, step})
	}
	return run(ctx, env, []string{scriptOf(s.name), step})
}

// do takes a step.
func (s *scripts) do(ctx context.Context, env *action.Env, step string, was status) error {
	if step == "start" && was.state == "failed" {
		step = "restart"
	}
	var all [][]string
	switch {
	case step != "enable" && step != "disable":
		exit, err := s.call(ctx, env, step)
		if err == nil && exit.Status != 0 {
			return said("", "cannot "+step+" "+s.name, exit)
		}
		if err != nil || step == "reload" || step == "stop" {
			return err
		}
		now, err := s.look(ctx, env)
		if err == nil && now.state != "running" {
			return said("", fmt.Sprintf("cannot %s %s: it was started, and is %s now", step, s.name, now.state), exit)
		}
		return err
	case s.openrc && step == "enable":
		all = [][]string{{"rc-update", "add", s.name, "default"}}
	case s.openrc:
		for _, level := range s.levels() {
			all = append(all, []string{"rc-update", "del", s.name, level})
		}
	case step == "enable": // the second one does nothing unless there are links, which the first one makes
		all = [][]string{{"update-rc.d", s.name, "defaults"}, {"update-rc.d", s.name, step}}
	default:
		all = [][]string{{"update-rc.d", s.name, step}}
	}
	for _, argv := range all {
		exit, err := run(ctx, env, argv)
		if err != nil {
			return err
		}
		if exit.Status != 0 {
			return said("", "cannot "+step+" "+s.name, exit)
		}
	}
	return nil
}

// run runs a program in the words of no language. An end by anything but its own exit is an error.
func run(ctx context.Context, env *action.Env, argv []string, environ ...string) (process.Exit, error) {
	environ = append(append(environ, env.Environ...), "LC_ALL=C")
	exit, err := env.Processes.Run(ctx, process.Command{Argv: argv, Dir: "/", Env: environ})
	switch {
	case err != nil:
		return exit, action.Problem("", "%v", err)
	case ctx.Err() != nil:
		return exit, context.Cause(ctx)
	case exit.Reason != process.ReasonExit:
		return exit, action.Problem("", "%s was ended by %s", argv[0], exit.Signal)
	}
	return exit, nil
}

// said is a failure in the words of the program that failed.
func said(hint, what string, exit process.Exit) *wire.Problem {
	printed := bytes.TrimSpace(append(exit.Stderr, exit.Stdout...))
	first, _, _ := bytes.Cut(printed, []byte("\n"))
	refused := func(words string) bool { return bytes.Contains(bytes.ToLower(printed), []byte(words)) }
	if disk.Me() != 0 && slices.ContainsFunc([]string{"access denied", "authentication", "permission denied", "not permitted", "superuser"}, refused) {
		hint = action.RunAsRoot()
	}
	p := action.Problem(hint, "%s: %s", what, first)
	p.Quote = wire.Quote(printed)
	return p
}
