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
func (c *Cron) Parts(ctx context.Context, env *action.Env) ([]action.Part, error) {
	if c.File == "" {
		if c.User == "" {
			c.User = env.View.UserName(disk.Me())
		}
		return c.crontab(ctx, env)
	}
	if c.User == "" {
		c.User = "root"
	}
	if c.State != "absent" {
		if err := c.known(env); err != nil {
			return nil, err
		}
	}
	file := files.Edited("/etc/cron.d/"+c.File, files.Edit{Create: true, Change: func(old []byte) ([]byte, error) {
		out := c.edit(string(old))
		if len(out) == 0 {
			out = nil
		}
		return out, nil
	}})
	if c.State != "absent" {
		file.Access = action.Access{Mode: "0644", Owner: "0", Group: "0"} // cron reads no other
	}
	return []action.Part{{Action: file}}, nil
}

// Describe gives the results.
func (c *Cron) Describe(out *action.Outcome) {
	values := c.describe(c.entry())
	if c.State == "absent" {
		values["entry"] = nil
	}
	out.Values = values
}

func (c *Cron) describe(entry string) map[string]any {
	return action.Texts("name", c.Name, "user", c.User, "entry", entry)
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
func (c *Cron) edit(old string) []byte {
	out := []byte{}
	done, skip := c.State == "absent", false
	add := func() {
		if !done {
			out = append(out, marker+c.Name+"\n"+c.entry()+"\n"...)
		}
		done = true
	}
	for _, text := range strings.SplitAfter(old, "\n") {
		line := strings.TrimSuffix(text, "\n")
		mine := strings.TrimRight(line, "\r") == marker+c.Name
		if mine {
			add()
		} else if text != "" && (!skip || strings.HasPrefix(line, marker)) {
			out = append(append(out, line...), '\n')
		}
		skip = mine
	}
	add()
	return out
}

// crontab gives the user's crontab with the entry to crontab(1), unless it is as it should be.
func (c *Cron) crontab(ctx context.Context, env *action.Env) ([]action.Part, error) {
	old, err := c.read(ctx, env)
	text := string(c.edit(old))
	if err != nil || text == old {
		return nil, err
	}
	env.View.PlanLine(view.Crontabs, c.User, []string{c.User, text})
	p := action.Part{Found: action.Change(wire.VerbCreate, nil, c.describe(c.entry()))}
	if _, rest, there := strings.Cut("\n"+old, "\n"+marker+c.Name+"\n"); there {
		entry, _, _ := strings.Cut(rest, "\n")
		p.Found.Change.Verb, p.Found.Before = wire.VerbUpdate, c.describe(entry)
	}
	if c.State == "absent" {
		p.Found.Change.Verb, p.Found.After = wire.VerbRemove, nil
	}
	at, do := "crontab of "+c.User, "-"
	p.Found.Change.Diff = diff.Unified(at, at, []byte(old), []byte(text), env.WholeDiff)
	if text == "" {
		do = "-r"
	}
	p.Do = func(ctx context.Context, env *action.Env) error {
		_, err := env.Tool(ctx, "write the "+at, text, c.argv(do)...)
		return err
	}
	return []action.Part{p}, nil
}

// known tells whether the user is there, or will be.
func (c *Cron) known(env *action.Env) error {
	if _, err := env.View.Account(c.User); err != nil && !action.IsUnknown(err) {
		return noUser(err, "change the cron jobs of "+c.User)
	}
	return nil
}

// noUser says that something cannot be done, mostly because there is no such user.
func noUser(err error, purpose string) error {
	return action.Problem("Make the user with a task before this one.", "cannot %s: %v", purpose, err)
}

// read returns the user's crontab, as it is planned or as crontab(1) prints it.
func (c *Cron) read(ctx context.Context, env *action.Env) (string, error) {
	if planned, ok := env.View.Planned(view.Crontabs, c.User); ok {
		return planned[1], nil
	}
	if err := c.known(env); err != nil {
		return "", err
	}
	if disk.Me() != 0 && c.User != env.View.UserName(disk.Me()) {
		return "", action.Problem(action.RunAsRoot(), "cannot change the crontab of %s: only root may change that of another user", c.User)
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
func (c *Cron) argv(do string) []string {
	if disk.Me() == 0 {
		return []string{"crontab", "-u", c.User, do}
	}
	return []string{"crontab", do}
}
