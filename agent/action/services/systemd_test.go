//go:build linux

package services_test

import (
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"runner/agent/action"
	"runner/agent/action/actiontest"
	"runner/agent/wire"
	"runner/cmd/testbed/bed"
)

// vendor is where units are that packages bring: a mask goes over them.
const vendor = "/usr/local/lib/systemd/system/"

// unit writes a unit's file, by hand.
func unit(t *testing.T, path, section string) {
	t.Helper()
	actiontest.OK(t, os.MkdirAll(filepath.Dir(path), 0o755))
	actiontest.Write(t, path, section+"\n[Install]\nWantedBy=multi-user.target\n", 0o644)
	systemctl(t, "daemon-reload")
}

// hasten takes away what makes units of other things when systemd reads its units, but for the scripts of System V: it takes
// longest.
func hasten(t *testing.T) {
	t.Helper()
	generators, err := filepath.Glob("/usr/lib/systemd/system-generators/*")
	actiontest.OK(t, err)
	for _, g := range generators {
		if filepath.Base(g) != "systemd-sysv-generator" {
			actiontest.OK(t, os.Remove(g))
		}
	}
}

// systemctl runs it, whatever becomes of it, and returns what it prints.
func systemctl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "systemctl", args...).Output()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// problem is the failure that an action ends with, in its own words.
func problem(t *testing.T, err error, message string) *wire.Problem {
	t.Helper()
	p, ok := errors.AsType[*wire.Problem](err)
	if !ok || !strings.Contains(p.Message, message) {
		t.Fatalf("the error is %v, not %q", err, message)
	}
	return p
}

// fails says that an action should end with a failure in these words.
func fails(t *testing.T, err error, message string) { t.Helper(); _ = problem(t, err, message) }

// starts starts a service that ends at once, again if that was not seen: on a busy machine it may take its time.
func starts(t *testing.T, b *actiontest.Bench, name string) (err error) {
	t.Helper()
	for try := 0; try < 5 && err == nil; try++ {
		systemctl(t, "stop", name)
		_, err = b.Apply("service", args{"name": name, "state": "running"})
	}
	return err
}

// TestG28ServiceOfSystemd: what is predicted is what is done, from each state to each other, and nothing the second time.
func TestG28ServiceOfSystemd(t *testing.T) {
	t.Parallel()
	if !bed.Inside(t, bed.BoxOptions{Systemd: true}) {
		return
	}
	b := actiontest.New(t)
	hasten(t)
	const demo = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c 'test ! -e /run/broken'\nExecReload=/bin/true\n"
	unit(t, vendor+"demo.service", demo)
	seen := func() string {
		return systemctl(t, "show", "-p", "ActiveState,UnitFileState,LoadState,InvocationID,StateChangeTimestampMonotonic", "demo")
	}
	priors := []struct {
		name            string
		state           string
		enabled, masked bool
	}{
		{"stopped", "stopped", false, false},
		{"enabled", "stopped", true, false},
		{"running", "running", false, false},
		{"both", "running", true, false},
		{"failed", "failed", false, false},
		{"runs masked", "running", false, true},
		{"masked", "stopped", false, true},
	}
	wishes := []args{
		{"state": "running"},
		{"state": "stopped"},
		{"enabled": true},
		{"enabled": false},
		{"state": "running", "enabled": true},
		{"state": "stopped", "enabled": false},
		{"state": "stopped", "masked": true},
		{"masked": true},
		{"masked": false},
		{"masked": false, "state": "running", "enabled": true},
		{"state": "restarted"},
		{"state": "reloaded"},
	}
	for row, p := range priors {
		prior := p.name
		for column, wish := range wishes {
			if row > 0 && row < len(priors)-1 && (row+column)%2 == 0 { // each prior state meets every other wish, each wish every other state
				continue
			}
			now := actual(t, "demo.service")
			if now["masked"] == true {
				systemctl(t, "unmask", "demo")
				now = actual(t, "demo.service")
			}
			if now["enabled"] != p.enabled {
				systemctl(t, map[bool]string{true: "enable", false: "disable"}[p.enabled], "demo")
			}
			if now["state"] != p.state {
				systemctl(t, "stop", "demo")
				systemctl(t, "reset-failed", "demo")
			}
			switch p.state {
			case "failed":
				actiontest.Write(t, "/run/broken", "", 0o644)
				systemctl(t, "start", "demo")
				actiontest.OK(t, os.Remove("/run/broken"))
			case "running":
				systemctl(t, "start", "demo")
			}
			if p.masked {
				systemctl(t, "mask", "demo")
			}
			a := actiontest.Merged(wish, args{"name": "demo"})
			before := seen()
			predicted, looked := b.Preview("service", a)
			if seen() != before {
				t.Errorf("%s, %v: the preview has changed something", prior, wish)
			}
			done, err := b.Apply("service", a)
			if (err != nil) != (looked != nil) {
				t.Errorf("%s, %v: predicted %v, ended %v", prior, wish, looked, err)
			}
			if wants := wish["state"] != "stopped" && wish["enabled"] != false && wish["masked"] == nil; prior == "masked" && wants != (err != nil) {
				t.Errorf("%s, %v: %v", prior, wish, err)
			}
			if err != nil {
				fails(t, err, "it is masked")
				if seen() != before {
					t.Errorf("%s, %v: what failed has changed something", prior, wish)
				}
				continue
			}
			if predicted.Change.Verb != done.Change.Verb || len(predicted.Change.Unknown) > 0 {
				t.Errorf("%s, %v: predicted %v, done %v", prior, wish, predicted.Change, done.Change)
			}
			now = actual(t, "demo.service")
			unmasks := p.masked && wish["masked"] == false
			if got := done.Values.(map[string]any); !maps.Equal(got, now) || !unmasks && !maps.Equal(predicted.Values.(map[string]any), now) {
				t.Errorf("%s, %v: predicted %v, said %v, is %v", prior, wish, predicted.Values, got, now)
			}
			again, err := b.Apply("service", a)
			actiontest.OK(t, err)
			if always := wish["state"] == "restarted" || wish["state"] == "reloaded"; always {
				b.Verb(again, wire.VerbRun)
			} else {
				b.Verb(again, wire.VerbNone)
			}
		}
	}
}

