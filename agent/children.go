package agent

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"runner/agent/child"
	"runner/agent/wire"
)

const (
	maxPeers = 4096     // behind one agent
	maxHeld  = 64 << 20 // bytes of frames for all children that are being started
	// parting is how long a child that was told to end may take.
	parting = 5 * time.Second
)

// children are the peers behind this one. A peer is reached through the child in whose name it was opened.
type children struct {
	agent *Agent
	wg    sync.WaitGroup

	mu     sync.Mutex // guards what follows, and the states of children
	routes map[wire.PeerID]route
	held   int // bytes of frames held
	closed bool
}

// route is how a peer behind this one is reached.
type route struct {
	child  *offspring
	parent wire.PeerID // of the peer
}

// offspring is one child, from its open to its loss.
type offspring struct {
	id     wire.PeerID
	cancel context.CancelCauseFunc // ends its start, or its life

	// children.mu guards what follows.
	link    *wire.Link // nil while it is being started
	waiting []wire.Frame
	load    map[wire.PeerID]int // bytes waiting for each peer
	ending  *time.Timer         // it was told to end
}

func newChildren(a *Agent) *children {
	return &children{agent: a, routes: map[wire.PeerID]route{}}
}

// open begins to start a child. Frames for it, and for those behind it, may follow at once.
func (t *children) open(f wire.Frame) {
	id := wire.PeerID(f.Call)
	open := &wire.Open{}
	if err := wire.Unmarshal(f.Payload, open); err != nil {
		t.agent.refuse(f, wire.CodeProtocol, err.Error())
		return
	}
	clear(f.Payload) // it may hold secrets; nobody else needs it
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case id == 0 || id == t.agent.id || t.known(id):
		t.agent.fail(&wire.Problem{Code: wire.CodeProtocol, Message: "a child with the id of another peer"})
		return
	case t.closed:
		return
	case len(t.routes) >= maxPeers:
		t.agent.refuse(f, wire.CodeFull, "too many peers")
		return
	}
	ctx, cancel := context.WithCancelCause(t.agent.ctx)
	o := &offspring{id: id, cancel: cancel, load: map[wire.PeerID]int{}}
	t.routes[id] = route{o, f.Peer}
	t.wg.Go(func() { t.live(ctx, o, open) })
}

// live starts a child, serves its link, and tells of its loss.
func (t *children) live(ctx context.Context, o *offspring, open *wire.Open) {
	defer o.cancel(nil)
	c, err := t.agent.parent().Start(ctx, open)
	if err != nil {
		t.lose(o, problemOf(err), false)
		return
	}
	var link *wire.Link
	link = wire.NewLink(stream{c}, wire.LinkConfig{TooLarge: func(e *wire.TooLargeError) {
		if err := t.relayLarge(o, e); err != nil {
			_ = link.Fail(problemOf(err))
		}
	}})
	stop := context.AfterFunc(ctx, func() { _ = link.Fail(problemOf(context.Cause(ctx))) })
	t.release(o, link)
	err = link.Run(func(f wire.Frame) {
		if err := t.relay(o, f); err != nil {
			_ = link.Fail(problemOf(err))
		}
	})
	stop()
	_ = link.Close()                           // the reason is Run's
	t.lose(o, c.Explain(problemOf(err)), true) // before its end, which may take longer than anybody should wait for the news
	_ = c.Close()
}

// stream is a child whose end is still to be seen to when its link has ended.
type stream struct{ *child.Child }

// Close lets the child know, and wakes who reads and writes.
func (s stream) Close() error {
	s.Abandon()
	return nil
}

// release sends what was held for a child that has come up, and from then on everything, in order.
func (t *children) release(o *offspring, link *wire.Link) {
	t.mu.Lock()
	defer t.mu.Unlock()
	o.link = link
	for _, f := range o.waiting {
		t.held -= len(f.Payload)
		_ = link.Send(f) // if it fails, Run tells why
	}
	o.waiting, o.load = nil, nil
}

// lose tells the controller that a child is gone, and forgets it and all that lie behind it.
func (t *children) lose(o *offspring, why *wire.Problem, ready bool) {
	t.mu.Lock()
	t.forgetLocked(o.id)
	for _, f := range o.waiting {
		t.held -= len(f.Payload)
	}
	o.waiting = nil
	if o.ending != nil {
		o.ending.Stop()
	}
	t.mu.Unlock()
	t.agent.send(wire.KindLost, o.id, 0, wire.Lost{Problem: *why, Ready: ready})
}

// known says whether an id is taken.
func (t *children) known(id wire.PeerID) bool {
	_, ok := t.routes[id]
	return ok
}

// has says whether a peer is reached through a child.
func (t *children) has(id wire.PeerID) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.known(id)
}

// through returns the link through which a peer is reached; nil if there is none.
func (t *children) through(id wire.PeerID) *wire.Link {
	t.mu.Lock()
	defer t.mu.Unlock()
	if o := t.routes[id].child; o != nil {
		return o.link
	}
	return nil
}

// forgetLocked forgets a peer and all that lie behind it.
func (t *children) forgetLocked(id wire.PeerID) {
	delete(t.routes, id)
	t.agent.feeds.dropPeer(id)
	for behind, r := range t.routes {
		if r.parent == id {
			t.forgetLocked(behind)
		}
	}
}

