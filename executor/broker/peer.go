package broker

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"runner/agent/wire"
)

// Ready is what is known about a peer that has said hello.
type Ready struct {
	Hello wire.Hello
	Trip  int // the length of the chain of request and wait that the hello ended
}

// LostError says that a peer could not be reached, or was lost.
type LostError struct {
	Connection int    // the hop that failed, which may be one before the peer's own
	Title      string // of that hop
	Problem    wire.Problem
	Unreached  bool // the call was certainly never started; otherwise nobody knows what it did
}

func (e *LostError) Error() string { return e.Title + ": " + e.Problem.Message }

// Unwrap returns the problem as a *wire.Problem.
func (e *LostError) Unwrap() error { return &e.Problem }

// Peer is an agent at the end of a hop, or what will become one. It is safe for concurrent use.
type Peer struct {
	b      *Broker
	hop    *hop
	id     wire.PeerID
	nonce  string
	parent *Peer         // whose agent starts it; nil for one with a link of its own
	root   *Peer         // of the peers that share its link, the one the link leads to; itself if parent is nil
	ready  chan struct{} // closed with the hello, or when lost
	over   chan struct{} // closed when lost

	quit context.CancelCauseFunc // of a root: ends its goroutine
	gone chan struct{}           // of a root: closed when that has ended

	// Broker.mu guards what follows.
	link     *route // of a root: as soon as there is one
	sentOpen bool   // frames for it may be sent: its parent has been told to start it
	greeted  bool   // it has said hello
	hello    wire.Hello
	trip     int
	lost     *LostError
	settled  bool // nothing is held for it any more
	closing  bool // somebody asked for its end
	overdue  *time.Timer
	secrets  [][sha256.Size]byte // hashes of those that its Open holds
	children []*Peer
	holds    []*hold // of a root; the one used last at the end
	calls    calls
}

// Over is closed when the peer is lost.
func (p *Peer) Over() <-chan struct{} { return p.over }

// Ready waits until the peer has said hello. It fails with a *LostError, or with the cause of ctx.
func (p *Peer) Ready(ctx context.Context) (Ready, error) {
	select {
	case <-p.ready:
	case <-ctx.Done():
		return Ready{}, context.Cause(ctx)
	}
	p.b.mu.Lock()
	defer p.b.mu.Unlock()
	if p.lost != nil {
		return Ready{}, p.lost.unreached() // who waits has sent nothing
	}
	return Ready{Hello: p.hello, Trip: p.trip}, nil
}

// Hello returns what the peer has said of itself, also when it was lost since. It is false while nothing was said.
func (p *Peer) Hello() (wire.Hello, bool) {
	p.b.mu.Lock()
	defer p.b.mu.Unlock()
	return p.hello, p.hello.Nonce != "" // not one that was refused
}

// peerLocked returns a hop's peer and begins to open it.
func (b *Broker) peerLocked(h *hop) *Peer {
	if h.peer != nil {
		return h.peer
	}
	b.lastPeer++
	p := &Peer{b: b, hop: h, id: b.lastPeer, nonce: nonce(), ready: make(chan struct{}), over: make(chan struct{})}
	p.calls.sent = map[wire.CallID]*Pending{}
	p.root = p
	h.peer = p
	if b.closing || h.closing {
		p.loseLocked(lostAt(h, errClosed(), true))
		return p
	}
	if h.ssh || h.parent == nil {
		p.gone = make(chan struct{})
		var ctx context.Context
		ctx, p.quit = context.WithCancelCause(b.ctx)
		b.wg.Go(func() { p.live(ctx) })
		return p
	}
	p.parent = b.peerLocked(h.parent)
	p.root = p.parent.root
	p.parent.children = append(p.parent.children, p)
	switch {
	case p.parent.lost != nil:
		p.loseLocked(p.parent.lost)
	case p.parent.canSendLocked():
		p.openLocked()
	}
	return p
}

// nonce returns 128 random bits, in hex.
func nonce() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	return hex.EncodeToString(b[:])
}

// beginLocked tells that a hop is being opened.
func (b *Broker) beginLocked(h *hop) {
	if h.began.IsZero() {
		h.began = time.Now()
		b.events.put(Event{Connection: h.index, Status: Opening})
	}
}

