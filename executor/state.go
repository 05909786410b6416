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
}

func newState(id string) *state {
	return &state{id: id, facts: map[string]map[string]any{}, results: map[string]map[string]plan.Results{}}
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

// Results returns a task's results on a host.
func (s *state) Results(address, host string) (plan.Results, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	r, ok := s.results[address][host]
	return r, ok
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
