package lang_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"runner/agent/schema"
	"runner/lang"
	"runner/lang/diag"
)

// known is a state in which some things are known.
type known struct {
	facts   map[string]map[string]any
	results map[string]lang.Results // by address and host, with a blank between
	run     string
}

func (k known) Facts(host string) (map[string]any, bool) {
	f, ok := k.facts[host]
	return f, ok
}

func (k known) Results(address, host string) (lang.Results, bool) {
	r, ok := k.results[address+" "+host]
	return r, ok
}

func (k known) RunID() string { return k.run }

// write makes a site of files.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func ok(values map[string]any) lang.Results {
	return lang.Results{Elements: []lang.Result{{Values: values, Seconds: 1.5}}}
}

// TestKnownState evaluates tasks with what a run has learned.
func TestKnownState(t *testing.T) {
	site := load(t, write(t, map[string]string{"x.hcl": `
host "h" {
  for_each = toset(["a", "b"])
  hop "local" {}
}

locals {
  cpus = { for name, h in host.h : name => h.facts.cpus }
  whos = { for name, r in job.a.task.command.who : name => r.stdout }
  sum  = sum(values(local.cpus))
}

job "a" {
  hosts = host.h

  task "command" "who" {
    argv = ["id"]
  }

  task "command" "many" {
    for_each = ["x", "y"]
    argv     = [each.value]
  }

  task "shell" "own" {
    script = "${self.facts.arch} ${self.facts.user.uid} ${self.facts.interfaces["eth0"].addresses[0]} ${self.facts.mounts[0].path} ${self.facts.env["HOME"]}"
  }

  task "shell" "others" {
    script = "${local.sum} ${host.h["b"].facts.hostname} ${local.cpus["a"]}"
  }

  task "shell" "result" {
    script = "${task.command.who.stdout} ${task.command.who.exit_code} ${task.command.who.changed} ${task.command.who.duration}"
    when   = !task.command.who.skipped
  }

  task "shell" "keyed" {
    for_each = task.command.many
    script   = "${each.key} ${each.value.stdout} ${task.command.many[1].stdout}"
  }

  task "shell" "nulls" {
    script = coalesce(task.command.who.stdout, "none")
  }
}

job "b" {
  hosts = host.h
  task "shell" "all" {
    script = jsonencode([local.whos, { for n, r in job.a.task.command.many : n => length(r) }, run.id])
  }
}

output "whos" {
  value = local.whos
}
`}), options())
	facts := map[string]any{
		"arch": "x86_64", "cpus": int64(4), "hostname": "first", "user": map[string]any{"uid": uint64(1000)},
		"interfaces": map[string]any{"eth0": map[string]any{"addresses": []any{"192.0.2.1/24"}, "up": true}},
		"mounts":     []any{map[string]any{"path": "/"}}, "env": map[string]any{"HOME": "/root"},
		"more": "than the language knows",
	}
	many := lang.Results{Keyed: true, Elements: []lang.Result{
		{Key: 0, Values: map[string]any{"stdout": "X"}}, {Key: 1, Values: map[string]any{"stdout": "Y"}},
	}}
	state := known{
		run: "r1",
		facts: map[string]map[string]any{
			`h["a"]`: facts, `h["b"]`: {"cpus": int64(2), "hostname": "second", "arch": "aarch64"},
		},
		results: map[string]lang.Results{
			`job.a.task.command.who h["a"]`:  ok(map[string]any{"stdout": "root", "exit_code": int64(0)}),
			`job.a.task.command.who h["b"]`:  {}, // never got there
			`job.a.task.command.many h["a"]`: many,
			`job.a.task.command.many h["b"]`: {Keyed: true},
		},
	}
	skipped := state
	skipped.results = map[string]lang.Results{`job.a.task.command.who h["a"]`: {Elements: []lang.Result{{Skipped: true}}}}
	tests := []struct {
		state   known
		task    string
		want    []string // of the instances' scripts; "-": skipped
		unknown []string // of the first one
	}{
		{state, "own", []string{"x86_64 1000 192.0.2.1/24 / /root"}, nil},
		{state, "others", []string{"6 second 4"}, nil},
		{state, "result", []string{"root 0 false 1.5"}, nil},
		{state, "keyed", []string{"0 X Y", "1 Y Y"}, nil},
		{state, "nulls", []string{"root"}, nil},
		{state, "all", []string{`[{"h[\"a\"]":"root"},{"h[\"a\"]":2,"h[\"b\"]":0},"r1"]`}, nil},
		{skipped, "result", []string{"-"}, nil},
		{skipped, "nulls", []string{"none"}, nil},
		{known{facts: state.facts}, "all", []string{""}, []string{"script"}},
		{known{facts: map[string]map[string]any{`h["b"]`: state.facts[`h["b"]`]}}, "others", []string{""}, []string{"script"}},
	}
	for _, test := range tests {
		task := find(t, site, test.task)
		instances, diags := site.Expand(task, site.Hosts[0], test.state)
		if diags.HasErrors() {
			t.Errorf("%s: %s", test.task, text(nil, diags))
			continue
		}
		var got []string
		for _, in := range instances {
			script, _ := in.Args["script"].(string)
			if in.Skip {
				script = "-"
			}
			got = append(got, script)
		}
		if !reflect.DeepEqual(got, test.want) || len(instances) > 0 && !reflect.DeepEqual(instances[0].Unknown, test.unknown) {
			t.Errorf("%s: got %q, unknown %q", test.task, got, instances[0].Unknown)
		}
	}
	if in, _ := site.Expand(find(t, site, "own"), site.Hosts[0], state); len(in[0].Secrets) == 0 {
		t.Error("the environment of a host is not sensitive")
	}
	value, isKnown, diags := site.Output(site.Outputs[0], state)
	if !isKnown || len(diags) > 0 || !reflect.DeepEqual(value, map[string]any{`h["a"]`: "root"}) {
		t.Errorf("output is %v, %v, %v", value, isKnown, diags)
	}
}

