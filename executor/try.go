package executor

import (
	"context"
	"errors"
	"slices"

	"runner/executor/event"
	"runner/planner/plan"
)

// fault is a failure that no on_failure = "continue" handled. Its end is not reported before it is known whether a
// rescue ended it well.
type fault struct {
	at     int // index of the task in its course
	task   *plan.Task
	end    event.TaskEnd
	result plan.Result
	told   bool // the end was reported, or is another host's to report
	shown  bool // people know of it
}

// caught is a try whose body has failed on this host, while its rescue or its always runs.
type caught struct {
	try      int
	rescuing bool    // its rescue runs; otherwise its always, after which the faults are the next try's around it
	faults   []fault // the one that it is about at the end
}

// raise ends what the host was doing: it goes on with the rescue, or the always, of a try around the failed task, or
// stops. The agent has cancelled what was sent behind that task.
func (h *hostRun) raise(f fault) {
	h.jumps++
	switch {
	case h.stopped != "":
		h.release([]fault{f}, false)
	case f.at == noTask:
		h.release([]fault{f}, false)
		h.stop(event.Failed)
	case h.flush: // what the handlers do not handle is the flush's
		h.discard(f.at, f.at+1)
		h.pc = len(h.tasks)
		h.newPipeline()
		h.fallen = &f
	default:
		h.goOn(f.at, h.around(f), []fault{f})
	}
	if f.task.OnFailure == plan.Abort {
		h.run.traffic.Abort()
	}
}

// goOn looks for where to go on after a failure at a task: try is the innermost one around it that is not over.
func (h *hostRun) goOn(at, try int, faults []fault) {
	for n := len(h.caught); n > 0 && h.isInside(h.caught[n-1].try, try); n-- { // the failure is one of a block around it
		faults = h.uncatch(faults)
	}
	if h.run.traffic.IsEnding() || faults[len(faults)-1].task.OnFailure == plan.Abort {
		try = noTry
	}
	hopeless := !h.mayBeRescued(at, try)
	if !hopeless {
		h.show(faults)
	}
	for ; try != noTry; try = h.tries[try].Parent {
		t := &h.tries[try]
		if n := len(h.caught); n > 0 && h.caught[n-1].try == try {
			faults = h.uncatch(faults)
		}
		if hopeless {
			h.release(faults, false)
		}
		switch {
		case at < t.Rescue && t.Rescues:
			h.caught = append(h.caught, caught{try, true, faults})
			h.run.state.PutFailure(h.job.Name, try, h.name, failureFor(faults))
			h.jumpTo(at, t.Rescue)
			return
		case at < t.Always:
			h.caught = append(h.caught, caught{try, false, faults})
			h.jumpTo(at, t.Always)
			return
		}
	}
	h.release(faults, false)
	h.discard(at, noTask)
	h.stop(event.Failed)
}

// isInside says whether a try is a part of another one. All are parts of what is no try.
func (h *hostRun) isInside(inner, outer int) bool {
	for inner != noTry {
		if inner = h.tries[inner].Parent; inner == outer {
			return true
		}
	}
	return false
}

// uncatch ends the innermost try that was caught, and adds to its faults.
func (h *hostRun) uncatch(faults []fault) []fault {
	last := len(h.caught) - 1
	c := h.caught[last]
	h.caught = h.caught[:last]
	h.run.state.DropFailure(h.job.Name, c.try, h.name)
	return append(c.faults, faults...)
}

// show tells people of failures whose ends are not reported yet.
func (h *hostRun) show(faults []fault) {
	for i := range faults {
		f := &faults[i]
		if f.told || f.shown || h.isPreview() {
			continue
		}
		f.shown = true
		end := f.end
		end.Job, end.Host = h.job.Name, h.name
		h.run.Sink.Emit(event.EarlyFailure{TaskEnd: end})
	}
}

// noTry is the index of no try.
const noTry = -1

// innermost returns the innermost try around a task.
func (h *hostRun) innermost(at int) int {
	for i, t := range slices.Backward(h.tries) {
		if t.From <= at && at < t.To {
			return i
		}
	}
	return noTry
}

// around returns the innermost try that a failure is one of: where the condition of a block around the task cannot be
// evaluated, a try around that block, because nothing in the block can run.
func (h *hostRun) around(f fault) int {
	var e interface {
		error
		Beyond() (try int, ok bool)
	}
	if f.end.Failure != nil && errors.As(f.end.Failure.Cause, &e) {
		if try, ok := e.Beyond(); ok {
			return try
		}
	}
	return h.innermost(f.at)
}

