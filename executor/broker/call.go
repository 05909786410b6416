package broker

import (
	"context"
	"errors"
	"io"
	"math"
	"net/url"

	"runner/agent/plain"
	"runner/agent/wire"
)

// CallOptions say how a call is made.
type CallOptions struct {
	After int // the trip of whatever had to be known before this call could be made
	// Input gives what the call reads. It is called once the peer asks for it, on a goroutine of its own; closing the
	// reader must wake its Read. It may be nil.
	Input func() (io.ReadCloser, error)
	// Answers says that the input depends on the output: whoever reads it waits for it once.
	Answers bool
	Size    int64 // of the input, in bytes, as far as it is known
	// Content tells what Input gives from everything else, so that it need not be sent again for another target behind the
	// same root. Nil: the input is this call's alone.
	Content *wire.Hold
	// Progress is told how many bytes of the input have been read so far, also when it is read for others, too. It may be nil.
	Progress func(bytes int64)
	// Live gets output as it comes, in order, one part at a time, all of it before Wait returns. It may take its time:
	// that slows only this call's output. It may be nil.
	Live func(stream wire.Stream, data []byte)
	// Lock has the peer take the run's lock first, for all calls that need a lane. Where it is not given, the call fails
	// with a *LostError that says whose it is, as if the peer could not be reached. Nil: no lock is needed.
	Lock *wire.Lock
	// Window is how many bytes of output may be under way; 0: wire.Window. More makes sense for a lot of it over a long way.
	Window int
}

// Reply is how a call ended.
type Reply struct {
	wire.Result
	Trip int // the length of the chain of request and wait that the result ended
}

// Pending is a call that was made. It is safe for concurrent use.
type Pending struct {
	peer    *Peer
	id      wire.CallID
	payload []byte // until it is sent
	size    int    // of the payload
	options CallOptions
	started chan struct{}
	done    chan struct{}

	// Broker.mu guards what follows; reply and err may also be read once done is closed.
	sent     bool
	over     bool // reply and err are final
	delayed  bool // it had to wait for another call to end before it was sent
	trip     int
	reply    Reply
	err      error
	credit   *wire.SendWindow        // for the input, once the peer has asked for it
	stop     context.CancelCauseFunc // of the goroutine that sends the input
	inPieces bool                    // some of the input has gone, or may go, over a side link
	arrived  bool                    // all of the input: somebody has read it
	live     *live                   // once there was output
	noInput  *wire.Problem           // why the input could not be read
	from     int64                   // where in the input its sending begins: what comes before, a root has had
	allSent  bool                    // of the input, or it is about to be
	hold     *hold                   // what a root feeds it from
	waited   int                     // round trips that sending that had cost before
}

// Call sends a call to the peer, or queues it until that is possible, and returns at once. Calls reach a peer in the
// order in which they were made. Everything that can go wrong is Wait's to tell.
func (p *Peer) Call(call wire.Call, o CallOptions) *Pending {
	c, err := p.newPending(call, o)
	p.b.mu.Lock()
	defer p.b.mu.Unlock()
	if err == nil {
		p.lockLocked(o.Lock)
	}
	switch {
	case err != nil:
		c.finishLocked(Reply{}, problemOf(err))
	case p.lost != nil:
		c.finishLocked(Reply{}, p.lost.unreached())
	default:
		p.calls.queue = append(p.calls.queue, c)
		p.pumpLocked()
	}
	return c
}

// newPending makes a call that is not sent yet, also where the error says that it never can be.
func (p *Peer) newPending(call wire.Call, o CallOptions) (*Pending, error) {
	frame, err := wire.Message(wire.KindCall, p.id, 0, call)
	if err == nil {
		err = frame.Check()
	}
	return &Pending{
		peer: p, payload: frame.Payload, size: len(frame.Payload), options: o, started: make(chan struct{}), done: make(chan struct{}),
	}, err
}

