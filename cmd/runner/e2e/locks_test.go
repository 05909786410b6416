package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"runner/cmd/testbed/bed"
)

// holding is a run that holds the lock of host "machine" until its mark is removed. It does so in a lane of its own, so
// that only the lock keeps others away.
type holding struct {
	*running
	mark string
}

// hold starts one, and leaves a site with another job there.
func (r *reached) hold(t *testing.T) *holding {
	t.Helper()
	h := &holding{mark: filepath.Join(r.account.Home, "mark")}
	began := filepath.Join(r.account.Home, "began")
	if err := os.WriteFile(h.mark, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	r.write("site.hcl", fmt.Sprintf(`job "first" {
  hosts = [host.machine]
  task "shell" "hold" {
    lane   = "slow"
    script = "echo > %s; while [ -e %s ]; do sleep 0.05; done"
  }
}`, began, h.mark))
	h.running = r.start("apply", "--json", "--auto-approve", "--lock-timeout", "0s")
	eventually(t, "the first run's task runs", func() bool { _, err := os.Stat(began); return err == nil })
	r.write("site.hcl", `job "second" {
  hosts = [host.machine]
  task "command" "x" { argv = ["true"] }
}`)
	return h
}

func (h *holding) release() { _ = os.Remove(h.mark) }

// waits says whether a run has told that it waits for the lock.
func (r *running) waits() bool { return strings.Contains(r.out.String(), `"code":"locked"`) }

// TestG20Locks: a second run fails at once, or waits, as it was asked; it names who holds the lock. A plan needs none.
func TestG20Locks(t *testing.T) {
	t.Parallel()
	r := newReached(t, bed.ServerOptions{Machine: true})
	first := r.hold(t)

	r.run("plan", "--json").must(t, 0)

	got := r.run("apply", "--json", "--auto-approve", "--lock-timeout", "0s").must(t, 4)
	id := strings.Split(first.out.String(), `"run":"`)[1][:len("20060102T150405Z-00000000")]
	end := got.of("task_end")[0]
	me, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{id, "root@" + me, "apply", "--lock-timeout"} {
		if !strings.Contains(end.text("error"), want) {
			t.Errorf("the error does not name %s: %s", want, end.text("error"))
		}
	}
	if end.text("status") != "unreachable" || end.text("reason") != "locked" {
		t.Errorf("the end is %v", end)
	}

	told := r.run("apply", "--auto-approve", "--lock-timeout", "0s").must(t, 4)
	if text := told.stdout + told.stderr; !strings.Contains(text, "is locked: ") || !strings.Contains(text, id) || strings.Contains(text, "cannot be reached") {
		t.Errorf("people are told\n%s", text)
	}

	interrupted := r.start("apply", "--json", "--auto-approve", "--lock-timeout", "1h")
	eventually(t, "it waits", interrupted.waits)
	_ = interrupted.cmd.Process.Signal(syscall.SIGINT)
	interrupted.end(12*time.Second).must(t, 130)

	second := r.start("apply", "--json", "--auto-approve", "--lock-timeout", "1h")
	eventually(t, "the second run waits", second.waits)
	first.release()
	first.end(time.Minute).must(t, 0)
	waited := second.end(time.Minute).must(t, 0)
	if trips := waited.last(t, "run_end").number("round_trips"); trips != 3 {
		t.Errorf("%d round trips, want 3: the lock goes with the first call", trips)
	}
	if left, err := os.ReadDir(filepath.Join(r.account.Home, ".cache", "runner")); err != nil || len(left) != 1 {
		t.Errorf("%v is left there, want the agent alone (%v)", left, err)
	}
}

// TestG20LockOfTheDead: when the controller that holds the lock is killed, the one that waits goes on.
func TestG20LockOfTheDead(t *testing.T) {
	t.Parallel()
	r := newReached(t, bed.ServerOptions{Machine: true})
	first := r.hold(t)
	second := r.start("apply", "--json", "--auto-approve", "--lock-timeout", "1h")
	eventually(t, "the second run waits", second.waits)
	kill(t, first.cmd.Process.Pid)
	_ = first.cmd.Wait()
	second.end(time.Minute).must(t, 0)
}
