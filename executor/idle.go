package executor

import (
	"slices"

	"runner/agent/wire"
	"runner/planner/plan"
)

// ways returns some connections with those that lead to them, each once.
func (r *run) ways(ends []int) []int {
	slices.Sort(ends)
	var out []int
	for _, c := range slices.Compact(ends) {
		for ; c >= 0; c = r.Plan.Connections[c].Parent {
			out = append(out, c)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// needs returns all connections that a job may need for one of its hosts.
func (r *run) needs(job *plan.Job, host int) []int {
	ends := []int{r.Plan.Hosts[host].Connection}
	for _, tasks := range [][]plan.Task{job.Tasks, job.Handlers} {
		for i := range tasks {
			if c, ok := tasks[i].Connections[host]; ok {
				ends = append(ends, c)
			}
		}
	}
	return r.ways(ends)
}

// needsFacts returns all connections that a job may need for the facts of other hosts.
func (r *run) needsFacts(job *plan.Job) []int {
	var ends []int
	for _, tasks := range [][]plan.Task{job.Preconditions, job.Tasks, job.Handlers} {
		for i := range tasks {
			for _, host := range tasks[i].Facts {
				ends = append(ends, r.Plan.Hosts[host].Connection)
			}
		}
	}
	return r.ways(ends)
}

// expect counts who will need which connection.
func (r *run) expect() {
	if r.Mode == wire.ModeLook && !r.Last {
		return
	}
	r.needed, r.inner = map[int]int{}, map[int]bool{}
	for _, c := range r.Plan.Connections {
		r.inner[c.Parent] = true
	}
	for i := range r.Plan.Jobs {
		job := &r.Plan.Jobs[i]
		for _, c := range r.needsFacts(job) {
			r.needed[c]++
		}
		for _, host := range job.Hosts {
			for _, c := range r.needs(job, host) {
				r.needed[c]++
			}
		}
	}
}

// letGo notes that connections are needed once less, and ends those that nobody will need any more: a run of many hosts
// holds no more of them than it works on. A thrifty one ends also those that it will have to open again.
func (r *run) letGo(connections []int) {
	idle := map[int]bool{}
	r.mu.Lock()
	for _, c := range connections {
		if r.needed == nil {
			break
		}
		r.needed[c]--
		idle[c] = r.needed[c] == 0 || r.Thrifty && !r.traffic.IsUsed(c) && !r.inner[c]
	}
	r.mu.Unlock()
	for _, host := range r.Plan.Facts { // the outputs may tell them
		if c := r.Plan.Hosts[host].Connection; idle[c] {
			r.learn(host, c)
		}
	}
	for c, is := range idle {
		if is && !idle[r.Plan.Connections[c].Parent] { // those behind it go with it
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
