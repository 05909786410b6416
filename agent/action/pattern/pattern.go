// Package pattern matches regular expressions as Go's regexp does, in time that grows with the length of the text and
// not faster. It is the agent's half: it runs programs and cannot make any, for a parser with its tables of Unicode would
// make the agent larger by a tenth. Its neighbour compile, which only the controller links, makes them; the actions get
// theirs as arguments of the type schema.Regex.
package pattern

import (
	"encoding/binary"
	"errors"

	"runner/agent/wire"
)

// The instructions. Each goes on to the next one, but for Match, Fail and Jump. In a program an instruction is a uvarint
// and what it is said to have behind it, uvarints too. A uvarint of Rune or more is the one rune it stands for, plus Rune.
const (
	Match  = iota // the end of the expression
	Fail          // matches nothing
	Split         // first the next instruction, and then: an instruction
	Jump          // to: an instruction
	Save          // the position, as: twice the number of a group, one more at its end; where the whole match begins and ends needs none
	Assert        // that all of these hold at the position: a set of the assertions below
	Class         // any rune of: how many ranges, then the distance of the first rune of each from the end of the one before, and the length
	Rune
)

// What Assert asks for.
const (
	BeginLine = 1 << iota
	EndLine
	BeginText
	EndText
	Boundary   // a word begins or ends, in ASCII
	NoBoundary // none does
)

// Pattern is a compiled regular expression. It is used by one goroutine at a time. As an argument it is a byte string: the
// number of groups with that of the whole match, their names, each behind its length, and the instructions.
type Pattern struct {
	Names   []string // of the groups; "" for those without one, and for the whole match, which is the first
	program []instruction
	machine machine
}

type instruction struct {
	op     int    // Rune: a rune, the first of ranges
	arg    int    // of Split, Jump, Save, Assert
	ranges []rune // of Class and Rune: the first and the last of each, in order
}

var errMalformed = errors.New("malformed program of a regular expression")

// UnmarshalCBOR decodes a program.
func (p *Pattern) UnmarshalCBOR(encoded []byte) error {
	var program []byte
	if err := wire.Unmarshal(encoded, &program); err != nil {
		return err
	}
	return p.Decode(program)
}

// Decode takes a program. A malformed one is an error, and never makes Find go astray.
func (p *Pattern) Decode(program []byte) error {
	*p = Pattern{}
	r := reader{left: program}
	for range r.count() {
		p.Names = append(p.Names, string(r.take(r.count())))
	}
	for len(r.left) > 0 && !r.bad {
		p.program = append(p.program, r.instruction())
	}
	for _, in := range p.program {
		r.bad = r.bad || in.op <= Jump && in.arg >= len(p.program) || in.op == Save && in.arg >= 2*len(p.Names)
	}
	// The last one must not go on.
	if n := len(p.program); r.bad || n == 0 || len(p.Names) == 0 || p.program[n-1].op != Match && p.program[n-1].op != Fail && p.program[n-1].op != Jump {
		return errMalformed
	}
	return nil
}

// reader takes a program apart.
type reader struct {
	left []byte
	bad  bool
}

func (r *reader) number() int {
	v, n := binary.Uvarint(r.left)
	if n <= 0 || v > 1<<30 {
		r.left, r.bad = nil, true
		return 0
	}
	r.left = r.left[n:]
	return int(v)
}

// count reads how many of something follow, each at least a byte.
func (r *reader) count() int {
	n := r.number()
	if n > len(r.left) {
		r.left, r.bad = nil, true
		return 0
	}
	return n
}

func (r *reader) take(n int) []byte {
	n = min(n, len(r.left))
	out := r.left[:n]
	r.left = r.left[n:]
	return out
}

func (r *reader) instruction() instruction {
	in := instruction{op: r.number()}
	switch {
	case in.op >= Rune:
		one := rune(in.op - Rune) //nolint:gosec // number bounds it
		in = instruction{op: Rune, ranges: []rune{one, one}}
	case in.op == Class:
		last := 0
		for range r.count() {
			first := last + r.number()
			last = first + r.number()
			in.ranges = append(in.ranges, rune(first), rune(last)) //nolint:gosec // likewise
		}
	case in.op >= Split:
		in.arg = r.number()
	}
	return in
}

// accepts tells whether a rune is in the ranges.
func (in *instruction) accepts(r rune) bool {
	lo, hi := 0, len(in.ranges)/2
	for lo < hi {
		middle := (lo + hi) / 2
		switch {
		case r < in.ranges[2*middle]:
			hi = middle
		case r > in.ranges[2*middle+1]:
			lo = middle + 1
		default:
			return true
		}
	}
	return false
}
