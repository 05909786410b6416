package edit

import (
	"context"
	"strings"

	"runner/agent/action/pattern"
)

// text is a text as lines.
type text struct {
	lines []string // with their ends; a new one has none
	end   string   // of new lines: that of the first one
	open  bool     // the last line has no end
}

func parse(data []byte) *text {
	t := &text{end: "\n"}
	for rest := string(data); rest != ""; {
		n := strings.IndexByte(rest, '\n') + 1
		if n == 0 {
			n = len(rest)
		}
		t.lines = append(t.lines, rest[:n])
		rest = rest[n:]
	}
	if n := len(t.lines); n > 0 {
		t.open = !strings.HasSuffix(t.lines[n-1], "\n")
		if strings.HasSuffix(t.lines[0], "\r\n") {
			t.end = "\r\n"
		}
	}
	return t
}

// bytes puts the lines together.
func (t *text) bytes() []byte {
	var out []byte
	for i, line := range t.lines {
		out = append(out, body(line)...)
		switch end := line[len(body(line)):]; {
		case t.open && i == len(t.lines)-1:
		case end == "":
			out = append(out, t.end...)
		default:
			out = append(out, end...)
		}
	}
	return out
}

// body is a line without its end.
func body(line string) string {
	if strings.HasSuffix(line, "\n") {
		return strings.TrimSuffix(line[:len(line)-1], "\r")
	}
	return line
}

// search returns the number of the last line, or the first, that something is true of, -1 for none.
func (t *text) search(first bool, is func(line string) bool) int {
	found := -1
	for i, line := range t.lines {
		if is(body(line)) {
			if found = i; first {
				break
			}
		}
	}
	return found
}

// insert puts new lines before a line.
func (t *text) insert(at int, lines ...string) {
	t.lines = append(t.lines[:at:at], append(lines, t.lines[at:]...)...)
}

// place returns the number of the line before which something new goes: at the end, if nothing matches.
func (e *Edit) place(ctx context.Context, t *text) int {
	anchor, behind := e.Before, 0
	if e.After != nil {
		anchor, behind = e.After, 1
	}
	at := -1
	if anchor != nil {
		at = t.search(e.FirstMatch, func(line string) bool { return matches(ctx, anchor, line) })
	}
	if at < 0 {
		return len(t.lines)
	}
	return at + behind
}

func matches(ctx context.Context, p *pattern.Pattern, line string) bool {
	return p != nil && p.Match(ctx, []byte(line))
}
