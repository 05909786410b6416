// Package python reads what Ansible leaves to Python's library: literals, which ast.literal_eval takes, and words, which
// shlex.split makes of a line. It evaluates nothing. Package ansible is who needs it.
package python

import (
	"errors"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"runner/lang/inventory"
)

// Value gives the value of text in an INI file: what it is as a literal of Python, else the text itself. So true is
// text and True is a boolean, 0644 is text and 644 a number, and 1,2 is a list. That is Ansible's rule.
func Value(text string) (any, error) {
	p := literal{text: text}
	v, err := p.all()
	switch {
	case errors.Is(err, ErrDepth), errors.Is(err, ErrMany):
		return nil, err
	case err != nil:
		return text, nil //nolint:nilerr // no literal
	}
	return v, nil
}

// Why a value is refused: these are limits, not Python's.
var (
	ErrDepth = errors.New("it is nested too deeply")
	ErrMany  = errors.New("it has too many elements")
)

var errNoLiteral = errors.New("the text is not a Python literal")

// literal parses a literal of Python, as ast.literal_eval takes them, but for complex numbers.
type literal struct {
	text   string
	pos    int
	values int
}

// pybytes is a literal of bytes, which cannot be joined with text.
type pybytes string

func (p *literal) all() (any, error) {
	if strings.ContainsRune(p.text, 0) {
		return nil, errNoLiteral
	}
	p.text = strings.TrimLeft(p.text, " \t")
	v, err := p.tuple(0, 0)
	if err != nil {
		return nil, err
	}
	if p.pos < len(p.text) {
		return nil, errNoLiteral
	}
	return plainBytes(v), nil
}

// plainBytes turns bytes into text.
func plainBytes(v any) any {
	if b, ok := v.(pybytes); ok {
		return string(b)
	}
	return v
}

// space skips what separates tokens, and comments.
func (p *literal) space(lines bool) {
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; {
		case c == ' ' || c == '\t' || c == '\f' || lines && (c == '\n' || c == '\r'):
			p.pos++
		case c == '#':
			for p.pos < len(p.text) && p.text[p.pos] != '\n' {
				p.pos++
			}
		default:
			return
		}
	}
}

