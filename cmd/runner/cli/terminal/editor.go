package terminal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// ErrDropped says that somebody gave up the line that they were typing (Ctrl-C).
var ErrDropped = errors.New("the line was dropped")

// Editor reads lines at a terminal, which can be edited while they are typed. Between two lines the terminal is as it was.
type Editor struct {
	tty      *os.File
	out      *os.File
	keys     *keys
	terminal *term.Terminal
}

// Complete returns what a word can go on to, itself included. Word is what stands before the cursor, from the last
// character on that belongs to no name.
type Complete func(word string) []string

// NewEditor returns an editor of lines that are typed at tty and shown at out.
func NewEditor(ctx context.Context, tty, out *os.File, history term.History, complete Complete) *Editor {
	e := &Editor{tty: tty, out: out, keys: &keys{in: NewReader(ctx, tty)}}
	e.terminal = term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{e.keys, out}, "")
	e.terminal.History = history
	e.terminal.AutoCompleteCallback = func(line string, pos int, key rune) (string, int, bool) {
		if key != '\t' {
			return "", 0, false
		}
		return e.complete(line, pos, complete)
	}
	return e
}

// Line reads a line. It returns ErrDropped when it was given up, io.EOF for Ctrl-D on an empty one, and the cause when
// the editor's context ends.
func (e *Editor) Line(prompt string) (line string, err error) {
	before, err := term.MakeRaw(int(e.tty.Fd()))
	if err != nil {
		return "", fmt.Errorf("cannot read single keys: %w", err)
	}
	defer func() {
		if restore := term.Restore(int(e.tty.Fd()), before); restore != nil && err == nil {
			err = fmt.Errorf("cannot restore the terminal: %w", restore)
		}
	}()
	if err := e.terminal.SetSize(Size(e.out)); err != nil {
		return "", fmt.Errorf("cannot edit: %w", err)
	}
	e.terminal.SetPrompt(prompt)
	e.terminal.SetBracketedPasteMode(true)
	defer e.terminal.SetBracketedPasteMode(false)
	line, err = e.terminal.ReadLine()
	switch {
	case errors.Is(err, term.ErrPasteIndicator):
		return line, nil
	case err != nil:
		return "", err //nolint:wrapcheck // io.EOF, or the reader's
	case line == "" && e.keys.dropped:
		e.keys.dropped = false
		return "", ErrDropped
	}
	return line, nil
}

// complete puts in what all candidates have in common; when that is nothing more it lists them.
func (e *Editor) complete(line string, pos int, candidates Complete) (string, int, bool) {
	before := line[:pos]
	word := before[strings.LastIndexFunc(before, func(r rune) bool { return !nameRune(r) })+1:]
	list := candidates(word)
	for len(list) == 0 { // a bracket may be part of a name, or stand before one
		bracket := strings.IndexAny(word, `[]"-`)
		if bracket < 0 {
			break
		}
		word = word[bracket+1:]
		list = candidates(word)
	}
	if len(list) == 0 {
		return line, pos, true
	}
	common := list[0]
	for _, c := range list[1:] {
		n := 0
		for n < len(common) && n < len(c) && common[n] == c[n] {
			n++
		}
		common = common[:n]
	}
	if len(common) <= len(word) && len(list) > 1 {
		e.terminal.Write([]byte(columnsOf(list, e.out))) //nolint:errcheck // the next line would say so
		return line, pos, true
	}
	return before + common[len(word):] + line[pos:], pos + len(common) - len(word), true
}

// nameRune says whether a character can stand in what is completed.
func nameRune(r rune) bool {
	return strings.ContainsRune(`._-[]"`, r) || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= utf8.RuneSelf
}

// columnsOf lists words below each other, as many as fit beside each other. Of very many it shows the first ones.
func columnsOf(list []string, out *os.File) string {
	const most = 200
	rest := len(list) - most
	list = list[:min(len(list), most)]
	widest := 0
	for _, word := range list {
		widest = max(widest, utf8.RuneCountInString(word))
	}
	width, _ := Size(out)
	perLine := max(width/(widest+2), 1)
	var b strings.Builder
	for i, word := range list {
		b.WriteString(word)
		if (i+1)%perLine == 0 || i == len(list)-1 {
			b.WriteString("\n")
			continue
		}
		b.WriteString(strings.Repeat(" ", widest+2-utf8.RuneCountInString(word)))
	}
	if rest > 0 {
		fmt.Fprintf(&b, "… %d more\n", rest)
	}
	return b.String()
}

// keys makes of Ctrl-C the keys that empty the line and end it: the package term takes it for the end of everything.
type keys struct {
	in      io.Reader
	pending []byte
	dropped bool
}

// Read returns what was typed.
func (k *keys) Read(p []byte) (int, error) {
	if len(k.pending) == 0 {
		var b [256]byte
		n, err := k.in.Read(b[:])
		if n == 0 {
			return 0, err //nolint:wrapcheck // io.EOF, or the reader's own
		}
		const interrupt, end, kill = "\x03", "\x05", "\x15"
		k.dropped = bytes.Contains(b[:n], []byte(interrupt))
		k.pending = bytes.ReplaceAll(b[:n], []byte(interrupt), []byte(end+kill+"\r"))
	}
	n := copy(p, k.pending)
	k.pending = k.pending[n:]
	return n, nil
}

// Reader reads from a file until its context ends: nobody is left behind in a read.
type Reader struct {
	ctx  context.Context //nolint:containedctx // a reader's calls take none
	file *os.File
}

// NewReader returns a reader for a file.
func NewReader(ctx context.Context, file *os.File) *Reader { return &Reader{ctx, file} }

// Read waits for something to read, and returns the cause when the context ends first.
func (r *Reader) Read(p []byte) (int, error) {
	wake, end, err := os.Pipe()
	if err != nil {
		return 0, fmt.Errorf("cannot wait for input: %w", err)
	}
	defer wake.Close()
	defer end.Close()
	stop := context.AfterFunc(r.ctx, func() { end.Write([]byte{0}) }) //nolint:errcheck // its own pipe
	defer stop()
	for {
		if err := readable(int(r.file.Fd()), int(wake.Fd())); err != nil {
			return 0, err
		}
		if r.ctx.Err() != nil {
			return 0, context.Cause(r.ctx)
		}
		n, err := unix.Read(int(r.file.Fd()), p)
		switch {
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.EAGAIN):
		case err != nil:
			return 0, fmt.Errorf("cannot read: %w", err)
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}
