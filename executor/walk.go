package executor

import (
	"context"
	"slices"

	"runner/executor/batch"
	"runner/executor/direct"
	"runner/executor/event"
	"runner/planner/plan"
)

// course is a list of tasks that a host goes through: the job's tasks, or its handlers, of which only those count that
// were notified. Tasks are sent on the assumption that all goes well; when it does not, the host goes on at another one,
// and what was sent from there on, which the agent has not started, is sent again.
type course struct {
	tasks    []plan.Task
	tries    []plan.Try
	pc       int  // the next task to be sent
	handlers bool // these are handlers
	flush    bool // they run because a task said so, and are not the end of the job
	base     int  // the place of the first task among all places of the job
	stride   int  // from one task's place to the next one's: those of handlers lie between
}

// noTask is the index of what belongs to a job and stands before its tasks or after them.
const noTask = -1

// place returns where among all tasks and handlers of the job one stands: the same on every host.
func (c *course) place(at int) int { return c.base + at*c.stride }

// walk goes through the course to its end.
func (h *hostRun) walk(ctx context.Context) {
	for {
		switch {
		case h.pc < len(h.tasks) && h.flush && h.over():
			h.pc = len(h.tasks) // what was notified stays due
		case h.endPart(ctx):
		case h.pc < len(h.tasks):
			h.step(ctx)
		case h.endCourse(ctx):
			return
		}
	}
}

// endCourse takes what is still under way after the last task, and reports whether the host is through.
func (h *hostRun) endCourse(ctx context.Context) bool {
	if !h.flush {
		if (h.blocked() || !h.handlers && len(h.peers.Used()) > 1) && !h.drain(ctx) { // several users: each one's writes first
			return false
		}
		h.sync()
	}
	h.drain(ctx)
	return len(h.queue) == 0 && h.pc == len(h.tasks) && (h.handlers || len(h.caught) == 0)
}

// step sends one task's calls, or notes why there are none. It stays where it is when it had to wait and the host went on
// elsewhere meanwhile.
func (h *hostRun) step(ctx context.Context) {
	at, task := h.pc, &h.tasks[h.pc]
	if h.handlers && slices.ContainsFunc(h.queue, func(s *sent) bool { return s.mayNotify(task) }) {
		h.drain(ctx)
		return
	}
	switch {
	case h.handlers && !h.notified[task.Address]:
		h.pc++
	case !task.Selected:
		h.leave(ctx, at, left{event.Skipped, "selection"})
	case h.over():
		h.leave(ctx, at, left{})
	case h.isIdle(at):
		h.leave(ctx, at, left{event.Skipped, "no_failure"})
	case task.Once && h.batch != nil:
		h.once(ctx, at, task)
	default:
		h.start(ctx, at, task, nil)
	}
}

func (s *sent) mayNotify(handler *plan.Task) bool {
	return s.task != nil && slices.Contains(s.task.Notify, handler.Address)
}

// leave notes that a task is not run.
func (h *hostRun) leave(ctx context.Context, at int, why left) {
	task := &h.tasks[at]
	h.pc = at + 1
	if why.status == event.Skipped {
		h.skipResults(task) // known now: who reads them need not wait
	}
	h.queue = append(h.queue, &sent{task: task, at: at, on: notSent, left: &why})
	h.pump()
	if len(h.queue) == 1 {
		h.drain(ctx)
	}
}

