package executor

import (
	"context"
	"fmt"
	"time"

	"runner/executor/event"
	"runner/planner/plan"
)

// judge applies a task's own conditions to what the target has answered, and reports whether another attempt is wanted.
func (h *hostRun) judge(s *sent, result *plan.Result, end *event.TaskEnd) bool {
	if end.Status != event.OK && end.Status != event.Changed && end.Status != event.Failed {
		return false // nobody knows, or it did not happen
	}
	if !s.task.ChangedWhen && !s.task.Verdict {
		return end.Status == event.Failed
	}
	verdict, err := h.run.Evaluator.Judge(s.task.Address, h.host, *result, h.run.state)
	switch {
	case err != nil:
		h.condemn(s, result, end, "evaluate", &event.Failure{Message: err.Error(), Place: s.task.Place, Cause: err})
		return false
	case h.isPreview():
		h.foresee(verdict, result, end, s)
		return false
	case verdict.UnknownChanged || verdict.UnknownFailed || verdict.UnknownAgain:
		h.condemn(s, result, end, "evaluate", &event.Failure{
			Message: "cannot know what its conditions say: this run has not learned what they depend on", Place: s.task.Place,
		})
		return false
	}
	h.heed(s, verdict, result, end)
	if verdict.Again && end.Status != event.Failed && s.isLast() {
		h.condemn(s, result, end, "until", &event.Failure{
			Message: fmt.Sprintf("until does not hold after %s", attemptsOf(s.attempt)), Place: s.task.Place,
		})
	}
	return verdict.Again
}

func attemptsOf(n int) string {
	if n == 1 {
		return "1 attempt"
	}
	return fmt.Sprintf("%d attempts", n)
}

// heed makes a verdict the end of a task.
func (h *hostRun) heed(s *sent, verdict plan.Verdict, result *plan.Result, end *event.TaskEnd) {
	result.Changed = verdict.Changed
	switch {
	case verdict.Failed && end.Status != event.Failed:
		h.condemn(s, result, end, "failed_when", &event.Failure{Message: "failed_when holds for its result", Place: s.task.Place})
	case verdict.Failed:
	default:
		end.Reason, end.Error, end.Failure = "", "", nil
		end.Status, result.Failed = event.OK, false
		if verdict.Changed {
			end.Status = event.Changed
		}
	}
}

// condemn makes a task fail that its target thinks well of.
func (h *hostRun) condemn(s *sent, result *plan.Result, end *event.TaskEnd, reason string, why *event.Failure) {
	if (s.instance.Hidden.All || len(s.instance.Hidden.Results) > 0) && why.Cause != nil {
		why = &event.Failure{Message: event.Hidden, Place: why.Place}
	}
	s.wentOn = !s.task.Verdict && end.Status != event.Failed
	result.Failed = true
	end.Status, end.Reason, end.Error, end.Failure = event.Failed, reason, why.Text(), why
}

// foresee is what a preview makes of a verdict: one that is about a result which the run is to give is not known.
func (h *hostRun) foresee(verdict plan.Verdict, result *plan.Result, end *event.TaskEnd, s *sent) {
	fails := verdict.Failed && !verdict.UnknownFailed
	switch {
	case result.Unknown && !result.Failed && !fails:
		result.UnknownChanged, result.Changed = verdict.UnknownChanged, verdict.Changed && !verdict.UnknownChanged
		if !verdict.UnknownChanged {
			end.Status = event.OK
			if verdict.Changed {
				end.Status = event.Changed
			}
		}
	case verdict.UnknownFailed || verdict.UnknownAgain || verdict.Again && (!verdict.Failed || s.instance.Retry.Attempts > 1):
		result.Unknown = true
		if end.Status == event.Failed {
			result.Failed, end.Status, end.Reason, end.Error, end.Failure = false, event.OK, "", "", nil
		}
	default:
		h.heed(s, verdict, result, end)
		result.UnknownChanged = verdict.UnknownChanged
	}
}

// isLast says whether no attempt may follow.
func (s *sent) isLast() bool { return s.attempt >= max(1, s.instance.Retry.Attempts) }

// again tries an instance once more, after its delay, and reports whether it does. What was sent behind it was cancelled:
// the other elements of its task follow it, and the tasks after it are come to again. Where its peer knows of no failure it was not,
// and would be done twice.
func (h *hostRun) again(ctx context.Context, s *sent) bool {
	if h.isPreview() || s.isLast() || s.wentOn || h.stopped != "" || !h.rest(ctx, s.delay) {
		return false
	}
	if backoff := s.instance.Retry.Backoff; backoff > 0 {
		s.delay = time.Duration(float64(s.delay) * backoff)
	}
	behind := h.queue
	h.queue = []*sent{s.afresh()}
	for _, other := range behind {
		h.withdraw(other)
		h.run.traffic.Forget(other.pending)
		if other.task != nil && other.at == s.at {
			h.queue = append(h.queue, other.afresh())
		}
	}
	s.attempt++
	h.underway, h.holder, h.synced = 0, nil, false
	h.jumps++
	h.pc = s.at + 1
	h.pipeline = h.run.Broker.NextPipeline()
	return true
}

// afresh makes an instance one that was not sent.
func (s *sent) afresh() *sent {
	s.pending, s.problem, s.refused, s.noted, s.live = nil, "", false, false, [3]pieces{}
	return s
}

// rest waits for the next attempt, but not when the run is ending.
func (h *hostRun) rest(ctx context.Context, delay time.Duration) (goesOn bool) {
	if delay <= 0 {
		return !h.run.traffic.IsEnding()
	}
	h.run.withoutSlot(func() { goesOn = h.run.waitFor(ctx, delay) })
	return goesOn
}

// waitFor waits, but not when the run is ending.
func (r *run) waitFor(ctx context.Context, delay time.Duration) bool {
	if delay > 0 {
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		case <-r.traffic.Open().Done():
		}
	}
	return !r.traffic.IsEnding()
}
