package ansible

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"

	"runner/lang/diag"
	"runner/lang/inventory"
)

// write makes a directory with files and returns the path of the one named hosts, or of the directory.
func write(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"hosts", "hosts.ini", "hosts.yml", "hosts.json"} {
		if _, ok := files[name]; ok {
			return filepath.Join(dir, name)
		}
	}
	return dir
}

// lines repeats a line with a number in it.
func lines(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// laughs is YAML that grows tenfold with each line.
func laughs(n int) string {
	var b strings.Builder
	b.WriteString("all:\n  vars:\n    a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := range n {
		fmt.Fprintf(&b, "    a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 10), ", "))
	}
	return b.String()
}

// TestG35Limits reads inventories that are too large, too deep or expand too much: each is an error, within 200 ms and
// 64 MiB.
func TestG35Limits(t *testing.T) {
	const many = 100_000
	r := strings.Repeat
	for name, test := range map[string]struct {
		files map[string]string
		code  diag.Code
	}{
		"range":              {map[string]string{"hosts": "web[0:999999999]\n"}, diag.TooLarge},
		"ranges":             {map[string]string{"hosts": "h" + r("[0:99]", 8) + "\n"}, diag.TooLarge},
		"many ranges":        {map[string]string{"hosts": lines(100, "h%d-[0:9999]\n")}, diag.TooLarge},
		"long ranges":        {map[string]string{"hosts": "h[0:49999]" + r("x", 5000) + "\n"}, diag.Inventory},
		"range in YAML":      {map[string]string{"hosts.yml": "all:\n  hosts:\n    web[0:999999999]:\n"}, diag.TooLarge},
		"range with values":  {map[string]string{"hosts": "h[0:49999] " + lines(100, "v%d=1 ") + "\n"}, diag.TooLarge},
		"hosts":              {map[string]string{"hosts": lines(many, "h%d\n")}, diag.TooLarge},
		"groups":             {map[string]string{"hosts": lines(many, "[g%d]\n")}, diag.TooLarge},
		"a line without end": {map[string]string{"hosts": "h " + r("x", 9<<20)}, diag.TooLarge},
		"a long line":        {map[string]string{"hosts": "h " + r("x=1 ", 1<<20)}, diag.TooLarge},
		"a long word":        {map[string]string{"hosts": "h \"" + r("x", 3<<20)}, diag.Syntax},
		"wrong lines":        {map[string]string{"hosts": "[all:vars]\n" + r("x\n", 1<<20)}, diag.Syntax},
		"large and wrong":    {map[string]string{"hosts.ini": "[all:vars]\n" + r("x\n", 20) + r("#\n", 3<<20)}, diag.Syntax},
		"deep literal":       {map[string]string{"hosts": "h a=" + r("[", many) + "\n"}, diag.TooDeep},
		"wide literal":       {map[string]string{"hosts": "h a=" + r("1,", 1<<20) + "\n"}, diag.TooLarge},
		"deep groups":        {map[string]string{"hosts": lines(many, "[g%[1]d:children]\ng%[1]d1\n")}, diag.TooLarge},
		"group in itself":    {map[string]string{"hosts": lines(10_000, "[g%d]\n") + lines(9_999, "[g%[1]d:children]\ng1%[1]d\n") + "[g1:children]\ng1\n"}, diag.Cycle},
		"variables of all":   {map[string]string{"hosts": "[all:vars]\n" + lines(1000, "v%d=1\n") + "[g]\nh[0:9999] x=1\n"}, diag.TooLarge},
		"deep YAML":          {map[string]string{"hosts.yml": "all: " + r("[", many)}, diag.TooDeep},
		"deep YAML, lines": {map[string]string{"hosts.yml": func() string {
			var b strings.Builder
			for i := range 2000 {
				b.WriteString(r(" ", i) + "a:\n")
			}
			return b.String()
		}()}, diag.TooDeep},
		"dashes":    {map[string]string{"hosts.yml": "all:\n  " + r("- ", many)}, diag.TooDeep},
		"wide YAML": {map[string]string{"hosts.yml": "all: {vars: {a: [" + r("x,", 2<<20) + "]}}"}, diag.TooLarge},
		"laughs":    {map[string]string{"hosts.yml": laughs(12)}, diag.TooLarge},
		"merges": {map[string]string{"hosts.yml": "all:\n  vars:\n    a0: &a0 {x: 1}\n" + func() string {
			var b strings.Builder
			for i := range 40 {
				fmt.Fprintf(&b, "    a%[1]d: &a%[1]d\n      <<: [*a%[2]d, *a%[2]d]\n", i+1, i)
			}
			return b.String()
		}()}, diag.TooLarge},
		"groups by reference": {map[string]string{"hosts.yml": func() string {
			var b strings.Builder
			b.WriteString("g0: &g0\n  hosts: {h: }\n")
			for i := range 40 {
				fmt.Fprintf(&b, "g%[1]d: &g%[1]d\n  children: {a%[1]d: *g%[2]d, b%[1]d: *g%[2]d}\n", i+1, i)
			}
			return b.String()
		}()}, diag.TooLarge},
		"deep JSON":       {map[string]string{"hosts.json": `{"all": ` + r("[", many)}, diag.TooDeep},
		"wide JSON":       {map[string]string{"hosts.json": `{"all": {"vars": {"a": [` + r("1,", 2<<20) + "1]}}}"}, diag.TooLarge},
		"file":            {map[string]string{"hosts": r("#\n", 5<<20)}, diag.TooLarge},
		"variables":       {map[string]string{"hosts": "h\n", "group_vars/all.yml": lines(700_000, "v%d: 1\n")}, diag.TooLarge},
		"many files":      {map[string]string{"a": r("# x\n", 1<<20), "b": r("# x\n", 1<<20), "c": r("# x\n", 1<<20), "d": r("# x\n", 1<<20), "e": r("# x\n", 1<<20), "f": r("# x\n", 1<<20), "g": r("# x\n", 1<<20), "h": r("# x\n", 1<<20), "i": r("# x\n", 1<<20)}, diag.TooLarge},
		"large number":    {map[string]string{"hosts": "h a=" + r("9", 1<<20) + "\n"}, ""},
		"large exponents": {map[string]string{"hosts": "h a=1e99999999\n"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, test.files)
			out, diags := within(t, func() (*inventory.Inventory, hcl.Diagnostics) { return Read(path, Options{}) })
			switch {
			case test.code == "" && (len(diags) > 0 || out == nil):
				t.Error(diags)
			case test.code != "" && !slices.ContainsFunc(diags, func(d *hcl.Diagnostic) bool { return diag.CodeOf(d) == test.code }):
				t.Errorf("no %s in %v", test.code, diags)
			}
		})
	}
}

// within fails the test if reading takes too much memory, and logs how long it took.
func within(t *testing.T, read func() (*inventory.Inventory, hcl.Diagnostics)) (*inventory.Inventory, hcl.Diagnostics) {
	t.Helper()
	runtime.GC()
	var before, peak runtime.MemStats
	runtime.ReadMemStats(&before)
	begin := time.Now()
	out, diags := read()
	took := time.Since(begin)
	runtime.ReadMemStats(&peak)
	const most = 64 << 20
	used := peak.HeapInuse - min(before.HeapInuse, peak.HeapInuse)
	if used > most {
		t.Errorf("took %d MiB", used>>20)
	}
	t.Logf("%v, %d MiB in use, %d MiB in all", took.Round(time.Millisecond), used>>20, (peak.TotalAlloc-before.TotalAlloc)>>20)
	return out, diags
}
