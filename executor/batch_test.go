package executor_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"runner/agent/wire"
	"runner/executor"
	"runner/executor/event"
	"runner/planner/plan"
)

// on is ends, with the host in front.
func (r *recorder) on() []string {
	var out []string
	for _, e := range r.events {
		if end, ok := e.(event.TaskEnd); ok {
			out = append(out, end.Host+" "+short(end.Address)+" "+string(end.Status))
		}
	}
	return out
}

// each adds a task that runs a line of shell for each host, with the host's name for "%s".
func (b *bench) each(job *plan.Job, name, line string) *plan.Task {
	task := b.task(job, name, nil)
	b.perHost[task.Address] = func(host string, _ plan.State) []plan.Instance {
		return []plan.Instance{{Args: map[string]any{"argv": []any{"/bin/sh", "-c", strings.ReplaceAll(line, "%s", host)}}}}
	}
	return task
}

// A batch begins when the one before has ended; the last size is repeated. The job has failed, and no further batch
// starts, when more hosts than may have failed.
func TestBatches(t *testing.T) {
	for _, c := range []struct {
		batches []int
		max     int
		failing string
		ran     string // hosts in each batch are sorted
		skipped int
		after   bool
	}{
		{[]int{1, 2}, 0, "", "a|b c|d e", 0, true},
		{[]int{1, 2}, 0, "b", "a|b c|", 2, false},
		{[]int{2}, 1, "b", "a b|c d|e", 0, true},
		{[]int{2}, 1, "bc", "a b|c d|", 1, false},
		{nil, 0, "", "a b c d e", 0, true},
	} {
		b := newBench("a", "b", "c", "d", "e")
		job := b.job("j")
		job.Rollout = plan.Rollout{Batches: c.batches, MaxFailures: c.max, Pause: time.Millisecond}
		log := t.TempDir() + "/log"
		b.each(job, "t", "echo %s >>"+log+"; case "+c.failing+"- in *%s*) exit 1; esac")
		later := b.job("later", 0)
		b.sh(later, "u", "true")
		b.apply(t, t.Context())
		order := strings.Fields(ran(t, log))
		at := 0
		for batch := range strings.SplitSeq(strings.TrimSuffix(c.ran, "|"), "|") {
			n := len(strings.Fields(batch))
			got := order[min(at, len(order)):min(at+n, len(order))]
			slices.Sort(got)
			if strings.Join(got, " ") != batch {
				t.Errorf("%+v: batch %q, want %q", c, got, batch)
			}
			at += n
		}
		skipped, after := 0, false
		for _, e := range b.sink.events {
			if end, ok := e.(event.TaskEnd); ok {
				after = after || end.Job == "later" && end.Status == event.Changed
				if end.Job == "j" && end.Status == event.Skipped && strings.HasPrefix(end.Reason, "because job.j failed on ") {
					skipped++
				}
			}
		}
		if len(order) != at || skipped != c.skipped || after != c.after {
			t.Errorf("%+v: ran %q, %d skipped, dependants ran: %v", c, order, skipped, after)
		}
	}
}

// The pause between batches ends at once with the run, and a preview makes none. G24.
func TestPauseBetweenBatches(t *testing.T) {
	b := newBench("a", "b")
	job := b.job("j")
	job.Rollout = plan.Rollout{Batches: []int{1}, Pause: time.Hour}
	b.sh(job, "t", "true")
	ctx, interrupt := context.WithCancelCause(t.Context())
	b.sink.seen = func(e event.Event) {
		if _, ok := e.(event.HostEnd); ok {
			interrupt(executor.ErrInterrupted)
		}
	}
	b.apply(t, ctx)
	same(t, b.sink.on(), []string{"a t changed", "b t cancelled"})

	b = newBench("a", "b")
	job = b.job("j")
	job.Rollout = plan.Rollout{Batches: []int{1}, Pause: time.Hour}
	b.sh(job, "t", "true")
	b.run.Mode = wire.ModeLook
	b.apply(t, t.Context())
	same(t, b.sink.planned(), []string{"t run", "t run"})
}

