package executor

import (
	"sync"

	"runner/planner/plan"
)

// state is what the run has learned; it implements plan.State.
type state struct {
	id string // of the run; "" in a preview

	mu      sync.RWMutex
	facts   map[string]map[string]any
	results map[string]map[string]plan.Results // by address and host
	over    map[string]bool                    // addresses of tasks that no host will reach any more
	failed  map[rescue]plan.Failure            // that a rescue works on now
}

func newState(id string) *state {
	return &state{id: id, facts: map[string]map[string]any{}, results: map[string]map[string]plan.Results{}, over: map[string]bool{}, failed: map[rescue]plan.Failure{}}
}

// RunID returns the run's id.
func (s *state) RunID() string { return s.id }

// Facts returns a host's facts.
func (s *state) Facts(host string) (map[string]any, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	f, ok := s.facts[host]
	return f, ok
}

// Results returns a task's results on a host. There are none when its job has ended and the host has not reached the task.
func (s *state) Results(address, host string) (plan.Results, bool) {
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
func (s *state) Failure(job string, try int, host string) (plan.Failure, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	f, ok := s.failed[rescue{job, try, host}]
	return f, ok
}

func (s *state) putFailure(job string, try int, host string, f plan.Failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed[rescue{job, try, host}] = f
}

func (s *state) dropFailure(job string, try int, host string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.failed, rescue{job, try, host})
}

// jobOver notes that a job has ended on all its hosts.
func (s *state) jobOver(j *plan.Job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range j.Tasks {
		s.over[j.Tasks[i].Address] = true
	}
}

func (s *state) putFacts(host string, facts map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.facts[host] = facts
}

func (s *state) putResults(address, host string, results plan.Results) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.results[address] == nil {
		s.results[address] = map[string]plan.Results{}
	}
	s.results[address][host] = results
}
