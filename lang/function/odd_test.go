package function_test

import (
	"errors"
	"reflect"
	"testing"

	"github.com/hashicorp/hcl/v2/ext/customdecode"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
)

// oddities are values that functions are seldom written for.
func oddities() []cty.Value {
	secret := cty.StringVal("hunter2").Mark("sensitive")
	thing := cty.CapsuleVal(cty.Capsule("thing", reflect.TypeFor[int]()), new(int)) // as chains are
	return []cty.Value{
		cty.NullVal(cty.DynamicPseudoType),
		cty.NullVal(cty.String),
		cty.DynamicVal,
		cty.DynamicVal.Mark("sensitive"),
		cty.UnknownVal(cty.List(cty.String)),
		cty.UnknownVal(cty.Object(map[string]cty.Type{"a": cty.String})),
		cty.StringVal(""),
		cty.StringVal("a"),
		secret,
		cty.PositiveInfinity,
		cty.NumberIntVal(-1),
		cty.NumberFloatVal(0.5),
		cty.False,
		cty.ListValEmpty(cty.String),
		cty.ListVal([]cty.Value{secret, cty.UnknownVal(cty.String), cty.NullVal(cty.String)}),
		cty.SetVal([]cty.Value{cty.UnknownVal(cty.String), cty.StringVal("a")}),
		thing,
		cty.ObjectVal(map[string]cty.Value{"a": thing}),
		cty.ListVal([]cty.Value{thing}),
		cty.EmptyTupleVal,
		cty.TupleVal([]cty.Value{cty.DynamicVal, cty.NullVal(cty.DynamicPseudoType), secret}),
		cty.EmptyObjectVal,
		cty.ObjectVal(map[string]cty.Value{"a": secret, "b": cty.DynamicVal}),
		cty.MapVal(map[string]cty.Value{"a": cty.UnknownVal(cty.Number)}).Mark("sensitive"),
	}
}

// No function panics on any odd value in any place, as the language would pass them: converted to the parameter's type.
func TestOddArguments(t *testing.T) {
	values := oddities()
	for name, f := range scope(t).Functions {
		params, rest := f.Params(), f.VarParam()
		if len(params) > 0 && params[0].Type == customdecode.ExpressionClosureType || rest != nil && rest.Type == customdecode.ExpressionClosureType {
			continue // try and can take expressions; their own tests cover them
		}
		most := min(len(params)+2, 3)
		if rest == nil {
			most = len(params)
		}
		for n := len(params); n <= most; n++ {
			each(values, n, func(args []cty.Value) {
				given := make([]cty.Value, n)
				for i, arg := range args {
					p := rest
					if i < len(params) {
						p = &params[i]
					}
					v, err := convert.Convert(arg, p.Type)
					if err != nil {
						return
					}
					given[i] = v
				}
				_, err := f.Call(given)
				if p, ok := errors.AsType[function.PanicError](err); ok {
					t.Errorf("%s(%#v) panics: %v", name, given, p.Value)
				}
			})
		}
	}
}

// each calls use with every list of n of the values.
func each(values []cty.Value, n int, use func([]cty.Value)) {
	list := make([]cty.Value, n)
	var fill func(int)
	fill = func(i int) {
		if i == n {
			use(list)
			return
		}
		for _, v := range values {
			list[i] = v
			fill(i + 1)
		}
	}
	fill(0)
}
