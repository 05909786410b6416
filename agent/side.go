package agent

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"runner/agent/action"
	"runner/agent/wire"
)

const (
	// sideTime is how long further streams may come, and how long one may take to say the key.
	sideTime = 10 * time.Second
	// maxStrangers is how many connections may not have said it: anybody on the machine can make some.
	maxStrangers = 64
)

// sides are the further streams of the link to the parent: they bring pieces of inputs, and nothing else.
type sides struct {
	wg sync.WaitGroup // what waits for them, and serves them
}

// widen listens for further streams that the controller makes through the connection by which it reaches this machine.
func (c *call) widen(ctx context.Context) (action.Outcome, error) {
	out := action.Outcome{Change: wire.Change{Verb: wire.VerbRead}}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		listener, err = config.Listen(ctx, "tcp", "[::1]:0")
	}
	if err != nil {
		return out, fmt.Errorf("cannot listen for further streams: %w", err)
	}
	key := make([]byte, wire.WidenKeySize)
	_, _ = rand.Read(key) // it never fails
	out.Values = wire.Widened{Address: listener.Addr().String(), Key: key}
	a := c.calls.agent
	a.sides.wg.Go(func() { a.accept(listener, key) }) //nolint:contextcheck // they outlive the call
	return out, nil
}

// accept serves who knows the key, until as many have come as may, time is up or the agent ends. Who does not know it, or says
// nothing, holds nobody up.
func (a *Agent) accept(listener net.Listener, key []byte) {
	defer listener.Close()
	ctx, enough := context.WithTimeout(a.ctx, sideTime)
	defer enough()
	defer context.AfterFunc(ctx, func() { _ = listener.Close() })()
	known := make(chan struct{}, wire.MaxSides)
	strangers := make(chan struct{}, maxStrangers)
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		select {
		case strangers <- struct{}{}:
		default:
			_ = conn.Close()
			continue
		}
		a.sides.wg.Go(func() {
			defer conn.Close()
			defer context.AfterFunc(a.ctx, func() { _ = conn.Close() })()
			ok := recognize(conn, key)
			<-strangers
			if !ok {
				return
			}
			select {
			case known <- struct{}{}:
			default:
				return
			}
			if len(known) == cap(known) {
				enough()
			}
			a.serveSide(conn, key)
		})
	}
}

// recognize says whether who has connected knows the key.
func recognize(conn net.Conn, key []byte) bool {
	half := len(key) / 2
	said := make([]byte, half)
	_ = conn.SetDeadline(time.Now().Add(sideTime)) // a connection has deadlines
	_, err := io.ReadFull(conn, said)
	return err == nil && subtle.ConstantTimeCompare(said, key[:half]) == 1 && conn.SetDeadline(time.Time{}) == nil
}

// serveSide takes pieces. That a stream has ended with some under way is for the controller to find out, as it knows which.
func (a *Agent) serveSide(conn net.Conn, key []byte) {
	if _, err := conn.Write(key[len(key)/2:]); err != nil {
		return
	}
	link := wire.NewLink(conn, wire.LinkConfig{Silent: lease})
	defer link.Close() //nolint:errcheck // see above
	_ = link.Run(func(f wire.Frame) {
		switch {
		case f.Kind != wire.KindPiece:
			a.fail(&wire.Problem{Code: wire.CodeProtocol, Message: fmt.Sprintf("a frame of kind %d on a further stream", f.Kind)})
		case f.Peer != a.id:
			a.children.pass(f)
		default:
			if err := a.calls.take(f); err != nil {
				a.fail(err)
			}
		}
	})
}
