package executor_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runner/agent/wire"
	"runner/executor"
	"runner/executor/event"
	"runner/planner/plan"
)

// tries adds tasks that write their names to a log: one for each word, and a failing one for each word with "!" in front.
// Brackets make tries of them: "a [ b !c | r / z ] d" tries b and c, rescues with r and always runs z; "[ b / z ]" has no
// rescue.
func (b *bench) tries(job *plan.Job, log, words string) {
	var open []int
	for word := range strings.FieldsSeq(words) {
		at := len(job.Tasks)
		innermost := func() *plan.Try { return &job.Tries[open[len(open)-1]] }
		switch word {
		case "[":
			parent := -1
			if len(open) > 0 {
				parent = open[len(open)-1]
			}
			open = append(open, len(job.Tries))
			job.Tries = append(job.Tries, plan.Try{Parent: parent, From: at, Rescue: -1, Always: -1})
		case "|":
			innermost().Rescue, innermost().Rescues = at, true
		case "/":
			innermost().Always = at
		case "]":
			t := innermost()
			t.To = at
			if t.Always < 0 {
				t.Always = at
			}
			if t.Rescue < 0 {
				t.Rescue = t.Always
			}
			open = open[:len(open)-1]
		default:
			name, fails := strings.CutPrefix(word, "!")
			line := "echo " + name + " >>" + log
			if fails {
				line += "; exit 3"
			}
			b.sh(job, name, line)
		}
	}
}

// ran returns what tasks have written to a log.
func ran(t *testing.T, log string) string {
	t.Helper()
	data, err := os.ReadFile(log)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(string(data)), " ")
}

// Each case is a job, what of it runs in which order, how its tasks end, how many failures nobody handled, and round
// trips: the hello is one, each run of tasks that is sent at once another.
func TestTry(t *testing.T) {
	for _, c := range []struct {
		job, ran, ends string
		unhandled      int
		trips          int
	}{
		{"[ a | r / z ] d", "a z d", "a changed, r skipped, z changed, d changed", 0, 2},
		{"[ a !b c | r / z ] d", "a b r z d", "a changed, c cancelled, r changed, b failed handled, z changed, d changed", 0, 4},
		{"[ !b | ] d", "b d", "b failed handled, d changed", 0, 3},
		{"[ !b | / z ]", "b z", "b failed handled, z changed", 0, 3},
		{"[ a !b / z ] d", "a b z", "a changed, b failed, z changed, d cancelled", 1, 4},
		{"[ !b | !r s / z ] d", "b r z", "b failed, r failed, s cancelled, z changed, d cancelled", 2, 5},
		{"[ a / !z y ] d", "a z", "a changed, z failed, y cancelled, d cancelled", 1, 2},
		{"[ !a | r / !z ] d", "a r z", "r changed, a failed handled, z failed, d cancelled", 1, 4},
		{"[ [ !a b / z ] c | r ] d", "a z r d", "a changed? b cancelled, z changed, c cancelled, r changed, a failed handled, d changed", 0, 5},
		{"[ [ !a | !r / z ] c | s ] d", "a r z s d", "r changed? z changed, c cancelled, s changed, a failed handled, r failed handled, d changed", 0, 6},
		{"[ !a | [ !b | r ] s ] d", "a b r s d", "r changed, b failed handled, s changed, a failed handled, d changed", 0, 6},
		{"[ a | [ b | r / y ] s / z ] d", "a z d", "a changed, b skipped, r skipped, y skipped, s skipped, z changed, d changed", 0, 2},
		{"[ [ [ !a ] ] b | r ] d", "a r d", "b cancelled, r changed, a failed handled, d changed", 0, 4},
	} {
		t.Run(c.job, func(t *testing.T) {
			b := newBench("a")
			job := b.job("j")
			log := filepath.Join(t.TempDir(), "log")
			b.tries(job, log, c.job)
			s := b.apply(t, t.Context())
			if got := ran(t, log); got != c.ran {
				t.Errorf("ran %q, want %q", got, c.ran)
			}
			want := c.ends
			if _, after, ok := strings.Cut(want, "? "); ok {
				want = after
			}
			if got := strings.Join(b.sink.handled(), ", "); got != want {
				t.Errorf("ends %q\nwant %q", got, want)
			}
			if s.Unhandled != c.unhandled || s.Trips != c.trips {
				t.Errorf("%d failures and %d round trips, want %d and %d", s.Unhandled, s.Trips, c.unhandled, c.trips)
			}
		})
	}
}