// lockLocked sends a call for the run's lock ahead of the first one that needs it. Nobody waits for its end: if it fails,
// so do those behind it.
func (p *Peer) lockLocked(lock *wire.Lock) {
	if lock == nil || p.calls.lock || p.lost != nil {
		return
	}
	p.calls.lock = true
	told := func(_ wire.Stream, who []byte) {
		p.b.events.put(Event{Connection: p.hop.index, Status: Waiting, Err: &wire.Problem{Code: wire.CodeLocked, Message: string(who)}})
	}
	args, err := wire.Marshal(lock)
	var c *Pending
	if err == nil {
		c, err = p.newPending(wire.Call{Action: wire.ActionLock, Args: args, Mode: wire.ModeApply, Flags: wire.FlagNoLane}, CallOptions{Live: told})
	}
	if err != nil {
		p.loseLocked(lostAt(p.hop, problemOf(err), true))
		return
	}
	p.calls.queue = append(p.calls.queue, c)
}

// Started is closed when the peer has begun to carry the call out. Of a call that was not started it stays open: watch
// Done as well.
func (c *Pending) Started() <-chan struct{} { return c.started }

// Done is closed when Wait will return at once.
func (c *Pending) Done() <-chan struct{} { return c.done }

// Wait waits for the end of the call. A result that says that the call failed is a reply, not an error. The errors are
// a *LostError when the peer is not there (any more), a *wire.Problem when the call could not be made, and the cause of
// ctx, which ends only the wait.
func (c *Pending) Wait(ctx context.Context) (Reply, error) {
	select {
	case <-c.done:
	default:
		select {
		case <-c.done:
		case <-ctx.Done():
			return Reply{}, context.Cause(ctx)
		}
	}
	return c.reply, c.err
}

// Cancel ends the call, politely or at once. A call that is still here ends with CodeCancelled; one that was sent when
// its peer says so.
func (c *Pending) Cancel(kill bool) { c.cancel(wire.Cancel{Kill: kill}) }

// Withdraw is Cancel for a call that has not started; one that runs goes on.
func (c *Pending) Withdraw() { c.cancel(wire.Cancel{Queued: true}) }

func (c *Pending) cancel(how wire.Cancel) {
	p := c.peer
	p.b.mu.Lock()
	defer p.b.mu.Unlock()
	switch {
	case c.over:
	case c.sent:
		p.tellLocked(wire.KindCancel, c.id, 0, how)
	default:
		c.finishLocked(Reply{}, &wire.Problem{Code: wire.CodeCancelled, Message: "cancelled before it was sent"})
	}
}

// tellLocked sends a small message to the peer. If it cannot be sent, the link's end tells everybody.
func (p *Peer) tellLocked(kind wire.Kind, call wire.CallID, stream wire.Stream, message any) {
	frame, err := wire.Frame{Kind: kind, Peer: p.id, Call: call}, error(nil)
	if message != nil {
		frame, err = wire.Message(kind, p.id, call, message)
	}
	if err == nil {
		frame.Stream = stream
		_ = p.root.link.Send(frame)
	}
}

// calls are a peer's calls that have not ended.
type calls struct {
	queue []*Pending               // not sent yet, in order; those that are over among them are skipped
	sent  map[wire.CallID]*Pending // granted ids
	bytes int                      // of the payloads of what was sent
	last  wire.CallID              // the id granted last
	ahead ahead                    // sent before the hello
	trip  int                      // of the last result: what made room for a call that was delayed
	lock  bool                     // the run's lock was asked for
	waits string                   // for whom one has waited last
}

// pumpLocked sends what may be sent now: no more than a peer takes, and no more than the link has room for.
func (p *Peer) pumpLocked() {
	t := &p.calls
	if !p.canSendLocked() {
		return
	}
	for len(t.queue) > 0 {
		c := t.queue[0]
		if !c.over {
			if !t.hasRoom(c.size) || !p.greeted && !p.root.link.ahead.hasRoom(c.size) {
				c.delayed = true
				return
			}
			if !p.root.link.HasRoom() {
				return
			}
			p.sendLocked(c)
		}
		t.queue[0] = nil
		t.queue = t.queue[1:]
	}
}

