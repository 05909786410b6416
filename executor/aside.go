package executor

import (
	"context"
	"slices"
	"strings"

	"runner/agent/wire"
	"runner/executor/batch"
	"runner/executor/event"
	"runner/planner/plan"
)

// Actions that the controller carries out in the place of a task, without a call. No peer hears of them.
const (
	assertAction = "assert" // fails unless its condition holds
	failAction   = "fail"   // fails
	printAction  = "print"  // shows a message
	pauseAction  = "pause"  // waits
)

// saying is what an action that needs no call has come to.
type saying struct {
	failed  bool
	changed bool
	message string
	unknown bool  // only the run will tell
	change  found // for a preview
	values  map[string]any
}

// say returns what an action that needs no call comes to with the arguments of an instance, as far as they are known.
func say(action string, in plan.Instance) saying {
	message, _ := in.Args["message"].(string)
	var out saying
	out.change.Verb = wire.VerbNone
	switch action {
	case assertAction:
		condition, known := in.Args["condition"].(bool)
		out.unknown, out.failed, out.message = !known, known && !condition, message
		if message == "" {
			out.message = "the condition does not hold"
		}
		if slices.Contains(in.Unknown, "message") {
			out.message += " (why is known after apply)"
		}
	case failAction:
		out.failed, out.message = true, message
		if out.unknown = slices.Contains(in.Unknown, "message"); out.unknown {
			out.message = "(its message is known after apply)"
		}
	case printAction:
		out.unknown = slices.Contains(in.Unknown, "message")
		out.change.Verb, out.change.after = wire.VerbRead, map[string]any{}
		if !out.unknown {
			out.values = map[string]any{"message": message}
			out.change.after = out.values
		}
	}
	if slices.Contains(in.Unknown, "when") || slices.Contains(in.Unknown, "for_each") { // whether it will be come to
		out.failed, out.unknown, out.values = false, true, nil
	}
	if out.unknown {
		out.change.Verb = wire.VerbRead
	}
	return out
}

// later says that only the run will tell what it comes to.
func (o *saying) later(in plan.Instance) {
	o.unknown = true
	if o.change.Verb == wire.VerbRead && len(in.Unknown) == 0 {
		o.change.Unknown = []string{"result"}
	}
}

// end is how a task ends that has come to what it says.
func (o *saying) end(in plan.Instance, place plan.Place) *event.TaskEnd {
	end := &event.TaskEnd{Address: in.Address, Status: event.OK, Sensitive: in.Sensitive}
	switch {
	case !o.failed && o.changed:
		end.Status = event.Changed
		return end
	case !o.failed:
		return end
	}
	failure := &event.Failure{Message: o.message, Place: place}
	if in.Sensitive {
		failure.Message = event.Hidden
	}
	end.Status, end.Reason, end.Error, end.Failure = event.Failed, "error", failure.Text(), failure
	return end
}

// result is what others can read of it.
func (o *saying) result(in plan.Instance) plan.Result {
	return plan.Result{
		Key: in.Key, Failed: o.failed, Changed: o.changed && !o.failed, Values: o.values, Unknown: o.unknown,
		UnknownChanged: slices.Contains(in.Unknown, "when"), // whether it is skipped, too
	}
}

// asides makes what stands for a task that needs no call. What it says is known, and told in its turn.
func (h *hostRun) asides(task *plan.Task, at int, t *batch.Turn[outcome], instances []plan.Instance) []*sent {
	all := h.instances(task, at, t, notSent, instances)
	for _, s := range all {
		if !s.callable() || !h.isPreview() && len(s.instance.Unknown) > 0 { // the latter fails where it would be sent
			continue
		}
		said := say(task.Action, s.instance)
		s.said, s.end = &said, said.end(s.instance, task.Place)
	}
	return all
}

// takeDeferred evaluates a task that nothing waited for, now that what it reads has come. What follows may be under way.
func (h *hostRun) takeDeferred(ctx context.Context, s *sent) {
	if h.over() {
		h.notStarted(s)
		return
	}
	if h.late != nil { // the host stops after what is under way: what it would read has failed
		h.unreached(s.at, s.task)
		return
	}
	if end := h.learnFacts(s.task); end != nil {
		h.takeAside(ctx, h.ends(s.task, s.at, nil, end))
		return
	}
	instances, err := h.run.Evaluator.Expand(s.task.Address, h.host, h.run.state)
	if err != nil {
		h.takeAside(ctx, h.ends(s.task, s.at, nil, cannotEvaluate(s.task, err)))
		return
	}
	for _, one := range h.asides(s.task, s.at, nil, instances) {
		h.takeAside(ctx, one)
	}
}

func (h *hostRun) takeAside(ctx context.Context, s *sent) {
	if s.wentOn = true; s.callable() { // only the run could have told
		s.problem = cannotKnow(s.instance)
	}
	h.take(ctx, s)
}

func cannotKnow(in plan.Instance) string {
	return "cannot know " + strings.Join(in.Unknown, ", ") + ": this run has not learned what it depends on"
}

// takeSaid takes what an action that needs no call has come to.
func (h *hostRun) takeSaid(ctx context.Context, s *sent) {
	end, result := *s.end, s.said.result(s.instance)
	result.Seconds = end.Seconds
	s.cuts(&end)
	if end.Attempts = s.attempt; end.Failure == nil && end.Error != "" {
		end.Failure = &event.Failure{Message: end.Error, Place: s.task.Place}
	}
	switch {
	case end.Status == event.Unreachable:
		end.Attempts = s.attempts()
		h.pass(s)
		h.settle(s, end, result)
		return
	case h.judge(s, &result, &end) && h.again(ctx, s):
		return
	}
	h.notifies(s, &result, &end)
	if h.isPreview() && (end.Status == event.OK || end.Status == event.Changed || !s.said.failed) {
		h.planned(s, s.said.change, foreseen(s, &result, &end))
		if end.Status != event.Failed {
			h.ran(s)
			h.record(s, result)
			return
		}
	}
	h.change(&end, s, s.said.change)
	end.Result = h.shown(s, result)
	h.record(s, result)
	h.settle(s, end, result)
}