// mayBeRescued says whether a rescue can handle a failure at a task inside a try.
func (h *hostRun) mayBeRescued(at, try int) bool {
	for ; try != noTry; try = h.tries[try].Parent {
		if t := &h.tries[try]; t.Rescues && at < t.Rescue {
			return true
		}
	}
	return false
}

// failureFor is what a rescue sees: the failure that has led to it directly.
func failureFor(faults []fault) plan.Failure {
	f := &faults[len(faults)-1]
	return plan.Failure{Result: f.result, Address: f.end.Address, Error: f.end.Error, Sensitive: f.end.Sensitive}
}

// jumpTo goes on at a task that comes after the failed one. What lies in between is not run; what was sent from there on
// has not started, and will be sent again.
func (h *hostRun) jumpTo(failed, target int) {
	h.discard(failed, target)
	for ; h.pc < target; h.pc++ {
		h.unreached(h.pc, &h.tasks[h.pc])
	}
	h.pc = target
	h.synced = false
	h.newPipeline()
}

// newPipeline leaves a pipeline that was cancelled.
func (h *hostRun) newPipeline() {
	h.pipeline = h.run.Broker.NextPipeline()
	h.disordered = true // of interest to previews alone
}

// discard forgets what was sent behind a failed task. What lies before a target ends as not started; without a target
// everything does, and the syncs stay: they are carried out in any case.
func (h *hostRun) discard(failed, target int) {
	queue := h.queue
	h.queue, h.underway, h.holder = nil, 0, nil
	for _, s := range queue {
		switch {
		case s.task == nil && target == noTask:
			h.queue = append(h.queue, s)
			h.underway++
			continue
		case s.task == nil:
		case target != noTask && s.at >= target && s.at != failed:
			h.doubt(s)
			h.withdraw(s)
		case s.left != nil, s.nothing, s.deferred:
			h.unreached(s.at, s.task)
		default:
			h.pass(s)
			if h.yields(s) {
				h.doubt(s)
				h.withdraw(s)
				break
			}
			h.report(event.TaskEnd{
				Address: s.instance.Address, Status: event.Cancelled, Reason: "not_started", Attempts: s.attempts(),
				Result: shown(s.task, plan.Result{Skipped: true}),
			}, s.task)
		}
		h.run.traffic.Forget(s.pending)
	}
}

// withdraw tells that a call has not begun, or was not even sent, where that is certain.
func (h *hostRun) withdraw(s *sent) {
	if s.noted && !h.doubtful[s.instance.Address] {
		h.run.Sink.Emit(event.Sent{Address: s.instance.Address, Host: h.name, Withdrawn: true})
	}
}

// doubt notes that nobody knows whether a call has started, if that is so: its peer was lost, and has cancelled nothing.
func (h *hostRun) doubt(s *sent) {
	if s.pending != nil && h.isLost(s.on) {
		if h.doubtful == nil {
			h.doubtful = map[string]bool{}
		}
		h.doubtful[s.instance.Address] = true
	}
}

// endPart ends a rescue or an always that the host has come to the end of, and reports whether there was one.
func (h *hostRun) endPart(ctx context.Context) bool {
	n := len(h.caught)
	if n == 0 || h.handlers {
		return false
	}
	c := h.caught[n-1]
	t := &h.tries[c.try]
	end := t.To
	if c.rescuing {
		end = t.Always
	}
	if h.pc != end {
		return false
	}
	if !h.drain(ctx) {
		return true
	}
	h.caught = h.caught[:n-1]
	if c.rescuing {
		h.run.state.DropFailure(h.job.Name, c.try, h.name)
		h.release(c.faults, true)
		return true
	}
	h.jumps++
	h.goOn(t.From, t.Parent, c.faults)
	return true
}

// isIdle says whether a task belongs to a rescue that there is no need for.
func (h *hostRun) isIdle(at int) bool {
	for i := range h.tries {
		if t := &h.tries[i]; t.Rescue <= at && at < t.Always && !slices.ContainsFunc(h.caught, func(c caught) bool { return c.try == i && c.rescuing }) {
			return true
		}
	}
	return false
}

// uncaught gives all faults up that a rescue was about.
func (h *hostRun) uncaught() []fault {
	var all []fault
	for _, c := range h.caught {
		all = append(all, c.faults...)
		h.run.state.DropFailure(h.job.Name, c.try, h.name)
	}
	h.caught = nil
	return all
}

// release reports faults, now that it is known whether a rescue has handled them.
func (h *hostRun) release(faults []fault, handled bool) {
	for i := range faults {
		f := &faults[i]
		if !handled {
			h.bad = true
			if f.end.Status != event.Failed {
				h.run.lost(h.host)
			}
		}
		if !f.told {
			f.told = true
			f.end.Handled = handled
			h.report(f.end, f.task)
		}
	}
}
