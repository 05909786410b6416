package value_test

import (
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"runner/lang/function"
	"runner/lang/value"
)

func hclOf(v cty.Value) string {
	return value.HCL(v, func(thing any) string { return "chain." + thing.(string) })
}

func TestHCL(t *testing.T) {
	secret := cty.StringVal("hunter2").Mark(function.Sensitive)
	for _, c := range []struct {
		v    cty.Value
		want string
	}{
		{cty.NumberIntVal(2), "2"},
		{cty.NumberFloatVal(0.5), "0.5"},
		{cty.True, "true"},
		{cty.StringVal("a\"${b}\\"), `"a\"$${b}\\"`},
		{cty.StringVal("a\nb"), `"a\nb"`},
		{cty.StringVal("a\n  ${b}\n"), "<<EOT\na\n  $${b}\nEOT"},
		{cty.StringVal("a\n EOT\n"), `"a\n EOT\n"`},
		{cty.StringVal("\x1b[31m\u202e\n"), `"\u001b[31m\u202e\n"`},
		{cty.NullVal(cty.DynamicPseudoType), "null"},
		{cty.NullVal(cty.String), "tostring(null)"},
		{cty.UnknownVal(cty.String), "(known after apply)"},
		{cty.DynamicVal, "(known after apply)"},
		{secret, "(sensitive)"},
		{cty.EmptyTupleVal, "[]"},
		{cty.EmptyObjectVal, "{}"},
		{cty.ListValEmpty(cty.String), "tolist([])"},
		{cty.MapValEmpty(cty.String), "tomap({})"},
		{cty.SetVal([]cty.Value{cty.StringVal("b"), cty.StringVal("a")}), "toset([\n  \"a\",\n  \"b\",\n])"},
		{cty.TupleVal([]cty.Value{cty.Zero, secret, cty.StringVal("x\n")}), "[\n  0,\n  (sensitive),\n  \"x\\n\",\n]"},
		{cty.ObjectVal(map[string]cty.Value{"a": cty.EmptyObjectVal, "b c": cty.TupleVal([]cty.Value{cty.True})}), "{\n  \"a\" = {}\n  \"b c\" = [\n    true,\n  ]\n}"},
		{cty.ObjectVal(map[string]cty.Value{"${x}": cty.True}), "{\n  \"$${x}\" = true\n}"},
		{value.Of(value.ChainType, "admin"), "chain.admin"},
		{value.Of(value.NoFactsType, "h"), "(known after apply)"},
		{cty.ObjectVal(map[string]cty.Value{"a": secret}).Mark(function.Sensitive), "(sensitive)"},
	} {
		if got := hclOf(c.v); got != c.want {
			t.Errorf("%#v:\n%s\nwant:\n%s", c.v, got, c.want)
		}
	}
}

// What is written is an expression with the value that it was written for.
func TestHCLReadsBack(t *testing.T) {
	for _, v := range []cty.Value{
		cty.StringVal("a\n${b}%{c}\"\\\t\u00e4\u202e\x00"), cty.StringVal("a\n\n b ${x} %{y}\n"), cty.StringVal("\n"), cty.MustParseNumberVal("1e30"),
		cty.ObjectVal(map[string]cty.Value{"a\n": cty.TupleVal([]cty.Value{cty.StringVal("x\ny\n"), cty.NumberFloatVal(-0.25), cty.False})}),
	} {
		text := hclOf(v) + "\n"
		expr, diags := hclsyntax.ParseExpression([]byte(text), "x.hcl", hcl.InitialPos)
		if diags.HasErrors() {
			t.Errorf("%s: %v", text, diags)
			continue
		}
		if got, diags := expr.Value(nil); diags.HasErrors() || !got.Equals(v).True() {
			t.Errorf("%s is %#v, not %#v", text, got, v)
		}
	}
}
