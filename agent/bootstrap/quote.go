package bootstrap

import (
	"fmt"
	"strings"
)

// QuoteError is text that not every login shell can be given as one word.
type QuoteError struct {
	Text string
}

func (e *QuoteError) Error() string {
	return fmt.Sprintf("cannot quote %q for every login shell: it holds a line break or a NUL byte", e.Text)
}

// Quote makes one word of text for sh, bash, dash, busybox, zsh, fish and tcsh alike. Line breaks and NUL bytes are a
// *QuoteError: csh takes no line break that the others do not take differently.
func Quote(text string) (string, error) {
	if strings.ContainsAny(text, "\n\r\x00") {
		return "", &QuoteError{Text: text}
	}
	if text != "" && strings.IndexFunc(text, special) < 0 {
		return text, nil
	}
	var b strings.Builder
	open := false
	for i := range len(text) {
		c := text[i]
		// These mean something to one shell or another even in single quotes; a backslash outside of them is understood by all.
		plain := c != '\'' && c != '\\' && c != '!'
		if plain != open {
			b.WriteByte('\'')
			open = plain
		}
		if !plain {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	if open || text == "" {
		b.WriteByte('\'')
	}
	if text == "" {
		b.WriteByte('\'')
	}
	return b.String(), nil
}

// special says whether a character may mean something to a shell.
func special(r rune) bool {
	letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
	return !letter && !strings.ContainsRune("_-./,:", r)
}
