package child

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"runner/agent/process"
	"runner/agent/wire"
)

// Raw runs a command line on the other side of a hop, by the first of its attempts and without an agent there, to its end. It
// reads from stdin, which may be nil; what it prints is copied as it comes. When ctx ends first, what runs here is ended. The
// secrets in open are overwritten. The error is a *wire.Problem: nothing was run, or the hop has refused it.
func (p *Parent) Raw(ctx context.Context, open *wire.Open, argv []string, stdin io.Reader, stdout, stderr io.Writer) (process.Exit, error) {
	defer forget(open)
	a := &open.Attempts[0]
	if !a.Terminal {
		exit, err := p.Table.Run(ctx, process.Command{
			Argv: slices.Concat(a.Argv, argv), Env: p.Table.Environ(a.Env), Dir: p.Dir, Stdin: stdin, Stdout: stdout, Stderr: stderr,
		})
		if err != nil {
			return exit, match(a, &wire.Problem{Code: wire.CodeStart, Message: err.Error()}, []byte(err.Error()), -1)
		}
		return exit, nil
	}
	h, err := p.start(open, a, argv, stderr)
	if err != nil {
		return process.Exit{}, err
	}
	go func() { // nobody waits for it: a Read need not return before the call ends
		if stdin != nil {
			_, _ = io.Copy(struct{ io.Writer }{h.program.Stdin}, stdin)
		}
		_ = h.program.Stdin.Close()
	}()
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = io.Copy(stdout, h.program.Stdout)
	}()
	select {
	case <-h.program.Done():
	case <-ctx.Done():
	case <-copied: // it has closed its output, or was given up
		if h.refusal() == nil {
			select {
			case <-h.program.Done():
			case <-ctx.Done():
			}
		}
	}
	exit, ended := h.exit()
	_ = h.program.Stdout.SetReadDeadline(time.Now().Add(epilogue / 2))
	h.close(!ended)
	<-copied
	switch why := h.refusal(); {
	case why != nil:
		return exit, &wire.Problem{Code: why.Code, Message: h.name + ": " + why.Message, Hint: why.Hint}
	case !ended && errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		exit = process.Exit{Reason: process.ReasonTimeout, Status: -1}
	case !ended:
		exit = process.Exit{Reason: process.ReasonCancelled, Status: -1}
	}
	return exit, nil
}

func (h *hop) refusal() *wire.Problem {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.refused
}
