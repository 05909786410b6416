//go:build linux

package services_test

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"runner/agent/action"
	"runner/agent/action/actiontest"
	"runner/agent/wire"
	"runner/cmd/testbed/bed"
)

const sleeps = "[Service]\nExecStart=/bin/sleep %d\n[Install]\nWantedBy=default.target\n"

// TestUnit: a unit's file is what a task says, and systemd has read it.
func TestUnit(t *testing.T) {
	t.Parallel()
	if !bed.Inside(t, bed.BoxOptions{Systemd: true}) {
		return
	}
	b := actiontest.New(t)
	hasten(t)
	b.Must("service", args{"name": "ssh", "state": "running"})
	for _, c := range []struct {
		name        string
		args        args
		path        string
		prop, value string // what systemd knows then
	}{
		{"new", args{"name": "demo", "content": fmt.Sprintf(sleeps, 1)}, "/etc/systemd/system/demo.service", "LoadState", "loaded"},
		{"changed", args{"name": "demo.service", "content": fmt.Sprintf(sleeps, 2), "mode": "0600"}, "/etc/systemd/system/demo.service", "FragmentPath", "/etc/systemd/system/demo.service"},
		{"timer", args{"name": "demo.timer", "content": "[Timer]\nOnCalendar=daily\n"}, "/etc/systemd/system/demo.timer", "", ""},
		{"template", args{"name": "demo@.service", "content": "[Service]\nExecStart=/bin/echo %i\n"}, "/etc/systemd/system/demo@.service", "", ""},
		{"program that comes later", args{"name": "later", "content": "[Service]\nExecStart=/opt/none\n"}, "/etc/systemd/system/later.service", "", ""},
		{"drop-in", args{"name": "ssh", "dropin": "10-x.conf", "content": "[Service]\nLimitNOFILE=4321\n"}, "/etc/systemd/system/ssh.service.d/10-x.conf", "LimitNOFILE", "4321"},
		{"drop-in gone", args{"name": "ssh", "dropin": "10-x.conf", "state": "absent"}, "/etc/systemd/system/ssh.service.d/10-x.conf", "DropInPaths", ""},
		{"every user's", args{"name": "all.service", "scope": "global", "content": fmt.Sprintf(sleeps, 1)}, "/etc/systemd/user/all.service", "", ""},
		{"gone", args{"name": "demo", "state": "absent"}, "/etc/systemd/system/demo.service", "LoadState", "not-found"},
	} {
		before := actiontest.Snapshot(t, "/etc/systemd")
		predicted, err := b.Preview("unit", c.args)
		actiontest.OK(t, err)
		if actiontest.Snapshot(t, "/etc/systemd") != before {
			t.Errorf("%s: the preview has changed something", c.name)
		}
		done := b.Must("unit", c.args)
		b.Verb(done, predicted.Change.Verb)
		if got, want := fmt.Sprint(done.Values), fmt.Sprint(predicted.Values); got != want {
			t.Errorf("%s: predicted %s, is %s", c.name, want, got)
		}
		if got, _ := os.ReadFile(c.path); c.args["state"] == nil && string(got) != c.args["content"] {
			t.Errorf("%s: %s has %q", c.name, c.path, got)
		} else if _, err := os.Lstat(c.path); c.args["state"] == "absent" && err == nil {
			t.Errorf("%s: %s is there", c.name, c.path)
		}
		if c.prop != "" {
			name := c.args["name"].(string)
			if got := systemctl(t, "show", "-p", c.prop, "--value", name); got != c.value || systemctl(t, "show", "-p", "NeedDaemonReload", "--value", name) != "no" {
				t.Errorf("%s: systemd has %s=%s", c.name, c.prop, got)
			}
		}
		b.Verb(b.Must("unit", c.args), wire.VerbNone)
	}
}

