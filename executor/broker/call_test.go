package broker

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"runner/agent/wire"
	"runner/planner/plan"
)

func one() []plan.Connection { return []plan.Connection{ssh(-1, "a")} }

// G22: what waits at a peer is bounded, in calls and in bytes; the rest waits here, and goes as there is room.
func TestG22OutstandingCallsAreBounded(t *testing.T) {
	for name, c := range map[string]struct {
		size, calls, most int
	}{
		"many":  {0, wire.MaxCalls + 50, wire.MaxCalls},
		"large": {1 << 20, 20, wire.MaxPending / (1<<20 + 100)},
		"huge":  {wire.MaxPayload - 100, 5, 2},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				var mu sync.Mutex
				var waiting []wire.Frame
				most := 0
				w.actions["wait"] = func(_ *agent, f wire.Frame, _ *wire.Call) {
					mu.Lock()
					defer mu.Unlock()
					waiting = append(waiting, f)
					most = max(most, len(waiting))
				}
				b := w.broker(one()...)
				defer w.close(b)
				var pending []*Pending
				for range c.calls {
					pending = append(pending, b.Peer(0).Call(call("wait", make([]byte, c.size)), CallOptions{}))
				}
				synctest.Wait()
				if most != c.most {
					t.Errorf("%d calls waited at the peer, want %d", most, c.most)
				}
				for answered := 0; answered < c.calls; {
					mu.Lock()
					f := waiting[0]
					waiting = waiting[1:]
					mu.Unlock()
					w.agent("a").result(f, wire.Result{})
					synctest.Wait()
					if answered++; isClosed(pending[answered-1].Done()) != true {
						t.Fatalf("call %d has not ended", answered-1)
					}
				}
				if most != c.most {
					t.Errorf("then %d calls waited at the peer", most)
				}
				first, last := wait(t, pending[0]), wait(t, pending[len(pending)-1])
				if first.Trip != 3 || last.Trip < 4 {
					t.Errorf("the first call took %d round trips, the last %d: it had to wait for another one's end", first.Trip, last.Trip)
				}
			})
		})
	}
}

// G19: a peer that is stuck holds up no other, also behind the same link.
func TestG19StuckPeerStallsOnlyItself(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		b := w.broker(ssh(-1, "a"), hopTo(0, "docker", "stuck"), hopTo(0, "docker", "other"))
		defer w.close(b)
		for range 12 {
			b.Peer(1).Call(call("never", make([]byte, 1<<20)), CallOptions{})
		}
		for range 12 {
			wait(t, b.Peer(2).Call(call("echo", make([]byte, 1<<20)), CallOptions{}))
		}
	})
}

// G22: what parents hold for children that are being started is bounded for all of them together; the rest waits here
// until one has come up, or has not.
func TestG22HeldCallsAreBounded(t *testing.T) {
	for name, size := range map[string]int{"bytes": 1 << 20, "calls": 1} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				const children = 6
				each, most := 7, wire.MaxAhead/(1<<20+100)
				if size == 1 {
					each, most = 1000, wire.MaxCalls
				}
				var opens []func(ready bool)
				connections := one()
				for i := range children {
					connections = append(connections, hopTo(0, "docker", fmt.Sprint(i)))
					w.child[fmt.Sprintf("docker %d", i)] = func(a *agent, id wire.PeerID, o wire.Open) {
						opens = append(opens, func(ready bool) {
							if ready {
								a.hello(id, o.Nonce, o.Name)
							} else {
								a.lose(id, wire.Problem{Code: wire.CodeHop, Message: "no"}, false)
							}
						})
					}
				}
				b := w.broker(connections...)
				defer w.close(b)
				var pending []*Pending
				for i := range children {
					for range each {
						pending = append(pending, b.Peer(i+1).Call(call("echo", make([]byte, size)), CallOptions{}))
					}
				}
				synctest.Wait()
				if got := len(w.agent("a").calls()); got != most {
					t.Errorf("%d calls were sent ahead, want %d", got, most)
				}
				for i, say := range opens {
					say(i%2 == 0)
					synctest.Wait()
				}
				ended, reached := 0, 0
				for _, p := range pending {
					if _, err := p.Wait(t.Context()); err == nil {
						reached++
					}
					ended++
				}
				if reached != children/2*each {
					t.Errorf("%d of %d calls reached a child", reached, ended)
				}
				if r := b.Peer(0).link; r.ahead != (ahead{}) {
					t.Errorf("at the end %+v are counted as held", r.ahead)
				}
			})
		})
	}
}

