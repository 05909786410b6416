package executor

import (
	"context"
	"slices"

	"runner/executor/batch"
	"runner/executor/event"
	"runner/planner/plan"
)

// flushAction runs the handlers that were notified so far. No peer hears of it.
const flushAction = "flush"

// runHandlers runs what was notified, in the order of declaration. A handler may notify a later one.
func (h *hostRun) runHandlers(ctx context.Context) {
	if h.isGone() || h.run.traffic.IsEnding() {
		return // they stay due
	}
	if h.stopped != "" && h.run.NoHandlersOnFailure || len(h.notified) == 0 {
		return
	}
	switch {
	case !h.isPreview():
		h.pipeline = h.run.Broker.NextPipeline() // a failed task does not cancel them
	case h.stopped != "":
		h.newPipeline()
	}
	h.stopped, h.synced = "", false
	h.course = h.handlersAt(len(h.tasks))
	h.walk(ctx)
}

// handlersAt is the job's handlers as something to be gone through at one of its tasks.
func (h *hostRun) handlersAt(at int) course {
	return course{tasks: h.job.Handlers, handlers: true, base: h.place(at) + 1, stride: 1}
}

// flushes runs the handlers that were notified so far in the place of a task. One that fails there fails that task's place.
func (h *hostRun) flushes(ctx context.Context, at int, task *plan.Task, instances []plan.Instance, t *batch.Turn[outcome]) {
	all := h.instances(task, at, t, notSent, instances)
	if !slices.ContainsFunc(instances, func(in plan.Instance) bool { return !in.Skip }) {
		h.append(at, all...)
		return
	}
	outer := h.course
	h.course = h.handlersAt(at)
	h.flush = true
	h.walk(ctx)
	h.course = outer
	failed := h.fallen
	h.fallen = nil
	if failed == nil && h.over() {
		h.leave(ctx, at, left{})
		return
	}
	for _, s := range all {
		if !s.callable() {
			continue
		}
		s.end = &event.TaskEnd{Address: s.instance.Address, Status: event.OK}
	}
	if failed == nil {
		h.append(at, all...)
		return
	}
	h.pc = at + 1
	for _, s := range all {
		h.pass(s)
		h.report(event.TaskEnd{
			Address: s.instance.Address, Status: event.Cancelled, Reason: "handler_failed", Result: shown(task, plan.Result{Skipped: true}),
		}, task)
	}
	failed.at = at
	handled := task.OnFailure == plan.Continue
	if handled {
		h.release([]fault{*failed}, true)
	} else {
		all[0].group.fault = failed
	}
	if t != nil {
		h.publish(all[0].group)
	}
	if !handled {
		h.raise(*failed)
	}
}
