package wire

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// What a LinkConfig says when it says nothing.
const (
	DefaultPing   = 4 * time.Second
	DefaultSilent = 12 * time.Second
	DefaultQueue  = 64 << 20
)

// roomMark is how many queued bytes make SendWait wait.
const roomMark = 1 << 20

// FullFrame is how many bytes the frames of a long stream should have on the wire, header included: ssh makes two full packets
// of one.
const FullFrame = 64 << 10

// bufferSize is what a link reads and writes at least at a time, if there is as much. What is larger passes its buffers by, so
// that a thousand links cost little memory.
const bufferSize = 16 << 10

// gather is how long a frame that may wait for others does so.
const gather = 2 * time.Millisecond

// LinkConfig adjusts a link.
type LinkConfig struct {
	Ping   time.Duration // a side that has heard nothing for so long asks; 0: DefaultPing
	Silent time.Duration // and after so long without a byte the link is dead; 0: DefaultSilent
	Queue  int           // bytes that may wait to be written, beyond which Send ends the link; 0: DefaultQueue
	// TooLarge is told of a frame (without payload) that was over its limit, after it has been read past and answered
	// with KindRefused. It is called like Run's handle. It may be nil.
	TooLarge func(*TooLargeError)
	// Room is called, on the writer's goroutine, each time the queue that HasRoom denied has room again. It may be nil.
	Room func()
}

// A Link sends and receives frames over one byte stream. It has one writer, one reader (Run), and notices when the
// other side falls silent. Whatever ends it, the reason is a *Problem, the same for everybody.
type Link struct {
	rw  io.ReadWriteCloser
	cfg LinkConfig

	sent, received atomic.Int64
	heard          atomic.Bool // something was read, or handled, since the last tick
	busy           atomic.Bool // the handler runs: silence is our own

	mu     sync.Mutex // guards what follows
	change sync.Cond  // the queue or err changed
	queue  []Frame
	queued int         // bytes in queue, and of the frames being written
	due    bool        // what is in queue is to be written now
	timer  *time.Timer // makes it due; nil: nothing waits for others
	denied bool
	err    error
	done   chan struct{} // closed when err is set

	wg sync.WaitGroup // writer, watch and Run
}

// NewLink makes a link of a stream and starts to write to it and to watch it. Run must be called to read from it. The
// link owns rw; closing rw must wake its Read and Write.
func NewLink(rw io.ReadWriteCloser, cfg LinkConfig) *Link {
	if cfg.Ping == 0 {
		cfg.Ping = DefaultPing
	}
	if cfg.Silent == 0 {
		cfg.Silent = DefaultSilent
	}
	if cfg.Queue == 0 {
		cfg.Queue = DefaultQueue
	}
	l := &Link{rw: rw, cfg: cfg, done: make(chan struct{})}
	l.change.L = &l.mu
	l.wg.Go(l.write)
	l.wg.Go(l.watch)
	return l
}

