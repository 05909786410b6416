package executor

import (
	"maps"
	"slices"

	"runner/agent/wire"
	"runner/executor/broker"
)

// answer is a reply of an action, with what it says as plain values.
type answer struct {
	broker.Reply
	said wire.Attributes // Values: all that the action documents; nil: only the run will tell
}

// read makes plain values of what an agent has sent.
func (s *sent) read(r broker.Reply) (answer, error) {
	args := s.instance.Args
	if len(s.instance.Unknown) > 0 {
		args = maps.Clone(args)
		maps.DeleteFunc(args, func(name string, _ any) bool { return slices.Contains(s.instance.Unknown, name) })
	}
	all, err := r.Attributes(args)
	if all.Values != nil {
		for _, name := range s.task.Results {
			if _, ok := all.Values[name]; !ok {
				all.Values[name] = nil
			}
		}
	}
	return answer{r, all}, err
}
