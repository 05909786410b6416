package executor_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"runner/agent"
	"runner/agent/action/catalog"
	"runner/agent/wire"
	"runner/executor"
	"runner/executor/event"
	"runner/planner/plan"
)

// The test binary is its own agent, which is copied into one home for all tests.
func TestMain(m *testing.M) {
	if status, ours := agent.Main(os.Args[1:], catalog.All()); ours {
		os.Exit(status)
	}
	home, err := os.MkdirTemp("", "executor-home-")
	if err != nil {
		panic(err)
	}
	for name, value := range map[string]string{
		"HOME":   home,
		"GORACE": "atexit_sleep_ms=0", // an agent with the race detector would take a second to end
	} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		_ = os.RemoveAll(home)
		os.Exit(status)
	}))
}

// A failed task ends its job on the host; what comes after is reported, not run. G27.
func TestFailureStops(t *testing.T) {
	b := newBench("a")
	job := b.job("j")
	b.sh(job, "one", "true")
	b.sh(job, "two", "exit 3")
	b.sh(job, "three", "true")
	s := b.apply(t, t.Context())
	same(t, b.sink.ends(), []string{"one changed", "two failed", "three cancelled"})
	if s.Unhandled != 1 || s.Trips != 2 {
		t.Errorf("summary %+v, want one failure and two round trips", s)
	}
}

// on_failure = "continue" is a failure that was handled.
func TestFailureContinues(t *testing.T) {
	b := newBench("a")
	job := b.job("j")
	b.sh(job, "one", "exit 3").OnFailure = plan.Continue
	b.sh(job, "two", "true")
	if s := b.apply(t, t.Context()); s.Unhandled != 0 || s.Failed != 1 {
		t.Errorf("summary %+v, want one failure, handled", s)
	}
	same(t, b.sink.ends(), []string{"one failed", "two changed"})
}

// A handler runs once, at the end, also when a later task failed, unless that is not wanted. G31.
func TestHandlers(t *testing.T) {
	for _, c := range []struct {
		second    string
		withheld  bool
		want      []string
		unhandled int
	}{
		{"true", false, []string{"one changed", "two changed", "first changed", "second changed"}, 0},
		{"exit 1", false, []string{"one changed", "two failed", "first changed", "second changed"}, 1},
		{"exit 1", true, []string{"one changed", "two failed"}, 1},
	} {
		b := newBench("a")
		job := b.job("j")
		b.sh(job, "one", "true").Notify = []string{"job.j.handler.first"}
		b.sh(job, "two", c.second).Notify = []string{"job.j.handler.first"}
		b.handler(job, "never", "true")
		b.handler(job, "first", "true")
		job.Handlers[1].Notify = []string{"job.j.handler.second"}
		b.handler(job, "second", "true")
		b.run.NoHandlersOnFailure = c.withheld
		s := b.apply(t, t.Context())
		same(t, b.sink.ends(), c.want)
		if s.Unhandled != c.unhandled {
			t.Errorf("%d failures, want %d", s.Unhandled, c.unhandled)
		}
	}
}

// A preview shows the handlers that the run would run behind a failure. G33.
func TestHandlersInPreview(t *testing.T) {
	for _, c := range []struct {
		withheld bool
		want     []string
	}{
		{false, []string{"one run", "first run"}},
		{true, []string{"one run"}},
	} {
		b := newBench("a")
		job := b.job("j")
		b.sh(job, "one", "true").Notify = []string{"job.j.handler.first"}
		b.aside(job, "fail", "two", func(plan.State) plan.Instance { return plan.Instance{Args: map[string]any{"message": "no"}} })
		b.sh(job, "three", "true")
		b.handler(job, "first", "true")
		b.handler(job, "second", "true")
		b.run.Mode, b.run.NoHandlersOnFailure = wire.ModeLook, c.withheld
		s := b.apply(t, t.Context())
		same(t, b.sink.planned(), c.want)
		if s.Unhandled != 1 {
			t.Errorf("%d failures, want one", s.Unhandled)
		}
	}
}