// actual is how a unit is.
func actual(t *testing.T, name string) map[string]any {
	t.Helper()
	is := systemctl(t, "show", "-p", "ActiveState,UnitFileState", name) + "\n"
	has := func(line string) bool { return strings.Contains(is, line+"\n") }
	state := "failed"
	switch {
	case has("ActiveState=active"):
		state = "running"
	case has("ActiveState=inactive"):
		state = "stopped"
	}
	return map[string]any{"name": name, "state": state, "enabled": has("UnitFileState=enabled"), "masked": has("UnitFileState=masked")}
}

// TestServiceOfSystemd: what has to be true of single services.
func TestServiceOfSystemd(t *testing.T) {
	t.Parallel()
	if !bed.Inside(t, bed.BoxOptions{Systemd: true}) {
		return
	}
	b := actiontest.New(t)
	hasten(t)
	t.Run("a program that ends at once", func(t *testing.T) {
		unit(t, vendor+"ends.service", "[Service]\nExecStart=/bin/sh -c 'echo the port is in use; exit 3'")
		err := starts(t, b, "ends")
		p := problem(t, err, "cannot start ends.service: it was started, and is failed now")
		if !strings.Contains(p.Quote, "the port is in use") {
			t.Errorf("it quotes %q", p.Quote)
		}
	})
	t.Run("a program that ends and is tried again", func(t *testing.T) {
		unit(t, vendor+"loops.service", "[Service]\nExecStart=/bin/false\nRestart=always\nRestartSec=1h")
		fails(t, starts(t, b, "loops"), "is not running now")
		b.Must("service", args{"name": "loops", "state": "stopped"})
		if got := systemctl(t, "is-active", "loops"); got != "inactive" && got != "failed" {
			t.Errorf("it is %s", got)
		}
	})
	t.Run("a start that fails", func(t *testing.T) {
		unit(t, vendor+"forks.service", "[Service]\nType=notify\nExecStart=/bin/sh -c 'echo no configuration >&2; exit 1'")
		for _, state := range []string{"running", "restarted", "reloaded"} {
			_, err := b.Apply("service", args{"name": "forks", "state": state})
			if p := problem(t, err, "forks.service"); !strings.Contains(p.Quote, "no configuration") {
				t.Errorf("%s quotes %q", state, p.Quote)
			}
		}
	})
	t.Run("reload", func(t *testing.T) {
		unit(t, vendor+"plain.service", "[Service]\nExecStart=/bin/sleep infinity")
		b.Must("service", args{"name": "plain", "state": "reloaded"}) // starts it
		if got := systemctl(t, "is-active", "plain"); got != "active" {
			t.Errorf("it is %s", got)
		}
		for _, try := range []func(string, args) (action.Outcome, error){b.Preview, b.Apply} {
			_, err := try("service", args{"name": "plain", "state": "reloaded"})
			fails(t, err, "cannot reload plain.service")
		}
		pid := systemctl(t, "show", "-p", "MainPID", "plain")
		b.Must("service", args{"name": "plain", "state": "restarted"})
		if systemctl(t, "show", "-p", "MainPID", "plain") == pid {
			t.Error("it was not restarted")
		}
	})
	t.Run("what is not there", func(t *testing.T) {
		for _, a := range []args{{"state": "running"}, {"state": "restarted"}, {"enabled": true}} {
			a["name"] = "nosuch"
			for _, try := range []func(string, args) (action.Outcome, error){b.Preview, b.Apply} {
				_, err := try("service", a)
				fails(t, err, "there is no service nosuch.service")
			}
		}
		b.Verb(b.Must("service", args{"name": "nosuch", "state": "stopped", "enabled": false}), wire.VerbNone)
		b.Verb(b.Must("service", args{"name": "nosuch", "masked": true}), wire.VerbUpdate)
		b.Verb(b.Must("service", args{"name": "nosuch", "masked": true}), wire.VerbNone)
	})
	t.Run("no room for a mask", func(t *testing.T) {
		unit(t, "/etc/systemd/system/own.service", "[Service]\nExecStart=/bin/sleep 1000\n")
		b.Must("service", args{"name": "own", "state": "running", "enabled": true})
		_, err := b.Check("service", args{"name": "own", "state": "stopped", "enabled": false, "masked": true}, "/etc/systemd")
		fails(t, err, "its file /etc/systemd/system/own.service is where the mask would be")
		b.Verb(b.Must("service", args{"name": "own", "state": "running", "enabled": true}), wire.VerbNone)
	})
	t.Run("what an earlier task brings", func(t *testing.T) {
		env := b.Env(wire.ModeLook)
		planned := args{"path": "/etc/systemd/system/later.service", "content": "[Service]\nExecStart=/bin/true\n"}
		if _, err := b.Make("file", planned).Look(t.Context(), env); err != nil {
			t.Fatal(err)
		}
		out, err := b.Make("service", args{"name": "later", "state": "running", "enabled": true}).Look(t.Context(), env)
		actiontest.OK(t, err)
		b.Verb(out, wire.VerbUpdate)
		if len(out.Change.Unknown) > 0 {
			t.Errorf("unknown: %v", out.Change.Unknown)
		}
		if _, err := b.Make("command", args{"argv": []string{"true"}}).Look(t.Context(), env); err != nil {
			t.Fatal(err)
		}
		out, err = b.Make("service", args{"name": "nosuch2", "state": "running"}).Look(t.Context(), env)
		actiontest.OK(t, err)
		if b.Verb(out, wire.VerbUpdate); len(out.Change.Unknown) != 1 {
			t.Errorf("unknown: %v", out.Change.Unknown)
		}
	})
	t.Run("a unit whose file is gone", func(t *testing.T) {
		const at, link = "/etc/systemd/system/gone.service", "/etc/systemd/system/multi-user.target.wants/gone.service"
		unit(t, at, "[Service]\nExecStart=/bin/sleep 1000\n")
		absent := args{"name": "gone", "state": "absent"}
		for _, c := range []struct {
			wish args
			why  string
		}{
			{args{"state": "running"}, "it is running now, and goes on"},
			{args{"enabled": true}, "it is running and enabled now, and stays so"},
			{args{"state": "stopped"}, "it is enabled now, and what is to start it stays"},
		} {
			b.Must("service", actiontest.Merged(c.wish, args{"name": "gone"}))
			out, err := b.Preview("unit", absent)
			if actiontest.OK(t, err); !strings.HasPrefix(out.Change.Why, c.why) || !strings.Contains(out.Change.Why, "belongs before") {
				t.Errorf("%v: the preview says %q", c.wish, out.Change.Why)
			}
		}
		env := b.Env(wire.ModeLook)
		env.Unsettled = true
		out, err := b.Make("unit", absent).Look(t.Context(), env)
		if actiontest.OK(t, err); !strings.HasSuffix(out.Change.Why, "unless a task before this one changes that") {
			t.Errorf("behind something else the preview says %q", out.Change.Why)
		}
		b.Must("unit", absent)
		_, err = b.Apply("service", args{"name": "gone", "enabled": true})
		fails(t, err, "there is no service gone.service")
		a := args{"name": "gone", "enabled": false}
		predicted, err := b.Preview("service", a)
		actiontest.OK(t, err)
		b.Verb(predicted, wire.VerbUpdate)
		b.Verb(b.Must("service", a), wire.VerbUpdate)
		if _, err := os.Lstat(link); err == nil {
			t.Error("the link is still there")
		}
		b.Verb(b.Must("service", a), wire.VerbNone)
		unit(t, at, "[Service]\nExecStart=/bin/sleep 1000\n")
		if out, err := b.Preview("unit", absent); err != nil || out.Change.Why != "" {
			t.Errorf("of a unit that does nothing the preview says %q, %v", out.Change.Why, err)
		}
	})
	t.Run("a unit that cannot be used", func(t *testing.T) {
		unit(t, vendor+"bad.service", "[Service]\nType=oneshot")
		_, err := b.Preview("service", args{"name": "bad", "state": "running"})
		fails(t, err, "cannot use bad.service: ")
	})
	t.Run("static units", func(t *testing.T) {
		_, err := b.Preview("service", args{"name": "dbus", "enabled": true})
		fails(t, err, "cannot enable dbus.service: it has no [Install] section")
		b.Verb(b.Must("service", args{"name": "dbus", "enabled": false, "state": "running"}), wire.VerbNone)
	})
	t.Run("aliases, instances and other kinds", func(t *testing.T) {
		b.Verb(b.Must("service", args{"name": "sshd", "state": "running", "enabled": true}), wire.VerbNone)
		out := b.Must("service", args{"name": "ssh.socket", "state": "stopped", "enabled": false})
		if b.Verb(out, wire.VerbNone); actiontest.Result(out, "name") != "ssh.socket" {
			t.Errorf("%v", out.Values)
		}
		unit(t, vendor+"many@.service", "[Service]\nExecStart=/bin/sleep infinity")
		for range 2 {
			out = b.Must("service", args{"name": "many@a-b.c", "state": "running", "enabled": true})
		}
		b.Verb(out, wire.VerbNone)
		b.Verb(b.Must("service", args{"name": "many@a-b.c", "state": "stopped", "enabled": false}), wire.VerbUpdate)
		b.Verb(b.Must("service", args{"name": "-.mount", "state": "running"}), wire.VerbNone)
		_, err := b.Preview("service", args{"name": "many@", "state": "running"})
		fails(t, err, "many@.service")
	})
	t.Run("G14", func(t *testing.T) {
		for _, name := range []string{"-H", "--version", "-h.service", "--help"} {
			_, err := b.Apply("service", args{"name": name, "state": "running"})
			fails(t, err, "there is no service -")
		}
	})
	t.Run("what ends by itself", func(t *testing.T) {
		unit(t, vendor+"once.service", "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo >>/run/once'")
		for range 2 {
			b.Verb(b.Must("service", args{"name": "once", "state": "running"}), wire.VerbUpdate)
		}
		if n := strings.Count(actiontest.Read(t, "/run/once"), "\n"); n != 2 {
			t.Errorf("it ran %d times", n)
		}
	})
	t.Run("a unit that has changed", func(t *testing.T) {
		unit(t, vendor+"changes.service", "[Service]\nExecStart=/bin/sleep 1111")
		b.Must("service", args{"name": "changes", "state": "running"})
		actiontest.Write(t, vendor+"changes.service", "[Service]\nExecStart=/bin/sleep 2222\n", 0o644)
		b.Must("service", args{"name": "changes", "state": "restarted"})
		if got := systemctl(t, "show", "-p", "ExecStart", "changes"); !strings.Contains(got, "sleep 2222") {
			t.Errorf("it runs %s", got)
		}
	})
	t.Run("a script of System V", func(t *testing.T) {
		actiontest.Write(t, "/etc/init.d/old", script, 0o755)
		systemctl(t, "daemon-reload")
		a := args{"name": "old", "state": "running", "enabled": true}
		b.Verb(b.Must("service", a), wire.VerbUpdate)
		b.Verb(b.Must("service", a), wire.VerbNone)
		a = args{"name": "old", "state": "stopped", "enabled": false}
		b.Verb(b.Must("service", a), wire.VerbUpdate)
		b.Verb(b.Must("service", a), wire.VerbNone)
	})
}
