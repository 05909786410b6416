package python

import (
	"errors"
	"strings"
)

// MaxWords is how many words a line may have.
const MaxWords = 10_000

// ErrWords says that a line has more.
var ErrWords = errors.New("it has more than 10000 words")

var (
	errQuote  = errors.New("a quote is not closed")
	errEscape = errors.New("nothing follows the last backslash")
)

// Word is one word of a line and where it stands there.
type Word struct {
	Text       string
	Start, End int
}

// Split takes a line apart into words as Python's shlex.split does, with comments: a # begins one even inside of a word.
func Split(line string) ([]Word, error) {
	var words []Word
	for pos := 0; pos < len(line); {
		c := line[pos]
		switch {
		case strings.IndexByte(" \t\r\n", c) >= 0:
			pos++
			continue
		case c == '#':
			return words, nil
		}
		text, end, err := oneWord(line, pos)
		if err != nil {
			return nil, err
		}
		if len(words) == MaxWords {
			return nil, ErrWords
		}
		words = append(words, Word{text, pos, end})
		if end < len(line) && line[end] == '#' {
			return words, nil
		}
		pos = end
	}
	return words, nil
}

// oneWord reads a word up to a space or a comment.
func oneWord(line string, pos int) (string, int, error) {
	var out strings.Builder
	quote := byte(0)
	for ; pos < len(line); pos++ {
		c := line[pos]
		switch {
		case quote == 0 && (c == '#' || strings.IndexByte(" \t\r\n", c) >= 0):
			return out.String(), pos, nil
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote != 0 && c == quote:
			quote = 0
		case c == '\\' && quote != '\'':
			if pos++; pos == len(line) {
				return "", 0, errEscape
			}
			if quote == '"' && line[pos] != '"' && line[pos] != '\\' {
				out.WriteByte('\\')
			}
			out.WriteByte(line[pos])
		default:
			out.WriteByte(c)
		}
	}
	if quote != 0 {
		return "", 0, errQuote
	}
	return out.String(), pos, nil
}
