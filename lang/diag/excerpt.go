package diag

import (
	"bytes"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2"
	"golang.org/x/text/width"
)

// holdsSecret finds a text that is written out where it is made sensitive: it is not shown either.
func holdsSecret(lines []line) bool {
	const call = "sensitive("
	for _, l := range lines {
		for rest := string(l.text); ; {
			before, after, found := strings.Cut(rest, call)
			if !found {
				break
			}
			inner := strings.TrimLeft(after, " \t")
			if !strings.HasSuffix(before, "non") && (inner == "" || strings.ContainsAny(inner[:1], "\"'<[{(-0123456789")) {
				return true
			}
			rest = after
		}
	}
	return false
}

// line is a line of a file, of which the bytes from start to end are marked.
type line struct {
	number     int
	text       []byte
	start, end int // start == end: no mark
}

// mostLines is how many lines of one diagnostic are shown.
const mostLines = 6

// excerpt returns the lines to show for a diagnostic: those of its subject, and those of its context when all of them
// together are few. It returns nil if the source does not have the range.
func excerpt(source []byte, d *hcl.Diagnostic) []line {
	subject := *d.Subject
	if len(source) == 0 || subject.Start.Line < 1 || subject.Start.Byte > len(source) || subject.End.Byte < subject.Start.Byte {
		return nil
	}
	shown := subject
	if c := d.Context; c != nil && c.Filename == subject.Filename {
		if over := hcl.RangeOver(subject, *c); over.End.Line-over.Start.Line < mostLines {
			shown = over
		}
	}
	// Line numbers are counted here: those of a range made by something else than a parser may be off.
	var lines []line
	number, offset := 1, 0
	for rest := source; ; number++ {
		text, after, more := bytes.Cut(rest, []byte("\n"))
		from, to := offset, offset+len(text)
		if to >= shown.Start.Byte && (from < shown.End.Byte || from <= subject.Start.Byte) {
			lines = append(lines, line{
				number: number,
				text:   bytes.TrimSuffix(text, []byte("\r")),
				start:  clamp(subject.Start.Byte-from, len(text)),
				end:    clamp(subject.End.Byte-from, len(text)),
			})
		}
		offset = to + 1
		if !more || offset > max(shown.End.Byte, subject.Start.Byte) {
			break
		}
		rest = after
	}
	markEmpty(lines, subject)
	return few(lines)
}

func clamp(n, most int) int { return min(max(n, 0), most) }

// markEmpty gives an empty range, such as a missing brace at the end of a file, one column to be seen by.
func markEmpty(lines []line, subject hcl.Range) {
	if subject.End.Byte > subject.Start.Byte {
		return
	}
	for i := range lines {
		if l := &lines[i]; l.number == subject.Start.Line {
			l.end = l.start + 1
		}
	}
}

// few leaves out the middle of many lines.
func few(lines []line) []line {
	if len(lines) <= mostLines {
		return lines
	}
	return append(lines[:mostLines-1:mostLines-1], lines[len(lines)-1])
}

// render returns the line as text of at most so many columns (0: any number) and the marks that go below it. What is
// cut off is replaced by an ellipsis; the beginning of the mark stays in view.
func (l line) render(most int) (text, under string) {
	before, marked, after := l.parts()
	b, m, a := plain(before, 0), "", ""
	m = plain(marked, Columns(b))
	a = plain(after, Columns(b)+Columns(m))
	if l.end > len(l.text) {
		m = " "
	}
	if most > 0 && Columns(b)+Columns(m)+Columns(a) > most {
		b = keepEnd(b, max(most/3, most-Columns(m)-Columns(a)))
		m = keepStart(m, most-Columns(b))
		a = keepStart(a, most-Columns(b)-Columns(m))
	}
	if m == "" || l.start == l.end {
		return strings.TrimRight(b+m+a, " "), ""
	}
	// The blanks that a range over several lines has at the beginning of a line are not marked.
	blank := len(m) - len(strings.TrimLeft(m, " "))
	if blank == len(m) && len(m) > 1 {
		return strings.TrimRight(b+m+a, " "), ""
	}
	if blank == len(m) {
		blank = 0
	}
	under = strings.Repeat(" ", Columns(b)+blank) + strings.Repeat("^", Columns(m)-blank)
	return strings.TrimRight(b+m+a, " "), under
}

func (l line) parts() (before, marked, after string) {
	n := len(l.text)
	start, end := min(l.start, n), min(l.end, n)
	return string(l.text[:start]), string(l.text[start:end]), string(l.text[end:])
}

// plain is harmless text with its tabs turned into blanks, given the column that it starts at.
func plain(s string, column int) string {
	const tab = 4
	var b strings.Builder
	for part := range strings.SplitAfterSeq(s, "\t") {
		text, isTab := strings.CutSuffix(part, "\t")
		text = HarmlessLine(text)
		b.WriteString(text)
		column += Columns(text)
		if isTab {
			n := tab - column%tab
			b.WriteString(strings.Repeat(" ", n))
			column += n
		}
	}
	return b.String()
}

func keepEnd(s string, most int) string {
	if Columns(s) <= most {
		return s
	}
	runes := []rune(s)
	used, i := 1, len(runes)
	for i > 0 && used+runeColumns(runes[i-1]) <= most {
		i--
		used += runeColumns(runes[i])
	}
	return "…" + string(runes[i:])
}

func keepStart(s string, most int) string {
	if Columns(s) <= most {
		return s
	}
	if most <= 0 {
		return ""
	}
	used := 1
	for i, r := range s {
		if used += runeColumns(r); used > most {
			return s[:i] + "…"
		}
	}
	return s
}

// Columns is how many columns of a terminal a text takes.
func Columns(s string) int {
	n := 0
	for _, r := range s {
		n += runeColumns(r)
	}
	return n
}

func runeColumns(r rune) int {
	switch {
	case r < 0x7f:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	}
	if kind := width.LookupRune(r).Kind(); kind == width.EastAsianWide || kind == width.EastAsianFullwidth {
		return 2
	}
	return 1
}
