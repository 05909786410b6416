package own

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"runner/lang/diag"
)

// The limits of what an action says, beside its size.
const (
	maxDepth  = 64      // lists and objects in one another
	maxValues = 100_000 // in one answer
)

// object is a JSON object in the order in which it is written.
type object []member

type member struct {
	name  string
	value any // nil, bool, string, int64, float64, []any or object
}

func (o object) get(name string) (any, bool) {
	for _, m := range o {
		if m.name == name {
			return m.value, true
		}
	}
	return nil, false
}

// parse reads one JSON object and nothing else. Names that stand twice, text that is no UTF-8 and numbers that lose
// something are errors: what an action says is either understood or refused. The error is a sentence without its end.
func parse(text []byte) (object, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, errors.New("it printed nothing to its standard output")
	}
	if !utf8.Valid(text) {
		return nil, errors.New("it is not UTF-8")
	}
	p := parser{decoder: json.NewDecoder(bytes.NewReader(text))}
	p.decoder.UseNumber()
	v, err := p.value(0)
	if err == nil {
		if _, more := p.decoder.Token(); !errors.Is(more, io.EOF) {
			return nil, fmt.Errorf("something follows the JSON object, in line %d; anything beside it belongs on standard error", lineOf(text, p.decoder.InputOffset()))
		}
	}
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errors.New("it is not whole JSON: it ends too early")
	case errors.As(err, &syntax):
		return nil, fmt.Errorf("it is not JSON: %s, in line %d; anything beside the object belongs on standard error", syntax.Error(), lineOf(text, syntax.Offset))
	case err != nil:
		return nil, err
	}
	o, ok := v.(object)
	if !ok {
		return nil, fmt.Errorf("it is %s and not a JSON object", kind(v))
	}
	return o, nil
}

func lineOf(text []byte, offset int64) int {
	return 1 + bytes.Count(text[:min(max(offset-1, 0), int64(len(text)))], []byte("\n"))
}

type parser struct {
	decoder *json.Decoder
	values  int
}

func (p *parser) value(depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("more than %d lists and objects lie in one another", maxDepth)
	}
	if p.values++; p.values > maxValues {
		return nil, fmt.Errorf("it has more than %d values", maxValues)
	}
	token, err := p.decoder.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Delim:
		if t == '[' {
			return p.list(depth)
		}
		return p.object(depth)
	case json.Number:
		return number(t.String())
	}
	return token, nil
}

func (p *parser) list(depth int) (any, error) {
	out := []any{}
	for p.decoder.More() {
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	_, err := p.decoder.Token()
	return out, err
}

func (p *parser) object(depth int) (any, error) {
	out, seen := object{}, map[string]bool{}
	for p.decoder.More() {
		token, err := p.decoder.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string) // the decoder takes nothing else
		if seen[name] {
			return nil, fmt.Errorf("the name %s stands twice in one object", diag.Quote(name))
		}
		seen[name] = true
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		out = append(out, member{name, v})
	}
	_, err := p.decoder.Token()
	return out, err
}

// number reads a number that stays what it is.
func number(text string) (any, error) {
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return i, nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err == nil && digits(text) == digits(strconv.FormatFloat(f, 'e', -1, 64)) {
		if f == math.Trunc(f) && math.Abs(f) < 1<<63 {
			return int64(f), nil
		}
		return f, nil
	}
	return nil, fmt.Errorf("the number %s has more digits than can be kept, or is too large: give it as a string", short(text))
}

// digits writes a number without what does not count: 1.50e3 and 1500 are 15e2.
func digits(text string) string {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(text), "e")
	e, _ := strconv.Atoi(exponent) // a number that was parsed
	negative := strings.HasPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(mantissa, "-"), ".")
	e -= len(fraction)
	all := strings.TrimLeft(whole+fraction, "0")
	trimmed := strings.TrimRight(all, "0")
	if trimmed == "" {
		return "0"
	}
	return fmt.Sprintf("%t %s %d", negative, trimmed, e+len(all)-len(trimmed))
}

// plain makes plain values: objects become maps.
func plain(v any) any {
	switch v := v.(type) {
	case object:
		out := make(map[string]any, len(v))
		for _, m := range v {
			out[m.name] = plain(m.value)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = plain(e)
		}
		return out
	}
	return v
}

// kind says what a value is, for a sentence.
func kind(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(v)
	case string:
		return "the string " + diag.Quote(short(v))
	case int64, float64:
		return fmt.Sprintf("the number %v", v)
	case []any:
		return "a list"
	}
	return "an object"
}

// short is a text in a sentence.
func short(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
