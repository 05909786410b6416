package diag_test

import (
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"runner/lang/diag"
)

// A value of the wrong type is told by the type that it has and the one that it must have.
func TestWrongOperands(t *testing.T) {
	ctx := &hcl.EvalContext{Variables: map[string]cty.Value{"list": cty.ListVal([]cty.Value{cty.StringVal("secret")})}}
	for text, want := range map[string]string{
		`1 + "x"`:                 "The operator takes number here, but this is string.",
		`list < 1`:                "The operator takes number here, but this is list(string).",
		`-{}`:                     "The operator takes number here, but this is object.",
		`!"x"`:                    "The operator takes bool here, but this is string.",
		`true && 3`:               "The operator takes bool here, but this is number.",
		`1 + null`:                "One of the values that this operator takes is null.",
		`"a${list}"`:              "What is put into text must be string, number or bool, but this is list(string).",
		`"a${null}"`:              "What is put into text must be string, number or bool, but this is null.",
		`"x" ? 1 : 2`:             "A condition must be bool, but this is string.",
		`list[0].x`:               "This is string, which has no attributes.",
		`[1, 2][5]`:               "There is no element 5: this list has 2 elements, and the first one is 0.",
		`{ a = 1 }[[]]`:           "An element of a map is chosen by its key, which is string, and this index is not one.",
		`list[0.5]`:               "An element of a list is chosen by a whole number from 0, and this index is not one.",
		`[for x in 5 : x]`:        "A for expression goes over a list, set, map or object, but this is number (5).",
		`[for x in [1] : x if 2]`: "The condition behind if must be bool, but this is number (2).",
		`{ [] = 1 }`:              "A key must be string, but this is list.",
		`true ? [1] : { a = 1 }`:  "The two results must have one type. The 'true' value is list, but the 'false' value is object.",
		`list["x"] + 1`:           "An element of a list is chosen by a whole number from 0, and this index is not one.",
	} {
		expr, diags := hclsyntax.ParseExpression([]byte(text), "x.hcl", hcl.InitialPos)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		_, diags = expr.Value(ctx)
		own := diag.Own(diags, diag.Evaluate)
		if len(own) != 1 || own[0].Detail != want {
			t.Errorf("%s: %v, want %q", text, own, want)
		}
	}
}

// A function that does not exist is suggested one of those that do, also where only the evaluation finds it: in templates.
func TestUnknownFunction(t *testing.T) {
	ctx := &hcl.EvalContext{Functions: map[string]function.Function{"upper": stdlib.UpperFunc, "lower": stdlib.LowerFunc}}
	diags := diag.Own(evaluate(t, `uper("x")`, ctx.NewChild()), diag.Template)
	if len(diags) != 1 || diags[0].Detail != `There is no function "uper". Did you mean "upper"?` {
		t.Errorf("%v", diags)
	}
}
