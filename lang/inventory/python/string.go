package python

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// strings parses string literals, of which several beside one another are one.
func (p *literal) strings(lines bool) (any, error) {
	var out strings.Builder
	first := true
	areBytes := false
	for {
		text, isBytes, err := p.oneString()
		if err != nil {
			return nil, err
		}
		if !first && isBytes != areBytes {
			return nil, errNoLiteral
		}
		out.WriteString(text)
		first, areBytes = false, isBytes
		p.space(lines)
		if !p.atString() {
			break
		}
	}
	if areBytes {
		if !utf8.ValidString(out.String()) {
			return nil, errNoLiteral
		}
		return pybytes(out.String()), nil
	}
	return out.String(), nil
}

// atString says whether a string literal begins here.
func (p *literal) atString() bool {
	rest := p.text[p.pos:]
	quote := strings.IndexAny(rest, `"'`)
	return quote == 0 || quote > 0 && quote <= len("br") && isPrefix(rest[:quote])
}

// oneString parses one string literal with its prefix.
func (p *literal) oneString() (text string, isBytes bool, err error) {
	rest := p.text[p.pos:]
	quote := strings.IndexAny(rest, `"'`)
	prefix := strings.ToLower(rest[:quote])
	raw := strings.Contains(prefix, "r")
	isBytes = strings.Contains(prefix, "b")
	rest = rest[quote:]
	end := rest[:1]
	if strings.HasPrefix(rest, strings.Repeat(end, 3)) {
		end = rest[:3]
	}
	p.pos += quote + len(end)
	var out strings.Builder
	for {
		c, err := p.char(end, raw, isBytes)
		if err != nil {
			return "", false, err
		}
		if c == nil {
			return out.String(), isBytes, nil
		}
		out.WriteString(*c)
	}
}

// char parses one character of a string; nil is its end.
func (p *literal) char(end string, raw, isBytes bool) (*string, error) {
	if strings.HasPrefix(p.text[p.pos:], end) {
		p.pos += len(end)
		return nil, nil //nolint:nilnil // the end is no error
	}
	if p.pos == len(p.text) {
		return nil, errNoLiteral
	}
	c, size := utf8.DecodeRuneInString(p.text[p.pos:])
	switch {
	case isBytes && c >= utf8.RuneSelf, len(end) == 1 && (c == '\n' || c == '\r'):
		return nil, errNoLiteral
	case c == '\\':
		text, err := p.escape(raw, isBytes)
		return &text, err
	}
	text := p.text[p.pos : p.pos+size]
	p.pos += size
	return &text, nil
}

// escape parses a backslash and what it stands before.
func (p *literal) escape(raw, isBytes bool) (string, error) {
	rest := p.text[p.pos:]
	if len(rest) < 2 {
		return "", errNoLiteral
	}
	_, size := utf8.DecodeRuneInString(rest[1:])
	if isBytes && size > 1 {
		return "", errNoLiteral
	}
	p.pos += 1 + size
	if raw {
		return rest[:1+size], nil
	}
	const signs, meanings = "\\'\"abfnrtv", "\\'\"\a\b\f\n\r\t\v"
	if i := strings.IndexByte(signs, rest[1]); i >= 0 {
		return meanings[i : i+1], nil
	}
	switch c := rest[1]; {
	case c == '\n':
		return "", nil
	case c >= '0' && c <= '7':
		n := 2
		for n < len(rest) && n < 4 && rest[n] >= '0' && rest[n] <= '7' {
			n++
		}
		p.pos += n - 2
		return codePoint(rest[1:n], 8, isBytes)
	case c == 'x':
		return p.hexEscape(rest, 2, isBytes)
	case c == 'u' && !isBytes:
		return p.hexEscape(rest, 4, isBytes)
	case c == 'U' && !isBytes:
		return p.hexEscape(rest, 8, isBytes)
	case c == 'N' && !isBytes:
		return "", errNoLiteral // a character by its name: nobody has that in an inventory
	}
	return rest[:1+size], nil
}

func (p *literal) hexEscape(rest string, digits int, isBytes bool) (string, error) {
	if len(rest) < 2+digits {
		return "", errNoLiteral
	}
	p.pos += digits
	return codePoint(rest[2:2+digits], 16, isBytes)
}

func codePoint(digits string, base int, isBytes bool) (string, error) {
	n, err := strconv.ParseUint(digits, base, 32)
	const lowByte = 0xff
	switch {
	case err != nil:
		return "", errNoLiteral
	case isBytes:
		return string([]byte{byte(n & lowByte)}), nil
	case n > utf8.MaxRune || !utf8.ValidRune(rune(n)):
		return "", errNoLiteral
	}
	return string(rune(n)), nil
}
