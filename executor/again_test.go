package executor_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"runner/agent/wire"
	"runner/executor"
	"runner/executor/event"
	"runner/planner/plan"
)

// retries gives the instances of a task a retry.
func (b *bench) retries(task *plan.Task, retry plan.Retry) {
	expand := b.script[task.Address]
	b.script[task.Address] = func(s plan.State) []plan.Instance {
		out := expand(s)
		for i := range out {
			out[i].Retry = retry
		}
		return out
	}
}

// attempts returns the task_starts, as "address attempt".
func (r *recorder) attempts() []string {
	var out []string
	for _, e := range r.events {
		if start, ok := e.(event.TaskStart); ok {
			out = append(out, fmt.Sprintf("%s %d", short(start.Address), start.Attempt))
		}
	}
	return out
}

// end returns how a task ended.
func (r *recorder) end(name string) event.TaskEnd {
	for _, e := range r.events {
		if end, ok := e.(event.TaskEnd); ok && short(end.Address) == name {
			return end
		}
	}
	return event.TaskEnd{}
}

// nth is a line of shell that fails until it has run so often.
func nth(dir, name string, n int) string {
	return fmt.Sprintf("echo %s >>%s/log; echo x >>%s/%s; test $(wc -l <%s/%s) -ge %d", name, dir, dir, name, dir, name, n)
}

// A task that fails is tried again, and what was sent behind it comes after; without a failure it costs nothing.
func TestRetry(t *testing.T) {
	for _, c := range []struct {
		needed, allowed int
		onFailure       plan.OnFailure
		ran             string
		attempts        []string
		ends            []string
		trips           int
	}{
		{1, 3, plan.Stop, "a b c", []string{"a 1", "b 1", "c 1"}, []string{"a changed", "b changed", "c changed"}, 2},
		{3, 3, plan.Stop, "a b b b c", []string{"a 1", "b 1", "b 2", "b 3", "c 1"}, []string{"a changed", "b changed", "c changed"}, 4},
		{9, 2, plan.Stop, "a b b", []string{"a 1", "b 1", "b 2"}, []string{"a changed", "b failed", "c cancelled"}, 3},
		{9, 2, plan.Continue, "a b b c", []string{"a 1", "b 1", "b 2", "c 1"}, []string{"a changed", "b failed handled", "c changed"}, 3},
	} {
		b := newBench("a")
		dir := t.TempDir()
		job := b.job("j")
		b.sh(job, "a", "echo a >>"+dir+"/log")
		task := b.sh(job, "b", nth(dir, "b", c.needed))
		task.OnFailure = c.onFailure
		b.retries(task, plan.Retry{Attempts: c.allowed, Delay: time.Millisecond, Backoff: 2})
		b.sh(job, "c", "echo c >>"+dir+"/log")
		s := b.apply(t, t.Context())
		if got := ran(t, dir+"/log"); got != c.ran {
			t.Errorf("ran %q, want %q", got, c.ran)
		}
		same(t, b.sink.attempts(), c.attempts)
		same(t, b.sink.handled(), c.ends)
		if end := b.sink.end("b"); end.Attempts != min(c.needed, c.allowed) || s.Trips != c.trips {
			t.Errorf("%d attempts, %d round trips, want %d and %d", end.Attempts, s.Trips, min(c.needed, c.allowed), c.trips)
		}
	}
}

// The delay before another attempt holds no slot: each host waits here for what the other one does, and one is worked on
// at once.
func TestRetryHoldsNoSlot(t *testing.T) {
	b := newBench("a", "b")
	dir := t.TempDir()
	job := b.job("j")
	task := b.each(job, "t", "touch "+dir+"/%s; test -e "+dir+"/a -a -e "+dir+"/b")
	expand := b.perHost[task.Address]
	b.perHost[task.Address] = func(host string, s plan.State) []plan.Instance {
		out := expand(host, s)
		out[0].Retry = plan.Retry{Attempts: 500, Delay: 10 * time.Millisecond}
		return out
	}
	b.run.Parallel = 1
	b.apply(t, t.Context())
	same(t, b.sink.ends(), []string{"t changed", "t changed"})
}

// Of a task with for_each only the element that failed is tried again, and those behind it come after.
func TestRetryOfAnElement(t *testing.T) {
	b := newBench("a")
	dir := t.TempDir()
	job := b.job("j")
	task := b.task(job, "each", func(plan.State) []plan.Instance {
		var out []plan.Instance
		for i, line := range []string{nth(dir, "p", 1), nth(dir, "q", 2), nth(dir, "r", 1)} {
			out = append(out, plan.Instance{Keyed: true, Key: fmt.Sprint(i), Args: map[string]any{"argv": []any{"/bin/sh", "-c", line}}})
		}
		return out
	})
	b.retries(task, plan.Retry{Attempts: 2})
	b.sh(job, "last", "echo s >>"+dir+"/log")
	b.outputs = func(s plan.State) {
		if r, _ := s.Results(task.Address, "a"); len(r.Elements) != 3 || r.Elements[1].Failed {
			t.Errorf("results %+v", r)
		}
	}
	b.apply(t, t.Context())
	if got := ran(t, dir+"/log"); got != "p q q r s" {
		t.Errorf("ran %q", got)
	}
	same(t, b.sink.ends(), []string{`each["0"] changed`, `each["1"] changed`, `each["2"] changed`, "last changed"})
}