// TestUnitRefuses: what systemd could not use is not written, and neither is a file where something else is.
func TestUnitRefuses(t *testing.T) {
	t.Parallel()
	if !bed.Inside(t, bed.BoxOptions{Systemd: true}) {
		return
	}
	b := actiontest.New(t)
	hasten(t)
	actiontest.OK(t, os.MkdirAll("/etc/systemd/system/dir.service", 0o755))
	b.Must("unit", args{"name": "demo", "content": fmt.Sprintf(sleeps, 1)})
	before := actiontest.Snapshot(t, "/etc/systemd")
	for _, c := range []struct {
		args    args
		message string
		quote   string
	}{
		{args{"name": "demo", "content": "[Service\nExecStart=/bin/true\n"}, "systemd could not use it: /etc/systemd/system/demo.service:1: ", "/etc/systemd/system/demo.service:1: Invalid section header"},
		{args{"name": "demo", "content": "[Service]\nExecStart=bin/true -x\n"}, "systemd could not use it", "bin/true"},
		{args{"name": "demo", "content": "[Service]\nType=notify\n"}, "systemd could not use it", "no ExecStart="},
		{args{"name": "new", "content": "[Unit]\n"}, "systemd could not use it", ""},
		{args{"name": "dir", "content": fmt.Sprintf(sleeps, 1)}, "cannot write /etc/systemd/system/dir.service", ""},
		{args{"name": "demo", "content": fmt.Sprintf(sleeps, 2), "owner": "nosuch"}, "no user", ""},
	} {
		for _, try := range []func(string, args) (action.Outcome, error){b.Preview, b.Apply} {
			_, err := try("unit", c.args)
			if p := problem(t, err, c.message); !strings.Contains(p.Quote, c.quote) {
				t.Errorf("%v quotes %q", c.args, p.Quote)
			}
			if actiontest.Snapshot(t, "/etc/systemd") != before {
				t.Errorf("%v has changed something", c.args)
			}
			if left, _ := filepath.Glob("/dev/shm/.runner*"); len(left) > 0 {
				t.Errorf("%v has left %v", c.args, left)
			}
		}
	}
	// What an earlier task brings may make a unit whole.
	whole := args{"name": "parts", "content": "[Unit]\n"}
	env := b.Env(wire.ModeLook)
	_, err := b.Make("unit", args{"name": "parts", "dropin": "x.conf", "content": "[Service]\nExecStart=/bin/true\n"}).Look(t.Context(), env)
	actiontest.OK(t, err)
	_, err = b.Make("unit", whole).Look(t.Context(), env)
	actiontest.OK(t, err)
	b.Must("unit", args{"name": "parts", "dropin": "x.conf", "content": "[Service]\nExecStart=/bin/true\n"})
	predicted, err := b.Preview("unit", whole)
	actiontest.OK(t, err)
	b.Verb(b.Must("unit", whole), predicted.Change.Verb)
}

// TestUnitsOfUsers: an ordinary user has units of their own, which their own service manager runs.
func TestUnitsOfUsers(t *testing.T) {
	const asUser = "RUNNER_TEST_UNITS_OF"
	if name := os.Getenv(asUser); name != "" {
		unitsOf(t, name)
		return
	}
	t.Parallel()
	if !bed.Inside(t, bed.BoxOptions{Systemd: true}) {
		return
	}
	for _, name := range []string{"lingers", "is away", "fails"} {
		account := strings.ReplaceAll(name, " ", "")
		for _, argv := range [][]string{{"useradd", "--create-home", account}, {"loginctl", "enable-linger", account}} {
			if argv[0] == "loginctl" && name == "is away" {
				continue
			}
			if out, err := exec.CommandContext(t.Context(), argv[0], argv[1:]...).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", argv, out)
			}
		}
		found, err := user.Lookup(account)
		actiontest.OK(t, err)
		var id uint32
		_, err = fmt.Sscan(found.Uid, &id)
		actiontest.OK(t, err)
		switch name {
		case "fails": // its manager takes commands, and does not carry them out
			systemctl(t, "start", "user@"+found.Uid)
			socket := "/run/user/" + found.Uid + "/systemd/private"
			actiontest.OK(t, os.Remove(socket))
			actiontest.Write(t, socket, "", 0o644)
			actiontest.OK(t, os.Remove("/run/user/"+found.Uid+"/bus"))
		case "is away":
			actiontest.OK(t, os.MkdirAll(filepath.Dir(polkit), 0o755))
			actiontest.Write(t, polkit, "[D-BUS Service]\nName=org.freedesktop.PolicyKit1\nExec=/bin/false\nUser=root\n", 0o644)
		}
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestUnitsOfUsers$", "-test.v")
		cmd.Dir = "/"
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + found.HomeDir, asUser + "=" + account, "TMPDIR=/tmp"}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: id, Gid: id}}
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS") {
			t.Errorf("as %s: %v\n%s", account, err, out)
		}
	}
}

