package syntax

import (
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/customdecode"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"runner/lang/diag"
	"runner/lang/source"
)

func parse(t *testing.T, text string) hclsyntax.Expression {
	t.Helper()
	e, diags := NewFiles(source.Disk{}).Expression(text, "test")
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return e
}

// failing evaluates its argument and goes on when that panics, as functions of cty do.
func failing() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "x", Type: customdecode.ExpressionClosureType}},
		Type:   function.StaticReturnType(cty.DynamicPseudoType),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			v, _ := customdecode.ExpressionClosureFromVal(args[0]).Value()
			return v, nil
		},
	})
}

// TestG35Evaluation holds expressions that would fill the memory.
func TestG35Evaluation(t *testing.T) {
	ctx := &hcl.EvalContext{
		Variables: map[string]cty.Value{"long": cty.StringVal(strings.Repeat("x", 1<<20))},
		Functions: map[string]function.Function{"failing": failing(), "range": stdlib.RangeFunc, "concat": stdlib.ConcatFunc, "join": stdlib.JoinFunc},
	}
	tests := map[string]string{
		"inside try":     `failing([for a in range(1000) : [for b in range(1000) : [for c in range(1000) : 1]]])`,
		"loops":          `[for a in range(1000) : [for b in range(1000) : [for c in range(1000) : 1]]]`,
		"objects":        `{for a in range(1000) : a => {for b in range(1000) : b => {for c in range(1000) : c => 1}}}`,
		"conditions":     `[for a in range(1000) : a if [for b in range(1000) : b if [for c in range(1000) : c] == []] == []]`,
		"interpolations": `[for a in range(1000) : "${long}${long}"]`,
		"many values":    `"` + strings.Repeat("${long}", 100) + `"`,
		"template loops": `"%{ for a in range(1000) }%{ for b in range(1000) }${long}%{ endfor }%{ endfor }"`,
		"functions":      `[for x in [range(1000)] : [for y in [concat(concat(x, x, x, x, x, x, x, x), x)] : [for z in range(1000) : concat(concat(y, y), y)]]]`,
		"splats":         `[for a in range(1000) : range(1000)[*]][*][*]`,
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			begin := time.Now()
			_, diags := parse(t, text).Value(ctx)
			if !diags.HasErrors() {
				t.Fatal("evaluated")
			}
			if code := diag.CodeOf(diags[0]); code != diag.TooLarge {
				t.Errorf("code %s", code)
			}
			if d := time.Since(begin); d > 20*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
}

func TestMeteredExpressionsStayTransparent(t *testing.T) {
	ctx := &hcl.EvalContext{Variables: map[string]cty.Value{
		"list": cty.ListVal([]cty.Value{cty.StringVal("a"), cty.StringVal("b")}),
		"b":    cty.StringVal("b"),
	}}
	e := parse(t, `{for i, x in list : "${i}-${x == b ? "same" : x}" => list[*] if x != ""}`)
	var roots []string
	for _, traversal := range e.Variables() {
		roots = append(roots, traversal.RootName())
	}
	if got := strings.Join(roots, " "); got != "list b list" {
		t.Errorf("variables: %s", got)
	}
	v, diags := e.Value(ctx)
	if diags.HasErrors() || v.LengthInt() != 2 {
		t.Errorf("value %#v, %v", v, diags)
	}
}

func TestJSONIsNative(t *testing.T) {
	src := `{"job": {"a": [[{"task": {"x": {"one": {"list": ["${b}", 1, null], "map": {"k${b}": true}}}}},
		{"handler": {"x": {"two": {}}}}, {"task": {"x": {"three": {"ref": "job.a", "wrapped": "${job.a}"}}}}]]}}`
	body, diags := NewFiles(source.Disk{}).config([]byte(src), "x.json")
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	labels := []string{"action", "name"}
	top, diags := body.Content(Schema{Blocks: []BlockSchema{{"job", []string{"name"}}}})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	job, diags := top.Blocks[0].Body.Content(Schema{Blocks: []BlockSchema{{"task", labels}, {"handler", labels}}})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	var order []string
	for _, b := range job.Blocks {
		order = append(order, b.Type+" "+b.Labels[1].Text)
	}
	if got := strings.Join(order, ", "); got != "task one, handler two, task three" {
		t.Errorf("order is %s", got)
	}
	one, diags := job.Blocks[0].Body.Content(Schema{Arguments: []string{"list", "map"}})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	ctx := &hcl.EvalContext{Variables: map[string]cty.Value{"b": cty.StringVal("B")}}
	list, diags := one.Arguments["list"].Expr.Value(ctx)
	if diags.HasErrors() || list.LengthInt() != 3 || list.Index(cty.Zero).AsString() != "B" {
		t.Errorf("list is %#v: %v", list, diags)
	}
	object, diags := one.Arguments["map"].Expr.Value(ctx)
	if diags.HasErrors() || !object.Type().HasAttribute("kB") {
		t.Errorf("map is %#v: %v", object, diags)
	}
	three, diags := job.Blocks[2].Body.Content(Schema{Arguments: []string{"ref", "wrapped"}})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	for name, arg := range three.Arguments {
		e, diags := arg.Literal()
		if _, ok := e.(*hclsyntax.ScopeTraversalExpr); !ok || diags.HasErrors() {
			t.Errorf("%s is a %T: %v", name, e, diags)
		}
	}
}

func TestLeftOver(t *testing.T) {
	schema := Schema{
		What: "a thing", Arguments: []string{"alpha", "beta"}, Blocks: []BlockSchema{{"inner", nil}},
		Later: []string{"future"},
	}
	tests := []struct {
		src, name string
		code      diag.Code
		says      string
	}{
		{`alpah = 1`, "x.hcl", diag.UnknownArgument, `Did you mean "alpha"?`},
		{`inner = 1`, "x.hcl", diag.UnknownArgument, `without the equals sign`},
		{`iner {}`, "x.hcl", diag.UnknownBlock, `Did you mean "inner"?`},
		{`beta {}`, "x.hcl", diag.UnknownBlock, `equals sign`},
		{`future = 1`, "x.hcl", diag.NotSupported, `"future" in a thing`},
		{`future "a" "b" {}`, "x.hcl", diag.NotSupported, `"future" in a thing`},
		{`{"alpah": 1}`, "x.json", diag.UnknownArgument, `Did you mean "alpha"?`},
		{`{"future": {}}`, "x.json", diag.NotSupported, `"future" in a thing`},
	}
	for _, test := range tests {
		body, diags := NewFiles(source.Disk{}).config([]byte(test.src), test.name)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		_, diags = body.Content(schema)
		if len(diags) != 1 || diag.CodeOf(diags[0]) != test.code || !strings.Contains(diags[0].Detail, test.says) {
			t.Errorf("%s: %v", test.src, diags)
		}
	}
}
