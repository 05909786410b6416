package executor

import (
	"context"
	"errors"
	"maps"
	"slices"

	"runner/agent/wire"
	"runner/executor/broker"
	"runner/executor/event"
	"runner/planner/plan"
)

// take waits for one result and reports it.
func (h *hostRun) take(ctx context.Context, s *sent) {
	if s.task == nil {
		h.takeSync(ctx, s)
		return
	}
	switch {
	case s.pending == nil && s.instance.Skip:
		h.record(s, plan.Result{Skipped: true})
		h.settle(s.task, event.TaskEnd{Address: s.instance.Address, Status: event.Skipped, Action: event.Skip, Result: shown(s.task, plan.Result{Skipped: true})})
		return
	case s.on == notSent, s.problem != "" && h.stopped != "":
		h.pass(s)
		h.settle(s.task, event.TaskEnd{
			Address: s.instance.Address, Status: event.Cancelled, Reason: "not_started", Result: shown(s.task, plan.Result{Skipped: true}),
		})
		return
	case s.problem != "":
		h.record(s, plan.Result{Failed: true})
		h.settle(s.task, event.TaskEnd{
			Address: s.instance.Address, Status: event.Failed, Reason: "evaluate", Error: s.problem,
			Failure: &event.Failure{Message: s.problem, Place: s.task.Place},
		})
		return
	case s.pending == nil: // an unknown for_each
		h.record(s, plan.Result{Unknown: true, UnknownChanged: true})
		h.planned(s, wire.Change{Verb: verbOf(s.task, s.instance)})
		return
	}
	end := event.TaskEnd{Address: s.instance.Address, Attempts: 1, Sensitive: s.instance.Sensitive}
	reply, err := h.await(ctx, s)
	end.Target = h.target(s.on)
	if err != nil {
		if !s.isStarted() && h.isNotStarted(err) {
			h.endUnstarted(s, end)
			return
		}
		h.explain(&end, err, s.task)
		h.hanging = h.hanging || end.Reason == interruptedReason
		if end.Status == event.Unreachable {
			h.pass(s)
		} else {
			h.record(s, plan.Result{Failed: true})
		}
		h.settle(s.task, end)
		return
	}
	if !s.isStarted() && reply.Problem != nil && (reply.Problem.Code == wire.CodePipeline || reply.Problem.Code == wire.CodeCancelled) {
		h.endUnstarted(s, end)
		return
	}
	h.after = max(h.after, reply.Trip)
	end.Started, end.Seconds = event.Time(reply.Started), reply.Elapsed.Seconds()
	values, err := plainMap(reply.Values)
	if err != nil {
		reply.Problem = &wire.Problem{Code: wire.CodeProtocol, Message: err.Error()}
	}
	result := plan.Result{Values: values, Seconds: end.Seconds}
	if reply.Problem == nil {
		h.finished(s, reply.Change, &result, &end)
	} else {
		h.explain(&end, reply.Problem, s.task)
		if s.instance.Sensitive { // what went wrong may name an argument, or repeat what was printed
			end.Failure = &event.Failure{Message: event.Hidden, Place: s.task.Place}
			end.Error = end.Failure.Text()
		}
		result.Failed = end.Status == event.Failed
	}
	if h.run.Mode == wire.ModeLook && reply.Problem == nil {
		h.record(s, result)
		h.planned(s, reply.Change)
		return
	}
	h.change(&end, s, reply.Change)
	end.Result = h.shown(s, result)
	h.record(s, result)
	h.settle(s.task, end)
}

// isNotStarted says whether a call whose start was not heard of ended so that it certainly has not started: it was
// cancelled before it was sent, or the one before it has not ended yet.
func (h *hostRun) isNotStarted(err error) bool {
	problem, ok := errors.AsType[*wire.Problem](err)
	return ok && problem.Code == wire.CodeCancelled || h.hanging
}

// endUnstarted ends an instance that was not started.
func (h *hostRun) endUnstarted(s *sent, end event.TaskEnd) {
	h.pass(s)
	end.Status, end.Reason, end.Attempts, end.Result = event.Cancelled, "not_started", 0, shown(s.task, plan.Result{Skipped: true})
	h.settle(s.task, end)
}

