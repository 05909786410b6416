package lang

import (
	"math/big"
	"reflect"
	"slices"

	"github.com/zclconf/go-cty/cty"

	"runner/lang/function"
	"runner/lang/inventory"
	"runner/lang/value"
)

// converter turns plain values of inventories into those of the language, the same object once: hosts of a group have
// their variables in common.
type converter struct {
	seen map[uintptr]converted
}

// converted are variables of a host.
type converted struct {
	value cty.Value
	shown any // as Host.Vars has them
}

// object converts variables, and says whether they are others than before.
func (c *converter) object(vars map[string]any) (out converted, fresh bool) {
	if len(vars) == 0 {
		return converted{value: cty.EmptyObjectVal, shown: map[string]any{}}, false
	}
	at := reflect.ValueOf(vars).Pointer()
	if out, ok := c.seen[at]; ok {
		return out, false
	}
	out = converted{value: valueOf(vars), shown: vars}
	if !isPlain(vars) {
		out.shown = value.Shown(out.value)
	}
	c.seen[at] = out
	return out, true
}

// isPlain says whether a value is as package lang shows values: nothing in it is secret, and no number too large.
func isPlain(v any) bool {
	switch v := v.(type) {
	case inventory.Secret, *big.Int:
		return false
	case []any:
		return !slices.ContainsFunc(v, func(e any) bool { return !isPlain(e) })
	case map[string]any:
		for _, e := range v {
			if !isPlain(e) {
				return false
			}
		}
	}
	return true
}

// valueOf converts a plain value of an inventory. What is secret is marked.
func valueOf(v any) cty.Value {
	switch v := v.(type) {
	case inventory.Secret:
		inner := valueOf(v.Value)
		if unmarked, marks := inner.UnmarkDeep(); len(marks) > 0 {
			inner = unmarked
		}
		return inner.Mark(function.Sensitive)
	case *big.Int:
		return cty.NumberVal(new(big.Float).SetInt(v))
	case []any:
		out := make([]cty.Value, len(v))
		for i, e := range v {
			out[i] = valueOf(e)
		}
		return cty.TupleVal(out)
	case map[string]any:
		out := make(map[string]cty.Value, len(v))
		for name, e := range v {
			out[name] = valueOf(e)
		}
		return cty.ObjectVal(out)
	}
	return value.Untyped(v)
}
