package child

import (
	"bytes"
	"fmt"
	"io"
	"unicode"
	"unicode/utf8"
)

// maxLine is the size, in bytes, above which a line is passed on in pieces.
const maxLine = 64 << 10

// lines passes on what a hop's program prints to where this process prints. That may be a terminal, which others print
// on too: so it passes on whole lines, and of them nothing but what shows. It is for one goroutine.
type lines struct {
	to   io.Writer
	kept []byte // the beginning of a line
}

// Write never fails: what the program says is wanted elsewhere too.
func (l *lines) Write(p []byte) (int, error) {
	l.kept = append(l.kept, p...)
	end := bytes.LastIndexByte(l.kept, '\n') + 1
	if len(l.kept)-end > maxLine {
		end = len(l.kept)
	}
	if end > 0 {
		_, _ = l.to.Write(harmless(l.kept[:end]))
		l.kept = append(l.kept[:0], l.kept[end:]...)
	}
	return len(p), nil
}

// end passes on a last line that did not end.
func (l *lines) end() {
	if len(l.kept) > 0 {
		_, _ = l.Write([]byte("\n"))
	}
}

// harmless writes out, as \x1b, each byte of what would do more on a terminal than show. Applied to its own result, as
// happens along a chain, it changes nothing more.
func harmless(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case r == '\n', r == '\t', unicode.IsPrint(r) && (r != utf8.RuneError || size > 1):
			out = append(out, text[:size]...)
		case bytes.HasPrefix(text, []byte("\r\n")):
			// The line feed follows.
		default:
			for _, c := range text[:size] {
				out = fmt.Appendf(out, `\x%02x`, c)
			}
		}
		text = text[size:]
	}
	return out
}
