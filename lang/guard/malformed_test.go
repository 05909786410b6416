package guard_test

import (
	"encoding/json"
	"testing"

	"runner/lang/guard"
)

// What is wrong with a text that is no JSON is said once, at the first place.
func TestMalformedJSON(t *testing.T) {
	for src, want := range map[string]struct {
		offset int
		says   string
	}{
		" \n":               {0, "This is empty. JSON is at least a value, such as {}."},
		`{"a": [1,`:         {9, "The text ends here, but the [ of line 1 is not closed."},
		"{\n\"a\": {}":      {9, "The text ends here, but the { of line 1 is not closed."},
		"{\"a\": 1,\n\"b":   {11, "The text ends here, but the string that begins in line 2 has no closing quote."},
		`{"a": "x\"`:        {10, "The text ends here, but the string that begins in line 1 has no closing quote."},
		`tru`:               {2, "Without quotes only true, false and null can stand here."},
		`{"a": 1,}`:         {8, "Expected a name in double quotes. Behind the last one there is no comma."},
		`{'a': 1}`:          {1, "Expected a name in double quotes."},
		`{"a" = 1}`:         {5, "Expected a colon, between a name and its value."},
		`{"a": 1 "b": 2}`:   {8, "Expected a comma, or the } that ends the object."},
		`{"a": 01}`:         {7, "Expected a comma, or the } that ends the object."},
		`[1 2]`:             {3, "Expected a comma, or the ] that ends the list."},
		`[1,]`:              {3, "Expected a value. Behind the last one there is no comma."},
		`{"a": b}`:          {6, "Expected a value: a text in double quotes, a number, true, false, null, an object in { } or a list in [ ]."},
		`{"a": trze}`:       {8, "Without quotes only true, false and null can stand here."},
		`{"a": 1.x}`:        {8, "This is not a number."},
		`{"a": 1e,}`:        {8, "This is not a number."},
		`{} {}`:             {3, "The JSON has ended before this. A file holds one object."},
		`{"a": "\d"}`:       {8, `This escape does not exist. A backslash itself is written \\.`},
		`{"a": "\u00g0"}`:   {11, `Behind \u must stand four hexadecimal digits.`},
		"{\"a\": \"b\nc\"}": {8, `This character cannot stand in a string as it is: a line break is written \n, a tab \t.`},
	} {
		err := guard.MalformedJSON([]byte(src))
		if err == nil || err.Offset != want.offset || err.Detail != want.says {
			t.Errorf("%q: %+v, want %+v", src, err, want)
		}
	}
}

// There is an error exactly where there is no JSON, inside the text or at its end.
func FuzzMalformedJSON(f *testing.F) {
	for _, seed := range []string{`{"a": [1, true, null, "x\n"]}`, `{"a": [`, `"`, `\`, "]", "{}}", "\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, src string) {
		err := guard.MalformedJSON([]byte(src))
		if (err == nil) != json.Valid([]byte(src)) {
			t.Errorf("%q: %v", src, err)
		}
		if err != nil && (err.Offset < 0 || err.Offset > len(src)) {
			t.Errorf("%q: at %d", src, err.Offset)
		}
	})
}
