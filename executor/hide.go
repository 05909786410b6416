package executor

import (
	"maps"
	"reflect"

	"runner/executor/event"
)

// hideChange hides attributes of a change. Those that stay as they are are left out, so that one that stands there twice is
// one that changes.
func hideChange(before, after map[string]any, names []string) (map[string]any, map[string]any) {
	if len(names) == 0 {
		return before, after
	}
	before, after = maps.Clone(before), maps.Clone(after)
	for _, name := range names {
		was, had := before[name]
		will, has := after[name]
		switch {
		case had && has && reflect.DeepEqual(was, will):
			delete(before, name)
			delete(after, name)
			continue
		case had:
			before[name] = event.Hidden
		}
		if has {
			after[name] = event.Hidden
		}
	}
	return before, after
}

// hideAll hides each of some names that is there.
func hideAll(values map[string]any, names []string) {
	for _, name := range names {
		if _, there := values[name]; there {
			values[name] = event.Hidden
		}
	}
}
