// Package proxy is a slow link in user space: what it takes in at one end it gives out at the other, later and at a
// limited rate, in order, with any amount under way. It can be cut or fall silent at will, and counts what passes, also
// how often one side had to wait for the other. Package main beside it is the program; tests and cmd/bench use it
// directly. It simulates no loss and no reordering: TCP would hide both.
package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// Config says what the link is like.
type Config struct {
	To        string        // the address that every connection is passed on to
	RTT       time.Duration // half of it each way
	Rate      int64         // bytes a second each way; 0: no limit
	CutAfter  int64         // cut everything once so many bytes have come in, both ways together; 0: never
	DropAfter int64         // as Drop, likewise
}

// Stats are what has passed so far. Up is towards Config.To.
type Stats struct {
	Connections  int   `json:"connections"`
	BytesUp      int64 `json:"bytes_up"`
	BytesDown    int64 `json:"bytes_down"`
	SegmentsUp   int   `json:"segments_up"`
	SegmentsDown int   `json:"segments_down"`
	// Turns is the longest chain, on any one connection, of something sent up after the answer to what was sent up
	// before had come down: the round trips that the connection cannot have done without, its set-up aside.
	Turns int `json:"turns"`
}

// Proxy is a running link.
type Proxy struct {
	cfg      Config
	listener net.Listener
	ctx      context.Context
	cancel   context.CancelFunc
	running  sync.WaitGroup

	mu    sync.Mutex
	stats Stats
	conns map[*connection]bool
	open  chan struct{} // closed while the link carries anything
}

// Listen starts a link at an address such as 127.0.0.1:0.
func Listen(address string, cfg Config) (*Proxy, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen: %w", err)
	}
	p := &Proxy{cfg: cfg, listener: listener, conns: map[*connection]bool{}, open: make(chan struct{})}
	close(p.open)
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.running.Go(p.accept)
	return p, nil
}

// Addr is where the link listens.
func (p *Proxy) Addr() net.Addr { return p.listener.Addr() }

// Stats returns what has passed so far.
func (p *Proxy) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stats
}

// Cut resets every connection at once. New ones are carried.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.reset()
	}
}

// Drop makes the link carry nothing any more, as if all packets were lost: connections stay open, nothing arrives, and
// new ones are not answered.
func (p *Proxy) Drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.open:
		p.open = make(chan struct{})
	default:
	}
}

// Restore ends Drop. What was sent meanwhile arrives now, as TCP would repeat it.
func (p *Proxy) Restore() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.open:
	default:
		close(p.open)
	}
}

// Close ends the link and all its connections, and waits for that.
func (p *Proxy) Close() error {
	p.cancel()
	err := p.listener.Close()
	p.Cut()
	p.running.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.running.Go(func() { p.carry(client) })
	}
}

// carry serves one connection. It begins as TCP does: the client's first bytes leave after one round trip, and the
// server hears of the connection, and can speak, half a round trip after that.
func (p *Proxy) carry(client net.Conn) {
	began := time.Now()
	c := &connection{proxy: p, client: client}
	defer c.close()
	p.mu.Lock()
	p.conns[c] = true
	p.stats.Connections++
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.conns, c)
		p.mu.Unlock()
	}()
	if p.ctx.Err() != nil {
		return // Close was too early to see it
	}
	up := &direction{c: c, from: client, up: true, arrived: make(chan struct{}, 1), notBefore: began.Add(p.cfg.RTT)}
	var work sync.WaitGroup
	defer work.Wait()
	work.Go(up.read)
	server, err := p.dial(began.Add(p.cfg.RTT + p.cfg.RTT/2))
	if err != nil || !c.reached(server) {
		c.reset()
		return
	}
	up.to = server
	down := &direction{c: c, from: server, to: client, arrived: make(chan struct{}, 1)}
	work.Go(up.write)
	work.Go(down.read)
	down.write()
}

func (p *Proxy) dial(when time.Time) (net.Conn, error) {
	if err := p.until(when); err != nil {
		return nil, err
	}
	return (&net.Dialer{}).DialContext(p.ctx, "tcp", p.cfg.To)
}

// until waits for a time, and while the link carries nothing.
func (p *Proxy) until(t time.Time) error {
	if wait := time.Until(t); wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-p.ctx.Done():
			return p.ctx.Err()
		}
	}
	p.mu.Lock()
	open := p.open
	p.mu.Unlock()
	select {
	case <-open:
		return nil
	case <-p.ctx.Done():
		return p.ctx.Err()
	}
}

// count notes a segment that has come in, and carries out what Config has in store for that moment.
func (p *Proxy) count(up bool, n int) {
	p.mu.Lock()
	before := p.stats.BytesUp + p.stats.BytesDown
	if up {
		p.stats.BytesUp += int64(n)
		p.stats.SegmentsUp++
	} else {
		p.stats.BytesDown += int64(n)
		p.stats.SegmentsDown++
	}
	after := before + int64(n)
	p.mu.Unlock()
	passed := func(limit int64) bool { return limit > 0 && before < limit && after >= limit }
	if passed(p.cfg.CutAfter) {
		p.Cut()
	}
	if passed(p.cfg.DropAfter) {
		p.Drop()
	}
}
