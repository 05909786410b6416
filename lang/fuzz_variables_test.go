package lang_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"runner/lang"
	"runner/lang/diag"
)

// inside expects the range of a diagnostic in the file that it names, where that was read.
func inside(t *testing.T, files map[string]*hcl.File, d *hcl.Diagnostic) {
	t.Helper()
	s := d.Subject
	if s == nil || s.Start.Line == 0 || files[s.Filename] == nil || diag.ExtraOf(d).Source != nil {
		return
	}
	if n := len(files[s.Filename].Bytes); s.Start.Byte < 0 || s.End.Byte < s.Start.Byte || s.End.Byte > n {
		t.Errorf("%s: from %d to %d of %d bytes", d.Summary, s.Start.Byte, s.End.Byte, n)
	}
}

// FuzzVariables gives values to variables in each of the ways there are. Whatever they are, errors have codes and
// places, and none shows the value of the sensitive one.
func FuzzVariables(f *testing.F) {
	for _, seed := range []string{`1`, `"x"`, `[1, "a"]`, `{ a = 1, b = ["c"] }`, `null`, `1e9`, `[[[]]]`, `{ a = {} }`, `"${1}"`, "<<E\nx\nE\n", `"\u00`, `abs(1)`, `var.a`, `{"a": [1]}`} {
		f.Add(seed)
	}
	dir := f.TempDir()
	const canary = "canary-7f3a"
	if err := writeFile(filepath.Join(dir, "x.hcl"), variablesOfAllTypes); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if isSpecial(text) || strings.ContainsRune(text, 0) {
			return // slow on purpose, or cannot be in an environment
		}
		native, json := filepath.Join(dir, "v.vars.hcl"), filepath.Join(dir, "v.vars.json")
		for _, name := range []string{"any", "list", "object", "secret"} {
			if err := writeFile(native, name+" = "+text+"\n"); err != nil {
				t.Fatal(err)
			}
			if err := writeFile(json, `{"`+name+`": `+text+"}"); err != nil {
				t.Fatal(err)
			}
			for _, o := range []lang.Options{
				{Environ: []string{"RUNNER_VAR_" + name + "=" + text}},
				{Vars: []lang.VarInput{{Name: name, Value: text}}},
				{Vars: []lang.VarInput{{File: native}}},
				{Vars: []lang.VarInput{{File: json}}},
				{Vars: []lang.VarInput{{Name: "secret", Value: `["` + canary + `", ` + text}}},
			} {
				o.Catalog = options().Catalog
				site, files, diags := lang.Load(dir, o)
				if diags.HasErrors() != (site == nil) {
					t.Fatalf("site: %v, errors: %v", site != nil, diags)
				}
				var shown strings.Builder
				_ = diag.Printer{Files: files, Width: 80}.Print(&shown, diags)
				if strings.Contains(shown.String(), canary) {
					t.Errorf("it shows what is sensitive: %s", &shown)
				}
				for _, d := range diags {
					if diag.ExtraOf(d).Code == "" || d.Summary == "" || d.Detail == "" {
						t.Errorf("without code or words: %+v", d)
					}
					inside(t, files, d)
				}
			}
		}
	})
}

const variablesOfAllTypes = `
variable "any" {
  default = null
}
variable "list" {
  type    = list(number)
  default = []
}
variable "object" {
  type    = map(object({ a = optional(list(string), ["x"]), b = optional(object({ c = optional(number, 1) }), {}) }))
  default = {}
}
variable "secret" {
  type      = list(object({ a = number }))
  default   = []
  sensitive = true
}
`
