package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"runner/cmd/testbed/bed"
)

// span is when a task held its target, by the target's clock.
type span struct {
	target     string
	begin, end time.Time
}

func spans(t *testing.T, r ran) []span {
	t.Helper()
	var out []span
	for _, e := range r.of("task_end") {
		begin, err := time.Parse(time.RFC3339Nano, e.text("started"))
		if err != nil {
			t.Fatalf("%v does not say when it started", e)
		}
		target := e["target"].(map[string]any)
		took := time.Duration(e["seconds"].(float64) * float64(time.Second))
		out = append(out, span{fmt.Sprint(target["machine"], target["user"]), begin, begin.Add(took)})
	}
	slices.SortFunc(out, func(a, b span) int { return a.begin.Compare(b.begin) })
	return out
}

// overlap counts pairs of neighbours that held their targets at the same time.
func overlap(all []span, same bool) int {
	n := 0
	for i, a := range all {
		for _, b := range all[i+1:] {
			if (a.target == b.target) == same && b.begin.Before(a.end) {
				n++
			}
		}
	}
	return n
}

// TestLanes: one (machine, user) never works on two tasks at once, also where two chains of one run meet there, which share
// the run's lock; different users do work at once. G19 G20.
func TestLanes(t *testing.T) {
	t.Parallel()
	r := newReached(t, bed.ServerOptions{})
	mark := filepath.Join(r.Dir(), "busy")
	// The second way to root's lane: another server, another chain, another job.
	second := r.SSHD(bed.ServerOptions{})
	r.write("site.hcl", fmt.Sprintf(`
host "other" {
  address = "%[1]s"
  hop "ssh" {
    user        = "%[2]s"
    port        = %[3]d
    keys        = ["%[4]s"]
    known_hosts = ["%[5]s"]
    config      = false
    agent       = false
  }
  hop "sudo" { password = var.password }
}
job "one" {
  hosts = [host.root, host.machine]
  task "shell" "x" {
    for_each = range(10)
    script   = "mkdir %[6]s.$(id -u) && sleep 0.05 && rmdir %[6]s.$(id -u)"
  }
}
job "two" {
  hosts = [host.other]
  task "shell" "x" {
    for_each = range(10)
    script   = "mkdir %[6]s.$(id -u) && sleep 0.05 && rmdir %[6]s.$(id -u)"
  }
}
`, second.Address, r.account.Name, second.Port, r.Key(), second.KnownHosts, mark))
	if err := os.Chmod(r.Dir(), 0o777); err != nil {
		t.Fatal(err)
	}
	all := spans(t, r.run("apply", "--json", "--auto-approve").must(t, 0)) // mkdir fails where two are there at once
	if len(all) != 30 {
		t.Fatalf("%d tasks, want 30", len(all))
	}
	if n := overlap(all, true); n > 0 {
		t.Errorf("%d times a target worked on two tasks at once", n)
	}
	if overlap(all, false) == 0 {
		t.Error("different users never worked at once")
	}
}
