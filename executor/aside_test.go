package executor_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"runner/agent/wire"
	"runner/executor"
	"runner/executor/event"
	"runner/planner/plan"
)

// aside adds a task that needs no call.
func (b *bench) aside(job *plan.Job, action, name string, f func(plan.State) plan.Instance) *plan.Task {
	task := b.task(job, name, func(s plan.State) []plan.Instance { return []plan.Instance{f(s)} })
	task.Action = action
	return task
}

// asserts adds an assert of what a task has printed; without a task of what is known.
func (b *bench) asserts(job *plan.Job, name string, on *plan.Task, holds func(printed string) bool) {
	task := b.aside(job, "assert", name, func(s plan.State) plan.Instance {
		printed := ""
		if on != nil {
			results, known := s.Results(on.Address, "a")
			if !known || results.Elements[0].Unknown {
				return plan.Instance{Args: map[string]any{}, Unknown: []string{"condition"}}
			}
			printed, _ = results.Elements[0].Values["stdout"].(string)
		}
		return plan.Instance{Args: map[string]any{"condition": holds(printed), "message": "it says " + printed}}
	})
	if on != nil {
		task.Needs = []string{on.Address}
	}
}

func (b *bench) prints(job *plan.Job, on *plan.Task) *plan.Task {
	task := b.aside(job, "print", "print", func(s plan.State) plan.Instance {
		results, known := s.Results(on.Address, "a")
		if !known || results.Elements[0].Unknown {
			return plan.Instance{Args: map[string]any{}, Unknown: []string{"message"}}
		}
		return plan.Instance{Args: map[string]any{"message": fmt.Sprint("it says ", results.Elements[0].Values["stdout"])}}
	})
	task.Needs, task.Results = []string{on.Address}, []string{"message"}
	return task
}

func anything(string) bool { return true }

// What asks nothing of a target costs no round trip, and keeps its place: what comes after an assert that fails is not
// begun. What a print reads is not waited for before the next call is sent.
func TestAsides(t *testing.T) {
	for _, c := range []struct {
		name  string
		make  func(b *bench, job *plan.Job)
		ends  []string
		trips int // one for the hello
	}{
		{"holds", func(b *bench, job *plan.Job) {
			b.sh(job, "one", "echo 1")
			b.asserts(job, "assert", nil, anything)
			b.sh(job, "two", "true")
		}, []string{"one changed", "assert ok", "two changed"}, 2},
		{"does not hold", func(b *bench, job *plan.Job) {
			b.sh(job, "one", "echo 1")
			b.asserts(job, "assert", nil, func(string) bool { return false })
			b.sh(job, "two", "true")
		}, []string{"one changed", "assert failed", "two cancelled"}, 3}, // what was written is synced
		{"behind a failure", func(b *bench, job *plan.Job) {
			b.sh(job, "one", "exit 1")
			b.asserts(job, "assert", nil, func(string) bool { return false })
			b.sh(job, "two", "true")
		}, []string{"one failed", "assert cancelled", "two cancelled"}, 3},
		{"reads a result", func(b *bench, job *plan.Job) {
			one := *b.sh(job, "one", "echo 1")
			b.asserts(job, "assert", &one, func(printed string) bool { return printed == "1" })
			b.sh(job, "two", "true")
		}, []string{"one changed", "assert ok", "two changed"}, 3},
		{"print", func(b *bench, job *plan.Job) {
			one := *b.sh(job, "one", "echo 1")
			b.prints(job, &one)
			b.sh(job, "two", "true")
			b.sh(job, "three", "true")
		}, []string{"one changed", "print ok", "two changed", "three changed"}, 2},
		{"print, read by another", func(b *bench, job *plan.Job) {
			one := *b.sh(job, "one", "echo 1")
			print := *b.prints(job, &one)
			b.sh(job, "two", "true").Needs = []string{print.Address}
		}, []string{"one changed", "print ok", "two changed"}, 3},
		{"print of what cannot be evaluated", func(b *bench, job *plan.Job) {
			b.sh(job, "one", "echo 1")
			b.aside(job, "print", "print", nil)
			delete(b.script, "job.j.task.command.print")
			b.sh(job, "two", "true")
		}, []string{"one changed", "two changed", "print failed"}, 2},
		{"print behind a failure", func(b *bench, job *plan.Job) {
			one := *b.sh(job, "one", "exit 1")
			b.prints(job, &one)
			b.sh(job, "two", "true")
		}, []string{"one failed", "print cancelled", "two cancelled"}, 2},
		{"pause", func(b *bench, job *plan.Job) {
			b.sh(job, "one", "true")
			b.aside(job, "pause", "pause", func(plan.State) plan.Instance { return plan.Instance{Args: map[string]any{"duration": "10ms"}} })
			b.sh(job, "two", "true")
		}, []string{"one changed", "pause ok", "two changed"}, 3},
		{"pause that is too long", func(b *bench, job *plan.Job) {
			b.aside(job, "pause", "pause", func(plan.State) plan.Instance {
				return plan.Instance{Args: map[string]any{"duration": "1h"}, Timeout: 10 * time.Millisecond}
			})
			b.sh(job, "two", "true")
		}, []string{"pause failed", "two cancelled"}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench("a")
			job := b.job("j")
			c.make(b, job)
			want := 1 + len(b.Pipelines())
			if s := b.apply(t, t.Context()); s.Trips != c.trips || c.trips > 0 && !strings.Contains(strings.Join(c.ends, " "), "failed") && want != c.trips {
				t.Errorf("%d round trips, want %d; the plan says %d", s.Trips, c.trips, want)
			}
			same(t, b.sink.ends(), c.ends)
		})
	}
}

