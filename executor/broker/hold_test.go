package broker

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"runner/agent/wire"
	"runner/planner/plan"
)

// target is a connection that tasks run at the end of.
func target(c plan.Connection) plan.Connection {
	c.Target = true
	return c
}

// several are targets behind one root, which is itself none.
func several() []plan.Connection {
	return []plan.Connection{ssh(-1, "a"), target(hopTo(0, "sudo", "root")), target(hopTo(1, "docker", "one")), target(hopTo(1, "docker", "two"))}
}

// shared is a large input that several targets need.
func shared(name string, data []byte) CallOptions {
	return CallOptions{
		Content: &wire.Hold{Size: int64(len(data)), SHA256: name},
		Input:   func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil },
	}
}

// feeds returns what a root was told to feed: by what call, and in which order with the calls.
func (a *agent) feeds(t *testing.T) (said []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, f := range a.frames {
		switch f.Kind {
		case wire.KindFeed:
			var m wire.Feed
			decode(t, f, &m)
			said = append(said, fmt.Sprintf("%d of peer %d by %d of %d", m.Call, m.Peer, f.Call, f.Peer))
		case wire.KindCall:
			said = append(said, fmt.Sprintf("call %d to %d", f.Call, f.Peer))
		case wire.KindCancel:
			said = append(said, fmt.Sprintf("cancel %d of %d", f.Call, f.Peer))
		default:
		}
	}
	return said
}

// What several targets behind a root need alike, the root is to hold once, and all of it is told in the same flight.
func TestContentIsHeldOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		b := w.broker(several()...)
		defer w.close(b)
		root := b.Peer(0)
		o := shared("x", make([]byte, 1<<20))
		o.Input = func() (io.ReadCloser, error) { t.Error("it was opened, and nobody has asked"); return nil, io.EOF }
		var want []string
		for i := 1; i <= 3; i++ {
			c := b.Peer(i).Call(call("echo", nil), o)
			if reply := wait(t, c); reply.Trip != 3 {
				t.Errorf("%d round trips", reply.Trip)
			}
			if i == 1 {
				want = append(want, fmt.Sprintf("call 1 to %d", root.id))
			}
			want = append(want, fmt.Sprintf("1 of peer %d by 1 of %d", b.Peer(i).id, root.id), fmt.Sprintf("call 1 to %d", b.Peer(i).id))
		}
		if got := w.agent("a").feeds(t); !slices.Equal(got, want) {
			t.Errorf("%q\nwant %q", got, want)
		}
		if len(root.calls.sent) != 1 {
			t.Errorf("%d calls of the root", len(root.calls.sent))
		}
	})
}

// Where it would be of no use, nothing is held.
func TestContentOfOneTarget(t *testing.T) {
	for name, connections := range map[string][]plan.Connection{
		"ssh and sudo":      {ssh(-1, "a"), target(hopTo(0, "sudo", "root"))},
		"other roots":       {target(ssh(-1, "a")), target(ssh(-1, "b"))},
		"this machine":      {hopTo(-1, "local", "here"), target(hopTo(0, "sudo", "root")), target(hopTo(0, "docker", "one"))},
		"other roots' ways": {ssh(-1, "a"), target(hopTo(0, "sudo", "root")), target(ssh(0, "b"))},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				b := w.broker(connections...)
				defer w.close(b)
				for i, c := range connections {
					if c.Target {
						wait(t, b.Peer(i).Call(call("echo", nil), shared("x", nil)))
						if holds := b.Peer(i).root.holds; len(holds) > 0 {
							t.Errorf("%s holds %d contents", c.Title, len(holds))
						}
					}
				}
			})
		})
	}
}