// In lockstep no host starts a task before all have ended the one before, handlers too, and also when fewer hosts are
// worked on at once than there are in a batch. A host in its rescue holds the others up only behind it.
func TestLockstep(t *testing.T) {
	b := newBench("a", "b", "c")
	job := b.job("j")
	job.Lockstep = true
	log := t.TempDir() + "/log"
	line := func(name string) string { return "test %s = a && sleep 0.1; echo " + name + "%s >>" + log }
	b.each(job, "one", line("one-")).Notify = []string{"job.j.handler.h"}
	b.each(job, "two", line("two-")+"; test %s != b")
	b.each(job, "rescue", line("rescue-"))
	b.each(job, "four", line("four-"))
	job.Tries = []plan.Try{{Parent: -1, From: 1, Rescue: 2, Always: 3, To: 3, Rescues: true}}
	b.handler(job, "h", "echo h- >>"+log)
	b.run.Parallel = 1
	b.apply(t, t.Context())
	var steps []string
	for word := range strings.FieldsSeq(ran(t, log)) {
		step, _, _ := strings.Cut(word, "-")
		if len(steps) == 0 || steps[len(steps)-1] != step {
			steps = append(steps, step)
		}
	}
	same(t, steps, []string{"one", "two", "rescue", "four", "h"})
	if n := len(strings.Fields(ran(t, log))); n != 13 {
		t.Errorf("%d tasks ran, want 13: three hosts with three tasks and a handler, and a rescue", n)
	}
}

// A host that fails does not hold the others up.
func TestLockstepWithoutOne(t *testing.T) {
	b := newBench("a", "b")
	job := b.job("j")
	job.Lockstep = true
	b.each(job, "one", "test %s != a")
	b.each(job, "two", "true")
	b.each(job, "three", "true")
	b.apply(t, t.Context())
	var b2 []string
	for _, end := range b.sink.on() {
		if strings.HasPrefix(end, "b ") {
			b2 = append(b2, end)
		}
	}
	same(t, b2, []string{"b one changed", "b two changed", "b three changed"})
}

// A task that runs once does so on the first host that is still in the run; its results are all hosts' results, its
// handlers are its own, and what waits holds no slot.
func TestOnce(t *testing.T) {
	for _, c := range []struct {
		name, once string
		failing    string // hosts whose task before fails
		keyed      bool
		tries      []plan.Try
		ends       []string // sorted
		unhandled  int
	}{
		{"first", "echo %s", "", false, nil, []string{"a changed", "h changed", "once changed", "two changed", "two changed", "zero changed", "zero changed"}, 0},
		{"second", "echo %s", "a", false, nil, []string{"b changed", "h changed", "once changed", "two cancelled", "two changed", "zero changed", "zero failed"}, 1},
		{"never", "echo %s", "ab", false, nil, []string{"once cancelled", "two cancelled", "two cancelled", "zero failed", "zero failed"}, 2},
		{"fails", "exit 3", "", false, nil, []string{"once failed", "two cancelled", "two cancelled", "zero changed", "zero changed"}, 1},
		{
			"rescued", "exit 3", "", false,
			[]plan.Try{{Parent: -1, From: 1, Rescue: 2, Always: 3, To: 3, Rescues: true}},
			[]string{"once failed", "two changed", "two changed", "zero changed", "zero changed"},
			0,
		},
		{"keyed", "echo %s", "", true, nil, []string{"a changed", "a changed", "h changed", `once["x"] changed`, `once["y"] changed`, "two changed", "two changed", "zero changed", "zero changed"}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench("a", "b")
			job := b.job("j")
			b.each(job, "zero", "case -"+c.failing+" in *%s*) exit 1; esac")
			once := b.each(job, "once", c.once)
			once.Once, once.Keyed, once.Notify = true, c.keyed, []string{"job.j.handler.h"}
			if c.keyed {
				one := b.perHost[once.Address]
				b.perHost[once.Address] = func(host string, s plan.State) []plan.Instance {
					x, y := one(host, s)[0], one(host, s)[0]
					x.Keyed, x.Key, y.Keyed, y.Key = true, "x", true, "y"
					return []plan.Instance{x, y}
				}
			}
			b.sh(job, "two", "true").Needs = []string{once.Address}
			job.Tries = c.tries
			b.handler(job, "h", "true")
			b.run.Parallel = 1
			b.outputs = func(s plan.State) {
				x, ok := s.Results(once.Address, "a")
				y, ok2 := s.Results(once.Address, "b")
				if c.failing == "" && (!ok || !ok2 || fmt.Sprint(x) != fmt.Sprint(y)) {
					t.Errorf("results %+v and %+v", x, y)
				}
			}
			s := b.apply(t, t.Context())
			ends := b.sink.ends()
			for _, e := range b.sink.events {
				if end, ok := e.(event.TaskEnd); ok && strings.HasPrefix(short(end.Address), "once") && end.Status == event.Changed {
					ends = append(ends, fmt.Sprint(strings.TrimSpace(fmt.Sprint(end.Result.(map[string]any)["stdout"])), " changed"))
				}
			}
			slices.Sort(ends)
			same(t, ends, c.ends)
			if s.Unhandled != c.unhandled {
				t.Errorf("%d failures, want %d", s.Unhandled, c.unhandled)
			}
		})
	}
}

