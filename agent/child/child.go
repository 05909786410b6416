// Package child starts the next hop of a chain: it carries out a wire.Open, the same way whether the parent is the
// controller or an agent three hops away, and is done when the agent on the other side has said hello. Its neighbours
// are agent/process, which runs the hop's program, agent/bootstrap, which gets the agent to the other side, and the
// transports, whose data it carries out. It relays nothing: frames are its callers' business.
package child

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"runner/agent/bootstrap"
	"runner/agent/process"
	"runner/agent/wire"
)

// Parent is what a hop needs of whoever starts it.
type Parent struct {
	Table  *process.Table
	Source bootstrap.Source // what is handed on
	Dir    string           // where hop programs run; "": where this process does
}

// Child is the other side of a hop. As a stream it stands at the child's first frame, the hello.
type Child struct {
	Hello wire.Hello

	hop   *hop
	r     io.Reader
	close sync.Once
}

// Start carries out the attempts of open in their order, until one leads to a child that has said hello. When ctx ends
// before that, everything that was started is ended. The secrets in open are overwritten before Start returns. The
// error is a *wire.Problem that names the hop and quotes its program.
func (p *Parent) Start(ctx context.Context, open *wire.Open) (*Child, error) {
	defer forget(open)
	if open.Timeout > 0 {
		late := &wire.Problem{Code: wire.CodeTimeout, Message: fmt.Sprintf("no answer within %v", open.Timeout)}
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, open.Timeout, late)
		defer cancel()
	}
	var last error
	for i := range open.Attempts {
		a := &open.Attempts[i]
		child, err := p.attempt(ctx, open, a)
		if err == nil {
			return child, nil
		}
		var next *nextError
		if !errors.As(err, &next) {
			return nil, err
		}
		last = next.problem
	}
	if last == nil {
		last = &wire.Problem{Code: wire.CodeStart, Message: open.Name + ": there is no way to start it"}
	}
	return nil, last
}

func forget(open *wire.Open) {
	for _, a := range open.Attempts {
		if a.Prompt != nil {
			clear(a.Prompt.Secret)
		}
	}
}

// nextError says that the next attempt is to be tried.
type nextError struct {
	problem *wire.Problem // what to say if there is none
}

func (e *nextError) Error() string { return e.problem.Message }

func (p *Parent) attempt(ctx context.Context, open *wire.Open, a *wire.Attempt) (*Child, error) {
	switch a.Entry {
	case wire.EntryShell:
		argv := bootstrap.Argv
		if a.Expands {
			argv = bootstrap.ArgvExpanded
		}
		return p.connect(ctx, open, a, argv(open.Nonce, p.Source, p.restore(a)...), nil)
	case wire.EntryCopy:
		if err := p.copy(ctx, open, a); err != nil {
			return nil, err
		}
		fallthrough
	case wire.EntryPath:
		path, err := p.path(a)
		if err != nil {
			return nil, err
		}
		return p.connect(ctx, open, a, bootstrap.PathArgv(path, open.Nonce, p.restore(a)...), nil)
	case wire.EntryNamespace:
		return p.namespace(ctx, open, a)
	}
	return nil, &wire.Problem{Code: wire.CodeUnsupported, Message: fmt.Sprintf("%s: unknown entry %d", open.Name, a.Entry)}
}

func (p *Parent) restore(a *wire.Attempt) []string {
	arguments := bootstrap.Restore(a.Env, p.Table.Environ(nil))
	if a.Account {
		arguments = append(arguments, bootstrap.AccountMark)
	}
	return arguments
}

// connect runs the command line behind the attempt's own and meets the agent that it leads to.
// Input is what its program reads before that.
func (p *Parent) connect(ctx context.Context, open *wire.Open, a *wire.Attempt, argv []string, input io.Reader) (*Child, error) {
	h, err := p.start(open, a, argv)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, h.abandon)
	c, err := h.meet(ctx, open.Nonce, p.Source, input)
	if !stop() && err == nil {
		err = problem(context.Cause(ctx))
	}
	if err == nil {
		return c, nil
	}
	return nil, h.failed(ctx, a, err)
}

func (h *hop) meet(ctx context.Context, nonce string, src bootstrap.Source, input io.Reader) (*Child, error) {
	if input != nil {
		// A program that does not read it all has ended, and says why.
		_, _ = io.Copy(struct{ io.Writer }{h.program.Stdin}, input)
	}
	r := bufio.NewReaderSize(h.output(), 64<<10)
	if err := bootstrap.Handshake(ctx, r, h.program.Stdin, nonce, src); err != nil {
		return nil, err
	}
	h.ready()
	h.readers.Go(h.watch)
	f, hello, err := bootstrap.ReadHello(r, nonce, src)
	if err != nil {
		return nil, err
	}
	first := bytes.NewReader(wire.AppendFrame(nil, f))
	return &Child{Hello: hello, hop: h, r: io.MultiReader(first, r)}, nil
}

// Read reads the child's frames.
func (c *Child) Read(p []byte) (int, error) { return c.r.Read(p) }

// Write writes frames to the child.
func (c *Child) Write(p []byte) (int, error) { return c.hop.program.Stdin.Write(p) }

// Abandon ends the child's input and wakes whoever reads from or writes to it, for good. It does not wait.
func (c *Child) Abandon() { c.hop.abandon() }

// Close ends the child: it hears that its input ends, and gets a moment; then what is left of the hop's tree is ended.
// It returns when that is done, and can be called twice.
func (c *Child) Close() error {
	c.close.Do(c.hop.end)
	return nil
}

// Explain adds to why a child was lost how the hop's program ended and what it said last. It waits a moment for that.
func (c *Child) Explain(why *wire.Problem) *wire.Problem {
	return c.hop.explain(why)
}

// problem makes err what can cross the wire.
func problem(err error) *wire.Problem {
	if p, ok := errors.AsType[*wire.Problem](err); ok {
		return p
	}
	code := wire.CodeCancelled
	if errors.Is(err, context.DeadlineExceeded) {
		code = wire.CodeTimeout
	}
	return &wire.Problem{Code: code, Message: err.Error()}
}
