package system

import (
	"context"
	"strings"

	"runner/agent/action"
	"runner/agent/action/files"
	"runner/agent/disk"
	"runner/agent/view"
	"runner/agent/wire"
)

// Timezone is the action of that name.
type Timezone struct {
	Name string `cbor:"name"`

	before string // where /etc/localtime leads
}

// Paths of the time zone.
const (
	zones     = "/usr/share/zoneinfo/"
	localtime = "/etc/localtime"
	zoneName  = "/etc/timezone" // on Debian and those like it
)

// Parts are the link /etc/localtime, and the name in /etc/timezone where there is one.
func (z *Timezone) Parts(ctx context.Context, env *action.Env) (parts []action.Part, err error) {
	if err := z.exists(env); err != nil {
		return nil, err
	}
	if z.before, err = z.now(env); err != nil {
		return nil, err
	}
	if z.before != z.Name {
		if err := action.NeedsRoot("set the time zone"); err != nil {
			return nil, err
		}
		restore, err := files.Kept(ctx, env, localtime)
		if err != nil {
			return nil, action.Cannot("look at", localtime, err)
		}
		parts = append(parts, action.Part{Action: &files.Symlink{Path: localtime, Target: zones + z.Name, Over: true}, Undo: restore})
	}
	if _, there, err := env.View.Match(zoneName); there && err == nil {
		parts = append(parts, action.Part{Action: &files.File{Path: zoneName, Content: action.Data(z.Name + "\n")}})
	}
	return parts, nil
}

// Describe words the change as one of the zone.
func (z *Timezone) Describe(out *action.Outcome) {
	values := action.Texts("name", z.Name)
	if out.Values = values; out.Change.Verb != wire.VerbNone {
		out.Change.Verb, out.Before, out.After = wire.VerbUpdate, action.Texts("name", z.before), values
	}
}

// exists tells whether the zone is known here.
func (z *Timezone) exists(env *action.Env) error {
	p, err := env.View.Follow(zones + z.Name)
	if err == nil {
		defer p.Close()
	}
	if action.IsUnknown(err) || env.View.Disturbed() || err == nil && p.Entry != nil && p.Entry.Kind != disk.Directory {
		return nil
	}
	if !env.View.Directory(zones) {
		return action.Problem("Install the package tzdata with a task before this one.", "cannot set the time zone %s: there are no time zones in %s", z.Name, zones)
	}
	return action.Problem("Names are those of the files in "+zones+", such as Europe/Berlin.", "cannot set the time zone %s: there is no such zone here", z.Name)
}

// now is the zone that /etc/localtime leads to; "" where it is a copy of a zone, or not there.
func (z *Timezone) now(env *action.Env) (string, error) {
	p, err := env.View.Find(localtime)
	if err != nil {
		return "", action.Cannot("look at", localtime, err)
	}
	defer p.Close()
	if p.Entry == nil || p.Entry.Kind != disk.Link || p.Entry.Unknown&view.Target != 0 {
		return "", nil
	}
	_, name, _ := strings.Cut(p.Entry.Target, "/zoneinfo/")
	return name, nil
}
