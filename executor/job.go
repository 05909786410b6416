package executor

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"runner/executor/event"
	"runner/planner/plan"
)

// failedJob is the root cause of jobs that do not start.
type failedJob struct {
	name  string
	hosts []string
}

func (f *failedJob) reason() string {
	return fmt.Sprintf("because job.%s failed on %s", f.name, strings.Join(f.hosts, ", "))
}

// job works on all hosts of a job and returns nil when it ended well on each.
func (r *run) job(ctx context.Context, index int) *failedJob {
	job := &r.Plan.Jobs[index]
	var mu sync.Mutex
	var lost []string
	var hosts sync.WaitGroup
	for _, host := range job.Hosts {
		hosts.Go(func() {
			r.slots <- struct{}{}
			defer func() { <-r.slots }()
			h := newHostRun(r, job, host)
			if !h.work(ctx) {
				mu.Lock()
				defer mu.Unlock()
				lost = append(lost, r.Plan.Hosts[host].Name)
			}
		})
	}
	hosts.Wait()
	if len(lost) > 0 {
		return &failedJob{name: job.Name, hosts: lost}
	}
	return nil
}

// skipJob reports the tasks of a job that does not start.
func (r *run) skipJob(index int, cause *failedJob) {
	job := &r.Plan.Jobs[index]
	for _, host := range job.Hosts {
		h := newHostRun(r, job, host)
		for i := range job.Tasks {
			h.report(event.TaskEnd{
				Address: job.Tasks[i].Address, Status: event.Skipped, Reason: cause.reason(),
			}, &job.Tasks[i])
		}
		h.ended()
	}
}

// skipped is the result of a task that a selection leaves out.
func skipped() plan.Results {
	return plan.Results{Elements: []plan.Result{{Skipped: true}}}
}
