// Package syntax turns files into blocks and expressions. Both syntaxes come out the same: expressions are always
// trees of hclsyntax, so that whoever looks into them needs to know one kind. Everything is checked by lang/guard
// before HCL sees it, and expressions stop when they take too much to evaluate. What blocks and arguments mean is
// package lang's business.
package syntax

import (
	"bytes"
	"fmt"
	"strings"
	"syscall"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	hcljson "github.com/hashicorp/hcl/v2/json"

	"runner/agent/plain"
	"runner/lang/diag"
	"runner/lang/guard"
	"runner/lang/source"
)

// Files are what is read from, and the texts that diagnostics quote from, by the names that ranges have.
type Files struct {
	Texts map[string]*hcl.File
	From  source.Files
}

// NewFiles returns files of which nothing is read yet.
func NewFiles(from source.Files) Files { return Files{Texts: map[string]*hcl.File{}, From: from} }

// Config reads a file and parses it, as JSON if its name says so. The name is both the path to open and what ranges
// say. On errors the body holds what could be understood, and may be nil.
func (f Files) Config(name string) (*Body, hcl.Diagnostics) {
	src, diags := Read(f.From, name)
	if diags.HasErrors() {
		return nil, diags
	}
	return f.config(src, name)
}

func (f Files) config(src []byte, name string) (*Body, hcl.Diagnostics) {
	f.Texts[name] = &hcl.File{Bytes: src}
	if IsJSON(name) {
		if err := guard.JSON(src); err != nil {
			return nil, hcl.Diagnostics{err.Diagnostic(src, name, hcl.InitialPos)}
		}
		file, diags := hcljson.Parse(src, name)
		f.Texts[name] = file
		if malformed := guard.MalformedJSON(src); malformed != nil {
			// The parser goes on behind the first error and finds more that follow from it.
			diags = hcl.Diagnostics{malformed.Diagnostic(src, name, hcl.InitialPos)}
		}
		return &Body{hcl: file.Body, src: src}, diag.Own(diags, diag.Syntax)
	}
	if err := guard.Config(src); err != nil {
		return nil, hcl.Diagnostics{err.Diagnostic(src, name, hcl.InitialPos)}
	}
	file, diags := hclsyntax.ParseConfig(src, name, hcl.InitialPos)
	f.Texts[name] = file
	return &Body{hcl: file.Body, src: src}, diag.Own(diags, diag.Syntax)
}

// Expression parses a text that comes from no file; the name says where it comes from.
func (f Files) Expression(text, name string) (hclsyntax.Expression, hcl.Diagnostics) {
	src := []byte(text)
	f.Texts[name] = &hcl.File{Bytes: src}
	expr, diags := parseExpression(src, name, hcl.InitialPos)
	if expr == nil {
		return nil, diags
	}
	return meterAll(expr), diags
}

func parseExpression(src []byte, name string, start hcl.Pos) (hclsyntax.Expression, hcl.Diagnostics) {
	if err := guard.Config(src); err != nil {
		return nil, hcl.Diagnostics{err.Diagnostic(src, name, start)}
	}
	expr, diags := hclsyntax.ParseExpression(src, name, start)
	return expr, diag.Own(diags, diag.Syntax)
}

// Template parses a template. The start is where its text begins in the file. The diagnostics of the parser have no
// codes yet: what a template is wrong for depends on where it stands.
func Template(src []byte, name string, start hcl.Pos) (hclsyntax.Expression, hcl.Diagnostics) {
	if err := guard.Template(src); err != nil {
		return nil, hcl.Diagnostics{err.Diagnostic(src, name, start)}
	}
	pieces := guard.Pieces(src)
	if len(pieces) == 1 {
		expr, diags := hclsyntax.ParseTemplate(src, name, start)
		return meterAll(expr), diags
	}
	whole := &hclsyntax.TemplateExpr{SrcRange: hcl.Range{Filename: name, Start: start}}
	var diags hcl.Diagnostics
	for _, piece := range pieces {
		expr, d := hclsyntax.ParseTemplate(piece, name, start)
		diags = append(diags, d...)
		switch e := expr.(type) {
		case *hclsyntax.TemplateExpr:
			whole.Parts = append(whole.Parts, e.Parts...)
		case nil:
		default:
			whole.Parts = append(whole.Parts, e)
		}
		start = after(piece, start)
	}
	whole.SrcRange.End = start
	return meterAll(whole), diags
}

// after is the place behind some whole lines that begin at a place.
func after(lines []byte, start hcl.Pos) hcl.Pos {
	return hcl.Pos{Line: start.Line + bytes.Count(lines, []byte("\n")), Column: 1, Byte: start.Byte + len(lines)}
}

// IsJSON says whether a file is in JSON syntax.
func IsJSON(name string) bool { return strings.HasSuffix(name, ".json") }

// Read reads a regular file that is not too large.
func Read(files source.Files, name string) ([]byte, hcl.Diagnostics) {
	at := hcl.Range{Filename: name}
	info, err := files.Stat(name)
	if err != nil {
		return nil, unreadable(at, err)
	}
	if info.IsDir() {
		return nil, unreadable(at, syscall.EISDIR)
	}
	if !info.Mode().IsRegular() {
		return nil, hcl.Diagnostics{diag.Errorf(diag.Unreadable, at, "File cannot be read", "%s is not a regular file.", diag.Quote(name))}
	}
	src, err := source.Read(files, name, guard.MaxSize)
	if err != nil {
		return nil, unreadable(at, err)
	}
	if len(src) > guard.MaxSize {
		detail := fmt.Sprintf("%s is larger than %d MiB. Split it into several files, or read the data with a function such as file.", name, guard.MaxSize>>20)
		return nil, hcl.Diagnostics{diag.Errorf(diag.TooLarge, at, "Input too large", "%s", detail)}
	}
	return src, nil
}

func unreadable(at hcl.Range, err error) hcl.Diagnostics {
	return hcl.Diagnostics{diag.Errorf(diag.Unreadable, at, "File cannot be read", "%s.", diag.Capital(plain.File(at.Filename, err)))}
}
