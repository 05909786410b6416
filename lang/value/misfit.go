package value

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"runner/lang/diag"
	"runner/lang/function"
)

// Misfit is the first part of a value that cannot be what a type asks for.
type Misfit struct {
	Path cty.Path // to the part; empty: the whole value
	What string   // about the part, behind its name: "is string, not number"
}

// FindMisfit finds why a value cannot be converted to a type, which is known to fail. Keys and names of attributes are
// as sensitive as what they are in: nothing is said of them then.
func FindMisfit(v cty.Value, want cty.Type) Misfit { return findMisfit(v, want, nil) }

// String is the end of a sentence that has said what the whole value must be.
func (m Misfit) String() string {
	if len(m.Path) == 0 {
		what, _, _ := strings.Cut(m.What, ", not ")
		return "this " + what
	}
	part := PathWord(m.Path)
	if name, ok := strings.CutPrefix(part, "."); ok {
		part = diag.Quote(name)
	}
	return part + " in it " + m.What
}

// At is the place of the part in the expression of the whole value, as far as that is written out.
func (m Misfit) At(e hclsyntax.Expression) hcl.Range { return Narrow(e, m.Path) }

func findMisfit(v cty.Value, want cty.Type, path cty.Path) Misfit {
	word := Word(v)
	if v.ContainsMarked() {
		word = diag.Kind(v.Type())
	}
	found := Misfit{path, fmt.Sprintf("is %s, not %s", word, diag.Constraint(want))}
	if v.IsMarked() || !v.IsKnown() || v.IsNull() || !v.CanIterateElements() || keyed(v.Type()) != keyed(want) || want.IsPrimitiveType() {
		return found
	}
	if what := lacking(v, want); what != "" {
		return Misfit{path, what}
	}
	i := 0
	for it := v.ElementIterator(); it.Next(); i++ {
		key, element := it.Element()
		inner, ok := elementOf(want, key, i)
		if !ok {
			if want.IsCollectionType() {
				break // each can be what it is
			}
			continue
		}
		switch _, err := function.Convert(element, inner); {
		case function.IsLimit(err):
			return Misfit{append(slices.Clone(path), stepTo(v, key, i)), "cannot be converted: " + err.Error()}
		case err != nil:
			return findMisfit(element, inner, append(slices.Clone(path), stepTo(v, key, i)))
		}
	}
	if want.IsCollectionType() {
		found.What = "has elements of different types"
	}
	return found
}

// keyed says whether the elements of a type have names.
func keyed(t cty.Type) bool { return t.IsObjectType() || t.IsMapType() }

// lacking says which elements are missing from a value, or are too many.
func lacking(v cty.Value, want cty.Type) string {
	switch {
	case want.IsTupleType() && v.LengthInt() != want.Length():
		return fmt.Sprintf("has %s, not %d", diag.Count(v.LengthInt(), "element"), want.Length())
	case !want.IsObjectType():
		return ""
	}
	var has, lacks []string
	for it := v.ElementIterator(); it.Next(); {
		key, _ := it.Element()
		has = append(has, key.AsString())
	}
	for name := range want.AttributeTypes() {
		if !want.AttributeOptional(name) && !slices.Contains(has, name) {
			lacks = append(lacks, name)
		}
	}
	if len(lacks) == 0 {
		return ""
	}
	slices.Sort(lacks)
	unknown := slices.DeleteFunc(has, want.HasAttribute)
	if meant := diag.Suggest(lacks[0], unknown); meant != "" {
		return fmt.Sprintf("lacks the attribute %s and has %s", diag.Quote(lacks[0]), diag.Quote(meant))
	}
	return "lacks the attribute " + diag.Quote(lacks[0])
}

// elementOf is what an element must be; there is nothing that an attribute must be which the type does not have.
func elementOf(want cty.Type, key cty.Value, i int) (cty.Type, bool) {
	switch {
	case want.IsCollectionType():
		return want.ElementType(), want.ElementType() != cty.DynamicPseudoType
	case want.IsTupleType():
		return want.TupleElementType(i), true
	case want.IsObjectType() && want.HasAttribute(key.AsString()):
		return want.AttributeType(key.AsString()), true
	}
	return cty.DynamicPseudoType, false
}

func stepTo(v, key cty.Value, i int) cty.PathStep {
	switch {
	case v.Type().IsSetType():
		return cty.IndexStep{Key: cty.NumberIntVal(int64(i))}
	case keyed(v.Type()) && hclsyntax.ValidIdentifier(key.AsString()):
		return cty.GetAttrStep{Name: key.AsString()}
	}
	return cty.IndexStep{Key: key}
}
