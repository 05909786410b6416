package executor

import (
	"maps"

	"runner/agent/wire"
	"runner/executor/event"
	"runner/planner/plan"
)

// Offline tells what is known of a plan without any connection: each task's arguments as far as they do not depend on
// facts or results. What is on the targets is not known, so "action" is among the unknown attributes of every change
// that would be found by looking.
func Offline(p *plan.Plan, evaluator Evaluator, sink event.Sink) Summary {
	r := &run{
		Config: Config{Plan: p, Evaluator: evaluator, Mode: wire.ModeLook, Sink: sink},
		state:  newState(""), hosts: map[string]bool{}, touched: map[int]map[touch]bool{},
		summary: Summary{Planned: map[event.Verb]int{}, Lost: map[string]bool{}},
	}
	for i := range p.Jobs {
		job := &p.Jobs[i]
		for _, host := range job.Hosts {
			h := newHostRun(r, job, host)
			for t := range job.Tasks {
				h.offline(&job.Tasks[t])
			}
		}
	}
	return r.summary
}

// verbOf is what a task does as far as can be said without looking.
func verbOf(task *plan.Task, in plan.Instance) wire.Verb {
	switch {
	case in.Args["changes"] == false:
		return wire.VerbRead
	case task.Action == "command" || task.Action == "shell":
		return wire.VerbRun
	}
	return wire.VerbUpdate
}

// arguments are an instance's as the site gives them: a source as a name of a file.
func arguments(in plan.Instance) map[string]any {
	out := maps.Clone(in.Args)
	if in.Content != nil || len(in.Sources) > 0 {
		delete(out, "content")
		delete(out, "content_size")
		delete(out, "content_sha256")
	}
	if in.Content != nil && in.Content.File == "" {
		out["content"] = string(in.Content.Data)
	}
	for name, file := range in.Sources {
		out[name] = file
	}
	return out
}

func (h *hostRun) offline(task *plan.Task) {
	if !task.Selected {
		h.leaveOutSelected(task)
		return
	}
	instances, err := h.run.Evaluator.Expand(task.Address, h.host, h.run.state)
	if err != nil {
		h.failed(task, event.TaskEnd{Address: task.Address, Error: err.Error(), Failure: &event.Failure{
			Message: err.Error(), Place: task.Place, Cause: err,
		}})
		return
	}
	for _, in := range instances {
		change := event.PlannedChange{Job: h.job.Name, Address: in.Address, Host: h.name, Unknown: in.Unknown}
		change.Action = event.Verb(verbOf(task, in))
		switch {
		case in.Skip:
			change.Action = event.Skip
		case change.Action == event.Update:
			change.Unknown = union(in.Unknown, []string{"action"})
		}
		switch {
		case in.Sensitive:
			change.After = event.Hidden
		case !in.Skip:
			change.After = arguments(in)
		}
		h.run.plannedChange(h.host, h.job, task.On(h.host, h.run.Plan), change.Action)
		h.run.Sink.Emit(change)
	}
}
