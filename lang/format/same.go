package format

import (
	"bytes"
	"reflect"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// sameBody reports whether two bodies say the same: equal blocks, arguments and expressions in the same order,
// wherever they stand.
func sameBody(a, b *hclsyntax.Body) bool {
	return same(reflect.ValueOf(a), reflect.ValueOf(b))
}

// same compares trees of hclsyntax without their places. A string that is nothing but an interpolation is what it
// interpolates.
func same(a, b reflect.Value) bool {
	a, b = bare(a), bare(b)
	if a.IsValid() != b.IsValid() {
		return false
	}
	if !a.IsValid() {
		return true
	}
	if a.Type() != b.Type() {
		return false
	}
	switch a.Type() {
	case reflect.TypeFor[hcl.Range](), reflect.TypeFor[hcl.Pos]():
		return true
	case reflect.TypeFor[cty.Value]():
		return a.Interface().(cty.Value).RawEquals(b.Interface().(cty.Value)) //nolint:forcetypeassert // the type was looked at
	}
	switch a.Kind() {
	case reflect.Struct:
		for i := range a.NumField() {
			if field := a.Type().Field(i); field.IsExported() && !same(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	case reflect.Slice, reflect.Array:
		return sameElements(a, b)
	case reflect.Map:
		return sameMaps(a, b)
	default:
		return a.Equal(b)
	}
}

func sameElements(a, b reflect.Value) bool {
	if a.Len() != b.Len() {
		return false
	}
	for i := range a.Len() {
		if !same(a.Index(i), b.Index(i)) {
			return false
		}
	}
	return true
}

func sameMaps(a, b reflect.Value) bool {
	if a.Len() != b.Len() {
		return false
	}
	for it := a.MapRange(); it.Next(); {
		other := b.MapIndex(it.Key())
		if !other.IsValid() || !same(it.Value(), other) {
			return false
		}
	}
	return true
}

// bare follows pointers and interfaces to what they hold, and takes off what only wraps an expression.
func bare(v reflect.Value) reflect.Value {
	for v.IsValid() && (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) {
		if v.IsNil() {
			return reflect.Value{}
		}
		switch v.Type() {
		case reflect.TypeFor[*hclsyntax.Operation]():
			return v // there is one of each operator
		case reflect.TypeFor[*hclsyntax.TemplateWrapExpr]():
			v = v.Elem().FieldByName("Wrapped")
		default:
			v = v.Elem()
		}
	}
	return v
}

// sameComments reports whether two files hold the same comments in the same order.
func sameComments(a, b []byte) bool {
	left, right := comments(a), comments(b)
	if len(left) != len(right) {
		return false
	}
	for i := range left {
		if left[i] != right[i] {
			return false
		}
	}
	return true
}

func comments(src []byte) []string {
	var out []string
	tokens, _ := hclsyntax.LexConfig(src, "", hcl.InitialPos)
	for _, token := range tokens {
		if token.Type == hclsyntax.TokenComment {
			out = append(out, strings.TrimSpace(string(bytes.TrimRight(token.Bytes, "\r\n"))))
		}
	}
	return out
}
