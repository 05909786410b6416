// Package document parses the JSON and YAML of inventories into one tree of nodes with places, and gives their values as
// Ansible does: YAML 1.1 with Ansible's own tags. It looks at the text before a parser does, for parsers keep hundreds of
// bytes for each sign, and follows what is referred to by name only as far as the limits of package inventory allow.
package document

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"go.yaml.in/yaml/v3"

	"runner/lang/diag"
	"runner/lang/inventory"
)

// Document is a parsed text.
type Document struct {
	File *inventory.File
	Root *yaml.Node // nil if the text holds nothing
	// Decrypt decrypts what has the tag !vault, at a place.
	Decrypt func(text string, at inventory.Place) (string, *hcl.Diagnostic)
	Values  *int // how many values were made of all documents, but for one of each call of Value; the reader counts those

	json   bool                   // it was parsed as JSON
	shared map[*yaml.Node]counted // values of nodes that have a name
}

// Parse parses JSON, or YAML if it is none. An empty text has no root.
func Parse(file *inventory.File) (*Document, *hcl.Diagnostic) {
	if d := limits(file, false); d != nil {
		return nil, d
	}
	text := strings.TrimLeft(file.Text, " \t\r\n")
	if text != "" && (text[0] == '{' || text[0] == '[') {
		if doc, d := ParseJSON(file); d == nil {
			return doc, nil
		}
	}
	if len(file.Text) > MaxYAML {
		return nil, file.At(0, 0).Errorf(diag.TooLarge, "Inventory too large", "%s is larger than the %d MiB that YAML may have. Split it into several files.", file.Name, MaxYAML>>20)
	}
	return parseYAML(file)
}

// MaxYAML is how many bytes a file in YAML may have: its parser needs several times as much.
const MaxYAML = 4 << 20

func parseYAML(file *inventory.File) (doc *Document, d *hcl.Diagnostic) {
	defer func() {
		// The parser is somebody else's: whatever it cannot cope with is an error in the file.
		if recover() != nil {
			doc, d = nil, file.At(0, 0).Errorf(diag.Syntax, "Invalid YAML", "%s cannot be parsed as YAML.", file.Name)
		}
	}()
	decoder := yaml.NewDecoder(strings.NewReader(file.Text))
	var root, more yaml.Node
	err := decoder.Decode(&root)
	if errors.Is(err, io.EOF) {
		return &Document{File: file}, nil
	}
	if err == nil {
		if again := decoder.Decode(&more); again == nil {
			doc := &Document{File: file}
			return nil, doc.At(&more).Errorf(diag.Syntax, "Invalid YAML", "A second document begins here. An inventory takes one document in each file.")
		} else if !errors.Is(again, io.EOF) {
			err = again
		}
	}
	if err != nil {
		return nil, yamlError(file, err)
	}
	doc = &Document{File: file, Root: &root}
	if root.Kind == yaml.DocumentNode && len(root.Content) == 1 {
		doc.Root = root.Content[0]
	}
	return doc, nil
}

// yamlError places an error of the parser, which says the line in its text.
func yamlError(file *inventory.File, err error) *hcl.Diagnostic {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 1
	if n, scanErr := fmt.Sscanf(text, "line %d:", &line); n == 1 && scanErr == nil {
		_, text, _ = strings.Cut(text, ": ")
	}
	start := file.Offset(line, 1)
	end := start
	for end < len(file.Text) && file.Text[end] != '\n' {
		end++
	}
	if file.Private {
		text = "what it says here is not shown, because it was encrypted"
	}
	return file.At(start, end).Errorf(diag.Syntax, "Invalid YAML", "This is not valid YAML: %s.", strings.TrimSuffix(text, "."))
}

// At is the place of a node: all of a scalar on one line, else its beginning.
func (d *Document) At(n *yaml.Node) inventory.Place {
	start := d.File.Offset(n.Line, n.Column)
	end := min(start+1, len(d.File.Text))
	if n.Kind == yaml.ScalarNode || n.Kind == yaml.AliasNode {
		length := len(n.Value)
		switch {
		case n.Kind == yaml.AliasNode, n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0:
			length += len(`"`)
		case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
			length = 1
		}
		end = min(start+max(length, 1), len(d.File.Text))
		if line := strings.IndexByte(d.File.Text[start:end], '\n'); line >= 0 {
			end = start + line
		}
		if end < len(d.File.Text) && n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 && d.File.Text[end] == d.File.Text[start] {
			end++
		}
	}
	return d.File.At(start, end)
}

// Resolve follows a reference to another node.
func Resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	return n
}

// limits looks at a text before a parser does.
func limits(file *inventory.File, quoted bool) *hcl.Diagnostic {
	if !quoted {
		if d := indentation(file); d != nil {
			return d
		}
	}
	depth, signs := 0, 0
	text := file.Text
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{', '[':
			if depth++; depth > inventory.MaxDepth {
				return tooDeep(file, i)
			}
			signs++
		case '}', ']':
			depth = max(depth-1, 0)
		case ',', ':':
			signs++
		case '\n', '-', '?':
			if !quoted {
				signs++
			}
		case '"':
			if quoted {
				i = endOfString(text, i)
			}
		}
		if signs > 2*inventory.MaxValues {
			return tooMany(file, i)
		}
	}
	return nil
}

// indentation bounds the nesting by what lines begin with.
func indentation(file *inventory.File) *hcl.Diagnostic {
	const columns = 4 * inventory.MaxDepth
	offset := 0
	for line := range strings.Lines(file.Text) {
		body := strings.TrimLeft(line, " \t-?:")
		if len(line)-len(body) > columns && strings.TrimSpace(line) != "" {
			return tooDeep(file, offset)
		}
		offset += len(line)
	}
	return nil
}

// endOfString is the position of the quote that ends the string that starts at a position.
func endOfString(text string, i int) int {
	for i++; i < len(text) && text[i] != '"'; i++ {
		if text[i] == '\\' {
			i++
		}
	}
	return i
}

func tooDeep(file *inventory.File, offset int) *hcl.Diagnostic {
	return file.At(offset, offset+1).Errorf(diag.TooDeep, "Inventory nested too deeply", "More than %d lists and maps lie in one another here.", inventory.MaxDepth)
}

func tooMany(file *inventory.File, offset int) *hcl.Diagnostic {
	return file.At(offset, offset+1).Errorf(diag.TooLarge, "Inventory too large", "Up to here there are more than %d values. Split the inventory into several files.", inventory.MaxValues)
}
