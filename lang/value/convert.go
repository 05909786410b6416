// Package value checks and converts the values of expressions: to the plain types that leave package lang, to the types
// that actions, transports and blocks ask for, and to the words of messages. It says what is wrong with a value; what
// the value is for is its callers' business.
package value

import (
	"encoding/json"
	"math"
	"math/big"
	"strconv"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"runner/agent/schema"
	"runner/lang/function"
)

// Hidden stands for sensitive values where plain ones are shown.
const Hidden = "(sensitive)"

// Plain converts a value that is wholly known and not marked to plain types: string, int64 or float64, bool, []any,
// map[string]any and nil.
func Plain(v cty.Value) any { return plain(v, plainNumber) }

// Exact is plain for values that are shown: a number that neither int64 nor float64 holds is a json.Number.
func Exact(v cty.Value) any { return plain(v, exactNumber) }

func plain(v cty.Value, number func(*big.Float) any) any {
	t := v.Type()
	switch {
	case v.IsNull() || !v.IsKnown() || t.IsCapsuleType():
		return nil
	case t == cty.String:
		return v.AsString()
	case t == cty.Number:
		return number(v.AsBigFloat())
	case t == cty.Bool:
		return v.True()
	case t.IsMapType() || t.IsObjectType():
		out := make(map[string]any, v.LengthInt())
		for it := v.ElementIterator(); it.Next(); {
			key, element := it.Element()
			out[key.AsString()] = plain(element, number)
		}
		return out
	}
	out := make([]any, 0, v.LengthInt())
	for it := v.ElementIterator(); it.Next(); {
		_, element := it.Element()
		out = append(out, plain(element, number))
	}
	return out
}

func plainNumber(f *big.Float) any {
	if i, accuracy := f.Int64(); accuracy == big.Exact {
		return i
	}
	x, _ := f.Float64()
	return x
}

// mostDigits is how long a fraction may be that somebody wrote: what is computed has a hundred and more, and is rounded.
const mostDigits = 40

func exactNumber(f *big.Float) any {
	out := plainNumber(f)
	x, ok := out.(float64)
	if !ok {
		return out
	}
	digits := -1 // as many as it takes
	if f.IsInt() {
		digits = 0
	}
	text := f.Text('f', digits)
	if !f.IsInt() && len(text) > mostDigits || text == strconv.FormatFloat(x, 'f', -1, 64) {
		return out
	}
	return json.Number(text)
}

// Quick returns the same value with whole numbers in a form that takes a tenth of the time to write out: numbers come
// from the parser with 512 bits.
func Quick(v cty.Value) cty.Value {
	out, err := cty.Transform(v, func(_ cty.Path, v cty.Value) (cty.Value, error) {
		if v.Type() != cty.Number || v.IsNull() || !v.IsKnown() {
			return v, nil
		}
		number, marks := v.Unmark()
		if i, accuracy := number.AsBigFloat().Int64(); accuracy == big.Exact {
			return cty.NumberIntVal(i).WithMarks(marks), nil
		}
		return v, nil
	})
	if err != nil {
		return v
	}
	return out
}

// Floats returns a plain value with all numbers as float64, which is how checks and transports take them.
func Floats(v any) any {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = Floats(e)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = Floats(e)
		}
		return out
	}
	return v
}

// Shown is exact for a value that may have sensitive parts, which are replaced.
func Shown(v cty.Value) any {
	if !v.ContainsMarked() {
		return Exact(v)
	}
	hide := func(_ cty.Path, v cty.Value) (cty.Value, error) {
		if v.HasMark(function.Sensitive) {
			return cty.StringVal(Hidden), nil
		}
		return v, nil
	}
	if v.HasMark(function.Sensitive) {
		return Hidden
	}
	t := v.Type()
	if t.IsMapType() || t.IsListType() || t.IsSetType() {
		// Elements of one type cannot be replaced one by one.
		v, err := convert.Convert(v, cty.DynamicPseudoType)
		if err != nil || v.ContainsMarked() {
			return shownElements(v)
		}
		return Exact(v)
	}
	v, err := cty.Transform(v, hide)
	if err != nil {
		return Hidden
	}
	return Exact(v)
}

// shownElements is shown for collections.
func shownElements(v cty.Value) any {
	if v.Type().IsMapType() {
		out := map[string]any{}
		for it := v.ElementIterator(); it.Next(); {
			key, element := it.Element()
			out[key.AsString()] = Shown(element)
		}
		return out
	}
	var out []any
	for it := v.ElementIterator(); it.Next(); {
		_, element := it.Element()
		out = append(out, Shown(element))
	}
	return out
}

// FromPlain converts a plain value to one of a type; what is missing of an object is null. A type of any takes the
// value as it is.
func FromPlain(v any, t cty.Type) cty.Value {
	switch {
	case t.IsObjectType():
		m, _ := v.(map[string]any)
		if m == nil {
			return cty.NullVal(t)
		}
		attrs := map[string]cty.Value{}
		for name, at := range t.AttributeTypes() {
			attrs[name] = FromPlain(m[name], at)
		}
		return cty.ObjectVal(attrs)
	case t.IsMapType():
		m, _ := v.(map[string]any)
		if m == nil {
			return cty.NullVal(t)
		}
		elements := map[string]cty.Value{}
		for key, e := range m {
			elements[key] = FromPlain(e, t.ElementType())
		}
		if len(elements) == 0 {
			return cty.MapValEmpty(t.ElementType())
		}
		return cty.MapVal(elements)
	case t.IsListType():
		list, ok := v.([]any)
		if !ok {
			return cty.NullVal(t)
		}
		elements := make([]cty.Value, len(list))
		for i, e := range list {
			elements[i] = FromPlain(e, t.ElementType())
		}
		if len(elements) == 0 {
			return cty.ListValEmpty(t.ElementType())
		}
		return cty.ListVal(elements)
	}
	value, err := convert.Convert(Untyped(v), t)
	if err != nil {
		return cty.NullVal(t)
	}
	return value
}

// Untyped converts a plain value as it is: lists to tuples, maps to objects.
func Untyped(v any) cty.Value {
	switch v := v.(type) {
	case string:
		return cty.StringVal(v)
	case bool:
		return cty.BoolVal(v)
	case int:
		return cty.NumberIntVal(int64(v))
	case int64:
		return cty.NumberIntVal(v)
	case uint64:
		return cty.NumberUIntVal(v)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return cty.NullVal(cty.Number)
		}
		return cty.NumberFloatVal(v)
	case []any:
		elements := make([]cty.Value, len(v))
		for i, e := range v {
			elements[i] = Untyped(e)
		}
		return cty.TupleVal(elements)
	case map[string]any:
		attrs := make(map[string]cty.Value, len(v))
		for key, e := range v {
			attrs[key] = Untyped(e)
		}
		return cty.ObjectVal(attrs)
	}
	return cty.NullVal(cty.DynamicPseudoType)
}

// ResultType is what a result of an action is.
func ResultType(b schema.Block) cty.Type {
	attrs := map[string]cty.Type{"changed": cty.Bool, "failed": cty.Bool, "skipped": cty.Bool, "duration": cty.Number}
	for _, a := range b.Results {
		attrs[a.Name] = TypeFor(a.Type)
	}
	return cty.Object(attrs)
}
