package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"time"

	"runner/agent/action"
	"runner/agent/wire"
)

// call is one call from its frame to its result.
type call struct {
	calls    *calls
	id       wire.CallID
	msg      wire.Call
	size     int // of its payload
	pipeline *pipeline
	next     *call // that waits for the end of this one, in its pipeline; guarded by calls.mu
	under    *call // the one that takes the run's lock, if it came before

	ctx    context.Context
	cancel context.CancelCauseFunc
	kill   func()         // from now on nothing of it is ended politely
	done   chan struct{}  // closed when it has ended, just before its result is sent
	failed *wire.Problem  // why it failed; written before done is closed
	args   map[string]any // of an action, decoded

	// calls.mu guards what follows.
	started bool
	begun   *time.Timer // tells that it has started, unless it has ended by then

	held           *hold // of a call that has content for others
	input          *wire.Buffer
	stdout, stderr *wire.SendWindow
}

// run carries the call out, and answers it.
func (c *call) run() {
	a := c.calls.agent
	defer c.cancel(nil)
	result := c.inTurn()
	c.input.Close(io.ErrClosedPipe)
	frame, err := wire.Message(wire.KindResult, 0, c.id, result)
	if err == nil {
		err = frame.Check()
	}
	if err != nil {
		result = wire.Result{Problem: tooLarge(err), Started: result.Started, Elapsed: result.Elapsed}
		frame, err = wire.Message(wire.KindResult, 0, c.id, result)
	}
	send := a.link.SendWait
	if c.calls.end(c, result.Problem) {
		send = a.link.SendSoon
	}
	if err == nil {
		err = send(context.WithoutCancel(c.ctx), frame)
	}
	_ = err // the link is gone, and its other side knows that
}

func tooLarge(err error) *wire.Problem {
	if large, ok := errors.AsType[*wire.TooLargeError](err); ok {
		return &wire.Problem{
			Code: wire.CodeTooLarge, Message: fmt.Sprintf("the result has %d bytes, which is too much to send", large.Size),
			Hint: "The task was carried out; let it print or return less.",
		}
	}
	return &wire.Problem{Code: wire.CodeAction, Message: fmt.Sprintf("cannot send the result: %v", err)}
}

// inTurn waits for the run's lock and the lane, and carries the call out under them.
func (c *call) inTurn() wire.Result {
	a := c.calls.agent
	if c.under != nil && c.msg.Flags&wire.FlagNoLane == 0 {
		select {
		case <-c.under.done:
		case <-c.ctx.Done():
			return wire.Result{Problem: c.problem(context.Cause(c.ctx))}
		}
		if c.under.failed != nil {
			return wire.Result{Problem: c.under.failed}
		}
	}
	c.calls.mu.Lock()
	skip := c.pipeline.failed && c.msg.Flags&wire.FlagAlways == 0
	c.calls.mu.Unlock()
	if skip {
		return wire.Result{Problem: &wire.Problem{Code: wire.CodePipeline, Message: "an earlier call of the same pipeline failed"}}
	}
	if c.ctx.Err() != nil {
		return wire.Result{Problem: c.problem(context.Cause(c.ctx))}
	}
	if c.msg.Flags&wire.FlagNoLane == 0 && c.msg.Mode == wire.ModeApply { // a look disturbs nobody, and may come at any time
		release, err := a.lanes.Acquire(c.ctx, c.msg.Lane, c.waits)
		if err != nil {
			return wire.Result{Problem: c.problem(err)}
		}
		defer release()
	}
	if err := a.link.Wait(c.ctx); err != nil { // nothing is begun whose result could not be sent
		return wire.Result{Problem: c.problem(err)}
	}
	began := time.Now()
	if err := c.start(began); err != nil {
		return wire.Result{Problem: c.problem(err)}
	}
	result := c.carryOut()
	result.Started, result.Elapsed = began, time.Since(began)
	return result
}

// waits tells for whom the call waits, which has not begun.
func (c *call) waits(holder string) {
	frame, err := wire.Message(wire.KindStarted, 0, c.id, wire.Started{Waits: holder})
	if err == nil {
		_ = c.calls.agent.link.Send(frame) // if it fails, the link is gone
	}
}