// A handler that an interrupt ends while it runs stays due, whoever carries it out, and also where its failures count for nothing. G31.
func TestInterruptedHandlerIsDue(t *testing.T) {
	for action, args := range map[string]map[string]any{
		"command": {"argv": []any{"/bin/sleep", "60"}},
		"raw":     {"argv": []any{"/bin/sleep", "60"}},
		"pause":   {"duration": "60s"},
	} {
		b := newBench("a")
		job := b.job("j")
		b.sh(job, "one", "true").Notify = []string{"job.j.handler.h"}
		b.handler(job, "h", "")
		job.Handlers[0].Action, job.Handlers[0].OnFailure = action, plan.Continue
		b.script["job.j.handler.h"] = func(plan.State) []plan.Instance { return []plan.Instance{{Args: args}} }
		ctx, cancel := context.WithCancelCause(t.Context())
		b.sink.seen = func(e event.Event) {
			if start, ok := e.(event.TaskStart); ok && start.Address == "job.j.handler.h" {
				cancel(executor.ErrInterrupted)
			}
		}
		b.apply(t, ctx)
		cancel(nil)
		same(t, b.sink.ends(), []string{"one changed", "h cancelled"})
		for _, e := range b.sink.events {
			if _, ok := e.(event.Through); ok {
				t.Errorf("%s: it is told to be through: %+v", action, e)
			}
		}
	}
}

// A task that reads a result is sent when that is known, and costs one more round trip.
func TestNeedsCutThePipeline(t *testing.T) {
	b := newBench("a")
	job := b.job("j")
	first := b.sh(job, "one", "echo 1")
	b.task(job, "two", func(s plan.State) []plan.Instance {
		r, ok := s.Results(first.Address, "a")
		if !ok {
			t.Error("the result is not known")
			return nil
		}
		return []plan.Instance{{Args: map[string]any{"argv": []any{"/bin/echo", r.Elements[0].Values["stdout"].(string) + "2"}}}}
	}).Needs = []string{first.Address}
	b.sh(job, "three", "true")
	s := b.apply(t, t.Context())
	same(t, b.sink.ends(), []string{"one changed", "two changed", "three changed"})
	if s.Trips != 3 {
		t.Errorf("%d round trips, want 3: hello, one, two and three", s.Trips)
	}
	if got := b.sink.result("two")["stdout"]; got != "12" {
		t.Errorf("two printed %v", got)
	}
}

// What ends without its peer, here a call that is too large to be sent, ends the pipeline all the same. G18.
func TestFailureHereStops(t *testing.T) {
	b := newBench("a")
	job := b.job("j")
	b.sh(job, "one", "true")
	b.task(job, "two", func(plan.State) []plan.Instance {
		return []plan.Instance{{Args: map[string]any{"argv": []any{"/bin/cat"}, "stdin": strings.Repeat("x", wire.MaxPayload)}}}
	})
	b.sh(job, "three", "true")
	b.apply(t, t.Context())
	same(t, b.sink.ends(), []string{"one changed", "two failed", "three cancelled"})
}

// A task that was not reached is neither evaluated nor failed, and every element of a task has an end.
func TestNotReached(t *testing.T) {
	b := newBench("a")
	job := b.job("j")
	b.sh(job, "one", "exit 1")
	b.task(job, "two", nil).OnFailure = plan.Abort
	delete(b.script, job.Tasks[1].Address)
	s := b.apply(t, t.Context())
	same(t, b.sink.ends(), []string{"one failed", "two cancelled"})
	if s.Failed != 1 {
		t.Errorf("%+v", s.Counts)
	}

	b = newBench("a")
	job = b.job("j")
	b.task(job, "each", func(plan.State) []plan.Instance {
		out := make([]plan.Instance, 3)
		for i := range out {
			out[i] = plan.Instance{Keyed: true, Key: fmt.Sprint(i), Args: map[string]any{"argv": []any{"/bin/true"}}}
		}
		out[1].Unknown = []string{"argv"}
		return out
	})
	b.apply(t, t.Context())
	same(t, b.sink.ends(), []string{`each["0"] changed`, `each["1"] failed`, `each["2"] cancelled`})
}

