package function

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/customdecode"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"runner/lang/diag"
)

func (s *scope) conversions() []entry {
	return []entry{
		{
			Doc: Doc{"can", Conversion, "expression", "Whether the expression can be evaluated without an error.", []Example{
				{`can(regex("^[0-9]+$", "12"))`, "true"},
				{`can({}.missing)`, "false"},
			}},
			function: canFunction(), raw: true,
		},
		{
			Doc: Doc{"issensitive", Conversion, "value", "Whether the value is sensitive.", []Example{
				{`issensitive(sensitive("a"))`, "true"},
			}},
			function: sensitivity(isSensitive), raw: true,
		},
		{
			Doc: Doc{"nonsensitive", Conversion, "value", "The value as one that may be shown. Use it only where the result gives nothing away.", []Example{
				{`nonsensitive(sha256(sensitive("a"))) == sha256("a")`, "true"},
			}},
			function: sensitivity(s.withoutSensitive), raw: true,
		},
		{
			Doc: Doc{"sensitive", Conversion, "value", "The value as one that is never shown.", []Example{
				{`nonsensitive(sensitive("a"))`, `"a"`},
			}},
			function: sensitivity(s.sensitive), raw: true,
		},
		{
			Doc: Doc{"tobool", Conversion, "value", `The value as a bool: "true" and "false" can be converted.`, []Example{
				{`tobool("true")`, "true"},
			}},
			function: stdlib.MakeToFunc(cty.Bool),
		},
		{
			Doc: Doc{"tolist", Conversion, "value", "The value as a list, its elements converted to one type.", []Example{
				{`tolist(["a", 1])`, `["a", "1"]`},
			}},
			function: toCollection(cty.List(cty.DynamicPseudoType)),
		},
		{
			Doc: Doc{"tomap", Conversion, "value", "The value as a map, its elements converted to one type.", []Example{
				{`tomap({ a = "x", b = 1 })`, `{ a = "x", b = "1" }`},
			}},
			function: toCollection(cty.Map(cty.DynamicPseudoType)),
		},
		{
			Doc: Doc{"tonumber", Conversion, "value", "The value as a number.", []Example{
				{`tonumber("12.5")`, "12.5"},
			}},
			function: stdlib.MakeToFunc(cty.Number),
			limit:    func(args []cty.Value) error { return CheckDigits(args[0]) },
		},
		{
			Doc: Doc{"toset", Conversion, "value", "The value as a set: without duplicates and without order.", []Example{
				{`toset(["b", "a", "b"])`, `["a", "b"]`},
			}},
			function: toCollection(cty.Set(cty.DynamicPseudoType)),
		},
		{
			Doc: Doc{"tostring", Conversion, "value", "The value as text; only numbers and bools can be converted.", []Example{
				{`tostring(12.5)`, `"12.5"`},
			}},
			function: stdlib.MakeToFunc(cty.String),
		},
		{
			Doc: Doc{"try", Conversion, "expression...", "The value of the first expression that can be evaluated without an error.", []Example{
				{`try({ port = 80 }.prot, 8080)`, "8080"},
			}},
			function: tryFunction(), raw: true,
		},
		{
			Doc: Doc{"type", Conversion, "value", "The type of the value as it would be written in a variable block.", []Example{
				{`type(tolist(["a"]))`, `"list(string)"`},
				{`type({ a = 1 })`, `"object({a=number})"`},
			}},
			function: define(cty.String, func(args []cty.Value) (cty.Value, error) {
				t := args[0].Type()
				if !isData(t) {
					return cty.NilVal, function.NewArgErrorf(0, "must not be or hold a chain, a handler or a host")
				}
				return cty.StringVal(typeexpr.TypeString(t)), nil
			}, function.Parameter{Name: "value", Type: cty.DynamicPseudoType, AllowNull: true, AllowUnknown: true, AllowDynamicType: true}),
		},
	}
}