// handled is ends, with the word for failures that were.
func (r *recorder) handled() []string {
	var out []string
	for _, e := range r.events {
		if end, ok := e.(event.TaskEnd); ok {
			text := short(end.Address) + " " + string(end.Status)
			if end.Handled {
				text += " handled"
			}
			out = append(out, text)
		}
	}
	return out
}

// beyond is the error of a condition of a block around a task, inside a try.
type beyond struct{ try int }

func (e beyond) Error() string { return "the condition cannot be evaluated" }

func (e beyond) Beyond() (int, bool) { return e.try, true }

// A condition of a whole try that holds for its body and cannot be evaluated in its rescue or always: what the try has
// caught is the failure of the block around it, too.
func TestConditionFailsInRescue(t *testing.T) {
	for _, c := range []struct {
		job, ran, ends string
		beyond         int
		unhandled      int
	}{
		{"[ [ !a | ?x / y ] c | r / z ] d", "a r z d", "y cancelled, c cancelled, r changed, a failed handled, x failed handled, z changed, d changed", 0, 0},
		{"[ [ !a / ?x y ] c | r / z ] d", "a r z d", "y cancelled, c cancelled, r changed, a failed handled, x failed handled, z changed, d changed", 0, 0},
		{"[ [ [ !a | !b / y ] | ?x ] c | r ] d", "a b y r d", "y changed, c cancelled, r changed, a failed handled, b failed handled, x failed handled, d changed", 0, 0},
		{"[ !a | ?x / z ] d", "a", "a failed, x failed, z cancelled, d cancelled", -1, 2},
	} {
		t.Run(c.job, func(t *testing.T) {
			b := newBench("a")
			job := b.job("j")
			log := filepath.Join(t.TempDir(), "log")
			b.tries(job, log, c.job)
			for address := range b.script {
				if strings.HasSuffix(address, ".?x") {
					delete(b.script, address)
					b.errors = map[string]error{address: beyond{c.beyond}}
				}
			}
			s := b.apply(t, t.Context())
			if got := ran(t, log); got != c.ran {
				t.Errorf("ran %q, want %q", got, c.ran)
			}
			if got := strings.ReplaceAll(strings.Join(b.sink.handled(), ", "), "?", ""); got != c.ends {
				t.Errorf("ends %q\nwant %q", got, c.ends)
			}
			if s.Unhandled != c.unhandled {
				t.Errorf("%d failures that nobody handled, want %d", s.Unhandled, c.unhandled)
			}
		})
	}
}

// A rescue sees what failed, a later task what did not start as skipped, and jobs that depend on this one start.
func TestRescueSeesTheFailure(t *testing.T) {
	b := newBench("a")
	job := b.job("j")
	b.sh(job, "b", "echo no; exit 3")
	b.sh(job, "c", "true")
	b.task(job, "r", func(s plan.State) []plan.Instance {
		f, ok := s.Failure("j", 0, "a")
		if !ok || f.Address != job.Tasks[0].Address || !f.Failed || f.Error == "" || fmt.Sprint(f.Values["stdout"], f.Values["exit_code"]) != "no3" {
			t.Errorf("failure %+v, %v", f, ok)
		}
		return []plan.Instance{{Skip: true}}
	})
	b.task(job, "d", func(s plan.State) []plan.Instance {
		if _, ok := s.Failure("j", 0, "a"); ok {
			t.Error("there is a failure behind the rescue")
		}
		if r, ok := s.Results(job.Tasks[1].Address, "a"); !ok || len(r.Elements) != 0 {
			t.Errorf("c has the results %+v, %v", r, ok)
		}
		return []plan.Instance{{Skip: true}}
	}).Needs = []string{job.Tasks[1].Address}
	job.Tries = []plan.Try{{Parent: -1, From: 0, Rescue: 2, Always: 3, To: 3, Rescues: true}}
	b.sh(b.job("later", 0), "e", "true")
	b.apply(t, t.Context())
	same(t, b.sink.handled(), []string{"c cancelled", "r skipped", "b failed handled", "d skipped", "e changed"})
}

