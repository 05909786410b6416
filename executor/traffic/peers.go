package traffic

import (
	"maps"
	"slices"

	"runner/agent/wire"
	"runner/executor/broker"
)

// Peers are those that a host holds: it stays with one that it has used. They belong to one goroutine.
type Peers struct {
	t    *Traffic
	used map[int]*broker.Peer // by connection; the traffic's mutex is held to change it
}

// NewPeers returns those of a host that has used none.
func (t *Traffic) NewPeers() *Peers { return &Peers{t: t, used: map[int]*broker.Peer{}} }

// Used returns the connections at which a peer is held, in order.
func (p *Peers) Used() []int { return slices.Sorted(maps.Keys(p.used)) }

// Held returns the peer that is held at a connection; nil if none is.
func (p *Peers) Held(connection int) *broker.Peer { return p.used[connection] }

// At returns the peer at a connection, which is held from now on.
func (p *Peers) At(connection int) *broker.Peer {
	p.t.mu.Lock()
	defer p.t.mu.Unlock()
	return p.atLocked(connection)
}

func (p *Peers) atLocked(connection int) *broker.Peer {
	if p.used[connection] == nil {
		p.used[connection] = p.t.broker.Peer(connection)
		p.t.users[connection]++
	}
	return p.used[connection]
}

// Call hands a call to the peer at a connection, unless nothing new starts.
func (p *Peers) Call(connection int, c wire.Call, o broker.CallOptions) (*broker.Pending, bool) {
	t := p.t
	t.mu.Lock()
	defer t.mu.Unlock()
	disturbs := c.Flags&wire.FlagNoLane == 0
	for disturbs && t.raws[connection] && t.ending == notEnding {
		t.calm.Wait()
	}
	if t.ending != notEnding {
		return nil, false
	}
	o.Lock = t.lock
	pending := p.atLocked(connection).Call(c, o)
	t.live[pending] = false
	if disturbs {
		t.at[pending] = connection
	}
	return pending, true
}

// Renew lets a connection, and all behind it, be opened anew by the broker, or by a peer that has failed, whose Renew by is. Others
// that are at work behind it go on over the old one.
func (p *Peers) Renew(connection int, by func(connection int) (end func())) {
	behind := p.t.tree.Behind(connection)
	p.t.mu.Lock()
	others := false
	for _, c := range behind {
		p.leaveLocked(c)
		others = others || p.t.users[c] > 0
	}
	end := by(connection)
	p.t.mu.Unlock()
	if !others {
		end()
	}
}

// leaveLocked gives up the peer that is held at a connection.
func (p *Peers) leaveLocked(connection int) {
	if p.used[connection] != nil {
		delete(p.used, connection)
		p.t.users[connection]--
	}
}

// Leave gives up all of them.
func (p *Peers) Leave() {
	p.t.mu.Lock()
	defer p.t.mu.Unlock()
	for c := range p.used {
		p.leaveLocked(c)
	}
}
