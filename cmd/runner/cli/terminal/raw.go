package terminal

import (
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/term"
)

// Raw has a terminal give every key as it is and show only what it is told, for another terminal that does the rest.
// What it returns puts the terminal back as it was; it can be called twice.
func Raw(tty *os.File) (restore func(), err error) {
	before, err := term.MakeRaw(int(tty.Fd()))
	if err != nil {
		return nil, fmt.Errorf("cannot read single keys: %w", err)
	}
	return sync.OnceFunc(func() {
		term.Restore(int(tty.Fd()), before) //nolint:errcheck // the terminal is gone
	}), nil
}

// Reset is what a terminal is sent when a program that had it for itself was cut off: back to the ordinary screen, the
// cursor shown, no reports of the mouse or of pasted text, plain keys and colours.
const Reset = "\x1b[?47l\x1b[?25h\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[?1l\x1b>\x1b[0m"

// Escapes is what is typed, up to a tilde and a dot at the beginning of a line, which are io.EOF. Two tildes there are one;
// what else follows a tilde is passed on with it.
type Escapes struct {
	In   io.Reader
	Quit func() // called when the end was asked for

	inLine bool // the last key did not end a line
	tilde  bool // it was a tilde at the beginning of one, not passed on yet
}

// Read waits for keys.
func (e *Escapes) Read(p []byte) (int, error) {
	if len(p) < 2 {
		return 0, io.ErrShortBuffer
	}
	for {
		keys := make([]byte, len(p)/2) // each may bring a tilde along
		n, err := e.In.Read(keys)
		out := p[:0]
		for _, key := range keys[:n] {
			if e.tilde {
				e.tilde = false
				if key == '.' {
					e.Quit()
					return len(out), io.EOF
				}
				if key != '~' {
					out = append(out, '~')
				}
			} else if key == '~' && !e.inLine {
				e.tilde = true
				continue
			}
			e.inLine = key != '\r' && key != '\n'
			out = append(out, key)
		}
		if len(out) > 0 || err != nil {
			return len(out), err //nolint:wrapcheck // the reader's own
		}
	}
}