// openedLocked tells that a hop is open.
func (b *Broker) openedLocked(h *hop) {
	if !h.opened {
		h.opened = true
		b.stats.Connections++
		b.events.put(Event{Connection: h.index, Status: Opened, Seconds: time.Since(h.began).Seconds()})
	}
}

// endedLocked tells that a hop failed or was closed.
func (b *Broker) endedLocked(h *hop, why *LostError) {
	e := Event{Connection: h.index, Status: Failed, Err: why}
	if !h.began.IsZero() {
		e.Seconds = time.Since(h.began).Seconds()
	}
	if h.opened || h.proven { // one that was open before is not told of as if it had never been
		e.Status = Closed
	}
	if why.Problem.Code == wire.CodeClosed {
		if h.began.IsZero() {
			return
		}
		e.Status, e.Err = Closed, nil
	}
	b.events.put(e)
}

// openLocked has the parent start a child, and sends everything that waits for it and for those behind it: what the
// child is not ready for yet, its parent holds.
func (p *Peer) openLocked() {
	p.b.beginLocked(p.hop)
	frame, err := p.openFrame()
	if err == nil {
		p.root.link.peers[p.id] = p
		err = p.root.link.Send(frame)
	}
	if err != nil {
		p.loseLocked(lostAt(p.hop, problemOf(err), true))
		return
	}
	p.sentOpen = true
	p.trip = p.root.trip + 1
	if p.parent.greeted {
		p.expectLocked()
	}
	p.pumpLocked()
	for _, child := range p.children {
		child.openLocked()
	}
}

func (p *Peer) openFrame() (wire.Frame, error) {
	open, err := p.open()
	if err != nil {
		return wire.Frame{}, err
	}
	return wire.Message(wire.KindOpen, p.parent.id, wire.CallID(p.id), open)
}

// open is what whoever starts the peer needs. It fails where that would hand out a secret that was refused before.
// Broker.mu is held.
func (p *Peer) open() (wire.Open, error) {
	open, secrets, err := p.b.openOf(p.hop, p.nonce)
	p.secrets = append(p.secrets, secrets...)
	return open, err
}

func refusedBefore(hop string) *wire.Problem {
	return &wire.Problem{
		Code: wire.CodePassword, Message: fmt.Sprintf("not tried: %s has refused the same password", hop),
		Hint: "Correct the password; it is given to no further hop.",
	}
}

// overdueGrace is what a parent has, beyond a hop's timeout, to report by itself that the hop took too long.
const overdueGrace = 5 * time.Second

// expectLocked gives a child up when nobody else does.
func (p *Peer) expectLocked() {
	if p.hop.plan.Timeout <= 0 || p.greeted || p.lost != nil || !p.sentOpen || p.overdue != nil {
		return
	}
	p.overdue = time.AfterFunc(p.hop.plan.Timeout+overdueGrace, func() {
		p.b.mu.Lock()
		defer p.b.mu.Unlock()
		if !p.greeted && p.lost == nil {
			p.closeLocked()
			p.loseLocked(lostAt(p.hop, timeoutProblem(p.hop.plan.Timeout), true))
		}
	})
}

func timeoutProblem(limit time.Duration) *wire.Problem {
	return &wire.Problem{Code: wire.CodeTimeout, Message: fmt.Sprintf("no answer within %v", limit)}
}

// greetLocked takes a peer's hello.
func (p *Peer) greetLocked(hello wire.Hello) *wire.Problem {
	switch {
	case p.greeted:
		return violation("a second hello from %s", p.hop.plan.Title)
	case p.parent != nil && !p.sentOpen, p.parent != nil && !p.parent.greeted:
		return violation("a hello from %s, which was not started", p.hop.plan.Title)
	case hello.Nonce != p.nonce:
		return violation("a hello with the nonce of another peer")
	}
	p.greeted = true
	p.settleLocked()
	p.secrets = nil
	p.stopOverdueLocked()
	if problem := p.b.checkVersion(hello); problem != nil {
		p.closeLocked()
		p.loseLocked(lostAt(p.hop, problem, false))
		return nil
	}
	p.hello = hello
	close(p.ready)
	p.b.openedLocked(p.hop)
	p.b.stats.Trips = max(p.b.stats.Trips, p.trip)
	for _, child := range p.children {
		if p.parent == nil {
			child.openLocked()
		}
		child.expectLocked()
	}
	p.pumpLocked()
	return nil
}

