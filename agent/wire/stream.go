package wire

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sort"
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

// Rest takes all that may be sent now.
func (w *SendWindow) Rest() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := w.credit
	w.credit = 0
	return n
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
// it is read. It puts pieces in order, and says when all has come. It is safe for concurrent use by one reader and several writers.
type Buffer struct {
	grant func(n uint32) error // sends a Credit message, of nothing once all has come; never called with mu held

	mu       sync.Mutex
	more     sync.Cond
	size     int // bytes that may be held or under way
	most     int // that size may become
	chunks   [][]byte
	at       uint64  // the offset behind chunks, of what is to come next
	early    []piece // that lie behind it, in order
	data     uint64  // bytes that have come as data, and so the offset of the next
	come     uint64  // bytes that have come at all
	granted  uint64  // bytes that may have come
	consumed int     // bytes read since the last grant
	ended    bool
	end      uint64 // the stream's length, once it has ended
	told     bool   // that all has come
	err      error  // what the reader gets behind what is held
}

// piece is what has come before what lies before it.
type piece struct {
	from, to uint64
	bytes    []byte // nil if nobody reads any more
}

// NewBuffer returns a buffer of size bytes for a stream whose sender starts with a credit of first: Window for an
// output stream, 0 for an input stream. The rest is granted on the first read. While its reader is faster than what comes, the
// buffer grows to most bytes: then it is mostly empty, and the sender waits for credit over a long way.
func NewBuffer(first, size, most int, grant func(n uint32) error) *Buffer {
	b := &Buffer{size: size, most: most, grant: grant, granted: uint64(first), consumed: size - first} //nolint:gosec // not negative
	b.more.L = &b.mu
	return b
}

// Put takes a data frame's payload over, without waiting: it comes behind all data before it. The empty payload ends the
// stream there. More than was granted, what has come already, and anything behind the end is a violation of the protocol,
// returned as a *Problem.
func (b *Buffer) Put(chunk []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	err := b.putLocked(b.data, chunk)
	if err == nil {
		b.data += uint64(len(chunk))
	}
	return err
}

// PutAt is Put for the payload of a piece. What comes over several ways is a lot, and the buffer may grow to MaxWindow for it.
func (b *Buffer) PutAt(offset uint64, chunk []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.most = MaxWindow
	return b.putLocked(offset, chunk)
}

func (b *Buffer) putLocked(from uint64, chunk []byte) error {
	size := uint64(len(chunk))
	to := from + size
	i := sort.Search(len(b.early), func(i int) bool { return b.early[i].from >= from })
	switch {
	case from > b.granted || size > b.granted-from:
		return &Problem{Code: CodeProtocol, Message: fmt.Sprintf("%d bytes of data at %d where %d were granted", size, from, b.granted)}
	case b.ended && (size == 0 || to > b.end):
		return &Problem{Code: CodeProtocol, Message: "data after the end of its stream"}
	case from < b.at, i > 0 && b.early[i-1].to > from, i < len(b.early) && (b.early[i].from < to || size == 0):
		return &Problem{Code: CodeProtocol, Message: fmt.Sprintf("data at %d of a stream comes twice, or behind its end", from)}
	}
	b.more.Broadcast()
	b.come += size
	if b.err != nil { // nobody reads any more
		chunk = nil
	}
	switch {
	case size == 0:
		b.ended, b.end = true, from
	case from == b.at:
		b.takeLocked(piece{from, to, chunk})
		n := 0
		for n < len(b.early) && b.early[n].from == b.at {
			b.takeLocked(b.early[n])
			n++
		}
		b.early = slices.Delete(b.early, 0, n)
	default:
		b.early = slices.Insert(b.early, i, piece{from, to, chunk})
	}
	if b.ended && b.at == b.end && b.err == nil {
		b.err = io.EOF
	}
	return nil
}

// takeLocked puts what comes next behind the chunks.
func (b *Buffer) takeLocked(p piece) {
	b.at = p.to
	if p.bytes != nil {
		b.chunks = append(b.chunks, p.bytes)
	}
}

// Read waits for data. It returns io.EOF after the end, the error of Close after that, and otherwise what grant failed
// with.
func (b *Buffer) Read(p []byte) (int, error) {
	if err := b.credit(); err != nil {
		return 0, err
	}
	b.mu.Lock()
	for len(b.chunks) == 0 && b.err == nil {
		b.more.Wait()
	}
	tell := b.ended && b.at == b.end && !b.told
	b.told = b.told || tell
	n, err := b.readLocked(p)
	b.mu.Unlock()
	if tell {
		if err := b.grant(0); err != nil {
			return n, err
		}
	}
	return n, err
}

func (b *Buffer) readLocked(p []byte) (int, error) {
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
	if starves := len(b.chunks) == 0 && b.consumed > 0 && b.come < b.granted; starves && b.size < b.most {
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
	b.granted += uint64(n) //nolint:gosec // not negative
	b.mu.Unlock()
	return b.grant(uint32(n)) //nolint:gosec // at most size
}

// Close drops what is held, wakes the reader with err and lets what still comes pass by, ungranted.
func (b *Buffer) Close(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.chunks = nil
	for i := range b.early {
		b.early[i].bytes = nil
	}
	if b.err == nil || b.err == io.EOF { //nolint:errorlint // the end, in Put, or an earlier Close that stands for it
		b.err = err
	}
	b.more.Broadcast()
}
