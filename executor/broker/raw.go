package broker

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"runner/agent/bootstrap"
	"runner/agent/process"
	"runner/agent/wire"
)

// Line is a command line for the end of a connection.
type Line struct {
	Command string   // for the shell there, as it is
	Argv    []string // instead of it: a program and its arguments
	Stdin   []byte
	Live    func(stream wire.Stream, data []byte) // gets what it prints as it comes, one part at a time; it may be nil
}

// Printed is how a command line has ended and what it printed.
type Printed struct {
	process.Exit
	Hint string // what the hop makes of it, if it knows the words
	Trip int    // how many round trips it took

	known []wire.Failure
}

// rawClient is what an SSHClient needs beside to run a command line without an agent.
type rawClient interface {
	// Run runs a command to its end, or until ctx ends. The status is -1 where a signal ended it, or nobody says how it ended.
	Run(ctx context.Context, command string, stdin io.Reader, stdout, stderr io.Writer) (status int, signal string, err error)
}

// Raw runs a command line at the end of a connection, where it starts no agent: over the ssh connection itself, or by the program of another hop,
// which the hop's parent runs. It fails with a *LostError where that cannot be reached, or a *wire.Problem.
func (b *Broker) Raw(ctx context.Context, connection int, line Line) (Printed, error) {
	b.mu.Lock()
	h := b.hops[connection]
	b.mu.Unlock()
	var stdout, stderr process.Capture
	out, errs := io.Writer(&stdout), io.Writer(&stderr)
	if line.Live != nil {
		out, errs = &teed{&stdout, wire.StreamOutput, line.Live}, &teed{&stderr, wire.StreamError, line.Live}
	}
	run := b.rawBehind
	if h.ssh {
		run = b.rawSSH
	}
	printed, err := run(ctx, h, line, out, errs)
	printed.Stdout, printed.Stderr = stdout.Bytes(), stderr.Bytes()
	printed.Truncated = stdout.Truncated() || stderr.Truncated()
	for _, f := range printed.known {
		if printed.Hint == "" && printed.Status != 0 && f.Contains != "" && bytes.Contains(printed.Stderr, []byte(f.Contains)) {
			printed.Hint = f.Hint
		}
	}
	return printed, err
}

// teed passes on what it keeps.
type teed struct {
	kept   *process.Capture
	stream wire.Stream
	live   func(stream wire.Stream, data []byte)
}

func (t *teed) Write(p []byte) (int, error) {
	t.live(t.stream, p)
	return t.kept.Write(p)
}

// rawSSH runs the line in a session of the hop's own ssh connection.
func (b *Broker) rawSSH(ctx context.Context, h *hop, line Line, stdout, stderr io.Writer) (Printed, error) {
	command := line.Command
	if command == "" {
		words := make([]string, len(line.Argv))
		for i, word := range line.Argv {
			var err error
			if words[i], err = bootstrap.Quote(word); err != nil {
				return Printed{}, &wire.Problem{Code: wire.CodeArguments, Message: fmt.Sprintf("argv cannot be written for every login shell: %v", err), Hint: "Give a command for the shell that is there."}
			}
		}
		command = strings.Join(words, " ")
	}
	b.mu.Lock()
	c := b.clientLocked(h) //nolint:contextcheck // others will use it too
	b.mu.Unlock()
	ssh, err := c.wait(ctx)
	if lost, ok := errors.AsType[*LostError](err); ok { // nothing was run
		err = lost.unreached()
	}
	if err != nil {
		return Printed{}, ended(ctx, err)
	}
	client, ok := ssh.(rawClient)
	if !ok {
		return Printed{}, &wire.Problem{Code: wire.CodeUnsupported, Message: "this ssh connection runs no commands"}
	}
	status, signal, err := client.Run(ctx, command, bytes.NewReader(line.Stdin), stdout, stderr)
	printed := Printed{Exit: process.Exit{Reason: process.ReasonExit, Status: status, Signal: signal}, Trip: tripsSSH}
	switch {
	case ctx.Err() != nil:
		printed.Reason = reasonOf(ctx)
	case err != nil && c.broken() != nil:
		return printed, b.blame(h, err)
	case err != nil:
		return printed, problemOf(err)
	case signal != "":
		printed.Reason = process.ReasonSignal
	}
	return printed, nil
}

func (b *Broker) blame(h *hop, err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.blameLocked(h, err)
}

// ended prefers that a context has ended over what that caused, in words.
func ended(ctx context.Context, err error) error {
	switch {
	case ctx.Err() == nil:
		return err
	case reasonOf(ctx) == process.ReasonTimeout:
		return &wire.Problem{Code: wire.CodeTimeout, Message: "the connection was not there in time"}
	}
	return &wire.Problem{Code: wire.CodeCancelled, Message: "the run was ended before the connection was there"}
}

