package broker

import (
	"context"
	"crypto/subtle"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"runner/agent/wire"
)

const (
	// long is how many bytes of an input must be known, or have gone, before it is worth while to send the rest over several
	// channels. To open them costs a few round trips, beside everything else.
	long, gone = 64 << 20, 16 << 20
	// far is a round-trip time. OpenSSH grants a channel 2 MiB a round trip: nearer than this one channel is not what limits.
	far = 5 * time.Millisecond
	// branchInputs is how many inputs may go in pieces at a time behind one child of a root, or to the root itself. Each may have
	// wire.MaxWindow under way: should the child not read for a while, all of that waits for it, and its link bears wire.DefaultQueue.
	branchInputs = 2
	// sideTime is how long it may take to open a side link.
	sideTime = 10 * time.Second
)

// sides are the further links beside a root's, each over a channel of its own of the same ssh connection. They carry pieces of
// inputs, and nothing else. Where there can be none, everything goes over the one link.
type sides struct {
	open  func()       // opens them, once; nil: they would not help, or the root is going
	links []*wire.Link // that are open
	turn  int          // which of those that have as little to send is taken
	split []*Pending   // whose inputs go in pieces; those that have come may be among them
	wg    sync.WaitGroup
}

// prepareSides says how side links are opened, when an input needs them.
func (r *route) prepareSides(ctx context.Context, l *landing) {
	if l.ssh == nil || l.roundTrip < far {
		return
	}
	b := r.root.b
	b.mu.Lock()
	defer b.mu.Unlock()
	r.sides.open = sync.OnceFunc(func() {
		r.sides.wg.Go(func() { r.openSides(ctx, l.ssh) })
	})
}

// endSides waits for the side links, whose context has ended.
func (r *route) endSides() {
	b := r.root.b
	b.mu.Lock()
	r.sides.open = nil
	b.mu.Unlock()
	r.sides.wg.Wait()
}

// openSides has the root listen, and connects through the ssh server.
func (r *route) openSides(ctx context.Context, ssh SSHClient) {
	reply, err := r.root.Call(wire.Call{Action: wire.ActionWiden, Mode: wire.ModeApply, Flags: wire.FlagNoLane}, CallOptions{}).Wait(ctx)
	if err != nil || reply.Problem != nil {
		return
	}
	var at wire.Widened
	if wire.Unmarshal(reply.Values, &at) != nil || len(at.Key) != wire.WidenKeySize {
		return
	}
	address, err := netip.ParseAddrPort(at.Address)
	if err != nil || !address.Addr().IsLoopback() {
		return
	}
	for range wire.MaxSides {
		r.sides.wg.Go(func() {
			if conn, err := dialSide(ctx, ssh, at); err == nil {
				r.serveSide(ctx, conn)
			}
		})
	}
}

// dialSide connects to where the root listens. Both sides say what only they know: the port may be somebody else's by now.
func dialSide(ctx context.Context, ssh SSHClient, at wire.Widened) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, sideTime)
	defer cancel()
	conn, err := ssh.Dial(ctx, "tcp", at.Address)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	half := len(at.Key) / 2
	answer := make([]byte, half)
	_, err = conn.Write(at.Key[:half])
	if err == nil {
		_, err = io.ReadFull(conn, answer)
	}
	switch {
	case !stop():
		err = context.Cause(ctx)
	case err == nil && subtle.ConstantTimeCompare(answer, at.Key[half:]) == 0:
		err = errors.New("another program listens there")
	}
	if err != nil {
		_ = conn.Close()
	}
	return conn, err
}

// serveSide lets inputs go over a further link until that ends.
func (r *route) serveSide(ctx context.Context, conn net.Conn) {
	b := r.root.b
	link := wire.NewLink(conn, wire.LinkConfig{})
	stop := context.AfterFunc(ctx, func() { _ = link.Fail(problemOf(context.Cause(ctx))) })
	b.mu.Lock()
	r.sides.links = append(r.sides.links, link)
	b.mu.Unlock()
	why := link.Run(func(f wire.Frame) { _ = link.Fail(violation("a frame of kind %d on a side link", f.Kind)) })
	stop()
	_ = link.Close() // the reason is Run's
	r.loseSide(ctx, link, why)
}

// loseSide gives the whole link up, if pieces may have been on their way: who waits for them would wait for ever.
func (r *route) loseSide(ctx context.Context, link *wire.Link, why error) {
	b := r.root.b
	b.mu.Lock()
	for i, l := range r.sides.links {
		if l == link {
			r.sides.links = append(r.sides.links[:i:i], r.sides.links[i+1:]...)
			break
		}
	}
	cut := slices.Clone(r.sides.onTheirWayLocked())
	b.mu.Unlock()
	if len(cut) == 0 {
		return
	}
	last := time.NewTimer(lastWords) // what has ended the side link ends the other one too, as a rule, and tells more there
	defer last.Stop()
	select {
	case <-last.C:
	case <-r.Done():
		return
	case <-ctx.Done(): // so the link ends, and for that reason
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range cut {
		if !c.hasInputLocked() {
			_ = r.Fail(&wire.Problem{Code: wire.CodeEnded, Message: "a channel that carried parts of a long input broke: " + why.Error()})
			return
		}
	}
}

// onTheirWayLocked returns the calls of whose inputs pieces may be on their way.
func (s *sides) onTheirWayLocked() []*Pending {
	s.split = slices.DeleteFunc(s.split, (*Pending).hasInputLocked)
	return s.split
}

// hasInputLocked says whether the call's input has arrived, or is of no use any more.
func (c *Pending) hasInputLocked() bool { return c.arrived || c.over }

// splitLocked has a call's input go in pieces from now on, if it may.
func (s *sides) splitLocked(c *Pending) bool {
	n := 0
	for _, other := range s.onTheirWayLocked() {
		if other.peer.branch() == c.peer.branch() {
			n++
		}
	}
	if n == branchInputs {
		return false
	}
	c.inPieces = true
	s.split = append(s.split, c)
	return true
}

// branch returns the child of the root through which a peer is reached; the root for itself.
func (p *Peer) branch() *Peer {
	for p.parent != nil && p.parent != p.root {
		p = p.parent
	}
	return p
}

// way returns the link for what lies at an offset of the call's input, and whether that goes as a piece: once one did, all
// do. The links fill up as the other side takes from them.
func (c *Pending) way(offset uint64) (link *wire.Link, piece bool) {
	b := c.peer.b
	b.mu.Lock()
	defer b.mu.Unlock()
	r := c.peer.root.link
	link = r.Link
	if !c.inPieces && c.options.Size < long && offset < gone {
		return link, false
	}
	if r.sides.open != nil {
		r.sides.open()
	}
	n := len(r.sides.links)
	if n == 0 || !c.inPieces && !r.sides.splitLocked(c) {
		return link, c.inPieces
	}
	least := link.Queued() + 1 // what others send goes over this one only
	r.sides.turn++
	for i := range n {
		side := r.sides.links[(r.sides.turn+i)%n]
		if queued := side.Queued(); queued < least {
			link, least = side, queued
		}
	}
	return link, true
}