// What a root cannot pass on, the controller sends, from where the root has come to.
func TestRestOfAFedInput(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		data := []byte("what the root has sent, and what it has not")
		var mu sync.Mutex
		got := map[wire.PeerID]string{}
		from := map[wire.PeerID]int64{}
		w.actions["rest"] = func(a *agent, f wire.Frame, _ *wire.Call) {
			in := wire.NewBuffer(0, 100, 100, func(n uint32) error {
				mu.Lock()
				at := from[f.Peer]
				mu.Unlock()
				a.send(wire.KindCredit, f.Peer, f.Call, wire.Credit{N: n, From: at})
				return nil
			})
			a.mu.Lock()
			a.input[key(f)] = in
			a.mu.Unlock()
			w.wg.Go(func() {
				rest, _ := io.ReadAll(in)
				mu.Lock()
				got[f.Peer] = string(rest)
				mu.Unlock()
				a.result(f, wire.Result{})
			})
		}
		b := w.broker(several()...)
		defer w.close(b)
		for i, at := range []int64{0, 23, int64(len(data)), 1000} {
			p := b.Peer(1 + i%3)
			mu.Lock()
			from[p.id] = at
			mu.Unlock()
			for kind, in := range map[string]io.Reader{"a file": bytes.NewReader(data), "a stream": iotest.OneByteReader(bytes.NewReader(data))} {
				file := &seeker{Reader: in}
				o := shared("x", data)
				o.Input = func() (io.ReadCloser, error) { return file, nil }
				if kind == "a stream" {
					o.Input = func() (io.ReadCloser, error) { return io.NopCloser(file), nil }
				}
				wait(t, p.Call(call("rest", nil), o))
				want := data[min(int(at), len(data)):]
				if got[p.id] != string(want) {
					t.Errorf("%s from %d on: %q", kind, at, got[p.id])
				}
				if kind == "a file" && file.read != len(want) {
					t.Errorf("%d bytes of a file were read for %d", file.read, len(want))
				}
			}
		}
	})
}

// seeker is a file that counts what is read of it.
type seeker struct {
	io.Reader
	read int
}

func (s *seeker) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	s.read += n
	return n, err
}

func (s *seeker) Seek(offset int64, whence int) (int64, error) {
	return s.Reader.(*bytes.Reader).Seek(offset, whence)
}

func (s *seeker) Close() error { return nil }

// Only what is fed can have come without having been sent, in part or as a whole.
func TestG23CreditForAnInputThatIsNotFed(t *testing.T) {
	for name, credit := range map[string]wire.Credit{"the rest": {N: 1, From: 1}, "all has come": {}} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				b := w.broker(several()...)
				defer w.close(b)
				o := shared("x", nil)
				o.Content = nil
				c := b.Peer(2).Call(call("hold", nil), o)
				<-c.Started()
				w.agent("a").send(wire.KindCredit, b.Peer(2).id, c.id, credit)
				wantLost(t, failure(t, c), 2, wire.CodeProtocol, false)
			})
		})
	}
}

// A root keeps some contents for those who may come, those that were needed last, and all that somebody needs.
func TestIdleContents(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		b := w.broker(several()...)
		defer w.close(b)
		root := b.Peer(0)
		name := func(i int) string { return fmt.Sprint("content ", i) }
		needed := b.Peer(2).Call(call("never", nil), shared("needed", nil))
		for i := range idleHolds { // with the one that is needed there are more
			wait(t, b.Peer(1).Call(call("echo", nil), shared(name(i), nil)))
		}
		wait(t, b.Peer(3).Call(call("echo", nil), shared(name(0), nil)))
		wait(t, b.Peer(3).Call(call("echo", nil), shared(name(idleHolds), nil)))
		synctest.Wait()
		var cancelled []string
		for _, said := range w.agent("a").feeds(t) {
			if said[:6] == "cancel" {
				cancelled = append(cancelled, said)
			}
		}
		if want := []string{fmt.Sprintf("cancel 3 of %d", root.id)}; !slices.Equal(cancelled, want) { // content 1
			t.Errorf("%q, want %q", cancelled, want)
		}
		if len(root.calls.sent) != 1+idleHolds {
			t.Errorf("%d are held", len(root.calls.sent))
		}
		huge := CallOptions{Content: &wire.Hold{Size: idleBytes + 1, SHA256: "huge"}}
		also := b.Peer(3).Call(call("hold", nil), huge)
		<-also.Started()
		if len(root.holds) != 2+idleHolds {
			t.Errorf("%d are held beside a huge one that is needed", len(root.holds)-1)
		}
		also.Cancel(false)
		wait(t, also)
		if len(root.holds) != 1+idleHolds {
			t.Errorf("%d are held when nobody needs the huge one any more", len(root.holds))
		}
		needed.Cancel(true)
	})
}

