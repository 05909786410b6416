package copying

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"runner/agent/transfer"
	"runner/agent/wire"
)

// inflow is a stream that is being sent. Closing it ends that.
type inflow struct {
	*io.PipeReader
	sender sync.WaitGroup
	err    error // of the sender, once that has ended
}

func begin(ctx context.Context, from Sending, held []transfer.Held) *inflow {
	r, w := io.Pipe()
	in := &inflow{PipeReader: r}
	in.sender.Go(func() {
		in.err = from(ctx, held, w)
		w.CloseWithError(in.err) // nil is the end
	})
	return in
}

// errUnread says that whoever reads a stream has given it up, and has an error of its own for that.
var errUnread = errors.New("nobody reads it any more")

// end says that the receiver has ended, waits for the sender, and returns what went wrong there first. Of a sender that goes
// on behind the end of a copy nothing is taken.
func (in *inflow) end() error {
	in.CloseWithError(errUnread)
	in.sender.Wait()
	if errors.Is(in.err, errUnread) || errors.Is(in.err, io.ErrClosedPipe) {
		return nil
	}
	return in.err
}

// offer is a copy for a host that says first what it has of it.
type offer struct {
	from  Sending
	heard []byte      // of what the host says first
	said  bool        // it has said that
	held  chan answer // gets it

	mu   sync.Mutex // guards what follows
	in   *inflow    // once the host has asked for it
	over bool       // it may not any more
}

type answer struct {
	held []transfer.Held
	err  error
}

// hear takes what a host says. What it says behind that is dropped.
func (o *offer) hear(_ wire.Stream, data []byte) {
	if o.said {
		return
	}
	o.heard = append(o.heard, data...)
	held, err := transfer.ReadHeld(bytes.NewReader(o.heard))
	if errors.As(err, new(*transfer.CutError)) { // there is more to come
		return
	}
	o.said, o.heard = true, nil
	o.held <- answer{held, err}
}

// open begins to send when it is known what the host has, unless the call is over before that.
func (o *offer) open(ctx context.Context, over <-chan struct{}) (io.ReadCloser, error) {
	var a answer
	select {
	case a = <-o.held:
	case <-over:
		a.err = errUnread
	}
	if a.err != nil {
		return nil, fmt.Errorf("cannot learn what the host has of it: %w", a.err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.over {
		return nil, errUnread
	}
	o.in = begin(ctx, o.from, a.held)
	return o.in, nil
}

// end waits for the sender, if there is one.
func (o *offer) end() error {
	o.mu.Lock()
	o.over = true
	in := o.in
	o.mu.Unlock()
	if in == nil {
		return nil
	}
	return in.end()
}
