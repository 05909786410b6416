package guard

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"runner/lang/diag"
)

// MalformedJSON finds the first place where a text stops being JSON, and says what should stand there; nil if it is JSON.
func MalformedJSON(src []byte) *Error {
	if len(bytes.TrimSpace(src)) == 0 {
		return malformed(0, "This is empty. JSON is at least a value, such as {}.")
	}
	var raw json.RawMessage
	syntax, ok := errors.AsType[*json.SyntaxError](json.Unmarshal(src, &raw))
	if !ok {
		return nil
	}
	offset := int(syntax.Offset) - 1 // it counts the byte that is wrong
	if offset < 0 || offset >= len(src) || !strings.HasPrefix(syntax.Error(), "invalid character") {
		return malformed(len(src), unfinished(src))
	}
	return malformed(offset, wrongCharacter(src[offset], syntax.Error()))
}

func malformed(offset int, detail string) *Error {
	return &Error{Code: diag.Syntax, Offset: offset, Summary: "Invalid JSON", Detail: detail}
}

// unfinished says what a text that is cut off lacks.
func unfinished(src []byte) string {
	var open []int
	for pos := 0; pos < len(src); pos++ {
		switch src[pos] {
		case '"':
			end := endOfString(src, pos)
			if end == len(src) && !json.Valid(src[pos:]) {
				return fmt.Sprintf("The text ends here, but the string that begins in line %d has no closing quote.", line(src, pos))
			}
			pos = end - 1
		case '[', '{':
			open = append(open, pos)
		case ']', '}':
			open = open[:max(len(open)-1, 0)]
		}
	}
	if len(open) == 0 {
		return "The text ends in the middle of a value."
	}
	last := open[len(open)-1]
	return fmt.Sprintf("The text ends here, but the %c of line %d is not closed.", src[last], line(src, last))
}

func line(src []byte, offset int) int { return 1 + bytes.Count(src[:offset], []byte("\n")) }

// wrongCharacter says what should stand in place of a character. The reasons are those of package json.
func wrongCharacter(c byte, why string) string {
	value := `a text in double quotes, a number, true, false, null, an object in { } or a list in [ ]`
	closing := c == '}' || c == ']'
	for _, is := range []struct{ reason, text string }{
		{"looking for beginning of object key string", "Expected a name in double quotes."},
		{"after object key:value pair", "Expected a comma, or the } that ends the object."},
		{"after object key", "Expected a colon, between a name and its value."},
		{"after array element", "Expected a comma, or the ] that ends the list."},
		{"after top-level value", "The JSON has ended before this. A file holds one object."},
		{"in string escape code", `This escape does not exist. A backslash itself is written \\.`},
		{`in \u hexadecimal`, `Behind \u must stand four hexadecimal digits.`},
		{"in string literal", `This character cannot stand in a string as it is: a line break is written \n, a tab \t.`},
		{"in literal", "Without quotes only true, false and null can stand here."},
		{"numeric literal", "This is not a number."},
	} {
		if strings.Contains(why, is.reason) {
			if closing && strings.HasPrefix(is.text, "Expected a name") {
				is.text += " Behind the last one there is no comma."
			}
			return is.text
		}
	}
	if closing {
		return "Expected a value. Behind the last one there is no comma."
	}
	return "Expected a value: " + value + "."
}
