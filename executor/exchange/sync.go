// Package exchange is the controller's half of the calls that exchange a tree with a target: Sync sends what the target asks for, Fetch
// writes what it sends. Its neighbours are executor, which makes the calls, and agent/transfer, whose streams these are; it knows no hosts.
package exchange

import (
	"context"
	"errors"
	"io"
	"sync"

	"runner/agent/transfer"
	"runner/agent/wire"
	"runner/executor/broker"
	"runner/planner/plan"
)

// Sync is the controller's half of a call that gets a tree: what the call asks for comes as its output, and is sent as its input.
type Sync struct {
	content  *plan.Content
	openFile func(name string) (io.ReadCloser, error)

	mu     sync.Mutex // guards what follows
	change sync.Cond
	wants  []byte
	opened bool
	over   bool // nothing is taken or given any more
}

// mostWants is how many bytes are held of what a call asks for. They stand for many files; of signatures of large ones it is one or two.
const mostWants = 4 << 20

var errOver = errors.New("nobody asks for it any more")

// NewSync returns the half of a call that gets a tree, whose files openFile opens.
func NewSync(c *plan.Content, openFile func(name string) (io.ReadCloser, error)) *Sync {
	s := &Sync{content: c, openFile: openFile}
	s.change.L = &s.mu
	return s
}

// Options say how the call is made.
func (s *Sync) Options(o *broker.CallOptions) {
	o.Input, o.Answers, o.Window, o.Live = s.open, true, s.window(), s.hear
}

// window is how much of what it asks for may be under way: more where there may be signatures of large files.
func (s *Sync) window() int {
	for _, f := range s.content.Files {
		if f.Size >= wire.MaxWindow {
			return wire.WideWindow
		}
	}
	return 0
}

// hear takes what the call asks for. It waits while too much of that is held, unless nothing is sent: then it is dropped.
func (s *Sync) hear(stream wire.Stream, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.opened && !s.over && len(s.wants) > mostWants {
		s.change.Wait()
	}
	if stream != wire.StreamOutput || s.over || len(s.wants) > mostWants {
		return
	}
	s.wants = append(s.wants, data...)
	s.change.Broadcast()
}

// Read gives what the call asks for.
func (s *Sync) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.wants) == 0 && !s.over {
		s.change.Wait()
	}
	if s.over {
		return 0, errOver
	}
	n := copy(p, s.wants)
	if s.wants = s.wants[n:]; len(s.wants) == 0 {
		s.wants = nil
	}
	s.change.Broadcast()
	return n, nil
}

func (s *Sync) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over, s.wants = true, nil
	s.change.Broadcast()
}

// open begins to send.
func (s *Sync) open() (io.ReadCloser, error) {
	s.mu.Lock()
	s.opened = true
	s.mu.Unlock()
	r, w := io.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	out := &sending{PipeReader: r, sync: s, cancel: cancel}
	out.sender.Go(func() {
		_, err := w.Write(s.content.Data)
		if err == nil {
			err = transfer.Serve(ctx, s, s.file, w)
		}
		s.end()
		w.CloseWithError(err) // nil is the end
	})
	return out, nil
}

// file opens a file of the tree.
func (s *Sync) file(number int) (io.ReadCloser, int64, error) {
	if number < 0 || number >= len(s.content.Files) {
		return nil, 0, errors.New("there is no such file")
	}
	f := s.content.Files[number]
	in, err := s.openFile(f.Name)
	return in, f.Size, err
}

// sending is what is sent. Closing it ends that, and waits for the end.
type sending struct {
	*io.PipeReader
	sync   *Sync
	cancel context.CancelFunc
	sender sync.WaitGroup
}

// Close can be called twice.
func (s *sending) Close() error {
	s.cancel()
	s.sync.end()
	err := s.PipeReader.Close()
	s.sender.Wait()
	return err
}
