package executor_test

import (
	"fmt"
	"testing"

	"runner/executor"
	"runner/planner/plan"
)

// What a plan says of pipelines is what happens: each costs a round trip, after the one that brings the hello.
func TestPipelinesOfThePlan(t *testing.T) {
	for _, c := range []struct {
		name  string
		hosts []string
		make  func(b *bench, job *plan.Job)
		cuts  []string // of the first host, without its first pipeline
	}{
		{"plain", []string{"a"}, func(*bench, *plan.Job) {}, nil},
		{"verdict", []string{"a"}, func(b *bench, job *plan.Job) {
			job.Tasks[0].Verdict = true
			b.judges[job.Tasks[0].Address] = func(plan.Result) (plan.Verdict, error) { return plan.Verdict{}, nil }
		}, []string{"waits for the verdict on task.command.t0"}},
		{"needs", []string{"a"}, func(_ *bench, job *plan.Job) { job.Tasks[3].Needs = []string{job.Tasks[1].Address} }, []string{"needs task.command.t1"}},
		{"flush", []string{"a"}, func(_ *bench, job *plan.Job) { job.Tasks[2].Action = "flush" }, []string{"task.command.t2 runs handlers"}},
		{"try", []string{"a"}, func(_ *bench, job *plan.Job) {
			job.Tries = []plan.Try{{Parent: -1, From: 0, Rescue: 2, Always: 3, To: 4, Rescues: true}}
		}, nil},
		{"lockstep", []string{"a", "b"}, func(_ *bench, job *plan.Job) { job.Lockstep = true }, []string{"lockstep", "lockstep", "lockstep"}},
		{"lockstep alone", []string{"a"}, func(_ *bench, job *plan.Job) { job.Lockstep = true }, nil},
		{"once, first", []string{"a", "b"}, func(_ *bench, job *plan.Job) { job.Tasks[1].Once = true }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(c.hosts...)
			job := b.job("j")
			for i := range 4 {
				b.sh(job, fmt.Sprintf("t%d", i), "true")
			}
			c.make(b, job)
			var cuts []string
			n := 0
			var own []plan.Pipeline
			for _, p := range b.Pipelines() {
				if p.Host != 0 {
					continue
				}
				own = append(own, p)
				if n++; n > 1 {
					cuts = append(cuts, p.Cut)
				}
			}
			same(t, cuts, c.cuts)
			if s := b.apply(t, t.Context()); s.Failed > 0 || len(c.hosts) == 1 && s.Trips != b.RoundTrips(own) || s.Trips < 1+n {
				t.Errorf("%+v, %d round trips, want %d", s.Counts, s.Trips, b.RoundTrips(own))
			}
		})
	}
	b := newBench("a", "b")
	job := b.job("j")
	b.sh(job, "t0", "true")
	b.sh(job, "t1", "true").Once = true
	b.sh(job, "t2", "true")
	all := b.Pipelines()
	if len(all) != 3 || all[2].Cut != "task.command.t1 runs on a" || all[2].Host != 1 {
		t.Errorf("%+v", all)
	}
}

// A preview without connections skips rescues, and shows what runs once on the first host that begins.
func TestOfflineOrder(t *testing.T) {
	b := newBench("a", "b")
	job := b.job("j")
	b.sh(job, "t", "true")
	b.sh(job, "once", "true").Once = true
	b.sh(job, "r", "true")
	flush := b.task(job, "f", func(plan.State) []plan.Instance { return []plan.Instance{{}} })
	flush.Action = "flush"
	job.Tries = []plan.Try{{Parent: -1, From: 0, Rescue: 2, Always: 3, To: 3, Rescues: true}}
	job.Preconditions = []plan.Task{{Address: "job.j.precondition[0]"}}
	b.perHost["job.j.precondition[0]"] = func(host string, _ plan.State) []plan.Instance {
		if host == "a" {
			return []plan.Instance{{Refusal: "not on a"}}
		}
		return []plan.Instance{{Unknown: []string{"when"}}}
	}
	s := executor.Offline(&b.Plan, b, &b.sink, false)
	same(t, b.sink.planned(), []string{"t run", "once run", "r skip", "f none"})
	if s.Unhandled != 1 {
		t.Errorf("%d failures, want one", s.Unhandled)
	}
}
