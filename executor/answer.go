package executor

import (
	"maps"
	"slices"

	"runner/agent/wire"
	"runner/executor/broker"
)

// found is a change with its attributes as plain values; nil where there is nothing.
type found struct {
	wire.Change
	before, after map[string]any
}

// answer is a reply of an action, with what it says as plain values.
type answer struct {
	broker.Reply
	found  found
	values map[string]any // all that the action documents; nil: only the run will tell
}

// read makes plain values of what an agent has sent. It sends what differs from the arguments, and from one map to the next.
func (s *sent) read(r broker.Reply) (a answer, err error) {
	a = answer{Reply: r, found: found{Change: r.Change}}
	base := s.instance.Args
	if len(s.instance.Unknown) > 0 {
		base = maps.Clone(base)
		maps.DeleteFunc(base, func(name string, _ any) bool { return slices.Contains(s.instance.Unknown, name) })
	}
	next := base
	if r.Change.Before != nil {
		if a.found.before, err = wire.DecodeAttributes(next, r.Change.Before); err != nil {
			return a, err
		}
		next = a.found.before
	}
	if r.Change.After == nil {
		next = base
	} else {
		if a.found.after, err = wire.DecodeAttributes(next, r.Change.After); err != nil {
			return a, err
		}
		next = a.found.after
	}
	if r.Values == nil {
		return a, nil
	}
	if a.values, err = wire.DecodeAttributes(next, r.Values); err != nil {
		return a, err
	}
	for _, name := range s.task.Results {
		if _, ok := a.values[name]; !ok {
			a.values[name] = nil
		}
	}
	return a, nil
}
