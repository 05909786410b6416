package syntax

import (
	"sync/atomic"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// kept is a part of an expression that has one value, whoever asks: it is evaluated once.
type kept struct {
	*hclsyntax.ParenthesesExpr
	value atomic.Pointer[cty.Value]
}

// Value evaluates the part the first time; errors are for whoever asks.
func (e *kept) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	if v := e.value.Load(); v != nil {
		return *v, nil
	}
	v, diags := e.ParenthesesExpr.Value(ctx)
	if len(diags) == 0 {
		e.value.Store(&v)
	}
	return v, diags
}

// keptDepth is how deep in an expression constant parts are looked for, each time in all that is below.
const keptDepth = 8

// Keep returns an expression whose constant parts are evaluated once, however often it is: what thousands of hosts have
// to do with all hosts would else take long. It changes the expression that it is given.
func Keep(e hclsyntax.Expression, constant func(hclsyntax.Expression) bool) hclsyntax.Expression {
	return keep(e, constant, keptDepth)
}

func keep(e hclsyntax.Expression, constant func(hclsyntax.Expression) bool, depth int) hclsyntax.Expression {
	if e == nil || depth == 0 || !costs(Inner(e)) {
		return e
	}
	if constant(e) {
		return &kept{ParenthesesExpr: wrap(e)}
	}
	part := func(p *hclsyntax.Expression) { *p = keep(*p, constant, depth-1) }
	switch n := Inner(e).(type) {
	case *hclsyntax.FunctionCallExpr:
		for i := range n.Args {
			part(&n.Args[i])
		}
	case *hclsyntax.TupleConsExpr:
		for i := range n.Exprs {
			part(&n.Exprs[i])
		}
	case *hclsyntax.ObjectConsExpr:
		for i := range n.Items {
			part(&n.Items[i].ValueExpr)
		}
	case *hclsyntax.TemplateExpr:
		for i := range n.Parts {
			part(&n.Parts[i])
		}
	case *hclsyntax.TemplateWrapExpr:
		part(&n.Wrapped)
	case *hclsyntax.ConditionalExpr:
		part(&n.Condition)
		part(&n.TrueResult)
		part(&n.FalseResult)
	case *hclsyntax.BinaryOpExpr:
		part(&n.LHS)
		part(&n.RHS)
	case *hclsyntax.UnaryOpExpr:
		part(&n.Val)
	case *hclsyntax.IndexExpr:
		part(&n.Collection)
		part(&n.Key)
	case *hclsyntax.RelativeTraversalExpr:
		part(&n.Source)
	case *hclsyntax.SplatExpr:
		part(&n.Source)
	case *hclsyntax.ForExpr:
		if l, ok := n.CollExpr.(*looped); ok {
			part(&l.Expression) // inside, so that each loop notes whether it is sensitive
		}
		if !hides(n.KeyVar) && !hides(n.ValVar) {
			part(&n.ValExpr)
		}
	}
	return e
}

// hides says whether a name of a loop hides one that constant expressions begin with.
func hides(name string) bool {
	switch name {
	case "var", "local", "path", "host", "chain", "inventory":
		return true
	}
	return false
}

// costs says whether an expression is more than a literal or a name.
func costs(e hclsyntax.Expression) bool {
	switch e := e.(type) {
	case *hclsyntax.LiteralValueExpr, *hclsyntax.ScopeTraversalExpr, *hclsyntax.AnonSymbolExpr:
		return false
	case *hclsyntax.TemplateExpr:
		return !e.IsStringLiteral()
	}
	return true
}
