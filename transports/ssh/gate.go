package ssh

import (
	"context"
	"sync"
	"time"
)

// fewest is how many logins go on at once in any case: no server turns away so few.
const fewest = 4

// gates are those of all addresses: a server that turns many away holds up nobody else's logins.
type gates struct {
	mu  sync.Mutex // guards all
	all map[string]*gate
}

func (g *gates) of(address string) *gate {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.all == nil {
		g.all = map[string]*gate{}
	}
	if g.all[address] == nil {
		g.all[address] = new(gate)
	}
	return g.all[address]
}

// gate lets all logins at an address through at once until the server turns one away because it has too many (MaxStartups).
// Then only half as many go on as did, and with each that succeeds a few more, as TCP does with what it has under way.
type gate struct {
	mu      sync.Mutex // guards what follows
	most    float64    // 0: any number
	cut     time.Time  // when most was last made smaller
	inside  int
	waiting []chan struct{} // closed when it is one's turn
}

// enter waits for one's turn. It fails with the cause of ctx. Who has entered leaves.
func (g *gate) enter(ctx context.Context) error {
	g.mu.Lock()
	if g.most == 0 || g.inside < int(g.most) {
		g.inside++
		g.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	g.waiting = append(g.waiting, turn)
	g.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, c := range g.waiting {
		if c == turn {
			g.waiting = append(g.waiting[:i], g.waiting[i+1:]...)
			return context.Cause(ctx)
		}
	}
	g.inside-- // it was one's turn meanwhile
	g.admitLocked()
	return context.Cause(ctx)
}

// leave ends a login that began at some time, and says what became of it. What was turned away because of those that were
// under way when others were counts once.
func (g *gate) leave(began time.Time, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case isBusy(err) && began.After(g.cut):
		g.most = max(fewest, float64(g.inside)/2)
		g.cut = time.Now()
	case err == nil && g.most > 0:
		g.most += 2 / g.most
	}
	g.inside--
	g.admitLocked()
}

func (g *gate) admitLocked() {
	for len(g.waiting) > 0 && (g.most == 0 || g.inside < int(g.most)) {
		close(g.waiting[0])
		g.waiting = g.waiting[1:]
		g.inside++
	}
}
