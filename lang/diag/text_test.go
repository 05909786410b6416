package diag_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"runner/lang/diag"
)

const site = `variable "release" {}

job "web" {
	task "file" "conf" {
		paht = "/etc/x"
	}
}
`

// rangeOf is the range of the first occurrence of a text.
func rangeOf(t *testing.T, src, text string) hcl.Range {
	t.Helper()
	at := strings.Index(src, text)
	if at < 0 {
		t.Fatalf("%q is not there", text)
	}
	pos := func(offset int) hcl.Pos {
		before := src[:offset]
		return hcl.Pos{
			Line:   1 + strings.Count(before, "\n"),
			Column: 1 + offset - (strings.LastIndex(before, "\n") + 1),
			Byte:   offset,
		}
	}
	return hcl.Range{Filename: "site.hcl", Start: pos(at), End: pos(at + len(text))}
}

func TestText(t *testing.T) {
	file := parse(t, site)
	files := map[string]*hcl.File{"site.hcl": file}
	unknown := diag.Errorf(diag.UnknownArgument, rangeOf(t, site, "paht"), "Unknown argument",
		`Action "file" takes no argument "paht". Did you mean "path"?`)
	tests := []struct {
		name    string
		printer diag.Printer
		d       *hcl.Diagnostic
		want    string
	}{
		{"plain", diag.Printer{Files: files}, unknown, `Error: Unknown argument [unknown_argument]

  on site.hcl line 5, in job "web", task "file" "conf":
  5:         paht = "/etc/x"
             ^^^^

Action "file" takes no argument "paht". Did you mean "path"?
`},
		{
			"color",
			diag.Printer{Files: files, Color: true},
			unknown,
			"\x1b[31mError\x1b[0m: \x1b[1mUnknown argument\x1b[0m [unknown_argument]\n\n" +
				"  on site.hcl line 5, in job \"web\", task \"file\" \"conf\":\n" +
				"  5:         paht = \"/etc/x\"\n             \x1b[31m^^^^\x1b[0m\n\n" +
				"Action \"file\" takes no argument \"paht\". Did you mean \"path\"?\n",
		},
		{"narrow", diag.Printer{Files: files, Width: 30}, unknown, `Error: Unknown argument [unknown_argument]

  on site.hcl line 5, in
  job "web",
  task "file" "conf":
  5:         paht = "/etc/x"
             ^^^^

Action "file" takes no
argument "paht". Did you mean
"path"?
`},
		{"no source", diag.Printer{}, unknown, `Error: Unknown argument [unknown_argument]

  on site.hcl line 5

Action "file" takes no argument "paht". Did you mean "path"?
`},
		{"hidden", diag.Printer{Files: files}, diag.HideSource(hcl.Diagnostics{unknown})[0], `Error: Unknown argument [unknown_argument]

  on site.hcl line 5, in job "web", task "file" "conf"

Action "file" takes no argument "paht". Did you mean "path"?
`},
		{
			"run time",
			diag.Printer{Files: files},
			diag.At(hcl.Diagnostics{unknown}, `web["a"]`, "job.web.task.file.conf")[0],
			`Error: Unknown argument [unknown_argument]

  on host web["a"], in job.web.task.file.conf
  on site.hcl line 5, in job "web", task "file" "conf":
  5:         paht = "/etc/x"
             ^^^^

Action "file" takes no argument "paht". Did you mean "path"?
`,
		},
		{
			"no place",
			diag.Printer{},
			diag.Warningf(diag.NoSite, hcl.Range{}, "No site", "There is nothing here."),
			"Warning: No site [no_site]\n\nThere is nothing here.\n",
		},
		{
			"two lines",
			diag.Printer{Files: files},
			diag.Errorf(diag.Decode, rangeOf(t, site, "task \"file\" \"conf\" {\n\t\tpaht"), "S", "D."),
			`Error: S [decode]

  on site.hcl line 4, in job "web", task "file" "conf":
  4:     task "file" "conf" {
         ^^^^^^^^^^^^^^^^^^^^
  5:         paht = "/etc/x"
             ^^^^

D.
`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := test.printer.Text(test.d); got != test.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, test.want)
			}
		})
	}
}

