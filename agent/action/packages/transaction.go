package packages

import (
	"context"
	"strings"
	"time"

	"runner/agent/action"
	"runner/agent/disk"
)

// Act lets the manager do it, all in one transaction. What is fetched for it is fetched before, so that the part that must
// not be cut is short.
func (p *Package) Act(ctx context.Context, env *action.Env, _ action.Outcome) (out action.Outcome, err error) {
	var unfetched error
	if p.State != "absent" && p.due() != "" {
		if unfetched, err = p.m.update(ctx, env); err != nil {
			return out, err
		}
	}
	steps, err := p.steps(ctx, env)
	switch {
	case err != nil && own(err) && unfetched != nil:
		return out, unfetched
	case err != nil:
		return out, err
	}
	if len(steps) == 0 {
		return action.None(p.values(nil)), nil
	}
	if p.State != "absent" && !p.m.fetch.nothing() {
		if exit, err := run(ctx, env, p.argv(p.m.fetch), false); err != nil {
			return out, err
		} else if !p.m.ended(exit) && line(said(exit), interrupted) == "" {
			return out, p.refused(ctx, env, exit)
		}
	}
	if err := p.transact(ctx, env); err != nil {
		return out, err
	}
	if env.Touched != nil {
		touched(env, "/var", "/usr", "/etc")
	}
	todo := p.todo
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	if err := p.look(ctx, env); err != nil { // also where the task was cancelled meanwhile: what it has done is done
		return out, err
	}
	for _, w := range p.todo {
		if p.State == "absent" || p.State != "latest" && w.have != "" {
			p.todo = todo
			return out, action.Problem("Something else needs it so, or changes it at the same time.",
				"cannot %s: %s ended well, but %s is as before: %s", p.verb(), p.m.program, w.name, w.have)
		}
	}
	out = outcome(steps)
	out.Values = p.values(nil)
	return out, nil
}

// touched tells which file systems were written to.
func touched(env *action.Env, dirs ...string) {
	for _, dir := range dirs {
		if place, err := env.View.Follow(dir); err == nil {
			if place.Entry != nil && place.Entry.Kind == disk.Directory {
				env.Touched(dir, place.Entry.ID.Device)
			}
			place.Close()
		}
	}
}

// interrupted is what apt says where dpkg was ended in the middle.
const interrupted = "dpkg was interrupted"

// transact is the part that must not be cut.
func (p *Package) transact(ctx context.Context, env *action.Env) error {
	exit, err := run(ctx, env, p.argv(p.m.act), true)
	if err == nil && line(said(exit), interrupted) != "" {
		repair := []string{"dpkg", "--force-confdef", "--force-confold", "--configure", "-a"}
		if exit, err = run(ctx, env, repair, true); err == nil && exit.Status == 0 {
			exit, err = run(ctx, env, p.argv(p.m.act), true)
		}
	}
	switch {
	case err != nil:
		return err
	case !p.m.ended(exit):
		return failure(p.verb(), p.m.program, exit)
	}
	return nil
}

// update refreshes the index, and notes when: managers do not do that where there is nothing new. apt is content, too, when
// it has not reached all there is; then unfetched says so, and an older index may do.
func (m *manager) update(ctx context.Context, env *action.Env) (unfetched, err error) {
	exit, err := run(ctx, env, strings.Fields(m.refresh), false)
	if err != nil {
		return nil, err
	}
	if !m.ended(exit) || line(said(exit), notAll) != "" {
		err = failure("refresh the index of packages", m.program, exit)
	}
	if err == nil {
		m.stamp(time.Now())
	}
	if m.ended(exit) {
		return err, nil
	}
	return nil, err
}

// notAll is what apt says of what it has not reached.
const notAll = "Failed to fetch"
