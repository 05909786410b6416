package function_test

import (
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"runner/lang/function"
)

// G35: whatever would be huge is an error within 200 ms and 64 MiB.
func TestBombs(t *testing.T) {
	ctx := scope(t)
	mega := strings.Repeat("a", 1<<20)
	numbers := make([]cty.Value, 1000)
	for i := range numbers {
		numbers[i] = cty.NumberIntVal(int64(i))
	}
	deep := cty.StringVal("x")
	for range 2000 {
		deep = cty.TupleVal([]cty.Value{deep})
	}
	ctx.Variables["mega"] = cty.StringVal(mega)
	ctx.Variables["huge"] = cty.StringVal(strings.Repeat(mega, 8))
	ctx.Variables["thousand"] = cty.ListVal(numbers)
	ctx.Variables["deep"] = deep
	ctx.Variables["lines"] = cty.StringVal(strings.Repeat("\n", 1<<20))
	ctx.Variables["commas"] = cty.StringVal("[1" + strings.Repeat(",1", 1<<20) + "]")
	ctx.Variables["nested"] = cty.StringVal(strings.Repeat("[", 1<<20))
	ctx.Variables["objects"] = cty.StringVal(strings.Repeat(`{"a":`, 1<<18))
	ctx.Variables["dashes"] = cty.StringVal(strings.Repeat("- ", 1<<18))
	ctx.Variables["indented"] = cty.StringVal(indented(1000))
	ctx.Variables["laughs"] = cty.StringVal(laughs())
	ctx.Variables["rows"] = cty.StringVal("a\n" + strings.Repeat("1\n", 1<<20))
	ctx.Variables["large"] = cty.NumberVal(cty.MustParseNumberVal("1e999999").AsBigFloat())

	for _, src := range []string{
		`format("%999999999s", "x")`, `format("%.999999999f", 1)`, `format("%60000s%60000s${join("", [for i in range(200) : "%60000s"])}", "a", "b", [for i in range(200) : "a"]...)`,
		`format(join("", [for i in range(20) : "%[1]s"]), mega)`,
		`formatlist("%60000s", thousand)`, `formatlist("%s-%s", thousand, mega)`,
		`range(1e9)`, `range(0, 1, 1e-9)`,
		`setproduct(thousand, thousand)`, `setproduct([for i in range(12) : range(12)]...)`,
		`join(mega, thousand)`, `join(",", [for i in range(20) : mega])`, `indent(1000, lines)`, `indent(1e15, "a\nb")`,
		`replace(mega, "a", "0123456789")`, `replace(mega, "", mega)`, `replace(mega, "/a/", "0123456789")`, `replace(mega, "/(a+)/", join("", [for i in range(100) : "$1"]))`,
		`replace(huge, "/a/", "b")`,
		`regexall("", mega)`, `regexall("(a)", mega)`, `regex("a", huge)`, `regex(mega, "a")`, `split("", mega)`, `split("a", mega)`,
		`jsondecode(nested)`, `jsondecode(objects)`, `jsondecode(commas)`, `jsondecode("1e999999999")`, `jsondecode(huge)`,
		`yamldecode(nested)`, `yamldecode(dashes)`, `yamldecode(indented)`, `yamldecode(laughs)`, `yamldecode(commas)`, `yamldecode(huge)`,
		`csvdecode(rows)`, `csvdecode(commas)`,
		`jsonencode(deep)`, `type(deep)`, `flatten(deep)`, `templatefile("inner.tftpl", { n = deep })`,
		`jsonencode([for i in range(10) : mega])`, `tostring(large)`, `format("%s", large)`, `jsonencode(large)`, `log(large, 2)`,
		`bcrypt("x", 31)`, `parseint(mega, 10)`, `pow(1e300, 1e300)`, `base64encode(huge)`, `urlencode(join("", [huge, "%%%%%%"]))`,
		`file("/dev/zero")`, `cidrsubnets("::/0", [for i in range(1000) : 1]...)`, `templatefile("self.tftpl", {})`, `formatdate(mega, "2026-03-01T00:00:00Z")`,
		`fileset("/", "[")`, `timeadd("2026-03-01T00:00:00Z", "99999999h")`,
	} {
		expr := expression(t, src)
		best, least := time.Hour, uint64(1<<40)
		var diags hcl.Diagnostics
		for range 3 {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			start, used := time.Now(), processorTime(t)
			_, diags = expr.Value(ctx)
			best = min(best, time.Since(start), processorTime(t)-used) // the machine may be busy
			runtime.ReadMemStats(&after)
			least = min(least, after.TotalAlloc-before.TotalAlloc)
		}
		if !diags.HasErrors() {
			t.Errorf("%s is no error (%v, %d MiB)", src, best, least>>20)
			continue
		}
		if best > 200*time.Millisecond || least > 64<<20 {
			t.Errorf("%s took %v and %d MiB", src, best, least>>20)
		}
	}
}

