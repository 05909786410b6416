package executor

import (
	"maps"
	"runtime"
	"slices"
	"sync"

	"runner/agent/wire"
	"runner/executor/direct"
	"runner/executor/event"
	"runner/executor/state"
	"runner/executor/traffic"
	"runner/planner/plan"
)

// Offline tells what is known of a plan without any connection: each task's arguments as far as they do not depend on
// facts or results. What is on the targets is not known, so "action" is among the unknown attributes of every change
// that would be found by looking. A brief one evaluates only a few of many hosts on which a task differs in nothing but
// texts; of the others it tells which they are.
func Offline(p *plan.Plan, evaluator Evaluator, sink event.Sink, brief bool) Summary {
	o := offlinePlan{brief: brief}
	o.run = &run{
		Config: Config{Plan: p, Evaluator: evaluator, Mode: wire.ModeLook, Sink: sink},
		state:  state.New(""), hosts: map[string]bool{}, traffic: traffic.New(nil, nil, nil), // there is none
		summary: Summary{Planned: map[event.Verb]int{}, Lost: map[string]bool{}},
	}
	for i := range p.Jobs {
		job := &p.Jobs[i]
		var hosts, first []*hostRun // all, and those that do what is done once in their batch
		for _, batch := range job.Batches() {
			n := len(hosts)
			for _, host := range batch {
				h := newHostRun(o.run, job, host)
				h.preconditionsOffline()
				if h.stopped == "" {
					hosts = append(hosts, h)
				}
			}
			if len(hosts) > n {
				first = append(first, hosts[n])
			}
		}
		for t := range job.Tasks {
			if job.Tasks[t].Once && leftOut(job, t) == "" {
				o.task(job, t, first)
			} else {
				o.task(job, t, hosts)
			}
		}
	}
	return o.summary
}

// offlinePlan is a plan without connections.
type offlinePlan struct {
	*run
	brief bool
}

// verbOf is what a task does as far as can be said without looking.
func verbOf(task *plan.Task, in plan.Instance) wire.Verb {
	switch {
	case task.Own == "runs":
		return wire.VerbRun
	case task.Own != "":
		return wire.VerbUpdate
	case in.Args["changes"] == false, task.Action == waitAction, task.Action == direct.HTTP && direct.OnlyReads(in.Args):
		return wire.VerbRead
	case task.Action == flushAction, task.Action == resetAction, task.Action == direct.Pause:
		return wire.VerbNone
	case task.Action == "command", task.Action == "shell", task.Action == "script", task.Action == rebootAction, task.Action == direct.HTTP, task.Action == direct.Raw:
		return wire.VerbRun
	}
	return wire.VerbUpdate
}

// arguments are an instance's as the site gives them: a source as a name of a file, a regular expression as its text.
func arguments(in plan.Instance) map[string]any {
	out := maps.Clone(in.Args)
	if len(in.Sources) > 0 {
		delete(out, "content")
	}
	if c := in.Content; c != nil && c.Argument != "" {
		delete(out, c.Argument+"_size")
		delete(out, c.Argument+"_sha256")
		if c.File == "" {
			out[c.Argument] = string(c.Data)
		}
	}
	if in.Destination != "" {
		out["destination"] = in.Destination
	}
	if len(in.Trees) > 0 {
		delete(out, "tree")
		delete(out, "tree_sha256")
	}
	for _, texts := range []map[string]string{in.Sources, in.Patterns} {
		for name, text := range texts {
			out[name] = text
		}
	}
	return out
}

// alike is what an Evaluator may know beside: which hosts have the same instances of a task while nothing is known, and
// which ones have instances that differ in nothing but texts.
type alike interface {
	Alike(address string, host int) string
	Similar(address string, host int) string
}

// fewSimilar are evaluated of many similar hosts where the plan is brief.
const fewSimilar = 8

// sharing is what is known of a task from the hosts so far.
type sharing struct {
	alike   map[string]*planned
	similar map[string][]*planned // of those that were evaluated
}

// planned is what a task comes to on a host, or on several.
type planned struct {
	changes []event.PlannedChange // without a host
	ends    []event.TaskEnd       // of what certainly fails
	err     error
	brief   *planned // see inBrief
}

// task tells of one task on all hosts of its job. The hosts are evaluated side by side, some at a time, and told of in
// order.
func (o *offlinePlan) task(job *plan.Job, at int, hosts []*hostRun) {
	const some = 512
	task := &job.Tasks[at]
	shared := sharing{alike: map[string]*planned{}, similar: map[string][]*planned{}}
	for chunk := range slices.Chunk(hosts, some) {
		if reason := leftOut(job, at); reason != "" {
			for _, h := range chunk {
				h.skipResults(task)
				h.leaveOut(at, task, event.Skipped, reason)
			}
			continue
		}
		for i, found := range o.planned(task, chunk, shared) {
			chunk[i].tell(task, found)
		}
	}
}

