package planner_test

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	actions "runner/agent/action/catalog"
	"runner/lang"
	"runner/planner"
	"runner/planner/plan"
	"runner/transports"
	"runner/transports/catalog"
)

var update = flag.Bool("update", false, "write the golden files anew")

// build plans a site without looking at any ssh configuration.
func build(t *testing.T, path string, s planner.Selection) (*plan.Plan, string) {
	t.Helper()
	all := catalog.All()
	site, _, diags := lang.Load(path, lang.Options{
		Catalog: lang.Catalog{Actions: actions.Schemas(), Transports: catalog.Schemas()}, Version: "0.1.0",
	})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	p, _, diags := planner.Build(site, planner.Options{
		Selection: s,
		Expand: func(_ string, options map[string]any) ([]map[string]any, error) {
			return []map[string]any{options}, nil
		},
		User: func(_ string, options map[string]any) string {
			user, _ := options["user"].(string)
			return user
		},
		Title: func(transport string, options map[string]any) string {
			return all[transport].Title(transports.Options(options))
		},
	})
	if diags.HasErrors() {
		return nil, diags.Error()
	}
	return p, ""
}

// dump writes a plan as people who wrote the site would check it.
func dump(p *plan.Plan) string {
	var b strings.Builder
	for i, c := range p.Connections {
		use := ""
		if c.Target {
			use = ", a target"
		}
		if c.Transit {
			use += ", no agent"
		}
		fmt.Fprintf(&b, "connection %d: %s behind %d%s\n", i, c.Title, c.Parent, use)
	}
	for i, h := range p.Hosts {
		fmt.Fprintf(&b, "host %d: %s by %v\n", i, h.Name, p.Chain(h.Connection))
	}
	for i, j := range p.Jobs {
		fmt.Fprintf(&b, "job %d: %s on %v after %v\n", i, j.Name, j.Hosts, j.After)
		for _, task := range j.Tasks {
			left := ""
			if !task.Selected {
				left = ", left out"
			}
			fmt.Fprintf(&b, "  %s%s\n", task.Address, left)
		}
	}
	for _, l := range p.Pipelines() {
		wait := ""
		if l.Wait {
			wait = ", waits for facts"
		}
		fmt.Fprintf(&b, "pipeline: job %d host %d tasks %d to %d%s; cut: %q\n", l.Job, l.Host, l.From, l.To, wait, l.Cut)
	}
	connections, reused := p.Shared()
	fmt.Fprintf(&b, "%d connections (%d reused), %d pipelines\n", connections, reused, len(p.Pipelines()))
	return b.String()
}

