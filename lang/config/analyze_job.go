package config

import (
	"maps"
	"slices"

	"runner/lang/diag"
	"runner/lang/refs"
)

func (a *analysis) analyzeJob(j *Job, g graph) {
	self := node{refs.Jobs, j.Name}
	for _, e := range []*Expr{j.Hosts, j.Tags, j.Strategy} {
		if e != nil {
			a.look(e, a.staticPlace(`"`+e.Arg.Name+`" of a job`))
		}
	}
	if r := j.Rollout; r != nil {
		for _, e := range []*Expr{r.Batches, r.MaxFailures, r.Pause} {
			a.look(e, a.staticPlace("a rollout"))
		}
	}
	a.analyzeWay(j.Way, "a job")
	if j.Vars != nil {
		a.look(j.Vars, a.selfPlace(`"vars" of a job`))
	}
	for _, e := range j.evaluated() {
		a.lookForAll(e, refs.Place{What: `"` + e.Arg.Name + `" of a job`, Roots: refs.Site | refs.Self})
	}
	for _, c := range j.Preconditions {
		for _, e := range c.Evaluated() {
			a.lookForAll(e, refs.Place{What: "a precondition", Roots: refs.Site | refs.Self})
		}
	}
	a.analyzeDependsOn(j, g)
	for _, o := range j.Outer {
		a.analyzeOuter(o)
	}
	for i, t := range j.Tasks {
		a.analyzeTask(t, refs.Place{Before: i, Task: t.Address})
	}
	for i, t := range j.Handlers {
		a.analyzeTask(t, refs.Place{Before: len(j.Tasks), Task: t.Address, Notifies: i + 1})
	}
	for _, e := range j.Expressions() {
		g.addNeeds(self, e)
	}
}

func (a *analysis) analyzeDependsOn(j *Job, g graph) {
	for _, ref := range j.DependsOn {
		if a.names.Jobs[ref.Name] == nil && a.names.Partial {
			continue
		}
		if a.names.Jobs[ref.Name] == nil {
			a.fail(diag.Errorf(diag.UnknownReference, ref.At, "Unknown job", "The site declares no job %s.%s",
				diag.Quote(ref.Name), diag.OneOf(ref.Name, diag.Candidates(a.names.Jobs))))
			continue
		}
		g.edge(node{refs.Jobs, j.Name}, node{refs.Jobs, ref.Name}, ref.At)
	}
}

// selfPlace is where an expression stands that must be known before anything connects and sees its host.
func (a *analysis) selfPlace(what string) refs.Place {
	place := a.staticPlace(what)
	place.Roots |= refs.Self
	return place
}

func (a *analysis) analyzeWay(w *Way, of string) {
	if w.RunAs != nil {
		a.look(w.RunAs, a.selfPlace(`"run_as" of `+of))
	}
	a.analyzeHops(w.Hops, refs.Self)
}

// analyzeOuter analyzes what a role or a try says of the tasks in it.
func (a *analysis) analyzeOuter(o *Outer) {
	for _, e := range []*Expr{o.Tags, o.OnFailure} {
		if e != nil {
			a.look(e, a.staticPlace(`"`+e.Arg.Name+`" of `+o.What))
		}
	}
	a.analyzeWay(o.Way, o.What)
	for _, e := range o.evaluated() {
		place := refs.Place{What: `"` + e.Arg.Name + `" of ` + o.What, Roots: refs.OnHost, Before: o.Before}
		a.lookForAll(e, place.Rescuing(o.Tried))
	}
}

func (a *analysis) analyzeTask(t *Task, place refs.Place) {
	what := "a task"
	if t.Handler {
		what = "a handler"
	}
	for _, e := range []*Expr{t.Tags, t.OnFailure, t.Sensitive, t.RunOnce} {
		if e != nil {
			a.look(e, a.staticPlace(`"`+e.Arg.Name+`" of `+what))
		}
	}
	for _, e := range []*Expr{t.On, t.Lane} {
		if e != nil {
			a.look(e, a.selfPlace(`"`+e.Arg.Name+`" of `+what))
		}
	}
	a.analyzeWay(t.Way, what)

	place.Roots = refs.OnHost
	place = place.Rescuing(t.Tried)
	if t.ForEach != nil {
		place.What = `"for_each" of ` + what
		a.lookForAll(t.ForEach, place)
		place.Roots |= refs.Each
		if t.ForEach.Sound() {
			place.Elements = *t.ForEach.Uses
		}
	}
	for _, e := range t.Evaluated() {
		place.What = `"` + e.Arg.Name + `" of ` + what
		a.lookForAll(e, place)
	}
	if t.Notify != nil {
		place.What, place.Roots = `"notify" of `+what, place.Roots|refs.Handler
		a.look(t.Notify, place)
		place.Roots &^= refs.Handler
	}
	place.Roots |= refs.Result
	place.Results = resultNames(t.Schema)
	for _, e := range t.Judges() {
		place.What = `"` + e.Arg.Name + `" of ` + what
		a.look(e, place)
	}
}

// present leaves out expressions that are not there.
func present(exprs ...*Expr) []*Expr {
	return slices.DeleteFunc(exprs, func(e *Expr) bool { return e == nil })
}

func (j *Job) evaluated() []*Expr { return present(j.When, j.Environment) }

func (o *Outer) evaluated() []*Expr { return present(o.When, o.Environment) }

// Evaluated are the arguments that are evaluated for each element, but for notify and what judges its result.
func (t *Task) Evaluated() []*Expr {
	out := present(t.When, t.Environment, t.Timeout)
	if r := t.Retry; r != nil {
		out = append(out, present(r.Attempts, r.Delay, r.Backoff)...)
	}
	for _, name := range slices.Sorted(maps.Keys(t.Args)) {
		out = append(out, t.Args[name])
	}
	return out
}

// Judges are the conditions over the task's own result.
func (t *Task) Judges() []*Expr {
	out := present(t.ChangedWhen, t.FailedWhen)
	if t.Retry != nil {
		out = append(out, present(t.Retry.Until)...)
	}
	return out
}

// Expressions are all that is evaluated during a run to carry the task out, what the blocks around it say among it.
func (t *Task) Expressions(j *Job) []*Expr {
	out := present(j.When, j.Environment)
	for _, o := range t.Outer {
		out = append(out, o.evaluated()...)
	}
	out = append(out, present(t.ForEach, t.Notify)...)
	return slices.Concat(out, t.Evaluated(), t.Judges())
}

// Expressions are all that is evaluated during a run to carry the job out.
func (j *Job) Expressions() []*Expr {
	out := j.evaluated()
	for _, o := range j.Outer {
		out = append(out, o.evaluated()...)
	}
	for _, t := range slices.Concat(j.Preconditions, j.Tasks, j.Handlers) {
		out = append(out, present(t.ForEach, t.Notify)...)
		out = append(out, slices.Concat(t.Evaluated(), t.Judges())...)
	}
	return out
}