func find(t *testing.T, site *lang.Site, name string) *lang.Task {
	t.Helper()
	for _, j := range site.Jobs {
		for _, task := range j.Tasks {
			if task.Name == name {
				return task
			}
		}
	}
	t.Fatalf("no task %s", name)
	return nil
}

// TestPredictedResults has a state as a plan has it: some of a result is known.
func TestPredictedResults(t *testing.T) {
	site := load(t, write(t, map[string]string{"x.hcl": `
job "a" {
  hosts = host.localhost
  task "file" "f" {
    path = "/f"
  }
  task "shell" "changed" {
    script = "x"
    when   = task.file.f.changed
  }
  task "shell" "size" {
    script = task.file.f.size
    when   = !task.file.f.skipped
  }
}
`}), options())
	predicted := func(changed bool) known {
		return known{results: map[string]lang.Results{
			"job.a.task.file.f localhost": {Elements: []lang.Result{{Changed: changed, Unknown: true}}},
		}}
	}
	expand := func(name string, state known) lang.Instance {
		instances, diags := site.Expand(find(t, site, name), site.Hosts[0], state)
		if diags.HasErrors() || len(instances) != 1 {
			t.Fatal(diags)
		}
		return instances[0]
	}
	if in := expand("changed", predicted(false)); !in.Skip {
		t.Error("a predicted false is not used")
	}
	if in := expand("changed", predicted(true)); in.Skip || len(in.Unknown) > 0 {
		t.Errorf("a predicted true is not used: %+v", in)
	}
	if in := expand("size", predicted(true)); !reflect.DeepEqual(in.Unknown, []string{"script"}) {
		t.Errorf("unknown is %v", in.Unknown)
	}
}

// TestSensitiveResults follows a mark from a task through its result.
func TestSensitiveResults(t *testing.T) {
	site := load(t, write(t, map[string]string{"x.hcl": `
job "a" {
  hosts = host.localhost
  task "command" "c" {
    argv = ["x"]
  }
  task "shell" "s" {
    script = task.command.c.stdout
  }
}
`}), options())
	result := ok(map[string]any{"stdout": "hidden"})
	result.Elements[0].Sensitive = true
	in, diags := site.Expand(find(t, site, "s"), site.Hosts[0], known{results: map[string]lang.Results{"job.a.task.command.c localhost": result}})
	if diags.HasErrors() || !in[0].Hidden.All || in[0].Args["script"] != "hidden" {
		t.Errorf("%+v %v", in, diags)
	}
}

