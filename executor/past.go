package executor

import (
	"context"
	"maps"
	"slices"

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

// past returns how a task, or an element of it, ended in an earlier run; nil if it is to be done, which is again if what it gave
// is needed and not known any more. What runs once may have been another host's to do.
func (h *hostRun) past(task *plan.Task, at int, address string, once bool) (end *event.TaskEnd, again bool) {
	if h.run.Past == nil || h.handlers {
		return nil, false
	}
	hosts := []string{h.name}
	if once {
		for host := range h.batch.Hosts() {
			hosts = append(hosts, h.run.Plan.Hosts[host].Name)
		}
	}
	for _, host := range hosts {
		end, ok := h.run.Past.Ended(host, address)
		switch {
		case !ok:
		case h.run.read[task.Address] && isHidden(end):
			again = true
		case end.Status == event.Failed && !end.Handled && !h.mayBeRescued(at, h.innermost(at)): // it fails for good
		default:
			return &end, false
		}
	}
	return nil, again
}

// warnAgain says why something is done again.
func (h *hostRun) warnAgain(task *plan.Task, address string) {
	h.run.Sink.Emit(event.Diagnostic{
		Severity: "warning", Code: "resume", Summary: "Done again",
		Detail: address + " was done by the earlier run. What it gave is sensitive, so that no record has it, and is read by what is still to be done.",
		File:   task.Place.File, Range: event.RangeOf(task.Place), Host: h.name, Address: address,
	})
}

// isHidden says whether the result of an end is not known any more. What reads it needs it anew.
func isHidden(end event.TaskEnd) bool {
	result, known := end.Result.(map[string]any)
	return !known || slices.Contains(slices.Collect(maps.Values(result)), any(event.Hidden))
}

// repeat makes what stands for a task that an earlier run has done: nothing is evaluated for it. Of a task with for_each
// the elements have to be known first.
func (h *hostRun) repeat(task *plan.Task, at int, t *batch.Turn[outcome]) *sent {
	if task.Keyed {
		return nil
	}
	end, _ := h.past(task, at, task.Address, t != nil)
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

// recognize makes sure that a host is the one that the earlier run has worked on: on another one nothing of it was done.
func (h *hostRun) recognize(ctx context.Context) {
	on := h.run.Plan.Hosts[h.host].Connection
	if h.run.Past == nil || on < 0 || h.over() || !h.run.Past.Reached(h.name) {
		return
	}
	ready, err := h.run.Broker.Peer(on).Ready(h.run.traffic.Open()) //nolint:contextcheck // that one ends when nothing new starts
	if err != nil {
		return // its tasks say it
	}
	h.after = max(h.after, ready.Trip)
	why := h.run.Past.Stranger(h.host)
	if why == "" {
		return
	}
	job := &plan.Task{Address: "job." + h.job.Name, Place: h.job.Place}
	h.queue = []*sent{h.ends(job, noTask, nil, &event.TaskEnd{
		Address: job.Address, Status: event.Failed, Reason: "identity", Error: why, Failure: &event.Failure{Message: why, Place: job.Place},
	})}
	h.drain(ctx)
}

// resultOf is the result in an end that was kept. What was hidden is not known any more.
func resultOf(end event.TaskEnd) plan.Result {
	r := plan.Result{
		Seconds: end.Seconds, Changed: end.Status == event.Changed, Failed: end.Status == event.Failed, Skipped: end.Status == event.Skipped,
	}
	if isHidden(end) {
		r.Unknown = true
		return r
	}
	shown, _ := end.Result.(map[string]any)
	r.Values = maps.Clone(shown)
	if changed, ok := shown["changed"].(bool); ok {
		r.Changed = changed
	}
	for _, flag := range []string{"changed", "failed", "skipped", "duration"} {
		delete(r.Values, flag)
	}
	return r
}
