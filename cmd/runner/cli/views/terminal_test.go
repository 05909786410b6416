package views

import (
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	"runner/cmd/runner/cli/style"
)

// vt is a terminal as far as the live region uses one: it wraps, scrolls, and wraps lines again when it is resized. It
// fails on anything that it does not know.
type vt struct {
	mu            sync.Mutex
	width, height int
	rows          []vtRow // all that ever was; the last height ones are on screen
	row, col      int
	noWrap        bool
	pending       string  // the beginning of a sequence
	moves         int     // how often the cursor went up: how often something was drawn again
	kept          []vtRow // pages that were cleared as a whole
}

type vtRow struct {
	cells     []rune // 0: right half of a wide character
	continued bool   // the row below belongs to the same line
}

func newVT(width, height int) *vt {
	return &vt{width: width, height: height, rows: make([]vtRow, 1)}
}

func (t *vt) size() (width, height int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.width, t.height
}

func (t *vt) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.pending + string(p)
	t.pending = ""
	for s != "" {
		if s[0] == 0x1b {
			end := strings.IndexFunc(s, func(r rune) bool { return 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' })
			if end < 0 {
				t.pending = s
				break
			}
			t.sequence(s[:end+1])
			s = s[end+1:]
			continue
		}
		r, n := utf8.DecodeRuneInString(s)
		t.put(r)
		s = s[n:]
	}
	return len(p), nil
}

func (t *vt) top() int { return max(0, len(t.rows)-t.height) }

func (t *vt) sequence(s string) {
	switch {
	case s == "\x1b[A":
		t.moves++
		t.row = max(t.top(), t.row-1)
	case s == "\x1b[J":
		if t.row == t.top() && t.col == 0 { // as tmux does
			t.kept = append(t.kept, t.rows[t.row:]...)
		}
		t.rows = t.rows[:t.row+1]
		t.clearRow()
	case s == "\x1b[K":
		t.clearRow()
	case s == "\x1b[?7l":
		t.noWrap = true
	case s == "\x1b[?7h":
		t.noWrap = false
	case strings.HasSuffix(s, "m"), strings.HasPrefix(s, "\x1b[?2026"):
	default:
		panic(fmt.Sprintf("the terminal does not know %q", s))
	}
}

func (t *vt) clearRow() {
	t.rows[t.row].cells = t.rows[t.row].cells[:min(t.col, len(t.rows[t.row].cells))]
	t.rows[t.row].continued = false
}

func (t *vt) put(r rune) {
	switch {
	case r == '\n':
		t.down()
		t.col = 0
	case r == '\r':
		t.col = 0
	case r < 0x20 && r != '\t', 0x7f <= r && r < 0xa0, r == utf8.RuneError:
		panic(fmt.Sprintf("the terminal got %q", r))
	default:
		n := style.Columns(string(r))
		if t.col+n > t.width {
			if t.noWrap {
				t.col = t.width - n
			} else {
				t.rows[t.row].continued = true
				t.down()
				t.col = 0
			}
		}
		row := &t.rows[t.row]
		for len(row.cells) < t.col+n {
			row.cells = append(row.cells, ' ')
		}
		if n > 0 {
			row.cells[t.col] = r
		}
		for i := 1; i < n; i++ {
			row.cells[t.col+i] = 0
		}
		t.col += n
	}
}

func (t *vt) down() {
	t.row++
	if t.row == len(t.rows) {
		t.rows = append(t.rows, vtRow{})
	}
}

// resize makes the terminal so wide and wraps its lines again.
func (t *vt) resize(width int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var rows []vtRow
	row, col := 0, 0
	for i := 0; i < len(t.rows); i++ {
		var line []rune
		at := -1
		for {
			if i == t.row {
				at = len(line) + t.col
			}
			line = append(line, t.rows[i].cells...)
			if !t.rows[i].continued {
				break
			}
			i++
		}
		first := len(rows)
		for len(line) > width {
			rows = append(rows, vtRow{cells: line[:width:width], continued: true})
			line = line[width:]
		}
		rows = append(rows, vtRow{cells: line})
		if at >= 0 {
			row, col = first+at/width, at%width
			if row >= len(rows) {
				row, col = len(rows)-1, width
			}
		}
	}
	t.rows, t.row, t.col, t.width = rows, row, col, width
}

// text is everything that can be seen by scrolling back.
func (t *vt) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b strings.Builder
	for _, row := range t.rows {
		line := strings.ReplaceAll(string(row.cells), "\x00", "")
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}
