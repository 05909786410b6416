package executor

import (
	"fmt"

	"runner/agent/wire"
	"runner/executor/event"
	"runner/planner/plan"
)

// touch is a place where a preview found something to change.
type touch struct {
	job *plan.Job
	on  int
}

func (r *run) nextPipeline() uint32 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pipelines++
	return r.pipelines
}

func (r *run) count(end event.TaskEnd) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.summary.Add(end.Status)
	if end.Status == event.Failed && !end.Handled {
		r.summary.Unhandled++
	}
	r.hosts[end.Host] = true
	r.summary.Hosts = len(r.hosts)
}

func (r *run) lost(host int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.summary.Lost[r.Plan.Hosts[host].Name] = true
}

func (r *run) plannedChange(host int, job *plan.Job, on int, verb event.Verb) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.summary.Planned[verb]++
	r.hosts[r.Plan.Hosts[host].Name] = true
	r.summary.Hosts = len(r.hosts)
	if verb != event.None && verb != event.Read && verb != event.Skip {
		if r.touched[host] == nil {
			r.touched[host] = map[touch]bool{}
		}
		r.touched[host][touch{job, on}] = true
	}
}

// unreported counts a change that will not be reported as one.
func (r *run) unreported() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.summary.Unreported++
}

// unsettled says whether a preview on a host cannot be exact, because another job, or another user's tasks, would
// change something there first: what they leave is not in this pipeline's view.
func (r *run) unsettled(host int, job *plan.Job, on int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for t := range r.touched[host] {
		if t != (touch{job, on}) {
			return true
		}
	}
	return false
}

// plainMap decodes a map of plain values; nil for none.
func plainMap(encoded []byte) (map[string]any, error) {
	if len(encoded) == 0 {
		return nil, nil
	}
	var out map[string]any
	if err := wire.Unmarshal(encoded, &out); err != nil {
		return nil, fmt.Errorf("cannot read what the agent sent: %w", err)
	}
	return out, nil
}

// putFacts keeps a host's facts as the plain values that expressions see.
func (r *run) putFacts(host int, f wire.Facts) error {
	name := r.Plan.Hosts[host].Name
	if _, known := r.state.Facts(name); known {
		return nil
	}
	encoded, err := wire.Marshal(f)
	if err != nil {
		return fmt.Errorf("cannot encode facts: %w", err)
	}
	facts, err := plainMap(encoded)
	if err == nil {
		r.state.PutFacts(name, facts)
	}
	return err
}
