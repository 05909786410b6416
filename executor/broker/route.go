package broker

import (
	"runner/agent/wire"
)

// route is the link to a root, and who may speak on it.
type route struct {
	*wire.Link
	root  *Peer
	ahead ahead                 // Broker.mu guards it
	sides sides                 // Broker.mu guards it
	peers map[wire.PeerID]*Peer // granted on it, also those that are gone: what they said last may still come. Broker.mu guards it.
}

// handle takes a frame from below. A frame that must not be ends who sent it, for that is not our agent: the link, where
// it is the root's or nobody's that is known, else only the peer that it names, and what is behind that. Agents let
// nobody speak in another's name.
func (r *route) handle(f wire.Frame) {
	if problem := r.take(f); problem != nil {
		_ = r.Fail(problem)
	}
}

// message decodes what kinds of frames that come from below hold, outside of any lock.
func message(f wire.Frame) (any, *wire.Problem) {
	var m any
	switch f.Kind {
	case wire.KindHello:
		m = &wire.Hello{}
	case wire.KindLost:
		m = &wire.Lost{}
	case wire.KindStarted:
		m = &wire.Started{}
	case wire.KindCredit:
		m = &wire.Credit{}
	case wire.KindResult:
		m = &wire.Result{}
	case wire.KindRefused:
		m = &wire.Refused{}
	default:
		return nil, nil
	}
	if err := wire.Unmarshal(f.Payload, m); err != nil {
		return nil, problemOf(err)
	}
	return m, nil
}

// take returns a problem that ends the link.
func (r *route) take(f wire.Frame) *wire.Problem {
	m, problem := message(f)
	b := r.root.b
	b.mu.Lock()
	defer b.mu.Unlock()
	p := r.root
	if f.Peer != 0 {
		p = r.peers[f.Peer]
	}
	if p == nil {
		return violation("a frame from peer %d, which is not behind this link", f.Peer)
	}
	if p.lost != nil {
		return nil
	}
	if problem == nil {
		problem = p.takeLocked(f, m)
	}
	author := p
	if f.Kind == wire.KindLost && p.parent != nil {
		author = p.parent
	}
	if problem == nil || author == r.root {
		return problem
	}
	author.expelLocked(problem)
	return nil
}

// expelLocked ends a peer behind a root that does what it must not.
func (p *Peer) expelLocked(problem *wire.Problem) {
	if p.closing {
		problem = errClosed()
	}
	p.closeLocked()
	p.loseLocked(lostAt(p.hop, problem, false))
}

func (p *Peer) takeLocked(f wire.Frame, m any) *wire.Problem {
	switch m := m.(type) {
	case *wire.Hello:
		return p.greetLocked(*m)
	case *wire.Lost:
		return p.lostLocked(m)
	case *wire.Refused:
		p.refusedLocked(f, m)
		return nil
	}
	switch f.Kind {
	case wire.KindStarted, wire.KindData, wire.KindCredit, wire.KindResult:
		return p.callFrameLocked(f, m)
	case wire.KindOpen, wire.KindClose, wire.KindCall, wire.KindCancel, wire.KindPiece, wire.KindFeed:
		return violation("a frame of kind %d from below", f.Kind)
	default:
		p.tellLocked(wire.KindRefused, f.Call, 0, wire.Refused{Kind: f.Kind, Problem: wire.Problem{
			Code: wire.CodeUnsupported, Message: "a frame of an unknown kind",
		}})
		return nil
	}
}

// lostLocked takes a parent's word that a child is gone.
func (p *Peer) lostLocked(m *wire.Lost) *wire.Problem {
	if p.parent == nil || !p.sentOpen {
		return violation("the loss of %s, which was not started", p.hop.plan.Title)
	}
	why := lostAt(p.hop, &m.Problem, !m.Ready)
	if p.closing {
		why.Problem = *errClosed()
	}
	p.loseLocked(why)
	return nil
}