// leftOut says why a task of a job is not run where all goes well; "" when it is.
func leftOut(job *plan.Job, at int) string {
	switch {
	case !job.Tasks[at].Selected:
		return "selection"
	case job.Rescues(at):
		return "no_failure"
	}
	return ""
}

// preconditionsOffline finds those that certainly do not hold.
func (h *hostRun) preconditionsOffline() {
	if !h.starts() {
		return
	}
	for i := range h.job.Preconditions {
		p := &h.job.Preconditions[i]
		if end := h.evaluate(p); end != nil && h.stopped == "" {
			h.settle(h.ends(p, noTask, nil, end), *end, plan.Result{Failed: true})
		}
	}
}

// planned evaluates a task on some hosts; what is the same on several is evaluated once, and shared.
func (o *offlinePlan) planned(task *plan.Task, hosts []*hostRun, shared sharing) []*planned {
	out := make([]*planned, len(hosts))
	var own []int               // hosts to evaluate
	brief := map[int]*planned{} // hosts that are not, by one that they are like
	for i, h := range hosts {
		alike, similar := o.like(task, h.host)
		if out[i] = shared.alike[alike]; out[i] != nil {
			continue
		}
		if evaluated := shared.similar[similar]; len(evaluated) == fewSimilar {
			brief[i] = evaluated[0]
			continue
		}
		out[i] = &planned{}
		own = append(own, i)
		if alike != "" {
			shared.alike[alike] = out[i]
		}
		if similar != "" {
			shared.similar[similar] = append(shared.similar[similar], out[i])
		}
	}
	var all sync.WaitGroup
	for part := range slices.Chunk(own, max(len(own)/runtime.GOMAXPROCS(0), 32)) {
		all.Go(func() {
			for _, i := range part {
				*out[i] = hosts[i].plan(task)
			}
		})
	}
	all.Wait()
	for i, like := range brief {
		out[i] = like.inBrief()
	}
	return out
}

// like says which hosts a task is the same on, and on which ones it is similar.
func (o *offlinePlan) like(task *plan.Task, host int) (same, similar string) {
	a, ok := o.Evaluator.(alike)
	if !ok || len(task.Needs) > 0 {
		return "", ""
	}
	if o.brief {
		similar = a.Similar(task.Address, host)
	}
	return a.Alike(task.Address, host), similar
}

// inBrief is what is told of a host that is similar: what becomes of it, and not with which arguments.
func (p *planned) inBrief() *planned {
	if p.brief == nil {
		p.brief = &planned{err: p.err, ends: p.ends, changes: slices.Clone(p.changes)}
		for i := range p.brief.changes {
			p.brief.changes[i].After, p.brief.changes[i].Brief = nil, true
		}
	}
	return p.brief
}

// plan evaluates a task on the host.
func (h *hostRun) plan(task *plan.Task) planned {
	instances, err := h.run.Evaluator.Expand(task.Address, h.host, h.run.state)
	if err != nil {
		return planned{err: err}
	}
	out := planned{changes: make([]event.PlannedChange, 0, len(instances))}
	for _, in := range instances {
		change := event.PlannedChange{Job: h.job.Name, Address: in.Address, Unknown: in.Unknown, Action: event.Verb(verbOf(task, in))}
		switch {
		case in.Skip:
			change.Action = event.Skip
		case task.Aside():
			outcome := direct.Say(task.Action, in)
			change.Action = event.Verb(outcome.Change.Verb)
			if outcome.Failed && !task.Verdict {
				out.ends = append(out.ends, *outcome.End(in, task.Place))
				continue
			}
		case change.Action == event.Update:
			change.Unknown = union(in.Unknown, []string{"action"})
		}
		switch {
		case in.Hidden.All:
			change.After = event.Hidden
		case !in.Skip:
			given := arguments(in)
			hideAll(given, in.Secrets)
			change.After = given
		}
		out.changes = append(out.changes, change)
	}
	return out
}

// tell reports what was found on the host.
func (h *hostRun) tell(task *plan.Task, found *planned) {
	if err := found.err; err != nil {
		h.run.state.PutResults(task.Address, h.name, plan.Results{Elements: []plan.Result{{Failed: true}}})
		h.report(*cannotEvaluate(task, err), task)
		return
	}
	for _, end := range found.ends {
		end.Handled = task.OnFailure == plan.Continue
		h.report(end, task)
	}
	for _, change := range found.changes {
		change.Host = h.name
		h.run.plannedChange(h.host, change.Action)
		h.run.Sink.Emit(change)
	}
}