// Nobody runs once more what may have run: when its host is lost meanwhile, it has failed everywhere. When that host was
// never reached, the next one runs it. G17.
func TestOnceIsLost(t *testing.T) {
	for _, c := range []struct {
		name, line string // "kill": what loses the host
		transport  string
		want       []string
	}{
		{"meanwhile", "kill", "local", []string{"a once unknown", "a two unknown", "b two cancelled"}},
		{"before", "true", "nowhere", []string{"a once unreachable", "a two unreachable", "b once changed", "b two changed"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench("a", "b")
			b.Connections[0].Transport = c.transport
			job := b.job("j")
			line := c.line
			if line == "kill" {
				line = b.killer(t)
			}
			b.each(job, "once", line).Once = true
			b.sh(job, "two", "true")
			b.apply(t, t.Context())
			got := b.sink.on()
			slices.Sort(got)
			same(t, got, c.want)
		})
	}
}

// What a host that has failed leaves to another one to run once was sent, and is withdrawn.
func TestOnceIsLeftToAnother(t *testing.T) {
	b := newBench("a", "b")
	job := b.job("j")
	b.sh(job, "first", "exit 1")
	b.sh(job, "once", "true").Once = true
	b.apply(t, t.Context())
	checkSent(t, b)
}

// A preview shows a task that runs once on one host of each batch.
func TestPreviewOfOnce(t *testing.T) {
	b := newBench("a", "b", "c")
	job := b.job("j")
	job.Rollout.Batches = []int{2}
	b.sh(job, "once", "true").Once = true
	b.run.Mode = wire.ModeLook
	b.apply(t, t.Context())
	var hosts []string
	for _, e := range b.sink.events {
		if p, ok := e.(event.PlannedChange); ok {
			hosts = append(hosts, p.Host)
		}
	}
	slices.Sort(hosts)
	same(t, hosts, []string{"a", "c"})
	var offline recorder
	executor.Offline(&b.Plan, b, &offline, false)
	same(t, offline.planned(), []string{"once run", "once run"})
	if n := len(b.Pipelines()); n != 2 {
		t.Errorf("%d pipelines, want 2", n)
	}
}

// A flush runs what was notified so far, in its place; what is notified later runs at the end.
func TestFlush(t *testing.T) {
	for _, c := range []struct {
		name, handler string
		when          bool
		tries         []plan.Try
		ends          []string
	}{
		{"runs", "true", true, nil, []string{"one changed", "h changed", "g changed", "flush ok", "two changed", "h changed"}},
		{"not", "true", false, nil, []string{"one changed", "flush skipped", "two changed", "h changed", "g changed"}},
		{"fails", "exit 1", true, nil, []string{"one changed", "flush cancelled", "h failed", "two cancelled", "g changed"}},
		{"continues", "exit 1", true, nil, []string{"one changed", "flush cancelled", "h failed handled", "two changed", "h failed", "g cancelled"}},
		{
			"rescued", "exit 1", true,
			[]plan.Try{{Parent: -1, From: 0, Rescue: 2, Always: 2, To: 2, Rescues: true}},
			[]string{"one changed", "flush cancelled", "h failed handled", "two changed", "h failed", "g cancelled"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench("a")
			job := b.job("j")
			b.sh(job, "one", "true").Notify = []string{"job.j.handler.h", "job.j.handler.g"}
			flush := b.task(job, "flush", func(plan.State) []plan.Instance { return []plan.Instance{{Skip: !c.when}} })
			flush.Action = "flush"
			if c.name == "continues" {
				flush.OnFailure = plan.Continue
			}
			b.sh(job, "two", "true").Notify = []string{"job.j.handler.h"}
			b.handler(job, "h", c.handler)
			b.handler(job, "g", "true")
			job.Tries = c.tries
			b.apply(t, t.Context())
			same(t, b.sink.handled(), c.ends)
		})
	}
}