// interruptedReason is that of a call that was told to end and has not said that it did.
const interruptedReason = "interrupted"

// await waits for a reply and tells when the call has started.
func (h *hostRun) await(ctx context.Context, s *sent) (broker.Reply, error) {
	if h.run.Mode == wire.ModeApply {
		select {
		case <-s.pending.Started():
		case <-s.pending.Done():
		case <-ctx.Done():
		}
		h.started(s)
	}
	reply, err := h.run.wait(ctx, s.pending, s.on)
	if err == nil { // all output has come
		for stream := range s.live {
			h.output(s, wire.Stream(stream), string(s.live[stream].held))
		}
	}
	return reply, err
}

// started tells that a call has started, if it has.
func (h *hostRun) started(s *sent) {
	if !s.isStarted() {
		return
	}
	if target := h.target(s.on); target != nil {
		h.run.Sink.Emit(event.TaskStart{
			Job: h.job.Name, Address: s.instance.Address, Host: h.name, Target: *target, Attempt: 1,
		})
	}
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

// finished fills in the end of a call that did what it should.
func (h *hostRun) finished(s *sent, change wire.Change, result *plan.Result, end *event.TaskEnd) {
	changed := change.Verb != wire.VerbNone && change.Verb != wire.VerbRead
	result.Changed = changed
	end.Status = event.OK
	if changed {
		end.Status = event.Changed
		for _, address := range s.instance.Notify {
			h.notified[address] = true
		}
	}
	if h.run.Mode == wire.ModeLook {
		result.Unknown = result.Values == nil || len(s.instance.Unknown) > 0 || len(change.Unknown) > 0
		result.UnknownChanged = slices.Contains(s.instance.Unknown, "when") ||
			(len(s.instance.Unknown) > 0 && change.Verb == wire.VerbUpdate)
	}
}

// explain says how a call that gave no result ended.
func (h *hostRun) explain(end *event.TaskEnd, err error, task *plan.Task) {
	end.Status, end.Reason = event.Failed, "error"
	end.Failure = failureOf(err, task.Place)
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
	case h.run.isEnding() == interrupted:
		end.Status, end.Reason = event.Unknown, interruptedReason
	}
	end.Error = end.Failure.Text()
}

// failureOf takes an error apart for people.
func failureOf(err error, place plan.Place) *event.Failure {
	failure := &event.Failure{Message: err.Error(), Place: place, Cause: err}
	if lost, ok := errors.AsType[*broker.LostError](err); ok {
		failure.Hop = lost.Title
	}
	if problem, ok := errors.AsType[*wire.Problem](err); ok {
		failure.Message, failure.Hint, failure.Quote = problem.Message, problem.Hint, problem.Quote
	}
	return failure
}

// failed reports a task that failed before there was a call.
func (h *hostRun) failed(task *plan.Task, end event.TaskEnd) {
	end.Status = event.Failed
	if end.Failure == nil {
		end.Failure = &event.Failure{Message: end.Error, Place: task.Place}
	}
	h.run.state.putResults(task.Address, h.name, plan.Results{Elements: []plan.Result{{Failed: true}}})
	h.settle(task, end)
}

// settle draws the conclusions of a task's end and reports it.
func (h *hostRun) settle(task *plan.Task, end event.TaskEnd) {
	switch end.Status {
	case event.Failed:
		end.Handled = task.OnFailure == plan.Continue
		if !end.Handled {
			h.stopped, h.bad = event.Failed, true
		}
		if task.OnFailure == plan.Abort {
			h.run.end(aborted)
		}
	case event.Unreachable, event.Unknown:
		stopped := end.Status
		if lost, ok := errors.AsType[*broker.LostError](end.Failure.Cause); ok {
			h.lost[lost.Connection] = true
			if !h.isLost(h.run.Plan.Hosts[h.host].Connection) { // a hop of the task's own: the host is still there
				stopped = event.Failed
				end.Handled = task.OnFailure == plan.Continue
			}
		}
		if end.Handled {
			break
		}
		h.stopped, h.bad = stopped, true
		h.run.lost(h.host)
		if stopped == event.Failed && task.OnFailure == plan.Abort {
			h.run.end(aborted)
		}
	case event.Cancelled:
		h.bad = true
		if h.stopped == "" {
			h.stopped = event.Cancelled
		}
	case event.OK, event.Changed, event.Skipped:
	}
	h.report(end, task)
}