// TestPlans compares plans with golden files: what is shared, in which order jobs come, where pipelines are cut. G2 G3.
func TestPlans(t *testing.T) {
	sites, err := filepath.Glob("testdata/*.hcl")
	if err != nil || len(sites) == 0 {
		t.Fatalf("no sites: %v", err)
	}
	for _, site := range sites {
		t.Run(filepath.Base(site), func(t *testing.T) {
			p, problem := build(t, site, planner.Selection{})
			if problem != "" {
				t.Fatal(problem)
			}
			got, golden := dump(p), strings.TrimSuffix(site, ".hcl")+".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// TestSelection: what the flags leave in, and what is an error. G37.
func TestSelection(t *testing.T) {
	for _, c := range []struct {
		name  string
		s     planner.Selection
		hosts string // names
		tasks string // of those that are left in, by name
		err   string
	}{
		{"nothing", planner.Selection{}, `web["a"] web["b"] app`, "one two three all", ""},
		{"a name", planner.Selection{Limit: []string{"app"}}, "app", "one two three all", ""},
		{"brackets without quotes", planner.Selection{Limit: []string{"web[a]"}}, `web["a"]`, "one two three all", ""},
		{"a glob", planner.Selection{Limit: []string{"web[*]"}}, `web["a"] web["b"]`, "one two three all", ""},
		{"a label", planner.Selection{Limit: []string{"tier=app"}}, "app", "one two three all", ""},
		{"excluded", planner.Selection{Limit: []string{"!web[b]"}}, `web["a"] app`, "one two three all", ""},
		{"joined", planner.Selection{Limit: []string{"web[*],app,!web[a]"}}, `web["b"] app`, "one two three all", ""},
		{"tags", planner.Selection{Tags: []string{"x"}}, `web["a"] web["b"] app`, "one three", ""},
		{"a job's tags", planner.Selection{Tags: []string{"job"}}, `web["a"] web["b"] app`, "one two three", ""},
		{"tags to skip", planner.Selection{SkipTags: []string{"x"}}, `web["a"] web["b"] app`, "two all", ""},
		{"a task, and what it needs", planner.Selection{Targets: []string{"job.first.task.command.three"}}, `web["a"] web["b"]`, "two three", ""},
		{"a job, and what it depends on", planner.Selection{Targets: []string{"job.second"}}, `web["a"] web["b"] app`, "one two three all", ""},
		{"no such host", planner.Selection{Limit: []string{"ap"}}, "", "", `Did you mean "app"?`},
		{"a key for a host", planner.Selection{Limit: []string{"b"}}, "", "", `Did you mean "web[b]"?`},
		{"no such key", planner.Selection{Limit: []string{"web[x]"}}, "", "", `Did you mean "web[a]"?`},
		{"no such label", planner.Selection{Limit: []string{"teir=app"}}, "", "", `Did you mean "tier=app"?`},
		{"no such value", planner.Selection{Limit: []string{"tier=ap"}}, "", "", `Did you mean "tier=app"?`},
		{"no such task", planner.Selection{Targets: []string{"job.first.task.command.thre"}}, "", "", `Did you mean "job.first.task.command.three"?`},
		{"no such element", planner.Selection{Targets: []string{`job.first.task.command.thre["x"]`}}, "", "", `Did you mean "job.first.task.command.three"?`},
		{"an address without its kinds", planner.Selection{Targets: []string{"first.command.three"}}, "", "", `Did you mean "job.first.task.command.three"?`},
		{"a job by its name", planner.Selection{Targets: []string{"first"}}, "", "", `Did you mean "job.first"?`},
		{"no task like it", planner.Selection{Targets: []string{"job.first.task.command.zzzzzzzz"}}, "", "", `zzzzzzzz".`},
		{"no such target", planner.Selection{Targets: []string{"job.frist"}}, "", "", `Did you mean "job.first"?`},
		{"no such tag", planner.Selection{Tags: []string{"jbo"}}, "", "", `Did you mean "job"?`},
		{"no such tag to skip", planner.Selection{SkipTags: []string{"nope"}}, "", "", `"nope"`},
		{"an empty pattern", planner.Selection{Limit: []string{""}}, "", "", "empty pattern"},
		{"nothing left", planner.Selection{Limit: []string{"!*"}}, "", "", "every host"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, problem := build(t, "testdata/selection.hcl", c.s)
			if c.err != "" {
				if !strings.Contains(problem, c.err) {
					t.Fatalf("error %q, want %q in it", problem, c.err)
				}
				return
			}
			if problem != "" {
				t.Fatal(problem)
			}
			var hosts, tasks []string
			for _, h := range p.Hosts {
				hosts = append(hosts, h.Name)
			}
			for _, j := range p.Jobs {
				for _, task := range j.Tasks {
					if task.Selected {
						tasks = append(tasks, task.Name)
					}
				}
			}
			if got := strings.Join(hosts, " "); got != c.hosts {
				t.Errorf("hosts %s, want %s", got, c.hosts)
			}
			if got := strings.Join(tasks, " "); got != c.tasks {
				t.Errorf("tasks %s, want %s", got, c.tasks)
			}
			// Nothing is connected to for a job of which no task is left, its handlers among it.
			for i, h := range p.Hosts {
				needed := slices.ContainsFunc(p.Jobs, func(j plan.Job) bool {
					return slices.Contains(j.Hosts, i) && slices.ContainsFunc(j.Tasks, func(t plan.Task) bool { return t.Selected })
				})
				if (h.Connection >= 0) != needed {
					t.Errorf("%s is at the end of connection %d, and needed: %v", h.Name, h.Connection, needed)
				}
			}
		})
	}
}

// A hop that cannot be resolved is an error at its place.
func TestBadHop(t *testing.T) {
	site, _, diags := lang.Load("testdata/chain.hcl", lang.Options{
		Catalog: lang.Catalog{Actions: actions.Schemas(), Transports: catalog.Schemas()}, Version: "0.1.0",
	})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	_, _, diags = planner.Build(site, planner.Options{
		Expand: func(string, map[string]any) ([]map[string]any, error) { return nil, errors.New("it is bad") },
	})
	if !diags.HasErrors() || diags[0].Subject.Start.Line != 2 || !strings.Contains(diags[0].Detail, "It is bad.") {
		t.Errorf("got %v", diags)
	}
}

// TestLimitGroups: --limit takes groups of inventories.
func TestLimitGroups(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"site.hcl": "host \"x\" {\n  hop \"local\" {}\n}\ninventory \"ansible\" \"a\" {\n  path = \"hosts\"\n}\n",
		"hosts":    "lone\n[web]\nw1\nw2\n[web-eu]\ne1\n[site:children]\nweb\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	site, _, diags := lang.Load(dir, lang.Options{Catalog: lang.Catalog{Actions: actions.Schemas(), Transports: catalog.Schemas()}, Version: "0.1.0"})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	for pattern, want := range map[string]string{
		"@web": "w1 w2", "@web*": "e1 w1 w2", "@site": "w1 w2", "@all": "e1 lone w1 w2", "!@web": "e1 lone x", "@site,!w1": "w2", "@ungrouped": "lone",
		"@wbe": `Did you mean "@web"?`, "@": "matches no host",
	} {
		hosts, diags := planner.MatchHosts(site, planner.Patterns(pattern))
		got := strings.Join(slices.Sorted(maps.Keys(hosts)), " ")
		if diags.HasErrors() {
			got = diags[0].Detail
		}
		if got != want && (!diags.HasErrors() || !strings.Contains(got, want)) {
			t.Errorf("%s: %s", pattern, got)
		}
	}
}

// TestNear: what is suggested where a site has very many names of one kind, and that a handler is never a target.
func TestNear(t *testing.T) {
	dir := t.TempDir()
	text := `host "web" {
  count  = 700
  labels = { number = "n${count.index}", rack = "r${count.index}" }
  hop "local" {}
}
host "database" {
  hop "local" {}
}
job "j" {
  hosts = host.database
  task "file" "config" {
    path    = "/a"
    content = "x"
    notify  = [handler.reload]
  }
  handler "command" "reload" {
    argv = ["true"]
  }
}
`
	if err := os.WriteFile(filepath.Join(dir, "site.hcl"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	site, _, diags := lang.Load(dir, lang.Options{Catalog: lang.Catalog{Actions: actions.Schemas(), Transports: catalog.Schemas()}, Version: "0.1.0"})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	for _, c := range []struct {
		s    planner.Selection
		want string
	}{
		{planner.Selection{Limit: []string{"databse"}}, `"databse" matches no host of the site. Did you mean "database"?`},
		{planner.Selection{Limit: []string{"699"}}, `Did you mean "web[699]"?`},
		{planner.Selection{Limit: []string{"rack=r9999"}}, `"rack=r9999" matches no host of the site.`}, // of 1,400
		{planner.Selection{Targets: []string{"job.j.handler.command.relaod"}}, `has the address "job.j.handler.command.relaod".`},
		{planner.Selection{Targets: []string{"job.j.task.file.confg"}}, `Did you mean "job.j.task.file.config"?`},
	} {
		_, _, diags := planner.Build(site, planner.Options{Selection: c.s})
		if len(diags) != 1 || !strings.HasSuffix(diags[0].Detail, c.want) {
			t.Errorf("%+v: %v, want %s", c.s, diags, c.want)
		}
	}
}

// How many elements a for_each has is in the plan where it depends on neither host nor run.
func TestElements(t *testing.T) {
	site := filepath.Join(t.TempDir(), "site.hcl")
	text := `
locals { three = toset(["x", "y", "z"]) }
host "a" {
  vars = { list = ["x"] }
  hop "local" {}
}
job "j" {
  hosts = host.a
  task "shell" "none" { script = "true" }
  task "shell" "literal" {
    for_each = { one = 1, two = 2 }
    script   = each.key
  }
  task "shell" "local" {
    for_each = local.three
    script   = each.key
  }
  task "shell" "host" {
    for_each = self.vars.list
    script   = each.value
  }
  task "shell" "run" {
    for_each = toset([task.shell.none.stdout])
    script   = each.key
  }
}
`
	if err := os.WriteFile(site, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, problem := build(t, site, planner.Selection{})
	if problem != "" {
		t.Fatal(problem)
	}
	var got []int
	for _, task := range p.Jobs[0].Tasks {
		got = append(got, task.Elements)
	}
	if want := []int{0, 2, 3, 0, 0}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
