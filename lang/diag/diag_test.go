package diag_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"runner/lang/diag"
)

func parse(t *testing.T, src string) *hcl.File {
	t.Helper()
	file, diags := hclsyntax.ParseConfig([]byte(src), "site.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return file
}

// evaluate returns the diagnostics of evaluating the expression.
func evaluate(t *testing.T, src string, ctx *hcl.EvalContext) hcl.Diagnostics {
	t.Helper()
	expr, diags := hclsyntax.ParseExpression([]byte(src), "site.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	_, diags = expr.Value(ctx)
	return diags
}

// Every code that is declared is described once, in words, and has the form that scripts expect.
func TestCodes(t *testing.T) {
	described := map[string]bool{}
	for _, d := range diag.Codes() {
		if described[string(d.Code)] {
			t.Errorf("%s is listed twice", d.Code)
		}
		described[string(d.Code)] = true
		if !regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`).MatchString(string(d.Code)) {
			t.Errorf("%q is not in snake case", d.Code)
		}
		if !regexp.MustCompile(`^[A-Z].+\.$`).MatchString(d.Doc) {
			t.Errorf("%s: %q is no sentence", d.Code, d.Doc)
		}
	}
	file, err := parser.ParseFile(token.NewFileSet(), "codes.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	declared := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		for i, name := range spec.Names {
			value, err := strconv.Unquote(spec.Values[i].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			declared++
			if !described[value] {
				t.Errorf("%s (%s) is not described", name.Name, value)
			}
		}
		return true
	})
	if declared != len(described) {
		t.Errorf("%d codes are declared, %d described", declared, len(described))
	}
}

func TestCodeOf(t *testing.T) {
	rng := hcl.Range{Filename: "site.hcl", Start: hcl.InitialPos, End: hcl.InitialPos}
	ours := diag.Errorf(diag.NoHop, rng, "Host without a hop", "Host %q cannot be reached.", "a")
	if got := diag.CodeOf(ours); got != diag.NoHop {
		t.Errorf("ours has %q", got)
	}
	if ours.Detail != `Host "a" cannot be reached.` || *ours.Subject != rng {
		t.Errorf("%+v", ours)
	}
	_, syntax := hclsyntax.ParseConfig([]byte("a = ["), "site.hcl", hcl.InitialPos)
	for _, d := range diag.Own(syntax, diag.Syntax) {
		if diag.CodeOf(d) != diag.Syntax {
			t.Errorf("%v has %q", d, diag.CodeOf(d))
		}
	}
	owned := diag.Own(hcl.Diagnostics{ours}, diag.Decode)
	if diag.CodeOf(owned[0]) != diag.NoHop {
		t.Error("Own changed a code")
	}
	if got := diag.CodeOf(evaluate(t, "nothing", nil)[0]); got != diag.Evaluate {
		t.Errorf("an error of an expression has %q", got)
	}
	if diag.Warningf(diag.NoHop, hcl.Range{}, "s", "d").Subject != nil {
		t.Error("the zero range became a subject")
	}
}

// What one function puts into the extra, the next one keeps, and the diagnostic given is not changed.
func TestExtra(t *testing.T) {
	first := diag.Errorf(diag.NoHop, hcl.Range{}, "s", "d")
	second := diag.At(hcl.Diagnostics{first}, "web", "job.a")
	third := diag.HideSource(diag.At(second, "", "job.b"))[0]
	e := diag.ExtraOf(third)
	if e.Code != diag.NoHop || e.Host != "web" || e.Address != "job.b" || !e.HideSource {
		t.Errorf("%+v", e)
	}
	if e := diag.ExtraOf(first); e.Host != "" || e.HideSource {
		t.Errorf("the first was changed: %+v", e)
	}
}

func TestOwnRewords(t *testing.T) {
	ctx := &hcl.EvalContext{
		Variables: map[string]cty.Value{
			"var": cty.ObjectVal(map[string]cty.Value{
				"release": cty.StringVal("1"), "port": cty.NumberIntVal(1), "list": cty.ListVal([]cty.Value{cty.True}),
			}),
			"secret": cty.ObjectVal(map[string]cty.Value{"release": cty.True}).Mark("sensitive"),
			"hidden": cty.StringVal("hunter2").Mark("sensitive"),
		},
		Functions: map[string]function.Function{
			"upper": stdlib.UpperFunc,
			"broken": function.New(&function.Spec{
				Type: function.StaticReturnType(cty.String),
				Impl: func([]cty.Value, cty.Type) (cty.Value, error) { panic("secret of the implementation") },
			}),
		},
	}
	tests := []struct{ expr, want string }{
		{`var.relase`, `Did you mean "release"?`},
		{`"${var.relase}x"`, `Did you mean "release"?`},
		{`broken()`, `This is a bug in runner`},
		{`var["relase"]`, `There is no "relase" here. Did you mean "release"?`},
		{`var["x"]`, `There is no "x" here. There are "list", "port" and "release".`},
		{`var[upper("x")]`, `There is no "X" here.`},
		{`var.list[2]`, `There is no element 2: this list has 1 element, and the first one is 0.`},
		{`var.list[var.port]`, `There is no element 1: this list`},
		{`secret["relase"]`, `does not identify an element`},
		{`secret.relase`, `does not have an attribute named "relase"`},
		{`var[hidden]`, `does not identify an element`},
		{`{ for x in [hidden, hidden] : x => 1 }`, `It is sensitive, so it is not shown.`},
		{`{ for x in [var.release, var.release] : x => 1 }`, `produced the key "1"`},
	}
	for _, test := range tests {
		diags := diag.Own(evaluate(t, test.expr, ctx), diag.Evaluate)
		if len(diags) != 1 || !strings.Contains(diags[0].Detail, test.want) {
			t.Errorf("%s: %v", test.expr, diags)
			continue
		}
		if text := diags[0].Detail; strings.Contains(text, "goroutine") || strings.Contains(text, "secret of") || strings.Contains(text, "hunter2") {
			t.Errorf("%s: shows the inside of the program: %s", test.expr, text)
		}
	}
	_, syntax := hclsyntax.ParseConfig([]byte("a = @\n"), "site.hcl", hcl.InitialPos)
	if got := diag.Own(syntax, diag.Syntax); len(syntax) != 2 || len(got) != 1 || got[0].Summary != "Invalid character" {
		t.Errorf("%v", got)
	}
	bare := hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "Unsuitable value type", Detail: "Unsuitable value: a number is required"}}
	if got := diag.Own(bare, diag.Decode)[0]; got.Summary != "Wrong type of value" || got.Detail != "This argument cannot take the value: a number is required" {
		t.Errorf("%+v", got)
	}
	if bare[0].Summary != "Unsuitable value type" {
		t.Error("Own changed what it was given")
	}
}

// An error inside a template points into the template, with its own lines, and names the call.
func TestOwnTemplate(t *testing.T) {
	source := []byte("first\nsecond ${nothing}\n")
	ctx := &hcl.EvalContext{Functions: map[string]function.Function{
		"templatefile": function.New(&function.Spec{
			Type: function.StaticReturnType(cty.String),
			Impl: func([]cty.Value, cty.Type) (cty.Value, error) {
				expr, diags := hclsyntax.ParseTemplate(source, "a.tftpl", hcl.InitialPos)
				if diags.HasErrors() {
					t.Error(diags)
				}
				_, diags = expr.Value(&hcl.EvalContext{Variables: map[string]cty.Value{"n": cty.True}})
				return cty.NilVal, &diag.TemplateError{Filename: "a.tftpl", Source: source, Diags: diags}
			},
		}),
	}}
	diags := diag.Own(evaluate(t, "templatefile()", ctx), diag.Evaluate)
	if len(diags) != 1 {
		t.Fatal(diags)
	}
	if d := diags[0]; diag.CodeOf(d) != diag.Template || d.Subject.Filename != "a.tftpl" || d.Subject.Start.Line != 2 {
		t.Errorf("%+v", d)
	}
	text := diag.Printer{}.Text(diags[0])
	for _, want := range []string{"on a.tftpl line 2", "second ${nothing}", "         ^^^^^^^", `call of "templatefile" at site.hcl line 1`} {
		if !strings.Contains(text, want) {
			t.Errorf("lacks %q:\n%s", want, text)
		}
	}
}

func TestJSON(t *testing.T) {
	d := diag.Errorf(diag.UnknownAction, hcl.Range{
		Filename: "site.hcl",
		Start:    hcl.Pos{Line: 3, Column: 8, Byte: 21},
		End:      hcl.Pos{Line: 3, Column: 14, Byte: 27},
	}, "Unknown action", "There is no action %q.", "fiel")
	d = diag.At(hcl.Diagnostics{d}, "web", "job.a.task.fiel.x")[0]
	got, err := json.Marshal(diag.ToJSON(d))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"severity":"error","code":"unknown_action","summary":"Unknown action","detail":"There is no action \"fiel\".",` +
		`"file":"site.hcl","range":{"start":{"line":3,"column":8,"byte":21},"end":{"line":3,"column":14,"byte":27}},` +
		`"host":"web","address":"job.a.task.fiel.x"}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	got, err = json.Marshal(diag.ToJSON(diag.Warningf(diag.NoSite, hcl.Range{}, "s", "d")))
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"severity":"warning","code":"no_site","summary":"s","detail":"d"}`; string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// G37.
func TestSuggest(t *testing.T) {
	tests := []struct {
		name       string
		candidates []string
		want       string
	}{
		{"fiel", []string{"file", "command"}, "file"},
		{"wbe", []string{"db", "web"}, "web"},
		{"comand", []string{"file", "command"}, "command"},
		{"Path", []string{"path"}, "path"},
		{"known-hosts", []string{"known_hosts", "host_key"}, "known_hosts"},
		{"dir", []string{"directory", "file"}, "directory"},
		{"on_fail", []string{"on_failure"}, "on_failure"},
		{"web", []string{"db", "cache"}, ""},
		{"x", []string{"y", "abc"}, ""},
		{"ab", []string{"ac", "abc"}, "ac"},
		{"", []string{"abc"}, ""},
		{"same", []string{"same"}, ""},
		{"port", []string{"sort", "part"}, "sort"},
		{"data", []string{"path"}, ""},
		{"varfile", []string{"var", "var-file"}, "var-file"},
		{"vars-file", []string{"var", "var-file"}, "var-file"},
		{"sodu", []string{"ssh", "sudo"}, "sudo"},
		{"boolean", []string{"bool"}, "bool"},
		{"a_b_c_d", []string{"abcd"}, "abcd"},
		{"ca", []string{"abc", "ac"}, "ac"},
		{"release", []string{"relaeses"}, "relaeses"},
		{"somewhat", []string{"smoewaht", "nothing"}, "smoewaht"},
		{"somewhat", []string{"smoewaht", "somewha"}, "somewha"},
		{"somewhat", []string{"omewha_", "osmweath"}, "omewha_"},
		{strings.Repeat("x", 101), []string{strings.Repeat("x", 99) + "y"}, ""},
	}
	for _, test := range tests {
		if got := diag.Suggest(test.name, test.candidates); got != test.want {
			t.Errorf("Suggest(%q, %q) = %q, not %q", test.name, test.candidates, got, test.want)
		}
	}
	if got := diag.Suggest("msg", []string{"condition", "message"}); got != "message" {
		t.Errorf("the name without vowels suggests %q", got)
	}
	if got := diag.Suggest("rlod", []string{"resolved", "reload"}); got != "reload" {
		t.Errorf("%q", got)
	}
	if got := diag.DidYouMean("fiel", []string{"file"}); got != ` Did you mean "file"?` {
		t.Errorf("%q", got)
	}
	many := map[string]bool{}
	for i := range diag.MostCandidates {
		many[fmt.Sprint("name", i)] = true
	}
	if got := diag.Suggest("nam7", diag.Candidates(many)); got != "name7" {
		t.Errorf("of many names: %q", got)
	}
	many["one more"] = true
	if got := diag.Candidates(many); got != nil {
		t.Errorf("%d names are not too many", len(got))
	}
	if got := diag.Suggest("nam", append(slices.Repeat([]string{"x"}, diag.MostCandidates), "name")); got != "" {
		t.Errorf("of too many names: %q", got)
	}
	if got := diag.DidYouMean("fiel", nil); got != "" {
		t.Errorf("%q", got)
	}
}

func mustExpression(t *testing.T, src string) hcl.Expression {
	t.Helper()
	expr, diags := hclsyntax.ParseExpression([]byte(src), "site.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return expr
}
