package broker

import (
	"io"
	"slices"

	"runner/agent/wire"
	"runner/planner/plan"
)

// What nobody needs just now a root keeps for those who may come: so many contents at most, of so many bytes together.
const (
	idleHolds = 8
	idleBytes = 1 << 30
)

// hold is content that a root has been given, or will be once somebody asks, for the calls of several targets.
// Broker.mu guards it.
type hold struct {
	content wire.Hold
	call    *Pending              // of the root
	fed     map[*Pending]struct{} // calls that get it and have not ended
}

// sharedRoots are the connections of roots behind ssh that lead to several targets: what these need alike goes to the root once.
// To a root on this machine it is not far.
func sharedRoots(connections []plan.Connection, ssh func(plan.Connection) bool) map[int]bool {
	targets, shared := map[int]int{}, map[int]bool{}
	for i, c := range connections {
		if !c.Target {
			continue
		}
		root := i
		for connections[root].Parent >= 0 && !ssh(connections[root]) {
			root = connections[root].Parent
		}
		targets[root]++
		shared[root] = targets[root] > 1 && ssh(connections[root])
	}
	return shared
}

// feedLocked has the root feed a call that is about to be sent, where others may need the same content. Until the root asks,
// nothing of it is sent, and if it cannot hold it, it says so by asking for the call itself.
func (p *Peer) feedLocked(c *Pending) {
	content, r := c.options.Content, p.root
	if content == nil || !p.b.shared[r.hop.index] {
		return
	}
	r.holds = slices.DeleteFunc(r.holds, func(h *hold) bool { return h.call.over })
	at := slices.IndexFunc(r.holds, func(h *hold) bool { return h.content == *content })
	if at < 0 {
		at = len(r.holds)
		if !r.holdLocked(c) {
			return
		}
	}
	h := r.holds[at]
	r.holds = append(slices.Delete(r.holds, at, at+1), h) // the last is the one used last
	h.fed[c] = struct{}{}
	c.hold, c.waited = h, h.waits()
	r.tellLocked(wire.KindFeed, h.call.id, 0, wire.Feed{Peer: p.id, Call: c.id})
}

// holdLocked has a root hold what a call reads. It may have no room for another call.
func (p *Peer) holdLocked(c *Pending) bool {
	h := &hold{content: *c.options.Content, fed: map[*Pending]struct{}{}}
	args, err := wire.Marshal(h.content)
	if err != nil {
		return false
	}
	h.call, err = p.newPending(
		wire.Call{Action: wire.ActionHold, Args: args, Mode: wire.ModeApply, Flags: wire.FlagNoLane},
		CallOptions{After: c.options.After, Input: c.options.Input, Size: h.content.Size, Progress: h.progress},
	)
	if err != nil || !p.calls.hasRoom(h.call.size) {
		return false
	}
	p.sendLocked(h.call)
	p.holds = append(p.holds, h)
	return !h.call.over
}

// spareLocked ends what is too much among the idle holds of a root: those that were used least recently.
func (p *Peer) spareLocked() {
	n, size := 0, int64(0)
	for _, h := range slices.Backward(p.holds) {
		if len(h.fed) > 0 || h.call.over {
			continue
		}
		if n == idleHolds || size+h.content.Size > idleBytes {
			h.endLocked()
			continue
		}
		n++
		size += h.content.Size
	}
}

// endLocked has a root give content up, which may still be on its way.
func (h *hold) endLocked() {
	p := h.call.peer
	p.holds = slices.DeleteFunc(slices.Clone(p.holds), func(other *hold) bool { return other == h })
	if h.call.stop != nil {
		h.call.stop(errClosed())
	}
	p.tellLocked(wire.KindCancel, h.call.id, 0, wire.Cancel{})
}

// leaveLocked takes note of the end of a call that was fed. What nobody waits for any more is not sent to its end.
func (h *hold) leaveLocked(c *Pending) {
	delete(h.fed, c)
	switch {
	case len(h.fed) > 0 || h.call.over:
	case h.call.credit != nil && !h.call.allSent:
		h.endLocked()
	default:
		h.call.peer.spareLocked()
	}
}

// waits is how many round trips sending the content has cost so far.
func (h *hold) waits() int {
	if h.call.credit == nil {
		return 0
	}
	return h.call.credit.Waits()
}

// progress tells those who wait for the content how much of it has been sent.
func (h *hold) progress(bytes int64) {
	b := h.call.peer.b
	b.mu.Lock()
	var tell []func(int64)
	for c := range h.fed {
		if c.options.Progress != nil {
			tell = append(tell, c.options.Progress)
		}
	}
	b.mu.Unlock()
	for _, t := range tell {
		t(bytes)
	}
}

// counted tells how much has been read.
type counted struct {
	io.ReadCloser
	tell  func(bytes int64)
	bytes int64
}

// Read reads and tells.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.bytes += int64(n)
	c.tell(c.bytes)
	return n, err //nolint:wrapcheck // the input's
}
