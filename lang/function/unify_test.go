package function

import (
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// Convert makes of a value what cty makes of it, as long as it is not too large.
func TestConvertAsCty(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	converted := 0
	for range 20_000 {
		v, want := randomValue(random, 3), randomType(random, 3)
		got, err := Convert(v, want)
		theirs, theirErr := convert.Convert(v, want)
		if (err == nil) != (theirErr == nil) || err == nil && !got.RawEquals(theirs) {
			t.Fatalf("%#v to %#v: got %#v, %v, want %#v, %v", v, want, got, err, theirs, theirErr)
		}
		if err == nil && !want.IsPrimitiveType() && want != cty.DynamicPseudoType {
			converted++
		}
	}
	if converted < 500 {
		t.Errorf("only %d were converted", converted)
	}
}

func randomValue(r *rand.Rand, depth int) cty.Value {
	kind := r.IntN(8)
	if depth == 0 {
		kind = r.IntN(5)
	}
	switch kind {
	case 0:
		return cty.NumberIntVal(int64(r.IntN(3)))
	case 1:
		return cty.True
	case 2:
		return cty.NullVal(cty.DynamicPseudoType)
	case 3:
		return cty.StringVal(strconv.Itoa(r.IntN(3)))
	case 4:
		return cty.StringVal("x").Mark(Sensitive)
	case 5:
		parts := make([]cty.Value, sizeOf(r))
		for i := range parts {
			parts[i] = randomValue(r, depth-1)
		}
		return cty.TupleVal(parts)
	case 6: // of one kind, as most are
		one := randomValue(r, depth-1)
		parts := make([]cty.Value, sizeOf(r))
		for i := range parts {
			parts[i] = one
		}
		return cty.TupleVal(parts)
	default:
		parts := map[string]cty.Value{}
		for _, name := range []string{"a", "b", "c"}[r.IntN(4):] {
			parts[name] = randomValue(r, depth-1)
		}
		return cty.ObjectVal(parts)
	}
}

func sizeOf(r *rand.Rand) int {
	if r.IntN(10) == 0 {
		return maxKinds + r.IntN(3)
	}
	return r.IntN(4)
}

func randomType(r *rand.Rand, depth int) cty.Type {
	kind := r.IntN(8)
	if depth == 0 {
		kind = r.IntN(3)
	}
	switch kind {
	case 0:
		return cty.DynamicPseudoType
	case 1, 2:
		return cty.String
	case 3:
		return cty.List(randomType(r, depth-1))
	case 4:
		return cty.Set(randomType(r, depth-1))
	case 5:
		return cty.Map(randomType(r, depth-1))
	case 6:
		return cty.Tuple([]cty.Type{randomType(r, depth-1), randomType(r, depth-1)})
	default:
		return cty.ObjectWithOptionalAttrs(map[string]cty.Type{"a": randomType(r, depth-1), "b": randomType(r, depth-1)}, []string{"b"})
	}
}
