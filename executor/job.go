package executor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"runner/executor/event"
)

// failedJob is the root cause of jobs that do not start.
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
		slices.Sort(lost)
		return &failedJob{name: job.Name, hosts: lost, ending: r.isEnding() != notEnding}
	}
	return nil
}

// skipJob reports the tasks of a job that does not start.
func (r *run) skipJob(index int, cause *failedJob) {
	job := &r.Plan.Jobs[index]
	status, reason := event.Skipped, cause.reason()
	if cause.ending {
		status, reason = event.Cancelled, "not_started"
	}
	for _, host := range job.Hosts {
		h := newHostRun(r, job, host)
		for i := range job.Tasks {
			h.leaveOut(&job.Tasks[i], status, reason)
		}
		h.ended()
	}
}
