// Package compile makes the programs of regular expressions that agent/action/pattern runs, of the syntax of Go's
// regexp (RE2). The controller links it and the agent does not: so an agent needs no parser and no tables of Unicode,
// and a mistake in an expression is found before anything is sent.
package compile

import (
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
	MaxProgram = 16 << 10 // numbers in the program
)

// Program compiles an expression. ^ and $ match at the beginning and at the end of each line, as with (?m) before it. The
// error says what is wrong with it as a clause, without the whole of it.
func Program(expression string) (*pattern.Pattern, error) {
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
	if len(c.out) > MaxProgram {
		return nil, fmt.Errorf("it is too large: its program has %d steps, %d are allowed", len(c.out), MaxProgram)
	}
	return &pattern.Pattern{Names: tree.CapNames(), Program: c.out}, nil
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
	out  []int32
	at   map[int]int // Go's instructions that are in out already
}

// emit adds an instruction with all that it leads to.
func (c *compiler) emit(pc int) {
	for {
		if at, done := c.at[pc]; done {
			c.add(pattern.Jump, at)
			return
		}
		c.at[pc] = len(c.out)
		in := &c.from.Inst[pc]
		switch in.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			to := len(c.out) + 1
			c.add(pattern.Split, 0)
			c.emit(int(in.Out))
			if at, done := c.at[int(in.Arg)]; done {
				c.out[to] = int32(at) //nolint:gosec // Go bounds the size of programs
				return
			}
			c.out[to] = int32(len(c.out)) //nolint:gosec // likewise
			pc = int(in.Arg)
			continue
		case syntax.InstCapture:
			c.add(pattern.Save, int(in.Arg))
		case syntax.InstEmptyWidth:
			c.add(pattern.Assert, assertions(in.Arg))
		case syntax.InstMatch:
			c.add(pattern.Match)
			return
		case syntax.InstFail:
			c.add(pattern.Fail)
			return
		case syntax.InstNop:
		case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
			c.runes(in)
		}
		pc = int(in.Out)
	}
}

func (c *compiler) add(numbers ...int) {
	for _, n := range numbers {
		c.out = append(c.out, int32(n)) //nolint:gosec // likewise
	}
}

// class adds an instruction for ranges of runes.
func (c *compiler) class(ranges ...rune) {
	c.add(pattern.Class, len(ranges)/2)
	c.out = append(c.out, ranges...)
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
func (c *compiler) runes(in *syntax.Inst) {
	switch {
	case in.Op == syntax.InstRuneAny:
		c.class(0, unicode.MaxRune)
		return
	case in.Op == syntax.InstRuneAnyNotNL:
		c.class(0, '\n'-1, '\n'+1, unicode.MaxRune)
		return
	case len(in.Rune) != 1:
		c.class(in.Rune...)
		return
	case in.Arg&uint32(syntax.FoldCase) == 0:
		c.add(pattern.Rune + int(in.Rune[0]))
		return
	}
	all := []rune{in.Rune[0]}
	for r := unicode.SimpleFold(all[0]); r != all[0]; r = unicode.SimpleFold(r) {
		all = append(all, r)
	}
	slices.Sort(all)
	var ranges []rune
	for _, r := range all {
		ranges = append(ranges, r, r)
	}
	c.class(ranges...)
}
