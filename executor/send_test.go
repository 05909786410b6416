package executor_test

import (
	"fmt"
	"testing"

	"runner/agent/wire"
	"runner/planner/plan"
)

// More calls than a peer takes at a time are held back here, and go when there is room, which costs a round trip for each lot
// at most: none where results come before all is sent.
func TestMoreThanAPeerTakes(t *testing.T) {
	const many = wire.MaxCalls + 1000
	for _, each := range []bool{true, false} {
		b := newBench("a")
		job := b.job("j")
		instance := plan.Instance{Args: map[string]any{"argv": []any{"/bin/false"}, "creates": "/"}} // it is there
		if each {
			b.task(job, "t", func(plan.State) []plan.Instance {
				out := make([]plan.Instance, many)
				for i := range out {
					out[i] = instance
					out[i].Keyed, out[i].Key = true, fmt.Sprint(i)
				}
				return out
			})
		} else {
			for i := range many {
				b.task(job, fmt.Sprint("t", i), func(plan.State) []plan.Instance { return []plan.Instance{instance} })
			}
		}
		s := b.apply(t, t.Context())
		const few = 10 // the hello, two lots, and on a busy machine some more, as the second goes out bit by bit while the first comes in
		if s.OK != many || s.Trips > few {
			t.Errorf("for_each: %v: %+v, %d round trips, want %d that are ok and at most %d", each, s.Counts, s.Trips, many, few)
		}
	}
}
