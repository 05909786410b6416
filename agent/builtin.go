package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"runner/agent/action"
	"runner/agent/facts"
	"runner/agent/lane"
	"runner/agent/session"
	"runner/agent/wire"
)

// dialTimeout is how long a connection may take when the call has no shorter timeout.
const dialTimeout = time.Minute

// builtin returns what the agent does itself, for names that no site can use as actions.
func (c *call) builtin() func(context.Context) (action.Outcome, error) {
	switch c.msg.Action {
	case "dial":
		return c.dial
	case "facts":
		return c.facts
	case wire.ActionHold:
		return c.hold
	case wire.ActionLock:
		return c.lock
	case wire.ActionFlush:
		return c.sync
	case "session":
		return c.session
	case "resize":
		return c.resize
	case wire.ActionRaw:
		return c.raw
	case "send":
		return c.send
	case receive:
		return c.receive
	case wire.ActionWiden:
		return c.widen
	}
	return nil
}

// facts says what the target is by now.
func (c *call) facts(context.Context) (action.Outcome, error) {
	return action.Outcome{Change: wire.Change{Verb: wire.VerbRead}, Values: facts.Gather()}, nil
}

// dial connects to an address and becomes the connection: input and output are its bytes. It asks for input when it is
// connected. It ends with the connection's own output, since the streams that need it end both ways at once.
func (c *call) dial(ctx context.Context) (action.Outcome, error) {
	out := action.Outcome{Change: wire.Change{Verb: wire.VerbRead}}
	var args struct {
		Network string `cbor:"network"` // tcp, tcp4 or tcp6
		Address string `cbor:"address"`
	}
	if err := wire.Unmarshal(c.msg.Args, &args); err != nil {
		return out, err
	}
	dialer := net.Dialer{Timeout: dialTimeout}
	conn, err := dialer.DialContext(ctx, args.Network, args.Address)
	if err != nil {
		return out, &wire.Problem{Code: wire.CodeStart, Message: fmt.Sprintf("cannot connect to %s: %v", args.Address, err)}
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()

	fed := make(chan struct{})
	go func() {
		defer close(fed)
		_, _ = io.Copy(conn, struct{ io.Reader }{c.input}) // its end is told below
		if half, ok := conn.(*net.TCPConn); ok {
			_ = half.CloseWrite()
		}
	}()
	up := &output{ctx, c, wire.StreamOutput}
	_, err = io.CopyBuffer(struct{ io.Writer }{up}, struct{ io.Reader }{conn}, make([]byte, wire.MaxChunk/2))
	if err == nil {
		err = up.end()
	}
	c.input.Close(io.ErrClosedPipe)
	_ = conn.Close()
	<-fed
	if err != nil && ctx.Err() == nil {
		return out, &wire.Problem{Code: wire.CodeEnded, Message: fmt.Sprintf("the connection to %s broke: %v", args.Address, err)}
	}
	return out, context.Cause(ctx)
}

// lock takes the run's lock. While it waits for another run to end, its output is who that is.
func (c *call) lock(ctx context.Context) (action.Outcome, error) {
	out := action.Outcome{Change: wire.Change{Verb: wire.VerbRead}}
	var args wire.Lock
	err := wire.Unmarshal(c.msg.Args, &args)
	if err == nil {
		err = c.calls.agent.lanes.Join(ctx, args.Run, args.Timeout, func(held *lane.HeldError) {
			_, _ = (&output{ctx, c, wire.StreamOutput}).Write([]byte(held.Error())) // if it fails, ctx ends
		})
	}
	if held, ok := errors.AsType[*lane.HeldError](err); ok {
		problem := &wire.Problem{
			Code: wire.CodeLocked, Message: held.Error(),
			Hint: "Wait until that run has ended, or have this one wait for it with --lock-timeout, such as --lock-timeout 10m.",
		}
		if args.Timeout > 0 {
			problem.Message += fmt.Sprintf(" (waited %v)", args.Timeout)
		}
		err = problem
	}
	return out, err
}

// session runs a shell or a program for a person. It asks for input when that has begun.
func (c *call) session(ctx context.Context) (action.Outcome, error) {
	out := action.Outcome{Change: wire.Change{Verb: wire.VerbRun}}
	var request session.Request
	if err := wire.Unmarshal(c.msg.Args, &request); err != nil {
		return out, err
	}
	table := c.calls.agent.cfg.Table
	result, err := c.calls.sessions.Run(ctx, request, session.Env{
		Table: table, Environ: table.Environ(c.msg.Env), Input: c.input,
		Output: &output{ctx, c, wire.StreamOutput}, Errors: &output{ctx, c, wire.StreamError},
	})
	out.Values = result
	return out, err
}

// raw runs a command line behind a hop without an agent there. Its output is what that prints.
func (c *call) raw(ctx context.Context) (action.Outcome, error) {
	out := action.Outcome{Change: wire.Change{Verb: wire.VerbRun}}
	var request wire.Raw
	if err := wire.Unmarshal(c.msg.Args, &request); err != nil {
		return out, err
	}
	clear(c.msg.Args) // they may hold secrets
	var stdin io.Reader
	if request.Stdin {
		stdin = struct{ io.Reader }{c.input}
	}
	if len(request.Open.Attempts) == 0 {
		return out, &wire.Problem{Code: wire.CodeProtocol, Message: "no way to the other side"}
	}
	exit, err := c.calls.agent.parent().Raw(ctx, &request.Open, request.Argv, stdin, &output{ctx, c, wire.StreamOutput}, &output{ctx, c, wire.StreamError})
	out.Values = wire.RawEnd{Reason: string(exit.Reason), Status: exit.Status, Signal: exit.Signal}
	return out, err
}

// resize sets the size of a session's terminal. It is a call of its own because what is typed may be waiting for a program
// that does not read it.
func (c *call) resize(context.Context) (action.Outcome, error) {
	var request session.Resize
	if err := wire.Unmarshal(c.msg.Args, &request); err != nil {
		return action.Outcome{}, err
	}
	c.calls.sessions.Resize(request)
	return action.Outcome{Change: wire.Change{Verb: wire.VerbRead}}, nil
}

// touched remembers what a sync has to write out.
func (t *calls) touched(dir string, device uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.syncs[device] = dir
}

// sync writes out every file system that was changed since the last time, each once.
func (c *call) sync(ctx context.Context) (action.Outcome, error) {
	out := action.Outcome{Change: wire.Change{Verb: wire.VerbRead}}
	t := c.calls
	t.mu.Lock()
	touched := t.syncs
	t.syncs = map[uint64]string{}
	t.mu.Unlock()
	for device, dir := range touched {
		if ctx.Err() != nil {
			return out, context.Cause(ctx)
		}
		if err := syncFileSystem(dir, device); err != nil {
			return out, fmt.Errorf("cannot sync the file system of %s: %w", dir, err)
		}
	}
	return out, nil
}
