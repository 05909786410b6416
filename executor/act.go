package executor

import (
	"context"
	"fmt"
	"time"

	"runner/agent/wire"
	"runner/executor/batch"
	"runner/executor/direct"
	"runner/executor/event"
	"runner/planner/plan"
)

// stands makes what stands for a task that the controller carries out when its turn comes, in what act does: it gives each
// element its end, and what it has come to where that is judged. Nothing is sent behind it before.
func (h *hostRun) stands(task *plan.Task, at int, t *batch.Turn[outcome], on int, instances []plan.Instance, act func(context.Context, *sent)) []*sent {
	all := h.instances(task, at, t, on, instances)
	for _, s := range all {
		if s.callable() && (h.isPreview() || len(s.instance.Unknown) == 0) {
			s.act = act
		}
	}
	return all
}

// takeAct carries out what the controller does itself, and takes its end.
func (h *hostRun) takeAct(ctx context.Context, s *sent) {
	if h.over() {
		h.endUnstarted(s, event.TaskEnd{Address: s.instance.Address})
		return
	}
	s.end, s.outcome = nil, nil
	s.act(ctx, s)
	if s.end != nil { // it is left to what comes to be known
		h.takeEnd(ctx, s)
	}
}

// begins tells that the controller has begun to carry an element out, where on is the connection that it is about; -1: none.
func (h *hostRun) begins(s *sent, on int) {
	start := event.TaskStart{Job: h.job.Name, Address: s.instance.Address, Host: h.name, Attempt: s.attempt}
	if on >= 0 {
		if target := h.target(on); target != nil {
			start.Target = *target
		}
	}
	h.run.Sink.Emit(start)
}

// actContext is the one of what the controller does in the place of a call: an interrupt ends it, an abort elsewhere does not.
func (h *hostRun) actContext(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, context.DeadlineExceeded)
	stop := context.AfterFunc(h.run.traffic.Open(), func() {
		if h.run.traffic.IsInterrupted() {
			cancel()
		}
	})
	return ctx, func() {
		stop()
		cancel()
	}
}

// done gives an element the end of what the controller has done for it, which began at a time.
func (h *hostRun) done(s *sent, err error, began time.Time) {
	if by := h.comes(err); err != nil && by != "" {
		h.later(s, by)
		s.end = nil
		return
	}
	s.outcome.Failed = err != nil
	s.end = s.outcome.End(s.instance, s.task.Place)
	if err != nil {
		h.explain(s.end, err, s.task)
		if s.end.Status == event.Failed {
			s.end.Failure = s.end.Failure.Hide(s.instance)
			s.end.Error = s.end.Failure.Text()
		}
	}
	s.end.Target = h.target(s.on)
	if s.end.Status != event.Unreachable {
		s.end.Started, s.end.Seconds = event.Time(began), time.Since(began).Seconds()
	}
}

// isUnsettled says whether something would be changed before an element of a preview, on the machine that it runs on.
func (h *hostRun) isUnsettled(s *sent) bool {
	if h.run.machine(s.on) == "" {
		if ready, err := h.run.Broker.Peer(s.on).Ready(h.run.traffic.Open()); err == nil {
			h.after = max(h.after, ready.Trip)
		}
	}
	return h.leaver(s.on) != ""
}

// pause waits in the place of a task. It holds no slot, and ends when the run does.
func (h *hostRun) pause(ctx context.Context, s *sent) {
	outcome := direct.Say(direct.Pause, s.instance)
	s.outcome, s.end = &outcome, outcome.End(s.instance, s.task.Place)
	text, _ := s.instance.Args["duration"].(string)
	duration, err := time.ParseDuration(text)
	if err != nil || h.isPreview() {
		return
	}
	limit := s.instance.Timeout
	late := limit > 0 && limit < duration
	if late {
		duration = limit
	}
	h.begins(s, h.run.Plan.Hosts[h.host].Connection)
	began := time.Now()
	goesOn := false
	h.run.withoutSlot(func() { goesOn = h.run.waitFor(ctx, duration) })
	s.end.Started, s.end.Seconds = event.Time(began), time.Since(began).Seconds()
	switch {
	case !goesOn:
		s.end.Status, s.end.Reason = event.Cancelled, string(wire.CodeCancelled)
		s.end.Error = "the run was ended while it waited"
	case late:
		outcome.Failed = true
		s.end.Status, s.end.Reason = event.Failed, string(wire.CodeTimeout)
		s.end.Error = fmt.Sprintf("its timeout of %v is shorter than its duration", limit)
	}
}
