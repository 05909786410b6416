package python

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
)

// Values as ast.literal_eval of Python 3.11 gives them, written as JSON; what it refuses stays text.
func TestValue(t *testing.T) {
	for text, want := range map[string]string{
		"5": "5", "-5": "-5", "+5": "5", "- 5": "-5", " 5": "5", "0x1F": "31", "0o17": "15", "0b101": "5", "000": "0", "1_000": "1000", "5 # five": "5",
		"0644": `"0644"`, "1__0": `"1__0"`, "--5": `"--5"`, "-True": `"-True"`, "1if": `"1if"`, "1j": `"1j"`, "1e999": `"1e999"`, "5a": `"5a"`,
		"123456789012345678901234567890": "123456789012345678901234567890",
		"1.5":                            "1.5", ".5": "0.5", "2.": "2", "1e3": "1000", "1.2.3": `"1.2.3"`,
		"True": "true", "False": "false", "None": "null", "true": `"true"`, "yes": `"yes"`, "": `""`, "foo": `"foo"`, "{{ x }}": `"{{ x }}"`,
		`"a"`: `"a"`, `'a' "b"`: `"ab"`, `r'\n'`: `"\\n"`, `'\n\x41\101\u00e9'`: `"\nAAé"`, `b'x'`: `"x"`, `b'x' 'y'`: `"b'x' 'y'"`, `'''a'b'''`: `"a'b"`, `'\q'`: `"\\q"`, `ur'x'`: `"ur'x'"`, `f'x'`: `"f'x'"`, `'a`: `"'a"`,
		"1,2": "[1,2]", "1,": "[1]", "(1)": "1", "()": "[]", "[]": "[]", "[1,]": "[1]", "[1": `"[1"`, "[1 2]": `"[1 2]"`, "[a]": `"[a]"`, "a,b": `"a,b"`, "1]": `"1]"`, ",": `","`, "[,]": `"[,]"`,
		"{}": "{}", "{'a': 1, 'b': (2, [3])}": `{"a":1,"b":[2,[3]]}`, "{1: 2, None: 3,}": `{"1":2,"null":3}`, "{'a' 1}": `"{'a' 1}"`, "{'a': 1 'b': 2}": `"{'a': 1 'b': 2}"`, "{1, 2}": "[1,2]", "{[1]}": `"{[1]}"`, "{'a':}": `"{'a':}"`,
		"1+2": `"1+2"`, "f(1)": `"f(1)"`, "not 1": `"not 1"`,
	} {
		v, err := Value(text)
		if n, ok := v.(*big.Int); ok {
			v = json.RawMessage(n.String())
		}
		got, _ := json.Marshal(v)
		if err != nil || string(got) != want {
			t.Errorf("%s is %s, not %s (%v)", text, got, want, err)
		}
	}
	if _, err := Value(strings.Repeat("[", 1000)); !errors.Is(err, ErrDepth) {
		t.Error(err)
	}
	if _, err := Value(strings.Repeat("1,", 1_000_000)); !errors.Is(err, ErrMany) {
		t.Error(err)
	}
}

func TestSplit(t *testing.T) {
	for line, want := range map[string][]string{
		`a b=c`: {"a", "b=c"}, `a "b c"d'e f'`: {"a", "b cde f"}, `a\ b`: {"a b"}, `"a\"b\c"`: {`a"b\c`}, `'a\b'`: {`a\b`}, `a#b c`: {"a"}, `a # b`: {"a"}, `"#" x`: {"#", "x"}, `''`: {""}, "a\tb": {"a", "b"},
	} {
		words, err := Split(line)
		var got []string
		for _, w := range words {
			got = append(got, w.Text)
			if w.End <= w.Start || w.End > len(line) {
				t.Errorf("%s: %+v", line, w)
			}
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q %v", line, got, err)
		}
	}
	for line, want := range map[string]error{`a "b`: errQuote, `a 'b`: errQuote, `a\`: errEscape, strings.Repeat("x ", MaxWords+1): ErrWords} {
		if _, err := Split(line); !errors.Is(err, want) {
			t.Errorf("%.20s: %v", line, err)
		}
	}
}

// FuzzValue reads anything as a literal: there is always a value, of one of the types that inventories have, unless a
// limit is passed.
func FuzzValue(f *testing.F) {
	for _, seed := range []string{"5", "-0x1F", "'a' \"b\"", "[1, (2,), {'a': None}]", "{1, 2}", "b'x'", "1_000.5e-3", "r'\\n'", "'''x'''", "\"\\u00e9\"", "a # b", "{'a': 1,"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := Value(text)
		if err != nil {
			if !errors.Is(err, ErrDepth) && !errors.Is(err, ErrMany) {
				t.Fatal(err)
			}
			return
		}
		plain(t, v)
	})
}

func plain(t *testing.T, v any) {
	t.Helper()
	switch v := v.(type) {
	case nil, bool, string, int64, float64, *big.Int:
	case []any:
		for _, e := range v {
			plain(t, e)
		}
	case map[string]any:
		for _, e := range v {
			plain(t, e)
		}
	default:
		t.Errorf("a value of type %s", fmt.Sprintf("%T", v))
	}
}
