// Package services holds the actions about what runs in the background: service has a service run or not, now and from the
// next start of the machine on, and unit is the file that describes one to systemd. What is there to ask is found on the
// target: systemd, OpenRC, or the scripts of System V. Its neighbour is agent/action/files, which writes unit files.
package services

import (
	"context"
	"path"
	"slices"
	"strings"

	"runner/agent/action"
	"runner/agent/disk"
	"runner/agent/process"
	"runner/agent/wire"
)

// Service is the action of that name.
type Service struct {
	Name    string `cbor:"name"`
	State   string `cbor:"state"`
	Enabled *bool  `cbor:"enabled"`
	Masked  *bool  `cbor:"masked"`
	Scope   string `cbor:"scope"`

	// What Look found, for Act.
	manager manager
	was     status
	steps   []string
}

// manager is what starts and stops services on a target.
type manager interface {
	// look finds out how the service is.
	look(ctx context.Context, env *action.Env) (status, error)
	// places are where what describes the service can be.
	places() []string
	// do takes a step: start, stop, restart, reload, enable, disable, mask or unmask.
	do(ctx context.Context, env *action.Env, step string, was status) error
}

// status is how a service is.
type status struct {
	name    string // as the manager calls it
	found   bool
	broken  string // why its description cannot be used, or ""
	state   string // running, stopped, failed, starting or stopping
	enabled bool   // also of what is not found: something that is to start it is left
	masked  bool
	fixed   bool // it cannot be enabled by itself
	reloads bool
	ends    bool // it does not go on running after its start
	simple  bool // that it has been started does not say that it runs
	stale   bool // its description has changed since it was read
}

// The states that are steps: they are taken whatever is there.
const (
	restarted = "restarted"
	reloaded  = "reloaded"
)

// Look compares how the service is with how it should be.
func (s *Service) Look(ctx context.Context, env *action.Env) (action.Outcome, error) {
	if env.IsUnknown("name") || env.IsUnknown("scope") {
		return action.Change(wire.VerbUpdate, nil, s.wanted(status{name: s.Name}), env.Unknown...), nil
	}
	var err error
	if s.manager, err = find(ctx, env, s.Name, s.Scope); err == nil {
		s.was, err = s.manager.look(ctx, env)
	}
	if err != nil {
		if env.View.Disturbed() { // what brings it may have run by then
			return s.doubtful(), nil
		}
		return action.Outcome{}, err
	}
	will, err := s.plan()
	if err == nil && len(s.steps) > 0 && s.runs() {
		err = s.usable(env)
	}
	if err == nil && slices.Contains(s.steps, "mask") {
		err = s.maskable(env)
	}
	switch {
	case err != nil && env.View.Disturbed():
		return s.doubtful(), nil
	case err != nil:
		return action.Outcome{}, err
	case len(s.steps) == 0 && len(env.Unknown) == 0:
		return action.None(s.was.values()), nil
	case !s.was.found && env.View.Disturbed():
		return s.doubtful(), nil
	}
	before, after := map[string]any(nil), s.wanted(will)
	if s.was.found || s.was.enabled {
		before = s.was.describe()
		for name, value := range will.describe() { // of what nobody asks for only what changes is shown
			if _, is := after[name]; !is && value == before[name] {
				delete(before, name)
			} else if !is {
				after[name] = value
			}
		}
	}
	verb := wire.VerbUpdate
	if s.State == restarted || s.State == reloaded && s.was.state == "running" {
		verb = wire.VerbRun
	}
	out := action.Change(verb, before, after, env.Unknown...)
	out.Change.Why = s.doubt()
	if len(env.Unknown) == 0 && s.was.found && (!s.was.ends || !s.runs()) {
		out.Values = will.values()
	}
	return out, nil
}

// doubtful is the outcome where an earlier task may bring the service, and leave it as nobody knows.
func (s *Service) doubtful() action.Outcome {
	return action.Change(wire.VerbUpdate, nil, s.wanted(status{name: s.Name}), "action")
}

// plan finds the steps that lead to what is wanted, and how the service will be then.
func (s *Service) plan() (will status, err error) {
	was := s.was
	will, s.steps = was, nil
	if s.Masked != nil && !*s.Masked && was.masked {
		s.steps, will.masked = append(s.steps, "unmask"), false
	}
	if s.Enabled != nil && (*s.Enabled != was.enabled || *s.Enabled && !was.found) {
		step := "disable"
		if *s.Enabled {
			step = "enable"
		}
		if was.fixed {
			return will, action.Problem("What starts it is another unit, such as its socket or its timer: enable that one. Or add an [Install] section to it.",
				"cannot enable %s: it has no [Install] section that says what for", was.name)
		}
		s.steps, will.enabled = append(s.steps, step), *s.Enabled
	}
	running := was.state == "running"
	if will.masked && (s.State == restarted || s.State == reloaded || s.State == "running" && !running || s.Enabled != nil && *s.Enabled) {
		return will, action.Problem("Set masked = false.", "cannot run or enable %s: it is masked", was.name)
	}
	switch {
	case s.State == "running" && !running, s.State == reloaded && !running:
		s.steps, will.state = append(s.steps, "start"), "running"
	case s.State == reloaded && !was.reloads:
		return will, action.Problem("Restart it instead: state = \"restarted\".", "cannot reload %s: it cannot read its configuration anew while it runs", was.name)
	case s.State == reloaded:
		s.steps = append(s.steps, "reload")
	case s.State == restarted:
		s.steps, will.state = append(s.steps, "restart"), "running"
	case s.State == "stopped" && was.state != "stopped" && was.state != "failed":
		s.steps, will.state = append(s.steps, "stop"), "stopped"
	}
	if s.Masked != nil && *s.Masked && !was.masked {
		s.steps, will.masked, will.enabled = append(s.steps, "mask"), true, false
	}
	return will, nil
}

