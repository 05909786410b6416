// Package copying carries a copy from one end to the other. Each is this machine or a host; between two hosts the stream comes
// through here. What is in it is for agent/transfer, which sends and receives at either end; what is said about a copy, for
// package cli.
package copying

import (
	"context"
	"fmt"
	"io"
	"time"

	"runner/agent/transfer"
	"runner/agent/wire"
	"runner/executor/broker"
)

// EndError is an error of one end of a copy.
type EndError struct {
	Sending bool // it is the end that sends
	Err     error
}

func (e *EndError) Error() string { return e.Err.Error() }

func (e *EndError) Unwrap() error { return e.Err }

// Sending writes the stream of a copy to a receiver that holds parts of it.
type Sending func(ctx context.Context, held []transfer.Held, to io.Writer) error

// SendHere sends from this machine.
func SendHere(path string, progress transfer.Progress) Sending {
	return func(ctx context.Context, held []transfer.Held, to io.Writer) error {
		if err := transfer.Send(ctx, transfer.Source{Path: path, Held: held}, to, progress); err != nil {
			return &EndError{Sending: true, Err: err}
		}
		return nil
	}
}

// Counted is a Sending that tells how many bytes go by, where neither end is here to tell.
func Counted(from Sending, progress transfer.Progress) Sending {
	return func(ctx context.Context, held []transfer.Held, to io.Writer) error {
		return from(ctx, held, writerFunc(func(p []byte) (int, error) {
			progress.Moved(int64(len(p)))
			return to.Write(p) //nolint:wrapcheck // the writer's own
		}))
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// ReceiveHere receives on this machine.
func ReceiveHere(ctx context.Context, d transfer.Destination, from Sending, progress transfer.Progress) (transfer.Report, error) {
	r, err := transfer.NewReceiver(ctx, d, progress)
	if err != nil {
		return transfer.Report{}, fmt.Errorf("%w", transfer.Explain(err))
	}
	defer r.Close()
	in := begin(ctx, from, r.Held())
	report, err := r.Receive(ctx, in)
	if sent := in.end(); sent != nil {
		return report, sent
	}
	if err != nil {
		return report, &EndError{Err: err}
	}
	return report, nil
}

// SendThere sends from a host.
func SendThere(peer *broker.Peer, path string) Sending {
	return func(ctx context.Context, held []transfer.Held, to io.Writer) error {
		ctx, unread := context.WithCancelCause(ctx)
		defer unread(nil)
		_, err := callThere(ctx, peer, "send", transfer.Source{Path: path, Held: held}, broker.CallOptions{
			Window: wire.WideWindow,
			Live: func(_ wire.Stream, data []byte) {
				if _, err := to.Write(data); err != nil {
					unread(err)
				}
			},
		})
		if err != nil {
			return &EndError{Sending: true, Err: err}
		}
		return nil
	}
}

// Receiver is a host that receives.
type Receiver struct {
	Peer *broker.Peer
	Lock *wire.Lock // that it is asked for; nil: none
	Size int64      // bytes of what is sent; 0: that is not known
}

// Receive receives on the host.
func (r Receiver) Receive(ctx context.Context, d transfer.Destination, from Sending) (transfer.Report, error) {
	o := offer{from: from, held: make(chan answer, 1)}
	over := make(chan struct{})
	reply, err := callThere(ctx, r.Peer, "receive", d, broker.CallOptions{
		Lock:  r.Lock,
		Live:  o.hear,
		Input: func() (io.ReadCloser, error) { return o.open(ctx, over) },
		Size:  r.Size,
	})
	close(over)
	if sent := o.end(); sent != nil {
		return transfer.Report{}, sent
	}
	var report transfer.Report
	if err == nil {
		err = wire.Unmarshal(reply.Values, &report)
	}
	if err != nil {
		return report, &EndError{Err: err}
	}
	return report, nil
}

// farewell is how long the end of a call that was cancelled is waited for.
const farewell = 4 * time.Second

// callThere makes a call on a host, beside everything else there unless it takes the lock, and waits for its end. When ctx
// ends first it is cancelled, and given a moment.
func callThere(ctx context.Context, peer *broker.Peer, action string, request any, o broker.CallOptions) (broker.Reply, error) {
	args, err := wire.Marshal(request)
	if err != nil {
		return broker.Reply{}, fmt.Errorf("cannot ask for it: %w", err)
	}
	flags := wire.FlagLive
	if o.Lock == nil {
		flags |= wire.FlagNoLane
	}
	call := peer.Call(wire.Call{Action: action, Args: args, Mode: wire.ModeApply, Flags: flags}, o)
	select {
	case <-call.Done():
	case <-ctx.Done():
		call.Cancel(false)
		select {
		case <-call.Done():
		case <-time.After(farewell):
		}
		return broker.Reply{}, context.Cause(ctx)
	}
	reply, err := call.Wait(ctx)
	if err == nil && reply.Problem != nil {
		err = reply.Problem
	}
	return reply, err
}
