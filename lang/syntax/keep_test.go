package syntax

import (
	"errors"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// TestKeep counts how often the parts of expressions are evaluated: those that are constant once, the others and those
// with errors each time.
func TestKeep(t *testing.T) {
	for src, want := range map[string]int{
		`"${self}${count(1)}"`:                   1,
		`count(self)`:                            3,
		`[count(self), count(2), [[count(3)]]]`:  5,
		`[for x in [count(1)] : "${x}${self}"]`:  1,
		`[for x in [1] : count(x)]`:              1, // all of it
		`[for x in [self] : count(x)]`:           3,
		`self == "" ? count(1) : { a = self }.a`: 1,
		`[[count(1)][0], self][0]`:               1,
		`[fail(1), self]`:                        3,
	} {
		calls := 0
		counting := func(err error) function.Function {
			return function.New(&function.Spec{
				Params: []function.Parameter{{Name: "x", Type: cty.DynamicPseudoType, AllowDynamicType: true}},
				Type:   function.StaticReturnType(cty.String),
				Impl: func([]cty.Value, cty.Type) (cty.Value, error) {
					calls++
					return cty.StringVal("x"), err
				},
			})
		}
		functions := map[string]function.Function{"count": counting(nil), "fail": counting(errors.New("no"))}
		e := Keep(parse(t, src), func(e hclsyntax.Expression) bool {
			for _, traversal := range e.Variables() {
				if traversal.RootName() != "always" {
					return false
				}
			}
			return true
		})
		for _, self := range []string{"a", "b", "c"} {
			_, _ = e.Value(&hcl.EvalContext{Functions: functions, Variables: map[string]cty.Value{"self": cty.StringVal(self)}})
		}
		if calls != want {
			t.Errorf("%s: %d calls, not %d", src, calls, want)
		}
	}
}

// TestKeepSecrets: a loop over something sensitive that is kept hides what its errors are about each time.
func TestKeepSecrets(t *testing.T) {
	e := Keep(parse(t, `[for k in concat(secret, []) : k + self]`), func(e hclsyntax.Expression) bool {
		_, isCall := Inner(e).(*hclsyntax.FunctionCallExpr)
		return isCall
	})
	ctx := &hcl.EvalContext{
		Functions: map[string]function.Function{"concat": stdlib.ConcatFunc},
		Variables: map[string]cty.Value{
			"secret": cty.ListVal([]cty.Value{cty.StringVal("hunter2")}).Mark("sensitive"), "self": cty.NumberIntVal(1),
		},
	}
	for range 2 {
		_, diags := e.Value(ctx)
		if !diags.HasErrors() || diags[0].EvalContext != nil {
			t.Errorf("it can be seen what k is: %v", diags)
		}
	}
}