// TestG36SensitiveArgument: of a task with a sensitive argument those results are sensitive that can tell of it, before the run
// and in it, and so is what errors and conditions say of them.
func TestG36SensitiveArgument(t *testing.T) {
	o := options()
	file := o.Catalog.Actions["file"]
	for i, a := range file.Arguments {
		if a.Name == "content" {
			file.Arguments[i].Reach = &schema.Reach{Change: []string{"size"}, Results: []string{"size"}, Diff: true}
		}
	}
	file.Environ = &schema.Reach{Quote: true}
	o.Catalog.Actions["file"] = file
	site := load(t, write(t, map[string]string{"x.hcl": `
job "a" {
  hosts       = host.localhost
  environment = { TOKEN = sensitive("t") }
  task "file" "f" {
    path        = "/f"
    content     = sensitive("s3cret")
    failed_when = result.size > 3
  }
  task "file" "g" {
    path    = "/g"
    content = "${task.file.f.size}"
  }
  task "file" "h" {
    path    = "/h"
    content = task.file.f.path
  }
  task "shell" "s" {
    script = "true"
  }
}
output "path" { value = job.a.task.file.f.localhost.path }
`}), o)
	in := func(name string, state lang.State) lang.Instance {
		t.Helper()
		all, diags := site.Expand(find(t, site, name), site.Hosts[0], state)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		return all[0]
	}
	f := in("f", unknown{})
	if want := (lang.Hidden{Change: []string{"size"}, Results: []string{"size"}, Diff: true, Quote: true}); !reflect.DeepEqual(f.Hidden, want) || !slices.Equal(f.Secrets, []string{"content", "environment"}) {
		t.Errorf("%+v, %q", f.Hidden, f.Secrets)
	}
	result := ok(map[string]any{"path": "/f", "size": int64(6)})
	result.Elements[0].Hidden = f.Hidden.Results
	for name, state := range map[string]lang.State{"before": unknown{}, "in": known{results: map[string]lang.Results{"job.a.task.file.f localhost": result}}} {
		if g, h := in("g", state), in("h", state); !slices.Contains(g.Secrets, "content") || slices.Contains(h.Secrets, "content") {
			t.Errorf("%s the run: %q, %q", name, g.Secrets, h.Secrets)
		}
	}
	if s := in("s", unknown{}); !s.Hidden.All {
		t.Errorf("an environment that reaches anywhere: %+v", s.Hidden)
	}
	_, diags := site.Judge(find(t, site, "f"), site.Hosts[0], lang.Result{Values: map[string]any{"size": "s3cret"}}, unknown{})
	if !diags.HasErrors() || strings.Contains(fmt.Sprint(diags), "s3cret") {
		t.Errorf("%v", diags)
	}
}

// TestRunTimeErrors finds errors that only the run's values cause: they name host and task.
func TestRunTimeErrors(t *testing.T) {
	site := load(t, write(t, map[string]string{"x.hcl": `
job "a" {
  hosts = host.localhost
  task "command" "c" {
    argv = ["x"]
  }
  task "file" "path" {
    path = task.command.c.stdout
  }
  task "file" "null" {
    path = task.command.c.stderr
  }
  task "file" "number" {
    path = "/${tonumber(task.command.c.stdout)}"
  }
}
`}), options())
	state := known{results: map[string]lang.Results{"job.a.task.command.c localhost": ok(map[string]any{"stdout": "no/path"})}}
	for name, code := range map[string]diag.Code{"path": diag.InvalidValue, "null": diag.MissingArgument, "number": diag.Evaluate} {
		_, diags := site.Expand(find(t, site, name), site.Hosts[0], state)
		if len(diags) != 1 || diag.CodeOf(diags[0]) != code {
			t.Errorf("%s: %v", name, diags)
			continue
		}
		if e := diag.ExtraOf(diags[0]); e.Host != "localhost" || e.Address != "job.a.task.file."+name {
			t.Errorf("%s: at %q on %q", name, e.Address, e.Host)
		}
	}
}

