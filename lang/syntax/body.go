package syntax

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"runner/lang/diag"
)

// Body is the inside of a file or block.
type Body struct {
	hcl hcl.Body
	src []byte
}

// Block is a block, with its inside not looked at yet.
type Block struct {
	Type   string
	Labels []Label
	Range  hcl.Range // its header
	Body   *Body
}

// Label is one label of a block.
type Label struct {
	Text  string
	Range hcl.Range
}

// Argument is a name and its expression.
type Argument struct {
	Name      string
	Expr      hclsyntax.Expression
	NameRange hcl.Range
	Range     hcl.Range
	JSON      bool
}

// Schema says what a body may hold.
type Schema struct {
	What      string // of the messages: "a task", "the action file"
	Arguments []string
	Blocks    []BlockSchema
	Raw       []string // arguments that are read by Literal or Literals, and not evaluated
	Later     []string // arguments and blocks that the language has, but this version does not
	Common    int      // how many of the arguments, the last ones, every task takes
}

// BlockSchema is a kind of block and what its labels are.
type BlockSchema struct {
	Type   string
	Labels []string
}

// Content is what a body holds.
type Content struct {
	Arguments map[string]*Argument
	Blocks    []*Block // in source order
	Missing   hcl.Range
	meant     map[string]bool // arguments that misspelt ones most likely are
}

// Lacks says whether an argument is missing, and not just misspelt, which is an error already.
func (c *Content) Lacks(name string) bool { return c.Arguments[name] == nil && !c.meant[name] }

// addMeant notes what a name that is unknown was meant to be.
func (c *Content) addMeant(name string, s Schema) {
	if c.meant == nil {
		c.meant = map[string]bool{}
	}
	c.meant[diag.Suggest(name, s.names())] = true
}

// Content takes a body apart. What does not belong there is an error; what belongs is returned in any case.
func (b *Body) Content(schema Schema) (*Content, hcl.Diagnostics) {
	if body, ok := b.hcl.(*hclsyntax.Body); ok {
		return b.nativeContent(body, schema)
	}
	partial, _, diags := b.hcl.PartialContent(schema.hcl())
	diags = diag.Own(diags, diag.Decode)
	content := &Content{Arguments: map[string]*Argument{}, Missing: partial.MissingItemRange}
	for name, attr := range partial.Attributes {
		arg, d := argument(attr, slices.Contains(schema.Raw, name))
		diags = append(diags, d...)
		content.Arguments[name] = arg
	}
	for _, block := range partial.Blocks {
		content.Blocks = append(content.Blocks, b.block(block))
	}
	return content, append(diags, b.leftOver(schema, content)...)
}

// nativeContent is Content for the native syntax.
func (b *Body) nativeContent(body *hclsyntax.Body, schema Schema) (*Content, hcl.Diagnostics) {
	var diags hcl.Diagnostics
	content := &Content{Arguments: map[string]*Argument{}, Missing: body.MissingItemRange()}
	for name, attr := range body.Attributes {
		if !slices.Contains(schema.Arguments, name) {
			diags = append(diags, schema.unknownArgument(name, attr.NameRange))
			content.addMeant(name, schema)
			continue
		}
		arg, d := argument(attr.AsHCLAttribute(), slices.Contains(schema.Raw, name))
		diags = append(diags, d...)
		content.Arguments[name] = arg
	}
	for _, block := range body.Blocks {
		i := slices.IndexFunc(schema.Blocks, func(s BlockSchema) bool { return s.Type == block.Type })
		if i < 0 {
			diags = append(diags, schema.unknownBlock(block.Type, block.TypeRange))
			continue
		}
		if d := schema.Blocks[i].checkLabels(block); d != nil {
			diags = append(diags, d)
			continue
		}
		content.Blocks = append(content.Blocks, b.block(block.AsHCLBlock()))
	}
	return content, diags
}

// checkLabels reports labels that are missing or too many.
func (s BlockSchema) checkLabels(block *hclsyntax.Block) *hcl.Diagnostic {
	var example strings.Builder
	example.WriteString(s.Type)
	for _, label := range s.Labels {
		fmt.Fprintf(&example, " %q", strings.ToUpper(label))
	}
	switch want, got := len(s.Labels), len(block.Labels); {
	case got < want:
		return diag.Errorf(diag.Decode, block.DefRange(), "Missing label", "The block lacks its %s. It begins with %s {.", s.Labels[got], example.String())
	case got > want:
		return diag.Errorf(diag.Decode, block.LabelRanges[want], "Too many labels", "There is nothing that this label could stand for. The block begins with %s {.", example.String())
	}
	return nil
}

// Attributes returns the arguments of a body that may have any, in source order.
func (b *Body) Attributes() ([]*Argument, hcl.Diagnostics) {
	attrs, diags := b.hcl.JustAttributes()
	diags = diag.Own(diags, diag.Decode)
	out := make([]*Argument, 0, len(attrs))
	for _, attr := range attrs {
		arg, d := argument(attr, false)
		diags = append(diags, d...)
		out = append(out, arg)
	}
	slices.SortFunc(out, func(a, b *Argument) int { return cmp.Compare(a.Range.Start.Byte, b.Range.Start.Byte) })
	return out, diags
}

func argument(attr *hcl.Attribute, raw bool) (*Argument, hcl.Diagnostics) {
	expr, isNative := attr.Expr.(hclsyntax.Expression)
	var diags hcl.Diagnostics
	if !isNative || !raw {
		expr, diags = native(attr.Expr)
	}
	return &Argument{Name: attr.Name, Expr: expr, NameRange: attr.NameRange, Range: attr.Range, JSON: !isNative}, diags
}

