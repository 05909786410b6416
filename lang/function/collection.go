package function

import (
	"errors"
	"fmt"
	"math/big"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"runner/lang/diag"
)

// ofBools makes a function that looks for one bool: it is the answer if it is there, else the other one is, as long
// as nothing is unknown. Null is false.
func ofBools(wanted bool) function.Function {
	return define(cty.Bool, func(args []cty.Value) (cty.Value, error) {
		unknown := false
		for it := args[0].ElementIterator(); it.Next(); {
			_, v := it.Element()
			switch {
			case !v.IsKnown():
				unknown = true
			case (!v.IsNull() && v.True()) == wanted:
				return cty.BoolVal(wanted), nil
			}
		}
		if unknown {
			return cty.UnknownVal(cty.Bool), nil
		}
		return cty.BoolVal(!wanted), nil
	}, function.Parameter{Name: "list", Type: cty.List(cty.Bool)})
}

func coalesce() function.Function {
	value := whatever("values")
	value.AllowNull, value.AllowUnknown, value.AllowDynamicType = true, true, true
	return function.New(&function.Spec{
		VarParam: &value,
		Type: func(args []cty.Value) (cty.Type, error) {
			types := make([]cty.Type, len(args))
			for i, arg := range args {
				types[i] = arg.Type()
			}
			t, err := unify(types)
			if err != nil {
				return cty.NilType, err
			}
			if len(args) == 0 {
				return cty.NilType, errors.New("at least one argument is required")
			}
			if t == cty.NilType {
				return cty.NilType, errors.New("all arguments must have the same type")
			}
			return t, nil
		},
		Impl: func(args []cty.Value, t cty.Type) (cty.Value, error) {
			for _, arg := range args {
				if !arg.IsKnown() {
					return cty.UnknownVal(t), nil
				}
				v, err := convert.Convert(arg, t)
				if err != nil {
					return cty.NilVal, err
				}
				if v.IsNull() || v.Type() == cty.String && v.AsString() == "" {
					continue
				}
				return v, nil
			}
			return cty.NilVal, errors.New("all arguments are null or empty")
		},
	})
}

func distinct() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{whatever("list")},
		Type:   function.StaticReturnType(cty.DynamicPseudoType),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			list, err := Convert(args[0], cty.List(cty.DynamicPseudoType))
			if err != nil {
				return cty.NilVal, function.NewArgErrorf(0, "must be a list")
			}
			t := list.Type()
			if !list.IsWhollyKnown() {
				return cty.UnknownVal(t), nil
			}
			var out []cty.Value
			seen := map[int][]cty.Value{}
			for it := list.ElementIterator(); it.Next(); {
				_, v := it.Element()
				hash := v.Hash()
				if !among(seen[hash], v) {
					seen[hash] = append(seen[hash], v)
					out = append(out, v)
				}
			}
			if len(out) == 0 {
				return cty.ListValEmpty(t.ElementType()), nil
			}
			return cty.ListVal(out), nil
		},
	})
}

func among(list []cty.Value, v cty.Value) bool {
	for _, other := range list {
		if other.RawEquals(v) {
			return true
		}
	}
	return false
}

func indexOf() function.Function {
	return define(cty.Number, func(args []cty.Value) (cty.Value, error) {
		list, wanted := args[0], args[1]
		if t := list.Type(); !t.IsListType() && !t.IsTupleType() {
			return cty.NilVal, function.NewArgErrorf(0, "must be a list")
		}
		i := int64(0)
		for it := list.ElementIterator(); it.Next(); i++ {
			_, v := it.Element()
			equal, err := stdlib.Equal(v, wanted)
			if err != nil {
				return cty.NilVal, err
			}
			if !equal.IsKnown() {
				return cty.UnknownVal(cty.Number), nil
			}
			if equal.True() {
				return cty.NumberIntVal(i), nil
			}
		}
		return cty.NilVal, errors.New("no element equals the value")
	}, whatever("list"), whatever("value"))
}

