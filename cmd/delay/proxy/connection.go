package proxy

import (
	"net"
	"sync"
	"time"
)

// maxSegment is how many bytes are taken in at once.
const maxSegment = 64 << 10

// connection is one pair of connections. What each end may know of the other is counted in turns: how long the chain of
// requests and answers behind the latest thing is that has reached it.
type connection struct {
	proxy  *Proxy
	client net.Conn

	mu                       sync.Mutex
	server                   net.Conn // nil until it is reached
	ended                    bool
	clientKnows, serverKnows int
}

// sent gives a segment its place in the chain: what goes up is one longer than all that had come down before.
func (c *connection) sent(up bool) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if up {
		return c.clientKnows + 1
	}
	return c.serverKnows
}

// arrives notes a segment's place where it arrives.
func (c *connection) arrives(up bool, turn int) {
	c.mu.Lock()
	if up {
		c.serverKnows = max(c.serverKnows, turn)
	} else {
		c.clientKnows = max(c.clientKnows, turn)
	}
	known := c.clientKnows
	c.mu.Unlock()
	c.proxy.mu.Lock()
	c.proxy.stats.Turns = max(c.proxy.stats.Turns, known)
	c.proxy.mu.Unlock()
}

// reached takes over the connection to the server, unless it has come too late.
func (c *connection) reached(server net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.server = server
	if c.ended {
		reset(server)
	}
	return !c.ended
}

// reset ends both sides at once.
func (c *connection) reset() { c.end(reset) }

// close ends both sides in order.
func (c *connection) close() { c.end(func(conn net.Conn) { _ = conn.Close() }) }

func (c *connection) end(how func(net.Conn)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	for _, conn := range []net.Conn{c.client, c.server} {
		if conn != nil {
			how(conn)
		}
	}
}

// reset closes with RST, so that the other end does not take it for an orderly end.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// segment is what was taken in at once.
type segment struct {
	data []byte
	due  time.Time
	turn int
	end  bool // the sender has no more
}

// direction is one way of a connection: read takes in and write gives out.
type direction struct {
	c         *connection
	from, to  net.Conn
	up        bool
	notBefore time.Time // nothing leaves before
	arrived   chan struct{}
	free      time.Time // when the line has sent what it took in so far; read's own

	mu    sync.Mutex
	queue []segment
}

func (d *direction) read() {
	for {
		buffer := make([]byte, maxSegment)
		n, err := d.from.Read(buffer)
		if n > 0 {
			d.c.proxy.count(d.up, n)
			d.push(segment{data: buffer[:n:n], due: d.due(n), turn: d.c.sent(d.up)})
		}
		if err != nil {
			d.push(segment{end: true, due: d.due(0)})
			return
		}
	}
}

// due says when so many bytes that come in now have arrived.
func (d *direction) due(n int) time.Time {
	start := time.Now()
	for _, t := range []time.Time{d.notBefore, d.free} {
		if t.After(start) {
			start = t
		}
	}
	if rate := d.c.proxy.cfg.Rate; rate > 0 {
		start = start.Add(time.Duration(int64(n) * int64(time.Second) / rate))
		d.free = start
	}
	return start.Add(d.c.proxy.cfg.RTT / 2)
}

func (d *direction) push(s segment) {
	d.mu.Lock()
	d.queue = append(d.queue, s)
	d.mu.Unlock()
	select {
	case d.arrived <- struct{}{}:
	default:
	}
}

func (d *direction) pop() (segment, bool) {
	for {
		d.mu.Lock()
		if len(d.queue) > 0 {
			s := d.queue[0]
			d.queue = d.queue[1:]
			d.mu.Unlock()
			return s, true
		}
		d.mu.Unlock()
		select {
		case <-d.arrived:
		case <-d.c.proxy.ctx.Done():
			return segment{}, false
		}
	}
}

func (d *direction) write() {
	for {
		s, ok := d.pop()
		if !ok || d.c.proxy.until(s.due) != nil {
			return
		}
		if s.end {
			if tcp, ok := d.to.(*net.TCPConn); ok {
				_ = tcp.CloseWrite()
			}
			return
		}
		d.c.arrives(d.up, s.turn)
		if _, err := d.to.Write(s.data); err != nil {
			d.c.reset()
			return
		}
	}
}
