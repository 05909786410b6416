package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	xssh "golang.org/x/crypto/ssh"
)

// Client is an authenticated connection. It is closed by Close, or by itself when the connection breaks. All methods
// may be used at the same time.
type Client struct {
	s      *settings
	conn   *meter
	inner  *xssh.Client
	key    xssh.PublicKey // the server's
	banner *kept

	ended chan struct{} // closed when the connection is gone and why is set
	why   *Error        // set before ended is closed

	mu      sync.Mutex // guards what follows
	cause   *Error     // why we closed the connection ourselves
	closing bool       // no goroutine is started any more
	owned   sync.WaitGroup
}

func newClient(s *settings, conn *meter, inner *xssh.Client, key xssh.PublicKey, banner *kept) *Client {
	c := &Client{s: s, conn: conn, inner: inner, key: key, banner: banner, ended: make(chan struct{})}
	c.owned.Go(c.watch)
	if s.keepalive > 0 {
		c.owned.Go(c.keepAlive)
	}
	return c
}

// watch waits for the connection's end.
func (c *Client) watch() {
	err := c.inner.Wait()
	c.mu.Lock()
	c.why = c.cause
	c.mu.Unlock()
	if c.why == nil {
		c.why = &Error{Kind: KindLost, Cause: err, Message: fmt.Sprintf("the connection to %s was lost", c.s.endpoint())}
		if err != nil && !errors.Is(err, io.EOF) {
			c.why.Message += ": " + err.Error()
		}
	}
	close(c.ended)
}

// end closes the connection for a reason; the first one counts.
func (c *Client) end(cause *Error) {
	c.mu.Lock()
	if c.cause == nil {
		c.cause = cause
	}
	c.mu.Unlock()
	// The stream first: closing the library's end alone would wait for a peer that no longer reads.
	_ = c.conn.Close()
	_ = c.inner.Close()
}

// Close ends the connection and everything on it, and waits until that is done. It can be called more than once.
func (c *Client) Close() error {
	c.end(&Error{Kind: KindClosed, Message: fmt.Sprintf("the connection to %s is closed", c.s.endpoint())})
	c.mu.Lock()
	c.closing = true
	c.mu.Unlock()
	c.owned.Wait()
	return nil
}

// Done is closed when the connection is gone; Err then says why.
func (c *Client) Done() <-chan struct{} { return c.ended }

// Err says why the connection is gone, or returns nil while it is not.
func (c *Client) Err() error {
	select {
	case <-c.ended:
		return c.why
	default:
		return nil
	}
}

// HostKey is the fingerprint of the server's key, "SHA256:…", as ssh-keygen -l prints it.
func (c *Client) HostKey() string { return xssh.FingerprintSHA256(c.key) }

// Banner is what the server said before and while logging in, at most the first 64 KiB of each.
func (c *Client) Banner() string {
	return c.conn.foreword.String() + c.banner.String()
}

// Traffic returns how many bytes were sent and received on the stream below, encryption included.
func (c *Client) Traffic() (sent, received int64) {
	return c.conn.sent.Load(), c.conn.received.Load()
}

// keepAlive asks for a sign of life when nothing was heard for an interval, as OpenSSH does, and ends the connection
// when too many remain without an answer.
func (c *Client) keepAlive() {
	tick := time.NewTicker(c.s.keepalive)
	defer tick.Stop()
	asked := 0
	var waiting atomic.Bool
	ask := func() {
		defer waiting.Store(false)
		// The answer is not looked at: it counts as something heard. At the latest it ends with the connection.
		_, _, _ = c.inner.SendRequest("keepalive@openssh.com", true, nil)
	}
	for {
		select {
		case <-c.ended:
			return
		case <-tick.C:
		}
		if time.Since(time.Unix(0, c.conn.heard.Load())) < c.s.keepalive {
			asked = 0
			continue
		}
		if c.s.keepaliveCount > 0 && asked >= c.s.keepaliveCount { // as with OpenSSH, 0 only asks
			c.end(&Error{
				Kind:    KindSilent,
				Message: fmt.Sprintf("%s has not answered for %s", c.s.endpoint(), time.Duration(asked)*c.s.keepalive),
				Hint:    "The machine or the network between is down.",
			})
			return
		}
		asked++
		// One question under way is enough: the stream below repeats it.
		if waiting.CompareAndSwap(false, true) && c.spawn(ask) != nil {
			return
		}
	}
}

// Dial opens a connection from the server to an address, as ssh -J does. An *Error of KindForbidden tells that the
// server does not forward connections. The context matters until Dial returns.
func (c *Client) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := await(ctx, c, func() (net.Conn, error) { return c.inner.Dial(network, address) })
	if err == nil {
		return c.tunnel(conn)
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("cannot connect from %s to %s: %w", c.s.endpoint(), address, context.Cause(ctx))
	}
	return nil, c.refusedChannel(err, address)
}

// tunnelBuffer is how much is copied at once, in bytes. A bastion may carry thousands of tunnels.
const tunnelBuffer = 16 << 10

// tunnel puts a pipe before a channel. The library's own Close only sends a message: reads and writes under way would
// go on until the server answers, and one that has died never does.
func (c *Client) tunnel(channel net.Conn) (net.Conn, error) {
	near, far := net.Pipe()
	pump := func(to, from net.Conn) func() {
		return func() {
			_, _ = io.CopyBuffer(to, from, make([]byte, tunnelBuffer))
			_, _ = far.Close(), channel.Close()
		}
	}
	if err := errors.Join(c.spawn(pump(channel, far)), c.spawn(pump(far, channel))); err != nil {
		_, _, _ = near.Close(), far.Close(), channel.Close()
		return nil, err
	}
	return near, nil
}

// refusedChannel names why a bastion did not connect us.
func (c *Client) refusedChannel(err error, address string) error {
	var open *xssh.OpenChannelError
	if !errors.As(err, &open) {
		if lost := c.Err(); lost != nil {
			return lost
		}
		return fmt.Errorf("cannot connect from %s to %s: %w", c.s.endpoint(), address, err)
	}
	if open.Reason == xssh.Prohibited || open.Reason == xssh.UnknownChannelType {
		return &Error{
			Kind: KindForbidden, Cause: err, Quote: clip(open.Message),
			Message: fmt.Sprintf("%s does not allow connections to %s", c.s.endpoint(), address),
			Hint:    "Allow it there (AllowTcpForwarding, PermitOpen).",
		}
	}
	return &Error{
		Kind: KindUnreachable, Cause: err, Quote: clip(open.Message),
		Message: fmt.Sprintf("%s cannot reach %s", c.s.endpoint(), address),
		Hint:    "Check the address, the port and the network as seen from there.",
	}
}

// await runs an operation of the library that knows no context. When the context ends first, what the operation may
// still bring is closed, and the client waits for that.
func await[T io.Closer](ctx context.Context, c *Client, operation func() (T, error)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	done := make(chan outcome) // without a buffer: handed over or not, never lost
	abandoned := make(chan struct{})
	var none T
	err := c.spawn(func() {
		value, err := operation()
		select {
		case done <- outcome{value, err}:
		case <-abandoned:
			if err == nil {
				_ = value.Close()
			}
		}
	})
	if err != nil {
		return none, err
	}
	select {
	case o := <-done:
		return o.value, o.err
	case <-ctx.Done():
		close(abandoned)
		return none, context.Cause(ctx)
	}
}

// spawn starts a goroutine that Close waits for, unless Close was called.
func (c *Client) spawn(f func()) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return c.cause
	}
	c.owned.Go(f)
	return nil
}
