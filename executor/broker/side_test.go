package broker

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"runner/agent/wire"
	"runner/planner/plan"
)

const sideAddress = "127.0.0.1:7"

// sideWorld is a world whose first agent takes side streams.
type sideWorld struct {
	*world
	key    []byte
	answer []byte     // what who has connected gets; nil: nothing
	asked  int        // how often the agent was asked for them
	links  []*sideEnd // in the order in which they were made
}

// sideEnd is the agent's end of a side stream.
type sideEnd struct {
	*wire.Link
	pieces int
}

func newSideWorld(w *world) *sideWorld {
	s := &sideWorld{world: w, key: make([]byte, wire.WidenKeySize)}
	_, _ = rand.Read(s.key)
	s.answer = s.key[wire.WidenKeySize/2:]
	w.far, w.side = 2*far, s.serve
	w.actions["widen"] = func(a *agent, f wire.Frame, _ *wire.Call) {
		s.asked++
		values, _ := wire.Marshal(wire.Widened{Address: sideAddress, Key: s.key})
		a.result(f, wire.Result{Values: values})
	}
	w.actions["digest"] = func(a *agent, f wire.Frame, _ *wire.Call) {
		in := a.inputOf(f)
		a.mu.Lock()
		a.ended[key(f)] = func(wire.Cancel) { in.Close(io.ErrClosedPipe) }
		a.mu.Unlock()
		w.wg.Go(func() {
			sum := sha256.New()
			if _, err := io.Copy(sum, &lazy{in}); err != nil {
				return
			}
			values, _ := wire.Marshal(sum.Sum(nil))
			a.result(f, wire.Result{Values: values})
		})
	}
	return s
}

// serve is the agent's end of a connection that was made through the ssh server at an address.
func (s *sideWorld) serve(address string, conn net.Conn) {
	defer conn.Close()
	said := make([]byte, wire.WidenKeySize/2)
	if _, err := io.ReadFull(conn, said); err != nil || !bytes.Equal(said, s.key[:len(said)]) {
		s.t.Errorf("who connects says %x, %v", said, err)
	}
	if s.answer == nil {
		_, _ = conn.Read(said)
		return
	}
	if _, err := conn.Write(s.answer); err != nil {
		return
	}
	a := s.agent(address)
	end := &sideEnd{Link: wire.NewLink(conn, wire.LinkConfig{})}
	s.mu.Lock()
	s.links = append(s.links, end)
	s.mu.Unlock()
	_ = end.Run(func(f wire.Frame) {
		if f.Kind != wire.KindPiece {
			s.t.Errorf("a frame of kind %d on a side stream", f.Kind)
		}
		s.mu.Lock()
		end.pieces++
		s.mu.Unlock()
		a.deliver(f)
	})
	_ = end.Close()
}

// pieces counts what has come over each side stream, and over the agent's own link.
func (s *sideWorld) pieces() (over []int, own int) {
	s.mu.Lock()
	for _, end := range s.links {
		over = append(over, end.pieces)
	}
	s.mu.Unlock()
	a := s.agent("a")
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, f := range a.frames {
		if f.Kind == wire.KindPiece {
			own++
		}
	}
	return over, own
}

// digest sends content as the input of a call and checks that it has arrived.
func digest(t *testing.T, p *Peer, content []byte, size int64) {
	t.Helper()
	reply := wait(t, p.Call(call("digest", nil), CallOptions{Size: size, Input: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(content)), nil
	}}))
	want := sha256.Sum256(content)
	var got []byte
	if err := wire.Unmarshal(reply.Values, &got); err != nil || !bytes.Equal(got, want[:]) {
		t.Errorf("what arrived is something else: %v, %+v", err, reply.Problem)
	}
}

func random(size int) []byte {
	content := make([]byte, size)
	_, _ = rand.Read(content)
	return content
}

// A long input goes over several channels: when it is known to be long, and when much of it has gone; to the first peer and to one
// behind it. They are opened once.
func TestLongInputGoesOverSideLinks(t *testing.T) {
	for name, c := range map[string]struct {
		size  int64
		bytes int
	}{"known": {long, 5<<20 + 1}, "unknown": {0, gone + 4<<20}} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				s := newSideWorld(w)
				b := w.broker(ssh(-1, "a"), hopTo(0, "sudo", "root"))
				defer w.close(b)
				content := random(c.bytes)
				for i, p := range []*Peer{b.Peer(1), b.Peer(0)} {
					digest(t, p, content, c.size)
					if over, own := s.pieces(); len(over) != wire.MaxSides || slices.Min(over) == 0 {
						t.Errorf("call %d: pieces over side links: %d, over the first one: %d", i, over, own)
					}
				}
				if s.asked != 1 || b.Stats().Trips == 0 {
					t.Errorf("side streams were asked for %d times", s.asked)
				}
			})
		})
	}
}

