package executor

import (
	"context"
	"errors"
	"slices"

	"runner/agent/wire"
	"runner/executor/broker"
	"runner/executor/event"
	"runner/planner/plan"
)

// take waits for one result, reports it and draws the conclusions.
func (h *hostRun) take(ctx context.Context, s *sent) {
	skipped := plan.Result{Skipped: true}
	switch {
	case s.task == nil:
		h.takeSync(ctx, s)
	case s.left != nil:
		h.takeLeft(s)
	case s.nothing:
		h.run.state.PutResults(s.task.Address, h.name, s.group.results)
	case s.deferred:
		h.takeDeferred(ctx, s)
	case s.act != nil:
		h.takeAct(ctx, s)
	case s.end != nil:
		h.takeEnd(ctx, s)
	case s.past != nil:
		h.takePast(s)
	case s.instance.Skip:
		h.record(s, skipped)
		h.settle(s, event.TaskEnd{Address: s.instance.Address, Status: event.Skipped, Action: event.Skip, Result: shown(s.task, skipped)}, skipped)
	case s.on == notSent && s.problem == "", s.problem != "" && h.stopped != "":
		h.endUnstarted(s, event.TaskEnd{Address: s.instance.Address})
	case s.problem != "":
		failed := plan.Result{Failed: true}
		h.record(s, failed)
		h.settle(s, event.TaskEnd{
			Address: s.instance.Address, Status: event.Failed, Reason: "evaluate", Error: s.problem,
			Failure: &event.Failure{Message: s.problem, Place: s.task.Place},
		}, failed)
	case s.pending == nil: // an unknown for_each
		h.record(s, plan.Result{Unknown: true, UnknownChanged: true})
		h.planned(s, wire.Change{Verb: verbOf(s.task, s.instance)}, wire.Attributes{}, "")
	default:
		h.takeReply(ctx, s)
	}
}

// takeEnd takes the end of what needed no call.
func (h *hostRun) takeEnd(ctx context.Context, s *sent) {
	end := *s.end
	if h.stopped != "" {
		h.pass(s)
		h.notStarted(s)
		return
	}
	if s.outcome != nil {
		h.takeOutcome(ctx, s)
		return
	}
	if end.Failure == nil && end.Error != "" {
		end.Failure = &event.Failure{Message: end.Error, Place: s.task.Place}
	}
	result := plan.Result{Failed: end.Status != event.OK}
	if end.Status == event.Unreachable {
		h.pass(s)
	} else {
		h.record(s, result)
	}
	if end.Status == event.OK {
		if h.isPreview() {
			h.planned(s, wire.Change{Verb: wire.VerbNone}, wire.Attributes{}, event.OK)
			return
		}
		end.Action, end.Result = event.None, shown(s.task, result)
	}
	h.settle(s, end, result)
}

// takeReply takes what a peer says, or why it says nothing.
func (h *hostRun) takeReply(ctx context.Context, s *sent) {
	end := event.TaskEnd{Address: s.instance.Address, Attempts: s.attempt, Sensitive: s.instance.Hidden.Failures()}
	reply, err := h.await(ctx, s)
	if s.task.Action == rebootAction && !h.isPreview() {
		reply, err = h.reboots(ctx, s, reply, err)
	}
	end.Target = h.target(s.on)
	if err != nil {
		h.takeError(s, end, err)
		return
	}
	if !s.isStarted() && reply.Problem != nil && (reply.Problem.Code == wire.CodePipeline || reply.Problem.Code == wire.CodeCancelled) {
		h.endUnstarted(s, end)
		return
	}
	h.after = max(h.after, reply.Trip)
	end.Started, end.Seconds = event.Time(reply.Started), reply.Elapsed.Seconds()
	result := plan.Result{Key: s.instance.Key, Values: reply.said.Values, Seconds: end.Seconds}
	h.conclude(s, reply, &result, &end)
	if h.judge(s, &result, &end) && h.again(ctx, s) {
		return
	}
	h.notifies(s, &result, &end)
	if h.isPreview() {
		well := end.Status == event.OK || end.Status == event.Changed
		if well || end.Status == event.Failed && reply.Problem == nil { // what its own conditions make a failure is done before
			h.planned(s, reply.Change, reply.said, foreseen(s, &result, &end))
		}
		if well {
			h.ran(s)
			h.record(s, result)
			return
		}
	}
	h.change(&end, s, reply.Change, reply.said)
	end.Result = h.shown(s, result)
	h.record(s, result)
	h.settle(s, end, result)
}