// The first failed element is what a rescue is about; those behind it are not started.
func TestRescueOfAnElement(t *testing.T) {
	b := newBench("a")
	job := b.job("j")
	b.task(job, "each", func(plan.State) []plan.Instance {
		var out []plan.Instance
		for i, line := range []string{"true", "exit 1", "exit 2"} {
			out = append(out, plan.Instance{Keyed: true, Key: fmt.Sprint(i), Args: map[string]any{"argv": []any{"/bin/sh", "-c", line}}})
		}
		return out
	})
	b.sh(job, "r", "true")
	job.Tries = []plan.Try{{Parent: -1, From: 0, Rescue: 1, Always: 2, To: 2, Rescues: true}}
	b.apply(t, t.Context())
	same(t, b.sink.handled(), []string{`each["0"] changed`, `each["2"] cancelled`, "r changed", `each["1"] failed handled`})
}

// An abort, the loss of the host and an interrupt are not rescued, and what was held back is told. G17, G24.
func TestNoRescue(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, b *bench, job *plan.Job)
		want  string
	}{
		{"abort", func(_ *testing.T, _ *bench, job *plan.Job) { job.Tasks[1].OnFailure = plan.Abort }, "a changed, b failed, c cancelled, r cancelled, z cancelled"},
		{"lost", func(t *testing.T, b *bench, job *plan.Job) {
			line := b.killer(t)
			b.script[job.Tasks[1].Address] = func(plan.State) []plan.Instance {
				return []plan.Instance{{Args: map[string]any{"argv": []any{"/bin/sh", "-c", line}}}}
			}
		}, "b unknown, c unknown, r unreachable, z unknown"},
		{"interrupt", func(_ *testing.T, b *bench, _ *plan.Job) {
			b.sink.seen = func(e event.Event) {
				if start, ok := e.(event.TaskStart); ok && short(start.Address) == "r" {
					b.interrupt(executor.ErrInterrupted)
				}
			}
		}, "a changed, c cancelled, b failed, r cancelled, z cancelled"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench("a")
			job := b.job("j")
			b.tries(job, filepath.Join(t.TempDir(), "log"), "[ a !b c | r / z ]")
			if c.name == "interrupt" {
				b.script[job.Tasks[3].Address] = func(plan.State) []plan.Instance {
					return []plan.Instance{{Args: map[string]any{"argv": []any{"/bin/sleep", "60"}}}}
				}
			}
			c.spoil(t, b, job)
			ctx, interrupt := context.WithCancelCause(t.Context())
			b.interrupt = interrupt
			s := b.apply(t, ctx)
			// Whether the last words of an agent that is killed are heard is chance.
			if got := strings.Join(b.sink.handled(), ", "); got != c.want && (c.name != "lost" || !strings.HasSuffix(got, ", "+c.want)) {
				t.Errorf("ends %q\nwant %q", got, c.want)
			}
			if c.name != "lost" && s.Unhandled != 1 {
				t.Errorf("%d failures, want 1", s.Unhandled)
			}
		})
	}
}

// A preview skips a rescue, unless the preview itself has failed.
func TestPreviewOfATry(t *testing.T) {
	for _, c := range []struct {
		job  string
		want []string
	}{
		{"[ a | r / z ] d", []string{"a run", "r skip", "z run", "d run"}},
		{"[ a no b | r / z ] d", []string{"a run", "r run", "z run", "d run"}},
	} {
		b := newBench("a")
		job := b.job("j")
		b.tries(job, filepath.Join(t.TempDir(), "log"), c.job)
		for i := range job.Tasks {
			if job.Tasks[i].Name == "no" {
				b.script[job.Tasks[i].Address] = func(plan.State) []plan.Instance {
					return []plan.Instance{{Args: map[string]any{"argv": []any{"/bin/false"}, "chdir": "/nowhere", "changes": false, "creates": 7.5}}}
				}
			}
		}
		b.run.Mode = wire.ModeLook
		if s := b.apply(t, t.Context()); s.Unhandled != 0 {
			t.Errorf("%s: %d failures, want none", c.job, s.Unhandled)
		}
		same(t, b.sink.planned(), c.want)
	}
}
