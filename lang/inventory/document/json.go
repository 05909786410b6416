package document

import (
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"go.yaml.in/yaml/v3"

	"runner/lang/diag"
	"runner/lang/inventory"
)

// The tags of nodes, in their short form.
const (
	tagNull  = "!!null"
	tagBool  = "!!bool"
	tagInt   = "!!int"
	tagFloat = "!!float"
	tagText  = "!!str"
	tagMap   = "!!map"
	tagList  = "!!seq"
)

// CheckJSON says whether JSON stays within the limits, for a decoder of the caller's.
func CheckJSON(file *inventory.File) *hcl.Diagnostic { return limits(file, true) }

// JSONError places an error of the JSON decoder.
func JSONError(file *inventory.File, err error, offset int) *hcl.Diagnostic {
	why := "it ends too early"
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		offset = int(syntax.Offset) - 1
		why = syntax.Error()
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		offset = int(wrong.Offset) - 1
		return file.At(max(offset, 0), offset+1).Errorf(diag.Inventory, "Unexpected value in JSON", "%s takes %s, but this is %s.",
			diag.Quote(wrong.Field), taken(wrong.Type), found(wrong.Value))
	}
	return file.At(max(offset, 0), offset+1).Errorf(diag.Syntax, "Invalid JSON", "This is not valid JSON: %s.", why)
}

// taken says what is decoded to a type.
func taken(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Slice:
		return "a list"
	case reflect.Int64:
		return "a whole number"
	default:
		return "an object"
	}
}

// found says what the decoder has found, in its own words.
func found(what string) string {
	switch word, _, _ := strings.Cut(what, " "); word {
	case "object":
		return "an object"
	case "array":
		return "a list"
	case "bool":
		return "true or false"
	default:
		return "a " + word
	}
}

// ParseJSON parses JSON and nothing else.
func ParseJSON(file *inventory.File) (*Document, *hcl.Diagnostic) {
	if d := CheckJSON(file); d != nil {
		return nil, d
	}
	p := jsonParser{file: file, decoder: json.NewDecoder(strings.NewReader(file.Text))}
	p.decoder.UseNumber()
	root, err := p.value(0)
	if err == nil {
		if _, more := p.decoder.Token(); !errors.Is(more, io.EOF) {
			at := int(p.decoder.InputOffset())
			return nil, file.At(at, at+1).Errorf(diag.Syntax, "Invalid JSON", "Something follows the end of the JSON value.")
		}
	}
	if err != nil {
		return nil, JSONError(file, err, int(p.decoder.InputOffset()))
	}
	return &Document{File: file, Root: root, json: true}, nil
}

type jsonParser struct {
	file    *inventory.File
	decoder *json.Decoder
	offset  int // up to which lines were counted
	line    int // there, from 0
	column  int // there, in characters, from 0
}

// errNesting cannot happen: the text was looked at.
var errNesting = errors.New("nested too deeply")

// value parses one value.
func (p *jsonParser) value(depth int) (*yaml.Node, error) {
	if depth > inventory.MaxDepth {
		return nil, errNesting
	}
	token, err := p.decoder.Token()
	if err != nil {
		return nil, err
	}
	n := &yaml.Node{Kind: yaml.ScalarNode}
	p.place(n, token)
	switch t := token.(type) {
	case json.Delim:
		return n, p.inside(n, t, depth)
	case string:
		n.Tag, n.Value, n.Style = tagText, t, yaml.DoubleQuotedStyle
	case json.Number:
		n.Tag, n.Value = tagInt, t.String()
		if strings.ContainsAny(n.Value, ".eE") {
			n.Tag = tagFloat
		}
	case bool:
		n.Tag, n.Value = tagBool, "false"
		if t {
			n.Value = "true"
		}
	default:
		n.Tag, n.Value = tagNull, "null"
	}
	return n, nil
}

// inside parses what an object or an array holds.
func (p *jsonParser) inside(n *yaml.Node, open json.Delim, depth int) error {
	n.Kind, n.Tag = yaml.SequenceNode, tagList
	if open == '{' {
		n.Kind, n.Tag = yaml.MappingNode, tagMap
	}
	for p.decoder.More() {
		if open == '{' {
			key, err := p.value(depth + 1)
			if err != nil {
				return err
			}
			n.Content = append(n.Content, key)
		}
		element, err := p.value(depth + 1)
		if err != nil {
			return err
		}
		n.Content = append(n.Content, element)
	}
	_, err := p.decoder.Token()
	return err
}

// place gives a node its line and column. The decoder tells where a token ends.
func (p *jsonParser) place(n *yaml.Node, token json.Token) {
	end := int(p.decoder.InputOffset())
	length := 1
	switch t := token.(type) {
	case string:
		length = end - p.quoteBefore(end)
	case json.Number:
		length = len(t)
	case bool, nil:
		length = len("null")
		if t == false {
			length++
		}
	}
	at := end - length
	for ; p.offset < at; p.offset++ {
		switch c := p.file.Text[p.offset]; {
		case c == '\n':
			p.line++
			p.column = 0
		case utf8.RuneStart(c):
			p.column++
		}
	}
	n.Line, n.Column = p.line+1, p.column+1
}

// quoteBefore finds the quote at which the string starts whose end is given.
func (p *jsonParser) quoteBefore(end int) int {
	for i := p.offset; i < end; i++ {
		if p.file.Text[i] == '"' && endOfString(p.file.Text, i)+1 == end {
			return i
		} else if p.file.Text[i] == '"' {
			i = endOfString(p.file.Text, i)
		}
	}
	return end - 1
}
