package function

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	yaml "github.com/zclconf/go-cty-yaml"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/ianaindex"

	"runner/lang/diag"
	"runner/lang/guard"
)

func encodings() []entry {
	return []entry{
		{
			Doc: Doc{"base64decode", Encoding, "string", "The text that the base64 stands for. It must be UTF-8: other bytes cannot be text.", []Example{
				{`base64decode("aGVsbG8=")`, `"hello"`},
			}},
			function: ofText(func(s string) (string, error) {
				out, err := decodeBase64(s)
				if err == nil && !utf8.Valid(out) {
					err = errors.New("the bytes are not valid UTF-8; use textdecodebase64 for another encoding")
				}
				return string(out), err
			}),
		},
		{
			Doc: Doc{"base64encode", Encoding, "string", "The text, as UTF-8, in base64.", []Example{
				{`base64encode("hello")`, `"aGVsbG8="`},
			}},
			function: ofText(func(s string) (string, error) {
				return base64.StdEncoding.EncodeToString([]byte(s)), nil
			}),
		},
		{
			Doc: Doc{"base64gzip", Encoding, "string", "The text, as UTF-8, compressed with gzip, in base64.", []Example{
				{`substr(base64gzip("hello"), 0, 4)`, `"H4sI"`},
			}},
			function: ofText(gzipText),
		},
		{
			Doc: Doc{"csvdecode", Encoding, "string", "The lines of CSV (RFC 4180) as a list of objects with the attributes that the first line names.", []Example{
				{`csvdecode("name,port\nweb,80\n")`, `[{ name = "web", port = "80" }]`},
			}},
			function: stdlib.CSVDecodeFunc,
			limit: func(args []cty.Value) error {
				s := args[0].AsString()
				return atMostElements(strings.Count(s, ",") + strings.Count(s, "\n"))
			},
		},
		{
			Doc: Doc{"jsondecode", Encoding, "string", "The value that the JSON stands for.", []Example{
				{`jsondecode("{\"port\": 80}").port`, "80"},
			}},
			function: checked(jsonDecode()),
			limit: func(args []cty.Value) error {
				return documentLimit(args[0].AsString(), ",:", true)
			},
		},
		{
			Doc: Doc{"jsonencode", Encoding, "value", "The value as JSON.", []Example{
				{`jsonencode({ port = 80, tags = ["a", null] })`, `"{\"port\":80,\"tags\":[\"a\",null]}"`},
			}},
			function: stdlib.JSONEncodeFunc,
			limit:    encodeLimit,
		},
		{
			Doc: Doc{"textdecodebase64", Encoding, "string, encoding", "The text that the base64 stands for in the encoding, which has a name such as UTF-16LE or windows-1252.", []Example{
				{`textdecodebase64("aABpAA==", "UTF-16LE")`, `"hi"`},
			}},
			function: define(cty.String, textDecode, text("string"), text("encoding")),
		},
		{
			Doc: Doc{"textencodebase64", Encoding, "string, encoding", "The text in the encoding, in base64.", []Example{
				{`textencodebase64("hi", "UTF-16LE")`, `"aABpAA=="`},
			}},
			function: define(cty.String, textEncode, text("string"), text("encoding")),
		},
		{
			Doc: Doc{"urlencode", Encoding, "string", "The text as it can stand in the query of a URL.", []Example{
				{`urlencode("a b&c/ä")`, `"a+b%26c%2F%C3%A4"`},
			}},
			function: ofText(func(s string) (string, error) { return url.QueryEscape(s), nil }),
		},
		{
			Doc: Doc{"yamldecode", Encoding, "string", "The value that the YAML stands for; one document without tags of its own.", []Example{
				{`yamldecode("port: 80\ntags: [a, b]\n").tags`, `["a", "b"]`},
			}},
			function: define(cty.DynamicPseudoType, yamlDecode, text("string")),
			limit:    yamlLimit,
		},
		{
			Doc: Doc{"yamlencode", Encoding, "value", "The value as YAML.", []Example{
				{`yamlencode({ port = 80, tags = ["a"] })`, `"\"port\": 80\n\"tags\":\n- \"a\"\n"`},
			}},
			function: yaml.YAMLEncodeFunc,
			limit:    encodeLimit,
		},
	}
}

func decodeBase64(s string) ([]byte, error) {
	out, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return nil, errors.New("the text is not valid base64")
	}
	return out, nil
}

func gzipText(s string) (string, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(s)); err != nil {
		return "", fmt.Errorf("cannot compress the text: %w", err)
	}
	if err := w.Close(); err != nil {
		return "", fmt.Errorf("cannot compress the text: %w", err)
	}
	return base64.StdEncoding.EncodeToString(b.Bytes()), nil
}

// encodingOf finds an encoding by one of the names that IANA lists.
func encodingOf(v cty.Value) (encoding.Encoding, error) {
	e, err := ianaindex.IANA.Encoding(v.AsString())
	if err != nil || e == nil {
		return nil, function.NewArgErrorf(1, "there is no encoding %s, or it is not supported", diag.Quote(v.AsString()))
	}
	return e, nil
}

func textDecode(args []cty.Value) (cty.Value, error) {
	e, err := encodingOf(args[1])
	if err != nil {
		return cty.NilVal, err
	}
	raw, err := decodeBase64(args[0].AsString())
	if err != nil {
		return cty.NilVal, function.NewArgError(0, err)
	}
	out, err := e.NewDecoder().Bytes(raw)
	if err != nil || bytes.ContainsRune(out, utf8.RuneError) {
		return cty.NilVal, function.NewArgErrorf(0, "the bytes are not valid in this encoding")
	}
	return cty.StringVal(string(out)), nil
}

