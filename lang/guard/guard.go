// Package guard looks at the bytes of sites, templates and values before a parser does. HCL's parsers and evaluator
// recurse as deep as their input is nested, and keep a hundred bytes for each token, so input that is too deep or too
// large has to be refused first. It finds brackets, strings, heredocs, comments and templates as HCL's scanner does,
// and judges nothing else: what passes may still be no HCL. Its neighbours are lang/syntax and lang/function, which call
// it in front of every parse.
package guard

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"runner/lang/diag"
)

// The limits. They are far beyond what people write, and far below what does harm.
const (
	MaxSize     = 8 << 20 // bytes of one file or value
	MaxDepth    = 500     // brackets, templates, directives and chained operators around any place
	MaxTokens   = 600_000 // of one file or value
	maxExponent = 4       // digits of a number's exponent
)

// Error says what is wrong with some input, and where.
type Error struct {
	Code   diag.Code // TooDeep or TooLarge
	Offset int       // in bytes
	Detail string    // a full sentence
}

func (e *Error) Error() string { return e.Detail }

// Diagnostic places the error in a file. The start is where the input begins in it.
func (e *Error) Diagnostic(src []byte, filename string, start hcl.Pos) *hcl.Diagnostic {
	summary := "Input too large"
	if e.Code == diag.TooDeep {
		summary = "Input nested too deeply"
	}
	return diag.Errorf(e.Code, place(src, e.Offset, filename, start), summary, "%s", e.Detail)
}

// place is the range of the byte at an offset.
func place(src []byte, offset int, filename string, start hcl.Pos) hcl.Range {
	pos := start
	offset = min(offset, len(src))
	for _, c := range src[:offset] {
		pos.Byte++
		switch {
		case c == '\n':
			pos.Line++
			pos.Column = 1
		case c&0xc0 != 0x80: // not in the middle of a character
			pos.Column++
		}
	}
	end := pos
	if offset < len(src) {
		end.Byte++
		end.Column++
	}
	return hcl.Range{Filename: filename, Start: pos, End: end}
}

// Config checks a file, or an expression, in the native syntax.
func Config(src []byte) *Error { return scan(src, code, 0) }

// Template checks a template.
func Template(src []byte) *Error { return scan(src, bare, 0) }

func tooDeep(offset int) *Error {
	return &Error{
		Code: diag.TooDeep, Offset: offset,
		Detail: fmt.Sprintf("More than %d brackets, templates or operators are nested here. Split the expression, for example into locals.", MaxDepth),
	}
}

func tooLarge(src []byte) *Error {
	if len(src) <= MaxSize {
		return nil
	}
	return &Error{
		Code:   diag.TooLarge,
		Detail: fmt.Sprintf("This is larger than %d MiB. Split it into several files, or read the data with a function such as file.", MaxSize>>20),
	}
}

func tooManyTokens(offset int) *Error {
	return &Error{
		Code: diag.TooLarge, Offset: offset,
		Detail: fmt.Sprintf("Up to here there are more than %d words and signs. Split this into several files, or read the data with a function such as jsondecode.", MaxTokens),
	}
}

func tooLargeNumber(offset int) *Error {
	return &Error{
		Code: diag.TooLarge, Offset: offset,
		Detail: fmt.Sprintf("The exponent of this number has more than %d digits.", maxExponent),
	}
}