// G18: a call that is too large is an error before it is sent, a result that is too large one when it comes.
func TestG18TooLarge(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		large := wire.Frame{Kind: wire.KindResult, Payload: make([]byte, wire.MaxPayload+1)}
		raw := func(a *agent, f wire.Frame) {
			large.Peer, large.Call = f.Peer, f.Call
			_, _ = a.conn.Write(wire.AppendFrame(nil, large)) // a link would not
		}
		w.actions["large"] = func(a *agent, f wire.Frame, _ *wire.Call) { raw(a, f) }
		b := w.broker(one()...)
		defer w.close(b)
		if err := failure(t, b.Peer(0).Call(call("echo", make([]byte, wire.MaxPayload)), CallOptions{})); problemCode(err) != wire.CodeTooLarge {
			t.Errorf("a call: %v", err)
		}
		c := b.Peer(0).Call(call("large", nil), CallOptions{})
		if err := failure(t, c); problemCode(err) != wire.CodeTooLarge {
			t.Errorf("a result: %v", err)
		}
		synctest.Wait()
		a := w.agent("a")
		a.mu.Lock()
		last := a.frames[len(a.frames)-1]
		a.mu.Unlock()
		var refused wire.Refused
		decode(t, last, &refused)
		if last.Kind != wire.KindRefused || last.Call != c.id || refused.Kind != wire.KindResult || refused.Problem.Code != wire.CodeTooLarge {
			t.Errorf("the agent was told %+v %+v", last, refused)
		}
		a.result(wire.Frame{Peer: last.Peer, Call: last.Call}, wire.Result{Problem: &refused.Problem}) // as agents do then
		wait(t, b.Peer(0).Call(call("echo", nil), CallOptions{}))
		if n := len(b.Peer(0).calls.sent); n != 0 {
			t.Errorf("%d calls are still kept", n)
		}
	})
}

// G18: a refusal ends what it refuses.
func TestG18RefusedCall(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.actions["refuse"] = func(a *agent, f wire.Frame, _ *wire.Call) {
			a.send(wire.KindRefused, f.Peer, f.Call, wire.Refused{Kind: wire.KindCall, Problem: wire.Problem{Code: wire.CodeFull, Message: "full"}})
			a.send(wire.KindRefused, f.Peer, f.Call, wire.Refused{Kind: wire.KindCancel, Problem: wire.Problem{Code: wire.CodeUnsupported}})
		}
		w.actions["halve"] = func(a *agent, f wire.Frame, _ *wire.Call) { // its input was refused, it ends as it does
			a.send(wire.KindRefused, f.Peer, f.Call, wire.Refused{Kind: wire.KindData, Problem: wire.Problem{Code: wire.CodeTooLarge}})
			a.result(f, wire.Result{})
		}
		b := w.broker(one()...)
		defer w.close(b)
		if err := failure(t, b.Peer(0).Call(call("refuse", nil), CallOptions{})); problemCode(err) != wire.CodeFull {
			t.Errorf("a refused call: %v", err)
		}
		if err := failure(t, b.Peer(0).Call(call("halve", nil), CallOptions{})); problemCode(err) != wire.CodeTooLarge {
			t.Errorf("a call whose input was refused: %v", err)
		}
		reply := wait(t, b.Peer(0).Call(call("unknown", nil), CallOptions{}))
		if reply.Problem == nil || reply.Problem.Code != wire.CodeUnsupported {
			t.Errorf("a failed call: %+v", reply)
		}
	})
}

func TestCancel(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.gate = make(chan struct{})
		b := w.broker(one()...)
		defer w.close(b)
		early := b.Peer(0).Call(call("echo", nil), CallOptions{})
		early.Cancel(false)
		withdrawn := b.Peer(0).Call(call("echo", nil), CallOptions{})
		withdrawn.Withdraw()
		close(w.gate)
		held := b.Peer(0).Call(call("hold", nil), CallOptions{})
		for _, c := range []*Pending{early, withdrawn} {
			if err := failure(t, c); problemCode(err) != wire.CodeCancelled {
				t.Errorf("cancelled before it was sent: %v", err)
			}
		}
		<-held.Started()
		held.Withdraw()
		held.Cancel(false)
		held.Cancel(true)
		if reply := wait(t, held); reply.Problem == nil || reply.Problem.Code != wire.CodeCancelled {
			t.Errorf("cancelled while it ran: %+v", reply)
		}
		held.Cancel(true)
		synctest.Wait()
		var how []wire.Cancel
		for _, f := range w.agent("a").frames {
			if f.Kind == wire.KindCancel {
				var c wire.Cancel
				decode(t, f, &c)
				how = append(how, c)
			}
		}
		if len(how) < 1 || how[0] != (wire.Cancel{Queued: true}) {
			t.Errorf("the agent was told %+v", how)
		}
		if n := len(w.agent("a").calls()); n != 1 {
			t.Errorf("%d calls were sent", n)
		}
	})
}

