package broker

import (
	"testing"
	"testing/synctest"

	"runner/agent/wire"
)

// G23, G22: what must not come from a root, or from nobody known, ends the link it comes on; others go on.
func TestG23Violations(t *testing.T) {
	frame := func(kind wire.Kind, peer wire.PeerID, call wire.CallID, m any) wire.Frame {
		f, err := wire.Message(kind, peer, call, m)
		if err != nil {
			panic(err)
		}
		return f
	}
	data := func(stream wire.Stream, n int) func(b *Broker, c *Pending) []wire.Frame {
		return func(b *Broker, c *Pending) (out []wire.Frame) {
			for range n {
				out = append(out, wire.Frame{
					Kind: wire.KindData, Stream: stream, Peer: c.peer.id, Call: c.id, Payload: make([]byte, wire.MaxChunk),
				})
			}
			return out
		}
	}
	just := func(f func(b *Broker, c *Pending) wire.Frame) func(b *Broker, c *Pending) []wire.Frame {
		return func(b *Broker, c *Pending) []wire.Frame { return []wire.Frame{f(b, c)} }
	}
	for name, frames := range map[string]func(b *Broker, c *Pending) []wire.Frame{
		"a peer that nobody granted": just(func(*Broker, *Pending) wire.Frame { return wire.Frame{Kind: wire.KindStarted, Peer: 77} }),
		"a result in the name of another link's peer": just(func(b *Broker, c *Pending) wire.Frame {
			return frame(wire.KindResult, b.Peer(2).id, c.id, wire.Result{})
		}),
		"a hello in the name of another link's peer": just(func(b *Broker, _ *Pending) wire.Frame {
			return frame(wire.KindHello, b.Peer(2).id, 0, wire.Hello{Capability: wire.Capability, Nonce: b.Peer(2).nonce})
		}),
		"the loss of another link's peer": just(func(b *Broker, _ *Pending) wire.Frame {
			return frame(wire.KindLost, b.Peer(2).id, 0, wire.Lost{Problem: wire.Problem{Code: wire.CodeEnded}})
		}),
		"a second hello": just(func(b *Broker, c *Pending) wire.Frame {
			return frame(wire.KindHello, 0, 0, wire.Hello{Capability: wire.Capability, Nonce: c.peer.nonce})
		}),
		"its own loss":          just(func(*Broker, *Pending) wire.Frame { return frame(wire.KindLost, 0, 0, wire.Lost{}) }),
		"a call from below":     just(func(_ *Broker, c *Pending) wire.Frame { return frame(wire.KindCall, c.peer.id, 1, wire.Call{}) }),
		"an open from below":    just(func(_ *Broker, c *Pending) wire.Frame { return frame(wire.KindOpen, c.peer.id, 9, wire.Open{}) }),
		"a close from below":    just(func(*Broker, *Pending) wire.Frame { return wire.Frame{Kind: wire.KindClose} }),
		"a piece from below":    just(func(*Broker, *Pending) wire.Frame { return wire.Frame{Kind: wire.KindPiece} }),
		"a cancel from below":   just(func(*Broker, *Pending) wire.Frame { return frame(wire.KindCancel, 0, 1, wire.Cancel{}) }),
		"the result of no call": just(func(*Broker, *Pending) wire.Frame { return frame(wire.KindResult, 0, 99, wire.Result{}) }),
		"a malformed result": just(func(_ *Broker, c *Pending) wire.Frame {
			return wire.Frame{Kind: wire.KindResult, Call: c.id, Payload: []byte{0xff}}
		}),
		"an empty hello":             just(func(*Broker, *Pending) wire.Frame { return wire.Frame{Kind: wire.KindHello} }),
		"output beyond the window":   data(wire.StreamOutput, wire.Window/wire.MaxChunk+1),
		"errors beyond the window":   data(wire.StreamError, wire.Window/wire.MaxChunk+1),
		"output on the input stream": data(wire.StreamInput, 1),
		"output on no stream":        data(3, 1),
		"output after its end": func(_ *Broker, c *Pending) []wire.Frame {
			end := wire.Frame{Kind: wire.KindData, Stream: wire.StreamOutput, Call: c.id}
			return []wire.Frame{end, end}
		},
		"credit for no call":  just(func(_ *Broker, c *Pending) wire.Frame { return frame(wire.KindCredit, 0, c.id+1, wire.Credit{N: 1}) }),
		"credit for no input": just(func(_ *Broker, c *Pending) wire.Frame { return frame(wire.KindCredit, 0, c.id, wire.Credit{N: 1}) }),
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.child["docker late"] = func(*agent, wire.PeerID, wire.Open) {}
				b := w.broker(ssh(-1, "a"), hopTo(0, "sudo", "root"), ssh(-1, "b"), hopTo(0, "docker", "late"))
				defer w.close(b)
				late := b.Peer(3).Call(call("echo", nil), CallOptions{})
				behind := b.Peer(1).Call(call("hold", nil), CallOptions{})
				victim := b.Peer(2).Call(call("hold", nil), CallOptions{})
				c := b.Peer(0).Call(call("hold", nil), CallOptions{})
				for _, p := range []*Pending{behind, victim, c} {
					<-p.Started()
				}
				for _, f := range frames(b, c) {
					_ = w.agent("a").link.Send(f)
				}
				wantLost(t, failure(t, c), 0, wire.CodeProtocol, false)
				wantLost(t, failure(t, behind), 0, wire.CodeProtocol, false)
				_ = failure(t, late)
				synctest.Wait()
				if isClosed(victim.Done()) {
					t.Error("another link's call ended")
				}
				victim.Cancel(false)
				wait(t, victim)
			})
		})
	}
}