// soon is how long a call may take without anybody being told that it has started.
const soon = 10 * time.Millisecond

// start notes that the call is carried out from now on, unless it was ended before.
func (c *call) start(at time.Time) error {
	c.calls.mu.Lock()
	defer c.calls.mu.Unlock()
	if c.ctx.Err() != nil {
		return context.Cause(c.ctx)
	}
	c.started = true
	c.begun = time.AfterFunc(soon, func() {
		frame, err := wire.Message(wire.KindStarted, 0, c.id, wire.Started{At: at})
		c.calls.mu.Lock()
		defer c.calls.mu.Unlock()
		if err == nil && c.begun != nil {
			_ = c.calls.agent.link.Send(frame) // if it fails, the link is gone
		}
	})
	return nil
}

func (c *call) carryOut() (result wire.Result) {
	defer func() {
		if r := recover(); r != nil { // one action's mistake must not take every other call along
			result = wire.Result{Problem: &wire.Problem{
				Code: wire.CodeAction, Message: fmt.Sprintf("%s has a bug: %v", c.msg.Action, r), Quote: wire.Quote(debug.Stack()),
			}}
		}
	}()
	ctx := c.ctx
	if c.msg.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.msg.Timeout)
		defer cancel()
	}
	defer context.AfterFunc(ctx, func() { c.input.Close(context.Cause(ctx)) })() // wakes who waits for it
	out, err := c.act(ctx)
	if encodeErr := c.encode(&result, out); encodeErr != nil {
		err = errors.Join(err, encodeErr)
	}
	if err != nil {
		if ctx.Err() != nil && c.ctx.Err() == nil { // its own deadline
			err = errors.Join(err, context.Cause(ctx))
		}
		result.Problem = c.problem(err)
	}
	return result
}

// encode puts an outcome into a result.
func (c *call) encode(result *wire.Result, out action.Outcome) (err error) {
	result.Change = out.Change
	values, isAction := out.Values.(map[string]any)
	if out.Values != nil && !isAction {
		if result.Values, err = wire.Marshal(out.Values); err != nil {
			return err
		}
	}
	return result.SetAttributes(c.args, wire.Attributes{Before: out.Before, After: out.After, Values: values})
}

// act looks, and makes the change if it is to be made.
func (c *call) act(ctx context.Context) (action.Outcome, error) {
	a := c.calls.agent
	if builtin := c.builtin(); builtin != nil {
		return builtin(ctx)
	}
	definition := find(a.cfg.Actions, c.msg.Action)
	if definition == nil {
		return action.Outcome{}, &wire.Problem{Code: wire.CodeUnsupported, Message: fmt.Sprintf("there is no action %q", c.msg.Action)}
	}
	doer, args, err := definition.Decode(c.msg.Args)
	if err != nil {
		return action.Outcome{}, err
	}
	c.args = args
	env := c.env(ctx)
	watched := c.msg.Mode == wire.ModeLook
	if watched {
		env.View.Watch()
	}
	doubtful := env.View.Disturbed()
	found, err := doer.Look(ctx, env)
	if doubtful && err == nil && found.Change.Verb == wire.VerbNone {
		found = action.Outcome{Change: definition.Doubtful()}
	}
	if watched {
		state := env.View.Seen()
		if c.msg.Flags&wire.FlagState != 0 || found.Change.Verb == wire.VerbRemove { // of what goes, Before says little
			found.Change.State = state
		}
	}
	changes := found.Change.Verb != wire.VerbNone && found.Change.Verb != wire.VerbRead
	if c.msg.Mode == wire.ModeLook && (err != nil || changes) {
		c.pipeline.unsettled = true // only one call of a pipeline runs at a time
	}
	if err != nil || !changes || c.msg.Mode != wire.ModeApply {
		return found, err
	}
	done, err := doer.Act(ctx, env, found)
	if done.Change.Verb == "" {
		done.Change, done.Before, done.After = found.Change, found.Before, found.After
	}
	return done, err
}

