// Package state is what a run has learned: facts, results and failures that are being rescued, as the expressions of the
// tasks to come see them. Its neighbours are executor, which fills it, and planner/plan, whose State it implements.
package state

import (
	"sync"

	"runner/planner/plan"
)

// State implements plan.State. It is safe for concurrent use.
type State struct {
	id string // of the run; "" in a preview

	mu      sync.RWMutex
	facts   map[string]map[string]any
	results map[string]map[string]plan.Results // by address and host
	over    map[string]bool                    // addresses of tasks that no host will reach any more
	failed  map[rescue]plan.Failure            // that a rescue works on now
}

// New returns the state of a run that has learned nothing; the id is "" in a preview.
func New(id string) *State {
	return &State{id: id, facts: map[string]map[string]any{}, results: map[string]map[string]plan.Results{}, over: map[string]bool{}, failed: map[rescue]plan.Failure{}}
}

// RunID returns the run's id.
func (s *State) RunID() string { return s.id }

// Facts returns a host's facts.
func (s *State) Facts(host string) (map[string]any, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	f, ok := s.facts[host]
	return f, ok
}

// Results returns a task's results on a host. There are none when its job has ended and the host has not reached the task.
func (s *State) Results(address, host string) (plan.Results, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	r, ok := s.results[address][host]
	return r, ok || s.over[address]
}

// rescue is that of a try of a job on a host.
type rescue struct {
	job  string
	try  int
	host string
}

// Failure returns what the rescue of a try works on at a host.
func (s *State) Failure(job string, try int, host string) (plan.Failure, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	f, ok := s.failed[rescue{job, try, host}]
	return f, ok
}

// PutFailure notes what the rescue of a try begins to work on at a host.
func (s *State) PutFailure(job string, try int, host string, f plan.Failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed[rescue{job, try, host}] = f
}

// DropFailure notes that the rescue has ended.
func (s *State) DropFailure(job string, try int, host string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.failed, rescue{job, try, host})
}

// JobOver notes that a job has ended on all its hosts.
func (s *State) JobOver(j *plan.Job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range j.Tasks {
		s.over[j.Tasks[i].Address] = true
	}
}

// PutFacts keeps a host's facts.
func (s *State) PutFacts(host string, facts map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.facts[host] = facts
}

// PutResults keeps a task's results on a host.
func (s *State) PutResults(address, host string, results plan.Results) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.results[address] == nil {
		s.results[address] = map[string]plan.Results{}
	}
	s.results[address][host] = results
}
