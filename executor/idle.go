package executor

import (
	"slices"

	"runner/agent/wire"
	"runner/planner/plan"
)

// needs returns all connections that a job may need on a host, those on the way among them.
func (r *run) needs(job *plan.Job, host int) []int {
	ends := []int{r.Plan.Hosts[host].Connection}
	for _, tasks := range [][]plan.Task{job.Preconditions, job.Tasks, job.Handlers} {
		for i := range tasks {
			ends = append(ends, tasks[i].On(host, r.Plan))
			for _, other := range tasks[i].Facts {
				ends = append(ends, r.Plan.Hosts[other].Connection)
			}
		}
	}
	slices.Sort(ends)
	var out []int
	for _, end := range slices.Compact(ends) {
		out = append(out, r.Plan.Chain(end)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// expect counts who will need which connection. Those of a preview stay open for the run that follows it, unless there
// are more than may be.
func (r *run) expect() {
	if r.Mode == wire.ModeLook && (r.MostOpen == 0 || len(r.Plan.Connections) <= r.MostOpen) {
		return
	}
	r.needed = map[int]int{}
	for i := range r.Plan.Jobs {
		for _, host := range r.Plan.Jobs[i].Hosts {
			for _, c := range r.needs(&r.Plan.Jobs[i], host) {
				r.needed[c]++
			}
		}
	}
}

// through notes that a job is through with a host, and ends the connections that nobody will need any more: a run of many
// hosts holds no more of them than it works on.
func (r *run) through(job *plan.Job, host int) {
	if r.needed == nil {
		return
	}
	idle := map[int]bool{}
	r.mu.Lock()
	for _, c := range r.needs(job, host) {
		if r.needed[c]--; r.needed[c] == 0 {
			idle[c] = true
		}
	}
	r.mu.Unlock()
	for _, host := range r.Plan.Facts { // the outputs may tell them
		if c := r.Plan.Hosts[host].Connection; idle[c] {
			r.learn(host, c)
		}
	}
	for c := range idle {
		if !idle[r.Plan.Connections[c].Parent] { // those behind it go with it
			r.ends.Go(r.Broker.Renew(c))
		}
	}
}

// learn keeps the facts of a host, if it has said them.
func (r *run) learn(host, connection int) {
	if hello, ok := r.Broker.Hello(connection); ok {
		_ = r.putFacts(host, hello) // without them the output is not known
	}
}