// TestG36ErrorsHideSecrets makes errors whose messages would quote a sensitive value.
func TestG36ErrorsHideSecrets(t *testing.T) {
	const secret = "hunter2hunter2"
	variable := "variable \"s\" {\n  sensitive = true\n}\n"
	for name, body := range map[string]string{
		"convert":            `locals { x = tonumber(var.s) }`,
		"regex":              `locals { x = regex("^[0-9]+$", var.s) }`,
		"pattern":            `locals { x = regex("(${var.s}", "x") }`,
		"key":                `locals { x = { for i in ["a", "b"] : var.s => i } }`,
		"index":              `locals { x = { a = 1 }[var.s] }`,
		"number":             `locals { x = 1 + var.s }`,
		"nested":             `locals { x = tonumber({ a = var.s }.a) }`,
		"file":               `locals { x = file("/nothing/${var.s}") }`,
		"json":               `locals { x = jsondecode(var.s) }`,
		"template":           `locals { x = templatefile("t.tftpl", { s = var.s }) }`,
		"mode":               "job \"j\" {\n  hosts = host.localhost\n  task \"file\" \"f\" {\n    path = \"/f\"\n    mode = var.s\n  }\n}",
		"one of":             "job \"j\" {\n  hosts = host.localhost\n  task \"file\" \"f\" {\n    path = \"/f\"\n    state = var.s\n  }\n}",
		"hop":                "host \"h\" {\n  address = \"x\"\n  hop \"ssh\" {\n    host_key = var.s\n  }\n}",
		"validation":         "variable \"t\" {\n  default = 1\n  validation {\n    condition = var.s == \"\"\n    error_message = \"not ${var.s}\"\n  }\n}",
		"timeout":            "job \"j\" {\n  hosts = host.localhost\n  task \"file\" \"f\" {\n    path = \"/f\"\n    timeout = var.s\n  }\n}",
		"for_each":           "job \"j\" {\n  hosts = host.localhost\n  task \"file\" \"f\" {\n    for_each = toset([var.s])\n    path = \"/f\"\n  }\n}",
		"source":             "job \"j\" {\n  hosts = host.localhost\n  task \"file\" \"f\" {\n    path = \"/f\"\n    source = var.s\n  }\n}",
		"loop":               `locals { x = [for k in sensitive([nonsensitive(var.s)]) : parseint(k, 10)] }`,
		"loop over a set":    `locals { x = [for k in toset([var.s]) : jsondecode(k)] }`,
		"keys of a loop":     `locals { x = { for k in sensitive([nonsensitive(var.s), nonsensitive(var.s)]) : k => 1 } }`,
		"template in a loop": `locals { x = [for k in sensitive([nonsensitive(var.s)]) : templatestring("$${parseint(k, 10)}", { k = k })] }`,
		"loop in a template": `locals { x = templatestring("%%{for k in l}$${parseint(k, 10)}%%{endfor}", { l = sensitive([nonsensitive(var.s)]) }) }`,
		"key in try":         `locals { x = try({ for k in ["a", "b"] : lower(upper(var.s)) => k }) }`,
		"derived key in try": `locals { x = try({ for k in ["a", "b"] : trimsuffix(var.s, "2") => k }) }`,
		"conditional":        `locals { x = true ? { (trimsuffix(var.s, "2")) = 1 } : { b = { c = 1 } } }`,
		"conditional in try": `locals { x = try(true ? { (trimsuffix(var.s, "2")) = 1 } : { b = { c = 1 } }) }`,
		"attribute meant":    `locals { x = { (trimsuffix(var.s, "2")) = 1 }.hunter2 }`,
		"element meant":      `locals { x = { (trimsuffix(var.s, "2")) = 1 }["hunter2"] }`,
		"default":            "variable \"t\" {\n  sensitive = true\n  default   = \"hunter2hunter2${foo}\"\n}",
		"large default":      "variable \"t\" {\n  sensitive = true\n  default   = [\"hunter2hunter2\", 1e9000]\n}",
		"check":              "host \"h\" {\n  hop \"local\" {}\n  hop \"sudo\" {\n    user = \"-${var.s}\"\n  }\n}",
		"run_as":             "job \"j\" {\n  hosts  = host.localhost\n  run_as = \"-${var.s}\"\n}",
		"version":            "runner {\n  required_version = var.s\n}",
		"too old":            "runner {\n  required_version = \"< 1.0.0-${var.s}\"\n}",
		"environment":        "job \"j\" {\n  hosts       = host.localhost\n  environment = sensitive({ \"${var.s}=\" = \"x\" })\n  task \"shell\" \"s\" {\n    script = \"x\"\n  }\n}",
		"variable with NUL":  "job \"j\" {\n  hosts       = host.localhost\n  environment = sensitive({ (var.s) = \"\\u0000\" })\n  task \"shell\" \"s\" {\n    script = \"x\"\n  }\n}",
		"key of an object":   "job \"j\" {\n  hosts       = host.localhost\n  environment = { (var.s) = [] }\n  task \"shell\" \"s\" {\n    script = { (var.s) = 1 }\n  }\n}",
		"argv path":          "job \"j\" {\n  hosts = host.localhost\n  task \"file\" \"f\" {\n    path = var.s\n  }\n}",
	} {
		t.Run(name, func(t *testing.T) {
			dir := write(t, map[string]string{"x.hcl": variable + body, "t.tftpl": "${tonumber(s)}"})
			o := options()
			o.Environ = []string{"RUNNER_VAR_s=" + secret}
			_, files, diags := lang.Load(dir, o)
			if !diags.HasErrors() {
				t.Fatal("no errors")
			}
			if out := text(files, diags); strings.Contains(out, secret[:len(secret)-1]) {
				t.Errorf("the secret is shown:\n%s", out)
			}
		})
	}
	for name, o := range map[string]lang.Options{
		"wrong type from the environment": {Environ: []string{"RUNNER_VAR_n=" + secret}},
		"syntax from the environment":     {Environ: []string{"RUNNER_VAR_n=[" + secret}},
		"wrong type from a flag":          {Vars: []lang.VarInput{{Name: "n", Value: `"` + secret + `"`}}},
		"wrong type from a file":          {Vars: []lang.VarInput{{File: "wrong"}}},
		"syntax in a file":                {Vars: []lang.VarInput{{File: "syntax"}}},
		"syntax in a JSON file":           {Vars: []lang.VarInput{{File: "json"}}},
		"name in an object":               {Environ: []string{"RUNNER_VAR_n={" + secret + "=1}"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := write(t, map[string]string{
				"x.hcl":              "variable \"n\" {\n  type      = number\n  sensitive = true\n}",
				"wrong.vars.hcl":     `n = "` + secret + `"`,
				"json.vars.hcl.json": `{"n": ` + secret + `}`,
				"syntax.vars.hcl":    `n = "` + secret + "\n",
			})
			o.Catalog = catalog()
			for i, v := range o.Vars {
				if v.File != "" {
					found, _ := filepath.Glob(filepath.Join(dir, v.File+".vars.hcl*"))
					o.Vars[i].File = found[0]
				}
			}
			_, files, diags := lang.Load(dir, o)
			if !diags.HasErrors() {
				t.Fatal("no errors")
			}
			if out := text(files, diags); strings.Contains(out, "hunter") {
				t.Errorf("the secret is shown:\n%s", out)
			}
		})
	}
}