// A hop of one task that cannot be made is no loss of the host: its handlers run. G31.
func TestLostHopOfATask(t *testing.T) {
	for _, c := range []struct {
		onFailure plan.OnFailure
		want      []string
		lost      bool
	}{
		{plan.Stop, []string{"one changed", "two unreachable", "three cancelled", "handler changed"}, true},
		{plan.Continue, []string{"one changed", "two unreachable", "three changed", "handler changed"}, false},
		{plan.Abort, []string{"one changed", "two unreachable", "three cancelled"}, true},
	} {
		b := newBench("a")
		b.Connections = append(b.Connections, plan.Connection{Parent: 0, Transport: "nowhere", Title: "nowhere", Timeout: 20 * time.Second})
		job := b.job("j")
		b.sh(job, "one", "true").Notify = []string{"job.j.handler.handler"}
		two := b.sh(job, "two", "true")
		two.Connections, two.OnFailure = map[int]int{0: 1}, c.onFailure
		b.sh(job, "three", "true")
		b.handler(job, "handler", "true")
		s := b.apply(t, t.Context())
		same(t, b.sink.ends(), c.want)
		if s.Lost["a"] != c.lost || s.Failed > 0 {
			t.Errorf("%s: %+v", c.onFailure, s)
		}
	}
}

// Of a task with for_each that a selection leaves out, each element has a skipped result and an end.
func TestLeftOutElements(t *testing.T) {
	b := newBench("a")
	job := b.job("j")
	each := b.task(job, "each", func(plan.State) []plan.Instance {
		return []plan.Instance{{Keyed: true, Key: "p"}, {Keyed: true, Key: "q"}}
	})
	each.Selected, each.Keyed = false, true
	b.outputs = func(s plan.State) {
		r, known := s.Results(each.Address, "a")
		if !known || len(r.Elements) != 2 || r.Elements[1].Key != "q" || !r.Elements[1].Skipped {
			t.Errorf("%+v, known: %v", r, known)
		}
	}
	b.apply(t, t.Context())
	same(t, b.sink.ends(), []string{`each["p"] skipped`, `each["q"] skipped`})
}

// When a job has ended it is known which hosts have not reached a task.
func TestResultsOfAJobThatIsOver(t *testing.T) {
	b := newBench("a", "b")
	b.Connections[1].Transport = "nowhere"
	first := b.job("first")
	b.sh(first, "one", "true")
	b.sh(first, "two", "true")
	var seen []string
	b.outputs = func(s plan.State) {
		for _, host := range []string{"a", "b"} {
			r, known := s.Results("job.first.task.command.two", host)
			seen = append(seen, fmt.Sprint(host, " ", known, " ", len(r.Elements)))
		}
	}
	b.apply(t, t.Context())
	same(t, seen, []string{"a true 1", "b true 0"})
}

// A job whose dependency failed does not start, and says because of whom.
func TestDependants(t *testing.T) {
	b := newBench("a", "b")
	first := b.job("first")
	b.sh(first, "one", "exit 1")
	second := b.job("second", 0)
	b.sh(second, "two", "true")
	third := b.job("third", 1)
	b.sh(third, "three", "true")
	b.apply(t, t.Context())
	var reasons []string
	for _, e := range b.sink.events {
		if end, ok := e.(event.TaskEnd); ok && end.Status == event.Skipped {
			reasons = append(reasons, end.Reason)
		}
	}
	if len(reasons) != 4 || !strings.HasPrefix(reasons[0], "because job.first failed on ") {
		t.Errorf("reasons %q, want four that name job.first", reasons)
	}
}

