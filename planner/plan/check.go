package plan

import "errors"

// errNoPlan tells that an index of a plan leads nowhere.
var errNoPlan = errors.New("a part of the plan names another one that is not there")

// Check says whether every index of a plan leads somewhere, and no chain in a circle. Plans that were made here need no
// check; those that were read do.
func (p *Plan) Check() error {
	ok := true
	within := func(i, least, most int) { ok = ok && i >= least && i < most }
	for i, c := range p.Connections {
		within(c.Parent, -1, i)
	}
	for _, h := range p.Hosts {
		within(h.Connection, -1, len(p.Connections))
	}
	for _, h := range p.Facts {
		within(h, 0, len(p.Hosts))
	}
	for i, j := range p.Jobs {
		for _, before := range j.After {
			within(before, 0, i)
		}
		for _, h := range j.Hosts {
			within(h, 0, len(p.Hosts))
		}
		for k, t := range j.Tries {
			within(t.Parent, -1, k)
			for _, at := range []int{t.From, t.Rescue, t.Always, t.To} {
				within(at, 0, len(j.Tasks)+1)
			}
		}
		for _, tasks := range [][]Task{j.Preconditions, j.Tasks, j.Handlers} {
			for _, t := range tasks {
				for _, h := range t.Facts {
					within(h, 0, len(p.Hosts))
				}
				for host, c := range t.Connections {
					within(host, 0, len(p.Hosts))
					within(c, -1, len(p.Connections))
				}
			}
		}
	}
	if !ok {
		return errNoPlan
	}
	return nil
}
