package wire

import (
	"context"
	"fmt"
	"io"
	"sync"
)

// MaxWindow is the most credit, in bytes, that one stream may have at a time.
const MaxWindow = 16 << 20

// WideWindow is how many bytes of a stream may be under way where there is a lot of it: what a fast line holds over a long way.
const WideWindow = 4 << 20

// A SendWindow is the sender's side of a stream: how many bytes may still be sent. It is safe for concurrent use.
type SendWindow struct {
	mu     sync.Mutex
	more   sync.Cond
	credit int
	waits  int
	err    error
}

// NewSendWindow returns a window with some credit: Window for an output stream, 0 for an input stream.
func NewSendWindow(credit int) *SendWindow {
	w := &SendWindow{credit: credit}
	w.more.L = &w.mu
	return w
}

// Grant adds what a Credit message allows. Too much is a violation of the protocol, returned as a *Problem.
func (w *SendWindow) Grant(n uint32) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n == 0 || int64(w.credit)+int64(n) > MaxWindow {
		return &Problem{Code: CodeProtocol, Message: fmt.Sprintf("credit of %d bytes beside %d", n, w.credit)}
	}
	w.credit += int(n)
	w.more.Broadcast()
	return nil
}

// Take waits until at least one byte may be sent and takes up to want of what may. It fails with the cause of ctx or
// of Close.
func (w *SendWindow) Take(ctx context.Context, want int) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.credit == 0 && w.err == nil {
		w.waits++
		defer context.AfterFunc(ctx, w.wake)()
	}
	for w.credit == 0 && w.err == nil && ctx.Err() == nil {
		w.more.Wait()
	}
	switch {
	case w.err != nil:
		return 0, w.err
	case w.credit == 0:
		return 0, context.Cause(ctx)
	}
	n := min(want, w.credit)
	w.credit -= n
	return n, nil
}

// Waits returns how often Take found no credit: so many round trips the stream has cost.
func (w *SendWindow) Waits() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.waits
}

// Send cuts data into chunks as credit allows and emits each. The chunks are parts of data, not copies.
func (w *SendWindow) Send(ctx context.Context, data []byte, emit func(chunk []byte) error) error {
	for len(data) > 0 {
		n, err := w.Take(ctx, min(len(data), MaxChunk))
		if err != nil {
			return err
		}
		if err := emit(data[:n:n]); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

// Close wakes everybody who waits for credit, with err. Only the first close counts.
func (w *SendWindow) Close(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
	}
	w.more.Broadcast()
}

func (w *SendWindow) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.more.Broadcast()
}

// A Buffer is the receiver's side of a stream: an io.Reader that holds at most what it has granted, and grants more as
// it is read. It is safe for concurrent use by one reader and one writer.
type Buffer struct {
	most  int                  // that size may become
	grant func(n uint32) error // sends a Credit message; never called with mu held

	mu       sync.Mutex
	more     sync.Cond
	size     int // bytes that may be held or under way
	chunks   [][]byte
	allowed  int // bytes that the sender may still send
	consumed int // bytes read since the last grant
	ended    bool
	err      error // what the reader gets behind what is held
}

// NewBuffer returns a buffer of size bytes for a stream whose sender starts with a credit of first: Window for an
// output stream, 0 for an input stream. The rest is granted on the first read. While its reader is faster than what comes, the
// buffer grows to most bytes: then it is mostly empty, and the sender waits for credit over a long way.
func NewBuffer(first, size, most int, grant func(n uint32) error) *Buffer {
	b := &Buffer{size: size, most: most, grant: grant, allowed: first, consumed: size - first}
	b.more.L = &b.mu
	return b
}

// Put takes a data frame's payload over, without waiting. The empty payload ends the stream. More than was granted, or
// anything after the end, is a violation of the protocol, returned as a *Problem.
func (b *Buffer) Put(chunk []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(chunk) > b.allowed {
		return &Problem{Code: CodeProtocol, Message: fmt.Sprintf("%d bytes of data where %d were granted", len(chunk), b.allowed)}
	}
	b.more.Broadcast()
	switch {
	case b.ended:
		return &Problem{Code: CodeProtocol, Message: "data after the end of its stream"}
	case len(chunk) == 0:
		b.ended = true
		if b.err == nil {
			b.err = io.EOF
		}
	case b.err != nil: // nobody reads any more
		b.allowed -= len(chunk)
	default:
		b.allowed -= len(chunk)
		b.chunks = append(b.chunks, chunk)
	}
	return nil
}

// Read waits for data. It returns io.EOF after the end, the error of Close after that, and otherwise what grant failed
// with.
func (b *Buffer) Read(p []byte) (int, error) {
	if err := b.credit(); err != nil {
		return 0, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.chunks) == 0 && b.err == nil {
		b.more.Wait()
	}
	if len(b.chunks) == 0 {
		return 0, b.err
	}
	n := copy(p, b.chunks[0])
	if b.chunks[0] = b.chunks[0][n:]; len(b.chunks[0]) == 0 {
		b.chunks[0] = nil
		b.chunks = b.chunks[1:]
	}
	b.consumed += n
	return n, nil
}

// credit grants what has been read, in portions that keep the sender busy without a message for each chunk.
func (b *Buffer) credit() error {
	b.mu.Lock()
	if starves := len(b.chunks) == 0 && b.consumed > 0 && b.allowed > 0; starves && b.size < b.most {
		more := min(b.size, b.most-b.size)
		b.size += more
		b.consumed += more
	}
	n := b.consumed
	if b.err != nil || n < max(b.size/2, 1) {
		b.mu.Unlock()
		return nil //nolint:nilerr // Read returns it, behind what is left
	}
	b.consumed = 0
	b.allowed += n
	b.mu.Unlock()
	return b.grant(uint32(n)) //nolint:gosec // at most size
}

// Close drops what is held, wakes the reader with err and lets what still comes pass by, ungranted.
func (b *Buffer) Close(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.chunks = nil
	if b.err == nil || b.err == io.EOF { //nolint:errorlint // the end, in Put, or an earlier Close that stands for it
		b.err = err
	}
	b.more.Broadcast()
}
