package function

import (
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
)

// To make a collection of many elements, cty compares the type of each with that of each other: a second for ten
// thousand. Here the types that there are come first, which are few.

const (
	maxKinds = 32      // types of elements of what is long
	maxMixed = 1000    // elements of what may have more types
	maxInSet = 1 << 14 // values within the elements of a set, which are written out to be compared
)

var (
	errKinds  = fmt.Errorf("more than %d elements of more than %d types cannot be made one collection", maxMixed, maxKinds)
	errUnlike = errors.New("all elements must have the same type")
	errInSet  = fmt.Errorf("a set can have at most %d elements, those of lists and objects in it included; a list can have more", maxInSet)
)

// Convert converts a value to a type.
func Convert(v cty.Value, t cty.Type) (cty.Value, error) {
	bare, marks := v.Unmark()
	if t.IsPrimitiveType() || t == cty.DynamicPseudoType || bare.IsNull() || !bare.IsKnown() {
		return convert.Convert(v, t)
	}
	from := bare.Type()
	if t.IsSetType() && !from.IsSetType() && bare.CanIterateElements() {
		if err := inSet(bare); err != nil {
			return cty.NilVal, err
		}
	}
	if !from.IsTupleType() && !from.IsObjectType() {
		return convert.Convert(v, t)
	}
	bare, err := inside(bare, t)
	if err != nil {
		return cty.NilVal, err
	}
	convertAll := convert.Convert
	if t.IsCollectionType() && from.IsObjectType() == t.IsMapType() && bare.LengthInt() >= maxKinds {
		convertAll = collect
	}
	out, err := convertAll(bare, t)
	if err != nil {
		return cty.NilVal, err
	}
	return out.WithMarks(marks), nil
}

// inside converts the tuples and objects within a tuple or object, so that there is little left to do for all of it. What
// is of a wrong type stays as it is.
func inside(v cty.Value, t cty.Type) (cty.Value, error) {
	if t.IsCollectionType() && (t.ElementType().IsPrimitiveType() || t.ElementType() == cty.DynamicPseudoType) {
		return v, nil
	}
	part := func(e cty.Value, one cty.Type) (cty.Value, error) {
		if from := e.Type(); !from.IsTupleType() && !from.IsObjectType() {
			return e, nil
		}
		if out, err := Convert(e, one); err == nil {
			return out, nil
		} else if IsLimit(err) {
			return e, err
		}
		return e, nil
	}
	var err error
	if v.Type().IsTupleType() {
		parts := v.AsValueSlice()
		for i, e := range parts {
			switch {
			case t.IsTupleType() && i < t.Length():
				parts[i], err = part(e, t.TupleElementType(i))
			case t.IsListType() || t.IsSetType():
				parts[i], err = part(e, t.ElementType())
			}
			if err != nil {
				return v, err
			}
		}
		return cty.TupleVal(parts), nil
	}
	parts := v.AsValueMap()
	for name, e := range parts {
		switch {
		case t.IsObjectType() && t.HasAttribute(name):
			parts[name], err = part(e, t.AttributeType(name))
		case t.IsMapType():
			parts[name], err = part(e, t.ElementType())
		}
		if err != nil {
			return v, err
		}
	}
	return cty.ObjectVal(parts), nil
}

// IsLimit says whether a conversion was not even tried, because it would take too long.
func IsLimit(err error) bool {
	return errors.Is(err, errKinds) || errors.Is(err, errUnlike) || errors.Is(err, errInSet)
}

// Unified returns a tuple or object of very many elements as the list or map that HCL would make of it where it has to find
// one type for it and another value; everything else as it is.
func Unified(v cty.Value) (cty.Value, error) {
	bare, _ := v.Unmark()
	switch t := bare.Type(); {
	case bare.IsNull() || !bare.IsKnown() || !t.IsTupleType() && !t.IsObjectType() || bare.LengthInt() <= maxMixed:
		return v, nil
	case t.IsTupleType():
		return Convert(v, cty.List(cty.DynamicPseudoType))
	}
	return Convert(v, cty.Map(cty.DynamicPseudoType))
}

