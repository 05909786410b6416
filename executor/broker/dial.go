package broker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"runner/agent/wire"
)

// way returns how a hop is dialled, once everything before it is open. It fails with a *LostError.
func (b *Broker) way(ctx context.Context, h *hop) (DialFunc, error) {
	if h.parent == nil {
		return b.dialDirect, nil
	}
	if !h.parent.ssh {
		b.mu.Lock()
		p := b.peerLocked(h.parent)
		b.mu.Unlock()
		_, err := p.Ready(ctx)
		return p.dial, err
	}
	b.mu.Lock()
	c := b.clientLocked(h.parent) //nolint:contextcheck // others will use it too
	b.mu.Unlock()
	ssh, err := c.wait(ctx)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := ssh.Dial(ctx, network, address)
		if !errors.Is(err, ErrProhibited) {
			return conn, err
		}
		b.mu.Lock()
		p := b.peerLocked(h.parent)
		b.mu.Unlock()
		return p.dial(ctx, network, address)
	}, nil
}

// dialDirect dials from the controller.
func (b *Broker) dialDirect(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := b.cfg.Dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &meteredConn{conn, meter[net.Conn]{conn, b}}, nil
}

// meter counts the bytes of a stream that the controller holds.
type meter[S io.ReadWriteCloser] struct {
	stream S
	b      *Broker
}

func (m *meter[S]) Read(p []byte) (int, error) {
	n, err := m.stream.Read(p)
	m.b.received.Add(int64(n))
	return n, err
}

func (m *meter[S]) Write(p []byte) (int, error) {
	n, err := m.stream.Write(p)
	m.b.sent.Add(int64(n))
	return n, err
}

// Close closes the stream.
func (m *meter[S]) Close() error { return m.stream.Close() }

// meteredConn is a meter that has addresses and deadlines.
type meteredConn struct {
	net.Conn
	meter meter[net.Conn]
}

func (m *meteredConn) Read(p []byte) (int, error)  { return m.meter.Read(p) }
func (m *meteredConn) Write(p []byte) (int, error) { return m.meter.Write(p) }

// tunnel is a byte stream from a peer's side to an address: a call's input and output.
type tunnel struct {
	net.Conn
	call *Pending
}

// Dial has the peer connect to an address (host:port), whose name it resolves. It fails with a *LostError or a *wire.Problem.
func (p *Peer) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return p.dial(ctx, network, address)
}

// dial has the peer connect to an address. The deadlines of the connection are the pipe's: they hold on this side.
func (p *Peer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if !strings.HasPrefix(network, "tcp") {
		return nil, fmt.Errorf("cannot dial %s through an agent", network)
	}
	args, err := wire.Marshal(map[string]string{"network": network, "address": address})
	if err != nil {
		return nil, err
	}
	ours, theirs := net.Pipe()
	connected := make(chan struct{})
	call := p.Call(wire.Call{Action: "dial", Args: args, Mode: wire.ModeApply, Flags: wire.FlagNoLane | wire.FlagLive}, CallOptions{
		Input: sync.OnceValues(func() (io.ReadCloser, error) { // the peer reads: it is connected
			close(connected)
			return unread{ours}, nil
		}),
		Live: func(_ wire.Stream, data []byte) { _, _ = ours.Write(data) }, // it fails when nobody reads any more
	})
	p.b.wg.Go(func() {
		<-call.Done()
		_ = ours.Close()
	})
	t := &tunnel{theirs, call}
	select {
	case <-connected:
		return t, nil
	case <-call.Done():
		_ = theirs.Close()
		return nil, t.err()
	case <-ctx.Done():
		_ = t.Close()
		return nil, context.Cause(ctx)
	}
}

// unread is one end of a pipe as an input: when that is not read any more, what comes the other way still arrives.
type unread struct{ net.Conn }

// Close wakes Read.
func (u unread) Close() error { return u.SetReadDeadline(time.Unix(1, 0)) }

// err returns why the call below a tunnel ended.
func (t *tunnel) err() error {
	switch {
	case t.call.err != nil:
		return t.call.err
	case t.call.reply.Problem != nil:
		return t.call.reply.Problem
	}
	return io.EOF
}

// Read tells why the stream ended, where it was not the other side that ended it.
func (t *tunnel) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	if errors.Is(err, io.EOF) && isClosed(t.call.Done()) {
		err = t.err()
	}
	return n, err
}

// Close gives the connection up.
func (t *tunnel) Close() error {
	t.call.Cancel(true)
	return t.Conn.Close()
}
