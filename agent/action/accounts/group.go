package accounts

import (
	"context"
	"slices"

	"runner/agent/action"
	"runner/agent/view"
	"runner/agent/wire"
)

// Group is the action group.
type Group struct {
	account
	GID    *float64 `cbor:"gid"`
	System bool     `cbor:"system"`
}

// Look compares the line of the group in /etc/group with what is wanted.
func (g *Group) Look(_ context.Context, env *action.Env) (action.Outcome, error) {
	g.kind = "group"
	err := g.look(env)
	return g.out, err
}

func (g *Group) look(env *action.Env) error {
	if g.unnamed(env) {
		return nil
	}
	all, err := env.View.Lines(view.Groups)
	if err != nil {
		return action.Cannot("read", view.Groups, err)
	}
	old := find(all, nameField, g.Name)
	will := slices.Clone(old)
	gid := number(g.GID)
	switch {
	case g.absent():
		if err := g.removable(env, old); err != nil {
			return err
		}
		g.run("groupdel")
		will = nil
	case old == nil:
		g.run("groupadd")
		will = []string{g.Name, "x", gid, ""}
		if g.System {
			g.run("-r")
		}
	default:
		g.run("groupmod")
	}
	if gid != "" && (old == nil || old[idField] != gid) {
		g.run("-g", gid)
		will[idField] = gid
	}
	if err := g.taken(all, gid); err != nil {
		return err
	}
	g.plan(env, view.Groups, old, will)
	if old != nil && will != nil && old[idField] != will[idField] {
		if err := g.planUsers(env, old[idField], gid); err != nil {
			return err
		}
		g.out.After["files"] = "those of the group keep the number " + old[idField]
	}
	return g.possible(env)
}

// planUsers tells the view that users whose primary group it is keep it: groupmod(8) changes their lines, too.
func (g *Group) planUsers(env *action.Env, was, gid string) error {
	users, err := env.View.Lines(view.Passwd)
	if err != nil {
		return action.Cannot("read", view.Passwd, err)
	}
	for _, l := range users {
		if len(l) > gidField && l[gidField] == was {
			l = slices.Clone(l)
			l[gidField] = gid
			env.View.PlanLine(view.Passwd, l[nameField], l)
		}
	}
	return nil
}

// removable tells whether no user has the group as its primary one.
func (g *Group) removable(env *action.Env, old []string) error {
	if old == nil || env.View.Disturbed() {
		return nil
	}
	users, err := env.View.Lines(view.Passwd)
	if err != nil {
		return action.Cannot("read", view.Passwd, err)
	}
	if user := find(users, gidField, old[idField]); user != nil && old[idField] != "" {
		return g.cannot("Remove the user, or give it another group, with a task before this one.", "it is the primary group of the user "+user[nameField])
	}
	return nil
}

// plan puts a change of an account's line together, and tells the view.
func (a *account) plan(env *action.Env, file string, old, will []string) {
	verb := wire.VerbUpdate
	switch {
	case slices.Equal(old, will) && a.hash == "" && a.home == "" && (old == nil || len(a.argv) <= 1):
		a.argv, verb = nil, wire.VerbNone
	case old == nil:
		verb = wire.VerbCreate
	case will == nil:
		verb = wire.VerbRemove
	}
	a.out = action.Change(verb, nil, nil)
	if will != nil && a.kind == "user" && will[gidField] == "" || will != nil && a.kind == "group" && will[idField] == "" {
		a.out.Change.Unknown = []string{"gid"}
	}
	if will != nil && a.kind == "user" && will[idField] == "" {
		a.out.Change.Unknown = append(a.out.Change.Unknown, "uid")
	}
	if a.out.Change.Unknown != nil {
		a.out.Change.Why = "the target chooses the number"
	} else {
		a.out.Values = describe(a.kind, a.Name, will, true)
	}
	if verb == wire.VerbNone {
		return
	}
	env.View.PlanLine(file, a.Name, will)
	if old != nil {
		a.out.Before = describe(a.kind, a.Name, old, false)
	}
	if will != nil {
		a.out.After = describe(a.kind, a.Name, will, false)
	}
}
