// Package accounts has the actions that are about who may do what on a target: users, groups, the keys that let users in,
// and what runs for them at its time. Accounts are read from the files of /etc and changed by the target's own tools, so
// that these files have one kind of writer. Its neighbours are package action, whose contract it keeps, package files,
// which writes whole files for it, and package view, which knows the accounts that earlier tasks plan.
package accounts

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"runner/agent/action"
	"runner/agent/view"
	"runner/agent/wire"
)

// Fields of the lines of /etc/passwd, /etc/group and /etc/shadow.
const (
	nameField    = 0
	hashField    = 1 // shadow
	idField      = 2 // passwd, group
	gidField     = 3 // passwd
	membersField = 3 // group
	commentField = 4
	homeField    = 5
	shellField   = 6
	expiresField = 7 // shadow
)

// account is what users and groups have in common.
type account struct {
	Name  string `cbor:"name"`
	State string `cbor:"state"`

	kind string // "user" or "group"
	// What Look found, for Act.
	out  action.Outcome
	argv []string // the program that makes the change, without the name at its end; nil: none
	hash string   // what is to be in /etc/shadow then; "": what is there
	home string   // the directory that is to be made; "": none
}

func (a *account) absent() bool { return a.State == "absent" }

// run adds to the program's arguments.
func (a *account) run(argv ...string) { a.argv = append(a.argv, argv...) }

// cannot is the error of a task that cannot be done.
func (a *account) cannot(hint, why string) error {
	verb := "make"
	if a.absent() {
		verb = "remove"
	}
	return action.Problem(hint, "cannot %s the %s %s: %s", verb, a.kind, a.Name, why)
}

// unnamed tells whether it is not known yet which account is meant, or whether it is to be there. Anything may be then.
func (a *account) unnamed(env *action.Env) bool {
	if !env.IsUnknown("name") && !env.IsUnknown("state") {
		return false
	}
	env.View.Disturb()
	a.out = action.Change(wire.VerbUpdate, nil, map[string]any{}, env.Unknown...)
	return true
}

// taken tells whether a number is to become that of this account and is another's.
func (a *account) taken(all [][]string, id string) error {
	mine, other := find(all, nameField, a.Name), find(all, idField, id)
	if id != "" && other != nil && other[nameField] != a.Name && (mine == nil || mine[idField] != id) {
		return a.cannot("Choose another number, or leave it out.", "the number "+id+" is that of the "+a.kind+" "+other[nameField])
	}
	return nil
}

// possible finds out whether this user may run what makes the change, and whether it is there. It adds what is not known of
// the arguments.
func (a *account) possible(env *action.Env) error {
	if verb := &a.out.Change.Verb; len(env.Unknown) > 0 && *verb != wire.VerbRemove {
		if *verb == wire.VerbNone {
			*verb = wire.VerbUpdate
		}
		a.out.Change.Unknown, a.out.Values = append(a.out.Change.Unknown, env.Unknown...), nil
	}
	if a.argv != nil || a.hash != "" || a.home != "" {
		if err := action.NeedsRoot("change the " + a.kind + " " + a.Name); err != nil {
			return err
		}
		if err := writable(env); err != nil {
			return err
		}
	}
	tools := []string(nil)
	if a.argv != nil {
		tools = a.argv[:1]
	}
	if a.hash != "" {
		tools = []string{"chpasswd", strings.Join(tools, "")}
	}
	for _, tool := range tools {
		switch {
		case tool == "" || env.View.Disturbed():
		case !env.HasTool(tool):
			return a.cannot("Install the package that has it, with a task before this one: passwd on Debian, shadow-utils on Fedora, shadow on Alpine and others. "+
				"The account programs of busybox alone will not do.", "there is no program "+tool)
		}
	}
	return nil
}

// writable tells whether there can be other accounts.
func writable(env *action.Env) error {
	p, err := env.View.Follow(view.Passwd)
	if err != nil {
		return nil // the tools say it better
	}
	defer p.Close()
	if err := action.Writable(p); err != nil && !env.View.Disturbed() {
		return action.Cannot("write", p.Path, err)
	}
	return nil
}

// Act runs the tools that change the account; what is to be in /etc/shadow comes to chpasswd(8) by its input.
func (a *account) Act(ctx context.Context, env *action.Env, found action.Outcome) (action.Outcome, error) {
	if err := a.make(ctx, env); err != nil {
		if a.kind == "user" && found.Change.Verb == wire.VerbCreate {
			a.unmake(context.WithoutCancel(ctx), env)
		}
		return found, err
	}
	file := view.Groups
	if a.kind == "user" {
		file = view.Passwd
	}
	all, err := env.View.Lines(file)
	found.Values = describe(a.kind, a.Name, find(all, nameField, a.Name), true)
	return found, err
}

func (a *account) make(ctx context.Context, env *action.Env) (err error) {
	if a.argv != nil {
		err = a.change(ctx, env, "", append(a.argv, a.Name)...)
	}
	if err == nil && a.hash != "" {
		err = a.change(ctx, env, a.Name+":"+a.hash+"\n", "chpasswd", "-e")
	}
	return err
}

// unmake takes back a new user whose home directory or password could not be made. What went wrong before is reported.
func (a *account) unmake(ctx context.Context, env *action.Env) {
	if all, err := env.View.Lines(view.Passwd); err != nil || find(all, nameField, a.Name) == nil {
		return
	}
	_, err := env.UncutTool(ctx, "", "", "userdel", a.Name)
	if err != nil || a.home == "" {
		return
	}
	if p, err := env.View.Find(a.home); err == nil {
		if p.Entry != nil {
			_ = p.Dir.RemoveAll(ctx, p.Name)
		}
		p.Close()
	}
}

// change runs one of the tools.
func (a *account) change(ctx context.Context, env *action.Env, stdin string, argv ...string) error {
	_, err := env.UncutTool(ctx, "change the "+a.kind+" "+a.Name, stdin, argv...)
	if problem, ok := errors.AsType[*wire.Problem](err); ok && strings.Contains(problem.Quote, "cannot lock") {
		problem.Hint = "Something else changes accounts: run again when that has ended. Or /etc has no room for the lock."
	}
	return err
}

// describe gives the attributes of an account by its line, as results or for people; nil: there is none.
func describe(kind, name string, line []string, results bool) map[string]any {
	out := map[string]any{"name": name}
	names := [...]string{idField: "uid", gidField: "gid", homeField: "home", shellField: "shell", commentField: "comment"}
	for field, as := range names {
		switch {
		case kind == "group" && field == idField:
			as = "gid"
		case as == "" || kind == "group" || as == "comment" && results:
			continue
		}
		if line == nil {
			out[as] = nil
		} else if id, err := strconv.ParseUint(line[field], 10, 32); field > gidField {
			out[as] = line[field]
		} else if err == nil {
			out[as] = id
		}
	}
	return out
}

// find returns the first line whose field has a value, or nil.
func find(lines [][]string, field int, value string) []string {
	for _, l := range lines {
		if len(l) > field && l[field] == value {
			return l
		}
	}
	return nil
}

// number writes an id; "" where none is given.
func number(id *float64) string {
	if id == nil {
		return ""
	}
	return strconv.FormatUint(uint64(*id), 10)
}