// What nobody waits for any more is not sent to its end; what has been sent is kept.
func TestContentNobodyWaitsFor(t *testing.T) {
	for name, all := range map[string]bool{"on its way": false, "there": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.actions["hold"] = func(a *agent, f wire.Frame, _ *wire.Call) {
					in := a.inputOf(f)
					w.wg.Go(func() {
						buf := make([]byte, 100)
						for range 2 {
							if _, err := in.Read(buf); err != nil {
								return
							}
						}
					})
				}
				w.actions["fed"] = func(a *agent, f wire.Frame, _ *wire.Call) {
					a.mu.Lock()
					defer a.mu.Unlock()
					a.ended[key(f)] = func(wire.Cancel) { a.result(f, wire.Result{}) }
				}
				b := w.broker(several()...)
				defer w.close(b)
				r, wr := io.Pipe()
				in := &input{Reader: r, closed: make(chan struct{})}
				w.wg.Go(func() {
					<-in.closed
					_ = wr.CloseWithError(io.ErrClosedPipe)
				})
				o := shared("x", nil)
				o.Input = func() (io.ReadCloser, error) { return in, nil }
				one, two := b.Peer(1).Call(call("fed", nil), o), b.Peer(2).Call(call("fed", nil), o)
				_, _ = wr.Write([]byte("x"))
				if all {
					_ = wr.Close()
				}
				synctest.Wait()
				one.Cancel(false)
				wait(t, one)
				if holds := b.Peer(0).holds; len(holds) != 1 {
					t.Errorf("%d are held while somebody waits", len(holds))
				}
				two.Cancel(false)
				wait(t, two)
				if holds := b.Peer(0).holds; (len(holds) == 1) != all {
					t.Errorf("%d are held", len(holds))
				}
				if synctest.Wait(); !isClosed(in.closed) {
					t.Error("it is still being read")
				}
			})
		})
	}
}

// A hold that has ended is not used again, nor that of a root that was lost.
func TestContentIsHeldAnew(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		var holds []wire.Frame
		w.actions["hold"] = func(_ *agent, f wire.Frame, _ *wire.Call) { holds = append(holds, f) }
		b := w.broker(several()...)
		defer w.close(b)
		feed := func(i int) *Pending { return b.Peer(i).Call(call("never", nil), shared("x", nil)) }
		feed(1)
		feed(2)
		synctest.Wait()
		if len(holds) != 1 {
			t.Fatalf("%d times", len(holds))
		}
		w.agent("a").result(holds[0], wire.Result{Problem: &wire.Problem{Code: wire.CodeFull, Message: "no room"}})
		synctest.Wait()
		last := feed(3)
		synctest.Wait()
		if len(holds) != 2 || holds[1].Call != 3-1 {
			t.Fatalf("%d times: %+v", len(holds), holds)
		}
		w.cut("a")
		_ = failure(t, last)
		b.Renew(0)()
		wait(t, b.Peer(1).Call(call("echo", nil), shared("x", nil)))
		if len(holds) != 3 || holds[2].Peer == holds[0].Peer {
			t.Errorf("%d times: %+v", len(holds), holds)
		}
	})
}

// Who is fed has waited for what the root was waiting for, and is told how far that is; later ones wait for nothing.
func TestTripsAndProgressOfFedCalls(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		data := make([]byte, 3*wire.Window)
		come := make(chan struct{})
		w.actions["hold"] = func(a *agent, f wire.Frame, _ *wire.Call) {
			in := a.inputOf(f)
			w.wg.Go(func() {
				n, err := io.Copy(io.Discard, &lazy{in})
				if err == nil && n != int64(len(data)) {
					t.Errorf("%d bytes", n)
				}
				close(come)
			})
		}
		w.actions["fed"] = func(a *agent, f wire.Frame, _ *wire.Call) {
			w.wg.Go(func() {
				<-come
				a.send(wire.KindCredit, f.Peer, f.Call, wire.Credit{})
				a.result(f, wire.Result{})
			})
		}
		w.actions["unchanged"] = func(a *agent, f wire.Frame, _ *wire.Call) {
			w.wg.Go(func() {
				<-come
				a.result(f, wire.Result{})
			})
		}
		b := w.broker(several()...)
		defer w.close(b)
		told := map[int]int64{}
		var mu sync.Mutex
		feed := func(i int, action string) *Pending {
			o := shared("x", data)
			o.Progress = func(bytes int64) {
				mu.Lock()
				defer mu.Unlock()
				told[i] = bytes
			}
			return b.Peer(i).Call(call(action, nil), o)
		}
		one, two, other := feed(1, "fed"), feed(2, "fed"), feed(3, "unchanged")
		for _, c := range []*Pending{one, two} {
			if trip := wait(t, c).Trip; trip != 3+4 { // one for each half of a window beyond the first window
				t.Errorf("%d round trips", trip)
			}
		}
		if trip := wait(t, other).Trip; trip != 3 {
			t.Errorf("%d round trips of who has asked for nothing", trip)
		}
		told[3] = 0
		if trip := wait(t, feed(3, "fed")).Trip; trip != 3 {
			t.Errorf("%d round trips of what was there", trip)
		}
		if size := int64(len(data)); told[1] != size || told[2] != size || told[3] != 0 {
			t.Errorf("told %v of %d", told, size)
		}
	})
}
