package syntax

import (
	"math/big"
	"strconv"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"runner/lang/diag"
)

// maxDigits is how long a text may be that an operator reads as a number: that takes the square of its length.
const maxDigits = 4000

// number is an operand that may be read as a number.
type number struct{ *hclsyntax.ParenthesesExpr }

// Value refuses a text that is too long for one.
func (e *number) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	value, diags := e.ParenthesesExpr.Value(ctx)
	if bare, _ := value.Unmark(); bare.Type() == cty.String && bare.IsKnown() && !bare.IsNull() && len(bare.AsString()) > maxDigits {
		return cty.DynamicVal, append(diags, diag.Errorf(diag.TooLarge, e.SrcRange, "Text too long for this",
			"A text of more than %d characters is no number, and no key.", maxDigits))
	}
	return value, diags
}

// shown is a part of a template that is a name. Whole numbers, which are most of those that templates show, are made
// text here: HCL's way takes many times as long.
type shown struct{ *hclsyntax.ParenthesesExpr }

// Value gives a whole number as text.
func (e *shown) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	value, diags := e.ParenthesesExpr.Value(ctx)
	if value.IsMarked() || value.Type() != cty.Number || !value.IsKnown() || value.IsNull() {
		return value, diags
	}
	if n, accuracy := value.AsBigFloat().Int64(); accuracy == big.Exact {
		return cty.StringVal(strconv.FormatInt(n, 10)), diags
	}
	return value, diags
}

// numeric checks an operand when it is evaluated, unless it is written out as a number.
func numeric(e hclsyntax.Expression) hclsyntax.Expression {
	if l, ok := e.(*hclsyntax.LiteralValueExpr); ok && l.Val.Type() != cty.String {
		return e
	}
	if _, ok := e.(*number); ok {
		return e
	}
	return &number{wrap(e)}
}
