package executor

import (
	"slices"
	"strings"
	"sync"

	"runner/agent/wire"
	"runner/executor/event"
	"runner/planner/plan"
)

// lookahead is what a preview has found out about what the tasks before a task leave on its target. An agent knows what the
// earlier calls of a pipeline would leave; so the jobs of a host that follow each other share one. What another
// user's tasks would leave on the machine is told to the agent: the paths, or that a program has run. What jobs do that
// may run before or after each other is left out: the plan must not depend on which one was faster.
type lookahead struct {
	before []map[int]bool       // by job: those that have ended before it starts
	jobs   func() map[int][]int // by host, in the order of the plan

	mu     sync.Mutex // guards what follows
	shared map[place]uint32
	left   map[string][]trace    // by machine
	told   map[peer]map[int]bool // which of them an agent has been told of
}

// peer is an agent in a pipeline.
type peer struct {
	view uint32
	on   int
}

// trace is what a planned change leaves.
type trace struct {
	job, host int
	knows     peer // looked at it itself
	address   string
	path      string // "": anything
	removed   bool
}

func newLookahead(p *plan.Plan) *lookahead {
	l := &lookahead{before: make([]map[int]bool, len(p.Jobs)), shared: map[place]uint32{}, left: map[string][]trace{}, told: map[peer]map[int]bool{}}
	for i := range p.Jobs {
		l.before[i] = map[int]bool{}
		for _, j := range p.Jobs[i].After {
			l.before[i][j] = true
			for k := range l.before[j] {
				l.before[i][k] = true
			}
		}
	}
	l.jobs = sync.OnceValue(func() map[int][]int {
		out := map[int][]int{}
		for i := range p.Jobs {
			for _, host := range p.Jobs[i].Hosts {
				out[host] = append(out[host], i)
			}
		}
		return out
	})
	return l
}

// lines puts the jobs of a host into lines: those of one follow each other. It returns the line of each.
func (l *lookahead) lines(host int) map[int]int {
	out := map[int]int{}
	var lines [][]int
	for _, i := range l.jobs()[host] {
		at := slices.IndexFunc(lines, func(line []int) bool { return l.before[i][line[len(line)-1]] })
		if at < 0 {
			at = len(lines)
			lines = append(lines, nil)
		}
		lines[at] = append(lines[at], i)
		out[i] = at
	}
	return out
}

// pipeline is the one that a job's calls on a host belong to: that of the job before it in its line. next makes a new one.
func (l *lookahead) pipeline(host, job int, next func() uint32) uint32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	line := place{host, l.lines(host)[job]}
	n, ok := l.shared[line]
	if !ok {
		n = next()
		l.shared[line] = n
	}
	return n
}

// place is a line of a host's jobs.
type place struct{ host, line int }

// drop lets the jobs to come in a job's line have another pipeline: this one is cancelled.
func (l *lookahead) drop(host, job int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.shared, place{host, l.lines(host)[job]})
}

// leave notes what a planned change leaves on a machine.
func (l *lookahead) leave(machine string, t trace) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.left[machine] = append(l.left[machine], t)
}

// elsewhere is what a call's agent does not know by itself.
type elsewhere struct {
	flags wire.Flags
	paths []wire.Elsewhere
}

// mostPaths are told to an agent with one call; where there are more, anything may be there.
const mostPaths = 1000

// elsewhere says what is told to an agent with a call of a job on a host, and was not told before.
func (l *lookahead) elsewhere(machine string, job, host int, to peer) elsewhere {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out elsewhere
	for i, t := range l.left[machine] {
		if t.knows == to || !l.precedes(t, job, host) || l.told[to][i] {
			continue
		}
		if l.told[to] == nil {
			l.told[to] = map[int]bool{}
		}
		l.told[to][i] = true
		out.flags |= wire.FlagUnsettled
		if t.path == "" || len(out.paths) == mostPaths {
			out.flags |= wire.FlagDisturbed
			continue
		}
		out.paths = append(out.paths, wire.Elsewhere{Path: t.path, Removed: t.removed})
	}
	return out
}

// precedes says whether what left a trace has ended before a job's tasks on a host.
func (l *lookahead) precedes(t trace, job, host int) bool {
	return t.job == job && t.host == host || l.before[job][t.job]
}

// why names the task after which nothing certain can be said on a machine.
func (l *lookahead) why(machine string, job, host int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range l.left[machine] {
		if t.path == "" && l.precedes(t, job, host) {
			return t.address
		}
	}
	return ""
}

// expects says whether a job comes after one that leaves something anywhere.
func (l *lookahead) expects(job, host int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, traces := range l.left {
		if slices.ContainsFunc(traces, func(t trace) bool { return l.precedes(t, job, host) }) {
			return true
		}
	}
	return false
}

// firstPipeline is the pipeline of the job's calls: a new one, or in a preview one that knows what earlier jobs leave.
func (h *hostRun) firstPipeline() uint32 {
	if !h.isPreview() {
		return h.run.Broker.NextPipeline()
	}
	return h.run.ahead.pipeline(h.host, h.index, h.run.Broker.NextPipeline)
}

// jobIndex returns the index of a job.
func (r *run) jobIndex(j *plan.Job) int {
	for i := range r.Plan.Jobs {
		if &r.Plan.Jobs[i] == j {
			return i
		}
	}
	return -1
}

// machine is what the agent at the end of a connection has said that it runs on; "" if it has not said anything yet.
func (r *run) machine(on int) string {
	hello, ok := r.Broker.Hello(on)
	if !ok {
		return ""
	}
	return hello.Target.Machine
}

// lookAhead tells an agent what earlier tasks would leave, as far as it does not know.
func (h *hostRun) lookAhead(s *sent, call *wire.Call) {
	if h.disordered {
		call.Flags |= wire.FlagUnsettled | wire.FlagDisturbed
	}
	e := h.run.ahead.elsewhere(h.run.machine(s.on), h.index, h.host, peer{h.pipeline, s.on})
	call.Flags |= e.flags
	call.Elsewhere = e.paths
}

// meet waits, in a preview, until it is known which machine is at the end of a connection, if it matters: earlier tasks may
// leave something there. Why nothing is there its own calls will say.
func (h *hostRun) meet(on int) {
	if h.isPreview() && on >= 0 && h.run.machine(on) == "" && h.run.ahead.expects(h.index, h.host) {
		if ready, err := h.run.Broker.Peer(on).Ready(h.run.open); err == nil {
			h.after = max(h.after, ready.Trip)
		}
	}
}

// leaves notes what a planned change leaves on its machine.
func (h *hostRun) leaves(s *sent, change wire.Change) {
	switch event.Verb(change.Verb) {
	case event.None, event.Read, event.Skip:
		return
	case event.Create, event.Update, event.Remove, event.Run:
	}
	t := trace{job: h.index, host: h.host, knows: peer{h.pipeline, s.on}, address: strings.TrimPrefix(s.instance.Address, "job."+h.job.Name+".")}
	if change.Verb != wire.VerbRun {
		for _, encoded := range [][]byte{change.After, change.Before} {
			if values, err := plainMap(encoded); err == nil && t.path == "" {
				t.path, _ = values["path"].(string)
			}
		}
		t.removed = change.Verb == wire.VerbRemove
	}
	h.run.ahead.leave(h.run.machine(s.on), t)
}