// A timeout counts for each attempt; the loss of the host is not tried again.
func TestRetryOfATimeout(t *testing.T) {
	b := newBench("a")
	job := b.job("j")
	task := b.sh(job, "slow", "sleep 60")
	b.retries(task, plan.Retry{Attempts: 2})
	expand := b.script[task.Address]
	b.script[task.Address] = func(s plan.State) []plan.Instance {
		out := expand(s)
		out[0].Timeout = 50 * time.Millisecond
		return out
	}
	b.apply(t, t.Context())
	if end := b.sink.end("slow"); end.Reason != "timeout" || end.Attempts != 2 {
		t.Errorf("%+v, want a timeout at the second attempt", end)
	}

	b = newBench("a")
	job = b.job("j")
	b.retries(b.sh(job, "dies", "kill -9 $PPID; sleep 5"), plan.Retry{Attempts: 5})
	b.apply(t, t.Context())
	if end := b.sink.end("dies"); end.Status != event.Unknown || end.Attempts != 1 {
		t.Errorf("%+v, want one attempt whose outcome nobody knows", end)
	}
}

// An interrupt ends the wait for the next attempt. G24.
func TestRetryInterrupted(t *testing.T) {
	b := newBench("a")
	job := b.job("j")
	b.retries(b.sh(job, "b", "exit 1"), plan.Retry{Attempts: 5, Delay: time.Hour})
	b.sh(job, "c", "true")
	ctx, interrupt := context.WithCancelCause(t.Context())
	b.sink.seen = func(e event.Event) {
		if _, ok := e.(event.TaskStart); ok {
			interrupt(executor.ErrInterrupted)
		}
	}
	b.apply(t, ctx)
	if end := b.sink.end("b"); end.Attempts != 1 || end.Status != event.Failed && end.Status != event.Cancelled {
		t.Errorf("%+v, want the end of the first attempt", end)
	}
}

// Conditions of its own decide how a task ended. What stands behind one whose failure they judge waits for that.
func TestJudge(t *testing.T) {
	verdict := func(v plan.Verdict) func(plan.Result) (plan.Verdict, error) {
		return func(plan.Result) (plan.Verdict, error) { return v, nil }
	}
	for _, c := range []struct {
		name, line string
		judge      func(plan.Result) (plan.Verdict, error)
		verdict    bool
		ends       []string
		reason     string
		trips      int
	}{
		{"unchanged", "true", verdict(plan.Verdict{}), false, []string{"b ok", "c changed"}, "", 2},
		{"changed", "true", verdict(plan.Verdict{Changed: true}), false, []string{"b changed", "c changed", "h changed"}, "", 3},
		{"well after all", "exit 3", verdict(plan.Verdict{Changed: true}), true, []string{"b changed", "c changed", "h changed"}, "", 4},
		{"failed after all", "true", verdict(plan.Verdict{Changed: true, Failed: true}), true, []string{"b failed", "c cancelled"}, "failed_when", 3},
		{"failed anyway", "exit 3", verdict(plan.Verdict{Failed: true}), true, []string{"b failed", "c cancelled"}, "exit", 3},
		{"until", "true", verdict(plan.Verdict{Again: true}), true, []string{"b failed", "c cancelled"}, "until", 3},
		{"no verdict", "true", func(plan.Result) (plan.Verdict, error) { return plan.Verdict{}, errors.New("no") }, true, []string{"b failed", "c cancelled"}, "evaluate", 3},
		{"no verdict on the change", "true", func(plan.Result) (plan.Verdict, error) { return plan.Verdict{}, errors.New("no") }, false, []string{"b failed", "c changed"}, "evaluate", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench("a")
			job := b.job("j")
			task := b.sh(job, "b", c.line)
			task.Verdict, task.ChangedWhen, task.Notify = c.verdict, !c.verdict, []string{"job.j.handler.h"}
			b.judges[task.Address] = c.judge
			b.sh(job, "c", "true")
			b.handler(job, "h", "true")
			s := b.apply(t, t.Context())
			ends := b.sink.ends()
			end := b.sink.end("b")
			if got := strings.Join(ends, ", "); c.reason != "evaluate" && got != strings.Join(c.ends, ", ") {
				t.Errorf("ends %q, want %q", got, c.ends)
			}
			if end.Reason != c.reason || (end.Error == "") != (c.reason == "") || s.Trips != c.trips {
				t.Errorf("%q, %q, %d round trips, want %q and %d", end.Reason, end.Error, s.Trips, c.reason, c.trips)
			}
		})
	}
}