func TestTextLongLines(t *testing.T) {
	src := "a = \"" + strings.Repeat("x", 200) + "\" + wrong + \"" + strings.Repeat("漢", 200) + "\"\n"
	d := diag.Errorf(diag.Evaluate, rangeOf(t, src, "wrong"), "S", "D.")
	p := diag.Printer{Files: map[string]*hcl.File{"site.hcl": {Bytes: []byte(src)}}, Width: 60}
	lines := strings.Split(p.Text(d), "\n")
	text, under := lines[3], lines[4]
	if n := len([]rune(text)); n > 60 || !strings.Contains(text, "wrong") || strings.Count(text, "…") != 2 {
		t.Errorf("%d columns: %s", n, text)
	}
	at := strings.Index(under, "^")
	if string([]rune(text)[at:at+5]) != "wrong" || strings.Count(under, "^") != 5 {
		t.Errorf("the marks are off:\n%s\n%s", text, under)
	}
}

func TestTextManyLines(t *testing.T) {
	src := "a = [\n" + strings.Repeat("  1,\n", 50) + "]\n"
	d := diag.Errorf(diag.Evaluate, rangeOf(t, src, strings.TrimSuffix(src, "\n")), "S", "D.")
	text := diag.Printer{Files: map[string]*hcl.File{"site.hcl": {Bytes: []byte(src)}}}.Text(d)
	if strings.Count(text, "\n") > 20 || !strings.Contains(text, " …\n  52: ]") {
		t.Error(text)
	}
}

// An empty range, at the end of a line or of the file, is marked too.
func TestTextEmptyRange(t *testing.T) {
	for _, src := range []string{"a = \n", "a = "} {
		rng := rangeOf(t, src, "a = ")
		rng.Start = rng.End
		text := diag.Printer{Files: map[string]*hcl.File{"site.hcl": {Bytes: []byte(src)}}}.Text(diag.Errorf(diag.Syntax, rng, "S", "D."))
		if !strings.Contains(text, "  1: a =\n         ^\n") {
			t.Errorf("%q:\n%s", src, text)
		}
	}
}

// The values that an expression saw are shown; G36: sensitive ones are not.
func TestTextValues(t *testing.T) {
	ctx := &hcl.EvalContext{Variables: map[string]cty.Value{
		"each":  cty.ObjectVal(map[string]cty.Value{"key": cty.StringVal("a\x1b"), "value": cty.NumberIntVal(12)}),
		"var":   cty.ObjectVal(map[string]cty.Value{"password": cty.StringVal("hunter2").Mark("sensitive"), "list": cty.ListValEmpty(cty.String)}),
		"local": cty.ObjectVal(map[string]cty.Value{"later": cty.UnknownVal(cty.String)}),
	}}
	src := `each.key + each.value + var.password + var.list + local.later`
	diags := diag.Own(evaluate(t, src, ctx), diag.Evaluate)
	if len(diags) == 0 {
		t.Fatal("no error")
	}
	diags[0].Expression = mustExpression(t, src)
	diags[0].EvalContext = ctx
	text := diag.Printer{}.Text(diags[0])
	want := `  with each.key = "a\x1b"
  with each.value = 12
  with local.later (known after apply)
  with var.list a list with 0 elements
  with var.password (sensitive)
`
	if !strings.Contains(text, want) {
		t.Errorf("lacks:\n%s\ngot:\n%s", want, text)
	}
	if strings.Contains(text, "hunter2") {
		t.Error("the password is shown")
	}
}

// A line on which a sensitive value is written out is not shown; others that have to do with one are.
func TestWrittenSecret(t *testing.T) {
	for text, shown := range map[string]bool{
		`a = sensitive("hunter2") + 1`:    false,
		`a = sensitive( [ "hunter2" ]).x`: false,
		`a = sensitive(`:                  false,
		`a = nonsensitive("public") + 1`:  true,
		`a = sensitive(var.x) + 1`:        true,
	} {
		d := diag.Errorf(diag.Evaluate, hcl.Range{Filename: "x.hcl", Start: hcl.Pos{Line: 1, Column: 1}, End: hcl.Pos{Line: 1, Column: 2, Byte: 1}}, "Wrong", "It is.")
		var out strings.Builder
		if err := (diag.Printer{Files: map[string]*hcl.File{"x.hcl": {Bytes: []byte(text)}}}).Print(&out, hcl.Diagnostics{d}); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), text) != shown {
			t.Errorf("%s: %s", text, out.String())
		}
	}
}