// notifies makes the handlers due that a task notifies which has changed something, or may have by what its own condition says.
func (h *hostRun) notifies(s *sent, result *plan.Result, end *event.TaskEnd) {
	if end.Status == event.Changed || s.task.ChangedWhen && result.UnknownChanged && end.Status == event.OK {
		end.Notified = s.instance.Notify
		for _, address := range s.instance.Notify {
			h.notified[address] = true
		}
	}
}

// takeError takes the end of a call that was not answered.
func (h *hostRun) takeError(s *sent, end event.TaskEnd, err error) {
	if !s.isStarted() && h.isNotStarted(err) {
		h.endUnstarted(s, end)
		return
	}
	if by := h.comes(err); by != "" {
		h.later(s, by)
		return
	}
	h.explain(&end, err, s.task)
	h.hanging = h.hanging || end.Reason == interruptedReason
	if end.Status == event.Unreachable && h.doubtful[end.Address] {
		end.Status, end.Reason = event.Unknown, "lost"
	}
	s.cuts(&end)
	result := plan.Result{Failed: true}
	if end.Status == event.Unreachable {
		end.Attempts = s.attempts()
		h.pass(s)
	} else {
		h.record(s, result)
	}
	h.settle(s, end, result)
}

// conclude says what a reply means, before the task's own conditions are asked.
func (h *hostRun) conclude(s *sent, reply answer, result *plan.Result, end *event.TaskEnd) {
	changed := reply.Change.Verb != "" && reply.Change.Verb != wire.VerbNone && reply.Change.Verb != wire.VerbRead
	if reply.Problem != nil {
		h.explain(end, reply.Problem, s.task)
		end.Failure = end.Failure.Hide(s.instance)
		end.Error = end.Failure.Text()
		result.Failed = end.Status == event.Failed
		s.cuts(end)
		result.Changed = changed && s.task.ChangedWhen
		return
	}
	result.Changed = changed
	end.Status = event.OK
	if changed {
		end.Status = event.Changed
	}
	if h.isPreview() {
		result.Unknown = result.Values == nil || len(s.instance.Unknown) > 0 || len(reply.Change.Unknown) > 0
		result.UnknownChanged = slices.Contains(s.instance.Unknown, "when") || slices.Contains(reply.Change.Unknown, "action") ||
			(len(s.instance.Unknown) > 0 && reply.Change.Verb == wire.VerbUpdate)
	}
}

// cuts notes an end that is not a task's own: a handler stays due after it.
func (s *sent) cuts(end *event.TaskEnd) {
	s.group.cut = s.group.cut || end.Status == event.Cancelled || end.Status == event.Unknown
}

// isNotStarted says whether a call whose start was not heard of ended so that it certainly has not started: it was
// cancelled before it was sent, or the one before it has not ended yet.
func (h *hostRun) isNotStarted(err error) bool {
	problem, ok := errors.AsType[*wire.Problem](err)
	return ok && problem.Code == wire.CodeCancelled || h.hanging
}

// endUnstarted ends an instance that was not started because the host has stopped, or the run ends.
func (h *hostRun) endUnstarted(s *sent, end event.TaskEnd) {
	h.pass(s)
	end.Status, end.Reason, end.Attempts, end.Result = event.Cancelled, "not_started", s.attempts(), shown(s.task, plan.Result{Skipped: true})
	if h.yields(s) {
		h.withdraw(s)
		s.group.never = true
		h.stop(event.Cancelled)
		return
	}
	h.settle(s, end, plan.Result{Skipped: true})
}

// attempts is how many were made before this one.
func (s *sent) attempts() int { return max(0, s.attempt-1) }

// interruptedReason is that of a call that was told to end and has not said that it did.
const interruptedReason = "interrupted"

