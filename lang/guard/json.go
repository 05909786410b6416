package guard

import (
	"bytes"
	"encoding/json"
)

// JSON checks a file in JSON syntax. Its strings are templates.
func JSON(src []byte) *Error {
	if err := tooLarge(src); err != nil {
		return err
	}
	if err := notText(src); err != nil {
		return err
	}
	tokens, most := 0, maxTokens(len(src))
	var commas []int // of each object and array around a place
	for pos := 0; pos < len(src); {
		start := pos
		tokens++
		if tokens > most {
			return tooManyTokens(src, pos)
		}
		switch c := src[pos]; {
		case c == '"':
			if pos = endOfString(src, pos); pos-start > maxLiteral {
				return tooLongLiteral(start)
			}
			if err := jsonString(src[start:pos], len(commas)); err != nil {
				err.Offset = start
				return err
			}
		case c == '[' || c == '{':
			pos++
			if commas = append(commas, 0); len(commas) > MaxDepth {
				return tooDeep(start)
			}
		case c == ']' || c == '}':
			pos++
			commas = commas[:max(len(commas)-1, 0)]
		case c == ',' && len(commas) > 0:
			pos++
			if commas[len(commas)-1]++; commas[len(commas)-1] >= maxParts {
				return tooManyParts(start)
			}
		case digit(c):
			s := scanner{src: src, pos: pos}
			s.number()
			if s.err != nil {
				return s.err
			}
			pos = s.pos
		case wordStart(c):
			s := scanner{src: src, pos: pos}
			s.word()
			if s.err != nil {
				return s.err
			}
			pos = s.pos
		case c == ' ', c == '\t', c == '\n', c == '\r':
			pos++
			tokens--
		default:
			pos++
		}
	}
	return nil
}

// endOfString returns the position behind the string that starts at a position.
func endOfString(src []byte, pos int) int {
	for pos++; pos < len(src); pos++ {
		switch src[pos] {
		case '\\':
			pos++
		case '"':
			return pos + 1
		}
	}
	return len(src)
}

// jsonString checks the template in a string.
func jsonString(literal []byte, depth int) *Error {
	if !bytes.ContainsAny(literal, `$%\`) {
		return nil
	}
	var text string
	if json.Unmarshal(literal, &text) != nil {
		return nil //nolint:nilerr // the parser will say so
	}
	return scan([]byte(text), bare, depth)
}
