package guard

import (
	"bytes"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// kind is what a frame of the scanner's stack stands for; it decides how the bytes in it are read.
type kind uint8

const (
	code    kind = iota // the top of a file
	paren               // ( )
	bracket             // [ ]
	brace               // { }
	seq                 // ${ } and %{ }: code again
	quoted              // " ": a template
	heredoc             // a template up to its marker
	bare                // a template file
)

// frame is something that was opened and not closed yet.
type frame struct {
	kind kind
	// weight counts what nests in the frame without brackets of its own: in code the operators of the expression at
	// hand, which make a tree as deep as they are many; in templates the directives that have begun and not ended.
	weight int
	parts  int    // of code: the attributes and elements in it so far
	marker []byte // of a heredoc
	fresh  bool   // of a heredoc: nothing of the line was read yet
	from   int    // of a template: where the text at hand began, behind the latest sequence
	plain  bool   // of a template file: the line before is nothing but text
}

// scanner follows HCL's scanner through some input. Where the input is malformed it may count more than the parser will
// nest, never less.
type scanner struct {
	src     []byte
	pos     int
	frames  []frame
	depth   int // of all frames, their weights included
	tokens  int
	most    int  // tokens
	dots    int  // in a row, with nothing but names between them
	strays  int  // that the language does not have
	melding int  // bytes that HCL copies to put lines together
	endless bool // no comment ends from here on
	err     *Error
}

func scan(src []byte, top kind, depth int) *Error {
	if err := tooLarge(src); err != nil {
		return err
	}
	if err := notText(src); err != nil {
		return err
	}
	s := newScanner(src, top, depth)
	for s.more() {
		s.step()
	}
	return s.err
}

// newScanner returns a scanner for input that is nested in something else already.
func newScanner(src []byte, top kind, depth int) *scanner {
	s := &scanner{src: src, depth: depth, most: maxTokens(len(src))}
	s.push(frame{kind: top})
	return s
}

func (s *scanner) more() bool { return s.pos < len(s.src) && s.err == nil }

// step reads one token, or one part of a template.
func (s *scanner) step() {
	switch s.top().kind {
	case quoted:
		begin := s.pos
		if s.quoted(); s.pos-begin > maxLiteral {
			s.fail(tooLongLiteral(begin))
		}
	case heredoc, bare:
		s.lines()
	default:
		s.code()
	}
	s.tokens++
	if s.tokens > s.most {
		s.fail(tooManyTokens(s.src, s.pos))
	}
}

// fail keeps the first error.
func (s *scanner) fail(err *Error) {
	if s.err == nil {
		s.err = err
	}
}

func (s *scanner) top() *frame { return &s.frames[len(s.frames)-1] }

func (s *scanner) push(f frame) {
	f.from = s.pos
	s.frames = append(s.frames, f)
	s.deepen(1)
}

// pop closes the frames down to and including the one at an index. What lies above it was never closed and keeps
// counting: the parser may be that deep.
func (s *scanner) pop(index int) {
	s.depth -= 1 + s.frames[index].weight
	s.frames = s.frames[:index]
}

func (s *scanner) deepen(by int) {
	s.depth += by
	if s.depth > MaxDepth {
		s.fail(tooDeep(min(s.pos, len(s.src)-1)))
	}
}

// operator counts something that makes the tree of the expression at hand deeper.
func (s *scanner) operator() {
	s.top().weight++
	s.deepen(1)
}

// part counts an attribute, or an element, of the frame at hand if it is of a kind.
func (s *scanner) part(of kind) {
	f := s.top()
	if f.kind != of {
		return
	}
	if f.parts++; f.parts > maxParts {
		s.fail(tooManyParts(s.pos))
	}
}

// separate ends the expression at hand.
func (s *scanner) separate() {
	f := s.top()
	s.depth -= f.weight
	f.weight = 0
}

// at returns the byte at a distance, or 0 behind the end.
func (s *scanner) at(distance int) byte {
	if i := s.pos + distance; i < len(s.src) {
		return s.src[i]
	}
	return 0
}

func (s *scanner) has(prefix string) bool {
	return bytes.HasPrefix(s.src[s.pos:], []byte(prefix))
}

// code reads one token outside templates.
func (s *scanner) code() {
	c := s.src[s.pos]
	for (c == ' ' || c == '\t' || c == '\r') && s.pos+1 < len(s.src) && s.err == nil {
		s.pos++
		if c == '\r' && s.at(0) != '\n' {
			s.stray()
		}
		c = s.src[s.pos]
	}
	switch {
	case c == '\n':
		s.newline()
	case c == '#', s.has("//"):
		s.skipLine()
		s.newline()
	case s.has("/*") && s.comment():
	case c == '"':
		s.pos++
		s.push(frame{kind: quoted})
	case s.has("<<") && s.heredoc():
	case digit(c):
		s.number()
	case wordStart(c):
		s.word()
	default:
		s.sign(c)
	}
}

// comment skips one if there is one here: HCL reads one without an end as signs and words.
func (s *scanner) comment() bool {
	if s.endless {
		return false
	}
	begin := s.pos + len("/*")
	n := bytes.Index(s.src[begin:], []byte("*/"))
	if s.endless = n < 0; !s.endless {
		s.pos = begin + n + len("*/")
	}
	return !s.endless
}

func (s *scanner) newline() {
	s.pos++
	if k := s.top().kind; k == code || k == brace {
		s.separate()
	}
}

func (s *scanner) skipLine() {
	n := bytes.IndexByte(s.src[s.pos:], '\n')
	if n < 0 {
		n = len(s.src) - s.pos
	}
	s.pos += n
}

func (s *scanner) sign(c byte) {
	if c == '.' {
		if s.dots++; s.dots > maxDots {
			s.fail(tooDeep(s.pos))
		}
		s.pos++
		return
	}
	s.dots = 0
	switch c {
	case '(':
		s.open(paren)
	case '[':
		s.open(bracket)
	case '{':
		s.open(brace)
	case ')':
		s.close(paren)
	case ']':
		s.close(bracket)
	case '}':
		s.closeBrace()
	case ',':
		s.part(bracket)
		s.separate()
	case ':':
		if s.top().weight == 0 { // else it belongs to a condition
			s.part(brace)
		}
	case '!', '-', '+', '*', '/', '%', '?', '=', '<', '>', '&', '|':
		s.operators(c)
	case ' ', '\t', '\r', '~':
	default:
		s.stray()
	}
	s.pos++
}

// stray counts something that the language does not have.
func (s *scanner) stray() {
	if s.strays++; s.strays > maxStrays {
		s.fail(strays(s.pos))
	}
}

// operators counts an operator once, however many bytes it has. A lone = is none, and neither is =>.
func (s *scanner) operators(c byte) {
	next := s.at(1)
	switch {
	case c == '=' && next != '=':
		if next == '>' {
			s.pos++
		} else {
			s.part(s.top().kind)
		}
		return
	case next == '=' && (c == '=' || c == '!' || c == '<' || c == '>'), next == c && (c == '&' || c == '|'):
		s.pos++
	}
	s.operator()
}

// open counts a bracket twice where it follows something: it may be an index or a call, which makes the tree around it
// deeper as well.
func (s *scanner) open(k kind) {
	s.operator()
	s.push(frame{kind: k})
}

func (s *scanner) close(k kind) {
	if i := len(s.frames) - 1; s.frames[i].kind == k {
		s.pop(i)
	}
}

// closeBrace ends a template sequence if all braces in it are closed, else a brace.
func (s *scanner) closeBrace() {
	for i, v := range slices.Backward(s.frames) {
		switch v.kind {
		case seq, brace:
			s.pop(i)
			return
		case quoted, heredoc, bare:
			return
		default: // what was left open inside goes with it
		}
	}
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func wordStart(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= 0x80
}

func wordRest(c byte) bool { return wordStart(c) || digit(c) || c == '-' }

func (s *scanner) word() {
	begin := s.pos
	for s.pos < len(s.src) && wordRest(s.src[s.pos]) && s.err == nil {
		if s.src[s.pos] < utf8.RuneSelf {
			s.pos++
			continue
		}
		r, n := utf8.DecodeRune(s.src[s.pos:])
		if !unicode.In(r, unicode.L, unicode.N, unicode.M, unicode.Pc) {
			s.stray()
		}
		s.pos += n
	}
	if s.pos-begin > maxName {
		s.fail(tooLongName(begin))
	}
}

func (s *scanner) number() {
	begin := s.pos
	for s.pos < len(s.src) {
		if s.pos-begin > maxDigits {
			s.fail(tooManyDigits(begin))
			return
		}
		switch c := s.src[s.pos]; {
		case digit(c), c == '.':
			s.pos++
		case c == 'e' || c == 'E':
			if !s.exponent() {
				return
			}
		default:
			return
		}
	}
}

// exponent reads one behind its number. One that is too long is refused: written out, the number would fill the memory.
func (s *scanner) exponent() bool {
	n := 1
	if c := s.at(n); c == '+' || c == '-' {
		n++
	}
	if !digit(s.at(n)) {
		return false
	}
	for s.at(n) == '0' {
		n++
	}
	digits := 0
	for ; digit(s.at(n)); n++ {
		digits++
	}
	if digits > maxExponent {
		s.fail(tooLargeNumber(s.pos))
	}
	s.pos += n
	return true
}

// heredoc begins one if there is an introducer here.
func (s *scanner) heredoc() bool {
	line, _, found := bytes.Cut(s.src[s.pos+len("<<"):], []byte("\n"))
	if !found {
		return false
	}
	marker := bytes.TrimSuffix(bytes.TrimPrefix(line, []byte("-")), []byte("\r"))
	if !hclsyntax.ValidIdentifier(string(marker)) {
		return false
	}
	s.pos += len("<<") + len(line) + len("\n")
	s.push(frame{kind: heredoc, marker: marker, fresh: true})
	return true
}
