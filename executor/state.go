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
}

func newState(id string) *state {
	return &state{id: id, facts: map[string]map[string]any{}, results: map[string]map[string]plan.Results{}, over: map[string]bool{}}
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

// Failure returns what a rescue works on; no job has one so far.
func (s *state) Failure(string, int, string) (plan.Failure, bool) { return plan.Failure{}, false }

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
