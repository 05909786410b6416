package lang_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"

	"runner/lang"
	"runner/lang/diag"
	"runner/lang/inventory"
)

// FuzzSite loads anything as a site: whatever it is, there is a site or there are errors, each with a code and words,
// and what loads can be evaluated.
func FuzzSite(f *testing.F) {
	for _, dir := range []string{"testdata/valid", "testdata/invalid"} {
		for _, pattern := range []string{"*.hcl", "*.json", "*/*.hcl", "*/*.json"} {
			files, _ := filepath.Glob(filepath.Join(dir, pattern))
			for _, file := range files {
				if strings.Contains(file, "loops") || strings.Contains(file, "laughs") {
					continue // take their time
				}
				text, err := os.ReadFile(file)
				if err != nil {
					f.Fatal(err)
				}
				f.Add(string(text), strings.HasSuffix(file, ".json"))
			}
		}
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string, isJSON bool) {
		name := "x.hcl"
		if isJSON {
			name = "x.hcl.json"
		}
		if isSpecial(text) {
			return // slow on purpose, or never the same
		}
		tryBytes(t, filepath.Join(dir, name), text)
	})
}

// FuzzExpression puts an expression where it sees everything.
func FuzzExpression(f *testing.F) {
	for _, seed := range []string{
		`self.name`, `[for h in host.h : h.address]`, `task.command.c.stdout`, `task.command.e["x"].changed`, `local.l`, `var.s`,
		`"${self.facts.arch}-${host.h["a"].facts.cpus}"`, `values(host.h)[*].facts.env`, `merge(self.vars, { a = run.id })`,
		`{ for k, r in task.command.e : k => r.stdout if r.exit_code == 0 }`, `[for h in values(host.h) : { n = h.name, a = h }][*].n`,
		`[for h in [self] : h.facts.arch]`, `lookup(host.h, "a", self).address`, `merge(host.h["a"], { facts = 1 }).facts`, `{ a = self }["a"]["facts"]["arch"]`,
		`one([host.h["a"]]).facts`, `element(values(host.h), 0).name`, `length(host.h)`, `keys(self)`, `values(self)[2]`, `try(self.facts.arch, 1)`, `can(self.facts.arch)`,
		`[for k, v in self : k]`, `self[*].name`, `(self).name`, `self["name"]`, `self[join("", ["fa", "cts"])].arch`, `coalesce(host.h["a"], self).name`, `self == self`,
		`flatten([[values(host.h)], self])[0].facts.arch`, `local.l.a["a"].address`, `local.f`, `local.f.a.arch`, `local.h.facts.cpus`, `local.h.name`, `[for k in keys(local.f) : k]`, `local.l.c`, `local.l.a`,
		`jsonencode(self)`, `"${jsonencode(host.h)}"`, `[for h in host.h : h if h.name == "x"]`, `[for h in host.h : h.name if h.facts.cpus > 1]`,
		`{ for h in host.h : h.name => h }["h[\"a\"]"].name`, `var.s == "" ? self : host.h["a"]`, `(var.s == "" ? self : host.h["a"]).name`, `[for x in [for y in host.h : y] : x.labels][0].x`, `try(self.nothing, host.h.a.vars.b[0], null)`, `chain.c`,
		`templatestring("$${a}", { a = self })`, `jsondecode(jsonencode(host.h))`, `host`, `path.site == "" ? var.s : sensitive(1)`,
		`host.h[self.name].labels["x"]`, `toset([for h in host.h : h])`, `self == host.h["a"]`, `[host.h...]`, `concat(values(host.h), [host.localhost])[2].name`,
	} {
		f.Add(seed)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		if strings.ContainsAny(text, "\n\r") || isSpecial(text) {
			return // leaves its line, is slow on purpose, or never the same
		}
		path := filepath.Join(dir, "x.hcl")
		tryBytes(t, path, strings.ReplaceAll(everywhere, "EXPR", text))
		tryBytes(t, path, strings.ReplaceAll(oneArgument, "EXPR", text))
	})
}

// FuzzTemplate renders anything, and takes anything for a file of a role.
func FuzzTemplate(f *testing.F) {
	for _, seed := range []string{
		"${v.x} %{ if s == \"\" }a%{ else }b%{ endif }", "%{ for k, x in v ~}\n${k}=${jsonencode(x)}\n%{ endfor ~}", "${templatefile(\"t.tftpl\", {})}", "$${v} %%{v}", "${s}",
		"${nothing.at.all}", "%{ for", "${[for x in [1] : x]}", "variable \"v\" {}\ntask \"command\" \"c\" {\n  argv = [var.v, path.module]\n}\n",
		"variable \"v\" {\n  type = number\n  validation {\n    condition = var.v > 1\n    error_message = \"no\"\n  }\n}\noutput \"o\" { value = var.v }\n",
		"role \"again\" { source = \".\" }\n", "locals { a = local.b, b = self.name }\ntry {\n  rescue {}\n}\nhandler \"command\" \"h\" { argv = [local.a] }\n",
	} {
		f.Add(seed)
	}
	dir := f.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "r"), 0o700); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if isSpecial(text) {
			return // slow on purpose, or never the same
		}
		for _, name := range []string{"t.tftpl", "r/main.hcl"} {
			if err := writeFile(filepath.Join(dir, name), text); err != nil {
				t.Fatal(err)
			}
		}
		tryBytes(t, filepath.Join(dir, "x.hcl"), fileUser)
		tryBytes(t, filepath.Join(dir, "x.hcl"), roleUser)
	})
}

