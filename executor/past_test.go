package executor_test

import (
	"slices"
	"testing"

	"runner/executor/record"
	"runner/planner/plan"
)

// past is what a run has done, to hosts that nobody has replaced.
type past struct{ *record.Progress }

func (past) Reached(string) bool { return true }
func (past) Stranger(int) string { return "" }

// progress is what a run has done.
func (b *bench) progress() past {
	p := past{record.NewProgress()}
	for _, e := range b.sink.events {
		p.Add(e)
	}
	return p
}

// A handler stays due until all its elements have run well.
func TestHandlerDueByElement(t *testing.T) {
	b := newBench("a")
	job := b.job("j")
	b.sh(job, "t", "true").Notify = []string{"job.j.handler.h"}
	b.handler(job, "h", "")
	job.Handlers[0].Keyed = true
	fails := "false"
	b.script["job.j.handler.h"] = func(plan.State) []plan.Instance {
		var out []plan.Instance
		for key, line := range []string{"true", fails} {
			out = append(out, plan.Instance{Keyed: true, Key: string(rune('a' + key)), Args: map[string]any{"argv": []any{"/bin/sh", "-c", line}}})
		}
		return out
	}
	b.apply(t, t.Context())
	if due := b.progress().Due("a", "j"); !slices.Equal(due, []string{"job.j.handler.h"}) {
		t.Errorf("due are %v", due)
	}

	_ = b.run.Broker.Close()
	b.run.Past, fails = b.progress(), "true"
	b.apply(t, t.Context())
	if due := b.progress().Due("a", "j"); len(due) > 0 {
		t.Errorf("after the second run, due are %v", due)
	}
}

// A handler that runs once has run for all hosts.
func TestHandlerDueOnce(t *testing.T) {
	b := newBench("a", "b")
	job := b.job("j")
	b.sh(job, "t", "true").Notify = []string{"job.j.handler.h"}
	b.handler(job, "h", "true")
	job.Handlers[0].Once = true
	b.apply(t, t.Context())
	for _, host := range []string{"a", "b"} {
		if due := b.progress().Due(host, "j"); len(due) > 0 {
			t.Errorf("on %s due are %v", host, due)
		}
	}
}

// What was done is told once for each element, also behind a connection that is lost.
func TestPastBehindALostCall(t *testing.T) {
	const many = 5
	build := func() *bench {
		b := newBench("a")
		job := b.job("j")
		task := b.task(job, "each", func(plan.State) []plan.Instance {
			out := make([]plan.Instance, many)
			for i := range out {
				out[i] = plan.Instance{Keyed: true, Key: i, Args: map[string]any{"argv": []any{"/bin/true"}}}
			}
			return out
		})
		task.Keyed = true
		return b
	}
	first := build()
	first.apply(t, t.Context())

	second := build()
	second.run.Past = first.progress()
	lost := second.sh(&second.Jobs[0], "lost", "kill -9 $PPID; sleep 5")
	second.Jobs[0].Tasks = []plan.Task{*lost, second.Jobs[0].Tasks[0]}
	second.apply(t, t.Context())
	if n := len(second.sink.ends()); n != many+1 {
		t.Errorf("%d ends, want %d: %v", n, many+1, second.sink.ends())
	}
}
