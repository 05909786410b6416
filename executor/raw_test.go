package executor_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"runner/agent/wire"
	"runner/executor"
	"runner/executor/event"
	"runner/planner/plan"
)

// runs adds a raw command line.
func (b *bench) runs(job *plan.Job, name string, args map[string]any) {
	task := b.aside(job, "raw", name, func(plan.State) plan.Instance { return plan.Instance{Args: args} })
	task.Results = []string{"stdout", "stderr", "truncated", "exit_code", "signal"}
}

// G15: a command line runs where the chain ends, and no agent is started for it. What it prints, and how it ends, is told as of a command.
func TestG15RawEnds(t *testing.T) {
	for _, c := range []struct {
		name   string
		args   map[string]any
		end    string
		stdout any
		error  string
	}{
		{"line", map[string]any{"command": "echo $((1 + 1))"}, "changed", "2", ""},
		{"argv", map[string]any{"argv": []any{"echo", "$x", "-n"}}, "changed", "$x -n", ""},
		{"stdin", map[string]any{"command": "cat", "stdin": "in"}, "changed", "in", ""},
		{"reads", map[string]any{"command": "echo", "changes": false}, "ok", "", ""},
		{"status", map[string]any{"command": "echo why >&2; exit 3"}, "failed", "", "it ended with status 3"},
		{"expected", map[string]any{"command": "exit 3", "ok_exit_codes": []any{int64(0), int64(3)}}, "changed", "", ""},
		{"signal", map[string]any{"command": "kill -9 $$"}, "failed", "", "it was ended by SIGKILL"},
		{"no program", map[string]any{"argv": []any{"no-such-program"}}, "failed", nil, "no-such-program"},
	} {
		b := newBench("a")
		job := b.job("j")
		b.runs(job, "raw", c.args)
		b.apply(t, t.Context())
		same(t, b.sink.ends(), []string{"raw " + c.end})
		if n := b.run.Broker.Stats().Connections; n != 0 {
			t.Errorf("%s: %d agents", c.name, n)
		}
		if got := b.sink.result("raw")["stdout"]; got != c.stdout {
			t.Errorf("%s: printed %q", c.name, got)
		}
		for _, e := range b.sink.events {
			if end, ok := e.(event.TaskEnd); ok && !strings.Contains(end.Error, c.error) {
				t.Errorf("%s: %s", c.name, end.Error)
			}
		}
	}
}

// A raw command line stands in its place among other tasks, never beside one of the same connection, in whatever job.
func TestRawInOrder(t *testing.T) {
	dir := t.TempDir()
	b := newBench("a")
	b.run.Live = true
	script := fmt.Sprintf("cd %s; mkdir busy || exit 1; sleep 0.05; rmdir busy; echo $1 >>order", dir)
	for i := range 2 {
		job := b.job(fmt.Sprint("j", i))
		for k := range 3 {
			b.runs(job, fmt.Sprint("raw", k), map[string]any{"argv": []any{"/bin/sh", "-c", script, "sh", fmt.Sprint("r", k)}})
			b.sh(job, fmt.Sprint("agent", k), strings.ReplaceAll(script, "$1", fmt.Sprint("a", k)))
		}
	}
	if s := b.apply(t, t.Context()); s.Changed != 12 {
		t.Errorf("%+v", s.Counts)
	}
	order, _ := os.ReadFile(filepath.Join(dir, "order"))
	if got := strings.Fields(string(order)); len(got) != 12 {
		t.Errorf("%v", got)
	}
}

// What waits for another task of its connection has not begun, and its time has not either.
func TestRawWaits(t *testing.T) {
	for _, interrupted := range []bool{false, true} {
		b := newBench("a")
		b.job("busy")
		b.job("late")
		busy, late := &b.Jobs[0], &b.Jobs[1]
		b.sh(busy, "long", "sleep 0.6")
		b.aside(late, "pause", "pause", func(plan.State) plan.Instance { return plan.Instance{Args: map[string]any{"duration": "200ms"}} })
		b.aside(late, "raw", "raw", func(plan.State) plan.Instance {
			return plan.Instance{Args: map[string]any{"command": "true"}, Timeout: 300 * time.Millisecond}
		})
		ctx, cancel := context.WithCancelCause(t.Context())
		begun := false
		b.sink.seen = func(e event.Event) {
			switch e := e.(type) {
			case event.TaskEnd:
				if interrupted && short(e.Address) == "pause" {
					time.AfterFunc(100*time.Millisecond, func() { cancel(executor.ErrInterrupted) })
				}
			case event.TaskStart:
				begun = begun || short(e.Address) == "raw"
			}
		}
		b.apply(t, ctx)
		cancel(nil)
		end := b.sink.end("raw")
		if interrupted && (begun || end.Status != event.Cancelled || end.Reason != "not_started") || !interrupted && end.Status != event.Changed {
			t.Errorf("begun %v, %s %s: %s", begun, end.Status, end.Reason, end.Error)
		}
	}
}

// A timeout and an interrupt end it here; a preview runs only what was promised to change nothing, and not behind a change.
func TestRawCut(t *testing.T) {
	for _, c := range []struct {
		name    string
		timeout time.Duration
		end     string
		reason  string
	}{
		{"late", 200 * time.Millisecond, "failed", "timeout"},
		{"interrupted", 0, "cancelled", "cancelled"},
	} {
		b := newBench("a")
		job := b.job("j")
		b.aside(job, "raw", "raw", func(plan.State) plan.Instance {
			return plan.Instance{Args: map[string]any{"command": "sleep 60"}, Timeout: c.timeout}
		})
		b.sh(job, "two", "true")
		ctx, cancel := context.WithCancelCause(t.Context())
		b.sink.seen = func(e event.Event) {
			if _, ok := e.(event.TaskStart); ok && c.timeout == 0 {
				cancel(executor.ErrInterrupted)
			}
		}
		began := time.Now()
		b.apply(t, ctx)
		cancel(nil)
		same(t, b.sink.ends(), []string{"raw " + c.end, "two cancelled"})
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s: took %v", c.name, took)
		}
	}
	made := filepath.Join(t.TempDir(), "made")
	b := newBench("a")
	b.run.Mode = wire.ModeLook
	job := b.job("j")
	b.runs(job, "reads", map[string]any{"command": "echo x", "changes": false})
	b.runs(job, "runs", map[string]any{"command": "touch " + made})
	b.runs(job, "behind", map[string]any{"command": "touch " + made, "changes": false})
	b.apply(t, t.Context())
	same(t, b.sink.planned(), []string{"reads read", "runs run", "behind read"})
	for _, e := range b.sink.events {
		if p, ok := e.(event.PlannedChange); ok && (short(p.Address) == "behind") != (p.Reason == "task.command.runs runs before") {
			t.Errorf("%+v", p)
		}
	}
	if _, err := os.Stat(made); err == nil || b.run.Broker.Stats().Connections != 0 {
		t.Errorf("%v, %d agents", err, b.run.Broker.Stats().Connections)
	}
}