// Where side links would not help, or there can be none, everything goes over the one link, and nobody hears of it.
func TestInputsThatGoOverOneLink(t *testing.T) {
	for name, c := range map[string]struct {
		size  int64
		asked int
		with  func(s *sideWorld)
	}{
		"short":             {long - 1, 0, func(*sideWorld) {}},
		"near":              {long, 0, func(s *sideWorld) { s.far = far - 1 }},
		"no forwarding":     {long, 1, func(s *sideWorld) { s.prohibited = true }},
		"another program":   {long, 1, func(s *sideWorld) { s.answer = make([]byte, wire.WidenKeySize/2) }},
		"nothing is heard":  {long, 1, func(s *sideWorld) { s.answer = nil }},
		"no such call":      {long, 0, func(s *sideWorld) { delete(s.actions, "widen") }},
		"no loopback there": {long, 0, func(s *sideWorld) { s.widened("192.0.2.1:22", s.key) }},
		"a name there":      {long, 0, func(s *sideWorld) { s.widened("localhost:22", s.key) }},
		"a short key there": {long, 0, func(s *sideWorld) { s.widened(sideAddress, s.key[:3]) }},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				s := newSideWorld(w)
				c.with(s)
				b := w.broker(one()...)
				defer w.close(b)
				digest(t, b.Peer(0), random(5<<20), c.size)
				if over, own := s.pieces(); own != 0 || slices.ContainsFunc(over, func(n int) bool { return n > 0 }) || s.asked != c.asked {
					t.Errorf("pieces over side links: %d, over the first one: %d; asked for %d times", over, own, s.asked)
				}
				digest(t, b.Peer(0), random(100), 0)
			})
		})
	}
}

// widened has the agent say where it listens.
func (s *sideWorld) widened(address string, key []byte) {
	s.actions["widen"] = func(a *agent, f wire.Frame, _ *wire.Call) {
		values, _ := wire.Marshal(wire.Widened{Address: address, Key: key})
		a.result(f, wire.Result{Values: values})
	}
}

// G17: when a side link is lost with pieces on their way, the whole link is, for a reason that says so. Without any, nothing is.
func TestG17SideLinkIsLost(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		s := newSideWorld(w)
		b := w.broker(one()...)
		defer w.close(b)
		digest(t, b.Peer(0), random(5<<20), long)
		_ = s.links[0].Fail(&wire.Problem{Code: wire.CodeEnded})
		synctest.Wait()
		digest(t, b.Peer(0), random(5<<20), long)
		if over, _ := s.pieces(); len(over) != wire.MaxSides {
			t.Errorf("there are %d side links", len(over))
		}
		r, wr := io.Pipe()
		in := &input{Reader: r, closed: make(chan struct{})}
		w.wg.Go(func() {
			<-in.closed
			_ = wr.CloseWithError(io.ErrClosedPipe)
		})
		c := b.Peer(0).Call(call("digest", nil), CallOptions{Size: long, Input: func() (io.ReadCloser, error) { return in, nil }})
		_, _ = wr.Write(random(1 << 20))
		_ = s.links[1].Fail(&wire.Problem{Code: wire.CodeEnded})
		_, err := c.Wait(t.Context())
		if lost := wantLost(t, err, 0, wire.CodeEnded, false); !strings.Contains(lost.Problem.Message, "a channel that carried parts") {
			t.Errorf("the reason is %q", lost.Problem.Message)
		}
	})
}