// G23: what must not come from a peer behind a root, ends that peer and what is behind it. Its host goes on, and so do
// its siblings.
func TestG23ViolationsBehind(t *testing.T) {
	frame := func(kind wire.Kind, p *Peer, call wire.CallID, m any) wire.Frame {
		f, err := wire.Message(kind, p.id, call, m)
		if err != nil {
			panic(err)
		}
		return f
	}
	for name, violate := range map[string]func(rogue *Peer, c *Pending) wire.Frame{
		"a second hello": func(rogue *Peer, _ *Pending) wire.Frame {
			return frame(wire.KindHello, rogue, 0, wire.Hello{Capability: wire.Capability, Nonce: rogue.nonce})
		},
		"a hello with another nonce": func(rogue *Peer, _ *Pending) wire.Frame {
			return frame(wire.KindHello, rogue, 0, wire.Hello{Capability: wire.Capability, Nonce: "0"})
		},
		"a malformed result": func(rogue *Peer, c *Pending) wire.Frame {
			return wire.Frame{Kind: wire.KindResult, Peer: rogue.id, Call: c.id, Payload: []byte{0xff}}
		},
		"the malformed loss of a child": func(rogue *Peer, _ *Pending) wire.Frame {
			return wire.Frame{Kind: wire.KindLost, Peer: rogue.children[0].id, Payload: []byte{0xff}}
		},
		"the result of no call": func(rogue *Peer, _ *Pending) wire.Frame {
			return frame(wire.KindResult, rogue, 99, wire.Result{})
		},
		"output on no stream": func(rogue *Peer, c *Pending) wire.Frame {
			return wire.Frame{Kind: wire.KindData, Stream: 3, Peer: rogue.id, Call: c.id, Payload: []byte("x")}
		},
		"a close from below": func(rogue *Peer, _ *Pending) wire.Frame {
			return wire.Frame{Kind: wire.KindClose, Peer: rogue.id}
		},
		"a feed from below": func(rogue *Peer, c *Pending) wire.Frame {
			return frame(wire.KindFeed, rogue, c.id, wire.Feed{Peer: rogue.id, Call: c.id})
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				b := w.broker(ssh(-1, "a"), hopTo(0, "docker", "rogue"), hopTo(1, "sudo", "root"), hopTo(0, "docker", "sibling"))
				defer w.close(b)
				var calls []*Pending
				for i := range 4 {
					calls = append(calls, b.Peer(i).Call(call("hold", nil), CallOptions{}))
				}
				for _, c := range calls {
					<-c.Started()
				}
				a, rogue := w.agent("a"), b.Peer(1)
				_ = a.link.Send(violate(rogue, calls[1]))
				wantLost(t, failure(t, calls[1]), 1, wire.CodeProtocol, false)
				wantLost(t, failure(t, calls[2]), 1, wire.CodeProtocol, false)
				synctest.Wait()
				a.mu.Lock()
				last := a.frames[len(a.frames)-1]
				a.mu.Unlock()
				if last.Kind != wire.KindClose || last.Peer != rogue.id {
					t.Errorf("its parent was told %+v, not to end it", last)
				}
				for _, i := range []int{0, 3} {
					if isClosed(calls[i].Done()) {
						t.Errorf("the call to %s ended", b.Peer(i).hop.plan.Title)
					}
					calls[i].Cancel(false)
					wait(t, calls[i])
				}
			})
		})
	}
	t.Run("a result before the hello", func(t *testing.T) {
		inBubble(t, func(t *testing.T, w *world) {
			w.child["docker late"] = func(*agent, wire.PeerID, wire.Open) {}
			b := w.broker(ssh(-1, "a"), hopTo(0, "docker", "late"))
			defer w.close(b)
			late := b.Peer(1).Call(call("echo", nil), CallOptions{})
			wait(t, b.Peer(0).Call(call("echo", nil), CallOptions{}))
			_ = w.agent("a").link.Send(frame(wire.KindResult, b.Peer(1), 1, wire.Result{}))
			wantLost(t, failure(t, late), 1, wire.CodeProtocol, false)
			wait(t, b.Peer(0).Call(call("echo", nil), CallOptions{}))
		})
	})
}

// What is unknown is answered, and so is what came too late; neither ends anything.
func TestUnknownAndLateFrames(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		b := w.broker(ssh(-1, "a"), hopTo(0, "sudo", "root"))
		defer w.close(b)
		c := b.Peer(1).Call(call("hold", nil), CallOptions{})
		<-c.Started()
		a, child := w.agent("a"), b.Peer(1).id
		_ = a.link.Send(wire.Frame{Kind: 99, Peer: child, Call: 3, Payload: []byte("future")})
		synctest.Wait()
		a.mu.Lock()
		last := a.frames[len(a.frames)-1]
		a.mu.Unlock()
		var refused wire.Refused
		decode(t, last, &refused)
		if last.Kind != wire.KindRefused || last.Peer != child || last.Call != 3 || refused.Kind != 99 || refused.Problem.Code != wire.CodeUnsupported {
			t.Errorf("answered %+v %+v", last, refused)
		}
		a.lose(child, wire.Problem{Code: wire.CodeEnded, Message: "killed"}, true)
		_ = failure(t, c)
		a.result(wire.Frame{Peer: child, Call: c.id}, wire.Result{}) // relayed behind the loss
		_ = a.link.Send(wire.Frame{Kind: wire.KindRefused, Payload: []byte{0xa2, 1, 5, 2, 0xa2, 1, 0x60, 2, 0x60}})
		over := b.Peer(0).Call(call("echo", nil), CallOptions{})
		wait(t, over)
		a.send(wire.KindCredit, 0, over.id, wire.Credit{N: 1})
		wait(t, b.Peer(0).Call(call("echo", nil), CallOptions{}))
	})
}
