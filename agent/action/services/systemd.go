package services

import (
	"context"
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"runner/agent/action"
	"runner/agent/disk"
	"runner/agent/process"
	"runner/agent/wire"
)

// systemd asks systemd about a unit: that of the machine, or that of the task's user.
type systemd struct {
	unit string
	user bool
}

// unitDirs are where systemd reads units of the machine from, the first one first.
func unitDirs() []string {
	return []string{"/etc/systemd/system/", "/run/systemd/system/", "/usr/local/lib/systemd/system/", "/usr/lib/systemd/system/", "/lib/systemd/system/"}
}

// places are where the unit's file can be, or its template's.
func (s *systemd) places() []string {
	names := []string{s.unit}
	if before, after, ok := strings.Cut(s.unit, "@"); ok {
		names = append(names, before+"@"+after[strings.LastIndexByte(after, '.'):])
	}
	var out []string
	for _, dir := range unitDirs() {
		if s.user {
			dir = strings.Replace(dir, "/system/", "/user/", 1)
		}
		for _, name := range names {
			out = append(out, dir+name)
		}
	}
	return out
}

// reachable tells whether the service manager of a user is there.
func (s *systemd) reachable(ctx context.Context, env *action.Env) error {
	there, err := s.there(ctx, env)
	if there || err != nil {
		return err
	}
	return action.Problem("It runs while the user is logged in, or always after loginctl enable-linger NAME.",
		"user %s has no service manager: there is no %s/systemd", env.View.UserName(disk.Me()), runtimeDir(env))
}

// starting is how long the service manager of a user may take to come up.
const starting = 10 * time.Second

