// Package compile makes the programs of regular expressions that agent/action/pattern runs, of the syntax of Go's
// regexp (RE2). The controller links it and the agent does not: so an agent needs no parser and no tables of Unicode,
// and a mistake in an expression is found before anything is sent.
package compile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"

	"runner/agent/action/pattern"
)

// Limits of an expression. They bound what matching costs on a target.
const (
	MaxText    = 4 << 10  // bytes of the expression
	MaxProgram = 32 << 10 // bytes of the program
)

// Program compiles an expression. ^ and $ match at the beginning and at the end of each line, as with (?m) before it. The
// error says what is wrong with it as a clause, without the whole of it.
func Program(expression string) ([]byte, error) {
	tree, err := parse(expression)
	if err != nil {
		return nil, err
	}
	compiled, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return nil, err
	}
	c := compiler{from: compiled, at: map[int]int{}}
	c.emit(compiled.Start)
	names := tree.CapNames()
	out := binary.AppendUvarint(nil, uint64(len(names)))
	for _, name := range names {
		out = binary.AppendUvarint(out, uint64(len(name)))
		out = append(out, name...)
	}
	for _, in := range c.out {
		out = in.append(out)
	}
	if len(out) > MaxProgram {
		return nil, fmt.Errorf("it is too large: its program has %d bytes, %d are allowed", len(out), MaxProgram)
	}
	return out, nil
}

func parse(expression string) (*syntax.Regexp, error) {
	if len(expression) > MaxText {
		return nil, fmt.Errorf("it has %d bytes, %d are allowed", len(expression), MaxText)
	}
	tree, err := syntax.Parse(expression, syntax.Perl&^syntax.OneLine)
	if wrong, ok := errors.AsType[*syntax.Error](err); ok {
		for _, missing := range []string{"(?=", "(?!", "(?<=", "(?<!"} {
			if strings.HasPrefix(wrong.Expr, missing) {
				return nil, fmt.Errorf("%s looks ahead or behind, which RE2 cannot do", missing)
			}
		}
		if wrong.Expr == "" {
			return nil, errors.New(string(wrong.Code))
		}
		return nil, fmt.Errorf("%s: %s", wrong.Code, wrong.Expr)
	}
	return tree, err
}

// compiler puts Go's program, in which every instruction names the next one, into an order in which most do not need to.
type compiler struct {
	from *syntax.Prog
	out  []code
	at   map[int]int // Go's instructions that are in out already
}

// code is an instruction of ours.
type code struct {
	op, arg int
	ranges  []rune
}

func (c *compiler) add(in code) int {
	c.out = append(c.out, in)
	return len(c.out) - 1
}

// emit adds an instruction with all that it leads to.
func (c *compiler) emit(pc int) {
	for {
		if at, done := c.at[pc]; done {
			c.add(code{op: pattern.Jump, arg: at})
			return
		}
		c.at[pc] = len(c.out)
		in := &c.from.Inst[pc]
		switch in.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			split := c.add(code{op: pattern.Split})
			c.emit(int(in.Out))
			other, done := c.at[int(in.Arg)]
			if done {
				c.out[split].arg = other
				return
			}
			c.out[split].arg = len(c.out)
			pc = int(in.Arg)
			continue
		case syntax.InstCapture:
			c.add(code{op: pattern.Save, arg: int(in.Arg)})
		case syntax.InstEmptyWidth:
			c.add(code{op: pattern.Assert, arg: assertions(in.Arg)})
		case syntax.InstMatch:
			c.add(code{op: pattern.Match})
			return
		case syntax.InstFail:
			c.add(code{op: pattern.Fail})
			return
		case syntax.InstNop:
		case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
			c.add(runes(in))
		}
		pc = int(in.Out)
	}
}

func assertions(of uint32) int {
	set := 0
	for theirs, ours := range map[syntax.EmptyOp]int{
		syntax.EmptyBeginLine: pattern.BeginLine, syntax.EmptyEndLine: pattern.EndLine,
		syntax.EmptyBeginText: pattern.BeginText, syntax.EmptyEndText: pattern.EndText,
		syntax.EmptyWordBoundary: pattern.Boundary, syntax.EmptyNoWordBoundary: pattern.NoBoundary,
	} {
		if of&uint32(theirs) != 0 {
			set |= ours
		}
	}
	return set
}

// runes writes out what an instruction matches, whichever case it is in.
func runes(in *syntax.Inst) code {
	switch {
	case in.Op == syntax.InstRuneAny:
		return code{op: pattern.Class, ranges: []rune{0, unicode.MaxRune}}
	case in.Op == syntax.InstRuneAnyNotNL:
		return code{op: pattern.Class, ranges: []rune{0, '\n' - 1, '\n' + 1, unicode.MaxRune}}
	case len(in.Rune) != 1:
		return code{op: pattern.Class, ranges: in.Rune}
	case in.Arg&uint32(syntax.FoldCase) == 0:
		return code{op: pattern.Rune, ranges: in.Rune}
	}
	all := []rune{in.Rune[0]}
	for r := unicode.SimpleFold(all[0]); r != all[0]; r = unicode.SimpleFold(r) {
		all = append(all, r)
	}
	slices.Sort(all)
	out := code{op: pattern.Class}
	for _, r := range all {
		out.ranges = append(out.ranges, r, r)
	}
	return out
}

func (in code) append(out []byte) []byte {
	number := func(n int) { out = binary.AppendUvarint(out, uint64(n)) } //nolint:gosec // none is negative
	switch in.op {
	case pattern.Rune:
		number(pattern.Rune + int(in.ranges[0]))
	case pattern.Class:
		number(pattern.Class)
		number(len(in.ranges) / 2)
		last := rune(0)
		for i := 0; i < len(in.ranges); i += 2 {
			number(int(in.ranges[i] - last))
			last = in.ranges[i+1]
			number(int(last - in.ranges[i]))
		}
	case pattern.Match, pattern.Fail:
		number(in.op)
	default:
		number(in.op)
		number(in.arg)
	}
	return out
}
