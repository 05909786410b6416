package lang_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestNeeds says of expressions which facts they need: all that the value depends on, and of hosts that are only named
// no more.
func TestNeeds(t *testing.T) {
	const a, b = `h["a"]`, `h["b"]`
	for expression, want := range map[string]string{
		`self.name`:                                      "",
		`self.facts.arch`:                                "self",
		`self["facts"].arch`:                             "self",
		`self[join("", ["fa", "cts"])].arch`:             "self",
		`(self).facts.arch`:                              "self",
		`self`:                                           "self",
		`self[*].name`:                                   "",
		`[for k, v in self : k]`:                         "",
		`[for k, v in self : v]`:                         "self",
		`[for h in [self] : h.name]`:                     "",
		`[for h in [self] : h.facts.arch]`:               "self",
		`{ a = self }.a.name`:                            "",
		`{ a = self }.a.facts`:                           "self",
		`keys(self)`:                                     "self", // taken apart
		`jsonencode(self)`:                               "self",
		`"${jsonencode(self.vars)}"`:                     "",
		`try(self.facts.arch, 1)`:                        "self",
		`can(self.facts.arch)`:                           "self",
		`host.h["a"].address`:                            "",
		`host.h["a"].facts.arch`:                         a,
		`host.h.a.facts.arch`:                            a,
		`host.h[self.name == "" ? "a" : "b"].facts.arch`: a + " " + b,
		`host.h`:                           a + " " + b,
		`length(host.h)`:                   "",
		`keys(host.h)`:                     "",
		`[for h in host.h : h.address]`:    "",
		`[for h in host.h : h.facts.cpus]`: a + " " + b,
		`[for h in host.h : h.name if h.facts.cpus > 1]`:                a + " " + b,
		`values(host.h)[*].name`:                                        "",
		`values(host.h)[*].facts.cpus`:                                  a + " " + b,
		`[for h in concat(values(host.h), [host.localhost]) : h.name]`:  "",
		`[for h in concat(values(host.h), [host.localhost]) : h.facts]`: a + " " + b + " localhost",
		`merge(host.h, { c = host.localhost })["a"].name`:               "",
		`element(values(host.h), 0).name`:                               "",
		`flatten([values(host.h)])[0].facts.arch`:                       a + " " + b,
		`local.names`:                        "",
		`local.facts.a.arch`:                 a + " " + b,
		`local.one.name`:                     "",
		`local.one.facts.arch`:               b,
		`(var.c ? self : host.h["a"]).name`:  "",
		`(var.c ? self : host.h["a"]).facts`: "self " + a,
		`var.c ? local.one : host.localhost`: b + " localhost",
		`self.name == host.h["a"].name`:      "",
	} {
		site := load(t, write(t, map[string]string{"x.hcl": strings.ReplaceAll(needsSite, "EXPR", expression)}), options())
		task := site.Jobs[0].Tasks[0]
		got := task.Facts
		if task.SelfFacts {
			got = append([]string{"self"}, got...)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s needs %q, not %q", expression, got, want)
		}
		before, diags1 := site.Expand(task, site.Hosts[0], unknown{})
		after, diags2 := site.Expand(task, site.Hosts[0], everything{})
		switch {
		case len(diags1)+len(diags2) > 0 || len(after[0].Unknown) > 0:
			t.Errorf("%s is %v with all facts %s", expression, after, text(nil, append(diags1, diags2...)))
		case want == "" && (fmt.Sprint(before) != fmt.Sprint(after) || len(before[0].Unknown) > 0):
			t.Errorf("%s is %v before and %v after", expression, before, after)
		}
	}
}

// TestConstantParts expands a task whose arguments have parts that are constant and parts that a run changes.
func TestConstantParts(t *testing.T) {
	site := load(t, write(t, map[string]string{"x.hcl": strings.ReplaceAll(needsSite, "EXPR", `[
    self.name, length(host.h), values(host.h)[1].name, values(host.h)[1].facts.arch, [for h in host.h : h.facts.arch], local.one.facts.arch,
    length(local.names), upper(self.name),
  ]`)}), options())
	for _, arch := range []string{"x86_64", "aarch64"} {
		facts := map[string]any{"arch": arch}
		state := known{facts: map[string]map[string]any{`h["a"]`: facts, `h["b"]`: facts}}
		for _, h := range site.Hosts {
			in, diags := site.Expand(site.Jobs[0].Tasks[0], h, state)
			want := fmt.Sprint([]any{h.Name, 2, `h["b"]`, arch, []any{arch, arch}, arch, 2, strings.ToUpper(h.Name)})
			if got := fmt.Sprint(in[0].Args["interpreter"]); len(diags) > 0 || got != want {
				t.Errorf("%s, not %s %s", got, want, text(nil, diags))
			}
		}
	}
}

const needsSite = `
variable "c" {
  default = true
}
locals {
  names = [for h in host.h : h.name]
  facts = { for k, h in host.h : k => h.facts }
  one   = host.h["b"]
}
host "h" {
  for_each = toset(["a", "b"])
  vars     = { x = 1 }
  hop "local" {}
}
job "j" {
  hosts = host.h
  task "shell" "s" {
    script      = "x"
    interpreter = EXPR
  }
}
`