// processorTime is what this process has used so far.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// G35: values that hold the same part often take no memory, but to look through them takes time.
func TestSharedParts(t *testing.T) {
	ctx := scope(t)
	doubled := cty.StringVal("x")
	for range 17 {
		doubled = cty.TupleVal([]cty.Value{doubled, doubled})
	}
	if err := function.Check(doubled); err != nil {
		t.Fatalf("a local may hold this: %v", err)
	}
	ctx.Variables["doubled"] = doubled
	for _, src := range []string{
		`jsonencode([doubled, doubled, 1])`, `tolist([doubled, doubled, 1])`, `contains([doubled, doubled, 1], 1)`,
		`templatestring("$${a[0]}", { a = [doubled, doubled, 1] })`, `distinct([[doubled, doubled, 1]])`,
	} {
		start := time.Now()
		v, diags := evaluate(t, src, ctx)
		if !diags.HasErrors() {
			t.Errorf("%s is no error: %s", src, v.Type().FriendlyName())
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("%s took %v", src, took)
		}
	}
}

// indented is YAML of many levels.
func indented(levels int) string {
	var b strings.Builder
	for i := range levels {
		fmt.Fprintf(&b, "%sa:\n", strings.Repeat(" ", i))
	}
	return b.String()
}

// laughs is YAML of a few lines that stands for a billion elements.
func laughs() string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 9; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
	}
	return b.String()
}

// Locals that contain each other twice grow without any function.
func TestCheck(t *testing.T) {
	text, list := cty.StringVal("0123456789"), cty.ListVal([]cty.Value{cty.True})
	failed := map[string]int{}
	for i := range 40 {
		if failed["text"] == 0 {
			joined := cty.StringVal(text.AsString() + text.AsString())
			if err := function.Check(joined); err != nil {
				failed["text"] = i
			}
			text = joined
		}
		if failed["list"] == 0 {
			start := time.Now()
			list = cty.TupleVal([]cty.Value{list, list})
			if err := function.Check(list); err != nil {
				failed["list"] = i
			}
			if took := time.Since(start); took > time.Second {
				t.Fatalf("the check of level %d took %v", i, took)
			}
		}
	}
	if failed["text"] == 0 || failed["list"] == 0 {
		t.Errorf("not noticed: %v", failed)
	}
	for _, v := range []cty.Value{
		cty.StringVal(strings.Repeat("a", function.MaxText)), cty.UnknownVal(cty.List(cty.String)), cty.DynamicVal, cty.NullVal(cty.DynamicPseudoType),
		cty.StringVal("a").Mark(function.Sensitive), cty.MapVal(map[string]cty.Value{"a": cty.NumberFloatVal(1e300)}).Mark(function.Sensitive),
	} {
		if err := function.Check(v); err != nil {
			t.Errorf("%s: %v", v.Type().FriendlyName(), err)
		}
	}
	if err := function.Check(cty.StringVal(strings.Repeat("a", function.MaxText+1))); err == nil {
		t.Error("a text that is too large passed")
	}
}

// What sites do need is far below the limits.
func TestWithinLimits(t *testing.T) {
	ctx := scope(t)
	hosts := map[string]cty.Value{}
	for i := range 3_000 {
		hosts[fmt.Sprint("web", i)] = cty.ObjectVal(map[string]cty.Value{
			"name": cty.StringVal("web"), "address": cty.StringVal("a.example.net"), "labels": cty.MapVal(map[string]cty.Value{"tier": cty.StringVal("web")}),
			"vars": cty.ObjectVal(map[string]cty.Value{"port": cty.NumberIntVal(80)}), "facts": cty.DynamicVal,
		})
	}
	ctx.Variables["host"] = cty.ObjectVal(map[string]cty.Value{"web": cty.MapVal(hosts)})
	ctx.Variables["text"] = cty.StringVal(strings.Repeat("line of text\n", 50_000))
	for _, src := range []string{
		`length(values(host.web)) == 3000`, `length(join(",", keys(host.web))) > 3000`, `length(toset(keys(host.web))) == 3000`,
		`length(distinct([for h in host.web : h.name])) == 1`, `length(concat(values(host.web), values(host.web))) == 6000`,
		`length(jsonencode([for k, h in host.web : { k = k, a = h.address }])) > 30000`, `length(split("\n", text)) == 50001`,
		`length(indent(2, text)) > 700000`, `length(format("%s%s", text, text)) == 1300000`, `length(base64encode(text)) > 800000`,
		`length(jsondecode(jsonencode([for k, h in host.web : { k = k, a = h.address }]))) == 3000`, `length(regexall("line", text)) == 50000`,
		`length(formatlist("%s.example.net:%d", keys(host.web), 80)) == 3000`, `length(replace(text, "/line/", "LINE")) == 650000`,
		`length(setproduct(range(100), range(100))) == 10000`, `length(csvdecode(join("\n", concat(["a,b"], [for k, h in host.web : "${k},1"])))) == 3000`,
	} {
		if v, diags := evaluate(t, src, ctx); diags.HasErrors() || !v.RawEquals(cty.True) {
			t.Errorf("%s: %#v %v", src, v, diags)
		}
	}
}
