package accounts

import (
	"context"
	"strings"

	"runner/agent/action"
	"runner/agent/action/diff"
	"runner/agent/action/files"
	"runner/agent/disk"
	"runner/agent/view"
	"runner/agent/wire"
)

// Cron is the action of that name.
type Cron struct {
	Name     string `cbor:"name"`
	Command  string `cbor:"command"`
	Minute   string `cbor:"minute"`
	Hour     string `cbor:"hour"`
	Day      string `cbor:"day"`
	Month    string `cbor:"month"`
	Weekday  string `cbor:"weekday"`
	Special  string `cbor:"special"`
	User     string `cbor:"user"`
	File     string `cbor:"file"`
	Disabled bool   `cbor:"disabled"`
	State    string `cbor:"state"`
}

// marker is the line before each entry that this action has made, up to the name.
const marker = "#runner: "

// Parts are the file of /etc/cron.d or the user's crontab.
func (c *Cron) Parts(_ context.Context, env *action.Env) ([]action.Action, error) {
	if c.File == "" {
		if c.User == "" {
			c.User = env.View.UserName(disk.Me())
		}
		return []action.Action{&crontab{Cron: c}}, nil
	}
	if c.User == "" {
		c.User = "root"
	}
	file := &files.Rewrite{Make: func(old []byte) ([]byte, error) {
		if text := c.edit(string(old)); text != "" {
			return []byte(text), nil
		}
		return nil, nil
	}}
	file.Path = "/etc/cron.d/" + c.File
	if c.State != "absent" {
		file.Access = action.Access{Mode: "0644", Owner: "0", Group: "0"} // cron reads no other
	}
	return []action.Action{file}, nil
}

// Describe gives the results.
func (c *Cron) Describe(out *action.Outcome) { out.Values = c.describe(c.State != "absent") }

func (c *Cron) describe(is bool) map[string]any {
	out := map[string]any{"name": c.Name, "user": c.User, "entry": nil}
	if is {
		out["entry"] = c.entry()
	}
	return out
}

// entry is the line that is wanted.
func (c *Cron) entry() string {
	var fields []string
	if c.Special != "" {
		fields = []string{"@" + c.Special}
	} else {
		for _, f := range []string{c.Minute, c.Hour, c.Day, c.Month, c.Weekday} {
			if f == "" {
				f = "*"
			}
			fields = append(fields, f)
		}
	}
	if c.File != "" {
		fields = append(fields, c.User)
	}
	line := strings.Join(append(fields, c.Command), " ")
	if c.Disabled {
		line = "#" + line
	}
	return line
}

// edit lays the entry over the text of a crontab; all other lines stay as they are.
func (c *Cron) edit(old string) string {
	out := []byte{}
	done, skip := c.State == "absent", false
	add := func() {
		if !done {
			out = append(out, marker+c.Name+"\n"+c.entry()+"\n"...)
		}
		done = true
	}
	for _, text := range strings.SplitAfter(old, "\n") {
		line := strings.TrimRight(text, "\r\n")
		mine := line == marker+c.Name
		if mine {
			add()
		} else if text != "" && (!skip || strings.HasPrefix(line, marker)) {
			out = append(append(out, line...), '\n')
		}
		skip = mine
	}
	add()
	return string(out)
}

// crontab is the crontab of a user.
type crontab struct {
	*Cron
	text string // what it is to be
}

// Look compares the entry with the line behind its marker.
func (c *crontab) Look(ctx context.Context, env *action.Env) (action.Outcome, error) {
	old, err := c.read(ctx, env)
	if err != nil {
		return action.Outcome{}, err
	}
	if c.text = c.edit(old); c.text == old {
		return action.None(nil), nil
	}
	env.View.PlanLine(view.Crontabs, c.User, []string{c.User, c.text})
	out := action.Change(wire.VerbCreate, nil, c.describe(true))
	if at := strings.Index("\n"+old, "\n"+marker+c.Name+"\n"); at >= 0 {
		out.Change.Verb, out.Before = wire.VerbUpdate, c.describe(false)
		entry := strings.SplitN(old[at:], "\n", 3)
		out.Before["entry"] = entry[1]
	}
	if c.State == "absent" {
		out.Change.Verb, out.After = wire.VerbRemove, nil
	}
	at := "crontab of " + c.User
	out.Change.Diff = diff.Unified(at, at, []byte(old), []byte(c.text), env.WholeDiff)
	return out, nil
}

// read returns the user's crontab, as it is planned or as crontab(1) prints it.
func (c *crontab) read(ctx context.Context, env *action.Env) (string, error) {
	if planned, ok := env.View.Planned(view.Crontabs, c.User); ok {
		return planned[1], nil
	}
	if _, err := env.View.Account(c.User); err != nil && !action.IsUnknown(err) {
		return "", action.Cannot("change the crontab of", c.User, err)
	}
	if _, err := view.Live().Account(c.User); err != nil {
		return "", nil //nolint:nilerr // an earlier task makes the user
	}
	if !env.HasTool("crontab") {
		return "", action.Problem("Install the package that has it (cron on Debian, cronie on others) with a task before this one.",
			"cannot change the crontab of %s: there is no program crontab", c.User)
	}
	exit, err := env.Tool(ctx, "read the crontab of "+c.User, "", c.argv("-l")...)
	said := string(exit.Stderr)
	if strings.Contains(said, "no crontab") || strings.Contains(said, "No such file") || // cron's words, and busybox's
		exit.Reason == "" && env.View.Disturbed() { // not started: it may be installed by then
		return "", nil
	}
	return string(exit.Stdout), err
}

// argv is the program with an argument; only root may name a user.
func (c *crontab) argv(do string) []string {
	if disk.Me() == 0 {
		return []string{"crontab", "-u", c.User, do}
	}
	return []string{"crontab", do}
}

// Act gives the new text to crontab(1).
func (c *crontab) Act(ctx context.Context, env *action.Env, found action.Outcome) (action.Outcome, error) {
	do := "-"
	if c.text == "" {
		do = "-r"
	}
	_, err := env.Tool(ctx, "write the crontab of "+c.User, c.text, c.argv(do)...)
	return found, err
}
