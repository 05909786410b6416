package diag

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Harmless returns text that does nothing but show when a terminal gets it: control characters other than line feed
// and tab, characters that turn or hide text (bidirectional overrides, zero-width ones), line separators that are not
// line feeds, and bytes that are not UTF-8 are written out as \x1b, \u202e and the like. Line ends of Windows become
// line feeds. Applying it twice changes nothing more.
func Harmless(s string) string {
	return harmless(s, false)
}

// HarmlessLine is Harmless for what must stay on one line: line feeds and tabs are written out too.
func HarmlessLine(s string) string {
	return harmless(s, true)
}

func harmless(s string, line bool) string {
	if isHarmless(s, line) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case !line && r == '\r' && strings.HasPrefix(s[i+1:], "\n"):
			// The line feed follows.
		case !shows(r, line):
			writeEscape(&b, r)
		default:
			b.WriteString(s[i : i+size])
		}
		i += size
	}
	return b.String()
}

func isHarmless(s string, line bool) bool {
	for i := 0; i < len(s); {
		if c := s[i]; c >= 0x20 && c < 0x7f {
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 || !shows(r, line) {
			return false
		}
		i += size
	}
	return true
}

// shows reports whether a terminal only shows the character. The joiners are format characters too, but scripts such
// as Persian and joined emoji are unreadable without them, and they move nothing.
func shows(r rune, line bool) bool {
	switch r {
	case '\n', '\t':
		return !line
	case '\u200c', '\u200d':
		return true
	}
	return !unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}

func writeEscape(b *strings.Builder, r rune) {
	switch {
	case r == '\n':
		b.WriteString(`\n`)
	case r == '\t':
		b.WriteString(`\t`)
	case r == '\r':
		b.WriteString(`\r`)
	case r < 0x80:
		fmt.Fprintf(b, `\x%02x`, r)
	case r <= 0xffff:
		fmt.Fprintf(b, `\u%04x`, r)
	default:
		fmt.Fprintf(b, `\U%08x`, r)
	}
}
