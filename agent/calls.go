package agent

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"runner/agent/process"
	"runner/agent/session"
	"runner/agent/view"
	"runner/agent/wire"
)

// maxViews is how many pipelines' previews are remembered when none of their calls is left.
const maxViews = 256

// errCancelled is the cause with which a call's context ends when the controller asks for that.
var errCancelled error = &wire.Problem{Code: wire.CodeCancelled, Message: "it was cancelled"}

// calls are the calls of this peer that have not ended.
type calls struct {
	agent    *Agent
	wg       sync.WaitGroup
	sessions session.Sessions

	mu        sync.Mutex // guards what follows, and the calls' states
	byID      map[wire.CallID]*call
	bytes     int                // of the calls' payloads
	queues    map[string][]*call // by lane: the calls that wait, behind the one that runs; nil when none does
	pipelines map[uint32]*pipeline
	recent    []uint32 // numbers of those that have a view, the one used last at the end
	syncs     map[uint64]string
	lock      *call // that takes the run's lock; nil: none has come
}

// pipeline is what calls of one number have in common.
type pipeline struct {
	last      *call // the newest of its calls
	failed    bool
	unsettled bool
	view      *view.View // nil: forgotten
}

func newCalls(a *Agent) *calls {
	return &calls{
		agent: a, byID: map[wire.CallID]*call{}, queues: map[string][]*call{},
		pipelines: map[uint32]*pipeline{}, syncs: map[uint64]string{},
	}
}

// add takes a call and runs it when its turn has come.
func (t *calls) add(f wire.Frame) {
	c := &call{calls: t, id: f.Call, size: len(f.Payload), done: make(chan struct{})}
	if err := wire.Unmarshal(f.Payload, &c.msg); err != nil {
		t.agent.refuse(f, wire.CodeProtocol, err.Error())
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case f.Call == 0 || t.byID[f.Call] != nil:
		t.agent.fail(&wire.Problem{Code: wire.CodeProtocol, Message: "a call with the id of another"})
		return
	case len(t.byID) >= wire.MaxCalls, len(t.byID) > 0 && t.bytes+c.size > wire.MaxPending:
		t.agent.refuse(f, wire.CodeFull, "too many calls wait")
		return
	}
	c.begin()
	c.under = t.lock
	if t.lock == nil && c.msg.Action == wire.ActionLock {
		t.lock = c
	}
	t.byID[c.id] = c
	t.bytes += c.size
	if n := c.msg.Pipeline; n != 0 {
		c.pipeline = t.pipelineLocked(n, c.msg.Mode)
		before := c.pipeline.last
		c.pipeline.last = c
		if before != nil && !isClosed(before.done) {
			before.next = c
			return
		}
	} else {
		c.pipeline = &pipeline{view: newView(c.msg.Mode)}
	}
	t.queueLocked(c)
}

// queueLocked has a call run when those in its lane that came before have ended. What comes before it in its pipeline has by
// now: so it keeps nobody in the lane waiting for what happens elsewhere.
func (t *calls) queueLocked(c *call) {
	if c.msg.Flags&wire.FlagNoLane != 0 {
		t.wg.Go(c.run)
		return
	}
	queue, running := t.queues[c.msg.Lane]
	at, _ := slices.BinarySearchFunc(queue, c, func(a, b *call) int { return cmp.Compare(a.id, b.id) })
	t.queues[c.msg.Lane] = slices.Insert(queue, at, c)
	if !running {
		t.wg.Go(func() { t.drain(c.msg.Lane) })
	}
}

// drain runs the calls of a lane one after the other until none is left.
func (t *calls) drain(lane string) {
	for {
		t.mu.Lock()
		queue := t.queues[lane]
		if len(queue) == 0 {
			delete(t.queues, lane)
			t.mu.Unlock()
			return
		}
		c := queue[0]
		queue[0] = nil
		t.queues[lane] = queue[1:]
		t.mu.Unlock()
		c.run()
	}
}

func newView(mode wire.Mode) *view.View {
	if mode == wire.ModeLook {
		return view.Preview()
	}
	return view.Live()
}

