package function_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"runner/lang/diag"
	"runner/lang/function"
)

// Whatever function a sensitive value goes through, the result is sensitive; where only a part is, so is the part.
func TestSensitiveStaysSensitive(t *testing.T) {
	ctx := scope(t)
	for _, src := range []string{
		`upper(secret)`, `format("%s", secret)`, `join(",", ["a", secret])`, `length(secret)`, `base64encode(secret)`,
		`sha256(secret)`, `bcrypt(secret, 4)`, `jsonencode({ a = secret })`, `jsondecode("\"${secret}\"")`, `yamlencode([secret])`,
		`replace("a", "a", secret)`, `regex(".", secret)`, `split("", secret)`, `coalesce(secret, "a")`, `lookup({ a = secret }, "a")`,
		`lookup(sensitive({ a = "x" }), "a")`, `one([secret])`, `values({ a = secret })[0]`, `element([secret], 0)`,
		`concat([secret], ["a"])[0]`, `merge({ a = secret }, {}).a`, `tostring(secret)`, `tolist([secret])`, `tomap({ a = secret })`,
		`toset([secret])`, `try(secret, "a")`, `index([secret], "hunter2")`, `contains([secret], "x")`, `distinct([secret])`,
		`substr(secret, 0, 1)`, `templatestring("$${a}", { a = secret })`, `templatestring(secret, {})`,
		`templatefile("inner.tftpl", { n = secret })`, `templatefile("outer.tftpl", { name = secret })`, `urlencode(secret)`,
		`sensitive("a")`, `sort([secret])`, `zipmap(["a"], [secret])`, `flatten([[secret]])`, `uuidv5("dns", secret)`,
		`matchkeys(["a"], [secret], ["hunter2"])`, `transpose({ a = [secret] })`, `strcontains(secret, "x")`, `env(secret, "x")`,
		`fileexists(secret)`, `cidrhost(sensitive("10.0.0.0/8"), 1)`, `timecmp(sensitive("2026-03-01T00:00:00Z"), timestamp())`,
		`setproduct([secret], ["a"])`, `chunklist([secret], 1)`, `formatlist("%s", [secret])`, `type(secret)`,
		`alltrue([sensitive(true)])`, `sum([sensitive(1)])`, `max(1, sensitive(2))`, `reverse([secret])[0]`, `slice([secret], 0, 1)[0]`,
	} {
		v, diags := evaluate(t, src, ctx)
		if diags.HasErrors() {
			t.Errorf("%s: %v", src, diags)
			continue
		}
		if !v.ContainsMarked() {
			t.Errorf("%s is not sensitive: %#v", src, v)
		}
	}
	for _, src := range []string{
		`nonsensitive(secret)`, `templatefile("inner.tftpl", { n = "a", secret = secret })`, `length([secret])`, `keys({ a = secret })`,
		`lookup({ a = secret, b = "x" }, "b")`, `issensitive(secret)`, `merge({ a = secret }, { b = 1 }).b`,
	} {
		if v, diags := evaluate(t, src, ctx); diags.HasErrors() || v.ContainsMarked() {
			t.Errorf("%s is sensitive: %#v %v", src, v, diags)
		}
	}
}

// G36: no error, whatever the function, shows an argument that is sensitive.
func TestSensitiveIsNotInErrors(t *testing.T) {
	ctx := scope(t)
	tried := 0
	for _, line := range calls(t) {
		call, _, ok := strings.Cut(line, " !>")
		if !ok || strings.Contains(call, "key") {
			continue
		}
		// Every text of the call becomes sensitive and says hunter2 somewhere.
		secret := strings.NewReplacer(`("`, `(sensitive("hunter2 `, `",`, `"),`, `")`, `"))`, ` "`, ` sensitive("hunter2 `).Replace(call)
		v, diags := evaluateLoosely(secret, ctx)
		if v != cty.NilVal || diags == nil {
			continue
		}
		tried++
		var text strings.Builder
		if err := (diag.Printer{}).Print(&text, diags); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(text.String(), "hunter2") {
			t.Errorf("%s:\n%s", secret, text.String())
		}
	}
	if tried < 20 {
		t.Errorf("only %d calls failed", tried)
	}
	for _, src := range []string{
		`parseint(secret, 10)`, `tonumber(secret)`, `jsondecode(secret)`, `yamldecode("[${secret}")`, `formatdate(secret, timestamp())`,
		`file(secret)`, `templatefile(secret, {})`, `templatestring("$${${secret}}", {})`, `cidrhost(secret, 1)`, `uuidv5(secret, "a")`,
		`env(secret)`, `lookup({}, secret)`, `lookup({ a = 1 }, secret)`, `regex(secret, "x")`, `csvdecode("${secret},${secret}\n1,2")`,
		`try(file(secret))`, `templatestring("$${parseint(s, 10)}", { s = secret })`, `index(["a"], secret)`,
		`textdecodebase64("YQ==", secret)`, `format("%z${secret}", 1)`, `timeadd(secret, "1h")`,
	} {
		v, diags := evaluate(t, src, ctx)
		if !diags.HasErrors() {
			t.Errorf("%s is %#v", src, v)
			continue
		}
		var text strings.Builder
		if err := (diag.Printer{}).Print(&text, diags); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(text.String(), "hunter2") {
			t.Errorf("%s shows the secret:\n%s", src, text.String())
		}
	}
}