// pass passes a frame on to the child through which its addressee is reached.
func (t *children) pass(f wire.Frame) {
	t.mu.Lock()
	defer t.mu.Unlock()
	o := t.routes[f.Peer].child
	if o == nil {
		if f.Kind == wire.KindCall || f.Kind == wire.KindOpen { // its loss is on its way up, or it was never opened
			t.agent.refuse(f, wire.CodeLost, "there is no such peer")
		}
		return
	}
	if f.Kind == wire.KindOpen {
		if refused := t.grantLocked(f, o); refused {
			return
		}
	}
	closing := f.Kind == wire.KindClose && f.Peer == o.id
	switch {
	case o.link != nil:
		_ = o.link.Send(f) // if it fails, Run tells why
	case closing:
		o.cancel(&wire.Problem{Code: wire.CodeClosed, Message: "the controller asked for it"})
	default:
		t.holdLocked(o, f)
	}
	if closing && o.ending == nil {
		o.ending = time.AfterFunc(parting, func() {
			o.cancel(&wire.Problem{Code: wire.CodeClosed, Message: "it did not end when it was told to"})
		})
	}
}

// grantLocked notes through whom a new peer further down will be reached.
func (t *children) grantLocked(f wire.Frame, through *offspring) (refused bool) {
	id := wire.PeerID(f.Call)
	switch {
	case id == 0 || id == t.agent.id || t.known(id):
		t.agent.fail(&wire.Problem{Code: wire.CodeProtocol, Message: "a child with the id of another peer"})
		return true
	case len(t.routes) >= maxPeers:
		t.agent.refuse(f, wire.CodeFull, "too many peers")
		return true
	}
	t.routes[id] = route{through, f.Peer}
	return false
}

// holdLocked keeps a frame for a child that is being started.
func (t *children) holdLocked(o *offspring, f wire.Frame) {
	size := len(f.Payload)
	if o.load[f.Peer]+size > wire.MaxPending+wire.MaxPayload || t.held+size > maxHeld || len(o.waiting) >= 2*wire.MaxCalls {
		t.agent.refuse(f, wire.CodeFull, "too much waits for a peer that is being started")
		if f.Kind == wire.KindOpen {
			delete(t.routes, wire.PeerID(f.Call))
		}
		return
	}
	o.waiting = append(o.waiting, f)
	o.load[f.Peer] += size
	t.held += size
}

// relay passes a frame from a child up, if its author is the child or lies behind it. The error is a violation.
func (t *children) relay(o *offspring, f wire.Frame) error {
	if f.Peer == 0 {
		f.Peer = o.id
	}
	t.mu.Lock()
	known := t.routes[f.Peer].child == o
	t.mu.Unlock()
	if !known {
		return &wire.Problem{Code: wire.CodeProtocol, Message: fmt.Sprintf("a frame in the name of peer %d, which is not behind it", f.Peer)}
	}
	switch f.Kind {
	case wire.KindHello, wire.KindStarted, wire.KindData:
	case wire.KindCredit:
		var m wire.Credit
		if f.Stream == wire.StreamInput && wire.Unmarshal(f.Payload, &m) == nil && t.agent.feeds.take(f.Peer, f.Call, m.N) {
			return nil
		}
	case wire.KindResult:
		t.agent.feeds.drop(f.Peer, f.Call)
	case wire.KindRefused:
		var m wire.Refused
		if wire.Unmarshal(f.Payload, &m) == nil && m.Kind == wire.KindCall {
			t.agent.feeds.drop(f.Peer, f.Call)
		}
	case wire.KindLost:
		if f.Peer == o.id {
			return &wire.Problem{Code: wire.CodeProtocol, Message: "it told of its own loss"}
		}
		t.mu.Lock()
		t.forgetLocked(f.Peer)
		t.mu.Unlock()
	case wire.KindOpen, wire.KindClose, wire.KindCall, wire.KindCancel, wire.KindPiece, wire.KindFeed:
		return &wire.Problem{Code: wire.CodeProtocol, Message: fmt.Sprintf("a frame of kind %d from below", f.Kind)}
	default:
		why := wire.Problem{Code: wire.CodeUnsupported, Message: "a frame of an unknown kind"}
		answer, err := wire.Message(wire.KindRefused, f.Peer, f.Call, wire.Refused{Kind: f.Kind, Problem: why})
		if err == nil {
			err = o.link.Send(answer)
		}
		return err
	}
	// Waiting here stops reading from this child, until the link to the parent has room.
	err := t.agent.link.SendWait(t.agent.ctx, f)
	if _, large := errors.AsType[*wire.TooLargeError](err); large {
		return err
	}
	return nil // or the parent is gone, which ends everything
}

// relayLarge ends the call whose result was over its limit, and has not been kept. The error is a violation: nothing
// else that large makes sense.
func (t *children) relayLarge(o *offspring, e *wire.TooLargeError) error {
	if e.Frame.Kind != wire.KindResult {
		return e.Problem()
	}
	result, err := wire.Message(wire.KindResult, e.Frame.Peer, e.Frame.Call, wire.Result{Problem: e.Problem()})
	if err != nil {
		return err
	}
	return t.relay(o, result)
}

// close ends all children and waits for that.
func (t *children) close() {
	t.mu.Lock()
	t.closed = true
	var all []*offspring
	for id, r := range t.routes {
		if id == r.child.id {
			all = append(all, r.child)
		}
	}
	t.mu.Unlock()
	for _, o := range all {
		o.cancel(&wire.Problem{Code: wire.CodeClosed, Message: "its parent ends"})
	}
	t.wg.Wait()
}

func problemOf(err error) *wire.Problem {
	if p, ok := errors.AsType[*wire.Problem](err); ok {
		return p
	}
	return &wire.Problem{Code: wire.CodeEnded, Message: err.Error()}
}