// fileUser and roleUser are sites that use a file as a template, and as one of a role.
const (
	fileUser = `
variable "s" {
  default   = "secret"
  sensitive = true
}
job "j" {
  hosts = host.localhost
  task "file" "f" {
    path    = "/f"
    content = templatefile("t.tftpl", { v = { x = self.name, y = [1] }, s = var.s })
  }
}
`
	roleUser = `
job "j" {
  hosts = host.localhost
  task "command" "c" {
    argv = ["c"]
  }
  role "r" {
    source = "./r"
    v      = task.command.c.stdout
  }
  task "command" "d" {
    argv = [try(role.r.o, "")]
  }
}
`
)

// oneArgument is a site that takes any value in one place, everywhere one that has it in every place.
const (
	oneArgument = `
variable "s" {
  default   = "secret"
  sensitive = true
}
locals {
  l = { a = host.h, c = 1 }
  f = { for k, h in host.h : k => h.facts }
  h = host.h["b"]
}
chain "c" {
  hop "local" {}
}
host "h" {
  for_each = toset(["a", "b"])
  vars     = { x = 1, a = { b = ["c"] } }
  labels   = { x = "y" }
  chain    = chain.c
}
job "j" {
  hosts = host.h
  task "command" "c" {
    argv = ["c"]
  }
  task "command" "e" {
    for_each = { x = 1 }
    argv     = ["e"]
  }
  task "shell" "s" {
    script      = "x"
    interpreter = EXPR
  }
}
`
	everywhere = `
variable "s" {
  default   = "secret"
  sensitive = true
}
locals {
  l = { a = host.h, b = task_like, c = run.id }
  task_like = job.j.task.command.c
  any = try(EXPR, null)
}
chain "c" {
  hop "local" {}
}
host "h" {
  for_each = toset(["a", "b"])
  vars     = { x = EXPR }
  labels   = { x = "y" }
  chain    = chain.c
}
job "j" {
  hosts = host.h
  task "command" "c" {
    argv = ["c"]
  }
  task "command" "e" {
    for_each = { x = 1 }
    argv     = ["e"]
  }
}
job "k" {
  hosts = host.h
  vars  = { y = EXPR }
  locals {
    z = try(EXPR, null)
  }
  rollout { max_failures = EXPR }
  precondition {
    condition     = EXPR
    error_message = local.z
  }
  try {
    task "command" "judged" {
      argv         = ["x", local.z]
      on           = EXPR
      lane         = EXPR
      changed_when = EXPR
      failed_when  = EXPR
      retry {
        attempts = EXPR
        until    = EXPR
      }
    }
    rescue {
      task "command" "rescue" { argv = EXPR }
    }
  }
  task "command" "c" {
    argv = ["c"]
  }
  task "command" "e" {
    for_each = { x = 1 }
    argv     = ["e"]
  }
  task "shell" "s" {
    for_each    = EXPR
    script      = EXPR
    interpreter = EXPR
    when        = EXPR
    environment = EXPR
    notify      = EXPR
  }
}
output "o" {
  value     = EXPR
  sensitive = true
}
`
)

// isSpecial finds functions that are slow on purpose.
func isSpecial(text string) bool {
	return strings.Contains(text, "bcrypt") || strings.Contains(text, "rsadecrypt")
}

func tryBytes(t *testing.T, path, text string) {
	t.Helper()
	if err := writeFile(path, text); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.Remove(path) }()
	o := options()
	// What is made up here is not run.
	o.Program = func(argv []string, _ string, _ time.Duration) (*inventory.File, *hcl.Diagnostic) {
		return &inventory.File{Name: "output", Text: strings.Join(argv, "")}, nil
	}
	site, files, diags := lang.Load(path, o)
	if diags.HasErrors() != (site == nil) {
		t.Fatalf("site: %v, errors: %v", site != nil, diags)
	}
	_ = diag.Printer{Files: files, Width: 80}.Print(devNull{}, diags)
	for _, d := range diags {
		if diag.ExtraOf(d).Code == "" || d.Summary == "" || d.Detail == "" {
			t.Errorf("without code or words: %+v", d)
		}
		inside(t, files, d)
	}
	if site == nil {
		return
	}
	for _, j := range site.Jobs {
		for _, task := range append(j.Tasks, j.Handlers...) {
			for _, h := range j.Hosts {
				task.Hops(h)
				before, _ := site.Expand(task, h, unknown{})
				after, _ := site.Expand(task, h, everything{})
				needsNothing := !task.SelfFacts && len(task.Facts)+len(task.Needs) == 0 && !strings.Contains(text, "run")
				if needsNothing && fmt.Sprint(before) != fmt.Sprint(after) {
					t.Errorf("%s says that it needs nothing, but is %v before and %v after", task.Address, before, after)
				}
			}
		}
	}
	for _, o := range site.Outputs {
		_, _, _ = site.Output(o, everything{})
	}
}

type devNull struct{}

func (devNull) Write(p []byte) (int, error) { return len(p), nil }

// everything is a state in which all is known.
type everything struct{}

func (everything) Facts(string) (map[string]any, bool) {
	return map[string]any{"arch": "x86_64", "cpus": int64(4), "env": map[string]any{"HOME": "/root"}, "mounts": []any{}}, true
}

func (everything) Results(address, _ string) (lang.Results, bool) {
	result := lang.Result{Values: map[string]any{"stdout": "out", "exit_code": int64(0)}, Changed: true}
	if strings.HasSuffix(address, ".e") {
		result.Key = "x"
		result.Sensitive = true
		return lang.Results{Keyed: true, Elements: []lang.Result{result}}, true
	}
	return lang.Results{Elements: []lang.Result{result}}, true
}
