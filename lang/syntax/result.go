package syntax

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"runner/lang/diag"
	"runner/lang/function"
)

// result is one of the two results of a condition, for which HCL looks for one type.
type result struct{ *hclsyntax.ParenthesesExpr }

// Value makes one collection of very many elements, of which HCL would compare each with each.
func (e *result) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	value, diags := e.ParenthesesExpr.Value(ctx)
	if diags.HasErrors() {
		return value, diags
	}
	value, err := function.Unified(value)
	if err != nil {
		return cty.DynamicVal, append(diags, diag.Errorf(diag.TooLarge, e.SrcRange, "Result too large for a condition",
			"The two results must have one type, but here %v. Put the condition inside: [for x in list : x if condition].", err))
	}
	return value, diags
}

// resultOf checks a result, unless it is written out.
func resultOf(e hclsyntax.Expression) hclsyntax.Expression {
	switch e.(type) {
	case *hclsyntax.LiteralValueExpr, *hclsyntax.TemplateExpr, *result:
		return e
	}
	return &result{wrap(e)}
}
