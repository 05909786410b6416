package function_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	ctyfunction "github.com/zclconf/go-cty/cty/function"

	"runner/lang/guard"
)

// No call makes a function panic, whatever its arguments are; and what it does with a sensitive value is no reason for
// an error that shows it.
func FuzzCalls(f *testing.F) {
	for _, line := range calls(f) {
		call, _, _ := strings.Cut(line, " -> ")
		call, _, _ = strings.Cut(call, " !>")
		f.Add(call)
	}
	ctx := scope(f)
	ctx.Variables["null"] = cty.NullVal(cty.DynamicPseudoType)
	ctx.Variables["empty"] = cty.ListValEmpty(cty.String)
	ctx.Variables["infinite"] = cty.PositiveInfinity
	ctx.Variables["set"] = cty.SetVal([]cty.Value{cty.UnknownVal(cty.String), cty.StringVal("a")})
	ctx.Variables["map"] = cty.MapVal(map[string]cty.Value{"a": cty.StringVal("hunter2").Mark("sensitive"), "b": cty.NullVal(cty.String)})
	f.Fuzz(func(t *testing.T, src string) {
		if len(src) > 500 || strings.Contains(src, "hunter") || guard.Config([]byte(src)) != nil {
			return
		}
		expr, diags := hclsyntax.ParseExpression([]byte(src), "site.hcl", hcl.InitialPos)
		if diags.HasErrors() || loops(expr) {
			return
		}
		_, diags = expr.Value(ctx)
		for _, d := range diags {
			if call, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallDiagExtra](d); ok {
				if _, ok := errors.AsType[ctyfunction.PanicError](call.FunctionCallError()); ok {
					t.Errorf("%s: %v", src, call.FunctionCallError())
				}
			}
			if strings.Contains(d.Detail, "hunter2") && d.Summary != "Duplicate object key" { // which lang/diag rewords
				t.Errorf("%s: shows the secret: %s", src, d.Detail)
			}
		}
	})
}

// loops reports whether an expression has a for: the language bounds them, and this test does not.
func loops(expr hclsyntax.Expression) bool {
	found := false
	_ = hclsyntax.VisitAll(expr, func(n hclsyntax.Node) hcl.Diagnostics {
		_, loop := n.(*hclsyntax.ForExpr)
		found = found || loop
		return nil
	})
	return found
}
