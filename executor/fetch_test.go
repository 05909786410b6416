package executor_test

import (
	"os"
	"path/filepath"
	"testing"

	"runner/executor/event"
	"runner/planner/plan"
)

// A fetch that runs when another host ends the run comes to its own end: it is not cut on the controller.
func TestFetchEndsAfterAbort(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	if err := os.WriteFile(from, make([]byte, 64<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	b := newBench("a", "b")
	job := b.job("j")
	task := b.task(job, "fetch", nil)
	task.Action = "fetch"
	b.perHost[task.Address] = func(host string, _ plan.State) []plan.Instance {
		if host == "b" {
			return []plan.Instance{{Skip: true}}
		}
		return []plan.Instance{{Args: map[string]any{"path": from}, Destination: to}}
	}
	begun := make(chan struct{})
	abort := b.task(job, "abort", nil)
	abort.Action, abort.OnFailure = "fail", plan.Abort
	b.perHost[abort.Address] = func(host string, _ plan.State) []plan.Instance {
		if host == "b" {
			<-begun
		}
		return []plan.Instance{{Skip: host == "a", Args: map[string]any{"message": "no"}}}
	}
	b.sink.seen = func(e event.Event) {
		if start, ok := e.(event.TaskStart); ok && short(start.Address) == "fetch" {
			close(begun)
		}
	}
	b.apply(t, t.Context())
	for _, e := range b.sink.events {
		if end, ok := e.(event.TaskEnd); ok && short(end.Address) == "fetch" && end.Host == "a" && end.Status != event.Changed {
			t.Errorf("%s: %s", end.Status, end.Error)
		}
	}
	if info, err := os.Stat(to); err != nil || info.Size() != 64<<20 {
		t.Errorf("%v", err)
	}
}
