package lang_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"runner/lang"
	"runner/lang/diag"
)

// value loads a site with one variable, x, and returns its value as JSON, or the codes of the errors.
func value(t *testing.T, declaration string, files map[string]string, o lang.Options) string {
	t.Helper()
	all := map[string]string{"site.hcl": "variable \"x\" {\n" + declaration + "\n}\noutput \"x\" {\n  value     = var.x\n  sensitive = true\n}\n"}
	maps.Copy(all, files)
	dir := write(t, all)
	for i, v := range o.Vars {
		if v.File != "" {
			o.Vars[i].File = filepath.Join(dir, v.File)
		}
	}
	site, _, diags := lang.Load(dir, o)
	if diags.HasErrors() {
		var codes []string
		for _, d := range diags {
			codes = append(codes, string(diag.CodeOf(d)))
		}
		return strings.Join(codes, " ")
	}
	v, _, _ := site.Output(site.Outputs[0], unknown{})
	return show(v)
}

func TestVariablesPrecedence(t *testing.T) {
	environ := []string{"RUNNER_VAR_x=env", "RUNNER_VAR_other=ignored", "x=no"}
	auto := map[string]string{"b.auto.vars.hcl": `x = "auto b"`, "a.auto.vars.hcl": `x = "auto a"`, "c.auto.vars.hcl.json": `{"x": "auto ${c}"}`, "f.vars.hcl": `x = "file f"`, "g.vars.hcl.json": `{"x": "file g"}`}
	only := map[string]string{"f.vars.hcl": `x = "file f"`, "g.vars.hcl.json": `{"x": "file g"}`}
	f, g := lang.VarInput{File: "f.vars.hcl"}, lang.VarInput{File: "g.vars.hcl.json"}
	one, two := lang.VarInput{Name: "x", Value: "flag one"}, lang.VarInput{Name: "x", Value: "flag two"}
	for _, test := range []struct {
		want    string
		files   map[string]string
		environ []string
		vars    []lang.VarInput
	}{
		{`"default"`, nil, nil, nil},
		{`"env"`, only, environ, nil},
		{`"auto ${c}"`, auto, environ, nil},
		{`"file f"`, auto, environ, []lang.VarInput{f}},
		{`"file g"`, auto, environ, []lang.VarInput{f, g}},
		{`"file f"`, auto, environ, []lang.VarInput{g, f}},
		{`"flag one"`, auto, environ, []lang.VarInput{f, one}},
		{`"flag one"`, auto, environ, []lang.VarInput{one, f}},
		{`"flag two"`, auto, environ, []lang.VarInput{one, g, two}},
	} {
		if got := value(t, "type = string\ndefault = \"default\"", test.files, lang.Options{Environ: test.environ, Vars: test.vars}); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}

func TestVariablesReading(t *testing.T) {
	for _, test := range []struct{ declaration, text, want string }{
		// Text, for a variable of type string or without a type.
		{"type = string", "[1, 2", `"[1, 2"`},
		{"type = string", "", `""`},
		{"type = string", "null", `"null"`},
		{"", "true", `"true"`},
		{"", `"quoted"`, `"\"quoted\""`},
		// An expression, for all others.
		{"type = number", "12", "12"},
		{"type = number", `"12"`, "12"},
		{"type = bool", "true", "true"},
		{"type = bool", "null", "null"},
		{"type = any", "[1, 2]", "[1,2]"},
		{"type = any", "text", "evaluate"},
		{"type = list(string)", `["a", 1]`, `["a","1"]`},
		{"type = set(string)", `["b", "a", "b"]`, `["a","b"]`},
		{"type = map(number)", `{ a = 1, "b" = "2" }`, `{"a":1,"b":2}`},
		{"type = object({ a = string, b = optional(number, 3) })", `{ a = "x" }`, `{"a":"x","b":3}`},
		{"type = tuple([string, number])", `["x", 1]`, `["x",1]`},
		{"type = number", "x", "evaluate"},
		{"type = string", "a\xff", "invalid_variable"},
		{"type = number", "[", "syntax"},
		{"type = number", `"x"`, "wrong_type"},
		{"type = number", "max(1, 2)", "evaluate"},
		{"type = number\nnullable = false", "null", "invalid_variable"},
		{"type = number\nnullable = false\ndefault = 3", "null", "3"},
		{"type = number\ndefault = 3", "null", "null"},
		{"type = object({ a = string })", `{}`, "wrong_type"},
		{"type = any", strings.Repeat("[", 10_000), "too_deep"},
		{"type = any", "1e99999", "too_large"},
	} {
		environ := lang.Options{Environ: []string{"RUNNER_VAR_x=" + test.text}}
		if got := value(t, test.declaration, nil, environ); got != test.want {
			t.Errorf("%s from the environment %.20q: got %s, want %s", test.declaration, test.text, got, test.want)
		}
		flag := lang.Options{Vars: []lang.VarInput{{Name: "x", Value: test.text}}}
		if got := value(t, test.declaration, nil, flag); got != test.want {
			t.Errorf("%s from --var %.20q: got %s, want %s", test.declaration, test.text, got, test.want)
		}
	}
}

func TestVariablesErrors(t *testing.T) {
	for name, test := range map[string]struct {
		o           lang.Options
		code, says  string
		declaration string
	}{
		"misspelt flag": {lang.Options{Vars: []lang.VarInput{{Name: "relaese", Value: "1"}}}, "unknown_variable", `Did you mean "release"?`, "default = 1"},
		"misspelt in the environment": {
			lang.Options{Environ: []string{"RUNNER_VAR_relase=1", "RUNNER_VAR_port=2", "RUNNER_VAR_=3"}},
			"unknown_variable", `Warning: Unknown variable [unknown_variable]

The environment has RUNNER_VAR_relase, but the site declares no variable "relase". Did you mean "RUNNER_VAR_release"?`, "default = 1",
		},
		"no number": {
			lang.Options{Vars: []lang.VarInput{{Name: "release", Value: "abc"}}},
			"evaluate", `The variable "release" takes number, but this is "abc". Write it as in --var release=8080.`, "type = number",
		},
		"no list": {
			lang.Options{Vars: []lang.VarInput{{Name: "release", Value: "a,b"}}},
			"syntax", `The variable "release" takes list(string), but this is "a,b". Write it as in --var 'release=["a", "b"]'.`, "type = list(string)",
		},
		"no value": {
			lang.Options{Environ: []string{"RUNNER_VAR_release="}},
			"syntax", `The variable "release" takes bool, but this is empty. Write it as in RUNNER_VAR_release=true.`, "type = bool",
		},
		"a secret that cannot be read": {
			lang.Options{Vars: []lang.VarInput{{Name: "release", Value: "hunter2"}}},
			"evaluate", `The variable "release" takes map(string), but this is something else. Write it as in`, "type = map(string)\nsensitive = true",
		},
		"a set that is too large": {
			lang.Options{Vars: []lang.VarInput{{Name: "release", Value: "[" + numbered(20_000, `"x%d",`) + "]"}}},
			"too_large", `The variable "release" cannot hold this: a set can have at most 16384 elements`, "type = set(string)",
		},
		"a set in it that is too large": {
			lang.Options{Vars: []lang.VarInput{{Name: "release", Value: "[[" + numbered(20_000, `"x%d",`) + "]," + strings.Repeat("[],", 40) + "]"}}},
			"too_large", `The variable "release" cannot hold this: a set can have at most 16384 elements`, "type = list(set(string))",
		},
		"too many types": {
			lang.Options{Vars: []lang.VarInput{{Name: "release", Value: "[" + numbered(2000, `{x%d=1},`) + "]"}}},
			"too_large", `more than 1000 elements of more than 32 types cannot be made one collection`, "type = list(any)",
		},
		"no file": {lang.Options{Vars: []lang.VarInput{{File: "/nothing/x.vars.hcl"}}}, "unreadable", "/nothing/x.vars.hcl", ""},
		"validation": {
			lang.Options{Vars: []lang.VarInput{{Name: "release", Value: "9"}}},
			"invalid_variable", "must be 1, not 9",
			"default = 1\nvalidation {\n  condition     = var.release == 1\n  error_message = \"must be 1, not ${var.release}.\"\n}",
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := write(t, map[string]string{"a.hcl": "variable \"release\" {\n" + test.declaration + "\n}\n"})
			_, files, diags := lang.Load(dir, test.o)
			if len(diags) != 1 || string(diag.CodeOf(diags[0])) != test.code || !strings.Contains(text(files, diags), test.says) {
				t.Errorf("%v\n%s", diags, text(files, diags))
			}
		})
	}
}

