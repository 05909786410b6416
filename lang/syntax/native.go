package syntax

import (
	"cmp"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"runner/lang/diag"
)

// native returns an expression as a tree of hclsyntax; in JSON syntax strings are templates.
func native(expr hcl.Expression) (hclsyntax.Expression, hcl.Diagnostics) {
	if e, ok := expr.(hclsyntax.Expression); ok {
		return meterAll(e), nil
	}
	if list, diags := hcl.ExprList(expr); !diags.HasErrors() {
		return nativeList(expr, list)
	}
	if pairs, diags := hcl.ExprMap(expr); !diags.HasErrors() {
		return nativeMap(expr, pairs)
	}
	// Without a context a JSON string is taken as it is written.
	value, diags := expr.Value(nil)
	if diags.HasErrors() || value.IsNull() || value.Type() != cty.String {
		return &hclsyntax.LiteralValueExpr{Val: value, SrcRange: expr.Range()}, diags
	}
	e, diags := Template([]byte(value.AsString()), expr.Range().Filename, inQuotes(expr.Range()))
	diags = diag.Own(diags, diag.Syntax)
	if diags.HasErrors() {
		return &Unread{&hclsyntax.ScopeTraversalExpr{Traversal: hcl.Traversal{hcl.TraverseRoot{Name: "(unread)", SrcRange: expr.Range()}}, SrcRange: expr.Range()}, diags}, diags
	}
	return e, diags
}

// Unread stands in JSON syntax for the text of an expression that cannot be parsed.
type Unread struct {
	*hclsyntax.ScopeTraversalExpr
	diags hcl.Diagnostics
}

// inQuotes is where the text of a JSON string begins.
func inQuotes(r hcl.Range) hcl.Pos {
	start := r.Start
	start.Byte++
	start.Column++
	return start
}

func nativeList(expr hcl.Expression, list []hcl.Expression) (hclsyntax.Expression, hcl.Diagnostics) {
	out := &hclsyntax.TupleConsExpr{SrcRange: expr.Range(), OpenRange: expr.StartRange()}
	var diags hcl.Diagnostics
	for _, element := range list {
		e, d := native(element)
		diags = append(diags, d...)
		out.Exprs = append(out.Exprs, e)
	}
	return out, diags
}

func nativeMap(expr hcl.Expression, pairs []hcl.KeyValuePair) (hclsyntax.Expression, hcl.Diagnostics) {
	out := &hclsyntax.ObjectConsExpr{SrcRange: expr.Range(), OpenRange: expr.StartRange()}
	var diags hcl.Diagnostics
	for _, pair := range pairs {
		key, d := native(pair.Key)
		diags = append(diags, d...)
		value, d := native(pair.Value)
		diags = append(diags, d...)
		out.Items = append(out.Items, hclsyntax.ObjectConsItem{KeyExpr: key, ValueExpr: value})
	}
	return out, diags
}

// Literal returns the argument's expression for what is read without being evaluated, such as a type or a reference:
// in JSON syntax that is the text of a string, with or without the signs of an interpolation around it.
func (a *Argument) Literal() (hclsyntax.Expression, hcl.Diagnostics) {
	return literal(a.Expr, a.JSON)
}

// Literals is Literal for an argument that is a list. It reports false if it is none.
func (a *Argument) Literals() ([]hclsyntax.Expression, bool, hcl.Diagnostics) {
	tuple, ok := a.Expr.(*hclsyntax.TupleConsExpr)
	if !ok {
		return nil, false, nil
	}
	var out []hclsyntax.Expression
	var diags hcl.Diagnostics
	for _, element := range tuple.Exprs {
		e, d := literal(element, a.JSON)
		diags = append(diags, d...)
		if !d.HasErrors() {
			out = append(out, e)
		}
	}
	return out, true, diags
}

func literal(expr hclsyntax.Expression, isJSON bool) (hclsyntax.Expression, hcl.Diagnostics) {
	if !isJSON {
		return expr, nil
	}
	if u, ok := expr.(*Unread); ok {
		return expr, u.diags
	}
	if wrap, ok := Inner(expr).(*hclsyntax.TemplateWrapExpr); ok {
		return wrap.Wrapped, nil
	}
	text, diags := expr.Value(nil)
	if diags.HasErrors() || text.IsNull() || text.Type() != cty.String {
		return expr, nil
	}
	r := expr.Range()
	return parseExpression([]byte(text.AsString()), r.Filename, r.Start)
}

// Constant is a name and a value that refers to nothing.
type Constant struct {
	Name      string
	Value     cty.Value
	NameRange hcl.Range
	Range     hcl.Range            // of the value
	Expr      hclsyntax.Expression // nil in JSON syntax
}

// Constants returns what a file of values holds, in source order. Strings in JSON syntax are taken as they are.
func (b *Body) Constants() ([]*Constant, hcl.Diagnostics) {
	attrs, diags := b.hcl.JustAttributes()
	diags = diag.Own(diags, diag.Decode)
	var out []*Constant
	for _, attr := range attrs {
		var value cty.Value
		var d hcl.Diagnostics
		e, ok := attr.Expr.(hclsyntax.Expression)
		if ok {
			value, d = EvaluateConstant(meterAll(e))
		} else {
			value, d = attr.Expr.Value(nil)
		}
		diags = append(diags, diag.Own(d, diag.Evaluate)...)
		if !d.HasErrors() {
			out = append(out, &Constant{attr.Name, value, attr.NameRange, attr.Expr.Range(), e})
		}
	}
	slices.SortFunc(out, func(a, b *Constant) int { return cmp.Compare(a.Range.Start.Byte, b.Range.Start.Byte) })
	return out, diags
}

// EvaluateConstant evaluates an expression that can refer to nothing.
func EvaluateConstant(expr hclsyntax.Expression) (cty.Value, hcl.Diagnostics) {
	diags := unreadIn(expr)
	if len(diags) > 0 {
		return cty.DynamicVal, diags
	}
	for _, t := range expr.Variables() {
		diags = append(diags, diag.Errorf(diag.Evaluate, t.SourceRange(), "References not allowed",
			"This value must be written out: it cannot refer to anything."))
	}
	_ = hclsyntax.VisitAll(expr, func(node hclsyntax.Node) hcl.Diagnostics {
		if call, ok := node.(*hclsyntax.FunctionCallExpr); ok {
			diags = append(diags, diag.Errorf(diag.Evaluate, call.Range(), "Function calls not allowed",
				"This value must be written out: it cannot call a function."))
		}
		return nil
	})
	if len(diags) > 0 {
		return cty.DynamicVal, diags
	}
	value, diags := expr.Value(nil)
	return value, diag.Own(diags, diag.Evaluate)
}

// unreadIn returns again why parts of an expression cannot be parsed.
func unreadIn(expr hclsyntax.Expression) hcl.Diagnostics {
	var diags hcl.Diagnostics
	_ = hclsyntax.VisitAll(expr, func(node hclsyntax.Node) hcl.Diagnostics {
		if u, ok := node.(*Unread); ok {
			diags = append(diags, u.diags...)
		}
		return nil
	})
	return diags
}
