package broker

import (
	"context"
	"crypto/sha256"
	"errors"
	"net"
	"sync"
	"time"

	"runner/agent/wire"
)

// client is the ssh connection of a hop: opened once, shared by the peer behind it and by everything tunnelled
// through it.
type client struct {
	b     *Broker
	hop   *hop
	quit  context.CancelCauseFunc
	done  chan struct{} // closed when the fields below are final
	began time.Time     // when there was a way to it
	ssh   SSHClient     // nil if err is set
	err   *LostError

	mu    sync.Mutex // guards trunk
	trunk *trunk     // what it runs over, as soon as that is there
}

// clientLocked returns a hop's ssh connection and begins to open it.
func (b *Broker) clientLocked(h *hop) *client {
	if h.client == nil {
		c := &client{b: b, hop: h, done: make(chan struct{})}
		var ctx context.Context
		ctx, c.quit = context.WithCancelCause(b.ctx)
		h.client = c
		if b.closing || h.closing {
			c.err = lostAt(h, errClosed(), true)
			close(c.done)
			return c
		}
		b.wg.Go(func() { c.open(ctx) })
	}
	return h.client
}

// wait waits until the connection is open.
func (c *client) wait(ctx context.Context) (SSHClient, error) {
	select {
	case <-c.done:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if c.err != nil {
		return nil, c.err
	}
	return c.ssh, nil
}

func (c *client) open(ctx context.Context) {
	defer close(c.done)
	ssh, err := c.connect(ctx)
	c.b.mu.Lock()
	defer c.b.mu.Unlock()
	if err == nil {
		c.ssh = ssh
		if c.hop.peer == nil { // otherwise it is open when the peer is there
			c.b.openedLocked(c.hop)
		}
		return
	}
	c.err = c.b.blameLocked(c.hop, err)
	if c.hop.peer == nil { // otherwise the peer tells
		c.b.endedLocked(c.hop, c.err)
	}
}

func (c *client) connect(ctx context.Context) (SSHClient, error) {
	way, err := c.b.way(ctx, c.hop)
	if err != nil {
		return nil, err
	}
	c.began = time.Now()
	ctx, cancel := limited(ctx, c.began, c.hop.plan.Timeout)
	defer cancel()
	c.b.mu.Lock()
	c.b.beginLocked(c.hop)
	c.b.mu.Unlock()
	ssh, err := c.b.cfg.SSH(ctx, c.hop.plan, func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := way(ctx, network, address)
		if err != nil {
			return nil, err
		}
		t := &trunk{Conn: conn}
		c.mu.Lock()
		c.trunk = t
		c.mu.Unlock()
		return t, nil
	}, c.b.may)
	if err == nil {
		return ssh, nil
	}
	c.cut(nil)
	problem := problemOf(err)
	turnedAway := problem.Code == wire.CodeStart && errors.Is(ctx.Err(), context.DeadlineExceeded) // all the time
	if ctx.Err() != nil && problem.Code != wire.CodeTimeout && !turnedAway {                       // a timeout of its own says what it was waiting for
		problem = problemOf(context.Cause(ctx))
	}
	if problem.Code == wire.CodePassword {
		if password, ok := c.hop.plan.Options["password"].(string); ok {
			c.b.mu.Lock()
			c.b.refuseLocked(sha256.Sum256([]byte(password)), c.hop)
			c.b.mu.Unlock()
		}
	}
	if errors.As(err, new(*LostError)) {
		return nil, err
	}
	return nil, problem
}

// may fails where some hop has refused a password. It is asked when the password would be given: keys may do before that.
func (b *Broker) may(password string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if by := b.refused[sha256.Sum256([]byte(password))]; by != "" {
		return refusedBefore(by)
	}
	return nil
}

// limited gives a context a hop's timeout, counted from a moment.
func limited(ctx context.Context, from time.Time, limit time.Duration) (context.Context, context.CancelFunc) {
	if limit <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithDeadlineCause(ctx, from.Add(limit), timeoutProblem(limit))
}

// cut breaks the connection, so that nothing waits for it any more. Why is nil if somebody asked for it.
func (c *client) cut(why error) {
	c.mu.Lock()
	t := c.trunk
	c.mu.Unlock() // closing a tunnel takes Broker.mu, under which others ask whether this is broken
	if t != nil {
		t.cut(why)
	}
}

// close ends the connection and waits for that.
func (c *client) close() {
	c.quit(errClosed())
	<-c.done
	if c.ssh != nil {
		_ = c.ssh.Close()
	}
	c.cut(nil)
}

// broken returns why the connection broke by itself, nil if it did not.
func (c *client) broken() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !isClosed(c.done) || c.trunk == nil || c.trunk.reason() == nil {
		return nil
	}
	if s, ok := c.ssh.(interface{ Err() error }); ok && errors.Is(c.trunk.reason(), errGivenUp) {
		if err := s.Err(); err != nil {
			return err
		}
	}
	return c.trunk.reason()
}

// trunk is the byte stream below an ssh connection. It remembers why it broke: what runs over it sees only its end.
type trunk struct {
	net.Conn
	mu    sync.Mutex
	ours  bool // we cut it
	broke error
}

// errGivenUp says that the ssh connection was closed by its own side.
var errGivenUp = errors.New("the connection was given up")

func (t *trunk) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	t.note(err)
	return n, err
}

func (t *trunk) Write(p []byte) (int, error) {
	n, err := t.Conn.Write(p)
	t.note(err)
	return n, err
}

// Close is what the ssh client does when it gives up.
func (t *trunk) Close() error {
	t.note(errGivenUp)
	return t.Conn.Close()
}

func (t *trunk) note(err error) {
	var timeout net.Error
	if err == nil || (errors.As(err, &timeout) && timeout.Timeout()) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.broke == nil && !t.ours {
		t.broke = err
	}
}

func (t *trunk) reason() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.broke
}

// cut closes the stream from this side; why is nil if somebody asked for it.
func (t *trunk) cut(why error) {
	t.note(why)
	t.mu.Lock()
	t.ours = true
	t.mu.Unlock()
	_ = t.Conn.Close() // what was under way is lost either way
}

// blameLocked makes an error of what went wrong at a hop. If connections on the way to it have broken, the outermost
// of them is to blame: those behind it only noticed first.
func (b *Broker) blameLocked(h *hop, err error) *LostError {
	var lost *LostError
	switch {
	case !errors.As(err, &lost):
	case lost.Connection == h.index:
		return lost.unreached()
	default:
		return lost
	}
	blamed := lostAt(h, problemOf(err), false)
	for a := h; a != nil && a.ssh; a = a.parent {
		if a.client == nil {
			continue
		}
		broke := a.client.broken()
		if errors.As(broke, &lost) { // the tunnel below, through an agent
			return lost
		}
		if broke != nil && a != h {
			problem := *problemOf(broke)
			problem.Code, problem.Message = wire.CodeEnded, "the connection broke: "+problem.Message
			blamed = lostAt(a, &problem, false)
		}
	}
	return blamed
}
