package syntax

import (
	"errors"
	"reflect"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"runner/lang/diag"
)

// What one evaluation may cost: 50,000 elements that loops give, or 10 MiB of text that functions and interpolations
// put together. Loops inside loops over short lists, or strings that repeat each other, could otherwise fill any
// memory.
const (
	maxCost     = 10 << 20 // in bytes of text
	valueCost   = 192
	pairCost    = 384 // of a loop that gives an object
	elementCost = 8   // of a collection, for each
	madeCost    = 16  // times what a value costs that may be a part of another one
)

// meter counts down what an evaluation has left.
type meter struct {
	left   int
	hosts  int // of what it takes, for going over hosts
	budget *Budget
	// secret: a loop went over a collection that is sensitive. Its variables do not show that.
	secret bool
	over   bool // the evaluation has ended: what looks at parts of it again, to explain an error, costs nothing
}

// meterType makes a meter a value that a context can hold.
var meterType = cty.Capsule("meter", reflect.TypeFor[meter]()) //nolint:gochecknoglobals // a type, never changed

// meterName is where an evaluation's meter is in its context: no variable can have this name.
const meterName = "(meter)"

// errSpent is what an evaluation panics with when its meter is at its end: HCL's loops collect errors and go on.
var errSpent = errors.New("the evaluation takes too much")

// metered is an expression inside a loop, or of which there can be many: its value is counted. That it is one more pair
// of parentheses lets HCL walk through it.
type metered struct {
	*hclsyntax.ParenthesesExpr
	cost int // beside the size
}

// Value counts what the expression gives.
func (e *metered) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	value, diags := e.ParenthesesExpr.Value(ctx)
	if m := meterOf(ctx); m != nil && !m.over {
		cost := size(value)
		if _, ok := Inner(e).(*hclsyntax.FunctionCallExpr); ok && value.Type() != cty.String {
			cost *= madeCost // its elements are new
		}
		if m.left -= e.cost + cost; m.left < 0 {
			panic(errSpent)
		}
	}
	return value, diags
}

// looped is what a loop goes over.
type looped struct{ *hclsyntax.ParenthesesExpr }

// Value notes whether the collection is sensitive.
func (e *looped) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	value, diags := e.ParenthesesExpr.Value(ctx)
	if m := meterOf(ctx); m != nil && !m.over {
		m.secret = m.secret || value.IsMarked()
		m.hosts += allowance(value)
	}
	return value, diags
}

func meterOf(ctx *hcl.EvalContext) *meter {
	for ; ctx != nil; ctx = ctx.Parent() {
		if v, ok := ctx.Variables[meterName]; ok {
			m, _ := v.EncapsulatedValue().(*meter)
			return m
		}
	}
	return nil
}

// size is what a string or collection costs, without what is in it.
func size(v cty.Value) int {
	v, _ = v.Unmark()
	switch {
	case v.IsNull() || !v.IsKnown():
		return 0
	case v.Type() == cty.String:
		return len(v.AsString())
	case v.CanIterateElements():
		return valueCost/2 + v.LengthInt()*elementCost
	}
	return 0
}

// bounded is a whole expression that has metered ones in it.
type bounded struct{ *hclsyntax.ParenthesesExpr }

// Value evaluates the expression with a meter of its own. Once a loop has gone over something sensitive, no error tells
// what it is about: the values in sight are bare.
func (e *bounded) Value(ctx *hcl.EvalContext) (value cty.Value, diags hcl.Diagnostics) {
	m := &meter{left: maxCost, budget: budgetOf(ctx)}
	if d := m.budget.Spent(); d != nil {
		return cty.DynamicVal, hcl.Diagnostics{d}
	}
	defer func() {
		m.over = true
		switch r := recover(); r {
		case nil, errSpent:
		default:
			panic(r)
		}
		if m.left < 0 { // also where try or can turned the panic into an error of theirs
			value = cty.DynamicVal
			diags = hcl.Diagnostics{diag.Errorf(diag.TooLarge, e.SrcRange, "Expression too large",
				"This expression gives too many elements or too much text. Loops inside loops multiply.")}
		}
		if d := m.budget.Spend(maxCost-m.left, m.hosts, e.SrcRange); d != nil {
			value, diags = cty.DynamicVal, hcl.Diagnostics{d}
		}
	}()
	child := &hcl.EvalContext{}
	if ctx != nil {
		child = ctx.NewChild()
	}
	child.Variables = map[string]cty.Value{meterName: cty.CapsuleVal(meterType, m)}
	value, diags = e.ParenthesesExpr.Value(child)
	if m.secret {
		for i, d := range diags {
			diags[i] = diag.Redact(d)
		}
	}
	return value, diags
}