// start evaluates a task and sends it, after waiting for what it needs to know.
func (h *hostRun) start(ctx context.Context, at int, task *plan.Task, t *batch.Turn[outcome]) {
	if s := h.repeat(task, at, t); s != nil {
		h.append(at, s)
		return
	}
	if task.Deferred() && t == nil && len(h.caught) == 0 { // a rescue reads what is gone at its end
		h.append(at, &sent{task: task, at: at, on: notSent, deferred: true})
		return
	}
	on := task.On(h.host, h.run.Plan)
	lockstep := h.batch != nil && h.batch.Lockstep
	if (h.mustWait(task, on) || lockstep) && !h.drain(ctx) {
		return
	}
	if lockstep && !h.arrives(at) {
		return
	}
	end := h.learnFacts(task)
	if end == nil && task.Action == rebootAction {
		end = h.restarts(task, on)
	}
	if end != nil {
		if h.run.traffic.IsEnding() {
			h.leave(ctx, at, left{})
			return
		}
		h.append(at, h.ends(task, at, t, end))
		return
	}
	if !task.Aside() && task.Action != direct.Raw { // there is no agent to be met
		h.meet(on)
	}
	instances, err := h.run.Evaluator.Expand(task.Address, h.host, h.run.state)
	switch {
	case err != nil:
		h.append(at, h.ends(task, at, t, cannotEvaluate(task, err)))
	case task.Action == flushAction:
		h.flushes(ctx, at, task, instances, t)
	case task.Action == resetAction:
		h.resets(ctx, at, task, on, instances, t)
	case task.Action == direct.Pause:
		h.append(at, h.stands(task, at, t, notSent, instances, h.pause)...)
	case task.Aside():
		h.append(at, h.asides(task, at, t, instances)...)
	case task.Action == direct.HTTP && on >= 0:
		h.append(at, h.stands(task, at, t, on, instances, h.requests)...)
	case task.Action == direct.Raw && on >= 0:
		h.append(at, h.stands(task, at, t, on, instances, h.raw)...)
	case on < 0:
		const nobody = "no connection leads to where this task runs"
		h.append(at, h.ends(task, at, t, &event.TaskEnd{Address: task.Address, Status: event.Failed, Reason: "error", Error: nobody}))
	default:
		h.append(at, h.instances(task, at, t, on, instances)...)
	}
}

// append queues what a task consists of and goes on to the next one.
func (h *hostRun) append(at int, all ...*sent) {
	h.pc = at + 1
	h.queue = append(h.queue, all...)
	h.pump()
}

// instances makes what is to be sent of a task.
func (h *hostRun) instances(task *plan.Task, at int, t *batch.Turn[outcome], on int, instances []plan.Instance) []*sent {
	g := &group{missing: len(instances), turn: t}
	g.results.Keyed = task.Keyed
	if len(instances) == 0 {
		g.reached, g.results.Keyed = true, true
		if t == nil {
			h.run.state.PutResults(task.Address, h.name, g.results)
			return nil
		}
		return []*sent{{task: task, at: at, group: g, on: notSent, nothing: true}}
	}
	out := make([]*sent, len(instances))
	for i, in := range instances {
		g.results.Keyed = in.Keyed
		out[i] = &sent{task: task, at: at, instance: in, group: g, on: on, attempt: 1, delay: in.Retry.Delay}
		past, again := h.past(task, at, in.Address, t != nil)
		if out[i].past = past; past != nil {
			out[i].on = notSent
		}
		if again && !in.Skip {
			h.warnAgain(task, in.Address)
		}
	}
	return out
}

// ends makes what stands for a task that has ended without a call.
func (h *hostRun) ends(task *plan.Task, at int, t *batch.Turn[outcome], end *event.TaskEnd) *sent {
	return &sent{
		task: task, at: at, on: notSent, end: end, group: &group{missing: 1, turn: t},
		instance: plan.Instance{Address: end.Address},
	}
}

func cannotEvaluate(task *plan.Task, err error) *event.TaskEnd {
	return &event.TaskEnd{
		Address: task.Address, Status: event.Failed, Error: err.Error(), Reason: "evaluate",
		Failure: &event.Failure{Message: err.Error(), Place: task.Place, Cause: err},
	}
}