// What a sensitive argument is wrong with is said where that gives nothing away.
func TestSensitiveNull(t *testing.T) {
	_, diags := evaluate(t, `upper(sensitive(null))`, scope(t))
	if !diags.HasErrors() || !strings.Contains(diags[0].Detail, "must not be null") {
		t.Error(diags)
	}
}

// Unknown arguments give unknown results, of the type that is known; what can be checked already is.
func TestUnknown(t *testing.T) {
	ctx := scope(t)
	tests := []struct {
		src  string
		want cty.Type
	}{
		{`upper(unknown)`, cty.String},
		{`length(unknown)`, cty.Number},
		{`jsonencode({ a = unknown })`, cty.String},
		{`jsondecode(unknown)`, cty.DynamicPseudoType},
		{`file(unknown)`, cty.String},
		{`templatefile(unknown, {})`, cty.DynamicPseudoType},
		{`templatefile("greeting.tftpl", { name = unknown, ports = [] })`, cty.String},
		{`templatefile("greeting.tftpl", later)`, cty.DynamicPseudoType},
		{`templatestring(unknown, {})`, cty.DynamicPseudoType},
		{`sha256(unknown)`, cty.String},
		{`bcrypt(unknown)`, cty.String},
		{`env(unknown)`, cty.String},
		{`alltrue([true, unknown == "a"])`, cty.Bool},
		{`sum([1, length(unknown)])`, cty.Number},
		{`coalesce(unknown, "a")`, cty.String},
		{`try(unknown, "a")`, cty.DynamicPseudoType},
		{`can(unknown)`, cty.Bool},
		{`distinct([unknown])`, cty.List(cty.String)},
		{`index([unknown], "a")`, cty.Number},
		{`lookup({ a = unknown }, "a")`, cty.String},
		{`one(later)`, cty.DynamicPseudoType},
		{`issensitive(unknown)`, cty.Bool},
		{`cidrhost(unknown, 1)`, cty.String},
		{`join(",", [unknown])`, cty.String},
		{`format("%s", unknown)`, cty.String},
		{`upper(later)`, cty.String},
		{`type(unknown)`, cty.String},
	}
	for _, test := range tests {
		v, diags := evaluate(t, test.src, ctx)
		if diags.HasErrors() {
			t.Errorf("%s: %v", test.src, diags)
			continue
		}
		if test.src != `type(unknown)` && v.IsKnown() || !v.Type().Equals(test.want) {
			t.Errorf("%s is %#v, not an unknown %s", test.src, v, test.want.FriendlyName())
		}
	}
	for src, want := range map[string]bool{`alltrue([false, unknown == "a"])`: false, `anytrue([unknown == "a", true])`: true} {
		if v, diags := evaluate(t, src, ctx); diags.HasErrors() || !v.RawEquals(cty.BoolVal(want)) {
			t.Errorf("%s is %#v %v", src, v, diags)
		}
	}
	for _, src := range []string{
		`templatefile("missing.tftpl", later)`, `templatefile("broken.tftpl", { a = unknown })`,
		`templatefile("undeclared.tftpl", { a = unknown })`, `upper(try(unknown, 1), 2)`,
	} {
		if v, diags := evaluate(t, src, ctx); !diags.HasErrors() {
			t.Errorf("%s is %#v, without an error", src, v)
		}
	}
	if v, _ := evaluate(t, `try(sensitive(unknown), "a")`, ctx); !v.IsMarked() {
		t.Error("try forgets that an unknown value is sensitive")
	}
}

// What is evaluated once a run is the same in all modules of it, and for all who ask at the same time.
func TestOnceARun(t *testing.T) {
	run := function.NewRun()
	src := `"${timestamp()} ${uuid()} ${bcrypt("a", 4)} ${bcrypt("b", 4)}"`
	var texts [8]string
	var group sync.WaitGroup
	for i := range texts {
		group.Go(func() {
			ctx := &hcl.EvalContext{Functions: function.Functions(function.Options{Run: run})}
			if v, diags := evaluateLoosely(src, ctx); len(diags) == 0 {
				texts[i] = v.AsString()
			}
		})
	}
	group.Wait()
	for _, text := range texts {
		if text == "" || text != texts[0] {
			t.Fatalf("%q", texts)
		}
	}
	if other := function.NewRun(); other.UUID == run.UUID {
		t.Error("two runs have one UUID")
	}
}
