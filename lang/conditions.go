package lang

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"runner/lang/config"
)

// What a condition leaves out is not evaluated: the condition may be there to keep something from being evaluated, as in
// when = length(var.names) > 0 beside var.names[0], or a value from being used, as in when = var.mode != "". What no
// condition can make right is an error all the same, and is found when the site is checked: an expression that refers to
// nothing and calls no function has the same value wherever it stands.

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

// look checks what is certain of a task that has no elements, or that a condition leaves out.
func (x *expansion) look() {
	if !x.check || x.looked {
		return
	}
	x.looked, x.certain = true, true
	for _, c := range x.body.conditions {
		before := len(x.diags)
		x.condition(c.when)
		x.blame(c.when, before)
	}
	x.rest(&Instance{})
	x.certain = false
}

// evaluates says whether an expression is to be evaluated.
func (x *expansion) evaluates(e *config.Expr) bool {
	return e.Sound() && (!x.certain || isLiteral(e.Expression))
}

// isLiteral says whether an expression refers to nothing and calls no function.
func isLiteral(e hclsyntax.Expression) bool {
	calls := false
	_ = hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics {
		_, isCall := n.(*hclsyntax.FunctionCallExpr)
		calls = calls || isCall
		return nil
	})
	return !calls && len(e.Variables()) == 0
}
