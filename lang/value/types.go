package value

import (
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"runner/lang/diag"
)

// capsule makes a type of values that are no data.
func capsule(name string) cty.Type { return cty.Capsule(name, reflect.TypeFor[Thing]()) }

// TypeWord names the type of a value in the words of the language, short.
func TypeWord(t cty.Type) string {
	switch {
	case IsHost(t):
		return "a host"
	case t.IsObjectType() && areHosts(maps.Values(t.AttributeTypes())):
		return "a map of hosts"
	case t.IsTupleType() && areHosts(slices.Values(t.TupleElementTypes())):
		return "a list of hosts"
	}
	return diag.TypeOf(t)
}

// IsHost tells the objects that stand for hosts: no expression can make the value that they have for facts.
func IsHost(t cty.Type) bool {
	return t.IsObjectType() && t.HasAttribute("facts") && t.AttributeType("facts").Equals(NoFactsType)
}

// areHosts says whether there are types, and all of them are of hosts.
func areHosts(types iter.Seq[cty.Type]) bool {
	some := false
	for t := range types {
		if !IsHost(t) {
			return false
		}
		some = true
	}
	return some
}

// PathWord writes a way into a value as an expression does.
func PathWord(path cty.Path) string {
	var b strings.Builder
	for _, step := range path {
		switch step := step.(type) {
		case cty.GetAttrStep:
			fmt.Fprintf(&b, ".%s", step.Name)
		case cty.IndexStep:
			key, _ := step.Key.Unmark()
			switch {
			case !key.IsKnown() || key.IsNull() || !key.Type().IsPrimitiveType():
				b.WriteString("[…]")
			case key.Type() == cty.String:
				fmt.Fprintf(&b, "[%q]", key.AsString())
			case key.Type() == cty.Number:
				fmt.Fprintf(&b, "[%s]", key.AsBigFloat().Text('f', -1))
			}
		}
	}
	return b.String()
}

// Thing is what a value of one of the types below stands for. Only this program can make such values.
type Thing struct{ Is any }

// The types of values that are no data: a chain, a handler, and what a host has for facts where facts cannot be used.
// The last also tells host objects from objects that only look like one.
var (
	ChainType   = capsule("chain")                           //nolint:gochecknoglobals // a type, never changed
	HandlerType = capsule("handler")                         //nolint:gochecknoglobals // a type, never changed
	NoFactsType = capsule("facts, which are not known here") //nolint:gochecknoglobals // a type, never changed
)

// Of makes a value that stands for something.
func Of(t cty.Type, thing any) cty.Value { return cty.CapsuleVal(t, &Thing{thing}) }

// Is returns what a value of such a type stands for; nil for any other value.
func Is(v cty.Value) any {
	v, _ = v.Unmark()
	if !v.IsKnown() || v.IsNull() || !v.Type().IsCapsuleType() {
		return nil
	}
	if thing, ok := v.EncapsulatedValue().(*Thing); ok {
		return thing.Is
	}
	return nil
}

// Word is TypeWord for a value, which may be null.
func Word(v cty.Value) string {
	if v.IsKnown() && v.IsNull() {
		return "null"
	}
	return TypeWord(v.Type())
}
