package diag

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"
)

// longestType is how many characters of a type a message shows; a longer one is only called by its kind.
const longestType = 80

// TypeOf names the type of a value in the words of the language. What is written in brackets is a list here, whatever
// its elements are.
func TypeOf(t cty.Type) string { return typeWord(t, false) }

// Constraint names a type that somebody has declared, as it is declared.
func Constraint(t cty.Type) string { return typeWord(t, true) }

func typeWord(t cty.Type, declared bool) string {
	if t.IsCapsuleType() {
		return "a " + t.FriendlyName()
	}
	if text, ok := writeType(t, declared, longestType); ok {
		return text
	}
	return Kind(t)
}

// Kind names a type without what is in it.
func Kind(t cty.Type) string {
	switch {
	case t.IsTupleType():
		return "list"
	case t.IsObjectType():
		return "object"
	case t == cty.DynamicPseudoType:
		return "any"
	}
	word, _, _ := strings.Cut(t.FriendlyName(), " ")
	return word
}

// writeType writes a type out, if it takes no more than so many characters and all of it is data.
func writeType(t cty.Type, declared bool, most int) (string, bool) {
	text := ""
	switch {
	case most < 0 || t.IsCapsuleType():
		return "", false
	case t.IsCollectionType():
		element, ok := writeType(t.ElementType(), declared, most-len("map()"))
		if !ok {
			return "", false
		}
		text = fmt.Sprintf("%s(%s)", Kind(t), element)
	case t.IsTupleType() && !declared:
		text = "list"
		if element, ok := writeType(oneType(t), declared, most-len("list()")); ok && oneType(t) != cty.DynamicPseudoType {
			text = fmt.Sprintf("list(%s)", element)
		}
	case t.IsTupleType():
		elements := make([]string, 0, len(t.TupleElementTypes()))
		for _, e := range t.TupleElementTypes() {
			element, ok := writeType(e, declared, most)
			if most -= len(element); !ok {
				return "", false
			}
			elements = append(elements, element)
		}
		text = "tuple([" + strings.Join(elements, ", ") + "])"
	case t.IsObjectType() && (declared || len(t.AttributeTypes()) > 0):
		attributes, ok := writeAttributes(t, declared, most)
		if !ok {
			return "", false
		}
		text = "object({" + attributes + "})"
	default:
		text = Kind(t)
	}
	return text, len(text) <= most
}

func writeAttributes(t cty.Type, declared bool, most int) (string, bool) {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(t.AttributeTypes())) {
		attribute, ok := writeType(t.AttributeType(name), declared, most)
		if t.AttributeOptional(name) {
			attribute = "optional(" + attribute + ")"
		}
		if most -= len(name) + len(attribute); !ok || most < 0 {
			return "", false
		}
		out = append(out, HarmlessLine(name)+" = "+attribute)
	}
	return strings.Join(out, ", "), true
}

// oneType is the type of all elements of a tuple, any type if they differ.
func oneType(t cty.Type) cty.Type {
	elements := t.TupleElementTypes()
	for _, e := range elements {
		if !e.Equals(elements[0]) {
			return cty.DynamicPseudoType
		}
	}
	if len(elements) == 0 {
		return cty.DynamicPseudoType
	}
	return elements[0]
}