// await waits for a reply and tells when the call has started.
func (h *hostRun) await(ctx context.Context, s *sent) (answer, error) {
	if !h.isPreview() {
		select {
		case <-s.pending.Started():
		case <-s.pending.Done():
		case <-ctx.Done():
		}
		if s.isStarted() {
			s.begin.tell(h.run.Sink, h.target(s.on))
		}
	}
	reply, err := h.run.wait(ctx, s.pending, s.on)
	if err != nil {
		return answer{}, err
	}
	h.outputEnds(s)
	read := s.read
	if s.instance.Own != nil {
		read = func(r broker.Reply) (answer, error) { return h.readOwn(s, r) }
	}
	a, err := read(reply)
	if err != nil {
		a.Problem = &wire.Problem{Code: wire.CodeProtocol, Message: err.Error()}
	}
	if s.fetching != nil {
		s.fetching.Finish(&a.Result, &a.said)
	}
	return a, nil
}

// isStarted says whether the peer has begun to carry the call out.
func (s *sent) isStarted() bool {
	select {
	case <-s.pending.Started():
		return true
	default:
		return false
	}
}

// explain says how a call that gave no result ended.
func (h *hostRun) explain(end *event.TaskEnd, err error, task *plan.Task) {
	end.Status, end.Reason = event.Failed, "error"
	end.Failure = FailureOf(err, task.Place)
	lost, isLost := errors.AsType[*broker.LostError](err)
	problem, isProblem := errors.AsType[*wire.Problem](err)
	switch {
	case isLost:
		end.Failure.Place = h.run.Plan.Connections[lost.Connection].Place
		end.Status, end.Reason = event.Unknown, "lost"
		if lost.Unreached {
			end.Status, end.Reason, end.Attempts = event.Unreachable, string(lost.Problem.Code), 0
		}
	case isProblem:
		end.Reason = string(problem.Code)
		switch problem.Code {
		case wire.CodeCancelled:
			end.Status = event.Cancelled
		case wire.CodeLost:
			end.Status = event.Unknown
		default:
		}
	case h.run.traffic.IsInterrupted():
		end.Status, end.Reason = event.Unknown, interruptedReason
	}
	end.Error = end.Failure.Text()
}

// FailureOf takes an error apart for people; place is where what failed is declared.
func FailureOf(err error, place plan.Place) *event.Failure {
	failure := &event.Failure{Message: err.Error(), Place: place, Cause: err}
	if lost, ok := errors.AsType[*broker.LostError](err); ok {
		failure.Hop = lost.Title
	}
	if problem, ok := errors.AsType[*wire.Problem](err); ok {
		failure.Message, failure.Hint, failure.Quote, failure.Locked = problem.Message, problem.Hint, problem.Quote, problem.Code == wire.CodeLocked
	}
	return failure
}

// ran notes that a handler has run, or will not any more: it is no longer due.
func (h *hostRun) ran(s *sent) {
	if h.handlers && s.at >= 0 {
		delete(h.notified, s.task.Address)
	}
}

// settle draws the conclusions of an instance's end and reports it.
func (h *hostRun) settle(s *sent, end event.TaskEnd, result plan.Result) {
	h.ran(s)
	switch end.Status {
	case event.Failed:
		h.fail(s, end, result)
	case event.Unreachable, event.Unknown:
		var lost *broker.LostError
		if end.Failure != nil {
			lost, _ = errors.AsType[*broker.LostError](end.Failure.Cause)
		}
		if lost != nil {
			h.lost[lost.Connection] = true
			if !h.isLost(h.run.Plan.Hosts[h.host].Connection) { // a hop of the task's own: the host is still there
				h.fail(s, end, result)
				return
			}
		}
		if s.group != nil {
			s.group.lost = s.group.lost || end.Status == event.Unknown
			s.group.never = end.Status == event.Unreachable
		}
		h.stop(end.Status)
		h.run.lost(h.host)
		h.report(end, s.task)
	case event.Cancelled:
		if s.group != nil {
			s.group.never = true
		}
		h.stop(event.Cancelled)
		h.report(end, s.task)
	case event.OK, event.Changed, event.Skipped:
		h.report(end, s.task)
	}
}

// fail draws the conclusions of a failure.
func (h *hostRun) fail(s *sent, end event.TaskEnd, result plan.Result) {
	end.Handled = s.task.OnFailure == plan.Continue
	if end.Handled {
		h.report(end, s.task)
		return
	}
	f := fault{at: s.at, task: s.task, end: end, result: s.result(result)}
	if s.group != nil {
		s.group.fault = &f
	}
	if s.wentOn && len(h.queue) > 0 {
		if h.late == nil {
			h.late = &f
		}
		return
	}
	h.raise(f)
}