func length() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{
			Name: "value", Type: cty.DynamicPseudoType, AllowDynamicType: true, AllowUnknown: true, AllowMarked: true,
		}},
		Type: func(args []cty.Value) (cty.Type, error) {
			t := args[0].Type()
			if t == cty.String || t == cty.DynamicPseudoType || t.IsTupleType() || t.IsObjectType() || t.IsCollectionType() {
				return cty.Number, nil
			}
			return cty.NilType, function.NewArgErrorf(0, "must be a list, set, map, object or text")
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			v, marks := args[0].Unmark()
			t := v.Type()
			switch {
			case t.IsTupleType():
				return cty.NumberIntVal(int64(t.Length())).WithMarks(marks), nil
			case t.IsObjectType():
				return cty.NumberIntVal(int64(len(t.AttributeTypes()))).WithMarks(marks), nil
			case !v.IsKnown():
				return cty.UnknownVal(cty.Number).WithMarks(marks), nil
			case t == cty.String:
				n, err := stdlib.Strlen(v)
				return n.WithMarks(marks), err
			}
			return v.Length().WithMarks(marks), nil
		},
	})
}

func lookup() function.Function {
	collection, key, otherwise := whatever("map"), text("key"), whatever("default")
	collection.AllowMarked, collection.AllowUnknown = true, true
	otherwise = open(otherwise)
	return function.New(&function.Spec{
		Params:   []function.Parameter{collection, key},
		VarParam: &otherwise,
		Type:     function.StaticReturnType(cty.DynamicPseudoType),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if len(args) > 3 {
				return cty.NilVal, errors.New("takes two or three arguments")
			}
			m, marks := args[0].Unmark()
			v, err := lookupIn(m, args[1].AsString(), args[2:])
			if err != nil {
				return cty.NilVal, err
			}
			return v.WithMarks(marks), nil
		},
	})
}

// lookupIn returns the element of an unmarked map or object, else the default if there is one.
func lookupIn(m cty.Value, key string, otherwise []cty.Value) (cty.Value, error) {
	t := m.Type()
	if !t.IsMapType() && !t.IsObjectType() {
		return cty.NilVal, function.NewArgErrorf(0, "must be a map or an object")
	}
	if t.IsMapType() && len(otherwise) > 0 {
		v, err := convert.Convert(otherwise[0], t.ElementType())
		if err != nil {
			return cty.NilVal, function.NewArgErrorf(2, "must have the type of the map's elements")
		}
		otherwise = []cty.Value{v}
	}
	switch {
	case t.IsObjectType() && t.HasAttribute(key):
		return m.GetAttr(key), nil
	case t.IsMapType() && !m.IsKnown():
		return cty.UnknownVal(t.ElementType()), nil
	case t.IsMapType() && m.HasIndex(cty.StringVal(key)).True():
		return m.Index(cty.StringVal(key)), nil
	case len(otherwise) > 0:
		return otherwise[0], nil
	}
	var names []string
	if m.IsKnown() {
		for it := m.ElementIterator(); it.Next(); {
			name, _ := it.Element()
			names = append(names, name.AsString())
		}
	}
	return cty.NilVal, fmt.Errorf("there is no element %s and no default.%s", diag.Quote(key), diag.DidYouMean(key, names))
}

// merge is that of cty, which takes anything behind a null that has no type.
func merge() function.Function {
	maps := open(whatever("maps"))
	return function.New(&function.Spec{
		VarParam: &maps,
		Type:     function.StaticReturnType(cty.DynamicPseudoType),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			for i, arg := range args {
				if t := arg.Type(); !t.IsMapType() && !t.IsObjectType() && t != cty.DynamicPseudoType {
					return cty.NilVal, function.NewArgErrorf(i, "must be a map or an object")
				}
			}
			return stdlib.MergeFunc.Call(args)
		},
	})
}

func matchkeys() function.Function {
	list := func(name string) function.Parameter {
		return function.Parameter{Name: name, Type: cty.List(cty.DynamicPseudoType)}
	}
	return function.New(&function.Spec{
		Params: []function.Parameter{list("values"), list("keys"), list("wanted")},
		Type: func(args []cty.Value) (cty.Type, error) {
			t, _ := convert.UnifyUnsafe([]cty.Type{args[1].Type(), args[2].Type()})
			if t == cty.NilType {
				return cty.NilType, errors.New("keys and wanted must have the same type")
			}
			return args[0].Type(), nil
		},
		Impl: func(args []cty.Value, t cty.Type) (cty.Value, error) {
			if args[0].LengthInt() != args[1].LengthInt() {
				return cty.NilVal, errors.New("values and keys must have the same length")
			}
			both, _ := convert.UnifyUnsafe([]cty.Type{args[1].Type(), args[2].Type()})
			keys, err := convert.Convert(args[1], both)
			if err != nil {
				return cty.NilVal, function.NewArgError(1, err)
			}
			wanted, err := convert.Convert(args[2], both)
			if err != nil {
				return cty.NilVal, function.NewArgError(2, err)
			}
			if !keys.IsWhollyKnown() || !wanted.IsWhollyKnown() {
				return cty.UnknownVal(t), nil
			}
			find := map[int][]cty.Value{}
			for it := wanted.ElementIterator(); it.Next(); {
				_, v := it.Element()
				if hash := v.Hash(); !among(find[hash], v) {
					find[hash] = append(find[hash], v)
				}
			}
			var out []cty.Value
			value := args[0].ElementIterator()
			for it := keys.ElementIterator(); it.Next() && value.Next(); {
				_, k := it.Element()
				if _, v := value.Element(); among(find[k.Hash()], k) {
					out = append(out, v)
				}
			}
			if len(out) == 0 {
				return cty.ListValEmpty(t.ElementType()), nil
			}
			return cty.ListVal(out), nil
		},
	})
}

