package variable

import (
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/zclconf/go-cty/cty"

	"runner/lang/function"
)

// defaultCells counts the values that the defaults of optional attributes add to one that was given, at most a little
// more than one may hold. A short type can stand for very much where a value has many elements.
func defaultCells(given cty.Value, d *typeexpr.Defaults) int {
	given, _ = given.Unmark()
	if d == nil || !given.IsKnown() || given.IsNull() || !given.CanIterateElements() {
		return 0
	}
	n := 0
	t := given.Type()
	for name, value := range d.DefaultValues {
		if t.IsObjectType() && t.HasAttribute(name) && !given.GetAttr(name).IsNull() {
			continue
		}
		n += cells(value) + defaultCells(value, d.Children[name])
	}
	for it := given.ElementIterator(); it.Next() && n <= function.MaxCells; {
		key, element := it.Element()
		child := d.Children[""]
		if t.IsObjectType() && child == nil {
			child = d.Children[key.AsString()]
		}
		n += defaultCells(element, child)
	}
	return n
}

// cells counts the values in one, itself included.
func cells(v cty.Value) int {
	v, _ = v.Unmark()
	n := 1
	if v.IsKnown() && !v.IsNull() && v.CanIterateElements() {
		for it := v.ElementIterator(); it.Next(); {
			_, element := it.Element()
			n += cells(element)
		}
	}
	return n
}

// numbers returns an error if some text in a value would be read as a number and is too long for that.
func numbers(v cty.Value, t cty.Type) error {
	if t == cty.Number {
		return function.CheckDigits(v)
	}
	v, _ = v.Unmark()
	if t.IsPrimitiveType() || t == cty.DynamicPseudoType || !v.IsKnown() || v.IsNull() || !v.CanIterateElements() {
		return nil
	}
	i := 0
	for it := v.ElementIterator(); it.Next(); i++ {
		key, element := it.Element()
		inner := cty.DynamicPseudoType
		switch {
		case t.IsCollectionType():
			inner = t.ElementType()
		case t.IsObjectType() && key.Type() == cty.String && t.HasAttribute(key.AsString()):
			inner = t.AttributeType(key.AsString())
		case t.IsTupleType() && i < t.Length():
			inner = t.TupleElementType(i)
		}
		if err := numbers(element, inner); err != nil {
			return err
		}
	}
	return nil
}
