package config

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"runner/agent/schema"
	"runner/lang/diag"
	"runner/lang/refs"
	"runner/lang/syntax"
)

func (d *declarer) jobBlock(b *syntax.Block, n Named) *Job {
	module := newModule("the job "+diag.Quote(n.Name), "job."+n.Name+".", d.module.Dir, d.module)
	module.Names.Job = &refs.Job{Name: n.Name}
	j := &Job{Named: n, Module: module}
	d.job, d.try, d.around = j, -1, nil
	d.within(module, func() { d.jobBody(b, j) })
	d.job = nil
	return j
}

func (d *declarer) jobBody(b *syntax.Block, j *Job) {
	content := d.content(b.Body, jobSchema())
	get := d.getter(content)
	j.Hosts = d.required(content, "hosts", b.Range, "a job")
	j.When, j.Environment, j.Tags, j.Vars, j.Strategy = get("when"), get("environment"), get("tags"), get("vars"), get("strategy")
	j.DependsOn = d.dependsOn(content.Arguments["depends_on"])
	j.Way = d.way(content)
	for _, inner := range content.Blocks {
		switch inner.Type {
		case "locals":
			d.locals(inner)
		case "precondition":
			j.Preconditions = append(j.Preconditions, d.precondition(inner, len(j.Preconditions)))
		case "rollout":
			if d.unique("rollout in "+j.Module.Names.Title, inner.Range, diag.DuplicateBlock) {
				content := d.content(inner.Body, rolloutSchema())
				get := d.getter(content)
				j.Rollout = &Rollout{Block: inner.Range, Batches: get("batches"), MaxFailures: get("max_failures"), Pause: get("pause")}
			}
		default:
			d.work(inner)
		}
	}
}

// precondition is evaluated like a task that has no action.
func (d *declarer) precondition(b *syntax.Block, index int) *Task {
	c := d.condition(b, "a precondition")
	t := &Task{Named: Named{Block: b.Range}, Module: d.module, Args: map[string]*Expr{}, Way: &Way{}}
	t.Address = fmt.Sprintf("%sprecondition[%d]", d.module.Prefix, index)
	if c.Condition != nil && c.Message != nil {
		t.Args["condition"], t.Args["error_message"] = c.Condition, c.Message
	}
	return t
}

// work declares a block that has its place in the order of a job's work.
func (d *declarer) work(b *syntax.Block) {
	switch b.Type {
	case "task":
		d.add(d.task(b))
	case "handler":
		d.add(d.task(b))
	case "role":
		d.roleBlock(b)
	case "try":
		d.tryBlock(b)
	}
}

// add puts a task or a handler into the job, and its name into the module.
func (d *declarer) add(t *Task) {
	if t == nil {
		return
	}
	names := d.module.Names
	if t.Handler {
		names.Handlers = append(names.Handlers, &refs.Notifiable{Name: t.Name, Address: t.Address, Index: len(d.job.Handlers)})
		d.job.Handlers = append(d.job.Handlers, t)
		return
	}
	names.Add(&refs.Task{
		Address: t.Address, Action: t.Action, Name: t.Name, Index: len(d.job.Tasks), Keyed: t.ForEach != nil,
		Results: resultNames(t.Schema),
	})
	d.job.Tasks = append(d.job.Tasks, t)
}

// way reads run_as or hop blocks.
func (d *declarer) way(content *syntax.Content) *Way {
	w := &Way{RunAs: d.get(content, "run_as"), Hops: d.hops(content)}
	if w.RunAs != nil && len(w.Hops) > 0 {
		d.diags = append(d.diags, diag.Errorf(diag.InvalidValue, w.RunAs.Arg.NameRange, "Conflicting arguments",
			"run_as is short for a hop of the transport sudo: either it or hop blocks can stand here, not both."))
	}
	return w
}

// dependsOn reads the names of jobs, which are not evaluated.
func (d *declarer) dependsOn(arg *syntax.Argument) []*Reference {
	if arg == nil {
		return nil
	}
	list, ok, diags := arg.Literals()
	d.diags = append(d.diags, diags...)
	if !ok {
		d.diags = append(d.diags, diag.Errorf(diag.WrongType, arg.Range, "Wrong type of value",
			`"depends_on" takes a list of jobs, such as [job.web].`))
		return nil
	}
	var out []*Reference
	for _, e := range list {
		t, diags := hcl.AbsTraversalForExpr(e)
		if diags.HasErrors() || len(t) != 2 || t.RootName() != "job" {
			d.diags = append(d.diags, diag.Errorf(diag.WrongType, e.Range(), "Not a job", `"depends_on" takes a list of jobs, such as [job.web], and this element is not a job. A job is named without quotes: job.NAME.`))
			continue
		}
		if attr, ok := t[1].(hcl.TraverseAttr); ok {
			out = append(out, &Reference{attr.Name, e.Range()})
		}
	}
	return out
}