// A host on which a precondition does not hold starts nothing; one that holds is not reported.
func TestPreconditions(t *testing.T) {
	for _, mode := range []wire.Mode{wire.ModeApply, wire.ModeLook} {
		b := newBench("a", "b")
		job := b.job("j")
		job.Preconditions = []plan.Task{{Address: "job.j.precondition[0]", SelfFacts: true}, {Address: "job.j.precondition[1]"}}
		b.perHost["job.j.precondition[0]"] = func(host string, s plan.State) []plan.Instance {
			if _, ok := s.Facts(host); !ok {
				t.Error("there are no facts")
			}
			return []plan.Instance{{}}
		}
		b.perHost["job.j.precondition[1]"] = func(host string, _ plan.State) []plan.Instance {
			if host == "a" {
				return []plan.Instance{{Refusal: "not on a"}}
			}
			return []plan.Instance{{}}
		}
		b.sh(job, "t", "true")
		b.run.Mode = mode
		s := b.apply(t, t.Context())
		if s.Unhandled != 1 {
			t.Errorf("%d failures, want 1", s.Unhandled)
		}
		if mode == wire.ModeLook {
			same(t, b.sink.planned(), []string{"t run"})
			i := slices.IndexFunc(b.sink.events, func(e event.Event) bool {
				d, ok := e.(event.Diagnostic)
				return ok && d.Detail == "not on a" && d.Summary == "Precondition does not hold"
			})
			if i < 0 {
				t.Error("no diagnostic says so")
			}
			continue
		}
		got := b.sink.on()
		slices.Sort(got)
		same(t, got, []string{"a precondition[1] failed", "a t cancelled", "b t changed"})
		if end := b.sink.end("precondition[1]"); end.Reason != "precondition" || end.Error != "not on a" {
			t.Errorf("%+v", end)
		}
	}
}

// What a condition depends on and the run has not learned passes in a preview only.
func TestUnknownPrecondition(t *testing.T) {
	for _, mode := range []wire.Mode{wire.ModeApply, wire.ModeLook} {
		b := newBench("a")
		job := b.job("j")
		job.Preconditions = []plan.Task{{Address: "job.j.precondition[0]"}}
		b.script["job.j.precondition[0]"] = func(plan.State) []plan.Instance { return []plan.Instance{{Unknown: []string{"when"}}} }
		b.sh(job, "t", "true")
		b.run.Mode = mode
		s := b.apply(t, t.Context())
		if want := int(mode) - int(wire.ModeLook); s.Unhandled != want {
			t.Errorf("mode %v: %d failures, want %d", mode, s.Unhandled, want)
		}
	}
}

// Calls in lanes of their own run side by side on one target; in one lane, or in none, they do not, whichever agent they
// come to. G19.
func TestLanes(t *testing.T) {
	for _, c := range []struct {
		lanes [2]string
		both  bool
	}{{[2]string{"x", "y"}, true}, {[2]string{"x", "x"}, false}, {[2]string{"", ""}, false}, {[2]string{"", "x"}, true}} {
		dir := t.TempDir()
		b := newBench("a", "b")
		job := b.job("j")
		// Each waits a second for the other: that is long enough where both run, and tells where not.
		line := "touch " + dir + "/%s; i=0; while test $i -lt 20; do test -e " + dir + "/a -a -e " + dir + "/b && exit 0; sleep 0.05; i=$((i+1)); done; rm " + dir + "/%s; exit 1"
		task := b.each(job, "t", line)
		expand := b.perHost[task.Address]
		b.perHost[task.Address] = func(host string, s plan.State) []plan.Instance {
			out := expand(host, s)
			out[0].Lane = c.lanes[strings.Index("ab", host)]
			return out
		}
		s := b.apply(t, t.Context())
		if (s.Failed == 0) != c.both {
			t.Errorf("lanes %q: %d failed, side by side: want %v", c.lanes, s.Failed, c.both)
		}
	}
}

