package lang

import "github.com/hashicorp/hcl/v2"

// Expand evaluates a task for a host as far as the state allows: one instance for each element of its for_each, or one.
// It can be called from any number of goroutines.
func (s *Site) Expand(t *Task, h *Host, state State) ([]Instance, hcl.Diagnostics) {
	panic("not written yet")
}

// Hops returns the further hops of a task on a host of its job: those of the job's run_as or hop blocks, then its own.
// Where they do not depend on the host, all hosts get the same pointers.
func (t *Task) Hops(h *Host) []*Hop {
	panic("not written yet")
}

// Output evaluates an output as far as the state allows. The value is plain; known is false while a part of it is not.
func (s *Site) Output(o *Output, state State) (value any, known bool, diags hcl.Diagnostics) {
	panic("not written yet")
}

type (
	scope    struct{}
	taskBody struct{}
)