// Send queues a frame and returns at once. A frame over its limit is a *TooLargeError, and nothing is sent. More than
// the configured queue ends the link with CodeFull: flow control was not kept to. On a link that has ended it returns
// why. The payload must not be changed afterwards.
func (l *Link) Send(f Frame) error {
	if err := f.Check(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sendLocked(f)
}

// SendWait is Send, but first waits until the queue has room. It is for results and output on their way up, which
// nothing else bounds: who makes them has to wait for a slow link.
func (l *Link) SendWait(ctx context.Context, f Frame) error {
	if err := f.Check(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.waitLocked(ctx); err != nil {
		return err
	}
	return l.sendLocked(f)
}

// SendSoon is SendWait for a frame behind which others will come at once: it may wait for them a little, so that many
// small ones are written together.
func (l *Link) SendSoon(ctx context.Context, f Frame) error {
	if err := f.Check(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.waitLocked(ctx); err != nil {
		return err
	}
	if err := l.queueLocked(f); err != nil {
		return err
	}
	switch {
	case l.queued >= bufferSize:
		l.dueLocked()
	case !l.due && l.timer == nil:
		l.timer = time.AfterFunc(gather, func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.dueLocked()
		})
	}
	return nil
}

// Wait waits until the queue has room.
func (l *Link) Wait(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.waitLocked(ctx)
}

func (l *Link) waitLocked(ctx context.Context) error {
	if l.queued >= roomMark {
		defer context.AfterFunc(ctx, l.wake)()
	}
	for l.queued >= roomMark && l.err == nil && ctx.Err() == nil {
		l.change.Wait()
	}
	if l.err == nil && l.queued >= roomMark {
		return context.Cause(ctx)
	}
	return l.err
}

func (l *Link) sendLocked(f Frame) error {
	err := l.queueLocked(f)
	if err == nil {
		l.dueLocked()
	}
	return err
}

func (l *Link) queueLocked(f Frame) error {
	size := f.size()
	if l.err == nil && l.queued+size > l.cfg.Queue {
		l.failLocked(&Problem{Code: CodeFull, Message: fmt.Sprintf("more than %d bytes wait to be read by the other side", l.cfg.Queue)})
	}
	if l.err != nil {
		return l.err
	}
	l.queue = append(l.queue, f)
	l.queued += size
	return nil
}

// dueLocked has the queue written.
func (l *Link) dueLocked() {
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
	if !l.due && len(l.queue) > 0 {
		l.due = true
		l.change.Broadcast()
	}
}

// HasRoom says whether SendWait would not wait. After a no, LinkConfig.Room will be called.
func (l *Link) HasRoom() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.denied = l.denied || l.queued >= roomMark
	return l.queued < roomMark
}

// Queued is how many bytes wait to be written, those that are being written among them.
func (l *Link) Queued() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.queued
}

// Flush waits until everything queued has been written.
func (l *Link) Flush(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dueLocked()
	defer context.AfterFunc(ctx, l.wake)()
	for l.queued > 0 && l.err == nil && ctx.Err() == nil {
		l.change.Wait()
	}
	switch {
	case l.err != nil:
		return l.err
	case l.queued > 0:
		return context.Cause(ctx)
	}
	return nil
}

// Run reads frames and hands each to handle, until the link ends; it returns why. It answers pings and frames over
// their limit itself. While handle takes its time nothing more is read, which is how a relay passes slowness on to
// the right side; that side is not taken for dead meanwhile.
func (l *Link) Run(handle func(Frame)) error {
	l.mu.Lock()
	if err := l.err; err != nil {
		l.mu.Unlock()
		return err
	}
	l.wg.Add(1)
	l.mu.Unlock()
	defer l.wg.Done()
	r := bufio.NewReaderSize(listener{l}, bufferSize)
	for {
		f, err := ReadFrame(r)
		l.busy.Store(true)
		var large *TooLargeError
		var malformed *Problem
		switch {
		case errors.As(err, &large):
			l.refuseLarge(large)
		case errors.As(err, &malformed):
			return l.Fail(malformed)
		case errors.Is(err, io.EOF):
			return l.Fail(&Problem{Code: CodeEnded, Message: "the other side closed the connection"})
		case err != nil:
			return l.Fail(&Problem{Code: CodeEnded, Message: fmt.Sprintf("cannot read: %v", err)})
		case l.Err() != nil:
			return l.Err()
		case f.Kind == KindPing:
			_ = l.Send(Frame{Kind: KindPong}) // if it fails, the next read does
		case f.Kind != KindPong:
			handle(f)
		}
		l.heard.Store(true)
		l.busy.Store(false)
	}
}

// refuseLarge answers a frame that was too large, unless it was itself such an answer.
func (l *Link) refuseLarge(large *TooLargeError) {
	f := large.Frame
	if f.Kind != KindRefused {
		answer, err := Message(KindRefused, f.Peer, f.Call, Refused{Kind: f.Kind, Problem: *large.Problem()})
		if err == nil {
			_ = l.Send(answer) // if it fails, the next read does
		}
	}
	if l.cfg.TooLarge != nil {
		l.cfg.TooLarge(large)
	}
}

// Fail ends the link without waiting, unless it has ended already, and returns why it ended.
func (l *Link) Fail(why *Problem) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failLocked(why)
	return l.err
}

func (l *Link) failLocked(why *Problem) {
	if l.err != nil {
		return
	}
	l.err = why
	l.queue = nil
	l.dueLocked()
	close(l.done)
	l.change.Broadcast()
}

