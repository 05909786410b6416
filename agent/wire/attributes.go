package wire

import (
	"encoding/hex"
	"slices"
)

// names have numbers in attributes: that of a name is its place, counted from 1. They are only ever added at the end.
var names = [...]string{ //nolint:gochecknoglobals // a constant, but for the language
	"path", "kind", "mode", "owner", "group", "size", "sha256", "target", "backup", "argv", "chdir", "script",
}

func number(name string) int { return slices.Index(names[:], name) + 1 }

// Attributes are what the result of an action says: of something before it and after it, and as what the action documents. Where
// there is nothing to say, a map is nil.
type Attributes struct{ Before, After, Values map[string]any }

// each goes through the maps: where each stands in a result, and which one it is sent as the difference to.
func (a *Attributes) each(r *Result, args map[string]any, do func(encoded *[]byte, base map[string]any, plain *map[string]any) error) error {
	or := func(m map[string]any) map[string]any {
		if m == nil {
			return args
		}
		return m
	}
	if err := do(&r.Change.Before, args, &a.Before); err != nil {
		return err
	}
	if err := do(&r.Change.After, or(a.Before), &a.After); err != nil {
		return err
	}
	return do(&r.Values, or(a.After), &a.Values)
}

// SetAttributes encodes attributes into a result, given the call's arguments that were known. Nothing of them is changed.
func (r *Result) SetAttributes(args map[string]any, a Attributes) error {
	return a.each(r, args, func(encoded *[]byte, base map[string]any, plain *map[string]any) (err error) {
		if *plain != nil {
			*encoded, err = encodeAttributes(base, *plain)
		}
		return err
	})
}

// Attributes decodes the attributes of a result. The error is a *Problem.
func (r *Result) Attributes(args map[string]any) (a Attributes, err error) {
	err = a.each(r, args, func(encoded *[]byte, base map[string]any, plain *map[string]any) (err error) {
		if *encoded != nil {
			*plain, err = decodeAttributes(base, *encoded)
		}
		return err
	})
	return a, err
}

// encodeAttributes encodes what an action says of something as what differs in it from a base, which whoever decodes it has
// too: the call's arguments, or the attributes that came before. Nothing of either is changed. A nil value is none.
func encodeAttributes(base, attributes map[string]any) ([]byte, error) {
	out := make(map[any]any, len(attributes))
	for name, value := range attributes {
		n := number(name)
		switch {
		case value == nil, n > 0 && repeats(base[name], value):
		case n == 0:
			out[name] = value
		default:
			out[n] = value
			if sum, ok := digest(name, value); ok {
				out[n] = sum
			}
		}
	}
	for i, name := range names {
		if attributes[name] == nil && repeats(base[name], base[name]) {
			out[i+1] = nil
		}
	}
	return Marshal(out)
}

// decodeAttributes is the reverse of encodeAttributes. The error is a *Problem.
func decodeAttributes(base map[string]any, encoded []byte) (map[string]any, error) {
	var in map[any]any
	if err := Unmarshal(encoded, &in); err != nil {
		return nil, err
	}
	out := make(map[string]any, len(in)+len(names))
	for _, name := range names {
		if repeats(base[name], base[name]) {
			out[name] = base[name]
		}
	}
	for key, value := range in {
		name, isText := key.(string)
		if n, ok := key.(int64); ok && 0 < n && n <= int64(len(names)) {
			name, isText = names[n-1], true
		}
		if !isText {
			return nil, &Problem{Code: CodeProtocol, Message: "an attribute without a name"}
		}
		if sum, ok := value.([]byte); ok && name == "sha256" {
			value = hex.EncodeToString(sum)
		}
		if out[name] = value; value == nil {
			delete(out, name)
		}
	}
	return out, nil
}

// repeats says whether two values are the same text, or the same list of texts. Others are always sent.
func repeats(a, b any) bool {
	switch a := a.(type) {
	case string:
		return a == b
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, func(a, b any) bool {
			text, ok := a.(string)
			return ok && text == b
		})
	}
	return false
}

// digest returns the bytes of a digest that is written out in hexadecimal digits.
func digest(name string, value any) ([]byte, bool) {
	text, ok := value.(string)
	if !ok || name != "sha256" {
		return nil, false
	}
	sum, err := hex.DecodeString(text)
	return sum, err == nil && hex.EncodeToString(sum) == text
}