// checkVersion makes sure that the agent is the one that this controller was built with.
func (b *Broker) checkVersion(h wire.Hello) *wire.Problem {
	if h.Capability == wire.Capability && b.agents.known(h.OS, h.Arch, h.Hash) {
		return nil
	}
	return &wire.Problem{
		Code: wire.CodeVersion,
		Message: fmt.Sprintf("the agent is of version %s (protocol %d, %s/%s, %.12s), this runner of version %s (protocol %d)",
			h.Version, h.Capability, h.OS, h.Arch, h.Hash, b.cfg.Version, wire.Capability),
		Hint: "Remove the agent that was cached there, and run it again.",
	}
}

// loseLocked ends a peer and everything behind it, and wakes everybody who waits for either.
func (p *Peer) loseLocked(why *LostError) {
	if p.lost != nil {
		return
	}
	p.lost = why
	p.stopOverdueLocked()
	if why.Problem.Code == wire.CodePassword && why.Connection == p.hop.index {
		for _, secret := range p.secrets {
			p.b.refuseLocked(secret, p.hop)
		}
	}
	p.secrets = nil
	if !isClosed(p.ready) { // it had not said hello
		close(p.ready)
	}
	close(p.over)
	p.calls.failLocked(why)
	p.settleLocked()
	p.b.endedLocked(p.hop, why)
	for _, child := range p.children {
		child.loseLocked(why)
	}
}

// closeLocked asks a peer, and with it everything behind it, to end. What tells that it has, is its loss.
func (p *Peer) closeLocked() {
	if p.closing || p.lost != nil {
		return
	}
	p.closing = true
	switch {
	case p.root.link != nil && p.canSendLocked():
		p.tellLocked(wire.KindClose, 0, 0, nil)
	case p.parent == nil:
		p.quit(errClosed())
	default:
		p.loseLocked(lostAt(p.hop, errClosed(), true)) // it was not begun
	}
}

// busyLocked says whether the peer is still being started, has others behind it, or calls that have not ended.
func (p *Peer) busyLocked() bool {
	sent := len(p.calls.sent)
	for _, h := range p.holds {
		if !h.call.over {
			sent-- // it has nothing to finish
		}
	}
	return p.lost == nil && (!p.greeted || len(p.children)+len(p.calls.queue)+sent > 0)
}

// stop ends what a root runs, and waits for it.
func (p *Peer) stop() {
	if p.gone != nil {
		p.quit(errClosed())
		<-p.gone
	}
}

// refuseLocked remembers that a hop refused a secret. One that has taken it before may refuse it for other reasons: it is
// just going down, or not up yet.
func (b *Broker) refuseLocked(secret [sha256.Size]byte, h *hop) {
	if b.refused[secret] == "" && !h.proven {
		b.refused[secret] = h.plan.Title
	}
}

func (p *Peer) stopOverdueLocked() {
	if p.overdue != nil {
		p.overdue.Stop()
	}
}

// lostAt blames a hop.
func lostAt(h *hop, why *wire.Problem, unreached bool) *LostError {
	e := &LostError{Connection: h.index, Title: h.plan.Title, Problem: *why, Unreached: unreached}
	e.Problem.Message = strings.TrimPrefix(e.Problem.Message, e.Title+": ") // some name their hop themselves
	for _, text := range []*string{&e.Problem.Message, &e.Problem.Hint, &e.Problem.Quote} {
		for _, secret := range h.plan.Secrets {
			if secret != "" {
				*text = strings.ReplaceAll(*text, secret, "(sensitive)")
			}
		}
	}
	return e
}

// problemOf finds the problem in an error.
func problemOf(err error) *wire.Problem {
	var p *wire.Problem
	var has interface{ Problem() wire.Problem }
	var large *wire.TooLargeError
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &large):
		return large.Problem()
	case errors.As(err, &has):
		problem := has.Problem()
		return &problem
	}
	return &wire.Problem{Code: wire.CodeStart, Message: err.Error()}
}

func violation(format string, args ...any) *wire.Problem {
	return &wire.Problem{Code: wire.CodeProtocol, Message: fmt.Sprintf(format, args...)}
}
