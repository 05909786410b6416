package executor

import (
	"maps"

	"runner/executor/batch"
	"runner/executor/event"
	"runner/planner/plan"
)

// remember makes the handlers due that an earlier run has left.
func (h *hostRun) remember() {
	if h.run.Past == nil {
		return
	}
	for _, handler := range h.run.Past.Due(h.name, h.job.Name) {
		h.notified[handler] = true
	}
}

// past returns how a task, or an element of it, ended in an earlier run; nil if it is to be done. What runs once may have
// been another host's to do.
func (h *hostRun) past(address string, once bool) *event.TaskEnd {
	if h.run.Past == nil || h.handlers {
		return nil
	}
	if end, ok := h.run.Past.Ended(h.name, address); ok {
		return &end
	}
	if once {
		for host := range h.batch.Hosts() {
			if end, ok := h.run.Past.Ended(h.run.Plan.Hosts[host].Name, address); ok {
				return &end
			}
		}
	}
	return nil
}

// repeat makes what stands for a task that an earlier run has done: nothing is evaluated for it. Of a task with for_each
// the elements have to be known first.
func (h *hostRun) repeat(task *plan.Task, at int, t *batch.Turn[outcome]) *sent {
	if task.Keyed {
		return nil
	}
	end := h.past(task.Address, t != nil)
	if end == nil {
		return nil
	}
	h.run.state.PutResults(task.Address, h.name, plan.Results{Elements: []plan.Result{resultOf(*end)}}) // known now: who reads them need not wait
	return &sent{
		task: task, at: at, on: notSent, past: end, group: &group{missing: 1, turn: t},
		instance: plan.Instance{Address: task.Address},
	}
}

// takePast takes what an earlier run has done. It is left out, also where nothing more starts: it was done.
func (h *hostRun) takePast(s *sent) {
	result := resultOf(*s.past)
	h.record(s, result)
	h.report(event.TaskEnd{Address: s.past.Address, Status: event.Skipped, Reason: event.ReasonDone, Result: s.past.Result}, s.task)
	if s.past.Status == event.Failed && s.task.OnFailure != plan.Continue { // a rescue has handled it
		f := fault{at: s.at, task: s.task, end: *s.past, result: result, told: true}
		s.group.fault = &f
		h.raise(f)
	}
}

// resultOf is the result in an end that was kept. What was hidden is not known any more.
func resultOf(end event.TaskEnd) plan.Result {
	r := plan.Result{
		Seconds: end.Seconds, Changed: end.Status == event.Changed, Failed: end.Status == event.Failed, Skipped: end.Status == event.Skipped,
	}
	shown, ok := end.Result.(map[string]any)
	if !ok {
		r.Unknown = true
		return r
	}
	r.Values = maps.Clone(shown)
	if changed, ok := shown["changed"].(bool); ok {
		r.Changed = changed
	}
	for _, flag := range []string{"changed", "failed", "skipped", "duration"} {
		delete(r.Values, flag)
	}
	return r
}
