package agent

import (
	"context"
	"math"
	"sync"

	"runner/agent/wire"
)

// feeds are the calls, of this peer and of those behind it, whose input a hold gives. The credit that comes up for them
// stays here, and is answered at each one's own pace: who does not read stalls nobody else.
type feeds struct {
	agent *Agent
	wg    sync.WaitGroup

	mu  sync.Mutex // guards what follows
	all map[feedID]*feed
}

type feedID struct {
	peer wire.PeerID // 0: this one
	call wire.CallID
}

// feed is the input of one call, until it has been sent or its call is over.
type feed struct {
	feedID
	from   *hold
	credit *wire.SendWindow
	ctx    context.Context //nolint:containedctx // ends when nobody waits for it any more
	cancel context.CancelFunc
	begun  bool // guarded by feeds.mu
}

func newFeeds(a *Agent) *feeds { return &feeds{agent: a, all: map[feedID]*feed{}} }

// bind notes what a call's input comes from. Where that cannot be, the credit for it goes up to the controller, which
// sends it then.
func (t *feeds) bind(f wire.Frame) {
	var m wire.Feed
	if err := wire.Unmarshal(f.Payload, &m); err != nil {
		t.agent.refuse(f, wire.CodeProtocol, err.Error())
		return
	}
	id, from := feedID{m.Peer, m.Call}, t.agent.calls.holding(f.Call)
	if id.peer == t.agent.id {
		id.peer = 0
	}
	t.mu.Lock()
	if from == nil || t.all[id] != nil || len(t.all) >= wire.MaxCalls {
		t.mu.Unlock()
		return
	}
	e := &feed{feedID: id, from: from, credit: wire.NewSendWindow(0)}
	e.ctx, e.cancel = context.WithCancel(t.agent.ctx)
	t.all[id] = e
	t.mu.Unlock()
	if id.peer != 0 && !t.agent.children.has(id.peer) {
		t.drop(id.peer, id.call)
	}
}

// take takes credit for a call's input, unless that is not fed here.
func (t *feeds) take(peer wire.PeerID, call wire.CallID, n uint32) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.all[feedID{peer, call}]
	switch {
	case e == nil, n == 0:
		return false
	case e.credit.Grant(n) != nil:
		t.giveUpLocked(e, int64(n), 0) // more than anybody may grant: the controller will see that, too
	case !e.begun:
		e.begun = true
		e.from.ask()
		t.wg.Go(func() { t.run(e) })
	}
	return true
}

// run sends a call its input as that comes.
func (t *feeds) run(e *feed) {
	sent, may := int64(0), 0
	for {
		more, whole := e.from.wait(e.ctx, sent)
		if more == 0 && whole {
			_ = t.send(e, nil) // if it fails, nobody waits for it
			return             // it stays known, for the credit that is still on its way
		}
		if may == 0 {
			var err error
			if may, err = e.credit.Take(e.ctx, wire.MaxChunk); err != nil {
				return // dropped
			}
		}
		chunk := make([]byte, min(more, int64(may)))
		if more == 0 || e.from.read(chunk, sent) != nil {
			t.mu.Lock()
			t.giveUpLocked(e, int64(may), sent)
			t.mu.Unlock()
			return
		}
		if t.send(e, chunk) != nil {
			return // its child is lost
		}
		sent += int64(len(chunk))
		may -= len(chunk)
	}
}

// send sends a part of its input to a call. It waits for the link to a child, as long as that is there.
func (t *feeds) send(e *feed, chunk []byte) error {
	f := wire.Frame{Kind: wire.KindData, Stream: wire.StreamInput, Peer: e.peer, Call: e.call, Payload: chunk}
	if e.peer == 0 {
		return t.agent.calls.take(f)
	}
	link := t.agent.children.through(e.peer)
	if link == nil {
		return errCancelled
	}
	return link.SendWait(e.ctx, f)
}

// giveUpLocked leaves the rest of an input to the controller: it gets the credit that is left, and all that follows.
func (t *feeds) giveUpLocked(e *feed, credit, from int64) {
	if t.all[e.feedID] != e {
		return
	}
	t.dropLocked(e)
	credit = min(credit+int64(e.credit.Rest()), math.MaxUint32)
	t.agent.send(wire.KindCredit, e.peer, e.call, wire.Credit{N: uint32(credit), From: from}) //nolint:gosec // bounded above
}

// drop forgets a call that is over.
func (t *feeds) drop(peer wire.PeerID, call wire.CallID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.all[feedID{peer, call}]; e != nil {
		t.dropLocked(e)
	}
}

// dropPeer forgets all calls of a peer that is lost.
func (t *feeds) dropPeer(peer wire.PeerID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, e := range t.all {
		if id.peer == peer {
			t.dropLocked(e)
		}
	}
}

func (t *feeds) dropLocked(e *feed) {
	e.cancel()
	delete(t.all, e.feedID)
}
