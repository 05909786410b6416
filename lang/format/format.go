// Package format brings files of the language into their canonical format, the one that `terraform fmt` gives: two
// blanks of indentation, equals signs and comments in columns, labels in quotes, and "${x}" as plain x. It changes how
// a file looks and never what it says. Which files there are is the command line's business, what they mean that of
// package lang.
package format

import (
	"bytes"
	"strings"

	udiff "github.com/aymanbagabas/go-udiff"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"

	"runner/lang/diag"
	"runner/lang/guard"
)

// Format returns the file in the canonical format. A file in JSON syntax, which has no such format, is returned as it
// is, and so is one with syntax errors, with these.
func Format(src []byte, filename string) ([]byte, hcl.Diagnostics) {
	if strings.HasSuffix(filename, ".json") {
		return src, nil
	}
	before, diags := parse(src, filename)
	if diags.HasErrors() {
		return src, diags
	}
	// What would say something else is not used, whatever the reason.
	plain := settle(src)
	for _, candidate := range [][]byte{settle(simplify(src, filename)), plain} {
		after, diags := parse(candidate, filename)
		if !diags.HasErrors() && sameBody(before, after) && sameComments(src, candidate) {
			return candidate, nil
		}
	}
	return src, nil
}

// Diff returns what changes from one content of a file to another as a unified diff, or "".
func Diff(filename string, before, after []byte) string {
	return udiff.Unified("old/"+filename, "new/"+filename, string(before), string(after))
}

func parse(src []byte, filename string) (*hclsyntax.Body, hcl.Diagnostics) {
	if err := guard.Config(src); err != nil {
		return nil, hcl.Diagnostics{err.Diagnostic(src, filename, hcl.InitialPos)}
	}
	file, diags := hclsyntax.ParseConfig(src, filename, hcl.InitialPos)
	if diags.HasErrors() {
		return nil, diag.Own(diags, diag.Syntax)
	}
	return file.Body.(*hclsyntax.Body), nil //nolint:forcetypeassert // what ParseConfig returns
}

// settle adjusts white space until nothing changes any more: what moves in one pass may move its neighbours in the next.
func settle(src []byte) []byte {
	const most = 5
	for range most {
		next := keepHeredocs(src, hclwrite.Format(src))
		if bytes.Equal(next, src) {
			break
		}
		src = next
	}
	return src
}

// keepHeredocs puts the text of heredocs back as it was.
func keepHeredocs(before, after []byte) []byte {
	old, formatted := heredocs(before), heredocs(after)
	if len(old) != len(formatted) {
		return after
	}
	var out []byte
	at := 0
	for i, r := range formatted {
		out = append(append(out, after[at:r.Start.Byte]...), before[old[i].Start.Byte:old[i].End.Byte]...)
		at = r.End.Byte
	}
	return append(out, after[at:]...)
}

// heredocs returns where the texts of heredocs are, those inside of another one left out.
func heredocs(src []byte) []hcl.Range {
	tokens, _ := hclsyntax.LexConfig(src, "", hcl.InitialPos)
	var out []hcl.Range
	var start hcl.Pos
	depth := 0
	for _, token := range tokens {
		switch token.Type {
		case hclsyntax.TokenOHeredoc:
			if depth++; depth == 1 {
				start = token.Range.End
			}
		case hclsyntax.TokenCHeredoc:
			if depth--; depth == 0 {
				out = append(out, hcl.Range{Start: start, End: token.Range.Start})
			}
		default:
		}
	}
	return out
}

// simplify rewrites what can be said more simply.
func simplify(src []byte, filename string) []byte {
	file, diags := hclwrite.ParseConfig(src, filename, hcl.InitialPos)
	if diags.HasErrors() {
		return src
	}
	simplifyBody(file.Body())
	return keepHeredocs(src, file.Bytes()) // what comes out of the parser has other blanks already
}

func simplifyBody(body *hclwrite.Body) {
	for name, attribute := range body.Attributes() {
		tokens, found := unwrap(attribute.Expr().BuildTokens(nil))
		for ok := found; ok; { // one inside another
			var inner hclwrite.Tokens
			if inner, ok = unwrap(tokens); ok {
				tokens = inner
			}
		}
		if found {
			body.SetAttributeRaw(name, tokens)
		}
	}
	for _, block := range body.Blocks() {
		block.SetLabels(block.Labels())
		simplifyBody(block.Body())
	}
}

// unwrap takes an expression out of a string that holds nothing but its interpolation. One that goes over several lines
// outside of brackets stays: only within the string may it do so.
func unwrap(tokens hclwrite.Tokens) (hclwrite.Tokens, bool) {
	const around = 2 // the quote and the ${ on the left, the } and the quote on the right
	n := len(tokens)
	if n <= 2*around || tokens[0].Type != hclsyntax.TokenOQuote || tokens[n-1].Type != hclsyntax.TokenCQuote ||
		string(tokens[1].Bytes) != "${" || tokens[n-2].Type != hclsyntax.TokenTemplateSeqEnd || string(tokens[n-2].Bytes) != "}" {
		return nil, false
	}
	inner := tokens[around : n-around]
	depth := 0
	for _, token := range inner {
		switch token.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
			depth++
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen:
			depth--
		case hclsyntax.TokenTemplateSeqEnd:
			if depth--; depth < 0 {
				return nil, false // the } that was taken for the end belongs to a second interpolation
			}
		case hclsyntax.TokenNewline, hclsyntax.TokenComment:
			if depth == 0 {
				return nil, false
			}
		default:
		}
	}
	return inner, depth == 0
}
