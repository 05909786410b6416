package executor

import (
	"context"
	"errors"
	"io"
	"sync"

	"runner/agent/transfer"
	"runner/agent/wire"
	"runner/planner/plan"
)

// exchange is the controller's half of a call that gets a tree: what the call asks for comes as its output, and is sent as its input.
type exchange struct {
	run     *run
	content *plan.Content

	mu     sync.Mutex // guards what follows
	change sync.Cond
	wants  []byte
	opened bool
	over   bool // nothing is taken or given any more
}

// mostWants is how many bytes are held of what a call asks for. They stand for many files; of signatures of large ones it is one or two.
const mostWants = 4 << 20

var errOver = errors.New("nobody asks for it any more")

func newExchange(r *run, c *plan.Content) *exchange {
	x := &exchange{run: r, content: c}
	x.change.L = &x.mu
	return x
}

// window is how much of what it asks for may be under way: more where there may be signatures of large files.
func (x *exchange) window() int {
	for _, f := range x.content.Files {
		if f.Size >= wire.MaxWindow {
			return wire.WideWindow
		}
	}
	return 0
}

// hear takes what the call asks for. It waits while too much of that is held, unless nothing is sent: then it is dropped.
func (x *exchange) hear(stream wire.Stream, data []byte) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for x.opened && !x.over && len(x.wants) > mostWants {
		x.change.Wait()
	}
	if stream != wire.StreamOutput || x.over || len(x.wants) > mostWants {
		return
	}
	x.wants = append(x.wants, data...)
	x.change.Broadcast()
}

// Read gives what the call asks for.
func (x *exchange) Read(p []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for len(x.wants) == 0 && !x.over {
		x.change.Wait()
	}
	if x.over {
		return 0, errOver
	}
	n := copy(p, x.wants)
	if x.wants = x.wants[n:]; len(x.wants) == 0 {
		x.wants = nil
	}
	x.change.Broadcast()
	return n, nil
}

func (x *exchange) end() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.over, x.wants = true, nil
	x.change.Broadcast()
}

// open begins to send.
func (x *exchange) open() (io.ReadCloser, error) {
	x.mu.Lock()
	x.opened = true
	x.mu.Unlock()
	r, w := io.Pipe()
	s := &sending{PipeReader: r, exchange: x}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.sender.Go(func() {
		_, err := w.Write(x.content.Data)
		if err == nil {
			err = transfer.Serve(ctx, x, x.file, w)
		}
		x.end()
		w.CloseWithError(err) // nil is the end
	})
	return s, nil
}

// file opens a file of the tree.
func (x *exchange) file(number int) (io.ReadCloser, int64, error) {
	if number < 0 || number >= len(x.content.Files) {
		return nil, 0, errors.New("there is no such file")
	}
	f := x.content.Files[number]
	in, err := x.run.Open(f.Name)
	return in, f.Size, err
}

// sending is what is sent. Closing it ends that, and waits for the end.
type sending struct {
	*io.PipeReader
	exchange *exchange
	cancel   context.CancelFunc
	sender   sync.WaitGroup
}

// Close can be called twice.
func (s *sending) Close() error {
	s.cancel()
	s.exchange.end()
	err := s.PipeReader.Close()
	s.sender.Wait()
	return err
}
