package lang_test

import (
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"runner/lang"
	"runner/lang/diag"
)

// TestG35Limits loads sites that are too deep or too large in every kind of input.
func TestG35Limits(t *testing.T) {
	const many = 10_000
	r := strings.Repeat
	job := "job \"j\" {\n  hosts = host.localhost\n  task \"file\" \"f\" {\n    path    = \"/f\"\n    content = %s\n  }\n}\n"
	with := func(content string) string { return fmt.Sprintf(job, content) }
	deepChain := "locals {\n  a0 = 1\n"
	for i := range many {
		deepChain += fmt.Sprintf("  a%d = local.a%d\n", i+1, i)
	}
	for name, test := range map[string]struct {
		files map[string]string
		o     lang.Options
		codes []diag.Code
	}{
		"brackets":    {map[string]string{"x.hcl": "locals {\n  a = " + r("[", many) + r("]", many) + "\n}\n"}, options(), []diag.Code{diag.TooDeep}},
		"JSON":        {map[string]string{"x.hcl.json": `{"locals": {"a": ` + r("[", many) + r("]", many) + "}}"}, options(), []diag.Code{diag.TooDeep}},
		"var file":    {map[string]string{"x.hcl": "variable \"a\" {\n  default = 1\n}\n", "a.auto.vars.hcl": "a = " + r("[", many) + r("]", many)}, options(), []diag.Code{diag.TooDeep}},
		"environment": {map[string]string{"x.hcl": "variable \"a\" {\n  type = any\n}\n"}, lang.Options{Environ: []string{"RUNNER_VAR_a=" + r("{a=", many)}}, []diag.Code{diag.TooDeep}},
		"template":    {map[string]string{"x.hcl": with(`templatefile("t", {})`), "t": r("%{ if true }", many)}, options(), []diag.Code{diag.TooDeep}},
		"template of itself": {
			map[string]string{"x.hcl": with(`templatefile("t", { n = 1 })`), "t": `${templatefile("t", { n = n })}${templatefile("t", { n = n })}`},
			options(),
			[]diag.Code{diag.Template, diag.Evaluate, diag.TooDeep},
		},
		"template string of itself": {
			map[string]string{"x.hcl": "locals {\n  s = \"$${templatestring(s, { s = s })}\"\n}\n" + with(`templatestring(local.s, { s = local.s })`)},
			options(),
			[]diag.Code{diag.Template, diag.Evaluate, diag.TooDeep},
		},
		"jsondecode":           {map[string]string{"x.hcl": with(`jsonencode(jsondecode(file("t")))`), "t": r("[", many) + r("]", many)}, options(), []diag.Code{diag.Evaluate}},
		"a chain of locals":    {map[string]string{"x.hcl": deepChain + "}\n"}, options(), []diag.Code{diag.TooDeep}},
		"strings that double":  {map[string]string{"x.hcl": "locals {\n  a0 = \"0123456789\"\n" + doubling(40, `"${local.a%[2]d}${local.a%[2]d}"`) + "}\n"}, options(), []diag.Code{diag.TooLarge}},
		"lists that double":    {map[string]string{"x.hcl": "locals {\n  a0 = [1]\n" + doubling(40, "concat(local.a%[2]d, local.a%[2]d)") + "}\n"}, options(), []diag.Code{diag.TooLarge, diag.Evaluate}},
		"objects that double":  {map[string]string{"x.hcl": "locals {\n  a0 = 1\n" + doubling(40, "{ a = local.a%[2]d, b = local.a%[2]d }") + "}\n"}, options(), []diag.Code{diag.TooLarge}},
		"chains on chains":     {map[string]string{"x.hcl": row(3000, "chain", "extends")}, options(), []diag.Code{diag.TooDeep}},
		"hosts behind hosts":   {map[string]string{"x.hcl": row(3000, "host", "via")}, options(), []diag.Code{diag.TooDeep}},
		"names that are wrong": {map[string]string{"x.hcl": "locals {\n" + doubling(3000, "local.b%[1]d") + "}\n"}, options(), []diag.Code{diag.UnknownReference}},
		"many locals":          {map[string]string{"x.hcl.json": `{"locals": {` + manyLocals(100_001) + `}, "output": {"o": {"value": "${local.a7}"}}}`}, options(), []diag.Code{diag.TooLarge}},
		"a large file":         {map[string]string{"x.hcl": "# " + r("x", 9<<20)}, options(), []diag.Code{diag.TooLarge}},
		"hosts":                {map[string]string{"x.hcl": "host \"h\" {\n  count = 1e9\n  hop \"local\" {}\n}\n"}, options(), []diag.Code{diag.InvalidValue}},
		"an endless device":    {map[string]string{"x.hcl": with(`file("/dev/zero")`)}, options(), []diag.Code{diag.Evaluate}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := write(t, test.files)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			begin := time.Now()
			_, _, diags := lang.Load(dir, test.o)
			took := time.Since(begin)
			runtime.ReadMemStats(&after)
			if len(diags) == 0 || !slices.Contains(test.codes, diag.CodeOf(diags[0])) {
				t.Errorf("%v", diags)
			}
			most := 20 * time.Second
			if test.codes[0] == diag.TooDeep {
				most = 5 * time.Second // before anything is parsed or evaluated; the guard's own tests are stricter
			}
			if took > most {
				t.Errorf("took %v", took)
			}
			const memory = 1 << 30
			if used := after.TotalAlloc - before.TotalAlloc; used > memory {
				t.Errorf("took %d MiB", used>>20)
			}
		})
	}
}