// input gives what a test says, and notices its end.
type input struct {
	io.Reader
	closed chan struct{}
	once   sync.Once
}

func (i *input) Close() error {
	i.once.Do(func() { close(i.closed) })
	return nil
}

func TestInputIsSentAsItIsAskedFor(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		b := w.broker(one()...)
		defer w.close(b)
		content := make([]byte, 3<<20+1)
		_, _ = rand.Read(content)
		opened := 0
		in := &input{Reader: bytes.NewReader(content), closed: make(chan struct{})}
		open := func() (io.ReadCloser, error) {
			opened++
			return in, nil
		}
		unread := b.Peer(0).Call(call("echo", nil), CallOptions{Input: open})
		wait(t, unread)
		if opened != 0 {
			t.Error("input was opened that nobody asked for")
		}
		reply := wait(t, b.Peer(0).Call(call("count", nil), CallOptions{Input: open}))
		var n int
		if err := wire.Unmarshal(reply.Values, &n); err != nil || n != len(content) || opened != 1 {
			t.Errorf("%d of %d bytes arrived, %v; opened %d times", n, len(content), err, opened)
		}
		<-in.closed
		// Three, and one for each half of a window beyond the first window, or what the last chunk makes of it.
		behind := len(content) - wire.Window
		least, most := 3+behind/(wire.Window/2+wire.MaxChunk), 3+(behind+wire.Window/2-1)/(wire.Window/2)
		if reply.Trip < least || reply.Trip > most {
			t.Errorf("%d round trips, want between %d and %d", reply.Trip, least, most)
		}
	})
}

func TestInputThatFails(t *testing.T) {
	for name, open := range map[string]func() (io.ReadCloser, error){
		"to open": func() (io.ReadCloser, error) { return nil, errors.New("no such file") },
		"to read": func() (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(bytes.NewReader(make([]byte, 1000)), &failing{})), nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				b := w.broker(one()...)
				defer w.close(b)
				reply := wait(t, b.Peer(0).Call(call("count", nil), CallOptions{Input: open}))
				if reply.Problem == nil || reply.Problem.Code != wire.CodeArguments {
					t.Errorf("%+v", reply)
				}
			})
		})
	}
}

type failing struct{}

func (*failing) Read([]byte) (int, error) { return 0, errors.New("no such file") }

// G21: an input that never ends does not outlive its call.
func TestG21InputEndsWithItsCall(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		b := w.broker(one()...)
		defer w.close(b)
		r, wr := io.Pipe()
		in := &input{Reader: r, closed: make(chan struct{})}
		w.wg.Go(func() {
			<-in.closed
			_ = wr.CloseWithError(io.ErrClosedPipe)
		})
		c := b.Peer(0).Call(call("count", nil), CallOptions{Input: func() (io.ReadCloser, error) { return in, nil }})
		_, _ = wr.Write([]byte("x"))
		c.Cancel(false)
		wait(t, c)
		<-in.closed
	})
}

// Output comes in order, all of it before the end is known, however slowly it is taken; who takes it slowly stalls only
// that call (G22).
func TestG22LiveOutput(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		const size = 2 << 20
		w.actions["print"] = func(a *agent, f wire.Frame, _ *wire.Call) {
			out := a.output(f)
			w.wg.Go(func() {
				for i := range size / 1024 {
					if err := out(bytes.Repeat([]byte{byte(i)}, 1024)); err != nil {
						t.Error(err)
					}
				}
				a.result(f, wire.Result{})
			})
		}
		b := w.broker(one()...)
		defer w.close(b)
		var slow, fast bytes.Buffer
		first := b.Peer(0).Call(call("print", nil), CallOptions{Live: func(_ wire.Stream, data []byte) {
			time.Sleep(time.Second)
			slow.Write(data)
		}})
		second := b.Peer(0).Call(call("print", nil), CallOptions{Live: func(_ wire.Stream, data []byte) { fast.Write(data) }})
		start := time.Now()
		wait(t, second)
		if took := time.Since(start); took > time.Second {
			t.Errorf("a slow reader held another one up for %v", took)
		}
		if isClosed(first.Done()) {
			t.Error("the end was known before the output")
		}
		wait(t, first)
		if slow.Len() != size || !bytes.Equal(slow.Bytes(), fast.Bytes()) || slow.Bytes()[1024] != 1 {
			t.Errorf("%d and %d bytes came", slow.Len(), fast.Len())
		}
		wait(t, b.Peer(0).Call(wire.Call{Action: "echo", Flags: wire.FlagLive}, CallOptions{}))
	})
}