// report counts an end and emits it. A preview reports what would not go well as a diagnostic.
func (h *hostRun) report(end event.TaskEnd, task *plan.Task) {
	end.Job, end.Host = h.job.Name, h.name
	if end.Failure != nil && end.Failure.Place.Line == 0 {
		end.Failure.Place = task.Place
	}
	h.counts.Add(end.Status)
	h.run.count(end)
	if h.run.Mode == wire.ModeApply {
		h.run.Sink.Emit(end)
		return
	}
	switch end.Status {
	case event.Skipped:
		h.run.Sink.Emit(event.PlannedChange{Job: end.Job, Address: end.Address, Host: end.Host, Action: event.Skip})
	case event.Failed, event.Unreachable, event.Unknown:
		lost := end.Status != event.Failed
		if end.Failure == nil || lost && h.told {
			return // the host's first one has said it
		}
		h.told = h.told || lost
		h.run.Sink.Emit(event.Diagnostic{
			Severity: "error", Code: codeOf(end), Summary: summaryOf(end), Detail: end.Error,
			File: end.Failure.Place.File, Range: rangeOf(end.Failure.Place),
			Host: end.Host, Address: end.Address, Failure: end.Failure,
		})
	case event.OK, event.Changed, event.Cancelled:
	}
}

func codeOf(end event.TaskEnd) string {
	if end.Status == event.Failed {
		return "task_failed"
	}
	return "unreachable"
}

func summaryOf(end event.TaskEnd) string {
	if end.Status == event.Failed {
		return "Task would fail"
	}
	return "Host cannot be reached"
}

func rangeOf(p plan.Place) *event.Range {
	if p.Line == 0 {
		return nil
	}
	return &event.Range{
		Start: event.Position{Line: p.Line, Column: p.Column, Byte: p.Byte},
		End:   event.Position{Line: p.EndLine, Column: p.EndColumn, Byte: p.EndByte},
	}
}

// elements returns the instances of a task with for_each as far as they are known now.
func (h *hostRun) elements(task *plan.Task) ([]plan.Instance, bool) {
	if !task.Keyed {
		return nil, false
	}
	instances, err := h.run.Evaluator.Expand(task.Address, h.host, h.run.state)
	unknown := slices.ContainsFunc(instances, func(in plan.Instance) bool { return slices.Contains(in.Unknown, "for_each") })
	return instances, err == nil && !unknown
}

// leaveOutSelected leaves out what a selection does not take: its results are skipped ones.
func (h *hostRun) leaveOutSelected(task *plan.Task) {
	results := plan.Results{Keyed: task.Keyed}
	if elements, known := h.elements(task); known {
		for _, in := range elements {
			results.Elements = append(results.Elements, plan.Result{Key: in.Key, Skipped: true})
		}
	} else if !task.Keyed {
		results.Elements = []plan.Result{{Skipped: true}}
	}
	h.run.state.putResults(task.Address, h.name, results)
	h.leaveOut(task, event.Skipped, "selection")
}

// leaveOut reports a task that is not run.
func (h *hostRun) leaveOut(task *plan.Task, status event.Status, reason string) {
	end := event.TaskEnd{Address: task.Address, Status: status, Reason: reason, Result: shown(task, plan.Result{Skipped: true})}
	elements, known := h.elements(task)
	if !known {
		h.report(end, task)
	}
	for _, in := range elements {
		end.Address = in.Address
		h.report(end, task)
	}
}

// notStarted reports a task that nothing starts any more.
func (h *hostRun) notStarted(task *plan.Task) {
	switch h.stopped {
	case event.Unreachable, event.Unknown:
		h.leaveOut(task, event.Unreachable, "host_lost")
	default:
		h.bad = true
		h.run.state.putResults(task.Address, h.name, plan.Results{}) // a handler may read it
		h.leaveOut(task, event.Cancelled, "not_started")
	}
}