// hasRoom says whether a peer takes one more call.
func (t *calls) hasRoom(size int) bool {
	return len(t.sent) < wire.MaxCalls && (len(t.sent) == 0 || t.bytes+size <= wire.MaxPending)
}

// ahead is what was sent on one link for peers that have not said hello: their parents hold it.
type ahead struct {
	calls, bytes int
}

func (a *ahead) hasRoom(size int) bool {
	return a.calls < wire.MaxCalls && (a.calls == 0 || a.bytes+size <= wire.MaxAhead)
}

// settleLocked makes room for others when a peer has said hello, or is lost: nothing is held for it any more.
func (p *Peer) settleLocked() {
	r := p.root.link
	if p.parent == nil || r == nil || p.settled {
		return
	}
	p.settled = true
	r.ahead.calls -= p.calls.ahead.calls
	r.ahead.bytes -= p.calls.ahead.bytes
	if p.calls.ahead.calls > 0 {
		r.pumpLocked()
	}
}

// canSendLocked says whether frames for the peer have somewhere to go: its own link, or a parent that holds them.
func (p *Peer) canSendLocked() bool {
	if p.lost != nil {
		return false
	}
	if p.parent == nil {
		return p.greeted
	}
	return p.sentOpen
}

func (p *Peer) sendLocked(c *Pending) {
	t := &p.calls
	if t.last == math.MaxUint32 {
		c.finishLocked(Reply{}, &wire.Problem{Code: wire.CodeFull, Message: "too many calls"})
		return
	}
	t.last++
	c.id, c.sent = t.last, true
	c.trip = max(c.options.After, p.root.trip) + 1
	if c.delayed {
		c.trip = max(c.trip, t.trip+1)
	}
	t.sent[c.id] = c
	t.bytes += c.size
	if !p.greeted {
		for _, a := range []*ahead{&t.ahead, &p.root.link.ahead} {
			a.calls++
			a.bytes += c.size
		}
	}
	p.feedLocked(c)
	frame := wire.Frame{Kind: wire.KindCall, Peer: p.id, Call: c.id, Payload: c.payload}
	c.payload = nil
	_ = p.root.link.Send(frame) // if it fails, the link's end tells everybody
	if more := c.options.Window - wire.Window; more > 0 {
		p.tellLocked(wire.KindCredit, c.id, wire.StreamOutput, wire.Credit{N: uint32(more)}) //nolint:gosec // at most wire.MaxWindow
	}
}

// forgetLocked makes room for another call.
func (p *Peer) forgetLocked(c *Pending) {
	delete(p.calls.sent, c.id)
	p.calls.bytes -= c.size
	p.calls.trip = max(p.calls.trip, c.trip)
	p.pumpLocked()
}

// failLocked ends all calls with the reason for which their peer is gone.
func (t *calls) failLocked(why *LostError) {
	for _, c := range t.queue {
		c.finishLocked(Reply{}, why.unreached())
	}
	for _, c := range t.sent {
		c.finishLocked(Reply{}, why)
	}
	t.queue, t.sent = nil, nil
}

func (e *LostError) unreached() *LostError {
	u := *e
	u.Unreached = true
	return &u
}

// finishLocked makes the end of a call known, after its output.
func (c *Pending) finishLocked(reply Reply, err error) {
	if c.over {
		return
	}
	c.over, c.reply, c.err = true, reply, err
	c.payload = nil
	if c.hold != nil {
		c.hold.leaveLocked(c)
	}
	if c.stop != nil {
		c.stop(errClosed())
	}
	if c.noInput != nil && c.reply.Problem != nil {
		c.reply.Problem = c.noInput
	}
	if c.live != nil {
		c.live.finish()
		return
	}
	close(c.done)
}