// G17: an input that has come is not lost with a side link: neither what a root holds for others, nor that of a call that works on.
func TestG17SideLinkIsLostLater(t *testing.T) {
	for name, connections := range map[string][]plan.Connection{"held": several(), "read": several()[:2]} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				s := newSideWorld(w)
				data, come := random(5<<20+1), make(chan struct{})
				reads := func(a *agent, f wire.Frame, _ *wire.Call) {
					in := a.inputOf(f)
					w.wg.Go(func() {
						if got, err := io.ReadAll(&lazy{in}); err != nil || !bytes.Equal(got, data) {
							t.Errorf("%d bytes came, %v", len(got), err)
						}
						close(come)
					})
				}
				w.actions["fed"] = func(a *agent, f wire.Frame, _ *wire.Call) {
					w.wg.Go(func() { <-come; a.result(f, wire.Result{}) })
				}
				if name == "held" {
					w.actions["hold"] = reads
				} else {
					w.actions["works on"] = func(a *agent, f wire.Frame, c *wire.Call) {
						reads(a, f, c)
						a.mu.Lock()
						defer a.mu.Unlock()
						a.ended[key(f)] = func(wire.Cancel) { a.result(f, wire.Result{}) }
					}
				}
				b := w.broker(connections...)
				defer w.close(b)
				o := shared("x", data)
				o.Size, o.Content.Size = long, long
				var c *Pending
				if name == "held" {
					wait(t, b.Peer(1).Call(call("fed", nil), o))
				} else {
					c = b.Peer(1).Call(call("works on", nil), o)
				}
				<-come
				synctest.Wait()
				if over, _ := s.pieces(); len(over) != wire.MaxSides || slices.Min(over) == 0 {
					t.Errorf("pieces over side links: %d", over)
				}
				_ = s.links[0].Fail(&wire.Problem{Code: wire.CodeEnded})
				time.Sleep(2 * lastWords)
				synctest.Wait()
				if p := b.Peer(0); p.lost != nil {
					t.Errorf("the root was given up: %v", p.lost)
				}
				if c != nil {
					c.Cancel(false)
					wait(t, c)
				}
			})
		})
	}
}

// G22: few inputs at a time go in pieces behind one child of a root, so that what is under way to it is less than its link bears
// while it does not read. When they have come, so may others.
func TestG22LongInputsBehindOneChild(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		newSideWorld(w)
		data := random(5 << 20)
		goOn := make(chan struct{})
		w.actions["stops"] = func(a *agent, f wire.Frame, _ *wire.Call) {
			in := a.inputOf(f)
			w.wg.Go(func() {
				begin := make([]byte, 2<<20)
				_, err := io.ReadFull(&lazy{in}, begin)
				<-goOn
				rest, restErr := io.ReadAll(&lazy{in})
				if !bytes.Equal(append(begin, rest...), data) || err != nil || restErr != nil {
					t.Errorf("%d bytes came, %v, %v", len(begin)+len(rest), err, restErr)
				}
				a.result(f, wire.Result{})
			})
		}
		b := w.broker(ssh(-1, "a"), hopTo(0, "sudo", "root"), hopTo(1, "docker", "one"), hopTo(0, "docker", "two"))
		defer w.close(b)
		calls := map[int][]*Pending{}
		send := func(i int) {
			calls[i] = append(calls[i], b.Peer(i).Call(call("stops", nil), CallOptions{Size: long, Input: func() (io.ReadCloser, error) {
				return io.NopCloser(bytes.NewReader(data)), nil
			}}))
		}
		for _, i := range []int{1, 2, 1, 2, 1, 2, 3, 0} { // six behind sudo
			send(i)
		}
		inPieces := func(peers ...int) (n int) {
			time.Sleep(time.Second)
			synctest.Wait()
			b.mu.Lock()
			defer b.mu.Unlock()
			for _, i := range peers {
				for _, c := range calls[i] {
					if c.inPieces {
						n++
					}
				}
			}
			return n
		}
		if sudo, two, root := inPieces(1, 2), inPieces(3), inPieces(0); sudo != branchInputs || two != 1 || root != 1 {
			t.Errorf("%d inputs behind one child go in pieces, %d behind another one, %d to the root", sudo, two, root)
		}
		close(goOn)
		for _, all := range calls {
			for _, c := range all {
				wait(t, c)
			}
		}
		before := inPieces(1)
		send(1)
		wait(t, calls[1][3])
		if inPieces(1) != before+1 {
			t.Error("an input does not go in pieces when the others have come")
		}
	})
}

// G21: nothing of side links outlives the broker, also where they are just being opened.
func TestG21SideLinksEndWithTheBroker(t *testing.T) {
	for name, delay := range map[string]time.Duration{"open": time.Second, "opening": 0} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				s := newSideWorld(w)
				if delay == 0 {
					s.answer = nil
				}
				b := w.broker(one()...)
				r, wr := io.Pipe()
				in := &input{Reader: r, closed: make(chan struct{})}
				w.wg.Go(func() {
					<-in.closed
					_ = wr.CloseWithError(io.ErrClosedPipe)
				})
				b.Peer(0).Call(call("digest", nil), CallOptions{Size: long, Input: func() (io.ReadCloser, error) { return in, nil }})
				_, _ = wr.Write(random(1 << 20))
				time.Sleep(delay)
				w.close(b)
			})
		})
	}
}