func manyLocals(n int) string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("\"a%d\":1", i)
	}
	return strings.Join(names, ",")
}

func doubling(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "  a%d = "+format+"\n", i+1, i)
	}
	return b.String()
}

// row is blocks of which each goes on from the one before, with one hop more.
func row(n int, kind, on string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s \"b0\" {\n  hop \"local\" {}\n}\n", kind)
	for i := range n - 1 {
		fmt.Fprintf(&b, "%s \"b%d\" {\n  %s = %s.b%d\n  hop \"sudo\" {}\n}\n", kind, i+1, on, kind, i)
	}
	return b.String()
}

// TestMostHops has as many hops as there may be, then one more: that is one error, however many go on from there.
func TestMostHops(t *testing.T) {
	const most = 100
	hops := func(n int) string {
		return "job \"j\" {\n  hosts = host.localhost\n" + strings.Repeat("  hop \"sudo\" {}\n", n) + "}\n"
	}
	for name, site := range map[string]func(int) string{
		"host":  func(n int) string { return row(n, "host", "via") },
		"chain": func(n int) string { return row(n, "chain", "extends") },
		"job":   hops,
	} {
		load(t, write(t, map[string]string{"x.hcl": site(most)}), options())
		_, files, diags := lang.Load(write(t, map[string]string{"x.hcl": site(most + 10)}), options())
		if len(diags) != 1 || diag.CodeOf(diags[0]) != diag.TooDeep {
			t.Errorf("%s: %s", name, text(files, diags))
		}
	}
}

// TestManyHosts loads as many hosts and tasks as people may have, in a time that grows with them and not faster.
func TestManyHosts(t *testing.T) {
	load := func(hosts int) time.Duration {
		path := filepath.Join(write(t, map[string]string{"x.hcl": manyHosts(hosts, 100)}), "x.hcl")
		begin := time.Now()
		site, files, diags := lang.Load(path, options())
		if len(diags) > 0 || len(site.Hosts) != hosts {
			t.Fatal(text(files, diags))
		}
		return time.Since(begin)
	}
	load(10)
	few, many := load(100), load(1000)
	t.Logf("100 hosts: %v, 1000 hosts: %v", few, many)
	if many > 30*few+3*time.Second {
		t.Errorf("100 hosts take %v, 1000 take %v", few, many)
	}
}

// TestManyBlocks has as many host blocks as a generated site may have, all of them named in a job and in a local.
func TestManyBlocks(t *testing.T) {
	const many = 5000
	var b, names strings.Builder
	for i := range many {
		fmt.Fprintf(&b, "host \"h%d\" {\n  address = \"192.0.2.1\"\n  hop \"ssh\" {}\n}\nlocals {\n  l%d = host.h%d.address\n}\n", i, i, i)
		fmt.Fprintf(&names, "host.h%d, ", i)
	}
	fmt.Fprintf(&b, "locals {\n  all = [%s]\n}\njob \"j\" {\n  hosts = local.all\n  task \"shell\" \"s\" {\n    script = \"${length(local.all)}\"\n  }\n}\n", &names)
	dir := write(t, map[string]string{"x.hcl": b.String()})
	begin := time.Now()
	site, files, diags := lang.Load(dir, options())
	if len(diags) > 0 || len(site.Jobs[0].Hosts) != many {
		t.Fatalf("%d hosts %s", len(site.Jobs[0].Hosts), text(files, diags))
	}
	if took := time.Since(begin); took > 20*time.Second {
		t.Errorf("took %v", took)
	} else {
		t.Logf("%d blocks: %v", many, took)
	}
}

func manyHosts(hosts, tasks int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `
locals {
  hosts = { for i in setproduct(range(%d), range(%d)) : "n${i[0]}-${i[1]}" => "192.0.2.${i[1]}" }
}
chain "c" {
  hop "ssh" {
    user = "deploy"
  }
  hop "sudo" {}
}
host "web" {
  for_each = local.hosts
  address  = each.value
  chain    = chain.c
  labels   = { tier = "web" }
  vars     = { port = 8080 }
}
job "x" {
  hosts = [for h in host.web : h if h.labels.tier == "web"]
`, (hosts+9)/10, 10)
	for i := range tasks {
		switch i % 4 {
		case 0:
			fmt.Fprintf(&b, "  task \"file\" \"t%d\" {\n    path    = \"/etc/conf.d/%d.conf\"\n    content = \"server ${self.name} listen ${self.vars.port}\"\n    mode    = \"0644\"\n  }\n", i, i)
		case 1:
			fmt.Fprintf(&b, "  task \"command\" \"t%d\" {\n    argv = [\"systemctl\", \"restart\", \"s%d\"]\n    when = task.file.t%d.changed\n  }\n", i, i, i-1)
		case 2:
			fmt.Fprintf(&b, "  task \"directory\" \"t%d\" {\n    path = \"/srv/%d\"\n  }\n", i, i)
		case 3:
			fmt.Fprintf(&b, "  task \"shell\" \"t%d\" {\n    script = \"echo ${self.facts.arch} > /srv/arch\"\n  }\n", i)
		}
	}
	b.WriteString("}\n")
	return b.String()
}

// BenchmarkLoad loads 10,000 hosts with 100 tasks.
func BenchmarkLoad(b *testing.B) {
	dir := b.TempDir()
	path := filepath.Join(dir, "x.hcl")
	if err := writeFile(path, manyHosts(10_000, 100)); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, files, diags := lang.Load(path, options()); len(diags) > 0 {
			b.Fatal(text(files, diags))
		}
	}
}
