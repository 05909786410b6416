package lang

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"runner/lang/config"
)

// What a condition leaves out is not evaluated: the condition may be there to keep something from being evaluated, as in
// when = length(var.names) > 0 beside var.names[0], or a value from being used, as in when = var.mode != "". What no
// condition can make right is an error all the same, and is found when the site is checked: a value that is written out,
// and the type of what is made of nothing but such values and variables that have a type, whatever they are given.
// Functions are left out of it: whether a file is there may be the condition.

// condition is a when that decides about a task.
type condition struct {
	when *config.Expr
	// barrier is what there is for the task if the condition cannot be evaluated; nil for the task's own.
	barrier *Barrier
}

// conditionsOf are those around a task, outer ones first, and its own.
func conditionsOf(job *config.Job, t *config.Task) []condition {
	var out []condition
	add := func(when *config.Expr, barrier *Barrier) {
		if when != nil {
			out = append(out, condition{when, barrier})
		}
	}
	add(job.When, &Barrier{Try: -1})
	for _, o := range t.Outer {
		add(o.When, &Barrier{Try: o.Inside})
	}
	add(t.When, nil)
	return out
}

// lookAtCertain checks what is certain of a task: it is the same on every host, and for every element.
func (x *expansion) lookAtCertain() {
	x.certain = true
	for _, c := range x.body.conditions {
		before := len(x.diags)
		x.condition(c.when)
		x.blame(c.when, before)
	}
	x.rest(&Instance{})
	if x.task.ChangedWhen() || x.task.Verdict() {
		x.judge(Result{Unknown: true, UnknownChanged: true})
	}
}

// evaluates says whether an expression is to be evaluated.
func (x *expansion) evaluates(e *config.Expr) bool {
	return e.Sound() && (!x.certain || x.isCertain(e))
}

// evaluate evaluates an expression. Of what is certain only the types of variables are.
func (x *expansion) evaluate(e *config.Expr) (cty.Value, hcl.Diagnostics) {
	if !x.certain {
		return evaluate(e.Expression, x.context(e))
	}
	typed := map[string]cty.Value{"var": cty.ObjectVal(x.scope.modules[e.Module].typed)}
	return evaluate(e.Arg.Expr, with(x.context(e), typed)) // and not what has kept the values of its parts
}

// isCertain says whether an expression calls no function and refers to nothing but variables whose type is declared.
func (x *expansion) isCertain(e *config.Expr) bool {
	certain := true
	_ = hclsyntax.VisitAll(e.Arg.Expr, func(n hclsyntax.Node) hcl.Diagnostics {
		_, isCall := n.(*hclsyntax.FunctionCallExpr)
		certain = certain && !isCall
		return nil
	})
	typed := x.scope.modules[e.Module].typed
	for _, t := range e.Arg.Expr.Variables() {
		attr, ok := t[min(1, len(t)-1)].(hcl.TraverseAttr)
		certain = certain && ok && t.RootName() == "var" && typed[attr.Name] != cty.NilVal
	}
	return certain
}
