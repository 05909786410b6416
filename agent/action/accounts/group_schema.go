package accounts

import (
	"errors"

	"runner/agent/action/given"
	"runner/agent/schema"
)

// GroupSchema describes Group.
func GroupSchema() schema.Block {
	return schema.Block{
		Name: "group",
		Doc: "Makes sure that a group is there, or that it is gone. It is looked up in /etc/group, and changed with `groupadd`, `groupmod` and `groupdel`, which the target has to have " +
			"(the account programs of busybox alone will not do). Later tasks of the plan know it. Who is in a group is said with the [user](#user).",
		Arguments: []schema.Attribute{
			{Name: "name", Type: schema.String, Required: true, Doc: "Its name."},
			{Name: "gid", Type: schema.Number, Doc: "Its number. Unless set, a new group gets a free one and an old one keeps its own. Files of the old number stay as they are."},
			{Name: "system", Type: schema.Bool, Doc: "A new group gets a number from those of the system. It says nothing about a group that is there."},
			{Name: "state", Type: schema.String, OneOf: []string{"present", "absent"}, Doc: "`present` (unless set), or `absent`. The primary group of a user is not removed."},
		},
		Results: []schema.Attribute{
			{Name: "name", Type: schema.String, Doc: "The name as given."},
			{Name: "gid", Type: schema.Number, Doc: "Its number; null when absent."},
		},
		Environ: &schema.Reach{Quote: true},
		Example: `task "group" "editors" {
  run_as = "root"
  name   = "editors"
}

task "group" "backup" {
  run_as = "root"
  name   = "backups"
  gid    = 7100
  system = true
}

task "group" "old" {
  run_as = "root"
  name   = "interns"
  state  = "absent"
}`,
		Uncut: true,
		Check: func(m map[string]any) error {
			g := given.Args(m)
			err := errors.Join(accountName(g, "name", "group"), g.State(), id(g, "gid"))
			if g.Removes() {
				err = errors.Join(err, g.Absent("gid", "system"))
			}
			return err
		},
	}
}

// accountName checks the name of an account as shadow's tools take it, which is what systems agree on and a little more.
func accountName(g given.Args, argument, kind string) error {
	name, known := g.Text(argument)
	if !known {
		return nil
	}
	const longest = 32
	good := name != "" && len(name) <= longest
	digits := true
	for i, r := range name {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r == '_', i > 0 && (r == '-' || r == '.'), i > 0 && i == len(name)-1 && r == '$':
			digits = false
		case r >= '0' && r <= '9':
		default:
			good = false
		}
	}
	if !good || digits {
		return given.Wrong(argument, "%s must be the name of a %s: up to %d letters, digits, and - . _ behind the first one.", argument, kind, longest)
	}
	return nil
}

// id checks the number of an account.
func id(g given.Args, argument string) error {
	const most = 1<<32 - 2 // the last one means "leave it"
	n, known := g[argument].(float64)
	if known && (n < 0 || n > most || n != float64(uint64(n))) {
		return given.Wrong(argument, "%s must be a whole number from 0 to %d.", argument, uint64(most))
	}
	return nil
}
