package lang_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"

	"runner/lang"
	"runner/lang/diag"
)

// console is one for the site in which everything can be seen.
func console(t testing.TB) *lang.Console {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.hcl")
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(oneArgument, "EXPR", "null")), 0o600); err != nil {
		t.Fatal(err)
	}
	site, files, diags := lang.Load(path, options())
	if diags.HasErrors() {
		t.Fatal(text(files, diags))
	}
	return site.Console()
}

func TestConsole(t *testing.T) {
	c := console(t)
	for _, test := range []struct{ text, want string }{
		{`1 + 1`, "2"},
		{`host.h["a"].vars.a.b[0]`, `"c"`},
		{`local.l.c`, "1"},
		{`local.h.name`, `"h[\"b\"]"`},
		{`local.f.a.arch`, "(known after apply)"},
		{`local.f.a.env`, "(sensitive)"},
		{`var.s`, "(sensitive)"},
		{`[var.s, upper(var.s)]`, "[\n  (sensitive),\n  (sensitive),\n]"},
		{`chain.c`, "chain.c"},
		{`job.j.task.command.c`, "(known after apply)"},
		{`run.id`, "(known after apply)"},
		{`path.site == path.module`, "true"},
		{`host.localhost.name`, `"localhost"`},
		{`[for h in host.h : h.labels.x]`, "[\n  \"y\",\n  \"y\",\n]"},
		{"<<EOT\nx\nEOT\n", "<<EOT\nx\nEOT"},
	} {
		got, some, diags := c.Evaluate([]byte(test.text), "x", hcl.InitialPos)
		if len(diags) > 0 || !some || got != test.want {
			t.Errorf("%s is %s (%v), not %s: %v", test.text, got, some, test.want, diags)
		}
	}
	for _, blank := range []string{"", " \n", "# x", "/* x\n */"} {
		if got, some, diags := c.Evaluate([]byte(blank), "x", hcl.InitialPos); some || len(diags) > 0 {
			t.Errorf("%q is %q: %v", blank, got, diags)
		}
	}
	for _, name := range []string{"var.s", "local.l", "chain.c", `host.h["a"].address`, "host.localhost.name", "job.j.task.command.c", "upper(", "run.id"} {
		if !slices.Contains(c.Names(), name) {
			t.Errorf("%s is not among the names", name)
		}
	}
}

// What is wrong is told with the codes, places and suggestions that the same expression has in a site.
func TestConsoleErrors(t *testing.T) {
	c := console(t)
	start := hcl.Pos{Line: 3, Column: 1, Byte: 20}
	for _, test := range []struct {
		text string
		code diag.Code
		says string
		at   int // byte
	}{
		{"loca.l", diag.UnknownReference, `Did you mean "local"`, 20},
		{"1 + local.x", diag.UnknownReference, `no local "x"`, 24},
		{"uper(1)", diag.UnknownFunction, `Did you mean "upper"`, 20},
		{"self.name", diag.UnknownReference, "The console cannot use", 20},
		{"task.command.c.stdout", diag.UnknownReference, "only known inside jobs", 20},
		{"host.h.address", diag.UnknownReference, `host.h["KEY"].address`, 20},
		{"host.h[\"z\"].name", diag.UnknownReference, `no "z"`, 26},
		{"1 +", diag.Syntax, "Expected a value", 23},
		{"1 + \"x\"", diag.Evaluate, "takes number here, but this is string", 24},
		{"parseint(var.s, 10)", diag.Evaluate, "", 29},
		{"templatestring(\"$${nope}\", {})", diag.Template, "nope", -1},
	} {
		got, some, diags := c.Evaluate([]byte(test.text), "typed", start)
		if some || len(diags) != 1 {
			t.Errorf("%s is %s: %v", test.text, got, diags)
			continue
		}
		d := diags[0]
		if diag.CodeOf(d) != test.code || !strings.Contains(d.Detail, test.says) || strings.Contains(d.Error(), "secret") {
			t.Errorf("%s: [%s] %s", test.text, diag.CodeOf(d), d.Detail)
		}
		if test.at >= 0 && (d.Subject == nil || d.Subject.Filename != "typed" || d.Subject.Start.Byte != test.at || d.Subject.Start.Line != 3) {
			t.Errorf("%s: it is placed at %v", test.text, d.Subject)
		}
	}
}

// G35: what is typed is guarded like what stands in files.
func TestG35Console(t *testing.T) {
	c := console(t)
	for _, text := range []string{
		strings.Repeat("[", 100_000), strings.Repeat("-", 100_000) + "1", strings.Repeat("f(", 10_000), `"` + strings.Repeat("${", 5000),
		`format("%999999999s", "x")`, `range(1e9)`, `join("", [for i in range(1024) : join("", [for j in range(1024) : "0123456789abcdef0123456789abcdef"])])`,
		`[for a in range(1000) : [for b in range(1000) : [for c in range(1000) : 1]]]`, "1e99999999999",
	} {
		began := time.Now()
		got, some, diags := c.Evaluate([]byte(text), "typed", hcl.InitialPos)
		if some || !diags.HasErrors() {
			t.Errorf("%.40s is %.40s", text, got)
		}
		if took := time.Since(began); took > 5*time.Second { // far more than it takes, for machines that are busy
			t.Errorf("%.40s took %s", text, took)
		}
	}
}

// FuzzConsole types anything: there is a value, or errors, or nothing, and never what is sensitive.
func FuzzConsole(f *testing.F) {
	for _, seed := range []string{
		`self.name`, `[for h in host.h : h.address]`, `job.j.task.command.c`, `local.l`, `var.s`, `host`, `chain.c`, `host.h["a"]`, "<<EOT\n${var.s}\nEOT\n",
		`"${jsonencode(host.h)}"`, `try(local.f.a.arch, 1)`, `toset([for h in host.h : h])`, `{ (var.s) = 1 }`, `parseint(var.s, 10)`, `[host.h...]`,
	} {
		f.Add(seed)
	}
	c := console(f)
	f.Fuzz(func(t *testing.T, text string) {
		if isSpecial(text) || strings.Contains(text, "nonsensitive") || strings.Contains(text, "secret") {
			t.Skip("slow on purpose, never the same, or shows what is sensitive on purpose")
		}
		got, some, diags := c.Evaluate([]byte(text), "typed", hcl.InitialPos)
		if some == diags.HasErrors() && some {
			t.Errorf("%q is %s, with errors: %v", text, got, diags)
		}
		if strings.Contains(got, "secret") || strings.Contains(diags.Error(), "secret") {
			t.Errorf("%q shows what is sensitive: %s %v", text, got, diags)
		}
		for _, d := range diags {
			if d.Detail == "" || diag.CodeOf(d) == "" || d.Subject == nil {
				t.Errorf("%q: %+v", text, d)
			}
		}
	})
}
