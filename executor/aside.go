package executor

import (
	"context"
	"strings"

	"runner/executor/batch"
	"runner/executor/direct"
	"runner/executor/event"
	"runner/planner/plan"
)

// asides makes what stands for a task that needs no call. What it says is known, and told in its turn.
func (h *hostRun) asides(task *plan.Task, at int, t *batch.Turn[outcome], instances []plan.Instance) []*sent {
	all := h.instances(task, at, t, notSent, instances)
	for _, s := range all {
		if !s.callable() || !h.isPreview() && len(s.instance.Unknown) > 0 { // the latter fails where it would be sent
			continue
		}
		outcome := direct.Say(task.Action, s.instance)
		s.outcome, s.end = &outcome, outcome.End(s.instance, task.Place)
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

// takeOutcome takes what an action that needs no call has come to.
func (h *hostRun) takeOutcome(ctx context.Context, s *sent) {
	end, result := *s.end, s.outcome.Result(s.instance)
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
	if h.isPreview() && (end.Status == event.OK || end.Status == event.Changed || !s.outcome.Failed) {
		h.planned(s, s.outcome.Change, s.outcome.Attributes, foreseen(s, &result, &end))
		if end.Status != event.Failed {
			h.ran(s)
			h.record(s, result)
			return
		}
	}
	h.change(&end, s, s.outcome.Change, s.outcome.Attributes)
	end.Result = h.shown(s, result)
	h.record(s, result)
	h.settle(s, end, result)
}