const polkit = "/usr/share/dbus-1/system-services/org.freedesktop.PolicyKit1.service"

func unitsOf(t *testing.T, account string) {
	t.Helper()
	b := actiontest.New(t)
	unit := args{"name": "mine", "content": fmt.Sprintf(sleeps, 1111), "scope": "user"}
	if account == "fails" {
		_, err := b.Apply("unit", unit)
		fails(t, err, "cannot have systemd read its units again")
		if left, _ := filepath.Glob(os.Getenv("HOME") + "/.config/systemd/user/*"); len(left) > 0 {
			t.Errorf("it has left %v", left)
		}
		return
	}
	predicted, err := b.Preview("unit", unit)
	actiontest.OK(t, err)
	done := b.Must("unit", unit)
	b.Verb(done, predicted.Change.Verb)
	b.Verb(b.Must("unit", unit), wire.VerbNone)
	at := os.Getenv("HOME") + "/.config/systemd/user/mine.service"
	if got := actiontest.Result(done, "path"); got != at || actiontest.Read(t, at) != unit["content"] {
		t.Errorf("it is at %v", got)
	}
	service := args{"name": "mine", "state": "running", "enabled": true, "scope": "user"}
	if account != "lingers" {
		for _, try := range []func(string, args) (action.Outcome, error){b.Preview, b.Apply} {
			_, err := try("service", service)
			fails(t, err, "user "+account+" has no service manager")
		}
		refused(t, b)
		return
	}
	predicted, err = b.Preview("service", service)
	actiontest.OK(t, err)
	done = b.Must("service", service)
	if b.Verb(done, wire.VerbUpdate); fmt.Sprint(done.Values) != fmt.Sprint(predicted.Values) || actiontest.Result(done, "state") != "running" {
		t.Errorf("predicted %v, is %v", predicted.Values, done.Values)
	}
	b.Verb(b.Must("service", service), wire.VerbNone)
	b.Must("service", args{"name": "mine", "state": "stopped", "enabled": false, "scope": "user"})
	b.Must("unit", args{"name": "mine", "state": "absent", "scope": "user"})
	refused(t, b)
	b.Verb(b.Must("service", args{"name": "ssh", "state": "running"}), wire.VerbNone)
}

// refused changes the machine's services, which are not this user's, with polkit or without.
func refused(t *testing.T, b *actiontest.Bench) {
	t.Helper()
	for step, change := range map[string]args{"restart": {"state": "restarted"}, "disable": {"enabled": false}} {
		change["name"] = "ssh"
		out, err := b.Preview("service", change)
		if actiontest.OK(t, err); out.Change.Why != "systemd may refuse this to a user who is not root" {
			t.Errorf("the preview says %q", out.Change.Why)
		}
		_, err = b.Apply("service", change)
		if p := problem(t, err, "cannot "+step+" ssh.service: "); p.Hint != action.RunAsRoot() || p.Quote == "" {
			t.Errorf("%s: the hint is %q, the quote %q", step, p.Hint, p.Quote)
		}
	}
}