// there tells whether the manager runs, and waits for one that starts: of a user who has just logged in, or who lingers.
func (s *systemd) there(ctx context.Context, env *action.Env) (bool, error) {
	if !s.user {
		return true, nil
	}
	const step = 50 * time.Millisecond
	dir, name := runtimeDir(env), env.View.UserName(disk.Me())
	for range starting / step {
		if exists(dir+"/systemd/private") || exists(dir+"/bus") {
			return true, nil
		}
		if !exists(dir+"/systemd") && !exists("/var/lib/systemd/linger/"+name) {
			return false, nil
		}
		select {
		case <-time.After(step):
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
	return false, action.Problem(fmt.Sprintf("See as root what systemctl status user@%d.service says.", disk.Me()),
		"the service manager of user %s does not listen in %s, after %v: it has not started, or failed", name, dir, starting)
}

// runtimeDir is where the service manager of the task's user listens.
func runtimeDir(env *action.Env) string {
	if dir := process.Variable(env.Environ, "XDG_RUNTIME_DIR", ""); dir != "" {
		return dir
	}
	return "/run/user/" + strconv.FormatUint(uint64(disk.Me()), 10)
}

// run runs systemctl, or another of systemd's programs that takes --user.
func (s *systemd) run(ctx context.Context, env *action.Env, argv ...string) (process.Exit, error) {
	if s.user {
		argv = append([]string{argv[0], "--user"}, argv[1:]...)
	}
	return run(ctx, env, argv, "XDG_RUNTIME_DIR="+runtimeDir(env), "SYSTEMD_PAGER=", "SYSTEMD_COLORS=0")
}

// look asks for all that is to be known in one call.
func (s *systemd) look(ctx context.Context, env *action.Env) (status, error) {
	exit, err := s.run(ctx, env, "systemctl", "show", "--property="+
		"Id,LoadState,LoadError,ActiveState,SubState,UnitFileState,NeedDaemonReload,CanReload,Type,RemainAfterExit", "--", s.unit)
	if err != nil {
		return status{}, err
	}
	if exit.Status != 0 {
		return status{}, said("", "cannot find out about "+s.unit, exit)
	}
	p := map[string]string{}
	for line := range strings.Lines(string(exit.Stdout)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		p[name] = value
	}
	st := status{
		name: p["Id"], found: p["LoadState"] != "not-found", masked: p["LoadState"] == "masked", state: stateOf(p["ActiveState"]),
		enabled: p["UnitFileState"] == "enabled", reloads: p["CanReload"] == "yes", stale: p["NeedDaemonReload"] == "yes",
		ends:   p["Type"] == "oneshot" && p["RemainAfterExit"] != "yes",
		simple: p["Type"] == "simple" || p["Type"] == "exec" || p["Type"] == "idle",
	}
	if !st.found {
		st.enabled = s.linked(env)
	}
	switch p["UnitFileState"] {
	case "static", "indirect", "transient":
		st.fixed = true
	case "generated": // mostly made of a script of System V, and enabled as that
		exit, err := s.run(ctx, env, "systemctl", "is-enabled", "--", s.unit)
		if err != nil {
			return status{}, err
		}
		st.enabled = exit.Status == 0
	}
	if p["LoadState"] == "bad-setting" || p["LoadState"] == "error" {
		_, st.broken, _ = strings.Cut(strings.TrimSuffix(p["LoadError"], `"`), `"`)
		if st.broken == "" {
			st.broken = "systemd says " + p["LoadState"]
		}
	}
	return st, nil
}

// linked tells whether something there starts the unit, whose own file is gone: systemd says nothing of that, but disable removes it.
func (s *systemd) linked(env *action.Env) bool {
	scope := map[bool]string{true: "user"}[s.user]
	dir := path.Dir(unitPath(s.unit, "", scope, process.Variable(env.Environ, "HOME", "")))
	entries, _ := os.ReadDir(dir) // of a directory that cannot be read, systemctl says it
	return slices.ContainsFunc(entries, func(e os.DirEntry) bool {
		if !strings.HasSuffix(e.Name(), ".wants") && !strings.HasSuffix(e.Name(), ".requires") {
			return false
		}
		_, err := os.Readlink(path.Join(dir, e.Name(), s.unit))
		return err == nil
	})
}

// stateOf is what people call it.
func stateOf(active string) string {
	switch active {
	case "active", "reloading", "refreshing":
		return "running"
	case "inactive":
		return "stopped"
	case "activating":
		return "starting"
	case "deactivating":
		return "stopping"
	}
	return active // failed, maintenance
}

// settling is how long a program may take to fail whose start says nothing.
const settling = 250 * time.Millisecond

// do takes a step. A service counts as started when it is seen to run.
func (s *systemd) do(ctx context.Context, env *action.Env, step string, was status) error {
	if was.stale || !was.found && step != "mask" {
		if err := s.reload(ctx, env); err != nil {
			return err
		}
	}
	exit, err := s.run(ctx, env, "systemctl", "--no-ask-password", step, "--", s.unit)
	if err != nil {
		return err
	}
	starts := step == "start" || step == "restart"
	what := "cannot " + step + " " + was.name
	if exit.Status != 0 {
		p := said("", what, exit)
		if starts || step == "reload" || step == "stop" {
			s.quote(ctx, env, p)
		}
		return p
	}
	if !starts {
		return nil
	}
	now, err := s.look(ctx, env)
	if err == nil && now.simple {
		select {
		case <-time.After(settling):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		now, err = s.look(ctx, env)
	}
	if err != nil || now.state == "running" || now.ends && now.state == "stopped" {
		return err
	}
	p := action.Problem("", "%s: it was started, and is %s now", what, map[bool]string{true: "not running", false: now.state}[now.state == "stopped" || now.state == "starting"])
	s.quote(ctx, env, p)
	return p
}

// reload has the manager read what describes its units.
func (s *systemd) reload(ctx context.Context, env *action.Env) error {
	exit, err := s.run(ctx, env, "systemctl", "--no-ask-password", "daemon-reload")
	if err == nil && exit.Status != 0 {
		hint := ""
		if s.user {
			hint = fmt.Sprintf("The service manager of the user does not answer: see as root what systemctl status user@%d.service says.", disk.Me())
		}
		return said(hint, "cannot have systemd read its units again", exit)
	}
	return err
}

// quote adds what the service has logged last, if anything is to be had.
func (s *systemd) quote(ctx context.Context, env *action.Env, p *wire.Problem) {
	_, _ = run(ctx, env, []string{"journalctl", "--sync"}) // what was printed a moment ago is not there yet
	exit, err := s.run(ctx, env, "journalctl", "--quiet", "--no-pager", "--output=cat", "--lines=20", map[bool]string{false: "--unit=", true: "--user-unit="}[s.user]+s.unit)
	if err == nil && exit.Status == 0 && len(exit.Stdout) > 0 {
		p.Quote = wire.Quote(exit.Stdout)
	}
}

func exists(at string) bool {
	_, err := os.Stat(at)
	return err == nil
}