// A task on another host that is lost leaves the job's own host in the run, also where nothing connects to that.
func TestDelegation(t *testing.T) {
	b := newBench("a", "b")
	b.Connections[1].Transport = "nowhere"
	b.Connections[1].Place = plan.Place{File: "site.hcl", Line: 7}
	job := b.job("j")
	job.Hosts = []int{0}
	there := b.sh(job, "there", "true")
	there.Connections = map[int]int{0: 1}
	b.sh(job, "here", "true")
	job.Tries = []plan.Try{{Parent: -1, From: 0, Rescue: 1, Always: 1, To: 1, Rescues: true}}
	b.apply(t, t.Context())
	same(t, b.sink.handled(), []string{"there unreachable handled", "here changed"})
	if end := b.sink.end("there"); end.Failure.Place.Line != 7 {
		t.Errorf("the place is %+v", end.Failure.Place)
	}

	b = newBench("a", "b")
	b.Hosts[0].Connection = -1
	job = b.job("j")
	job.Hosts = []int{0}
	there = b.sh(job, "there", "true")
	there.Connections = map[int]int{0: 1}
	b.job("next", 0).Hosts = []int{0}
	b.task(&b.Jobs[1], "left", func(plan.State) []plan.Instance { return nil }).Selected = false
	b.Facts = []int{0}
	b.Jobs[0].Tasks[0].Connections = map[int]int{0: 1}
	s := b.apply(t, t.Context())
	same(t, b.sink.ends(), []string{"there changed", "left skipped"})
	if s.Err != nil || len(b.Pipelines()) != 1 {
		t.Errorf("%v, %d pipelines", s.Err, len(b.Pipelines()))
	}
	if connections, reused := b.Shared(); connections != 2 || reused != -1 && reused != 0 {
		t.Errorf("%d connections, %d reused", connections, reused)
	}
}

// Calls of one host keep their order whatever lanes they are in.
func TestLanesKeepTheOrder(t *testing.T) {
	b := newBench("a")
	job := b.job("j")
	log := t.TempDir() + "/log"
	for i, lane := range []string{"x", "", "y"} {
		b.task(job, fmt.Sprint("t", i), func(plan.State) []plan.Instance {
			line := fmt.Sprintf("sleep 0.%d; echo %d >>%s", 2-i, i, log)
			return []plan.Instance{{Lane: lane, Args: map[string]any{"argv": []any{"/bin/sh", "-c", line}}}}
		})
	}
	s := b.apply(t, t.Context())
	if got := ran(t, log); got != "0 1 2" || s.Trips != 2 {
		t.Errorf("ran %q in %d round trips, want 0 1 2 in 2", got, s.Trips)
	}
}

// An interrupt wakes those who wait for other hosts. G24.
func TestWaitingIsInterrupted(t *testing.T) {
	for _, once := range []bool{true, false} {
		b := newBench("a", "b", "c")
		job := b.job("j")
		job.Lockstep = !once
		b.each(job, "one", "test %s != a || sleep 60").Once = once
		b.sh(job, "two", "true")
		ctx, interrupt := context.WithCancelCause(t.Context())
		b.sink.seen = func(e event.Event) {
			if start, ok := e.(event.TaskStart); ok && start.Host == "a" {
				interrupt(executor.ErrInterrupted)
			}
		}
		begin := time.Now()
		b.apply(t, ctx)
		if took := time.Since(begin); took > 9*time.Second {
			t.Errorf("it took %v", took)
		}
		for _, end := range b.sink.on() {
			if strings.Contains(end, "two") && !strings.HasSuffix(end, "cancelled") {
				t.Errorf("%s, want it cancelled", end)
			}
		}
	}
}
