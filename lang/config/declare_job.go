package config

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"runner/agent/schema"
	"runner/lang/diag"
	"runner/lang/syntax"
)

func (d *declarer) job(b *syntax.Block, n Named) *Job {
	content := d.content(b.Body, jobSchema())
	get := func(name string) *Expr { return expect(content, name, nil, b.Range, "") }
	j := &Job{
		Named: n, Hosts: expect(content, "hosts", &d.diags, b.Range, "a job"),
		When: get("when"), Environment: get("environment"), RunAs: get("run_as"), Tags: get("tags"), Vars: get("vars"),
		DependsOn: d.dependsOn(content.Arguments["depends_on"]),
		Hops:      d.hops(content),
	}
	d.eitherHops(j.RunAs, j.Hops)
	for _, inner := range content.Blocks {
		switch inner.Type {
		case "task":
			if t := d.task(inner, n.Name); t != nil {
				j.Tasks = append(j.Tasks, t)
			}
		case "handler":
			if t := d.task(inner, n.Name); t != nil {
				j.Handlers = append(j.Handlers, t)
			}
		}
	}
	return j
}

// eitherHops reports run_as beside hop blocks.
func (d *declarer) eitherHops(runAs *Expr, hops []*Hop) {
	if runAs != nil && len(hops) > 0 {
		d.diags = append(d.diags, diag.Errorf(diag.InvalidValue, runAs.Arg.NameRange, "Conflicting arguments",
			"run_as is short for a hop of the transport sudo: either it or hop blocks can stand here, not both."))
	}
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
			"depends_on is a list of jobs, such as [job.web]."))
		return nil
	}
	var out []*Reference
	for _, e := range list {
		t, diags := hcl.AbsTraversalForExpr(e)
		if diags.HasErrors() || len(t) != 2 || t.RootName() != "job" {
			d.diags = append(d.diags, diag.Errorf(diag.WrongType, e.Range(), "Not a job", "depends_on lists jobs, such as job.web."))
			continue
		}
		if attr, ok := t[1].(hcl.TraverseAttr); ok {
			out = append(out, &Reference{attr.Name, e.Range()})
		}
	}
	return out
}

// task takes a task or a handler apart; nil if its name cannot be used.
func (d *declarer) task(b *syntax.Block, job string) *Task {
	action := b.Labels[0]
	isHandler := b.Type == "handler"
	kind, path := "task "+diag.Quote(action.Text), fmt.Sprintf("job.%s.task.%s", job, action.Text)
	if isHandler {
		kind, path = "handler", fmt.Sprintf("job.%s.handler", job)
	}
	n, ok := d.named(b, 1, kind, " in the job "+diag.Quote(job))
	t := &Task{Named: n, Address: path + "." + n.Name, Action: action.Text, Handler: isHandler, Args: map[string]*Expr{}}
	described, known := d.actions[action.Text]
	if !known {
		d.unknownAction(action)
	}
	if !ok || !known {
		if !ok {
			return nil
		}
		return t // its name still counts
	}
	t.Known = true
	d.taskBody(b, t, described)
	return t
}

func (d *declarer) taskBody(b *syntax.Block, t *Task, described schema.Block) {
	content := d.content(b.Body, taskSchema(described))
	get := func(name string) *Expr { return expect(content, name, nil, b.Range, "") }
	t.When, t.ForEach, t.Environment, t.Notify = get("when"), get("for_each"), get("environment"), get("notify")
	t.Timeout, t.OnFailure, t.Tags, t.Sensitive = get("timeout"), get("on_failure"), get("tags"), get("sensitive")
	t.RunAs, t.Hops = get("run_as"), d.hops(content)
	d.eitherHops(t.RunAs, t.Hops)
	for _, a := range described.Arguments {
		if e := get(a.Name); e != nil {
			t.Args[a.Name] = e
		} else if a.Required && content.Arguments[a.Name] == nil {
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
		diag.Quote(label.Text), suggest(label.Text, append(slices.Sorted(maps.Keys(d.actions)), laterActions()...), "The actions")))
}
