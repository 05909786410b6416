package syntax

import (
	"bytes"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"runner/lang/diag"
	"runner/lang/guard"
)

// Expression parses an expression that stands somewhere in a text, from start on.
func Expression(src []byte, name string, start hcl.Pos) (hclsyntax.Expression, hcl.Diagnostics) {
	if !bytes.Contains(src, []byte("<<")) { // the end of a heredoc needs its line end
		src = bytes.TrimRight(src, "\r\n")
	}
	expr, diags := parseExpression(src, name, start)
	if expr == nil || diags.HasErrors() {
		return nil, diag.Own(diags, diag.Syntax)
	}
	return meterAll(expr), diags
}

// Lines tells where an expression that is typed line by line ends: where no bracket, interpolation or heredoc is open.
type Lines struct {
	depth   int
	heredoc string // the word that ends the one that is open
	// A line that ends inside of an interpolation is looked at again with those that follow it: what comes behind its end
	// may be text.
	held  string
	lines int // in held
}

// mostHeld bounds the lines that are looked at again.
const mostHeld = 500

// Add takes the next line, without its end.
func (l *Lines) Add(line string) {
	if l.heredoc != "" {
		if strings.TrimSpace(line) == l.heredoc {
			l.heredoc = ""
		}
		return
	}
	src := l.held + line + "\n"
	if guard.Config([]byte(src)) != nil || l.lines > mostHeld { // whoever parses it says so
		*l = Lines{}
		return
	}
	depth, templates, heredoc := 0, 0, ""
	tokens, _ := hclsyntax.LexExpression([]byte(src), "", hcl.InitialPos)
	for _, token := range tokens {
		switch token.Type {
		case hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
			templates++
		case hclsyntax.TokenTemplateSeqEnd:
			templates--
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen:
			depth++
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen:
			depth--
		case hclsyntax.TokenOHeredoc:
			heredoc = string(bytes.TrimSpace(bytes.TrimLeft(token.Bytes, "<-")))
		case hclsyntax.TokenCHeredoc:
			heredoc = ""
		default:
		}
	}
	if templates > 0 && heredoc == "" {
		l.held, l.lines = src, l.lines+1
		return
	}
	l.held, l.lines = "", 0
	l.depth += depth
	l.heredoc = heredoc
}

// Open says whether the expression goes on in the next line. One that is nested too deeply does not.
func (l *Lines) Open() bool {
	return l.depth > 0 && l.depth <= guard.MaxDepth || l.heredoc != "" || l.held != ""
}

// Blank says whether a text has nothing but blanks and comments.
func Blank(src []byte) bool {
	if guard.Config(src) != nil {
		return false
	}
	tokens, _ := hclsyntax.LexExpression(src, "", hcl.InitialPos)
	for _, token := range tokens {
		switch token.Type {
		case hclsyntax.TokenNewline, hclsyntax.TokenComment, hclsyntax.TokenEOF:
		default:
			return false
		}
	}
	return true
}