// numbered repeats a text with numbers in it.
func numbered(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// TestNoSite has paths that hold no site.
func TestNoSite(t *testing.T) {
	dir := write(t, map[string]string{"empty/x.txt": "", "a.vars.hcl": "x = 1", "b.txt": "", "sub.hcl/x": ""})
	for _, name := range []string{"nothing", "empty", "a.vars.hcl", "b.txt"} {
		_, files, diags := lang.Load(filepath.Join(dir, name), options())
		if len(diags) != 1 || diag.CodeOf(diags[0]) != diag.NoSite || files == nil {
			t.Errorf("%s: %v", name, diags)
		}
	}
}

// One mistake in JSON syntax is one error.
func TestJSONErrorsOnce(t *testing.T) {
	for _, src := range []string{
		``, `{`, `{"job": {"web": {"hosts": ["${host.localhost}"],`, `{'job': 1}`, `{"locals": {"a": 1,}}`, `"x"`, `{"job": "x"}`, `{"job": {"a": "x"}}`,
	} {
		_, files, diags := lang.Load(write(t, map[string]string{"x.hcl.json": src}), options())
		if len(diags) != 1 || diags[0].Subject.Start.Line != 1 {
			t.Errorf("%s: %s", src, text(files, diags))
		}
	}
}

// TestJSONErrors has errors in JSON syntax, where no comment can name them.
func TestJSONErrors(t *testing.T) {
	for _, test := range []struct{ src, code, at string }{
		{`{"hosts": {}}`, "unknown_argument", `"hosts"`},
		{`{"job": {"x": {"hosts": [], "task": {"ansible_module": {"a": {}}}}}}`, "not_supported", `"ansible_module"`},
		{`{"job": {"x": {"hosts": "${host.nothing}"}}}`, "unknown_reference", `host.nothing`},
		{`{"job": {"x": {"hosts": "host.localhost"}}}`, "wrong_type", `host.localhost`},
		{`{"job": {"x": {"hosts": [], "depends_on": ["job.y"]}}}`, "unknown_reference", `job.y`},
		{`{"job": {"x": {"hosts": [], "task": {"comand": {"a": {}}}}}}`, "unknown_action", `"comand"`},
		{`{"job": {"x": {"hosts": [], "task": {"file": {"a": {"path": "/x", "mode": "9"}}}}}}`, "invalid_value", `9`},
		{`{"variable": {"x": {"type": "strng", "default": ""}}}`, "invalid_type", `strng`},
		{`{"locals": {"x": "${1 +}"}}`, "syntax", "}"},
		{`{"locals": {"//": "a remark", "a b": 1}}`, "invalid_name", `"a b"`},
		{`{"locals": {"a": 1, "${x}": 1}}`, "invalid_name", `"${x}"`},
		{`{"locals": {"x": [1, }}`, "syntax", "}}"},
		{`{"host": {"a": 1}}`, "decode", "1"},
		{`{"locals": {"x": "${` + strings.Repeat("[", 1000) + `}"}}`, "too_deep", `"`},
		{`{"locals": {"x": [[` + strings.Repeat("[", 1000) + `}"}}`, "too_deep", `[`},
	} {
		dir := write(t, map[string]string{"x.hcl.json": test.src})
		_, files, diags := lang.Load(dir, options())
		if len(diags) == 0 || string(diag.CodeOf(diags[0])) != test.code {
			t.Errorf("%.80s: %s", test.src, text(files, diags))
			continue
		}
		if s := diags[0].Subject; !strings.HasPrefix(test.src[s.Start.Byte:], test.at) {
			t.Errorf("%.80s: at %.20q, not %s", test.src, test.src[s.Start.Byte:], test.at)
		}
	}
}