// collect makes a collection of the elements of a tuple or object.
func collect(v cty.Value, t cty.Type) (cty.Value, error) {
	one := t.ElementType()
	if one == cty.DynamicPseudoType {
		kinds, err := kindsOf(elementTypes(v.Type()))
		if err != nil {
			return cty.NilVal, err
		}
		if one = kinds[0]; len(kinds) > 1 {
			one, _ = convert.UnifyUnsafe(kinds)
		}
	}
	if one == cty.NilType || one.HasDynamicTypes() {
		if v.LengthInt() > maxMixed {
			return cty.NilVal, errUnlike
		}
		return convert.Convert(v, t)
	}
	out, err := build(v, t, one)
	if err != nil && !IsLimit(err) {
		return convert.Convert(v, t) // says where
	}
	return out, err
}

func elementTypes(t cty.Type) []cty.Type {
	if t.IsTupleType() {
		return t.TupleElementTypes()
	}
	return slices.Collect(maps.Values(t.AttributeTypes()))
}

// kindsOf returns one of each type, or an error if many are of too many types.
func kindsOf(types []cty.Type) ([]cty.Type, error) {
	if len(types) <= maxKinds {
		return types, nil
	}
	var kinds []cty.Type
	for _, t := range types {
		if slices.ContainsFunc(kinds, t.Equals) {
			continue
		}
		switch kinds = append(kinds, t); {
		case len(kinds) <= maxKinds:
		case len(types) > maxMixed:
			return nil, errKinds
		default:
			return types, nil
		}
	}
	return kinds, nil
}

// unify returns the type that values of all types can be converted to; cty.NilType if there is none.
func unify(types []cty.Type) (cty.Type, error) {
	kinds, err := kindsOf(types)
	if err != nil {
		return cty.NilType, err
	}
	t, _ := convert.UnifyUnsafe(kinds)
	return t, nil
}

// together makes lists of very long tuples among the arguments of a function that looks for one type.
func together(f function.Function) function.Function {
	rest := open(*f.VarParam())
	return function.New(&function.Spec{
		VarParam: &rest,
		Type:     function.StaticReturnType(cty.DynamicPseudoType),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			for i, arg := range args {
				list, err := Unified(arg)
				if err != nil {
					return cty.NilVal, function.NewArgError(i, err)
				}
				args[i] = list
			}
			return f.Call(args)
		},
	})
}

// build makes a collection of the elements of a tuple or object, converted to one type.
func build(v cty.Value, t, one cty.Type) (cty.Value, error) {
	var list []cty.Value
	table := map[string]cty.Value{}
	for it := v.ElementIterator(); it.Next(); {
		key, e := it.Element()
		e, err := convertOne(e, one)
		switch {
		case err != nil:
			return cty.NilVal, err
		case t.IsMapType():
			table[key.AsString()] = e
		default:
			list = append(list, e)
		}
	}
	switch {
	case t.IsMapType():
		return cty.MapVal(table), nil
	case t.IsSetType():
		return cty.SetVal(list), nil
	}
	return cty.ListVal(list), nil
}

// convertOne converts an element. Whole numbers become text here: cty's way takes many times as long.
func convertOne(e cty.Value, t cty.Type) (cty.Value, error) {
	if t == cty.String && e.Type() == cty.Number && !e.IsMarked() && e.IsKnown() && !e.IsNull() {
		if n, accuracy := e.AsBigFloat().Int64(); accuracy == big.Exact {
			return cty.StringVal(strconv.FormatInt(n, 10)), nil
		}
	}
	return Convert(e, t)
}

// inSet returns an error if the elements of a value are too large to be those of a set.
func inSet(v cty.Value) error {
	n := 0
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		m := measure{most: maxInSet - n}
		if m.add(e, 0) != nil {
			return errInSet
		}
		n += m.cells
	}
	return nil
}