// TestG32Dir: a site knows its directory, which is where local tasks run, whatever way it was named.
func TestG32Dir(t *testing.T) {
	dir := write(t, map[string]string{"sub/x.hcl": "job \"j\" {\n  hosts = []\n}\n"})
	want, err := filepath.EvalSymlinks(filepath.Join(dir, "sub"))
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	for _, path := range []string{"sub", "./sub/", "sub/x.hcl", filepath.Join(dir, "sub"), "../" + filepath.Base(dir) + "/sub/x.hcl"} {
		site := load(t, path, options())
		got, err := filepath.EvalSymlinks(site.Dir)
		if err != nil || !filepath.IsAbs(site.Dir) || got != want {
			t.Errorf("%s is in %s (%v), want %s", path, site.Dir, err, want)
		}
	}
}

// TestExpandTogether evaluates from many goroutines.
func TestExpandTogether(t *testing.T) {
	site := load(t, "testdata/valid/tasks.hcl", options())
	var all sync.WaitGroup
	for _, j := range site.Jobs {
		for _, task := range append(j.Tasks, j.Handlers...) {
			for _, h := range j.Hosts {
				want, _ := site.Expand(task, h, unknown{})
				for range 4 {
					all.Go(func() {
						if got, _ := site.Expand(task, h, unknown{}); fmt.Sprint(got) != fmt.Sprint(want) {
							t.Errorf("%s on %s: %v, alone %v", task.Address, h.Name, got, want)
						}
					})
				}
			}
		}
	}
	all.Wait()
}

func writeFile(path, text string) error { return os.WriteFile(path, []byte(text), 0o600) }
