package refs

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"runner/lang/diag"
)

// taskRef follows task.ACTION.NAME: a result on this host.
func (w *walk) taskRef(t hcl.Traversal) flow {
	task, rest := w.task(w.place.Module, t, t[1:])
	if task == nil {
		return nil
	}
	switch at := t[:len(t)-len(rest)].SourceRange(); {
	case task.Address == w.place.Task:
		w.errorf(diag.LaterReference, at, "Task refers to itself", "A task's own result is not known before it has run.")
		return nil
	case task.Index >= w.place.Before:
		w.errorf(diag.LaterReference, at, "Task refers to a later one",
			"%s comes later in the job, so its result is not known here. Tasks run in the order in which they are written.", task.Address)
		return nil
	default:
		w.needs(w.place.Module.Job.Name, task, at)
	}
	depth := 0
	if task.Keyed {
		depth = 1
		w.checkKeyed(task, t, rest, fmt.Sprintf(`The task has for_each, so there are many results: say which, as in task.%s.%s["KEY"]`, task.Action, task.Name))
	}
	return w.steps(flow{{kind: result, task: task, depth: depth}}, rest)
}

// jobRef follows job.NAME.task.ACTION.NAME: results by the names of the job's hosts.
func (w *walk) jobRef(t hcl.Traversal) flow {
	name, job, ok := declared(w, t, "job", w.analyzer.names.Jobs)
	if !ok {
		return nil
	}
	if w.place.Module.Job != nil && w.place.Module.Job == job.Job {
		w.errorf(diag.Cycle, t.SourceRange(), "Job refers to itself",
			"Inside job.%s its results are task.ACTION.NAME: those on the host at hand.", name)
		return nil
	}
	if len(t) < 3 || !isStep(t[2], "task") {
		w.errorf(diag.UnknownReference, t.SourceRange(), "Incomplete reference",
			"Of another job only results can be read: job.%s.task.ACTION.NAME.", name)
		return nil
	}
	task, rest := w.task(job, t, t[3:])
	if task == nil {
		return nil
	}
	w.needs(name, task, t[:len(t)-len(rest)].SourceRange())
	depth := 1
	if task.Keyed {
		depth = 2
	}
	w.checkKeyed(task, t, rest, fmt.Sprintf(`There is a result for each host of the job: say which, as in %s["HOST"]`, task.Address))
	return w.steps(flow{{kind: result, task: task, depth: depth}}, rest)
}

func isStep(step hcl.Traverser, name string) bool {
	got, ok := stepName(step)
	return ok && got == name
}

func (w *walk) needs(job string, task *Task, at hcl.Range) {
	w.uses.addNeed(Need{Job: job, Task: task, Range: at})
	w.dynamic("the result of a task", at)
}

// task finds the task that ACTION.NAME leads to, and returns the steps behind.
func (w *walk) task(m *Module, t, steps hcl.Traversal) (*Task, hcl.Traversal) {
	var names []string
	for _, step := range steps[:min(2, len(steps))] {
		if name, ok := stepName(step); ok {
			names = append(names, name)
		}
	}
	if len(names) < 2 {
		w.errorf(diag.UnknownReference, t.SourceRange(), "Incomplete reference",
			"A result is task.ACTION.NAME: the action and the name of the task must follow.")
		return nil, nil
	}
	action, name := names[0], names[1]
	if m == nil {
		return nil, nil
	}
	if task := m.tasks[action][name]; task != nil {
		return task, steps[2:]
	}
	if m.Partial {
		w.missing(name, t)
		return nil, nil
	}
	at := t[:len(t)-len(steps)+2].SourceRange()
	var candidates []string
	for _, other := range m.names[:min(len(m.names), diag.MostCandidates)] {
		if otherAction, otherName, _ := strings.Cut(other, "."); otherName == name || otherAction == action {
			candidates = append(candidates, other)
		}
	}
	hint := diag.DidYouMean(action+"."+name, candidates)
	if hint == "" {
		hint = cmp.Or(withoutAction(m, action), diag.OneOf(action+"."+name, m.names[:min(len(m.names), diag.MostCandidates)]))
	}
	w.errorf(diag.UnknownReference, at, "Unknown task", "%s has no task %s.%s", diag.Capital(m.Title), diag.Quote(action+"."+name), hint)
	return nil, nil
}

// withoutAction suggests the task that was named without its action.
func withoutAction(m *Module, name string) string {
	i := slices.IndexFunc(m.names, func(task string) bool { return strings.HasSuffix(task, "."+name) })
	if i < 0 {
		return ""
	}
	return diag.Meant("task." + m.names[i])
}

// checkKeyed finds attributes that are read of a whole map of results.
func (w *walk) checkKeyed(task *Task, t, rest hcl.Traversal, hint string) {
	if len(rest) == 0 {
		return
	}
	attr, ok := rest[0].(hcl.TraverseAttr)
	if _, isHost := w.analyzer.names.Hosts[attr.Name]; ok && !isHost && slices.Contains(append(flags(), task.Results...), attr.Name) {
		w.errorf(diag.UnknownReference, t.SourceRange(), "Incomplete reference", "%s.%s.", hint, attr.Name)
	}
}

// handlerRef checks handler.NAME.
func (w *walk) handlerRef(t hcl.Traversal) {
	name, ok := w.second(t, "handler")
	if !ok || w.place.Module.Job == nil {
		return
	}
	handlers := w.place.Module.Handlers
	index := slices.IndexFunc(handlers, func(h *Notifiable) bool { return h.Name == name })
	var names []string
	for _, h := range handlers[:min(len(handlers), diag.MostCandidates)] {
		names = append(names, h.Name)
	}
	switch {
	case index < 0 && w.place.Module.Partial:
		w.missing(name, t)
	case index < 0:
		hint := diag.OneOf(name, names)
		if third, ok := stepName(t[min(2, len(t)-1)]); ok && slices.Contains(names, third) {
			hint = diag.Meant("handler." + third) // the action was named too
		}
		w.errorf(diag.UnknownReference, upTo(t, 2), "Unknown handler", "%s has no handler %s.%s", diag.Capital(w.place.Module.Title), diag.Quote(name), hint)
	case handlers[index].Index < w.place.Notifies:
		w.errorf(diag.LaterReference, upTo(t, 2), "Handler has run already",
			"Handlers run in the order in which they are written, so a handler can only notify later ones.")
	default:
		w.uses.Handlers = union(w.uses.Handlers, []string{handlers[index].Address})
	}
}
