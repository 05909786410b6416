package executor

import (
	"context"

	"runner/executor/event"
	"runner/planner/plan"
)

// outcome is what a task has given that ran once.
type outcome struct {
	group *group
	host  string
}

// once comes to a task that one host of the batch runs for all: the first that is still in the run and comes to it. Only
// that one has a task_end of it. The others wait, without a slot, and take its results for theirs.
func (h *hostRun) once(ctx context.Context, at int, task *plan.Task) {
	place := h.place(at)
	t, mine, wait := h.batch.Turn(h.host, place)
	if mine {
		h.start(ctx, at, task, t)
		return
	}
	if len(h.queue) > 0 {
		h.drain(ctx)
		return // it comes here again, unless it goes on elsewhere
	}
	if wait != nil {
		h.batch.Reach(h.host, place)
		h.standBy(wait)
		return
	}
	h.pc = at + 1
	h.adopt(at, task, t.Result)
	h.batch.Reach(h.host, h.place(h.pc))
}

// adopt makes another host's outcome this one's.
func (h *hostRun) adopt(at int, task *plan.Task, o outcome) {
	h.run.state.PutResults(task.Address, h.name, o.group.results)
	if h.handlers {
		delete(h.notified, task.Address)
		if o.group.fault == nil && !o.group.lost {
			h.through(task)
		}
	}
	switch f := o.group.fault; {
	case o.group.lost:
		// Nobody knows what it did. That its own host tells.
		h.raise(fault{at: at, task: task, result: plan.Result{Failed: true}, end: event.TaskEnd{Status: event.Failed}, told: true})
	case f != nil:
		theirs := *f
		theirs.at, theirs.told = at, true
		h.raise(theirs)
	}
}

// publish gives the other hosts what this one has run for them. They run it themselves if this one was not able to.
func (h *hostRun) publish(g *group) {
	if g.lost || !g.never {
		h.batch.Publish(g.turn, outcome{g, h.name})
	}
}

// forgoes says that a task which runs once, and not on this host, is not this host's to report either: another one of the
// batch has run it, or still may. When all have left it out, the last one reports it. Handlers are each host's own.
func (h *hostRun) forgoes(at int, task *plan.Task) bool {
	return task.Once && h.batch != nil && !h.handlers && !h.isPreview() && !h.batch.Forgo(h.place(at))
}

// yields is forgoes for an element of what this host was about to run, and has not begun.
func (h *hostRun) yields(s *sent) bool {
	g := s.group
	if g.turn == nil || g.reached || s.attempts() > 0 {
		return false
	}
	if !g.decided {
		g.decided, g.yielded = true, h.forgoes(s.at, s.task)
	}
	return g.yielded
}