// pipelineLocked returns the pipeline of a number. If too many views are remembered, the one that has not been used for
// longest is forgotten: what its pipeline would have left is not known any more, and that is what later calls find.
func (t *calls) pipelineLocked(n uint32, mode wire.Mode) *pipeline {
	p := t.pipelines[n]
	switch {
	case p == nil:
		p = &pipeline{view: newView(mode)}
		t.pipelines[n] = p
	case p.view == nil:
		p.view = newView(mode)
		if mode == wire.ModeLook {
			p.view.Disturb()
			p.unsettled = true
		}
	}
	for i, other := range t.recent {
		if other == n {
			t.recent = append(t.recent[:i], t.recent[i+1:]...)
			break
		}
	}
	t.recent = append(t.recent, n)
	for i := 0; len(t.recent) > maxViews && i < len(t.recent)-1; {
		old := t.pipelines[t.recent[i]]
		if !isClosed(old.last.done) {
			i++
			continue
		}
		old.view, old.last = nil, nil
		t.recent = append(t.recent[:i], t.recent[i+1:]...)
	}
	return p
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// take takes a frame for a call. Frames for one that has ended may still come. The error is a violation.
func (t *calls) take(f wire.Frame) error {
	t.mu.Lock()
	c := t.byID[f.Call]
	t.mu.Unlock()
	if c == nil {
		return nil
	}
	switch f.Kind { //nolint:exhaustive // there are no others
	case wire.KindData, wire.KindPiece:
		switch {
		case f.Stream != wire.StreamInput:
			return &wire.Problem{Code: wire.CodeProtocol, Message: "data on a stream that does not go down"}
		case f.Kind == wire.KindPiece:
			return c.input.PutAt(f.Offset, f.Payload)
		}
		return c.input.Put(f.Payload)
	case wire.KindCredit:
		var m wire.Credit
		if err := wire.Unmarshal(f.Payload, &m); err != nil {
			return err
		}
		window := c.window(f.Stream)
		if window == nil {
			return &wire.Problem{Code: wire.CodeProtocol, Message: "credit for a stream that does not go up"}
		}
		return window.Grant(m.N)
	case wire.KindCancel:
		var m wire.Cancel
		if err := wire.Unmarshal(f.Payload, &m); err != nil {
			return err
		}
		t.cancel(f.Call, m)
	}
	return nil
}

// cancel ends a call. A program of it that must not be cut goes on unless it is to be killed.
func (t *calls) cancel(id wire.CallID, how wire.Cancel) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.byID[id]
	if c == nil || c.started && how.Queued {
		return
	}
	if how.Kill {
		c.kill()
	}
	c.cancel(errCancelled)
}

// holding returns what a call holds; nil if that call has ended, or never held anything.
func (t *calls) holding(id wire.CallID) *hold {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c := t.byID[id]; c != nil {
		return c.held
	}
	return nil
}

// end forgets a call, of which nothing but its result is sent from now on, and says whether another one of its lane follows.
func (t *calls) end(c *call, failed *wire.Problem) (more bool) {
	t.agent.feeds.drop(0, c.id)
	t.mu.Lock()
	defer t.mu.Unlock()
	if c.begun != nil {
		c.begun.Stop()
		c.begun = nil
	}
	delete(t.byID, c.id)
	t.bytes -= c.size
	c.msg.Args, c.msg.Env, c.args = nil, nil, nil // its pipeline may remember the call for long
	c.failed = failed
	if failed != nil && c.msg.Flags&wire.FlagContinue == 0 {
		c.pipeline.failed = true
	}
	close(c.done)
	if c.next != nil {
		t.queueLocked(c.next)
		c.next = nil
	}
	return c.msg.Flags&wire.FlagNoLane == 0 && len(t.queues[c.msg.Lane]) > 0
}

// wait waits for all calls when contact with the parent is lost. Programs that must not be cut may take their time: then
// we say so to whoever would end us. Nothing comes for the calls any more, and nobody reads what they say.
func (t *calls) wait(why error) {
	t.mu.Lock()
	for _, c := range t.byID {
		c.cancel(why)
		c.input.Close(why)
		c.stdout.Close(why)
		c.stderr.Close(why)
	}
	t.mu.Unlock()
	if t.agent.cfg.Table.MustFinish() {
		process.Finishing()
	}
	t.wg.Wait()
}

// begin gives a call its context.
func (c *call) begin() {
	ctx, cancel := context.WithCancelCause(c.calls.agent.ctx)
	c.cancel = cancel
	c.ctx, c.kill = process.WithKill(ctx)
	c.input = wire.NewBuffer(0, wire.Window, wire.WideWindow, c.grant)
	if c.msg.Action == wire.ActionHold {
		c.held = newHold()
	}
	c.stdout, c.stderr = wire.NewSendWindow(wire.Window), wire.NewSendWindow(wire.Window)
}
