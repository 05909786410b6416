//go:build linux

package accounts_test

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"runner/agent/action/actiontest"
	"runner/agent/wire"
)

func needsCrontab(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("crontab"); err != nil {
		t.Skip("needs cron: ", err)
	}
}

// G28: an entry is as it should be, in a user's crontab and in a file, and everything else stays.
func TestG28CronMatrix(t *testing.T) {
	needsCrontab(t)
	if !actiontest.Apart(t) {
		return
	}
	actiontest.Command(t, "useradd", "-m", "rtu")
	const (
		mine   = "#runner: backup\n30 2 * * mon-fri /bin/backup --quiet\n"
		others = "# by hand\nMAILTO=ann\n#Ansible: backup\n0 0 * * * /bin/else\n\n#runner: backup2\n@daily /bin/x\n"
	)
	wish := args{"name": "backup", "minute": "30", "hour": "2", "weekday": "mon-fri", "command": "/bin/backup --quiet"}
	for _, c := range []struct {
		name, old string
		wish      args
		want      string
	}{
		{"nothing there", "", wish, mine},
		{"there", others + mine, wish, others + mine},
		{"others", others, wish, others + mine},
		{"other time", "#runner: backup\n0 0 * * * /bin/backup\n" + others, wish, mine + others},
		{"disabled", mine + others, actiontest.Merged(wish, args{"disabled": true}), "#runner: backup\n#30 2 * * mon-fri /bin/backup --quiet\n" + others},
		{"enabled", "#runner: backup\n#30 2 * * mon-fri /bin/backup --quiet\n", wish, mine},
		{"other line ends", "MAILTO=ann\r\n@daily /bin/x\r\n", wish, "MAILTO=ann\r\n@daily /bin/x\r\n" + mine},
		{"twice", mine + others + mine, wish, mine + others},
		{"marker without an entry", "#runner: backup\n" + mine + others, wish, mine + others},
		{"marker at the end", others + "#runner: backup\n", wish, others + mine},
		{"special", mine, args{"name": "backup", "special": "reboot", "command": "/bin/backup"}, "#runner: backup\n@reboot /bin/backup\n"},
		{"each minute", "", args{"name": "b", "command": "echo '100\\%  $HOME'"}, "#runner: b\n* * * * * echo '100\\%  $HOME'\n"},
		{"absent", others + mine, args{"name": "backup", "state": "absent"}, others},
		{"absent, alone", mine, args{"name": "backup", "state": "absent"}, ""},
		{"absent, not there", others, args{"name": "backup", "state": "absent"}, others},
		{"absent, nothing there", "", args{"name": "backup", "state": "absent"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if strings.Contains(c.old, "\r") {
				return // crontab -l does not print them
			}
			b := actiontest.New(t)
			_ = exec.Command("crontab", "-u", "rtu", "-r").Run() // there may be none
			if c.old != "" {
				actiontest.Write(t, "/srv/old", c.old, 0o644)
				actiontest.Command(t, "crontab", "-u", "rtu", "/srv/old")
			}
			out, err := b.Check("cron", actiontest.Merged(c.wish, args{"user": "rtu"}), "/var/spool/cron", "/etc/crontab")
			actiontest.OK(t, err)
			got, _ := exec.Command("crontab", "-u", "rtu", "-l").Output() // empty where there is none
			if string(got) != c.want {
				t.Errorf("the crontab is now\n%s", got)
			}
			if c.old != c.want && !strings.Contains(out.Change.Diff, "crontab of rtu") {
				t.Errorf("the diff is %q", out.Change.Diff)
			}
			if info, err := os.Stat("/var/spool/cron/crontabs/rtu"); c.want == "" && err == nil {
				t.Errorf("an empty crontab is left: %v", info)
			}
		})
		t.Run("file/"+c.name, func(t *testing.T) {
			if strings.Contains(c.name, "enabled") || c.name == "each minute" {
				return
			}
			file := func(text string) string { // the same with a user
				return strings.NewReplacer("* /bin/", "* rtu /bin/", "fri /bin/", "fri rtu /bin/", "daily /bin/", "daily rtu /bin/", "reboot /bin/", "reboot rtu /bin/").Replace(text)
			}
			b := actiontest.New(t)
			const path = "/etc/cron.d/rtfile"
			_ = os.Remove(path)
			if c.old != "" {
				actiontest.Write(t, path, file(c.old), 0o644)
			}
			_, err := b.Check("cron", actiontest.Merged(c.wish, args{"user": "rtu", "file": "rtfile"}), "/etc/cron.d", "/var/spool/cron")
			actiontest.OK(t, err)
			got, err := os.ReadFile(path)
			if string(got) != file(c.want) || os.IsNotExist(err) != (c.want == "") {
				t.Errorf("the file is now %v\n%s", err, got)
			}
		})
	}
}

