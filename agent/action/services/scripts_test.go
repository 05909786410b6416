//go:build linux

package services_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"runner/agent/action"
	"runner/agent/action/actiontest"
	"runner/agent/wire"
	"runner/cmd/testbed/bed"
)

// script is one of System V.
const script = `#!/bin/sh
### BEGIN INIT INFO
# Provides:          old
# Required-Start:
# Required-Stop:
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: an old one
### END INIT INFO
pid=/run/old.pid
runs() { [ -e $pid ] && kill -0 "$(cat $pid)" 2>/dev/null; }
case $1 in
start) runs || { sleep 1000 >/dev/null 2>&1 </dev/null & echo $! >$pid; } ;;
stop) runs && kill "$(cat $pid)"; rm -f $pid ;;
restart) "$0" stop; "$0" start ;;
reload) runs ;;
status) runs && exit 0; [ -e $pid ] && exit 1; exit 3 ;;
*) exit 2 ;;
esac
`

// openrc is one of OpenRC.
const openrc = `#!/sbin/openrc-run
command=/bin/sleep
command_args=1000
command_background=true
pidfile=/run/old.pid
extra_started_commands=reload
reload() { return 0; }
`

// TestG28ServiceOfSystemV is the matrix for scripts that nobody manages.
func TestG28ServiceOfSystemV(t *testing.T) {
	if os.Getenv(ofOthers) != "" {
		refusedEnable(t)
		return
	}
	t.Parallel()
	if bed.Inside(t, bed.BoxOptions{Debian: true}) {
		scripts(t, script, "/etc/rc3.d/S??old")
	}
}

// TestG28ServiceOfOpenRC is the matrix for OpenRC.
func TestG28ServiceOfOpenRC(t *testing.T) {
	if os.Getenv(ofOthers) != "" {
		refusedEnable(t)
		return
	}
	t.Parallel()
	if !bed.Inside(t, bed.BoxOptions{Debian: true}) {
		return
	}
	for _, level := range []string{"sysinit", "default"} {
		_ = exec.CommandContext(t.Context(), "openrc", level).Run() // which complains about hardware that a container has not
	}
	scripts(t, openrc, "/etc/runlevels/default/old")
}

func scripts(t *testing.T, text, link string) {
	b := actiontest.New(t)
	actiontest.Write(t, "/etc/init.d/old", text, 0o755)
	for _, prior := range []args{{"state": "running", "enabled": true}, {"state": "stopped", "enabled": false}} {
		for _, wish := range []args{
			{"state": "running"}, {"state": "stopped"}, {"enabled": true}, {"enabled": false}, {"state": "running", "enabled": true}, {"state": "restarted"}, {"state": "reloaded"},
		} {
			b.Must("service", actiontest.Merged(prior, args{"name": "old"}))
			a := actiontest.Merged(wish, args{"name": "old"})
			predicted, err := b.Preview("service", a)
			actiontest.OK(t, err)
			for name := range predicted.Before { // what is only left out behind would be shown as removed
				if _, is := predicted.After[name]; !is {
					t.Errorf("%v, %v: the preview shows %s, which nobody touches", prior, wish, name)
				}
			}
			done := b.Must("service", a)
			links, err := filepath.Glob(link)
			actiontest.OK(t, err)
			now := map[string]any{"name": "old", "state": "stopped", "enabled": len(links) > 0, "masked": false}
			if pid, err := os.ReadFile("/run/old.pid"); err == nil {
				if _, err := os.Stat("/proc/" + strings.TrimSpace(string(pid)) + "/exe"); err == nil { // a zombie has none
					now["state"] = "running"
				}
			}
			if predicted.Change.Verb != done.Change.Verb || !maps.Equal(predicted.Values.(map[string]any), now) || !maps.Equal(done.Values.(map[string]any), now) {
				t.Errorf("%v, %v: predicted %v, %v, done %v, %v, is %v", prior, wish, predicted.Change, predicted.Values, done.Change, done.Values, now)
			}
			again := b.Must("service", a)
			if want := map[bool]wire.Verb{true: wire.VerbRun, false: wire.VerbNone}[wish["state"] == "restarted" || wish["state"] == "reloaded"]; again.Change.Verb != want {
				t.Errorf("%v, %v, again: %v", prior, wish, again.Change)
			}
		}
	}
	if text == script { // OpenRC looks for what has died only where it has a start time of the machine
		b.Must("service", args{"name": "old", "state": "running"})
		actiontest.OK(t, exec.CommandContext(t.Context(), "kill", "-9", strings.TrimSpace(actiontest.Read(t, "/run/old.pid"))).Run())
		b.Verb(b.Must("service", args{"name": "old", "state": "running"}), wire.VerbUpdate)
		b.Must("service", args{"name": "old", "state": "stopped"})
	}
	for _, try := range []func(string, args) (action.Outcome, error){b.Preview, b.Apply} {
		_, err := try("service", args{"name": "nosuch", "state": "running"})
		fails(t, err, "nosuch")
		_, err = try("service", args{"name": "-x", "state": "running"})
		fails(t, err, "-x")
		_, err = try("service", args{"name": "old", "scope": "user", "state": "running"})
		fails(t, err, "systemd does not run here")
	}
	_, err := b.Check("service", args{"name": "old", "masked": true, "state": "stopped"}, "/etc/init.d")
	fails(t, err, "only systemd masks")
	b.Must("service", args{"name": "old", "state": "stopped", "enabled": false})
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.v")
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), ofOthers + "=1", "TMPDIR=/tmp"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: actiontest.Nobody, Gid: actiontest.Nobody}}
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS") {
		t.Errorf("as nobody: %v\n%s", err, out)
	}
	if links, _ := filepath.Glob(link); len(links) > 0 {
		t.Errorf("nobody has made %v", links)
	}
}

// ofOthers has a test run as a user to whom the services do not belong.
const ofOthers = "RUNNER_TEST_SERVICES_OF_OTHERS"

func refusedEnable(t *testing.T) {
	t.Helper()
	b := actiontest.New(t)
	out, err := b.Preview("service", args{"name": "old", "enabled": true})
	if actiontest.OK(t, err); out.Change.Why != "the service's script may refuse this to a user who is not root" {
		t.Errorf("the preview says %q", out.Change.Why)
	}
	_, err = b.Apply("service", args{"name": "old", "enabled": true})
	if p := problem(t, err, "cannot enable old: "); p.Hint != action.RunAsRoot() || p.Quote == "" {
		t.Errorf("%v: the hint is %q, the quote %q", err, p.Hint, p.Quote)
	}
}

// TestServiceWithoutManager: a container in which there is nothing to ask says so.
func TestServiceWithoutManager(t *testing.T) {
	if _, err := os.Stat("/run/systemd/system"); err == nil {
		t.Skip("systemd runs here")
	}
	b := actiontest.New(t)
	for _, try := range []func(string, args) (action.Outcome, error){b.Preview, b.Apply} {
		_, err := try("service", args{"name": "runner-nosuch", "state": "running"})
		fails(t, err, "there is no service manager here")
	}
}
