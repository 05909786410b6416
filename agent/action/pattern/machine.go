package pattern

import (
	"bytes"
	"context"
	"slices"
	"unicode/utf8"
)

// machine goes through a text once and keeps all ways through the program that are open at a position, the better ones
// first, and each instruction once: so it never takes longer than program times text.
type machine struct {
	program   []instruction
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

// Match tells whether the expression matches anywhere in a text. It is false where ctx ends before that is known.
func (p *Pattern) Match(ctx context.Context, text []byte) bool { return p.find(ctx, text, 0, 0) != nil }

// Find returns the leftmost match that begins at a position or behind it, the one that Perl would choose: for the whole
// match and for each group where it begins and where it ends, -1 for what is not part of it. It returns nil for none, and
// where ctx ends before one is found.
func (p *Pattern) Find(ctx context.Context, text []byte, from int) []int {
	return p.find(ctx, text, from, 2*len(p.Names))
}

// Each calls do for all matches that do not overlap, from left to right. An empty one right behind another one is none.
func (p *Pattern) Each(ctx context.Context, text []byte, do func(match []int)) {
	last := -1
	for from := 0; from <= len(text); {
		m := p.Find(ctx, text, from)
		if m == nil {
			return
		}
		if m[1] > m[0] || m[0] != last {
			do(m)
		}
		last = m[1]
		from = max(m[1], from)
		if m[1] == m[0] { // else the same one is found again
			_, width := utf8.DecodeRune(text[from:])
			from += max(width, 1)
		}
	}
}

func (p *Pattern) find(ctx context.Context, text []byte, from, saves int) []int {
	m := &p.machine
	if m.program == nil {
		*m = machine{program: p.program, seen: make([]int, len(p.program))}
	}
	m.text = text
	m.groups = make([]int, saves)
	m.now.clear()
	var found []int
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
func (m *machine) advance(r rune, end int) (found []int) {
	m.next.clear()
	for i, at := range m.now.at {
		in := &m.program[at]
		saved := m.now.saved[i*len(m.groups) : (i+1)*len(m.groups)]
		if in.op == Match {
			return append([]int{}, saved...) // the ways behind are worse
		}
		if in.accepts(r) {
			copy(m.groups, saved)
			m.follow(&m.next, at+1, end)
		}
	}
	return nil
}

// follow adds all ways on from an instruction that need no rune.
func (m *machine) follow(to *ways, at, position int) {
	for m.seen[at] != m.step {
		m.seen[at] = m.step
		in := &m.program[at]
		switch in.op {
		case Fail:
			return
		case Split:
			m.follow(to, at+1, position)
			at = in.arg
		case Jump:
			at = in.arg
		case Save:
			if in.arg >= len(m.groups) {
				at++
				continue
			}
			before := m.groups[in.arg]
			m.groups[in.arg] = position
			m.follow(to, at+1, position)
			m.groups[in.arg] = before
			return
		case Assert:
			if in.arg&^m.holds(position) != 0 {
				return
			}
			at++
		default:
			to.at = append(to.at, at)
			to.saved = append(to.saved, m.groups...)
			return
		}
	}
}

// skip returns the next position at which a match could begin, from the first thing that it asks for; -1: none.
func (m *machine) skip(at int) int {
	first := slices.IndexFunc(m.program, func(in instruction) bool { return in.op != Save })
	switch in := &m.program[first]; {
	case in.op == Rune && in.ranges[0] < utf8.RuneSelf:
		n := bytes.IndexByte(m.text[at:], byte(in.ranges[0])) //nolint:gosec // it is ASCII
		if n < 0 {
			return -1
		}
		return at + n
	case in.op == Assert && in.arg&BeginText != 0 && at > 0:
		return -1
	case in.op == Assert && in.arg&BeginLine != 0 && at > 0 && m.text[at-1] != '\n':
		n := bytes.IndexByte(m.text[at:], '\n')
		if n < 0 {
			return -1
		}
		return at + n + 1
	}
	return at
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

func (w *ways) clear() { w.at, w.saved = w.at[:0], w.saved[:0] }
