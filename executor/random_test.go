package executor_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"runner/agent/wire"
	"runner/executor"
	"runner/executor/event"
	"runner/executor/record"
	"runner/planner/plan"
)

// Jobs put together at random end, whatever fails in them: every task has one end on every host (one on all, if it ran
// once), none runs twice, each host's run in the order of the source, and what is not handled counts.
func TestAnyJobEnds(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			b := newBench("a", "b", "c")
			job := b.job("j")
			log := t.TempDir() + "/log"
			job.Lockstep = r.IntN(2) == 0
			if r.IntN(3) == 0 {
				job.Rollout = plan.Rollout{Batches: []int{1, 2}, MaxFailures: r.IntN(3)}
			}
			b.randomTasks(r, job, log, -1, 3)
			b.handler(job, "h", "true")
			b.run.Parallel = 1 + r.IntN(3)
			done := make(chan struct{})
			go func() {
				select {
				case <-done:
				case <-time.After(30 * time.Second):
					panic("it hangs")
				}
			}()
			s := b.apply(t, t.Context())
			close(done)
			checkEnds(t, b, job, s.Unhandled)
			checkSent(t, b)
			checkOrder(t, ran(t, log))
		})
	}
}

// A preview of any job tells of every task on every host once; of one that runs once, once for each batch.
func TestAnyJobIsPreviewed(t *testing.T) {
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 2))
		b := newBench("a", "b")
		job := b.job("j")
		b.randomTasks(r, job, "/nowhere", -1, 3)
		b.run.Mode = wire.ModeLook
		if s := b.apply(t, t.Context()); s.Unhandled > 0 {
			t.Errorf("seed %d: %d failures", seed, s.Unhandled)
		}
		told := map[string]int{}
		for _, e := range b.sink.events {
			if p, ok := e.(event.PlannedChange); ok {
				told[p.Address]++
			}
		}
		for at, task := range job.Tasks {
			want := 2
			if task.Once && !job.Rescues(at) {
				want = 1
			}
			if told[task.Address] != want {
				t.Errorf("seed %d: %s is told of %d times, want %d", seed, task.Address, told[task.Address], want)
			}
		}
	}
}

// What a run of any job has done is not done again by the one that goes on with it, wherever the first one failed or was
// interrupted, and all that is left is done.
func TestAnyJobResumes(t *testing.T) {
	for seed := range uint64(16) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			log := t.TempDir() + "/log"
			first, _ := resumable(seed, log)
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			if seed%2 == 0 {
				var n atomic.Int64
				at := int64(1 + seed)
				first.sink.seen = func(event.Event) {
					if n.Add(1) == at {
						cancel(executor.ErrInterrupted)
					}
				}
			}
			first.apply(t, ctx)
			did := ran(t, log)
			past := past{record.NewProgress()}
			due := map[string]bool{}
			note := func(b *bench) {
				for _, e := range b.sink.events {
					past.Add(e)
					end, ok := e.(event.TaskEnd)
					switch {
					case ok && end.Handler != "" && end.Status == event.Changed:
						delete(due, end.Host)
					case ok && len(end.Notified) > 0:
						due[end.Host] = true
					}
				}
			}
			note(first)

			for _, name := range []string{log, log + ".mended"} {
				if err := os.WriteFile(name, nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			second, job2 := resumable(seed, log)
			second.run.Past = past
			s := second.apply(t, t.Context())
			if s.Unhandled > 0 || s.Cancelled > 0 && len(job2.Tries) == 0 {
				t.Errorf("the second run has %+v", s)
			}
			checkEnds(t, second, job2, s.Unhandled)
			again := ran(t, log)
			checkOrder(t, again)
			for _, e := range first.sink.events {
				end, ok := e.(event.TaskEnd)
				if ok && (end.Status == event.Changed || end.Status == event.Failed && end.Handled) && end.Handler == "" {
					if word := end.Host + "-" + strings.TrimPrefix(short(end.Address), "t"); slices.Contains(strings.Fields(again), word) {
						t.Errorf("%s ran again: %s, then %s", word, did, again)
					}
				}
			}
			note(second)
			if len(due) > 0 {
				t.Errorf("the handlers of %v were lost", due)
			}
		})
	}
}

// resumable is a bench with a random job, the same for each seed.
func resumable(seed uint64, log string) (*bench, *plan.Job) {
	r := rand.New(rand.NewPCG(seed, 3))
	b := newBench("a", "b", "c")
	job := b.job("j")
	job.Lockstep = r.IntN(2) == 0
	b.randomTasks(r, job, log, -1, 3)
	b.handler(job, "h", "true")
	b.run.Parallel = 1 + r.IntN(3)
	return b, job
}