// until is asked after each attempt.
func TestUntil(t *testing.T) {
	b := newBench("a")
	file := filepath.Join(t.TempDir(), "file")
	job := b.job("j")
	task := b.sh(job, "b", "echo x >>"+file+"; wc -l <"+file)
	task.Verdict = true
	b.judges[task.Address] = func(r plan.Result) (plan.Verdict, error) {
		return plan.Verdict{Changed: true, Again: strings.TrimSpace(fmt.Sprint(r.Values["stdout"])) != "3"}, nil
	}
	b.retries(task, plan.Retry{Attempts: 5})
	b.sh(job, "c", "true")
	s := b.apply(t, t.Context())
	same(t, b.sink.attempts(), []string{"b 1", "b 2", "b 3", "c 1"})
	if s.Trips != 5 {
		t.Errorf("%d round trips, want 5: hello, three attempts, c", s.Trips)
	}
}

// A condition is asked of each element, by its key.
func TestJudgeAnElement(t *testing.T) {
	b := newBench("a")
	job := b.job("j")
	task := b.task(job, "each", func(plan.State) []plan.Instance {
		var out []plan.Instance
		for _, key := range []string{"p", "q", "r"} {
			out = append(out, plan.Instance{Keyed: true, Key: key, Args: map[string]any{"argv": []any{"/bin/true"}}})
		}
		return out
	})
	task.Verdict = true
	b.judges[task.Address] = func(r plan.Result) (plan.Verdict, error) {
		return plan.Verdict{Failed: r.Key == "q"}, nil
	}
	b.apply(t, t.Context())
	same(t, b.sink.ends(), []string{`each["p"] ok`, `each["q"] failed`, `each["r"] cancelled`})
}

// In a preview, what a condition would say of a result to come is not known; a read is judged, once.
func TestPreviewOfAVerdict(t *testing.T) {
	b := newBench("a")
	job := b.job("j")
	read := b.task(job, "read", func(plan.State) []plan.Instance {
		return []plan.Instance{{Args: map[string]any{"argv": []any{"/bin/false"}, "changes": false}, Retry: plan.Retry{Attempts: 9, Delay: time.Hour}}}
	})
	read.Verdict = true
	b.judges[read.Address] = func(r plan.Result) (plan.Verdict, error) {
		if r.Unknown || !r.Failed {
			t.Errorf("judged %+v", r)
		}
		return plan.Verdict{}, nil
	}
	runs := b.sh(job, "runs", "true")
	runs.ChangedWhen = true
	b.judges[runs.Address] = func(r plan.Result) (plan.Verdict, error) {
		return plan.Verdict{UnknownChanged: r.Unknown}, nil
	}
	b.task(job, "reader", func(s plan.State) []plan.Instance {
		first, _ := s.Results(read.Address, "a")
		second, _ := s.Results(runs.Address, "a")
		if r := first.Elements[0]; r.Unknown || r.Failed {
			t.Errorf("read %+v", r)
		}
		if r := second.Elements[0]; !r.Unknown || !r.UnknownChanged {
			t.Errorf("runs %+v", r)
		}
		return []plan.Instance{{Skip: true}}
	}).Needs = []string{read.Address, runs.Address}
	b.run.Mode = wire.ModeLook
	b.apply(t, t.Context())
	same(t, b.sink.planned(), []string{"read read", "runs run", "reader skip"})
}

// What fails in a preview by its own condition only would be done before that: its change is shown, and the preview goes on
// where the run would.
func TestPreviewOfAFailure(t *testing.T) {
	for _, c := range []struct {
		onFailure plan.OnFailure
		planned   []string
		severity  string
		unhandled int
	}{
		{plan.Continue, []string{"b run failed", "c run changed"}, "warning", 0},
		{plan.Stop, []string{"b run failed"}, "error", 1},
	} {
		b := newBench("a")
		job := b.job("j")
		task := b.sh(job, "b", "true")
		task.Verdict, task.OnFailure, task.Notify = true, c.onFailure, []string{"job.j.handler.h"}
		b.judges[task.Address] = func(plan.Result) (plan.Verdict, error) {
			return plan.Verdict{Changed: true, Failed: true}, nil
		}
		b.sh(job, "c", "true")
		b.handler(job, "h", "true")
		b.run.Mode = wire.ModeLook
		s := b.apply(t, t.Context())
		var planned []string
		severity := ""
		for _, e := range b.sink.events {
			switch e := e.(type) {
			case event.PlannedChange:
				planned = append(planned, fmt.Sprint(short(e.Address), " ", e.Action, " ", e.Outcome))
			case event.Diagnostic:
				severity += e.Severity
			}
		}
		same(t, planned, c.planned)
		if severity != c.severity || s.Unhandled != c.unhandled {
			t.Errorf("diagnostics: %q, %d failures, want %q and %d", severity, s.Unhandled, c.severity, c.unhandled)
		}
	}
}
