//go:build linux

package catalog_test

import (
	"maps"
	"math/big"
	"slices"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"runner/agent/action"
	"runner/agent/action/actiontest"
	"runner/agent/action/catalog"
	"runner/agent/action/pattern/compile"
	"runner/agent/schema"
	"runner/agent/wire"
)

// TestG28UnknownArguments: whichever argument only the run will give, the preview of an action is no error where it would be none
// if the argument were known, and it does not say that nothing will be done for want of knowing better.
func TestG28UnknownArguments(t *testing.T) {
	schemas := catalog.Schemas()
	looked := map[string]bool{}
	for _, d := range catalog.All() {
		for _, example := range tasks(t, schemas[d.Name]) {
			t.Run(d.Name+"/"+example.name, func(t *testing.T) {
				b := actiontest.New(t)
				look := func(a actiontest.Args, unknown ...string) (action.Outcome, error) {
					env := b.Env(wire.ModeLook)
					env.Unknown = unknown
					return b.Make(d.Name, a).Look(t.Context(), env)
				}
				known, err := look(example.args)
				if err != nil {
					t.Logf("where this test runs it is an error anyhow: %v", err)
					return
				}
				looked[d.Name] = true
				for name := range example.args {
					a := maps.Clone(example.args)
					delete(a, name)
					out, err := look(a, name)
					switch {
					case err != nil:
						t.Errorf("with an unknown %s: %v", name, err)
					case out.Change.Verb == wire.VerbNone && known.Change.Verb != wire.VerbNone:
						t.Errorf("with an unknown %s nothing would be done; with a known one: %s", name, known.Change.Verb)
					case known.Change.Verb == wire.VerbNone && out.Change.Verb != wire.VerbNone && out.Change.Verb != wire.VerbRead && len(out.Change.Unknown) == 0:
						t.Errorf("with an unknown %s: %+v, which does not say that something is unknown", name, out.Change)
					}
				}
			})
		}
	}
	if 2*len(looked) < len(catalog.All()) {
		t.Errorf("only %v could be looked at", slices.Sorted(maps.Keys(looked)))
	}
}

type task struct {
	name string
	args actiontest.Args
}

// tasks are those of an action's example, with the arguments that are literal.
func tasks(t *testing.T, of schema.Block) []task {
	t.Helper()
	file, diags := hclsyntax.ParseConfig([]byte(of.Example), "example.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	var out []task
	for _, block := range file.Body.(*hclsyntax.Body).Blocks {
		if block.Type != "task" {
			continue
		}
		one := task{block.Labels[1], actiontest.Args{}}
		for name, attribute := range block.Body.Attributes {
			v, diags := attribute.Expr.Value(nil)
			if diags.HasErrors() || slices.Contains([]string{"when", "run_as", "timeout", "notify", "on", "source", "environment"}, name) {
				continue // what the controller makes of it is not for here
			}
			one.args[name] = plain(v)
			if text, ok := one.args[name].(string); ok && slices.ContainsFunc(of.Arguments, func(a schema.Attribute) bool { return a.Name == name && a.Type == schema.Regex }) {
				if one.args[name], _ = compile.Program(text); one.args[name] == nil {
					t.Errorf("%q is no regular expression", text)
				}
			}
		}
		out = append(out, one)
	}
	return out
}

// plain makes of a literal what the wire carries.
func plain(v cty.Value) any {
	switch {
	case v.IsNull():
		return nil
	case v.Type() == cty.String:
		return v.AsString()
	case v.Type() == cty.Bool:
		return v.True()
	case v.Type() == cty.Number:
		if i, accuracy := v.AsBigFloat().Int64(); accuracy == big.Exact {
			return i
		}
		f, _ := v.AsBigFloat().Float64()
		return f
	case v.Type().IsTupleType():
		list := []any{}
		for _, e := range v.AsValueSlice() {
			list = append(list, plain(e))
		}
		return list
	}
	m := map[string]any{}
	for k, e := range v.AsValueMap() {
		m[k] = plain(e)
	}
	return m
}