// Close ends the link, drops what is queued, and waits until nothing of it runs any more: it must not be called from
// Run's handle. It returns why the link had ended before, nil if it was closed.
func (l *Link) Close() error {
	err := l.Fail(&Problem{Code: CodeClosed, Message: "the connection was closed"})
	l.wg.Wait()
	var p *Problem
	if errors.As(err, &p) && p.Code == CodeClosed {
		return nil
	}
	return err
}

// Done is closed when the link has ended.
func (l *Link) Done() <-chan struct{} { return l.done }

// Err returns why the link has ended, nil as long as it lives.
func (l *Link) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// Sent and Received count bytes of the stream, frames' headers included.
func (l *Link) Sent() int64 { return l.sent.Load() }

// Received counts what was read; see Sent.
func (l *Link) Received() int64 { return l.received.Load() }

func (l *Link) wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.change.Broadcast()
}

// write is the link's one writer.
func (l *Link) write() {
	w := bufio.NewWriterSize(counter{l}, bufferSize)
	var frame []byte
	for {
		f, last, ok := l.next()
		if !ok {
			return
		}
		var err error
		if size := f.size(); size <= bufferSize || size > FullFrame {
			frame = appendHeader(frame[:0], f)
			if _, err = w.Write(frame); err == nil {
				_, err = w.Write(f.Payload)
			}
		} else { // whole: what is below makes packets of what it is given at once, and each costs
			frame = AppendFrame(frame[:0], f)
			if err = w.Flush(); err == nil {
				_, err = w.Write(frame)
			}
		}
		if err == nil && last {
			err = w.Flush()
		}
		if err != nil {
			_ = l.Fail(&Problem{Code: CodeEnded, Message: fmt.Sprintf("cannot write: %v", err)})
			return
		}
		l.written(f.size())
	}
}

// next waits for a frame to write. last says that no other waits behind it.
func (l *Link) next() (f Frame, last, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for !l.due && l.err == nil {
		l.change.Wait()
	}
	if l.err != nil {
		return Frame{}, false, false
	}
	f = l.queue[0]
	l.queue[0] = Frame{}
	l.queue = l.queue[1:]
	l.due = len(l.queue) > 0
	return f, !l.due, true
}

func (l *Link) written(size int) {
	l.mu.Lock()
	before := l.queued
	l.queued -= size
	if l.queued == 0 || (before >= roomMark && l.queued < roomMark) {
		l.change.Broadcast()
	}
	tell := l.denied && l.queued < roomMark/2
	if tell {
		l.denied = false
	}
	l.mu.Unlock()
	if tell && l.cfg.Room != nil {
		l.cfg.Room()
	}
}

// watch asks a silent peer for a sign of life, gives it up, and closes the stream when the link ends. It counts ticks,
// not time: a process that was stopped for a minute gets one tick for it, and its peers the time to be heard.
func (l *Link) watch() {
	tick := l.cfg.Ping / 2
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	silent, busy := time.Duration(0), time.Duration(0)
	for {
		select {
		case <-l.done:
			_ = l.rw.Close() // the link's reason is the one that counts
			return
		case <-ticker.C:
		}
		if busy += tick; !l.busy.Load() { // then we answer nobody, who must not take that for silence
			busy = 0
		}
		if silent += tick; l.heard.Swap(false) || busy > 0 {
			silent = 0
		}
		switch {
		case silent >= l.cfg.Silent:
			_ = l.Fail(&Problem{Code: CodeSilent, Message: fmt.Sprintf("nothing heard for %v", silent)})
		case silent > 0 && silent%l.cfg.Ping == 0, busy > 0 && busy%l.cfg.Ping == 0:
			_ = l.Send(Frame{Kind: KindPing})
		}
	}
}

// listener and counter are the link's stream with its bytes counted.
type (
	listener struct{ *Link }
	counter  struct{ *Link }
)

func (l listener) Read(p []byte) (int, error) {
	n, err := l.rw.Read(p)
	if n > 0 {
		l.heard.Store(true)
		l.received.Add(int64(n))
	}
	return n, err
}

func (c counter) Write(p []byte) (int, error) {
	n, err := c.rw.Write(p)
	c.sent.Add(int64(n))
	return n, err
}
