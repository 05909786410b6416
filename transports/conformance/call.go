package conformance

import (
	"strings"
	"time"

	"runner/agent/wire"
)

// Call is something that a peer was asked to do.
type Call struct {
	r       *Rig
	started chan struct{}
	result  chan wire.Result
	refused chan wire.Refused
}

// Start calls an action and returns at once.
func (p *Peer) Start(action string, args map[string]any) *Call {
	p.r.t.Helper()
	data, err := wire.Marshal(args)
	if err != nil {
		p.r.t.Fatal(err)
	}
	c := &Call{r: p.r, started: make(chan struct{}), result: make(chan wire.Result, 1), refused: make(chan wire.Refused, 1)}
	p.r.mu.Lock()
	p.r.last++
	id := wire.CallID(p.r.last)
	p.r.calls[id] = c
	p.r.mu.Unlock()
	// A lane of its own: other tests have agents for the same users of this machine.
	p.r.send(wire.KindCall, p.id, id, wire.Call{Action: action, Args: data, Mode: wire.ModeApply, Lane: p.nonce})
	return c
}

// Run runs a command to its good end and returns its standard output.
func (p *Peer) Run(argv ...string) string {
	p.r.t.Helper()
	return p.Start("command", map[string]any{"argv": argv}).Text("stdout")
}

// AwaitStarted waits until the call has its lane.
func (c *Call) AwaitStarted() {
	c.r.t.Helper()
	select {
	case <-c.started:
	case result := <-c.result:
		c.r.t.Fatalf("the call ended: %+v", result.Problem)
	case refused := <-c.refused:
		c.r.t.Fatalf("the call was refused: %+v", refused.Problem)
	case <-time.After(patience):
		c.r.t.Fatal("the call does not start")
	}
}

// Text waits for the call's good end and returns a result that is text.
func (c *Call) Text(name string) string {
	c.r.t.Helper()
	select {
	case result := <-c.result:
		if result.Problem != nil {
			c.r.t.Fatalf("the call failed: %s (%s): %s", result.Problem.Message, result.Problem.Code, result.Problem.Quote)
		}
		all, err := result.Attributes(nil)
		if err != nil {
			c.r.t.Fatal(err)
		}
		text, ok := all.Values[name].(string)
		if !ok {
			c.r.t.Fatalf("the result has no text %s: %v", name, all.Values)
		}
		return text
	case refused := <-c.refused:
		c.r.t.Fatalf("the call was refused: %+v", refused.Problem)
	case <-time.After(patience):
		c.r.t.Fatal("the call does not end")
	}
	return ""
}

func (r *Rig) send(kind wire.Kind, peer wire.PeerID, call wire.CallID, message any) {
	r.t.Helper()
	f, err := wire.Message(kind, peer, call, message)
	if err == nil {
		err = r.link.Send(f)
	}
	if err != nil {
		r.t.Fatalf("cannot send: %v", err)
	}
}

// handle takes what comes up from the parent agent.
func (r *Rig) handle(f wire.Frame) {
	r.mu.Lock()
	peer, call := r.peers[f.Peer], r.calls[f.Call]
	r.mu.Unlock()
	switch {
	case f.Kind == wire.KindHello && peer != nil:
		take(r, f, peer.hello)
	case f.Kind == wire.KindLost && peer != nil:
		take(r, f, peer.lost)
	case f.Kind == wire.KindStarted && call != nil:
		close(call.started)
	case f.Kind == wire.KindResult && call != nil:
		take(r, f, call.result)
	case f.Kind == wire.KindRefused && call != nil:
		take(r, f, call.refused)
	case f.Kind == wire.KindHello, f.Kind == wire.KindCredit:
	default:
		r.t.Errorf("a frame that nothing asked for: %+v", wire.Frame{Kind: f.Kind, Peer: f.Peer, Call: f.Call})
	}
}

// take decodes a message for the one who waits for it.
func take[M any](r *Rig, f wire.Frame, to chan<- M) {
	var m M
	if err := wire.Unmarshal(f.Payload, &m); err != nil {
		r.t.Errorf("%s: %v", strings.TrimSpace(string(f.Payload[:min(len(f.Payload), 40)])), err)
		return
	}
	to <- m
}
