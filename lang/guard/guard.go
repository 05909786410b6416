// Package guard looks at the bytes of sites, templates and values before a parser does. HCL's parsers and evaluator
// recurse as deep as their input is nested, and keep a hundred bytes for each token, so input that is too deep or too
// large has to be refused first. It finds brackets, strings, heredocs, comments and templates as HCL's scanner does,
// and judges nothing else: what passes may still be no HCL. Its neighbours are lang/syntax and lang/function, which call
// it in front of every parse.
package guard

import (
	"cmp"
	"fmt"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"

	"runner/lang/diag"
)

// The limits. They are far beyond what people write, and far below what does harm.
const (
	MaxSize     = 8 << 20   // bytes of one file or value
	MaxDepth    = 500       // brackets, templates, directives and chained operators around any place
	maxExponent = 4         // digits of a number's exponent
	maxDigits   = 1000      // of a number
	maxName     = 4000      // bytes of a name
	maxLiteral  = 512_000   // bytes of a text in quotes, which HCL looks at twice and slowly
	maxParts    = 100_000   // attributes or elements of one block, object or list
	maxStrays   = 600       // characters that the language does not have: HCL makes a diagnostic of each
	maxDots     = 500       // in a row of names
	maxMelding  = 512 << 20 // bytes that are copied to put lines of text together
)

// maxTokens is how many tokens some input may have. Few bytes can be that many tokens, of which each costs a hundred
// bytes; what people write has four bytes and more for each.
func maxTokens(size int) int { return 100_000 + size/3 }

// Error says what is wrong with some input, and where.
type Error struct {
	Code    diag.Code // TooDeep, TooLarge or Syntax
	Offset  int       // in bytes
	Summary string    // "": that of the code
	Detail  string    // a full sentence
}

func (e *Error) Error() string { return e.Detail }

// Diagnostic places the error in a file. The start is where the input begins in it.
func (e *Error) Diagnostic(src []byte, filename string, start hcl.Pos) *hcl.Diagnostic {
	summaries := map[diag.Code]string{diag.TooDeep: "Input nested too deeply", diag.TooLarge: "Input too large", diag.Syntax: "Input is no text"}
	return diag.Errorf(e.Code, place(src, e.Offset, filename, start), cmp.Or(e.Summary, summaries[e.Code]), "%s", e.Detail)
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

// notText finds the first byte that is no UTF-8.
func notText(src []byte) *Error {
	if utf8.Valid(src) {
		return nil
	}
	offset := 0
	for offset < len(src) {
		r, n := utf8.DecodeRune(src[offset:])
		if r == utf8.RuneError && n == 1 {
			break
		}
		offset += n
	}
	return &Error{Code: diag.Syntax, Offset: offset, Detail: "This byte is not part of a UTF-8 text. Save the file with the encoding UTF-8."}
}

func strays(offset int) *Error {
	return &Error{
		Code: diag.Syntax, Offset: offset,
		Detail: fmt.Sprintf("Up to here there are more than %d characters or escapes that the language does not have. This may be a file of another kind.", maxStrays),
	}
}

func tooManyParts(offset int) *Error {
	return &Error{
		Code: diag.TooLarge, Offset: offset,
		Detail: fmt.Sprintf("Up to here this block, object or list has more than %d attributes or elements. Read the data with a function such as yamldecode.", maxParts),
	}
}

func tooManyTokens(src []byte, offset int) *Error {
	return &Error{
		Code: diag.TooLarge, Offset: offset,
		Detail: fmt.Sprintf("Up to here there are more than %d words and signs. Split this into several files, or read the data with a function such as jsondecode.", maxTokens(len(src))),
	}
}

func tooMuchText(offset int) *Error {
	return &Error{
		Code: diag.TooLarge, Offset: offset,
		Detail: "Up to here this is too much text in a row, of too many lines or escaped templates. Read it with the function file, where nothing is escaped.",
	}
}

func tooLongName(offset int) *Error {
	return &Error{Code: diag.TooLarge, Offset: offset, Detail: fmt.Sprintf("This name has more than %d bytes.", maxName)}
}

func tooLongLiteral(offset int) *Error {
	return &Error{
		Code: diag.TooLarge, Offset: offset,
		Detail: fmt.Sprintf("This text in quotes has more than %d bytes. Read it with the function file.", maxLiteral),
	}
}

func tooManyDigits(offset int) *Error {
	return &Error{Code: diag.TooLarge, Offset: offset, Detail: fmt.Sprintf("This number has more than %d digits. In quotes it would be text.", maxDigits)}
}

func tooLargeNumber(offset int) *Error {
	return &Error{
		Code: diag.TooLarge, Offset: offset,
		Detail: fmt.Sprintf("The exponent of this number has more than %d digits.", maxExponent),
	}
}