func find(all []action.Definition, name string) *action.Definition {
	for i := range all {
		if all[i].Name == name {
			return &all[i]
		}
	}
	return nil
}

func (c *call) env(ctx context.Context) *action.Env {
	a := c.calls.agent
	if c.msg.Flags&wire.FlagUnsettled != 0 {
		c.pipeline.unsettled = true // only one call of a pipeline runs at a time
	}
	env := &action.Env{
		Mode: c.msg.Mode, View: c.pipeline.view, Processes: a.cfg.Table,
		Environ: a.cfg.Table.Environ(c.msg.Env), Dir: a.cfg.Dir,
		Input:     func() io.Reader { return c.input },
		Output:    func(ctx context.Context) io.Writer { return &output{ctx, c, wire.StreamOutput} },
		Unsettled: c.pipeline.unsettled,
		Unknown:   c.msg.Unknown,
		WholeDiff: c.msg.Flags&wire.FlagWholeDiff != 0,
		Touched:   c.calls.touched,
		Cache:     a.cfg.Cache,
	}
	if c.msg.Flags&wire.FlagDisturbed != 0 {
		env.View.Disturb()
	}
	for _, e := range c.msg.Elsewhere {
		env.View.Elsewhere(e.Path, e.Removed)
	}
	if c.msg.Flags&wire.FlagLive != 0 {
		env.Live = func(s wire.Stream) io.Writer { return &output{ctx, c, s} }
	}
	return env
}

// problem makes an error what can cross the wire: in the words of who noticed, or why the call was ended.
func (c *call) problem(err error) *wire.Problem {
	var p *wire.Problem
	ended := context.Cause(c.ctx)
	var lost *wire.Problem
	switch {
	case errors.As(ended, &lost) && lost.Code == wire.CodeLost:
		return lost
	case errors.As(err, &p):
		if p.Code == wire.CodeTimeout && p.Hint == "" && c.msg.Timeout > 0 {
			p.Hint = fmt.Sprintf("Its timeout is %v: give it more if it needs that.", c.msg.Timeout)
		}
		return p
	case errors.Is(err, context.DeadlineExceeded):
		return &wire.Problem{Code: wire.CodeTimeout, Message: fmt.Sprintf("it did not end within %v", c.msg.Timeout)}
	case errors.Is(ended, errCancelled):
		return &wire.Problem{Code: wire.CodeCancelled, Message: errCancelled.Error()}
	}
	return &wire.Problem{Code: wire.CodeAction, Message: err.Error()}
}

// grant asks for more input.
func (c *call) grant(n uint32) error {
	if c.calls.agent.feeds.take(0, c.id, n) {
		return nil
	}
	f, err := wire.Message(wire.KindCredit, 0, c.id, wire.Credit{N: n})
	if err != nil {
		return err
	}
	f.Stream = wire.StreamInput
	return c.calls.agent.link.SendWait(c.ctx, f)
}

func (c *call) window(s wire.Stream) *wire.SendWindow {
	switch s {
	case wire.StreamOutput:
		return c.stdout
	case wire.StreamError:
		return c.stderr
	default:
		return nil
	}
}

// output is where a stream of the call is copied to on its way up, until ctx ends.
type output struct {
	ctx    context.Context //nolint:containedctx // it lives as long as one action
	call   *call
	stream wire.Stream
}

// Write waits for credit and for room, so that a slow reader slows this stream, and memory is bounded.
func (o *output) Write(p []byte) (int, error) {
	err := o.call.window(o.stream).Send(o.ctx, p, func(chunk []byte) error {
		return o.call.calls.agent.link.SendWait(o.ctx, wire.Frame{
			Kind: wire.KindData, Stream: o.stream, Call: o.call.id, Payload: bytes.Clone(chunk),
		})
	})
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// end tells that nothing follows on a stream.
func (o *output) end() error {
	return o.call.calls.agent.link.SendWait(o.ctx, wire.Frame{Kind: wire.KindData, Stream: o.stream, Call: o.call.id})
}