func one() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{whatever("list")},
		Type:   function.StaticReturnType(cty.DynamicPseudoType),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			list := args[0]
			t := list.Type()
			if !t.IsListType() && !t.IsSetType() && !t.IsTupleType() {
				return cty.NilVal, function.NewArgErrorf(0, "must be a list or a set")
			}
			switch n := list.LengthInt(); {
			case n > 1:
				return cty.NilVal, fmt.Errorf("must have no or one element, and has %d", n)
			case n == 0 && t.IsTupleType():
				return cty.NullVal(cty.DynamicPseudoType), nil
			case n == 0:
				return cty.NullVal(t.ElementType()), nil
			}
			it := list.ElementIterator()
			it.Next()
			_, v := it.Element()
			return v, nil
		},
	})
}

func sum() function.Function {
	return define(cty.Number, func(args []cty.Value) (cty.Value, error) {
		t := args[0].Type()
		if !t.IsListType() && !t.IsSetType() && !t.IsTupleType() {
			return cty.NilVal, function.NewArgErrorf(0, "must be a list or a set of numbers")
		}
		if args[0].LengthInt() == 0 {
			return cty.NilVal, function.NewArgErrorf(0, "must not be empty")
		}
		total := new(big.Float).SetPrec(512)
		for it := args[0].ElementIterator(); it.Next(); {
			_, v := it.Element()
			v, err := convert.Convert(v, cty.Number)
			switch {
			case err != nil || v.IsNull():
				return cty.NilVal, function.NewArgErrorf(0, "must hold nothing but numbers")
			case !v.IsKnown():
				return cty.UnknownVal(cty.Number), nil
			}
			total.Add(total, v.AsBigFloat())
		}
		return cty.NumberVal(total), nil
	}, whatever("list"))
}

func transpose() function.Function {
	return define(cty.Map(cty.List(cty.String)), func(args []cty.Value) (cty.Value, error) {
		if !args[0].IsWhollyKnown() {
			return cty.UnknownVal(cty.Map(cty.List(cty.String))), nil
		}
		turned := map[string][]cty.Value{}
		for it := args[0].ElementIterator(); it.Next(); {
			key, list := it.Element()
			if list.IsNull() {
				return cty.NilVal, function.NewArgErrorf(0, "must not hold null")
			}
			for inner := list.ElementIterator(); inner.Next(); {
				_, v := inner.Element()
				if v.IsNull() {
					return cty.NilVal, function.NewArgErrorf(0, "must not hold null")
				}
				turned[v.AsString()] = append(turned[v.AsString()], key)
			}
		}
		out := map[string]cty.Value{}
		for name, keys := range turned {
			out[name] = cty.ListVal(keys)
		}
		if len(out) == 0 {
			return cty.MapValEmpty(cty.List(cty.String)), nil
		}
		return cty.MapVal(out), nil
	}, function.Parameter{Name: "map", Type: cty.Map(cty.List(cty.String))})
}

// wholeNumber returns a whole number within bounds.
func wholeNumber(v cty.Value, least, most int) (int, error) {
	f := v.AsBigFloat()
	n, _ := f.Int64()
	if !f.IsInt() || f.Cmp(big.NewFloat(float64(least))) < 0 || f.Cmp(big.NewFloat(float64(most))) > 0 {
		return 0, fmt.Errorf("must be a whole number from %d to %d", least, most)
	}
	return int(n), nil
}