// on_failure = "abort" starts nothing new anywhere, what runs may end, and no handlers run.
func TestAbort(t *testing.T) {
	dir := t.TempDir()
	b := newBench("a")
	goes := b.job("goes")
	before := []string(nil) // each step waits for the one before, so that the other job's task has its turn
	for i := range 20 {
		step := b.sh(goes, fmt.Sprintf("step%d", i), fmt.Sprintf("sleep 0.1; touch %s/%d", dir, i))
		step.Notify, step.Needs = []string{"job.goes.handler.h"}, before
		before = []string{step.Address}
	}
	b.handler(goes, "h", "touch "+dir+"/handler")
	b.sh(b.job("fails"), "stop", "sleep 0.3; exit 1").OnFailure = plan.Abort
	b.apply(t, t.Context())
	done := 0
	for _, end := range b.sink.ends() {
		if strings.HasSuffix(end, " changed") {
			done++
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != done || done == 20 || len(b.sink.ends()) != 21 {
		t.Errorf("%d files, %d tasks done, ends %q: want as many files as tasks, fewer than 20, and 21 ends",
			len(files), done, b.sink.ends())
	}
}

// A preview changes nothing and says what a command would do; with changes = false it runs, unless something before it
// would change.
func TestLook(t *testing.T) {
	b := newBench("a")
	file := filepath.Join(t.TempDir(), "file")
	job := b.job("j")
	read := func(plan.State) []plan.Instance {
		return []plan.Instance{{Args: map[string]any{"argv": []any{"/bin/echo", "hello"}, "changes": false}}}
	}
	b.task(job, "early", read)
	b.sh(job, "runs", "touch "+file)
	late := b.task(job, "late", read)
	for _, c := range []struct {
		of      *plan.Task
		unknown bool
	}{{&job.Tasks[0], false}, {late, true}} {
		address := c.of.Address
		b.task(job, "reads-"+c.of.Name, func(s plan.State) []plan.Instance {
			r, ok := s.Results(address, "a")
			if !ok || r.Elements[0].Unknown != c.unknown {
				t.Errorf("%s: known %v, %+v, want a result that is unknown: %v", address, ok, r, c.unknown)
			}
			return []plan.Instance{{Skip: true}}
		}).Needs = []string{address}
	}
	b.run.Mode = wire.ModeLook
	s := b.apply(t, t.Context())
	same(t, b.sink.planned(), []string{"early read", "runs run", "late read", "reads-early skip", "reads-late skip"})
	if _, err := os.Stat(file); err == nil {
		t.Error("the preview ran the command")
	}
	if s.Planned[event.Run] != 1 || s.Planned[event.Read] != 2 {
		t.Errorf("planned %v", s.Planned)
	}
}

// An agent that is killed: the task's outcome is not known, the next is not started, the run ends. G17 G27.
func TestLostAgent(t *testing.T) {
	b := newBench("a")
	job := b.job("j")
	b.sh(job, "one", b.killer(t))
	b.sh(job, "two", "true")
	b.apply(t, t.Context())
	same(t, b.sink.ends(), []string{"one unknown", "two unknown"})
}

// An agent that is gone before a reset: whether what was written there is on stable storage is not known, so the reset is
// not ok. G16.
func TestG16ResetWithoutSync(t *testing.T) {
	b := newBench("a")
	job := b.job("j")
	b.sh(job, "one", "echo $PPID")
	b.task(job, "reset", func(plan.State) []plan.Instance { return []plan.Instance{{}} }).Action = "reset_connection"
	b.sh(job, "two", "true")
	b.sink.seen = func(e event.Event) {
		if end, ok := e.(event.TaskEnd); ok && short(end.Address) == "one" {
			result, _ := end.Result.(map[string]any)
			agent, err := strconv.Atoi(strings.TrimSpace(fmt.Sprint(result["stdout"])))
			if err == nil {
				err = syscall.Kill(agent, syscall.SIGKILL)
			}
			if err != nil {
				t.Errorf("cannot kill the agent: %v", err)
			}
		}
	}
	s := b.apply(t, t.Context())
	if s.OK != 0 || s.Changed != 1 || !s.Lost["a"] {
		t.Errorf("the tasks ended %v", b.sink.ends())
	}
}

// An interrupt ends what runs; nothing new starts. G24.
func TestInterrupt(t *testing.T) {
	b := newBench("a")
	job := b.job("j")
	b.sh(job, "one", "sleep 60")
	b.sh(job, "two", "true")
	ctx, interrupt := context.WithCancelCause(t.Context())
	b.sink.seen = func(e event.Event) {
		if _, ok := e.(event.TaskStart); ok {
			interrupt(executor.ErrInterrupted)
		}
	}
	begin := time.Now()
	s := b.apply(t, ctx)
	same(t, b.sink.ends(), []string{"one cancelled", "two cancelled"})
	if took := time.Since(begin); !s.Interrupted || took > 9*time.Second {
		t.Errorf("interrupted %v, after %v: the sleep was not ended", s.Interrupted, took)
	}
}
