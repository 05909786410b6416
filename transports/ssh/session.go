package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	xssh "golang.org/x/crypto/ssh"
)

// Session is one command on the server: reading is its output, writing its input. One reader and one writer at a time.
type Session struct {
	client  *Client
	channel xssh.Channel
	stderr  tail
	exit    Exit          // set before done is closed
	done    chan struct{} // closed when the server has closed the channel and stderr is complete
	close   func() error  // once
}

// closeGrace is how long a server may take to confirm the end of a session. One that does not is gone, and only the
// end of the connection wakes who reads from it.
const closeGrace = 5 * time.Second

// Exit is how a command ended.
type Exit struct {
	Known  bool   // the server said how
	Status int    // meaningful if Known and Signal is empty
	Signal string // without SIG
}

// String is for people; it is empty where nothing is known.
func (e Exit) String() string {
	switch {
	case !e.Known:
		return ""
	case e.Signal != "":
		return "signal " + e.Signal
	}
	return fmt.Sprintf("exit status %d", e.Status)
}

// Start opens a session and sends the command. That the server got it is not waited for: what it prints tells, and a
// round trip is saved. The context matters until Start returns.
func (c *Client) Start(ctx context.Context, command string) (*Session, error) {
	return c.start(ctx, command, io.Discard)
}

// start is Start where what is printed to standard error is wanted whole.
func (c *Client) start(ctx context.Context, command string, stderr io.Writer) (*Session, error) {
	s, err := await(ctx, c, func() (*Session, error) { return c.open(command, stderr) })
	if err == nil {
		return s, nil
	}
	if lost := c.Err(); lost != nil {
		return nil, lost
	}
	e := &Error{Kind: KindSession, Cause: err, Message: fmt.Sprintf("cannot open a session on %s: %v", c.s.login(), err)}
	if open, ok := errors.AsType[*xssh.OpenChannelError](err); ok {
		e.Message = fmt.Sprintf("%s does not open a session", c.s.login())
		e.Quote = clip(open.Message)
		e.Hint = "The server may allow fewer sessions for a connection (MaxSessions), or none at all."
	}
	return nil, e
}

func (c *Client) open(command string, more io.Writer) (*Session, error) {
	channel, requests, err := c.inner.OpenChannel("session", nil)
	if err != nil {
		return nil, err
	}
	s := &Session{client: c, channel: channel, done: make(chan struct{})}
	s.close = sync.OnceValue(s.closeChannel)
	err = c.spawn(func() {
		var stderr sync.WaitGroup
		stderr.Go(func() { _, _ = io.CopyBuffer(io.MultiWriter(&s.stderr, more), channel.Stderr(), make([]byte, 1<<10)) })
		s.readRequests(requests)
		stderr.Wait()
		close(s.done)
	})
	if err != nil {
		_ = channel.Close()
		return nil, err
	}
	if _, err := channel.SendRequest("exec", false, xssh.Marshal(struct{ Command string }{command})); err != nil {
		_ = channel.Close()
		return nil, err
	}
	return s, nil
}

// readRequests takes what the server tells about the command; it ends with the channel.
func (s *Session) readRequests(requests <-chan *xssh.Request) {
	for r := range requests {
		switch r.Type {
		case "exit-status":
			var m struct{ Status uint32 }
			if xssh.Unmarshal(r.Payload, &m) == nil {
				s.exit = Exit{Known: true, Status: int(m.Status)}
			}
		case "exit-signal":
			var m struct {
				Signal     string
				CoreDumped bool
				Message    string
				Language   string
			}
			if xssh.Unmarshal(r.Payload, &m) == nil {
				s.exit = Exit{Known: true, Signal: m.Signal}
			}
		}
		if r.WantReply {
			_ = r.Reply(false, nil)
		}
	}
}

// Read reads the command's standard output.
func (s *Session) Read(p []byte) (int, error) { return s.channel.Read(p) }

// Write writes to the command's standard input.
func (s *Session) Write(p []byte) (int, error) { return s.channel.Write(p) }

// CloseWrite ends the command's standard input.
func (s *Session) CloseWrite() error { return s.channel.CloseWrite() }

// Close ends the session: the server closes the command's streams, and reads and writes here end. It does not wait for
// that. It can be called more than once.
func (s *Session) Close() error { return s.close() }

func (s *Session) closeChannel() error {
	return s.client.spawn(func() {
		late := time.AfterFunc(closeGrace, func() {
			s.client.end(&Error{
				Kind:    KindSilent,
				Message: fmt.Sprintf("%s does not confirm the end of a session", s.client.s.endpoint()),
				Hint:    "The machine or the network between is down.",
			})
		})
		defer late.Stop()
		_ = s.channel.Close() // io.EOF: the server was faster
		<-s.done
	})
}

// Done is closed when the server has closed the session.
func (s *Session) Done() <-chan struct{} { return s.done }

// Wait waits for the session's end and returns how the command ended; nothing is known of that when the context ends
// first.
func (s *Session) Wait(ctx context.Context) Exit {
	select {
	case <-s.done:
		return s.exit
	case <-ctx.Done():
		return Exit{}
	}
}

// Stderr returns the last 4 KiB that the command has printed there so far.
func (s *Session) Stderr() string { return s.stderr.String() }

// tail keeps the last maxQuote bytes written to it.
type tail struct {
	mu   sync.Mutex
	data []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.data = append(t.data, p...)
	if extra := len(t.data) - maxQuote; extra > 0 {
		t.data = append(t.data[:0], t.data[extra:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.data)
}