// mustWait says whether a task has to wait for the results that are under way.
func (h *hostRun) mustWait(task *plan.Task, on int) bool {
	calls := slices.ContainsFunc(h.queue, func(s *sent) bool { return !s.isKnown() })
	if !calls {
		return false
	}
	switch task.Action {
	case flushAction, resetAction, rebootAction, direct.Pause: // what a machine has done is known before it goes down
		return true
	}
	if h.blocked() {
		return true
	}
	if on != h.on && h.on >= 0 && !task.Aside() {
		return true // the order of tasks holds across users too
	}
	return slices.ContainsFunc(h.queue, func(s *sent) bool {
		return !s.isKnown() && s.task != nil && slices.Contains(task.Needs, s.task.Address)
	})
}

// isKnown says whether the results of what is queued are known already.
func (s *sent) isKnown() bool { return s.left != nil || s.past != nil }

// arrives waits until every host of the batch has ended what comes before a task.
func (h *hostRun) arrives(at int) bool {
	place := h.place(at)
	h.batch.Reach(h.host, place)
	return h.standBy(h.batch.Reached(place))
}

// standBy waits, without a slot, until a channel is closed; nil is closed. It reports whether the host may go on.
func (h *hostRun) standBy(c <-chan struct{}) bool {
	if c != nil {
		h.run.withoutSlot(func() {
			select {
			case <-c:
			case <-h.run.traffic.Open().Done():
			}
		})
	}
	return !h.over()
}

// withoutSlot leaves the host's slot to another host while it waits.
func (r *run) withoutSlot(wait func()) {
	<-r.slots
	wait()
	r.slots <- struct{}{}
}

// drain takes the results of everything under way, in order. It reports whether the host goes on at the task where it was;
// if not, something may be under way again.
func (h *hostRun) drain(ctx context.Context) bool {
	for jumps := h.jumps; len(h.queue) > 0; {
		h.pump()
		s := h.queue[0]
		h.queue[0] = nil
		h.queue = h.queue[1:]
		h.underway--
		if h.holder == s {
			h.holder = nil
		}
		h.take(ctx, s)
		if len(h.queue) == 0 && h.late != nil {
			f := *h.late
			h.late = nil
			h.raise(f)
		}
		h.passed(s)
		if h.jumps != jumps {
			h.pump()
			return false
		}
	}
	return true
}

// passed lets those who wait for this host know what it has ended.
func (h *hostRun) passed(s *sent) {
	if h.batch == nil {
		return
	}
	if g := s.group; g != nil && g.turn != nil && g.missing == 0 {
		h.publish(g)
	}
	at := h.pc
	if len(h.queue) > 0 && h.queue[0].task != nil {
		at = h.queue[0].at
	}
	h.batch.Reach(h.host, h.place(at))
}

// learnFacts waits for the hellos whose facts a task reads, and says how the task ends if one does not come.
func (h *hostRun) learnFacts(task *plan.Task) *event.TaskEnd {
	wanted := task.Facts
	if task.SelfFacts {
		wanted = append([]int{h.host}, wanted...)
	}
	for _, host := range wanted { // all at the same time
		if c := h.run.Plan.Hosts[host].Connection; c >= 0 {
			h.run.Broker.Peer(c)
		}
	}
	for _, host := range wanted {
		end := &event.TaskEnd{Address: task.Address, Status: event.Failed, Reason: "error"}
		name, connection := h.run.Plan.Hosts[host].Name, h.run.Plan.Hosts[host].Connection
		if connection < 0 {
			end.Error = "cannot get the facts of host " + name + ": nothing connects to it"
			return end
		}
		ready, err := h.run.Broker.Peer(connection).Ready(h.run.traffic.Open())
		if err != nil && h.comes(err) != "" {
			continue // they are not known
		}
		if err != nil {
			h.explain(end, err, task)
			if host != h.host { // this one is well
				end.Failure.Message = "cannot get the facts of host " + name + ": " + end.Failure.Text()
				end.Failure.Hop, end.Failure.Hint, end.Error = "", "", end.Failure.Message
				end.Status = event.Failed
			}
			return end
		}
		h.after = max(h.after, ready.Trip)
		if err := h.run.putFacts(host, ready.Hello); err != nil {
			end.Error = err.Error()
			return end
		}
	}
	return nil
}