// resultLocked takes a call's result.
func (c *Pending) resultLocked(result wire.Result) {
	if c.credit != nil {
		c.trip += c.credit.Waits()
		if c.options.Answers {
			c.trip++
		}
	}
	if c.hold != nil && c.arrived { // who asks for nothing does not wait for it
		c.trip += c.hold.waits() - c.waited
	}
	if !c.over {
		c.peer.b.stats.Trips = max(c.peer.b.stats.Trips, c.trip)
	}
	if p := result.Problem; p != nil && p.Code == wire.CodeLocked {
		c.finishLocked(Reply{}, lostAt(c.peer.hop, p, true))
	} else {
		c.finishLocked(Reply{Result: result, Trip: c.trip}, nil)
	}
	c.peer.forgetLocked(c)
}

// creditLocked takes credit for the call's input; the first has it opened. Credit of nothing says that all of it has arrived.
func (c *Pending) creditLocked(m wire.Credit) error {
	if c.options.Input == nil {
		return violation("a call without input was granted some")
	}
	if m.From < 0 || m.From > 0 && c.hold == nil {
		return violation("input of a call was asked for from byte %d on", m.From)
	}
	if m.N == 0 {
		if fed := c.hold != nil && c.credit == nil; !fed && !c.allSent {
			return violation("input of a call has come that was not sent")
		}
		c.arrived = true
		return nil
	}
	if c.credit == nil {
		c.from = m.From
		c.credit = wire.NewSendWindow(0)
		var ctx context.Context
		ctx, c.stop = context.WithCancelCause(c.peer.b.ctx)
		c.peer.b.wg.Go(func() { c.feed(ctx) })
	}
	return c.credit.Grant(m.N)
}

// feed sends the call's input.
func (c *Pending) feed(ctx context.Context) {
	err := c.feedFrom(ctx)
	if err == nil || ctx.Err() != nil {
		return
	}
	b := c.peer.b
	b.mu.Lock()
	c.noInput = inputProblem(err)
	b.mu.Unlock()
	c.Cancel(true)
}

// inputProblem says why there is no input.
func inputProblem(err error) *wire.Problem {
	p := &wire.Problem{Code: wire.CodeArguments, Message: "cannot read the input: " + plain.Reading(err).Error()}
	if failed, is := errors.AsType[*url.Error](err); is {
		p.Message = "cannot fetch " + failed.URL + ": " + failed.Err.Error()
		p.Hint = "The controller fetches this for the target, and does not get it: check the address, and the controller's network and proxy."
	}
	return p
}

func (c *Pending) feedFrom(ctx context.Context) error {
	in, err := c.options.Input()
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = in.Close() })() // wakes Read
	defer in.Close()
	if err := skip(in, c.from); err != nil {
		return err
	}
	if c.options.Progress != nil {
		in = &counted{ReadCloser: in, tell: c.options.Progress, bytes: c.from}
	}
	sent := uint64(c.from) //nolint:gosec // it is not negative
	emit := func(chunk []byte) error {
		f := wire.Frame{Kind: wire.KindData, Stream: wire.StreamInput, Peer: c.peer.id, Call: c.id, Payload: chunk}
		link, piece := c.way(sent)
		if piece {
			f.Kind, f.Offset = wire.KindPiece, sent
		}
		sent += uint64(len(chunk))
		return link.SendWait(ctx, f)
	}
	for {
		buf := make([]byte, wire.FullFrame-wire.HeaderSize-wire.OffsetSize) // the link keeps it
		n, err := in.Read(buf)
		if sendErr := c.credit.Send(ctx, buf[:n], emit); sendErr != nil {
			return nil // the call is over, or the link is: that is told elsewhere
		}
		if errors.Is(err, io.EOF) {
			c.peer.b.mu.Lock()
			c.allSent = true
			c.peer.b.mu.Unlock()
			_ = emit(nil) // the same
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// skip passes the first bytes of an input by, without reading them where that can be.
func skip(in io.Reader, first int64) error {
	if s, ok := in.(io.Seeker); ok {
		if _, err := s.Seek(first, io.SeekCurrent); err == nil {
			return nil
		}
	}
	if _, err := io.CopyN(io.Discard, in, first); !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}