// runs tells whether the task wants the service to do something, now or later.
func (s *Service) runs() bool {
	return s.State != "" && s.State != "stopped" || s.Enabled != nil && *s.Enabled
}

// usable tells whether there is something to run.
func (s *Service) usable(env *action.Env) error {
	if s.was.found && s.was.broken == "" {
		return nil
	}
	for _, at := range s.manager.places() {
		p, err := env.View.Find(at)
		if action.IsUnknown(err) {
			return nil
		}
		if err != nil {
			continue
		}
		there, planned := p.Entry != nil, p.Entry != nil && (p.Entry.New || p.Entry.Content != nil)
		p.Close()
		if planned || there && !s.was.found {
			return nil // an earlier task writes it, or it has not been read yet
		}
	}
	if s.was.broken != "" {
		return action.Problem("Correct the unit's file; systemd-analyze verify says more.", "cannot use %s: %s", s.was.name, s.was.broken)
	}
	return action.Problem("Look at its name, or install what brings it with a task before this one.", "there is no service %s", s.was.name)
}

// doubt says why a step may be refused: to others than root by systemd, which asks polkit if that is there, or by the script. In
// apply they say so themselves.
func (s *Service) doubt() string {
	if disk.Me() == 0 || s.Scope == "user" || len(s.steps) == 0 {
		return ""
	}
	if _, ok := s.manager.(*systemd); ok {
		return "systemd may refuse this to a user who is not root"
	}
	return "the service's script may refuse this to a user who is not root"
}

// maskable tells whether there is room for a mask: a link at the place where a unit's file would come first.
func (s *Service) maskable(env *action.Env) error {
	manager, ok := s.manager.(*systemd)
	if !ok {
		return action.Problem("Disable it: enabled = false.", "cannot mask %s: only systemd masks services", s.was.name)
	}
	at := unitPath(manager.unit, "", s.Scope, process.Variable(env.Environ, "HOME", ""))
	p, err := env.View.Find(at)
	if err != nil {
		return nil
	}
	defer p.Close()
	if p.Entry != nil {
		return action.Problem("Remove that file, by task \"unit\" with state = \"absent\", or disable the service: enabled = false.", "cannot mask %s: its file %s is where the mask would be", s.was.name, at)
	}
	return nil
}

// wanted is what is shown of what will be.
func (s *Service) wanted(will status) map[string]any {
	out := map[string]any{"name": will.name}
	if s.State != "" {
		out["state"] = s.State
	}
	if s.Enabled != nil {
		out["enabled"] = *s.Enabled
	}
	if s.Masked != nil {
		out["masked"] = *s.Masked
	}
	return out
}

// describe is what is shown of what is there.
func (s status) describe() map[string]any {
	return map[string]any{"name": s.name, "state": s.state, "enabled": s.enabled, "masked": s.masked}
}

// values are the results of the task.
func (s status) values() map[string]any { return s.describe() }

// Act takes the steps, and looks what has become of the service.
func (s *Service) Act(ctx context.Context, env *action.Env, found action.Outcome) (action.Outcome, error) {
	for i := 0; i < len(s.steps); i++ {
		step := s.steps[i]
		if err := s.manager.do(ctx, env, step, s.was); err != nil {
			return action.Outcome{}, err
		}
		s.was.stale, s.was.found = false, true // what a step needs is read again by the first one
		if step != "unmask" {
			continue
		}
		// What the mask has hidden is there to be seen now.
		var err error
		if s.was, err = s.manager.look(ctx, env); err != nil {
			return action.Outcome{}, err
		}
		if _, err = s.plan(); err == nil && s.runs() {
			err = s.usable(env)
		}
		if err != nil {
			return action.Outcome{}, err
		}
		i = -1
	}
	now, err := s.manager.look(ctx, env)
	if err != nil {
		return action.Outcome{}, err
	}
	found.Values = now.values()
	return found, nil
}

// find finds what there is to ask about a service.
func find(ctx context.Context, env *action.Env, name, scope string) (manager, error) {
	switch {
	case exists("/run/systemd/system"):
		s := &systemd{unit: unitName(name), user: scope == "user"}
		return s, s.reachable(ctx, env)
	case scope == "user":
		return nil, action.Problem("Units of users need systemd.", "cannot find the service manager of a user: systemd does not run here")
	case exists("/run/openrc"):
		return &scripts{name: name, openrc: true}, nil
	case exists(scriptOf(name)):
		return &scripts{name: name}, nil
	}
	return nil, action.Problem("A container runs its own program: start or restart that container instead. Or give the program to the machine around it.",
		"there is no service manager here that knows %s: neither systemd nor OpenRC runs, and there is no script %s", name, scriptOf(name))
}

func scriptOf(name string) string { return path.Join("/etc/init.d", name) }

// kinds are the endings of the names of units.
const kinds = ".service .socket .timer .path .mount .automount .swap .target .slice .scope .device "

// unitName is the whole name of a unit: a service's can leave out its ending.
func unitName(name string) string {
	if at := strings.LastIndexByte(name, '.'); at >= 0 && strings.Contains(kinds, name[at:]+" ") {
		return name
	}
	return name + ".service"
}