func (b *Body) block(block *hcl.Block) *Block {
	out := &Block{Type: block.Type, Range: block.DefRange, Body: &Body{hcl: block.Body, src: b.src}}
	if _, ok := block.Body.(*hclsyntax.Body); !ok {
		// A block in JSON has its name, or that of its last label, for a header.
		out.Range = block.TypeRange
		if n := len(block.LabelRanges); n > 0 {
			out.Range = block.LabelRanges[n-1]
		}
	}
	for i, text := range block.Labels {
		out.Labels = append(out.Labels, Label{text, block.LabelRanges[i]})
	}
	return out
}

func (s Schema) hcl() *hcl.BodySchema {
	out := &hcl.BodySchema{}
	for _, name := range s.Arguments {
		out.Attributes = append(out.Attributes, hcl.AttributeSchema{Name: name})
	}
	for _, block := range s.Blocks {
		out.Blocks = append(out.Blocks, hcl.BlockHeaderSchema{Type: block.Type, LabelNames: block.Labels})
	}
	return out
}

// names are those that a name that is unknown may be meant to be.
func (s Schema) names() []string { return slices.Concat(s.Arguments, s.blocks(), s.Later) }

func (s Schema) blocks() []string {
	var out []string
	for _, block := range s.Blocks {
		out = append(out, block.Type)
	}
	return out
}

// leftOver reports what the schema does not have of a body in JSON syntax. It is found by what HCL has to say beyond
// what it says about the content.
func (b *Body) leftOver(schema Schema, content *Content) hcl.Diagnostics {
	_, _, known := b.hcl.PartialContent(schema.hcl())
	_, all := b.hcl.Content(schema.hcl())
	var diags hcl.Diagnostics
	for _, d := range all[min(len(known), len(all)):] {
		name, ok := b.jsonName(d)
		if !ok {
			continue // said about the content already
		}
		content.addMeant(name, schema)
		diags = append(diags, schema.unknownName(name, *d.Subject, b.holdsObject(d.Subject.End.Byte)))
	}
	return diags
}

// holdsObject says whether an object follows a name in JSON syntax, as it does where the name is that of a block.
func (b *Body) holdsObject(behind int) bool {
	return bytes.HasPrefix(bytes.TrimLeft(b.src[behind:], ": \t\r\n["), []byte("{"))
}

// unknownName is for JSON syntax, where an argument that is an object looks like a block.
func (s Schema) unknownName(name string, at hcl.Range, object bool) *hcl.Diagnostic {
	if !object || slices.Contains(s.Later, name) {
		return s.unknownArgument(name, at)
	}
	return diag.Errorf(diag.UnknownArgument, at, "Unknown argument or block", "There is no argument or block %s in %s.%s",
		diag.Quote(name), s.What, cmp.Or(meant(name, slices.Concat(s.blocks(), s.Arguments, s.Later)), s.listBlocks()))
}

func (b *Body) jsonName(d *hcl.Diagnostic) (string, bool) {
	var name string
	if d.Subject == nil || !d.Subject.CanSliceBytes(b.src) {
		return "", false
	}
	err := json.Unmarshal(d.Subject.SliceBytes(b.src), &name)
	return name, err == nil
}

func (s Schema) unknownArgument(name string, at hcl.Range) *hcl.Diagnostic {
	if slices.Contains(s.Later, name) {
		return s.later(name, at)
	}
	blocks := s.blocks()
	if slices.Contains(blocks, name) {
		return diag.Errorf(diag.UnknownArgument, at, "Unknown argument",
			"%q is a block and not an argument: write it without the equals sign.", name)
	}
	return diag.Errorf(diag.UnknownArgument, at, "Unknown argument", "There is no argument %s in %s.%s",
		diag.Quote(name), s.What, cmp.Or(meant(name, s.names()), s.listArguments()))
}

// listArguments says what there is where no argument is like the one given.
func (s Schema) listArguments() string {
	own := s.Arguments[:len(s.Arguments)-s.Common]
	switch {
	case len(own) == 0 && s.Common > 0:
		return " It takes what every task takes, and nothing else."
	case len(own) == 0:
		return s.listBlocks()
	case s.Common > 0:
		return " Beside what every task takes it has " + diag.Listed(own) + "."
	}
	return " It takes " + diag.Listed(own) + "."
}

func (s Schema) listBlocks() string {
	switch blocks := s.blocks(); len(blocks) {
	case 0:
		return " It takes no blocks."
	case 1:
		return " The only block that it takes is " + diag.Listed(blocks) + "."
	default:
		return " The blocks that it takes are " + diag.Listed(blocks) + "."
	}
}

func (s Schema) unknownBlock(name string, at hcl.Range) *hcl.Diagnostic {
	if slices.Contains(s.Later, name) {
		return s.later(name, at)
	}
	if slices.Contains(s.Arguments, name) {
		return diag.Errorf(diag.UnknownBlock, at, "Unknown block",
			"%q is an argument and not a block: write an equals sign behind its name.", name)
	}
	return diag.Errorf(diag.UnknownBlock, at, "Unknown block", "There is no block %s in %s.%s",
		diag.Quote(name), s.What, cmp.Or(meant(name, slices.Concat(s.blocks(), s.Arguments, s.Later)), s.listBlocks()))
}

func (s Schema) later(name string, at hcl.Range) *hcl.Diagnostic {
	return NotSupported(at, fmt.Sprintf("%q in %s", name, s.What))
}

// NotSupported says that the language has something that this version cannot do.
func NotSupported(at hcl.Range, what string) *hcl.Diagnostic {
	return diag.Errorf(diag.NotSupported, at, "Not supported yet",
		"The language has %s, but this version of runner cannot do it yet.", what)
}
