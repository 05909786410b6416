package process

import (
	"errors"
	"io"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// Kept is how many bytes are kept of the beginning and of the end of a stream.
const Kept = 512 << 10

// capture keeps the first and the last of what it is given.
type capture struct {
	head []byte
	tail []byte // a ring once it is full
	at   int    // where the next byte of a full ring goes
	lost bool   // bytes between head and tail have been dropped
}

func (c *capture) write(p []byte) {
	n := min(Kept-len(c.head), len(p))
	c.head = append(c.head, p[:n]...)
	p = p[n:]
	if len(p) > Kept {
		c.lost = true
		p = p[len(p)-Kept:]
	}
	n = min(Kept-len(c.tail), len(p))
	c.tail = append(c.tail, p[:n]...)
	for p = p[n:]; len(p) > 0; p = p[n:] {
		c.lost = true
		n = copy(c.tail[c.at:], p)
		c.at = (c.at + n) % Kept
	}
}

func (c *capture) bytes() []byte {
	return slices.Concat(c.head, c.tail[c.at:], c.tail[:c.at])
}

func (c *capture) truncated() bool { return c.lost }

// read reads from until its end or deadline, keeps it and copies it to live, which may be nil. What is in the pipe when
// the deadline comes still counts: the process has written it before it ended.
func (c *capture) read(from *os.File, live io.Writer) {
	buffer := make([]byte, 8<<10)
	for {
		n, err := from.Read(buffer)
		live = c.take(buffer[:n], live)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			c.rest(from, live)
		}
		if err != nil {
			return
		}
		if n == len(buffer) && n < 64<<10 {
			buffer = make([]byte, 64<<10)
		}
	}
}

func (c *capture) take(p []byte, live io.Writer) io.Writer {
	c.write(p)
	if live == nil || len(p) == 0 {
		return live
	}
	if _, err := live.Write(p); err != nil {
		return nil
	}
	return live
}

// rest takes what the pipe holds at this moment, and no more: something may be writing without end.
func (c *capture) rest(from *os.File, live io.Writer) {
	raw, err := from.SyscallConn()
	if err != nil {
		return
	}
	var held []byte
	_ = raw.Control(func(fd uintptr) {
		waiting, err := unix.IoctlGetInt(int(fd), inputWaiting)
		if err != nil || waiting <= 0 {
			return
		}
		held = make([]byte, waiting)
		n, _ := unix.Read(int(fd), held) // it does not block
		held = held[:max(n, 0)]
	})
	c.take(held, live)
}

// Capture keeps the first and the last Kept bytes of what is written to it.
type Capture struct{ kept capture }

// Write never fails.
func (c *Capture) Write(p []byte) (int, error) {
	c.kept.write(p)
	return len(p), nil
}

// Bytes are what was kept.
func (c *Capture) Bytes() []byte { return c.kept.bytes() }

// Truncated says whether something is missing in the middle.
func (c *Capture) Truncated() bool { return c.kept.truncated() }