// What crontab(1) refuses leaves the crontab as it is; so does a target without it.
func TestCronThatCannotBe(t *testing.T) {
	needsCrontab(t)
	if !actiontest.Apart(t) {
		return
	}
	actiontest.Command(t, "useradd", "-m", "rtu")
	b := actiontest.New(t)
	b.Must("cron", args{"user": "rtu", "name": "a", "command": "true"})
	// The controller lets no such hour through; what cron itself takes only cron can tell.
	_, err := b.Check("cron", args{"user": "rtu", "name": "b", "hour": "25", "command": "true"}, "/var/spool/cron/crontabs/rtu")
	if err == nil || !strings.Contains(err.Error(), "cannot write the crontab of rtu: crontab ended with status 1") {
		t.Error(err)
	}
	// Nor does a spool without room, or one that cannot be written to, take half of it.
	actiontest.Command(t, "sh", "-c", `set -e; cd /var/spool/cron/crontabs; mount -t tmpfs -o size=64k,mode=1730,gid=$(stat -c %g .) tmpfs .`)
	b.Must("cron", args{"user": "rtu", "name": "a", "command": "true"})
	before := actiontest.Read(t, "/var/spool/cron/crontabs/rtu")
	for place, make := range map[string]string{"full": "dd if=/dev/zero of=/var/spool/cron/crontabs/filler || true", "read-only": "mount -o remount,ro /var/spool/cron/crontabs"} {
		actiontest.Command(t, "sh", "-c", make)
		_, err := b.Apply("cron", args{"user": "rtu", "name": "b", "command": strings.Repeat("true; ", 100)})
		if p, ok := errors.AsType[*wire.Problem](err); !ok || !strings.Contains(p.Message, "cannot write the crontab of rtu: crontab ended with status 1") || p.Quote == "" {
			t.Errorf("%s: %#v", place, err)
		}
		if now := actiontest.Read(t, "/var/spool/cron/crontabs/rtu"); now != before {
			t.Errorf("%s: the crontab is %q", place, now)
		}
		actiontest.Command(t, "mount", "-o", "remount,rw", "/var/spool/cron/crontabs")
		actiontest.Command(t, "rm", "-f", "/var/spool/cron/crontabs/filler")
	}
	env := b.Env(wire.ModeLook)
	env.Environ = []string{"PATH=/srv"}
	_, err = b.Make("cron", args{"user": "rtu", "name": "a", "command": "true"}).Look(t.Context(), env)
	if err == nil || !strings.Contains(err.Error(), "there is no program crontab") {
		t.Error(err)
	}
}

// Nobody's jobs are kept, in a file as little as in a crontab; the hint takes no number, as the action does not.
func TestCronOfNobody(t *testing.T) {
	if !actiontest.Apart(t) {
		return
	}
	b := actiontest.New(t)
	job := args{"user": "rtnone", "name": "a", "command": "true"}
	for _, a := range []args{job, actiontest.Merged(job, args{"file": "rt"})} {
		_, err := b.Check("cron", a, "/etc")
		problem, ok := errors.AsType[*wire.Problem](err)
		if !ok || !strings.Contains(problem.Message, `there is no user "rtnone"`) || strings.Contains(problem.Hint, "number") {
			t.Errorf("%v: %v", a, err)
		}
	}
	// One that is planned is there, and what is to go needs no user.
	env := b.Env(wire.ModeLook)
	if _, err := b.Make("user", args{"name": "rtnone"}).Look(t.Context(), env); err != nil {
		t.Error(err)
	}
	if _, err := b.Make("cron", actiontest.Merged(job, args{"file": "rt"})).Look(t.Context(), env); err != nil {
		t.Error(err)
	}
	b.Must("cron", args{"user": "rtnone", "name": "a", "file": "rt", "state": "absent"})
}

// A user's own crontab takes no root.
func TestCronAsTheUser(t *testing.T) {
	needsCrontab(t)
	if os.Geteuid() == 0 {
		if os.Getenv("RUNNER_TEST_APART") != "" || actiontest.Apart(t) {
			actiontest.AsNobody(t, t.Name())
		}
		return
	}
	b := actiontest.New(t)
	out, err := b.Check("cron", args{"name": "a", "minute": "5", "command": "true"})
	actiontest.OK(t, err)
	got := actiontest.Command(t, "crontab", "-l")
	if out.Change.Verb != wire.VerbCreate || got != "#runner: a\n5 * * * * true\n" {
		t.Errorf("%+v: %s", out, got)
	}
	// That of somebody else is not taken for its own.
	_, err = b.Check("cron", args{"user": "root", "name": "b", "command": "true"})
	if now := actiontest.Command(t, "crontab", "-l"); err == nil || !strings.Contains(err.Error(), "only root may change that of another user") || now != got {
		t.Errorf("%v: %s", err, now)
	}
	b.Must("cron", args{"name": "a", "state": "absent"})
}