// A host on which nothing but asides run is not connected to.
func TestAsideAlone(t *testing.T) {
	b := newBench("a")
	b.Hosts[0].Connection = -1
	job := b.job("j")
	b.asserts(job, "assert", nil, anything)
	b.aside(job, "print", "print", func(plan.State) plan.Instance { return plan.Instance{Args: map[string]any{"message": "hello"}} }).Results = []string{"message"}
	b.aside(job, "pause", "pause", func(plan.State) plan.Instance { return plan.Instance{Args: map[string]any{"duration": "0s"}} })
	if s := b.apply(t, t.Context()); s.OK != 3 || b.run.Broker.Stats().Connections != 0 {
		t.Errorf("%+v, %d connections", s.Counts, b.run.Broker.Stats().Connections)
	}
	for _, e := range b.sink.events {
		if end, ok := e.(event.TaskEnd); ok && short(end.Address) == "print" && fmt.Sprint(end.Result) != "map[changed:false duration:0 failed:false message:hello skipped:false]" {
			t.Errorf("%v", end.Result)
		}
	}
}

// A preview tells what is certain: an assert that is known to be false fails there, one that reads what only the run will
// give is unknown, and nothing waits.
func TestAsidesPreviewed(t *testing.T) {
	b := newBench("a")
	b.run.Mode = wire.ModeLook
	job := b.job("j")
	one := *b.sh(job, "one", "echo 1")
	b.prints(job, &one)
	b.asserts(job, "later", &one, anything)
	b.aside(job, "fail", "perhaps", func(plan.State) plan.Instance {
		return plan.Instance{Args: map[string]any{"message": "no"}, Unknown: []string{"when"}}
	})
	b.aside(job, "pause", "pause", func(plan.State) plan.Instance { return plan.Instance{Args: map[string]any{"duration": "1h"}} })
	b.aside(job, "fail", "hidden", func(plan.State) plan.Instance {
		return plan.Instance{Args: map[string]any{"message": "secret"}, Hidden: plan.Hidden{All: true}}
	}).OnFailure = plan.Continue
	b.aside(job, "fail", "unsaid", func(plan.State) plan.Instance { return plan.Instance{Unknown: []string{"message"}} }).OnFailure = plan.Continue
	b.asserts(job, "false", nil, func(string) bool { return false })
	b.sh(job, "two", "true")
	s := b.apply(t, t.Context())
	same(t, b.sink.planned(), []string{"one run", "print read", "later read", "perhaps read", "pause none"})
	var said []string
	for _, e := range b.sink.events {
		if d, ok := e.(event.Diagnostic); ok {
			said = append(said, d.Severity+" "+short(d.Address)+": "+d.Detail)
		}
	}
	same(t, said, []string{"warning hidden: (sensitive)", "warning unsaid: (its message is known after apply)", "error false: it says "})
	if s.Unhandled != 1 {
		t.Errorf("%+v", s)
	}
}

// The conditions of a task hold for what needs no call, too, and a handler hears of it.
func TestAsideConditions(t *testing.T) {
	b := newBench("a")
	job := b.job("j")
	b.handler(job, "h", "true")
	changed := b.aside(job, "print", "changed", func(plan.State) plan.Instance {
		return plan.Instance{Args: map[string]any{"message": "x"}}
	})
	changed.ChangedWhen, changed.Notify = true, []string{job.Handlers[0].Address}
	b.judges[changed.Address] = func(plan.Result) (plan.Verdict, error) { return plan.Verdict{Changed: true}, nil }
	verdict := b.aside(job, "print", "verdict", func(plan.State) plan.Instance {
		return plan.Instance{Args: map[string]any{"message": "x"}, Retry: plan.Retry{Attempts: 2}}
	})
	verdict.Verdict = true
	b.judges[verdict.Address] = func(r plan.Result) (plan.Verdict, error) {
		return plan.Verdict{Failed: r.Values["message"] == "x", Again: true}, nil
	}
	b.sh(job, "two", "true")
	b.apply(t, t.Context())
	same(t, b.sink.ends(), []string{"changed changed", "verdict failed", "two cancelled", "h changed"})
}

// What this run cannot know fails, and says so; it is not taken for something that only was not begun.
func TestAsideCannotKnow(t *testing.T) {
	for _, action := range []string{"assert", "print", "pause"} {
		b := newBench("a")
		job := b.job("j")
		b.sh(job, "one", "true")
		b.aside(job, action, "aside", func(plan.State) plan.Instance {
			return plan.Instance{Args: map[string]any{}, Unknown: []string{"condition"}}
		}).Needs = []string{job.Tasks[0].Address}
		b.apply(t, t.Context())
		same(t, b.sink.ends(), []string{"one changed", "aside failed"})
		if end := b.sink.end("aside"); !strings.Contains(end.Error, "cannot know condition") || end.Failure == nil {
			t.Errorf("%s: %+v", action, end)
		}
	}
}

// An interrupt ends a pause at once.
func TestPauseInterrupted(t *testing.T) {
	b := newBench("a")
	job := b.job("j")
	b.aside(job, "pause", "pause", func(plan.State) plan.Instance { return plan.Instance{Args: map[string]any{"duration": "1h"}} })
	b.sh(job, "two", "true")
	ctx, cancel := context.WithCancelCause(t.Context())
	b.sink.seen = func(e event.Event) {
		if _, ok := e.(event.TaskStart); ok {
			cancel(executor.ErrInterrupted)
		}
	}
	began := time.Now()
	s := b.apply(t, ctx)
	same(t, b.sink.ends(), []string{"pause cancelled", "two cancelled"})
	if took := time.Since(began); took > 2*time.Second || !s.Interrupted {
		t.Errorf("took %v, interrupted %v", took, s.Interrupted)
	}
}
