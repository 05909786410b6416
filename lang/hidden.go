package lang

import (
	"slices"

	"runner/agent/schema"
)

// Hidden is what of a task is not shown: All, or what can hold a sensitive argument, or tell of it (see schema.Reach).
type Hidden struct {
	All     bool
	Change  []string // sorted
	Results []string // sorted
	Diff    bool
	Quote   bool
	Errors  bool
}

// add hides what an argument reaches.
func (h *Hidden) add(reach *schema.Reach) {
	if reach == nil {
		h.All = true
		return
	}
	h.join(Hidden{false, reach.Change, reach.Results, reach.Diff, reach.Quote, reach.Errors})
}

// join hides what something else hides, too.
func (h *Hidden) join(other Hidden) {
	h.All = h.All || other.All
	h.Change, h.Results = joined(h.Change, other.Change), joined(h.Results, other.Results)
	h.Diff, h.Quote, h.Errors = h.Diff || other.Diff, h.Quote || other.Quote, h.Errors || other.Errors
}

func joined(a, b []string) []string {
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}

// results says whether anything is hidden of what a task gives.
func (h Hidden) results() bool { return h.All || len(h.Results) > 0 }