func textEncode(args []cty.Value) (cty.Value, error) {
	e, err := encodingOf(args[1])
	if err != nil {
		return cty.NilVal, err
	}
	out, err := e.NewEncoder().Bytes([]byte(args[0].AsString()))
	if err != nil {
		return cty.NilVal, function.NewArgErrorf(0, "the text has a character that this encoding lacks")
	}
	return cty.StringVal(base64.StdEncoding.EncodeToString(out)), nil
}

// encodeLimit keeps what is written out within a text.
func encodeLimit(args []cty.Value) error {
	m, err := size(args...)
	if err != nil {
		return err
	}
	return atMostText(2 * m.text) // quotes in it are written as two characters
}

// documentLimit looks at a document before a decoder does: decoders call themselves for each level of nesting and
// make a value of at least a hundred bytes of each element. Where text is quoted, brackets and separators in it are
// only text.
func documentLimit(s, separators string, quoted bool) error {
	const opening, closing, separator, quote = 1, 2, 3, 4
	kinds := [256]byte{'{': opening, '[': opening, '}': closing, ']': closing}
	for _, c := range []byte(separators) {
		kinds[c] = separator
	}
	if quoted {
		kinds['"'] = quote
	}
	depth, elements := 0, 0
	for i := 0; i < len(s); i++ {
		switch kinds[s[i]] {
		case opening:
			if depth++; depth > MaxDepth {
				return errDepth
			}
		case closing:
			depth = max(depth-1, 0)
		case separator:
			elements++
		case quote:
			for i++; i < len(s) && s[i] != '"'; i++ {
				if s[i] == '\\' {
					i++
				}
			}
		}
	}
	return atMostElements(elements)
}

// yamlLimit bounds the nesting by brackets, and by indentation and the dashes of a line. Brackets in text count too:
// they hardly ever open so many more than they close.
func yamlLimit(args []cty.Value) error {
	const most = 4 << 20
	s := args[0].AsString()
	if len(s) > most {
		return function.NewArgErrorf(0, "the text is larger than 4 MiB")
	}
	marks := 0
	for line := range strings.SplitSeq(s, "\n") {
		body := strings.TrimLeft(line, " \t-?:")
		begin := line[:len(line)-len(body)]
		if len(begin) > 2*MaxDepth {
			return errDepth
		}
		marks += strings.Count(begin, "-") + strings.Count(begin, "?")
	}
	if err := atMostElements(marks); err != nil {
		return err
	}
	return documentLimit(s, ",:", false)
}

// yamlDecode decodes YAML. What it refers to by name is shared as long as only its type is worked out, so that tells
// how much it comes to before all of it is written out.
func yamlDecode(args []cty.Value) (cty.Value, error) {
	raw := []byte(args[0].AsString())
	t, err := yaml.Standard.ImpliedType(raw)
	if err != nil {
		return cty.NilVal, err
	}
	if typeParts(t, MaxElements) == 0 {
		return cty.NilVal, errTooMany
	}
	v, err := yaml.Standard.Unmarshal(raw, t)
	if err != nil {
		return cty.NilVal, err
	}
	if err := Check(v); err != nil {
		return cty.NilVal, err
	}
	return wholeNumbers(v), nil
}

// wholeNumbers returns a decoded value with its whole numbers as short as they can be. Decoders give each the space of
// 150 digits, and whatever is done with it later takes as long as if it had them.
func wholeNumbers(v cty.Value) cty.Value {
	t := v.Type()
	switch {
	case v.IsMarked() || !v.IsKnown() || v.IsNull():
	case t == cty.Number:
		if n, accuracy := v.AsBigFloat().Int64(); accuracy == big.Exact {
			return cty.NumberIntVal(n)
		}
	case t.IsObjectType() && len(t.AttributeTypes()) > 0:
		attrs := v.AsValueMap()
		for name, value := range attrs {
			attrs[name] = wholeNumbers(value)
		}
		return cty.ObjectVal(attrs)
	case t.IsTupleType() && t.Length() > 0:
		elements := v.AsValueSlice()
		for i, value := range elements {
			elements[i] = wholeNumbers(value)
		}
		return cty.TupleVal(elements)
	}
	return v
}

// jsonDecode is the library's function, but for what it says of a text that is no JSON.
func jsonDecode() function.Function {
	return define(cty.DynamicPseudoType, func(args []cty.Value) (cty.Value, error) {
		v, err := stdlib.JSONDecode(args[0])
		if err != nil {
			if why := malformed(args[0].AsString()); why != nil {
				return cty.NilVal, why
			}
		}
		return v, err //nolint:wrapcheck // it is about the argument
	}, text("string"))
}

// malformed says where a text stops being JSON.
func malformed(text string) error {
	err := guard.MalformedJSON([]byte(text))
	if err == nil {
		return nil
	}
	at := err.Diagnostic([]byte(text), "", hcl.InitialPos).Subject.Start
	return function.NewArgErrorf(0, "the text is not JSON, at line %d, column %d: %s", at.Line, at.Column, strings.TrimSuffix(err.Detail, "."))
}

// checked returns the function with a look at its result: numbers may be larger than they are long.
func checked(f function.Function) function.Function {
	return function.New(&function.Spec{
		Params: f.Params(),
		Type:   function.StaticReturnType(cty.DynamicPseudoType),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			v, err := f.Call(args)
			if err != nil {
				return cty.NilVal, err
			}
			if err := Check(v); err != nil {
				return cty.NilVal, err
			}
			return wholeNumbers(v), nil
		},
	})
}
