package accounts

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"runner/agent/action/given"
	"runner/agent/schema"
)

// CronSchema describes Cron.
func CronSchema() schema.Block {
	return schema.Block{
		Name: "cron",
		Doc: "Makes sure that a command is run at its times, or not any more: an entry in the crontab of a user, read and written with `crontab`, or in a file of /etc/cron.d. The entry is known by the line before it, `" +
			marker + "NAME`, which this action writes; one that somebody else has made is left alone, as everything else in the crontab. What `crontab` refuses is an error, and the old crontab stays.",
		Arguments: []schema.Attribute{
			{Name: "name", Type: schema.String, Required: true, Doc: "What the entry is known by, within its crontab or file."},
			{Name: "command", Type: schema.String, Reach: &schema.Reach{Change: []string{"entry", "sha256", "size"}, Results: []string{"entry"}, Diff: true, Quote: true}, Doc: "What `/bin/sh` is given; a `%` is a line break unless a `\\` is before it. Required unless state is absent."},
			{Name: "minute", Type: schema.String, Doc: "When, as crontab(5) says: `*` unless set, which is each minute."},
			{Name: "hour", Type: schema.String, Doc: "Likewise."},
			{Name: "day", Type: schema.String, Doc: "Likewise, of the month."},
			{Name: "month", Type: schema.String, Doc: "Likewise; names such as `jan` are known."},
			{Name: "weekday", Type: schema.String, Doc: "Likewise, from 0 for Sunday to 6; names such as `mon` are known."},
			{Name: "special", Type: schema.String, OneOf: specials(), Doc: "In place of those five: once a `year`, and so on, or at each start of the system. Cron of busybox does not know it."},
			{Name: "user", Type: schema.String, Doc: "Whose crontab it is, or, in a file, as whom the command runs. Unless set, the task's user, in a file root. Only root may change the crontab of another user."},
			{Name: "file", Type: schema.String, Doc: "The name of a file in /etc/cron.d, which is made with the mode 0644 and removed with its last line."},
			{Name: "disabled", Type: schema.Bool, Doc: "The entry is there and is a comment."},
			{Name: "state", Type: schema.String, OneOf: []string{"present", "absent"}, Doc: "`present` (unless set), or `absent`."},
		},
		Results: []schema.Attribute{
			{Name: "name", Type: schema.String, Doc: "The name as given."},
			{Name: "user", Type: schema.String, Doc: "The user of the crontab, or as whom the command runs."},
			{Name: "entry", Type: schema.String, Doc: "The line; null when absent."},
		},
		Environ: &schema.Reach{Quote: true},
		Example: `task "cron" "backup" {
  run_as  = "root"
  name    = "backup"
  minute  = "30"
  hour    = "2"
  weekday = "mon-fri"
  command = "/usr/local/bin/backup --quiet"
}

task "cron" "report" {
  run_as   = "root"
  file     = "reports"
  name     = "report"
  user     = "nobody"
  minute   = "0"
  hour     = "6"
  day      = "1"
  month    = "*/3"
  command  = "/usr/local/bin/report"
  disabled = true
}

task "cron" "start" {
  run_as  = "root"
  name    = "start"
  special = "reboot"
  command = "/usr/local/bin/start"
}

task "cron" "old" {
  run_as = "root"
  name   = "old"
  state  = "absent"
}`,
		Check: checkCron,
	}
}

func specials() []string {
	return []string{"reboot", "yearly", "annually", "monthly", "weekly", "daily", "midnight", "hourly"}
}

func checkCron(m map[string]any) error {
	g := given.Args(m)
	err := errors.Join(g.State(), accountName(g, "user", "user"), checkFile(g))
	for _, name := range []string{"name", "command"} {
		if s, known := g.Text(name); known && (strings.TrimSpace(s) == "" || strings.ContainsAny(s, "\r\n\x00")) {
			err = errors.Join(err, given.Wrong(name, "%s must be one line, and not empty.", name))
		}
	}
	if special, known := g.Text("special"); known && !slices.Contains(specials(), special) {
		err = errors.Join(err, given.Wrong("special", "special must be one of %s.", strings.Join(specials(), ", ")))
	}
	for _, f := range times() {
		s, known := g.Text(f.name)
		switch {
		case known && !f.takes(s):
			err = errors.Join(err, given.Wrong(f.name, "%s must be as crontab(5) says: numbers from %d to %d, ranges, steps and lists of them, such as \"%d-%d/2\", or \"*\".", f.name, f.least, f.most, f.least, f.most))
		case g.Has(f.name) && g.Has("special"):
			err = errors.Join(err, given.Wrong(f.name, "%s and special exclude each other.", f.name))
		}
	}
	if g.Removes() {
		return errors.Join(err, g.Absent("command", "special", "disabled", "minute", "hour", "day", "month", "weekday"))
	}
	if !g.Has("command") && g["state"] != (schema.Unknown{}) {
		err = errors.Join(err, given.Wrong("", "The action \"cron\" needs the argument \"command\", unless state is \"absent\"."))
	}
	return err
}

// checkFile checks the name of a file that cron reads: it leaves all others out without a word.
func checkFile(g given.Args) error {
	s, known := g.Text("file")
	bad := strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-'
	})
	if known && (s == "" || bad >= 0) {
		return given.Wrong("file", "file must be a name of letters, digits, - and _: cron does not read others in /etc/cron.d.")
	}
	return nil
}

// timeField is one of the five.
type timeField struct {
	name        string
	least, most int
	names       []string // for least and those after it
}

func times() []timeField {
	return []timeField{
		{"minute", 0, 59, nil},
		{"hour", 0, 23, nil},
		{"day", 1, 31, nil},
		{"month", 1, 12, []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
		{"weekday", 0, 7, []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}},
	}
}

// takes tells whether a text is a list of ranges with steps.
func (f timeField) takes(text string) bool {
	for part := range strings.SplitSeq(text, ",") {
		span, step, stepped := strings.Cut(part, "/")
		if n, err := strconv.Atoi(step); stepped && (err != nil || n < 1) {
			return false
		}
		if span == "*" {
			continue
		}
		from, to, ranged := strings.Cut(span, "-")
		first := f.number(from)
		if first < 0 || ranged && f.number(to) < first {
			return false
		}
	}
	return true
}

// number reads a number or a name; -1: it is neither.
func (f timeField) number(text string) int {
	if i := slices.Index(f.names, strings.ToLower(text)); i >= 0 {
		return f.least + i
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < f.least || n > f.most || text[0] == '+' {
		return -1
	}
	return n
}
