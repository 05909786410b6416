package views

import (
	"bytes"
	"io"
	"strings"

	"runner/cmd/runner/cli/style"
)

// screen writes lines that stay, and below them a region that is drawn again and again. Between two frames the terminal
// is in its ordinary state, whatever ends the program then. It belongs to one goroutine.
type screen struct {
	out     io.Writer
	size    func() (width, height int) // nil: no region
	noFlow  bool                       // the terminal does not wrap lines again when it becomes narrower
	lasting bytes.Buffer               // lines that wait to be written
	drawn   []int                      // columns of the region's lines, as they stand
	width   int                        // of the terminal when they were drawn
	err     error
}

// keep adds lines that stay; they end with a line feed.
func (s *screen) keep(text string) { s.lasting.WriteString(text) }

// flush writes what stays and removes the region.
func (s *screen) flush() {
	var frame bytes.Buffer
	s.erase(&frame)
	s.lasting.WriteTo(&frame) //nolint:errcheck // memory
	s.write(frame.Bytes())
}

// draw writes what stays and the region below it: plain lines, and the same lines painted.
func (s *screen) draw(lines, painted []string) {
	var frame bytes.Buffer
	frame.WriteString("\x1b[?2026h") // a terminal that knows this shows the frame at once
	s.erase(&frame)
	s.lasting.WriteTo(&frame) //nolint:errcheck // memory
	frame.WriteString("\x1b[?7l")
	frame.WriteString(strings.Join(painted, "\n"))
	frame.WriteString("\x1b[?7h\x1b[?2026l")
	s.width, _ = s.size()
	for _, l := range lines {
		s.drawn = append(s.drawn, style.Columns(l))
	}
	s.write(frame.Bytes())
}

// erase goes up to where the region began and clears everything from there; its first row by itself, because tmux keeps a
// page that is cleared from the first row of the screen on. A terminal that has become narrower has wrapped the region's
// lines, so they may take more rows than were drawn.
func (s *screen) erase(frame *bytes.Buffer) {
	if len(s.drawn) == 0 {
		return
	}
	rows := len(s.drawn)
	if width, _ := s.size(); width > 0 && width < s.width && !s.noFlow {
		rows = 0
		for _, n := range s.drawn {
			rows += max(1, (n+width-1)/width)
		}
	}
	frame.WriteByte('\r')
	for range rows - 1 {
		frame.WriteString("\x1b[A")
	}
	frame.WriteString("\x1b[K")
	if rows > 1 {
		frame.WriteString("\n\x1b[J\x1b[A")
	}
	s.drawn = s.drawn[:0]
}

// forget leaves the region where it is: somebody else has written below it.
func (s *screen) forget() { s.drawn = s.drawn[:0] }

func (s *screen) write(p []byte) {
	if len(p) == 0 || s.err != nil {
		return
	}
	_, s.err = s.out.Write(p)
}