// randomTasks adds some tasks, and tries of some.
func (b *bench) randomTasks(r *rand.Rand, job *plan.Job, log string, parent, depth int) {
	for range 1 + r.IntN(3) {
		if depth == 0 || r.IntN(3) > 0 {
			b.randomTask(r, job, log)
			continue
		}
		i := len(job.Tries)
		job.Tries = append(job.Tries, plan.Try{Parent: parent, From: len(job.Tasks)})
		b.randomTasks(r, job, log, i, depth-1)
		try := plan.Try{Parent: parent, From: job.Tries[i].From, Rescue: len(job.Tasks)}
		if try.Rescues = r.IntN(3) > 0; try.Rescues {
			b.randomTasks(r, job, log, i, depth-1)
		}
		try.Always = len(job.Tasks)
		if r.IntN(2) == 0 {
			b.randomTasks(r, job, log, i, depth-1)
		}
		try.To = len(job.Tasks)
		job.Tries[i] = try
	}
}

func (b *bench) randomTask(r *rand.Rand, job *plan.Job, log string) {
	n := len(job.Tasks)
	fails := "exit 0"
	if r.IntN(3) == 0 {
		fails = "test -e " + log + ".mended || case " + []string{"a", "ab", "abc", "c"}[r.IntN(4)] + " in *%s*) exit 1; esac"
	}
	task := b.each(job, fmt.Sprintf("t%d", n), fmt.Sprintf("echo %%s-%d >>%s; %s", n, log, fails))
	task.Once = r.IntN(6) == 0
	if r.IntN(6) == 0 {
		task.OnFailure = plan.Continue
	}
	if r.IntN(6) == 0 {
		task.Verdict = true
		b.judges[task.Address] = func(r plan.Result) (plan.Verdict, error) {
			return plan.Verdict{Changed: r.Changed, Failed: r.Failed, Again: r.Failed}, nil
		}
	}
	if r.IntN(4) == 0 {
		task.Notify = []string{"job.j.handler.h"}
	}
	if n > 0 && r.IntN(4) == 0 {
		task.Needs = []string{job.Tasks[r.IntN(n)].Address}
	}
}

func checkEnds(t *testing.T, b *bench, job *plan.Job, unhandled int) {
	t.Helper()
	ends := map[string]int{}
	failed := 0
	for _, e := range b.sink.events {
		end, ok := e.(event.TaskEnd)
		if !ok || strings.Contains(end.Address, "handler") {
			continue
		}
		ends[end.Address+" "+end.Host]++
		if end.Status == event.Failed && !end.Handled {
			failed++
		}
	}
	for _, task := range job.Tasks {
		for _, hosts := range job.Batches() {
			all := 0
			for _, host := range hosts {
				n := ends[task.Address+" "+b.Hosts[host].Name]
				if all += n; n != 1 && !task.Once {
					t.Errorf("%s has %d ends on %s", task.Address, n, b.Hosts[host].Name)
				}
			}
			if all != 1 && task.Once {
				t.Errorf("%s, which runs once, has %d ends on hosts %v", task.Address, all, hosts)
			}
		}
	}
	if failed != unhandled {
		t.Errorf("%d unhandled failures are counted, %d are told", unhandled, failed)
	}
}

// checkSent makes sure that of everything that is on record as sent it is on record, too, how it ended or that it has not begun:
// else a run that is killed later does not know what became of it.
func checkSent(t *testing.T, b *bench) {
	t.Helper()
	open := map[string]bool{}
	for _, e := range b.sink.events {
		switch e := e.(type) {
		case event.Sent:
			open[e.Address+" "+e.Host] = !e.Withdrawn
		case event.TaskEnd:
			open[e.Address+" "+e.Host] = false
		}
	}
	for at, sent := range open {
		if sent {
			t.Errorf("what became of %s, which was sent, is not told", at)
		}
	}
}

// checkOrder makes sure that each host has run its tasks once, in order.
func checkOrder(t *testing.T, log string) {
	t.Helper()
	last := map[string]int{}
	for word := range strings.FieldsSeq(log) {
		var n int
		host, number, _ := strings.Cut(word, "-")
		if _, err := fmt.Sscan(number, &n); err != nil {
			t.Fatal(err)
		}
		if before, ok := last[host]; ok && n <= before {
			t.Errorf("%s ran task %d after task %d: %s", host, n, before, log)
		}
		last[host] = n
	}
}
