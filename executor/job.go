package executor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"runner/agent/wire"
	"runner/executor/batch"
	"runner/executor/event"
	"runner/planner/plan"
)

// failedJob is the root cause of what does not start.
type failedJob struct {
	name   string
	hosts  []string // sorted
	ending bool     // it did not fail: the run is ending
}

func (f *failedJob) reason() string {
	const most = 3 // hosts that are named
	names := strings.Join(f.hosts[:min(most, len(f.hosts))], ", ")
	if more := len(f.hosts) - most; more > 0 {
		names += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Sprintf("because job.%s failed on %s", f.name, names)
}

// jobRun works through one job.
type jobRun struct {
	run *run
	job *plan.Job

	mu  sync.Mutex // guards what follows
	bad []string   // names of hosts that did not end well
}

// job works on all hosts of a job, batch by batch, and returns nil when it has not failed. A preview looks at all batches
// at the same time: what one does to the next is not known.
func (r *run) job(ctx context.Context, index int) *failedJob {
	j := &jobRun{run: r, job: &r.Plan.Jobs[index]}
	batches := j.job.Batches()
	if r.Mode == wire.ModeLook {
		var all sync.WaitGroup
		for _, hosts := range batches {
			all.Go(func() { j.batch(ctx, hosts) })
		}
		all.Wait()
		return j.failed()
	}
	for i, hosts := range batches {
		if i > 0 {
			if j.failed() != nil || !r.waitFor(ctx, j.job.Rollout.Pause) {
				j.skip(batches[i:], j.cause())
				break
			}
		}
		j.batch(ctx, hosts)
	}
	return j.failed()
}

// batch works on some hosts at the same time, and waits for all of them.
func (j *jobRun) batch(ctx context.Context, hosts []int) {
	var b *batch.Batch[outcome]
	lockstep := j.job.Lockstep && j.run.Mode == wire.ModeApply
	if len(hosts) > 1 && (lockstep || j.job.RunsOnce()) {
		b = batch.New[outcome](hosts, lockstep)
	}
	var all sync.WaitGroup
	for _, host := range hosts {
		all.Go(func() {
			j.run.slots <- struct{}{}
			defer func() { <-j.run.slots }()
			h := newHostRun(j.run, j.job, host)
			h.batch = b
			if !h.work(ctx) {
				j.mu.Lock()
				defer j.mu.Unlock()
				j.bad = append(j.bad, h.name)
			}
			if b != nil {
				b.Reach(host, batch.Nowhere)
			}
		})
	}
	all.Wait()
}

// failed returns why nothing more of the job, and nothing that depends on it, starts; nil while no more hosts have failed
// than may.
func (j *jobRun) failed() *failedJob {
	cause := j.cause()
	if len(cause.hosts) == 0 || len(cause.hosts) <= j.job.Rollout.MaxFailures && !cause.ending {
		return nil
	}
	return cause
}

func (j *jobRun) cause() *failedJob {
	j.mu.Lock()
	defer j.mu.Unlock()
	slices.Sort(j.bad)
	return &failedJob{name: j.job.Name, hosts: slices.Clone(j.bad), ending: j.run.traffic.IsEnding()}
}

// skip reports the tasks of batches that do not start; those that run once on the first host.
func (j *jobRun) skip(batches [][]int, cause *failedJob) {
	status, reason := event.Skipped, cause.reason()
	if cause.ending {
		status, reason = event.Cancelled, "not_started"
		for _, host := range slices.Concat(batches...) {
			j.bad = append(j.bad, j.run.Plan.Hosts[host].Name)
		}
	}
	for _, hosts := range batches {
		for rank, host := range hosts {
			h := newHostRun(j.run, j.job, host)
			for i := range j.job.Tasks {
				if task := &j.job.Tasks[i]; rank == 0 || !task.Once {
					h.leaveOut(i, task, status, reason)
				}
			}
			h.ended()
		}
	}
}

// skipJob reports the tasks of a job that does not start.
func (r *run) skipJob(index int, cause *failedJob) {
	j := &jobRun{run: r, job: &r.Plan.Jobs[index]}
	j.skip(j.job.Batches(), cause)
}