// record adds an element's result to its task's. What no expression reads is not kept: a run may have a lot of it.
func (h *hostRun) record(s *sent, r plan.Result) {
	if !h.run.read[s.task.Address] {
		r.Values = nil
	}
	s.group.reached = true
	h.add(s, r)
}

// pass adds an element that was not started. A host of which none was has not reached the task.
func (h *hostRun) pass(s *sent) { h.add(s, plan.Result{Skipped: true}) }

func (h *hostRun) add(s *sent, r plan.Result) {
	r.Key = s.instance.Key
	g := s.group
	g.results.Elements = append(g.results.Elements, r)
	if g.missing--; g.missing > 0 {
		return
	}
	if !g.reached {
		g.results = plan.Results{}
	}
	h.run.state.putResults(s.task.Address, h.name, g.results)
}

func (h *hostRun) takeSync(ctx context.Context, s *sent) {
	reply, err := h.run.wait(ctx, s.pending, s.on)
	if err == nil && reply.Problem != nil && reply.Problem.Code != wire.CodeCancelled {
		err = reply.Problem
	}
	if err == nil || h.stopped == event.Unreachable || h.stopped == event.Unknown || h.run.isEnding() != notEnding {
		return
	}
	place := &plan.Task{Address: "job." + h.job.Name, Place: h.job.Place}
	end := event.TaskEnd{Address: place.Address}
	h.explain(&end, err, place)
	end.Failure.Message = "cannot write what the job changed to stable storage: " + end.Failure.Message
	end.Error = end.Failure.Text()
	h.settle(place, end)
}

// planned emits what a preview found.
func (h *hostRun) planned(s *sent, change wire.Change) {
	verb := event.Verb(change.Verb)
	p := event.PlannedChange{
		Job: h.job.Name, Address: s.instance.Address, Host: h.name, Action: verb,
		Unknown: union(s.instance.Unknown, change.Unknown),
	}
	end := event.TaskEnd{}
	h.change(&end, s, change)
	p.Before, p.After, p.Diff = end.Before, end.After, end.Diff
	h.run.plannedChange(h.host, h.job, s.on, verb)
	h.run.Sink.Emit(p)
}

// change fills in what an end says about the change; of a sensitive task nothing but its verb.
func (h *hostRun) change(end *event.TaskEnd, s *sent, change wire.Change) {
	end.Action = event.Verb(change.Verb)
	if s.instance.Sensitive {
		if len(change.Before) > 0 {
			end.Before = event.Hidden
		}
		if len(change.After) > 0 {
			end.After = event.Hidden
		}
		if change.Diff != "" {
			end.Diff = event.Hidden
		}
		return
	}
	end.Diff = change.Diff
	if before, err := plainMap(change.Before); err == nil && before != nil {
		end.Before = before
	}
	if after, err := plainMap(change.After); err == nil && after != nil {
		end.After = after
	}
}

// shown is a result as expressions see it, or hidden.
func (h *hostRun) shown(s *sent, r plan.Result) any {
	if s.instance.Sensitive {
		return event.Hidden
	}
	return shown(s.task, r)
}

// shown is a result with everything that the action documents: null is what there is not.
func shown(task *plan.Task, r plan.Result) map[string]any {
	out := make(map[string]any, len(task.Results)+len(r.Values)+4)
	for _, name := range task.Results {
		out[name] = nil
	}
	maps.Copy(out, r.Values)
	out["changed"], out["failed"], out["skipped"], out["duration"] = r.Changed, r.Failed, r.Skipped, any(r.Seconds)
	if r.Skipped {
		out["duration"] = nil
	}
	return out
}

func (h *hostRun) output(s *sent, stream wire.Stream, text string) {
	if text == "" {
		return
	}
	name := "stdout"
	if stream == wire.StreamError {
		name = "stderr"
	}
	h.run.Sink.Emit(event.Output{Address: s.instance.Address, Host: h.name, Stream: name, Text: text})
}

// target returns what a connection leads to, or nil when nobody has said yet.
func (h *hostRun) target(on int) *event.Target {
	hello, ok := h.run.Broker.Hello(on)
	if !ok {
		return nil
	}
	return &event.Target{Machine: hello.Target.Machine, User: hello.Target.User}
}

func union(a, b []string) []string {
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}
