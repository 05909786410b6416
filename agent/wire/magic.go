package wire

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
)

// Magic is what a peer writes before its first frame. Bytes that no text holds surround the nonce, so that neither a
// banner nor a shell that prints its command lines (which hold the nonce) can be taken for it.
func Magic(nonce string) []byte {
	return []byte("\x00\xffrunner\x00" + nonce + "\x00\n")
}

// ReadMagic reads up to and including the magic of nonce and returns what came before it, at most limit bytes. After
// it r stands at the first frame. Its errors are those of ReadMark.
func ReadMagic(r *bufio.Reader, nonce string, limit int) (noise []byte, err error) {
	_, noise, err = ReadMark(r, limit, Magic(nonce))
	return noise, err
}

// ReadMark reads up to and including the first of some marks. It returns which one, and the noise before it. More
// than limit bytes of noise are a *Problem with CodeNoise, the end of the stream one with CodeEnded; both quote the
// noise.
func ReadMark(r *bufio.Reader, limit int, marks ...[]byte) (which int, noise []byte, err error) {
	longest := 0
	for _, m := range marks {
		longest = max(longest, len(m))
	}
	for {
		c, err := r.ReadByte()
		if err != nil {
			problem := &Problem{Code: CodeEnded, Message: "the stream ended before the agent answered", Quote: Quote(noise)}
			if !errors.Is(err, io.EOF) {
				problem.Message = fmt.Sprintf("cannot read until the agent answers: %v", err)
			}
			return 0, noise, problem
		}
		noise = append(noise, c)
		for i, m := range marks {
			if c == m[len(m)-1] && len(noise) <= limit+len(m) && bytes.HasSuffix(noise, m) {
				return i, noise[:len(noise)-len(m)], nil
			}
		}
		if len(noise) > limit+longest {
			return 0, noise, &Problem{
				Code: CodeNoise, Message: fmt.Sprintf("more than %d bytes came before the agent's answer", limit), Quote: Quote(noise),
			}
		}
	}
}

// MaxQuote is the size, in bytes, of what is quoted from another program.
const MaxQuote = 4 << 10

// Of a quote, so much is from the beginning of what the program printed; the rest is from its end.
const quoteHead = MaxQuote / 4

// gap stands where a quote leaves something out.
const gap = "\n[…]\n"

// Quote shortens what a program printed to its first and last parts. It makes nothing harmless: that is up to who
// shows it.
func Quote(printed []byte) string {
	var w Words
	_, _ = w.Write(printed)
	return w.String()
}

// Words collects what a program prints, in bounded memory: the first and the last of it. Its zero value is ready, and
// safe for concurrent use.
type Words struct {
	mu    sync.Mutex
	head  []byte
	tail  []byte // what came after head; compacted now and then
	total int
}

// Write never fails.
func (w *Words) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	written := len(p)
	w.total += written
	n := min(quoteHead-len(w.head), len(p))
	w.head = append(w.head, p[:n]...)
	p = p[n:]
	const keep = MaxQuote - quoteHead
	if len(p) > keep {
		p = p[len(p)-keep:]
	}
	if len(w.tail)+len(p) > 2*keep {
		over := len(w.tail) + len(p) - keep
		w.tail = slices.Delete(w.tail, 0, min(over, len(w.tail)))
	}
	w.tail = append(w.tail, p...)
	return written, nil
}

// String returns the quote, at most MaxQuote bytes and without white space around it.
func (w *Words) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	head, tail, left := w.head, w.tail, ""
	if w.total > MaxQuote {
		tail = tail[len(tail)-(MaxQuote-quoteHead-len(gap)):]
		left = gap
	}
	return string(bytes.TrimSpace(slices.Concat(head, []byte(left), tail)))
}