// isData says whether a type can be written: all but those of chains and the like can.
func isData(t cty.Type) bool {
	switch {
	case t.IsCapsuleType():
		return false
	case t.IsCollectionType():
		return isData(t.ElementType())
	case t.IsTupleType():
		return !slices.ContainsFunc(t.TupleElementTypes(), func(e cty.Type) bool { return !isData(e) })
	case t.IsObjectType():
		for _, e := range t.AttributeTypes() {
			if !isData(e) {
				return false
			}
		}
	}
	return true
}

// toCollection is a conversion to a list, set or map of elements of one type.
func toCollection(t cty.Type) function.Function {
	plain := stdlib.MakeToFunc(t)
	return function.New(&function.Spec{
		Params: plain.Params(),
		Type:   function.StaticReturnType(cty.DynamicPseudoType),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			v, err := Convert(args[0], t)
			switch {
			case IsLimit(err):
				return cty.NilVal, function.NewArgError(0, err)
			case err != nil:
				return plain.Call(args) // says it in its own words
			}
			return v, nil
		},
	})
}

// sensitivity makes a function that changes the marks of a value, which may be of any type, unknown or null.
func sensitivity(change func(cty.Value) cty.Value) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{open(whatever("value"))},
		Type:   function.StaticReturnType(cty.DynamicPseudoType),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return change(args[0]), nil
		},
	})
}

// sensitive marks a value.
func (s *scope) sensitive(v cty.Value) cty.Value {
	v = v.Mark(Sensitive)
	s.run.Hide(v)
	return v
}

func isSensitive(v cty.Value) cty.Value {
	switch {
	case v.HasMark(Sensitive):
		return cty.True
	case !v.IsKnown():
		return cty.UnknownVal(cty.Bool)
	}
	return cty.False
}

func (s *scope) withoutSensitive(v cty.Value) cty.Value {
	s.run.reveal(v)
	v, marks := v.Unmark()
	delete(marks, Sensitive)
	return v.WithMarks(marks)
}

// tryFunction and canFunction evaluate each expression once, however deeply calls of them are nested. An expression
// whose value is not fully known may still fail later, so its result is unknown.
func tryFunction() function.Function {
	return function.New(&function.Spec{
		VarParam: &function.Parameter{Name: "expressions", Type: customdecode.ExpressionClosureType},
		Type:     function.StaticReturnType(cty.DynamicPseudoType),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if len(args) == 0 {
				return cty.NilVal, errors.New("at least one argument is required")
			}
			var failed []hcl.Diagnostics
			for _, arg := range args {
				v, diags := customdecode.ExpressionClosureFromVal(arg).Value()
				if !diags.HasErrors() {
					return settled(v, v), nil
				}
				failed = append(failed, diags)
			}
			// Putting errors into words evaluates once more what they are about, so it is done only where they are shown.
			var failures []string
			for _, diags := range failed {
				failures = append(failures, failure(diags))
			}
			return cty.NilVal, fmt.Errorf("no expression succeeded:\n%s", strings.Join(failures, "\n"))
		},
	})
}

func canFunction() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "expression", Type: customdecode.ExpressionClosureType}},
		Type:   function.StaticReturnType(cty.DynamicPseudoType),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			v, diags := customdecode.ExpressionClosureFromVal(args[0]).Value()
			if diags.HasErrors() {
				return cty.False, nil
			}
			if !v.IsWhollyKnown() {
				return cty.UnknownVal(cty.Bool), nil
			}
			return cty.True, nil
		},
	})
}

// settled returns the result if the value is fully known, else an unknown value that is as sensitive as it.
func settled(v, result cty.Value) cty.Value {
	if v.IsWhollyKnown() {
		return result
	}
	_, marks := v.UnmarkDeep()
	return cty.DynamicVal.WithMarks(marks)
}

// failure is the first error on one line, in words that show nothing sensitive.
func failure(diags hcl.Diagnostics) string {
	for _, d := range diag.Own(diags, diag.Evaluate) {
		if d.Severity != hcl.DiagError {
			continue
		}
		at := ""
		if d.Subject != nil {
			at = fmt.Sprintf(" (%s line %d)", d.Subject.Filename, d.Subject.Start.Line)
		}
		return fmt.Sprintf("- %s%s: %s", d.Summary, at, d.Detail)
	}
	return ""
}
