package executor

import (
	"fmt"

	"runner/agent/wire"
	"runner/executor/event"
)

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

func (r *run) plannedChange(host int, verb event.Verb) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.summary.Planned[verb]++
	r.hosts[r.Plan.Hosts[host].Name] = true
	r.summary.Hosts = len(r.hosts)
}

// unreported counts a change that will not be reported as one.
func (r *run) unreported() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.summary.Unreported++
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

// putFacts keeps a host's facts, as its newest peer has told them, as the plain values that expressions see.
func (r *run) putFacts(host int, from wire.Hello) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if peer, known := r.met[host]; known && peer == from.Nonce {
		return nil
	}
	encoded, err := wire.Marshal(from.Facts)
	if err != nil {
		return fmt.Errorf("cannot encode facts: %w", err)
	}
	facts, err := plainMap(encoded)
	if err == nil {
		r.met[host] = from.Nonce
		r.state.PutFacts(r.Plan.Hosts[host].Name, facts)
	}
	return err
}