// refusedLocked takes the answer to a frame that was not taken. Unless it is about a call or a peer that still waits,
// there is nothing to do.
func (p *Peer) refusedLocked(f wire.Frame, m *wire.Refused) {
	if m.Kind == wire.KindOpen {
		if child := p.root.link.peers[wire.PeerID(f.Call)]; child != nil && child.parent == p && !child.greeted {
			child.loseLocked(lostAt(child.hop, &m.Problem, true))
		}
		return
	}
	if c := p.calls.sent[f.Call]; c != nil {
		c.finishLocked(Reply{}, &m.Problem)
		if m.Kind == wire.KindCall {
			p.forgetLocked(c) // it never was one
		}
	}
}

// callFrameLocked takes a frame of a call.
func (p *Peer) callFrameLocked(f wire.Frame, m any) *wire.Problem {
	if !p.greeted {
		return violation("a frame of a call from %s before its hello", p.hop.plan.Title)
	}
	c := p.calls.sent[f.Call]
	if c == nil && f.Kind == wire.KindCredit && f.Call <= p.calls.last {
		return nil // who read the input and who ended the call need not have been the same
	}
	if c == nil {
		return violation("a frame of call %d of %s, which is not under way", f.Call, p.hop.plan.Title)
	}
	result, ended := m.(*wire.Result)
	if started, ok := m.(*wire.Started); ok && started.Waits != "" {
		p.waitsLocked(started.Waits)
		return nil
	}
	if !isClosed(c.started) && (!ended || !result.Started.IsZero()) {
		close(c.started)
	}
	switch m := m.(type) {
	case *wire.Started:
	case *wire.Credit:
		if !c.over {
			if err := c.creditLocked(*m); err != nil {
				return problemOf(err)
			}
		}
	case *wire.Result:
		c.resultLocked(*m)
	default:
		if err := c.dataLocked(f); err != nil {
			return problemOf(err)
		}
	}
	return nil
}

// waitsLocked tells for whom a call waits, unless the one before waited for the same.
func (p *Peer) waitsLocked(holder string) {
	if p.calls.waits != holder {
		p.calls.waits = holder
		p.b.events.put(Event{Connection: p.hop.index, Status: Queued, Err: &wire.Problem{Code: wire.CodeLocked, Message: holder}})
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// dataLocked takes output.
func (c *Pending) dataLocked(f wire.Frame) error {
	if c.over {
		return nil
	}
	if c.live == nil {
		c.live = newLive(c.options.Window)
		c.peer.b.wg.Go(func() {
			defer close(c.done)
			c.live.run(c.options.Live, c.grant)
		})
	}
	return c.live.put(f.Stream, f.Payload, c.options.Live != nil)
}

// grant allows the peer to send more output.
func (c *Pending) grant(stream wire.Stream, n uint32) {
	c.peer.b.mu.Lock()
	defer c.peer.b.mu.Unlock()
	if !c.over {
		c.peer.tellLocked(wire.KindCredit, c.id, stream, wire.Credit{N: n})
	}
}

// tooLarge ends what a frame over its limit belonged to. The link has answered it.
func (r *route) tooLarge(e *wire.TooLargeError) {
	b := r.root.b
	b.mu.Lock()
	defer b.mu.Unlock()
	p := r.root
	if e.Frame.Peer != 0 {
		p = r.peers[e.Frame.Peer]
	}
	switch {
	case p == nil:
	case e.Frame.Kind == wire.KindHello || e.Frame.Kind == wire.KindLost:
		p.closeLocked()
		p.loseLocked(lostAt(p.hop, e.Problem(), false))
	default:
		if c := p.calls.sent[e.Frame.Call]; c != nil {
			c.finishLocked(Reply{}, e.Problem()) // what else comes of it is dropped
		}
	}
}

// room sends on where the link was full.
func (r *route) room() {
	b := r.root.b
	b.mu.Lock()
	defer b.mu.Unlock()
	r.pumpLocked()
}

func (r *route) pumpLocked() {
	for _, p := range r.peers {
		p.pumpLocked()
	}
}