func reasonOf(ctx context.Context) process.Reason {
	if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return process.ReasonTimeout
	}
	return process.ReasonCancelled
}

// rawBehind has the hop's program run the line: here, or where the agent of the hop before is.
func (b *Broker) rawBehind(ctx context.Context, h *hop, line Line, stdout, stderr io.Writer) (Printed, error) {
	b.mu.Lock()
	open, secrets, err := b.openOf(h, nonce())
	b.mu.Unlock()
	if err != nil {
		return Printed{}, lostAt(h, problemOf(err), true)
	}
	argv := line.Argv
	if line.Command != "" {
		argv = []string{"/bin/sh", "-c", line.Command}
	}
	first := &open.Attempts[0]
	if first.Expands && slices.ContainsFunc(argv, func(word string) bool { return strings.Contains(word, "$") }) {
		return Printed{}, &wire.Problem{
			Code: wire.CodeArguments, Message: "a login shell lies between, which would expand the dollar signs", Hint: "Leave login out of the sudo hop, or the dollar signs out of the line.",
		}
	}
	known := first.Failures
	var printed Printed
	if h.parent == nil {
		printed.Exit, err = b.agents.raw(ctx, &open, argv, bytes.NewReader(line.Stdin), stdout, stderr)
	} else {
		printed, err = b.rawThrough(ctx, h, open, argv, line.Stdin, stdout, stderr)
	}
	problem, isProblem := errors.AsType[*wire.Problem](err)
	if isProblem && problem.Code == wire.CodePassword {
		b.mu.Lock()
		for _, secret := range secrets {
			b.refuseLocked(secret, h)
		}
		b.mu.Unlock()
	}
	if lost, isLost := errors.AsType[*LostError](err); isLost {
		return printed, lost
	}
	if isProblem && len(first.Argv) > 0 { // else there is nothing between
		return printed, lostAt(h, problem, true)
	}
	printed.known = known
	return printed, err
}

// rawThrough has the agent of the hop before run the hop's program.
func (b *Broker) rawThrough(ctx context.Context, h *hop, open wire.Open, argv []string, stdin []byte, stdout, stderr io.Writer) (Printed, error) {
	args, err := wire.Marshal(wire.Raw{Open: open, Argv: argv, Stdin: len(stdin) > 0})
	if err != nil {
		return Printed{}, err
	}
	b.mu.Lock()
	p := b.peerLocked(h.parent)
	b.mu.Unlock()
	call := p.Call(wire.Call{Action: wire.ActionRaw, Args: args, Mode: wire.ModeApply, Flags: wire.FlagNoLane | wire.FlagLive}, CallOptions{
		Input: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(stdin)), nil },
		Live: func(stream wire.Stream, data []byte) {
			if stream == wire.StreamError {
				stdout = stderr
			}
			_, _ = stdout.Write(data)
		},
	})
	stop := context.AfterFunc(ctx, func() { call.Cancel(false) })
	defer stop()
	reply, err := call.Wait(context.WithoutCancel(ctx))
	if err != nil {
		return Printed{}, err
	}
	if ctx.Err() != nil {
		return Printed{Exit: process.Exit{Reason: reasonOf(ctx), Status: -1}, Trip: 1}, nil
	}
	if reply.Problem != nil {
		return Printed{Trip: 1}, reply.Problem
	}
	var end wire.RawEnd
	err = wire.Unmarshal(reply.Values, &end)
	return Printed{Exit: process.Exit{Reason: process.Reason(end.Reason), Status: end.Status, Signal: end.Signal}, Trip: 1}, err
}

// openOf is what whoever carries a hop out needs, with the hashes of the secrets in it. It fails where that would hand out a secret that was
// refused before. Broker.mu is held.
func (b *Broker) openOf(h *hop, nonce string) (open wire.Open, secrets [][sha256.Size]byte, err error) {
	c := h.plan
	t, ok := b.cfg.Transports[c.Transport]
	if !ok {
		return open, nil, &wire.Problem{Code: wire.CodeUnsupported, Message: fmt.Sprintf("no transport %q", c.Transport)}
	}
	if open, err = t.Open(c.Options); err != nil {
		return open, nil, fmt.Errorf("cannot prepare the hop: %w", err)
	}
	open.Nonce, open.Name, open.Timeout = nonce, c.Title, c.Timeout
	for _, a := range open.Attempts {
		if a.Prompt == nil || len(a.Prompt.Secret) == 0 {
			continue
		}
		secret := sha256.Sum256(a.Prompt.Secret)
		if hop := b.refused[secret]; hop != "" {
			return wire.Open{}, nil, refusedBefore(hop)
		}
		secrets = append(secrets, secret)
	}
	return open, secrets, nil
}
