package value

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/zclconf/go-cty/cty"
)

// capsule makes a type of values that are no data.
func capsule(name string) cty.Type { return cty.Capsule(name, reflect.TypeFor[Thing]()) }

// TypeWord names a type in the words of the language, short.
func TypeWord(t cty.Type) string {
	switch {
	case t == cty.DynamicPseudoType:
		return "any"
	case t.IsCapsuleType():
		return "a " + t.FriendlyName()
	case IsHost(t):
		return "a host"
	case t.IsObjectType() && areHosts(maps.Values(t.AttributeTypes())):
		return "a map of hosts"
	case t.IsTupleType() && areHosts(slices.Values(t.TupleElementTypes())):
		return "a list of hosts"
	case t.IsObjectType() && !short(t):
		return "object"
	case t.IsTupleType():
		return "tuple"
	case t.IsCollectionType() && !short(t):
		return strings.SplitN(t.FriendlyName(), " ", 2)[0]
	}
	return typeexpr.TypeString(t)
}

// KindWord is what a type is called without what is in it.
func KindWord(t cty.Type) string {
	word, _, _ := strings.Cut(t.FriendlyName(), " ")
	return word
}

// short says whether a type can be written out in a message.
func short(t cty.Type) bool {
	const most = 60
	return !hasCapsule(t, 0) && len(typeexpr.TypeString(t)) <= most
}

func hasCapsule(t cty.Type, depth int) bool {
	const deep = 8
	switch {
	case t.IsCapsuleType() || depth > deep:
		return true
	case t.IsCollectionType():
		return hasCapsule(t.ElementType(), depth+1)
	case t.IsTupleType():
		for _, e := range t.TupleElementTypes() {
			if hasCapsule(e, depth+1) {
				return true
			}
		}
	case t.IsObjectType():
		for _, a := range t.AttributeTypes() {
			if hasCapsule(a, depth+1) {
				return true
			}
		}
	}
	return false
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

// Because is the reason of a failed conversion, for the end of a sentence; "" where the types say all.
func Because(err error) string {
	path, ok := errors.AsType[cty.PathError](err)
	switch {
	case ok && len(path.Path) > 0:
		return fmt.Sprintf(" (at %s: %s)", PathWord(path.Path), path.Error())
	case err != nil && strings.HasPrefix(err.Error(), "attribute"):
		return fmt.Sprintf(" (%s)", err)
	}
	return ""
}