func (p *literal) peek() byte {
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

// sequence parses values between commas up to a closing sign, or to the end.
func (p *literal) sequence(depth int, closing byte) (out []any, commas bool, err error) {
	inside := closing != 0
	out = []any{}
	for {
		p.space(inside)
		if c := p.peek(); c == closing && (inside || p.pos == len(p.text)) {
			return out, commas, nil
		}
		v, err := p.value(depth)
		if err != nil {
			return nil, false, err
		}
		out = append(out, v)
		p.space(inside)
		if p.peek() != ',' {
			return out, commas, nil
		}
		p.pos++
		commas = true
	}
}

// tuple parses values up to a closing sign or the end. One value without a comma is that value.
func (p *literal) tuple(depth int, closing byte) (any, error) {
	out, commas, err := p.sequence(depth, closing)
	switch {
	case err != nil:
		return nil, err
	case len(out) == 1 && !commas:
		return out[0], nil
	case len(out) == 0 && closing == 0:
		return nil, errNoLiteral
	}
	return plainList(out), nil
}

func plainList(values []any) []any {
	for i, v := range values {
		values[i] = plainBytes(v)
	}
	return values
}

func (p *literal) value(depth int) (any, error) {
	if depth > inventory.MaxDepth {
		return nil, ErrDepth
	}
	if p.values++; p.values > inventory.MaxValues {
		return nil, ErrMany
	}
	p.space(depth > 0)
	switch c := p.peek(); {
	case c == '(':
		p.pos++
		v, err := p.tuple(depth+1, ')')
		return v, p.end(err, ')')
	case c == '[':
		p.pos++
		v, _, err := p.sequence(depth+1, ']')
		return plainList(v), p.end(err, ']')
	case c == '{':
		return p.braces(depth + 1)
	case c == '-' || c == '+':
		p.pos++
		p.space(depth > 0)
		return p.number(c == '-')
	case c >= '0' && c <= '9' || c == '.':
		return p.number(false)
	case c == '"' || c == '\'':
		return p.strings(depth > 0)
	}
	return p.word(depth)
}

// end takes a closing sign.
func (p *literal) end(err error, sign byte) error {
	if err != nil {
		return err
	}
	if !p.take(sign) {
		return errNoLiteral
	}
	return nil
}

// take takes a sign if it comes next.
func (p *literal) take(sign byte) bool {
	p.space(true)
	if p.peek() != sign {
		return false
	}
	p.pos++
	return true
}

// braces parses a dict, or a set, which becomes a list.
func (p *literal) braces(depth int) (any, error) {
	p.pos++
	dict := map[string]any{}
	if p.take('}') {
		return dict, nil
	}
	first, err := p.value(depth)
	if err != nil {
		return nil, err
	}
	if p.space(true); p.peek() != ':' {
		return p.set(depth, first)
	}
	for key := first; ; {
		name, ok := keyName(key)
		if !ok || !p.take(':') {
			return nil, errNoLiteral
		}
		v, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		dict[name] = plainBytes(v)
		comma := p.take(',')
		if p.take('}') {
			return dict, nil
		}
		if !comma {
			return nil, errNoLiteral
		}
		if key, err = p.value(depth); err != nil {
			return nil, err
		}
	}
}

// set parses what follows the first element of a set.
func (p *literal) set(depth int, first any) (any, error) {
	out := []any{first}
	if p.take(',') {
		more, _, err := p.sequence(depth, '}')
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	for _, v := range out {
		if _, ok := keyName(v); !ok {
			return nil, errNoLiteral // such a thing cannot be in a set
		}
	}
	return plainList(out), p.end(nil, '}')
}

// keyName is a key of a dict as JSON writes it.
func keyName(v any) (string, bool) {
	switch v := plainBytes(v).(type) {
	case string:
		return v, true
	case nil:
		return "null", true
	case bool:
		return strconv.FormatBool(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case float64:
		text := strconv.FormatFloat(v, 'g', -1, 64)
		if !strings.ContainsAny(text, ".e") {
			text += ".0"
		}
		return text, true
	}
	return "", false
}

// The numbers of Python. Whole ones do not begin with 0, but for 0 itself.
var numbers = regexp.MustCompile(`^(?:0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|` +
	`(?:[0-9](?:_?[0-9])*)?\.[0-9](?:_?[0-9])*(?:[eE][-+]?[0-9](?:_?[0-9])*)?|[0-9](?:_?[0-9])*\.(?:[eE][-+]?[0-9](?:_?[0-9])*)?|` +
	`[0-9](?:_?[0-9])*[eE][-+]?[0-9](?:_?[0-9])*|[1-9](?:_?[0-9])*|0(?:_?0)*)`)

func (p *literal) number(negative bool) (any, error) {
	const longest = 5000 // Python's own limit is 4300 digits
	if n, ok := p.digits(); ok {
		if negative {
			n = -n
		}
		return n, nil
	}
	written := numbers.FindString(p.text[p.pos:min(p.pos+longest, len(p.text))])
	if written == "" || len(written) == longest {
		return nil, errNoLiteral
	}
	p.pos += len(written)
	if c := p.peek(); c == '_' || c == '.' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf {
		return nil, errNoLiteral
	}
	digits := strings.ReplaceAll(written, "_", "")
	if negative {
		digits = "-" + digits
	}
	lower := strings.ToLower(written)
	based := strings.HasPrefix(lower, "0x") || strings.HasPrefix(lower, "0o") || strings.HasPrefix(lower, "0b")
	if !based && strings.ContainsAny(lower, ".e") {
		f, err := strconv.ParseFloat(digits, 64)
		if err != nil || math.IsInf(f, 0) {
			return nil, errNoLiteral
		}
		return f, nil
	}
	const most = 4300 // digits, as Python has it
	n, ok := new(big.Int).SetString(digits, 0)
	if !based { // zeros in front would make it octal
		n, ok = nil, len(digits) <= most
		if ok {
			n, ok = new(big.Int).SetString(digits, 10)
		}
	}
	switch {
	case !ok:
		return nil, errNoLiteral
	case n.IsInt64():
		return n.Int64(), nil
	}
	return n, nil
}

// digits takes a short whole number, as most numbers are, without a look at all the forms that there are.
func (p *literal) digits() (n int64, ok bool) {
	const most = 18 // digits that are certain to fit
	end := p.pos
	for end < len(p.text) && end-p.pos <= most && p.text[end] >= '0' && p.text[end] <= '9' {
		n = n*10 + int64(p.text[end]-'0')
		end++
	}
	if end == p.pos || end-p.pos > most || p.text[p.pos] == '0' && end > p.pos+1 {
		return 0, false
	}
	if end < len(p.text) && strings.IndexByte(" \t,)]}:", p.text[end]) < 0 {
		return 0, false
	}
	p.pos = end
	return n, true
}

// word parses what begins with a letter: a constant, or the prefix of a string.
func (p *literal) word(depth int) (any, error) {
	start := p.pos
	for p.pos < len(p.text) {
		c := p.text[p.pos]
		if c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c < utf8.RuneSelf {
			break
		}
		p.pos++
	}
	switch word := p.text[start:p.pos]; word {
	case "True":
		return true, nil
	case "False":
		return false, nil
	case "None":
		return nil, nil
	default:
		if c := p.peek(); isPrefix(word) && (c == '"' || c == '\'') {
			p.pos = start
			return p.strings(depth > 0)
		}
	}
	return nil, errNoLiteral
}

func isPrefix(word string) bool {
	switch strings.ToLower(word) {
	case "r", "u", "b", "br", "rb":
		return true
	}
	return false
}