func wrap(e hclsyntax.Expression) *hclsyntax.ParenthesesExpr {
	return &hclsyntax.ParenthesesExpr{Expression: e, SrcRange: e.Range()}
}

// Inner returns what an expression is when parentheses, and what this package puts around it, are taken off.
func Inner(e hclsyntax.Expression) hclsyntax.Expression {
	for {
		switch outer := e.(type) {
		case *bounded:
			e = outer.Expression
		case *metered:
			e = outer.Expression
		case *looped:
			e = outer.Expression
		case *kept:
			e = outer.Expression
		case *result:
			e = outer.Expression
		case *number:
			e = outer.Expression
		case *shown:
			e = outer.Expression
		case *hclsyntax.ParenthesesExpr:
			e = outer.Expression
		default:
			return e
		}
	}
}

// putPart leaves parts of templates alone that cannot make much of little.
func putPart(part hclsyntax.Expression, of int, put func(hclsyntax.Expression) hclsyntax.Expression) hclsyntax.Expression {
	switch part.(type) {
	case *hclsyntax.LiteralValueExpr:
		return part
	case *hclsyntax.ScopeTraversalExpr:
		if of <= fewParts {
			return &shown{wrap(part)}
		}
	case *shown:
		return part
	}
	return &shown{wrap(put(part))}
}

// fewParts is how many values a template can put together without a meter: not enough to multiply much.
const fewParts = 16

// meterAll puts meters into an expression that was just parsed.
func meterAll(e hclsyntax.Expression) hclsyntax.Expression {
	found := false
	put := func(e hclsyntax.Expression) hclsyntax.Expression {
		if _, ok := e.(*metered); ok || e == nil {
			return e
		}
		found = true
		return &metered{wrap(e), valueCost}
	}
	_ = hclsyntax.VisitAll(e, func(node hclsyntax.Node) hcl.Diagnostics {
		switch n := node.(type) {
		case *hclsyntax.ForExpr:
			n.CondExpr, n.ValExpr = put(n.CondExpr), put(n.ValExpr)
			if m, ok := n.ValExpr.(*metered); ok && n.KeyExpr != nil {
				m.cost = pairCost
			}
			n.CollExpr = &looped{wrap(n.CollExpr)}
		case *hclsyntax.ConditionalExpr:
			n.TrueResult, n.FalseResult = resultOf(n.TrueResult), resultOf(n.FalseResult)
		case *hclsyntax.SplatExpr:
			n.Each = put(n.Each)
		case *hclsyntax.BinaryOpExpr:
			if n.Op.Impl.Params()[0].Type == cty.Number {
				n.LHS, n.RHS = numeric(n.LHS), numeric(n.RHS)
			}
		case *hclsyntax.UnaryOpExpr:
			if n.Op.Impl.Params()[0].Type == cty.Number {
				n.Val = numeric(n.Val)
			}
		case *hclsyntax.IndexExpr:
			n.Key = numeric(n.Key)
		case *hclsyntax.TemplateExpr:
			for i, part := range n.Parts {
				n.Parts[i] = putPart(part, len(n.Parts), put)
			}
		case *hclsyntax.FunctionCallExpr:
			for i, arg := range n.Args {
				if _, ok := arg.(*hclsyntax.FunctionCallExpr); ok {
					n.Args[i] = put(arg)
				}
			}
		}
		return nil
	})
	if _, ok := e.(*bounded); found && !ok {
		return &bounded{wrap(e)}
	}
	return e
}
