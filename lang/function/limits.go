package function

import (
	"errors"
	"fmt"

	"github.com/zclconf/go-cty/cty"
)

// Limits on values. They are far above what sites need and far below what hurts.
const (
	MaxText     = 8 << 20 // bytes of one text, and of one file that becomes text
	MaxElements = 1 << 18 // elements that one call makes
	MaxCells    = 1 << 18 // values within a value, counted as often as they appear
	MaxType     = 1 << 18 // types within a type: tuples and objects have one for each element
	MaxDepth    = 256     // nesting of a value
	maxBits     = 1 << 13 // size of a number: about 2,500 decimal digits before or behind the point
)

var (
	errTooLarge  = errors.New("the text would be larger than 8 MiB")
	errTooMany   = fmt.Errorf("there would be more than %d elements", MaxElements)
	errCells     = fmt.Errorf("the value holds more than %d values", MaxCells)
	errType      = fmt.Errorf("the value has more than %d elements of types of their own", MaxType)
	errDepth     = fmt.Errorf("the value is nested more than %d levels deep", MaxDepth)
	errInfinite  = errors.New("a number was divided by zero")
	errNumber    = errors.New("the number is too large or too small")
	errLargeText = errors.New("the value holds a text larger than 8 MiB")
)

// Check returns an error if a value is larger than the language allows. Values grow without any function (a local that
// contains another one twice, and so on forty times), so the language checks what it keeps.
func Check(v cty.Value) error {
	if typeParts(v.Type(), MaxType) == 0 {
		return errType
	}
	m := measure{most: MaxCells, hosts: true}
	err := m.add(v, 0)
	if err == nil && m.longest > MaxText {
		return errLargeText
	}
	return err
}

// Weight says about how many bytes a value takes, and how many of them are text. What it shares with others counts too,
// but for hosts, which the site has in any case.
func Weight(v cty.Value) (all, text int) {
	const cell = 160
	m := measure{most: MaxCells, hosts: true}
	_ = m.add(v, 0) // what is too large is refused elsewhere
	return m.cells*cell + m.text, m.text
}

// walkable returns an error if a value is so large that merely looking at all of it takes long.
func walkable(v cty.Value) error {
	if typeParts(v.Type(), MaxType) == 0 {
		return errType
	}
	m := measure{most: 2 * MaxCells}
	return m.add(v, 0)
}

// checkText returns an error if a value is a text that is too large.
func checkText(v cty.Value) error {
	if v.Type() != cty.String || !v.IsKnown() || v.IsNull() {
		return nil
	}
	if v, _ := v.Unmark(); len(v.AsString()) > MaxText {
		return errTooLarge
	}
	return nil
}

// measure adds up what a value holds. Parts that are shared count as often as they appear, which is what they cost
// where they are written out.
type measure struct {
	most    int  // cells, then it gives up
	hosts   bool // a host counts as one cell
	cells   int
	text    int // bytes of all texts, keys and numbers
	longest int // bytes of the longest text
}

func (m *measure) add(v cty.Value, depth int) error {
	m.cells++
	if m.cells > m.most {
		return errCells
	}
	if depth > MaxDepth {
		return errDepth
	}
	v, _ = v.Unmark()
	t := v.Type()
	if !v.IsKnown() || v.IsNull() || t.IsCapsuleType() || m.hosts && IsHost(t) {
		return nil
	}
	switch {
	case t == cty.String:
		n := len(v.AsString())
		m.text += n
		m.longest = max(m.longest, n)
		return nil
	case t == cty.Number:
		return m.addNumber(v)
	case t.IsPrimitiveType():
		return nil
	}
	if !t.IsObjectType() && v.LengthInt() > m.most-m.cells {
		return errCells
	}
	for it := v.ElementIterator(); it.Next(); {
		key, element := it.Element()
		if t.IsMapType() || t.IsObjectType() {
			key, _ = key.Unmark()
			m.text += len(key.AsString())
		}
		if err := m.add(element, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// IsHost says whether a type is that of a host object, which has its host beside its values.
func IsHost(t cty.Type) bool {
	return t.IsObjectType() && t.HasAttribute("facts") && t.AttributeType("facts").IsCapsuleType()
}

func (m *measure) addNumber(v cty.Value) error {
	f := v.AsBigFloat()
	bits := f.MantExp(nil)
	if f.IsInf() {
		return errInfinite
	}
	if bits > maxBits || bits < -maxBits {
		return errNumber
	}
	const digit = 3 // bits, rounded down
	m.text += max(bits, -bits)/digit + 20
	return nil
}

// size measures arguments; one that is too large to measure is an error.
func size(args ...cty.Value) (measure, error) {
	m := measure{most: MaxCells}
	for _, arg := range args {
		if err := m.add(arg, 0); err != nil {
			return m, err
		}
	}
	return m, nil
}

// atMostText returns an error if a result of n bytes is too large.
func atMostText(n int) error {
	if n > MaxText {
		return errTooLarge
	}
	return nil
}

// atMostElements returns an error if a result of n elements is too large.
func atMostElements(n int) error {
	if n > MaxElements {
		return errTooMany
	}
	return nil
}

// togetherLimit bounds the elements of a result that has those of all arguments.
func togetherLimit(args []cty.Value) error {
	n := 0
	for _, arg := range args {
		if arg.CanIterateElements() {
			n += arg.LengthInt()
		}
	}
	return atMostElements(n)
}

// setLimit is togetherLimit for sets, which take longer: their elements are compared with each other.
func setLimit(args []cty.Value) error {
	const slower = 16
	n := 0
	for _, arg := range args {
		n += arg.LengthInt() * slower
	}
	return atMostElements(n)
}

// MaxDigits is how long a text may be that is read as a number: that takes the square of its length.
const MaxDigits = 4000

// errDigits is what a longer text is refused with.
var errDigits = fmt.Errorf("a text of more than %d characters is no number", MaxDigits)

// CheckDigits returns an error if a value is a text too long to be read as a number.
func CheckDigits(v cty.Value) error {
	if v.Type() != cty.String || !v.IsKnown() || v.IsNull() {
		return nil
	}
	if v, _ := v.Unmark(); len(v.AsString()) > MaxDigits {
		return errDigits
	}
	return nil
}

// typeParts takes the number of a type's parts from another one and returns what is left of it, at least 0.
func typeParts(t cty.Type, left int) int {
	left = max(left-1, 0)
	switch {
	case t.IsTupleType():
		for _, e := range t.TupleElementTypes() {
			if left > 0 {
				left = typeParts(e, left)
			}
		}
	case t.IsObjectType():
		for _, e := range t.AttributeTypes() {
			if left > 0 {
				left = typeParts(e, left)
			}
		}
	case t.IsCollectionType():
		return typeParts(t.ElementType(), left)
	}
	return left
}