// TestG22Window: as much output is under way as the call says, and no more, when nobody takes it.
func TestG22Window(t *testing.T) {
	for asked, want := range map[int]int64{0: wire.Window, 1 << 20: 1 << 20} {
		inBubble(t, func(t *testing.T, w *world) {
			var sent atomic.Int64
			w.actions["print"] = func(a *agent, f wire.Frame, _ *wire.Call) {
				out := a.output(f)
				w.wg.Go(func() {
					for range 3 << 10 {
						if err := out(make([]byte, 1<<10)); err != nil {
							t.Error(err)
						}
						sent.Add(1 << 10)
					}
					a.result(f, wire.Result{})
				})
			}
			b := w.broker(one()...)
			defer w.close(b)
			read := make(chan struct{})
			p := b.Peer(0).Call(call("print", nil), CallOptions{Window: asked, Live: func(wire.Stream, []byte) { <-read }})
			synctest.Wait()
			if got := sent.Load(); got != want {
				t.Errorf("a window of %d bytes let %d through", asked, got)
			}
			close(read)
			wait(t, p)
			if got := sent.Load(); got != 3<<20 {
				t.Errorf("%d bytes came", got)
			}
		})
	}
}

// Standard output and error stay in the order in which they came.
func TestLiveOutputKeepsStreamsInterleaved(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.actions["print"] = func(a *agent, f wire.Frame, _ *wire.Call) {
			for i := range 10 {
				data := f
				data.Kind, data.Stream, data.Payload = wire.KindData, wire.Stream(1+i%2), []byte{byte('a' + i)}
				_ = a.link.Send(data)
			}
			end := f
			end.Kind, end.Stream, end.Payload = wire.KindData, wire.StreamError, nil
			_ = a.link.Send(end)
			a.result(f, wire.Result{})
		}
		b := w.broker(one()...)
		defer w.close(b)
		got := ""
		wait(t, b.Peer(0).Call(call("print", nil), CallOptions{Live: func(s wire.Stream, data []byte) { got += fmt.Sprint(s, string(data), " ") }}))
		if want := "1a 2b 1c 2d 1e 2f 1g 2h 1i 2j "; got != want {
			t.Errorf("got %q", got)
		}
	})
}

// G22: while an agent does not read, what is sent its way stays here, but for a little; then all of it goes.
func TestG22QueueStaysSmall(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		read := make(chan struct{})
		w.actions["stall"] = func(a *agent, f wire.Frame, _ *wire.Call) {
			<-read // and with it the agent's reader
			a.result(f, wire.Result{})
		}
		connections := one()
		for i := range 8 {
			connections = append(connections, hopTo(0, "docker", fmt.Sprint(i)))
		}
		b := w.broker(connections...)
		defer w.close(b)
		pending := []*Pending{b.Peer(0).Call(call("stall", nil), CallOptions{})}
		for range 3 {
			for i := range connections {
				pending = append(pending, b.Peer(i).Call(call("echo", make([]byte, 500_000)), CallOptions{}))
			}
		}
		synctest.Wait()
		sent := 0
		b.mu.Lock()
		for _, h := range b.hops {
			sent += h.peer.calls.bytes
		}
		b.mu.Unlock()
		if sent > 2<<20 {
			t.Errorf("%d bytes were sent to an agent that does not read", sent)
		}
		close(read)
		for _, p := range pending {
			wait(t, p)
		}
	})
}

// A server that the controller does not reach is not the target's fault.
func TestInputThatIsNotReached(t *testing.T) {
	err := &url.Error{Op: "Get", URL: "http://a.example/", Err: errors.New("connection refused")}
	if p := inputProblem(err); !strings.Contains(p.Hint, "The controller fetches this") || !strings.Contains(p.Message, "http://a.example/") {
		t.Errorf("%+v", p)
	}
	if p := inputProblem(io.ErrUnexpectedEOF); p.Hint != "" {
		t.Errorf("%+v", p)
	}
}