// task takes a task or a handler apart; nil if its name cannot be used.
func (d *declarer) task(b *syntax.Block) *Task {
	action := b.Labels[0]
	isHandler := b.Type == "handler"
	kind, path := "task "+diag.Quote(action.Text), d.module.Prefix+"task."+action.Text
	if isHandler {
		kind, path = "handler", d.module.Prefix+"handler"
	}
	n, ok := d.named(b, 1, kind, " in "+d.module.Names.Title)
	t := &Task{
		Named: n, Module: d.module, Address: path + "." + n.Name, Action: action.Text, Handler: isHandler,
		Outer: slices.Clone(d.around), Tried: d.tried, Args: map[string]*Expr{}, Way: &Way{},
	}
	known := d.describe(t, action)
	if !ok || !known {
		if !ok {
			return nil
		}
		return t // its name still counts
	}
	if isHandler && action.Text == "flush" {
		d.diags = append(d.diags, diag.Errorf(diag.InvalidValue, action.Range, "Invalid value", "A handler cannot be a flush: it is one of those that a flush runs."))
	}
	t.Known = true
	d.taskBody(b, t, t.Schema)
	return t
}

// describe finds out what the action of a task is: one that comes with runner, else one of the user's own, of the role before
// those of the site. It reports false if there is none that can be used.
func (d *declarer) describe(t *Task, label syntax.Label) bool {
	var known bool
	if t.Schema, known = d.Actions[label.Text]; known {
		return true
	}
	for _, dir := range d.modules() {
		action, found := d.Own.Action(dir, label.Text)
		if action != nil {
			t.Own, t.Schema = action, action.Block
		}
		if found {
			return action != nil // what is wrong with it is said already
		}
	}
	d.unknownAction(label)
	return false
}

// modules are the directories beside which actions are looked for.
func (d *declarer) modules() []string {
	switch {
	case d.Own == nil:
		return nil
	case d.module.Dir == d.Dir:
		return []string{d.Dir}
	}
	return []string{d.module.Dir, d.Dir}
}

func (d *declarer) taskBody(b *syntax.Block, t *Task, described schema.Block) {
	content := d.content(b.Body, taskSchema(described))
	get := d.getter(content)
	t.When, t.ForEach, t.Environment, t.Notify = get("when"), get("for_each"), get("environment"), get("notify")
	t.Timeout, t.OnFailure, t.Tags, t.Sensitive = get("timeout"), get("on_failure"), get("tags"), get("sensitive")
	t.On, t.RunOnce, t.Lane, t.ChangedWhen, t.FailedWhen = get("on"), get("run_once"), get("lane"), get("changed_when"), get("failed_when")
	t.Way = d.way(content)
	for _, inner := range content.Blocks {
		if inner.Type == "retry" && d.unique("retry in "+t.Address, inner.Range, diag.DuplicateBlock) {
			content := d.content(inner.Body, retrySchema())
			get := d.getter(content)
			t.Retry = &Retry{Block: inner.Range, Attempts: get("attempts"), Delay: get("delay"), Backoff: get("backoff"), Until: get("until")}
		}
	}
	for _, a := range described.Arguments {
		if e := get(a.Name); e != nil {
			t.Args[a.Name] = e
		} else if a.Required && content.Lacks(a.Name) {
			d.diags = append(d.diags, Missing(a.Name, "the action "+diag.Quote(described.Name), b.Range))
		}
	}
}

func (d *declarer) unknownAction(label syntax.Label) {
	if slices.Contains(laterActions(), label.Text) {
		d.diags = append(d.diags, syntax.NotSupported(label.Range, "the action "+diag.Quote(label.Text)))
		return
	}
	d.diags = append(d.diags, diag.Errorf(diag.UnknownAction, label.Range, "Unknown action", "There is no action %s.%s",
		diag.Quote(label.Text), d.likeAction(label.Text)))
}

// resultNames are the names of what an action gives.
func resultNames(block schema.Block) []string {
	names := make([]string, len(block.Results))
	for i, a := range block.Results {
		names[i] = a.Name
	}
	return names
}
