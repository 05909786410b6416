package pattern

import (
	"bytes"
	"context"
	"unicode/utf8"
)

// machine goes through a text once and keeps all ways through the program that are open at a position, the better ones
// first, and each instruction once: so it never takes longer than program times text.
type machine struct {
	program   []int32
	text      []byte
	now, next ways
	groups    []int // of the way that is being followed
	seen      []int // by instruction: the step at which it was last reached
	step      int
}

// ways are instructions that wait for a rune, or Match, with what was saved on the way to each, one behind the other.
type ways struct {
	at    []int
	saved []int
}

func (w *ways) clear() { w.at, w.saved = w.at[:0], w.saved[:0] }

// Match tells whether the expression matches anywhere in a text. It is false where ctx ends before that is known.
func (p *Pattern) Match(ctx context.Context, text []byte) bool { return p.find(ctx, text, 0, 0) != nil }

// Find returns the leftmost match that begins at a position or behind it, the one that Perl would choose: for the whole
// match and for each group where it begins and where it ends, -1 for what is not part of it. It returns nil for none, and
// where ctx ends before one is found.
func (p *Pattern) Find(ctx context.Context, text []byte, from int) []int {
	return p.find(ctx, text, from, 2*len(p.Names))
}

// Each calls do for all matches behind a position that do not overlap, from left to right. An empty one right behind
// another one is none.
func (p *Pattern) Each(ctx context.Context, text []byte, from int, do func(match []int)) {
	last := -1
	for from <= len(text) {
		m := p.Find(ctx, text, from)
		if m == nil {
			return
		}
		if m[1] > m[0] || m[0] != last {
			do(m)
		}
		last, from = m[1], m[1]
		if m[1] == m[0] { // else the same one is found again
			_, width := utf8.DecodeRune(text[from:])
			from += max(width, 1)
		}
	}
}

func (p *Pattern) find(ctx context.Context, text []byte, from, saves int) (found []int) {
	m := &p.machine
	if m.program == nil {
		*m = machine{program: p.Program, seen: make([]int, len(p.Program))}
	}
	m.text = text
	m.groups = make([]int, saves)
	m.now.clear()
	for at := from; ; {
		const often = 1 << 12
		if m.step%often < 2 && ctx.Err() != nil { // a round takes two steps at most
			return nil
		}
		if len(m.now.at) == 0 {
			if found != nil {
				return found
			}
			if at = m.skip(at); at < 0 {
				return nil
			}
			m.step++ // the ones that were reached before were so elsewhere
		}
		if found == nil {
			for i := range m.groups {
				m.groups[i] = -1
			}
			if saves > 0 {
				m.groups[0] = at
			}
			m.follow(&m.now, 0, at)
		}
		r, width := rune(-1), 0
		if at < len(text) {
			r, width = utf8.DecodeRune(text[at:])
		}
		m.step++
		if match := m.advance(r, at+width); match != nil {
			found = match
			if saves == 0 {
				return found
			}
			found[1] = at
		}
		if at == len(text) {
			return found
		}
		at += width
		m.now, m.next = m.next, m.now
	}
}

// advance takes a rune, or -1 at the end, that ends at a position. It returns what a way that ends before the rune has saved.
func (m *machine) advance(r rune, end int) []int {
	m.next.clear()
	for i, at := range m.now.at {
		saved := m.now.saved[i*len(m.groups) : (i+1)*len(m.groups)]
		if m.program[at] == Match {
			return append([]int{}, saved...) // the ways behind are worse
		}
		if m.accepts(at, r) {
			copy(m.groups, saved)
			m.follow(&m.next, m.behind(at), end)
		}
	}
	return nil
}

// accepts tells whether the instruction at an index takes a rune.
func (m *machine) accepts(at int, r rune) bool {
	if op := m.program[at]; op >= Rune {
		return r == op-Rune
	}
	ranges := m.program[at+2:]
	lo, hi := 0, int(m.program[at+1])
	for lo < hi {
		middle := (lo + hi) / 2
		switch {
		case r < ranges[2*middle]:
			hi = middle
		case r > ranges[2*middle+1]:
			lo = middle + 1
		default:
			return true
		}
	}
	return false
}

// behind returns the index of the instruction behind the one at an index.
func (m *machine) behind(at int) int {
	switch op := m.program[at]; {
	case op >= Rune:
		return at + 1
	case op == Class:
		return at + 2 + 2*int(m.program[at+1])
	}
	return at + 2
}

// follow adds all ways on from an instruction that need no rune.
func (m *machine) follow(to *ways, at, position int) {
	for m.seen[at] != m.step {
		m.seen[at] = m.step
		op, arg := m.program[at], 0
		if op >= Split && op <= Assert {
			arg = int(m.program[at+1])
		}
		switch op {
		case Fail:
			return
		case Split:
			m.follow(to, at+2, position)
			at = arg
		case Jump:
			at = arg
		case Save:
			if arg < len(m.groups) {
				before := m.groups[arg]
				m.groups[arg] = position
				m.follow(to, at+2, position)
				m.groups[arg] = before
				return
			}
			at += 2
		case Assert:
			if arg&^m.holds(position) != 0 {
				return
			}
			at += 2
		default:
			to.at = append(to.at, at)
			to.saved = append(to.saved, m.groups...)
			return
		}
	}
}

// skip returns the next position at which a match could begin, from the first thing that it asks for; -1: none.
func (m *machine) skip(at int) int {
	first := 0
	for m.program[first] == Save {
		first += 2
	}
	sought, behind := byte('\n'), 1
	switch op := m.program[first]; {
	case op >= Rune && op < Rune+utf8.RuneSelf:
		sought, behind = byte(op-Rune), 0
	case op == Assert && m.program[first+1]&BeginLine != 0 && at > 0 && m.text[at-1] != '\n':
	default:
		return at
	}
	n := bytes.IndexByte(m.text[at:], sought)
	if n < 0 {
		return -1
	}
	return at + n + behind
}

// holds returns all assertions that hold at a position. What they ask for is ASCII, so a byte tells it.
func (m *machine) holds(at int) int {
	before, after := byte('\n'), byte('\n')
	set := 0
	if at > 0 {
		before = m.text[at-1]
	} else {
		set |= BeginText
	}
	if at < len(m.text) {
		after = m.text[at]
	} else {
		set |= EndText
	}
	if before == '\n' {
		set |= BeginLine
	}
	if after == '\n' {
		set |= EndLine
	}
	if isWord(before) != isWord(after) {
		return set | Boundary
	}
	return set | NoBoundary
}

func isWord(c byte) bool {
	lower := c | ('a' - 'A')
	return 'a' <= lower && lower <= 'z' || '0' <= c && c <= '9' || c == '_'
}
