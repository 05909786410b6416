package executor_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"runner/agent/wire"
	"runner/executor/event"
	"runner/planner/plan"
)

// More calls than a peer takes at a time are held back here, and go when there is room, which costs a round trip for each lot
// at most: none where results come before all is sent.
func TestMoreThanAPeerTakes(t *testing.T) {
	const many = wire.MaxCalls + 1000
	for _, each := range []bool{true, false} {
		b := newBench("a")
		job := b.job("j")
		instance := plan.Instance{Args: map[string]any{"argv": []any{"/bin/false"}, "creates": "/"}} // it is there
		if each {
			b.task(job, "t", func(plan.State) []plan.Instance {
				out := make([]plan.Instance, many)
				for i := range out {
					out[i] = instance
					out[i].Keyed, out[i].Key = true, fmt.Sprint(i)
				}
				return out
			})
		} else {
			for i := range many {
				b.task(job, fmt.Sprint("t", i), func(plan.State) []plan.Instance { return []plan.Instance{instance} })
			}
		}
		s := b.apply(t, t.Context())
		const few = 20 // the hello, two lots, and some more, as the second goes out bit by bit while results come in, some hundred together
		if s.OK != many || s.Trips > few {
			t.Errorf("for_each: %v: %+v, %d round trips, want %d that are ok and at most %d", each, s.Counts, s.Trips, many, few)
		}
	}
}

// That calls will be sent is on record before the first of them is: once for all elements of a task, and again where what one
// of them has done decides whether the next is sent.
func TestOnRecordBeforeSent(t *testing.T) {
	for _, verdict := range []bool{false, true} {
		const many = 20
		b := newBench("a")
		job := b.job("j")
		first := b.sh(job, "first", "true")
		marker := filepath.Join(t.TempDir(), "marker")
		elements := b.task(job, "t", func(plan.State) []plan.Instance {
			out := make([]plan.Instance, many)
			for i := range out {
				out[i] = plan.Instance{Keyed: true, Key: fmt.Sprint(i), Args: map[string]any{"argv": []any{"/bin/sh", "-c", fmt.Sprintf("test -e %s-%d", marker, i)}}}
			}
			return out
		})
		elements.Needs = []string{first.Address} // there is a connection by then
		elements.Verdict = verdict
		b.judges[elements.Address] = func(plan.Result) (plan.Verdict, error) { return plan.Verdict{}, nil }
		waits, sent := 0, 0
		b.sink.seen = func(e event.Event) {
			if e, ok := e.(event.Sent); ok && !e.Withdrawn {
				sent++
			}
		}
		b.run.OnRecord = func() {
			time.Sleep(10 * time.Millisecond) // what was sent too early does not find its marker
			waits++
			for i := range sent - 1 {
				if err := os.WriteFile(fmt.Sprintf("%s-%d", marker, i), nil, 0o600); err != nil {
					t.Error(err)
				}
			}
		}
		s := b.apply(t, t.Context())
		want := 2
		if verdict {
			want = 1 + many
		}
		if s.Failed > 0 || sent != 1+many || waits != want {
			t.Errorf("verdicts: %v: %d have failed, %d are on record as sent, after %d waits, want %d", verdict, s.Failed, sent, waits, want)
		}
	}
}

// Nothing of a task's output is told before that the task has begun.
func TestOutputFollowsItsStart(t *testing.T) {
	b := newBench("a")
	job := b.job("j")
	for i := range 50 {
		b.sh(job, fmt.Sprint("t", i), "echo out")
	}
	b.run.Live = true
	b.apply(t, t.Context())
	begun, printed := map[string]bool{}, 0
	for _, e := range b.sink.events {
		switch e := e.(type) {
		case event.TaskStart:
			if begun[e.Address] {
				t.Errorf("%s begins twice", e.Address)
			}
			begun[e.Address] = true
		case event.Output:
			printed++
			if !begun[e.Address] {
				t.Errorf("%s prints before it has begun", e.Address)
			}
		}
	}
	if printed != 50 || len(begun) != 50 {
		t.Errorf("%d have begun, %d outputs", len(begun), printed)
	}
}

// A preview tells what a command that only reads prints, and of no task that it has begun.
func TestAPreviewBeginsNothing(t *testing.T) {
	b := newBench("a")
	job := b.job("j")
	b.task(job, "t", func(plan.State) []plan.Instance {
		return []plan.Instance{{Args: map[string]any{"argv": []any{"/bin/echo", "out"}, "changes": false}}}
	})
	b.run.Mode, b.run.Live = wire.ModeLook, true
	b.apply(t, t.Context())
	printed := 0
	for _, e := range b.sink.events {
		switch e.(type) {
		case event.TaskStart:
			t.Errorf("a preview begins a task: %+v", e)
		case event.Output:
			printed++
		}
	}
	if printed != 1 {
		t.Errorf("%d outputs", printed)
	}
}
