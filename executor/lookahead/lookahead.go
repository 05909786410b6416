// Package lookahead is what a preview has found out about what the tasks before a task leave on its target. An agent knows
// what the earlier calls of a pipeline would leave; so the jobs of a host that follow each other share one. What another user's
// tasks would leave on the machine is told to the agent: the paths, or that a program has run. What jobs do that may run
// before or after each other is left out: the plan must not depend on which one was faster. Its neighbour is package
// executor, which previews; it sends nothing itself.
package lookahead

import (
	"iter"
	"maps"
	"slices"
	"sync"

	"runner/agent/wire"
	"runner/planner/plan"
)

// Lookahead is described at the top of the package. It is safe for concurrent use.
type Lookahead struct {
	before []map[int]bool       // by job: those that have ended before it starts
	sorted [][]int              // the same, each one behind those that end before it
	lines  func() map[place]int // by host and job: the line of jobs that follow each other

	mu     sync.Mutex // guards what follows
	shared map[place]uint32
	left   map[string]map[int]*traces // by machine and job
	told   map[Peer]map[*Trace]bool   // which of them an agent has been told of
}

// traces are those of a job's tasks on a machine, in the order in which they came.
type traces struct {
	all    []*Trace
	byHost map[int][]*Trace
}

// Peer is an agent in a pipeline.
type Peer struct {
	Pipeline   uint32
	Connection int // index in Plan.Connections
}

// Trace is what a planned change leaves.
type Trace struct {
	Job, Host int    // indices in Plan.Jobs and Plan.Hosts
	Knows     Peer   // has looked at it itself
	Address   string // of the task
	Path      string // "": anything may be another one
	Removed   bool   // there will be nothing at the path
	Setting   bool   // it is one thing without a path, such as a group: unlikely to matter to what comes after
	Outside   bool   // what is on the machine stays as it is: a request was made
}

// New returns a lookahead for a plan, of which nothing is previewed yet.
func New(p *plan.Plan) *Lookahead {
	l := &Lookahead{before: make([]map[int]bool, len(p.Jobs)), shared: map[place]uint32{}, left: map[string]map[int]*traces{}, told: map[Peer]map[*Trace]bool{}}
	for i := range p.Jobs {
		l.before[i] = map[int]bool{}
		for _, j := range p.Jobs[i].After {
			l.before[i][j] = true
			for k := range l.before[j] {
				l.before[i][k] = true
			}
		}
		l.sorted = append(l.sorted, slices.Sorted(maps.Keys(l.before[i])))
	}
	l.lines = sync.OnceValue(func() map[place]int {
		out := map[place]int{}
		last := map[int][]int{} // by host: the last job of each line
		for i := range p.Jobs {
			for _, host := range p.Jobs[i].Hosts {
				at := slices.IndexFunc(last[host], func(job int) bool { return l.before[i][job] })
				if at < 0 {
					at = len(last[host])
					last[host] = append(last[host], 0)
				}
				last[host][at] = i
				out[place{host, i}] = at
			}
		}
		return out
	})
	return l
}

// Pipeline is the one that a job's calls on a host belong to: that of the job before it in its line. next makes a new one.
func (l *Lookahead) Pipeline(host, job int, next func() uint32) uint32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	line := place{host, l.lines()[place{host, job}]}
	n, ok := l.shared[line]
	if !ok {
		n = next()
		l.shared[line] = n
	}
	return n
}

// place is a job of a host, or a line of its jobs.
type place struct{ host, at int }

// Drop lets the jobs to come in a job's line have another pipeline: this one is cancelled.
func (l *Lookahead) Drop(host, job int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.shared, place{host, l.lines()[place{host, job}]})
}

// Leave notes what a planned change leaves on a machine.
func (l *Lookahead) Leave(machine string, t Trace) {
	l.mu.Lock()
	defer l.mu.Unlock()
	jobs := l.left[machine]
	if jobs == nil {
		jobs = map[int]*traces{}
		l.left[machine] = jobs
	}
	if jobs[t.Job] == nil {
		jobs[t.Job] = &traces{byHost: map[int][]*Trace{}}
	}
	of := jobs[t.Job]
	of.all = append(of.all, &t)
	of.byHost[t.Host] = append(of.byHost[t.Host], &t)
}

// preceding are the traces of what has ended on a machine before a job's tasks on a host.
func (l *Lookahead) preceding(machine string, job, host int) iter.Seq[*Trace] {
	return func(yield func(*Trace) bool) {
		each := func(list []*Trace) bool {
			for _, t := range list {
				if !yield(t) {
					return false
				}
			}
			return true
		}
		jobs := l.left[machine]
		for _, before := range l.sorted[job] {
			if of := jobs[before]; of != nil && !each(of.all) {
				return
			}
		}
		if of := jobs[job]; of != nil {
			each(of.byHost[host])
		}
	}
}

// mostPaths are told to an agent with one call; where there are more, anything may be there.
const mostPaths = 1000

// Elsewhere says what is told to an agent with a call of a job on a host, and was not told before.
func (l *Lookahead) Elsewhere(machine string, job, host int, to Peer) (flags wire.Flags, paths []wire.Elsewhere) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for t := range l.preceding(machine, job, host) {
		if t.Knows == to || l.told[to][t] {
			continue
		}
		if l.told[to] == nil {
			l.told[to] = map[*Trace]bool{}
		}
		l.told[to][t] = true
		flags |= wire.FlagUnsettled
		if t.Outside {
			continue
		}
		if t.Path == "" || len(paths) == mostPaths {
			flags |= wire.FlagDisturbed
			continue
		}
		paths = append(paths, wire.Elsewhere{Path: t.Path, Removed: t.Removed})
	}
	return flags, paths
}

// Leaver names a task that leaves something on a machine before a job's tasks on a host; "" if there is none.
func (l *Lookahead) Leaver(machine string, job, host int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for t := range l.preceding(machine, job, host) {
		return t.Address
	}
	return ""
}

// Why names the task after which nothing certain can be said on a machine: the first one, of those that change more than a
// setting if there are any.
func (l *Lookahead) Why(machine string, job, host int) (by string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for t := range l.preceding(machine, job, host) {
		switch {
		case t.Path != "" || t.Outside:
		case !t.Setting:
			return t.Address
		case by == "":
			by = t.Address
		}
	}
	return by
}

// Expects says whether a job comes after one that leaves something anywhere.
func (l *Lookahead) Expects(job, host int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for machine := range l.left {
		for range l.preceding(machine, job, host) {
			return true
		}
	}
	return false
}
