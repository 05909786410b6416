//go:build linux

package accounts_test

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"runner/agent/action"
	"runner/agent/action/actiontest"
)

// A user whose processes run is not removed, and its number stays; the preview says so, and names them.
func TestUserWithProcessesStays(t *testing.T) {
	if !actiontest.Apart(t) {
		return
	}
	actiontest.Command(t, "useradd", "-m", "-u", "7231", "rtu")
	sleep := exec.CommandContext(t.Context(), "sleep", "60")
	sleep.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 7231, Gid: 7231}}
	actiontest.OK(t, sleep.Start())
	b := actiontest.New(t)
	want := strconv.Itoa(sleep.Process.Pid) + " (sleep)"
	for _, a := range []args{{"name": "rtu", "state": "absent", "remove_home": true}, {"name": "rtu", "uid": 7232}, {"name": "rtu", "home": "/srv/rtu"}} {
		for mode, do := range map[string]func(string, args) (action.Outcome, error){"preview": b.Preview, "apply": b.Apply} {
			if _, err := do("user", a); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s of %v: %v", mode, a, err)
			}
		}
	}
	if got := field(t, "passwd", "rtu", 2); got != "7231" {
		t.Errorf("its number is %q", got)
	}
	// What does not concern processes can be changed, and all can once they have ended, waited for or not.
	b.Must("user", args{"name": "rtu", "comment": "Ann"})
	actiontest.OK(t, sleep.Process.Kill())
	time.Sleep(100 * time.Millisecond)
	b.Must("user", args{"name": "rtu", "state": "absent", "remove_home": true})
	_ = sleep.Wait()
}

// Root stays, under whatever name.
func TestRootIsNotRemoved(t *testing.T) {
	if !actiontest.Apart(t) {
		return
	}
	actiontest.Command(t, "useradd", "-M", "-o", "-u", "0", "-g", "0", "rtu")
	b := actiontest.New(t)
	for _, name := range []string{"root", "rtu"} {
		if _, err := b.Preview("user", args{"name": name, "state": "absent"}); err == nil || !strings.Contains(err.Error(), "root") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What does not go with a new number is in the preview.
func TestUserWithAnotherNumberAndHome(t *testing.T) {
	if !actiontest.Apart(t) {
		return
	}
	actiontest.Command(t, "useradd", "-m", "-u", "7231", "rtu")
	actiontest.Command(t, "cp", "-a", "/home/rtu", "/srv/rtu")
	actiontest.Command(t, "chown", "-R", "7231", "/srv/rtu")
	b := actiontest.New(t)
	both := args{"name": "rtu", "uid": 7232, "home": "/srv/rtu"}
	out, err := b.Preview("user", both)
	actiontest.OK(t, err)
	if out.After["files"] != "those in /home/rtu keep the number 7231" {
		t.Errorf("the preview says %v", out.After)
	}
	b.Must("user", both)
	for at, want := range map[string]string{"/home/rtu/.profile": "7231", "/srv/rtu/.profile": "7232"} {
		if got := strings.TrimSpace(actiontest.Command(t, "stat", "-c", "%u", at)); got != want {
			t.Errorf("%s is of %s", at, got)
		}
	}
}
