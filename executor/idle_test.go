package executor_test

import (
	"testing"

	"runner/agent/wire"
	"runner/planner/plan"
)

// A run ends connections when nobody will need them any more, a thrifty one as soon as nobody needs them now; a preview keeps
// them for what follows it.
func TestConnectionsEnd(t *testing.T) {
	for name, c := range map[string]struct {
		mode          wire.Mode
		last, thrifty bool
		opened, open  int // hops in all, and at the end
	}{
		"run":             {mode: wire.ModeApply, opened: 3},
		"thrifty run":     {mode: wire.ModeApply, thrifty: true, opened: 6},
		"preview":         {mode: wire.ModeLook, opened: 3, open: 3},
		"preview alone":   {mode: wire.ModeLook, last: true, opened: 3},
		"thrifty preview": {mode: wire.ModeLook, last: true, thrifty: true, opened: 6},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench("a", "b", "c")
			b.sh(b.job("first"), "t", "true")
			b.sh(b.job("second", 0), "t", "true")
			b.Facts = []int{1} // an output wants them in any case
			b.run.Mode, b.run.Last, b.run.Thrifty, b.run.Parallel = c.mode, c.last, c.thrifty, 1
			known := false
			b.outputs = func(s plan.State) { _, known = s.Facts("b") }
			b.apply(t, t.Context())
			open := 0
			for i := range b.Connections {
				if _, ok := b.run.Broker.Hello(i); ok {
					open++
				}
			}
			if got := b.run.Broker.Stats().Connections; got != c.opened || open != c.open {
				t.Errorf("%d hops were opened, %d are open; want %d and %d", got, open, c.opened, c.open)
			}
			if !known {
				t.Error("the facts of a host whose connection has ended are not known")
			}
		})
	}
}
