package broker

import (
	"fmt"
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

// G17, G18: whatever is lost, at whichever phase, everybody who waits for it or for anything behind it hears of it at
// once, with the hop that is to blame and what it said last; others go on.
func TestG17LossWakesEverybody(t *testing.T) {
	type blame struct {
		connection int
		code       wire.Code // at the hop itself; behind it, it is parent
		unreached  bool
		quote      string
	}
	for name, c := range map[string]struct {
		prepare func(w *world)
		lose    func(w *world, b *Broker)
		blame   blame
	}{
		"the address does not answer": {
			prepare: func(w *world) {
				w.refuse["ssh a"] = &wire.Problem{Code: wire.CodeStart, Message: "refused", Quote: "q"}
			},
			blame: blame{0, wire.CodeStart, true, "q"},
		},
		"the server says nothing": {
			prepare: func(w *world) { w.stalled = true },
			blame:   blame{0, wire.CodeTimeout, true, ""},
		},
		"the connection is cut while authenticating": {
			prepare: func(w *world) { w.cutting = true },
			blame:   blame{0, wire.CodeStart, true, ""},
		},
		"the agent never comes": {
			prepare: func(w *world) { w.noise = "This account is currently not available.\n" },
			blame:   blame{0, wire.CodeEnded, true, "This account is currently not available."},
		},
		"the login shell does not come to the agent": {
			prepare: func(w *world) { w.noise, w.asleep = "waiting for the network drive\n", true },
			blame:   blame{0, wire.CodeTimeout, true, "waiting for the network drive"},
		},
		"the agent stops before its hello": {
			prepare: func(w *world) { w.hang = true },
			blame:   blame{0, wire.CodeSilent, true, "words of a"},
		},
		"the session ends": {
			lose:  func(w *world, _ *Broker) { _ = w.agent("a").conn.Close() },
			blame: blame{0, wire.CodeEnded, false, "words of a"},
		},
		"the connection breaks": {
			lose:  func(w *world, _ *Broker) { w.cut("a") },
			blame: blame{0, wire.CodeEnded, false, "words of a"},
		},
		"nothing is heard any more": {
			prepare: func(w *world) { w.mute = true },
			lose:    func(*world, *Broker) {},
			blame:   blame{0, wire.CodeSilent, false, "words of a"},
		},
		"the child cannot be started": {
			prepare: func(w *world) {
				w.child["sudo root"] = func(a *agent, id wire.PeerID, _ wire.Open) {
					a.lose(id, wire.Problem{Code: wire.CodeHop, Message: "no", Quote: "not in the sudoers file"}, false)
				}
			},
			blame: blame{1, wire.CodeHop, true, "not in the sudoers file"},
		},
		"the parent cannot take the child": {
			prepare: func(w *world) {
				w.child["sudo root"] = func(a *agent, id wire.PeerID, _ wire.Open) {
					a.send(wire.KindRefused, 0, wire.CallID(id), wire.Refused{
						Kind: wire.KindOpen, Problem: wire.Problem{Code: wire.CodeFull, Message: "too many children"},
					})
				}
			},
			blame: blame{1, wire.CodeFull, true, ""},
		},
		"the child never says hello": {
			prepare: func(w *world) { w.child["sudo root"] = func(*agent, wire.PeerID, wire.Open) {} },
			blame:   blame{1, wire.CodeTimeout, true, ""},
		},
		"the child is killed": {
			lose: func(w *world, b *Broker) {
				w.agent("a").lose(b.Peer(1).id, wire.Problem{Code: wire.CodeEnded, Message: "killed", Quote: "Killed"}, true)
			},
			blame: blame{1, wire.CodeEnded, false, "Killed"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				if c.prepare != nil {
					c.prepare(w)
				}
				b := w.broker(ssh(-1, "a"), hopTo(0, "sudo", "root"), hopTo(1, "docker", "app"), ssh(-1, "other"))
				defer w.close(b)
				var other *Pending
				if c.lose != nil || strings.Contains(name, "child") {
					other = b.Peer(3).Call(call("hold", nil), CallOptions{})
				}
				at := b.Peer(c.blame.connection).Call(call("hold", nil), CallOptions{})
				behind := b.Peer(2).Call(call("hold", nil), CallOptions{})
				start := time.Now()
				if c.lose != nil {
					if !w.mute {
						<-behind.Started()
					}
					c.lose(w, b)
				}
				lost := wantLost(t, failure(t, at), c.blame.connection, c.blame.code, c.blame.unreached)
				if lost.Problem.Quote != c.blame.quote {
					t.Errorf("quoted %q", lost.Problem.Quote)
				}
				lost = wantLost(t, failure(t, behind), c.blame.connection, c.blame.code, c.blame.unreached)
				if lost.Problem.Quote != c.blame.quote || !strings.HasPrefix(lost.Error(), b.hops[c.blame.connection].plan.Title+": ") {
					t.Errorf("behind it: %v, quoted %q", lost, lost.Problem.Quote)
				}
				limit := time.Second
				switch c.blame.code {
				case wire.CodeSilent:
					limit = 15 * time.Second
				case wire.CodeTimeout:
					limit = 30*time.Second + overdueGrace
				}
				if took := time.Since(start); took > limit {
					t.Errorf("found after %v", took)
				}
				// A call that comes too late fails too, and was certainly not started (G18).
				wantLost(t, failure(t, b.Peer(2).Call(call("echo", nil), CallOptions{})), c.blame.connection, c.blame.code, true)
				_, err := b.Peer(2).Ready(t.Context())
				wantLost(t, err, c.blame.connection, c.blame.code, true)
				if other != nil && !w.mute {
					<-other.Started()
					if isClosed(other.Done()) {
						t.Error("another host did not go on")
					}
				}
			})
		})
	}
}

// A hop whose open was sent ahead has its time counted from its parent's hello, and is given up when nobody answers.
func TestTimeoutBehindAHop(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.child["sudo root"] = func(a *agent, id wire.PeerID, o wire.Open) {
			w.wg.Go(func() {
				time.Sleep(20 * time.Second)
				a.hello(id, o.Nonce, o.Name)
			})
		}
		w.child["docker app"] = func(*agent, wire.PeerID, wire.Open) {}
		b := w.broker(chain()...)
		defer w.close(b)
		start := time.Now()
		wantLost(t, failure(t, b.Peer(2).Call(call("echo", nil), CallOptions{})), 2, wire.CodeTimeout, true)
		if took := time.Since(start); took != 50*time.Second+overdueGrace {
			t.Errorf("took %v", took)
		}
		wait(t, b.Peer(1).Call(call("echo", nil), CallOptions{}))
	})
}

// What hangs on a connection that breaks names that one, also when it has noticed first (G17).
func TestG17BrokenTrunkIsBlamed(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		bastion := ssh(-1, "bastion")
		bastion.Transit = true
		b := w.broker(bastion, ssh(0, "a"), ssh(0, "b"), ssh(1, "c"), hopTo(3, "sudo", "root"))
		defer w.close(b)
		var pending []*Pending
		for _, i := range []int{1, 2, 3, 4} {
			pending = append(pending, b.Peer(i).Call(call("hold", nil), CallOptions{}))
			<-pending[len(pending)-1].Started()
		}
		w.cut("bastion")
		for _, p := range pending {
			lost := wantLost(t, failure(t, p), 0, wire.CodeEnded, false)
			if lost.Title != "ssh bastion" {
				t.Errorf("blamed %q", lost.Title)
			}
		}
	})
}

// A hop whose parent fails is not tried, and blames the parent.
func TestFailedBastion(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.refuse["ssh bastion"] = &wire.Problem{Code: wire.CodeHop, Message: "host key changed"}
		bastion := ssh(-1, "bastion")
		bastion.Transit = true
		b := w.broker(bastion, ssh(0, "a"), ssh(1, "b"), hopTo(2, "sudo", "root"))
		defer w.close(b)
		for _, i := range []int{1, 2, 3} {
			wantLost(t, failure(t, b.Peer(i).Call(call("echo", nil), CallOptions{})), 0, wire.CodeHop, true)
		}
		if len(w.dials) != 1 {
			t.Errorf("dialled %v", w.dials)
		}
		synctest.Wait()
		if got := w.statuses(0); !slices.Equal(got, []Status{Opening, Failed}) {
			t.Errorf("told %v", got)
		}
	})
}

// G41: an agent of another version is refused, with both versions named, and so is one whose hash is not known.
func TestG41OtherAgentsAreRefused(t *testing.T) {
	for name, change := range map[string]func(h *wire.Hello){
		"another protocol": func(h *wire.Hello) { h.Capability, h.Version = 99, "9.9.9" },
		"another hash":     func(h *wire.Hello) { h.Hash, h.Version = "evil", "9.9.9" },
		"another platform": func(h *wire.Hello) { h.OS, h.Version = "oberon", "9.9.9" },
	} {
		for at, title := range []string{"a", "sudo root"} {
			t.Run(name+" "+title, func(t *testing.T) {
				inBubble(t, func(t *testing.T, w *world) {
					w.hello = func(who string, h *wire.Hello) {
						if who == title {
							change(h)
						}
					}
					b := w.broker(ssh(-1, "a"), hopTo(0, "sudo", "root"))
					defer w.close(b)
					_, err := b.Peer(1).Ready(t.Context())
					lost := lostBy(t, err)
					if lost.Connection != at || !strings.Contains(lost.Error(), "9.9.9") || !strings.Contains(lost.Error(), "1.2.3") {
						t.Errorf("%+v", lost)
					}
					if hello, ok := b.Peer(at).Hello(); ok {
						t.Errorf("what a refused agent says of itself is taken: %+v", hello)
					}
					_, err = b.Peer(at).Ready(t.Context())
					wantLost(t, err, at, wire.CodeVersion, lostBy(t, err).Unreached)
					synctest.Wait()
					if at == 1 { // the parent was told to end it, and lives
						wait(t, b.Peer(0).Call(call("echo", nil), CallOptions{}))
						if last := w.agent("a").frames; !slices.ContainsFunc(last, func(f wire.Frame) bool { return f.Kind == wire.KindClose }) {
							t.Error("the agent was not ended")
						}
					}
				})
			})
		}
	}
}

// G6: after the first refusal of a password, no hop that was not asked yet is given the same one, whatever it is.
func TestG6RefusedPasswordGoesNowhereElse(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.child["sudo first"] = func(a *agent, id wire.PeerID, _ wire.Open) {
			a.lose(id, wire.Problem{Code: wire.CodePassword, Message: "wrong password"}, false)
		}
		w.keyed = "ssh b"
		b := w.broker(
			ssh(-1, "a"),
			withPassword(hopTo(0, "sudo", "first"), "hunter2"),
			withPassword(hopTo(0, "sudo", "second"), "hunter2"),
			withPassword(hopTo(0, "sudo", "third"), "other"),
			withPassword(hopTo(-1, "local", "fourth"), "hunter2"),
			withPassword(ssh(-1, "b"), "hunter2"),
			withPassword(ssh(-1, "c"), "hunter2"),
			withPassword(ssh(-1, "d"), "hunter2"),
		)
		defer w.close(b)
		wantLost(t, failure(t, b.Peer(1).Call(call("echo", nil), CallOptions{})), 1, wire.CodePassword, true)
		for _, i := range []int{2, 4} {
			lost := wantLost(t, failure(t, b.Peer(i).Call(call("echo", nil), CallOptions{})), i, wire.CodePassword, true)
			if !strings.Contains(lost.Problem.Message, "sudo first") {
				t.Errorf("%v does not name who refused it", lost)
			}
		}
		wait(t, b.Peer(3).Call(call("echo", nil), CallOptions{}))
		wait(t, b.Peer(5).Call(call("echo", nil), CallOptions{})) // by its keys
		lost := wantLost(t, failure(t, b.Peer(6).Call(call("echo", nil), CallOptions{})), 6, wire.CodePassword, true)
		if !strings.Contains(lost.Problem.Message, "sudo first") {
			t.Errorf("%v does not name who refused it", lost)
		}
		// A hop that fails before it would be given says why.
		w.refuse["ssh d"] = &wire.Problem{Code: wire.CodeHop, Message: "the host key has changed"}
		w.keyed = "ssh d"
		wantLost(t, failure(t, b.Peer(7).Call(call("echo", nil), CallOptions{})), 7, wire.CodeHop, true)
		if got, want := fmt.Sprint(w.offered), "map[sudo first:[hunter2] sudo third:[other]]"; got != want {
			t.Errorf("passwords went to %s, want %s", got, want)
		}
	})
}

// G36: what is sensitive in a hop's arguments is in no error about it.
func TestG36ErrorsOfHopsHideSecrets(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		hop := ssh(-1, "a")
		hop.Secrets = []string{"xhunter2", "/keys/hunter2"}
		w.refuse["ssh a"] = &wire.Problem{
			Code: wire.CodeHop, Message: "cannot log in as xhunter2", Hint: "Look at /keys/hunter2.", Quote: "xhunter2: no",
		}
		b := w.broker(hop, hopTo(0, "sudo", "root"))
		defer w.close(b)
		for i := range 2 {
			err := failure(t, b.Peer(i).Call(call("echo", nil), CallOptions{}))
			if p := lostBy(t, err).Problem; strings.Contains(fmt.Sprintf("%v %+v", err, p), "hunter2") || !strings.Contains(p.Message, "(sensitive)") {
				t.Errorf("%d: %+v", i, p)
			}
		}
	})
}

// A hop that fails for another reason has refused nothing.
func TestFailureRefusesNoPassword(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.child["sudo first"] = func(a *agent, id wire.PeerID, _ wire.Open) {
			a.lose(id, wire.Problem{Code: wire.CodeHop, Message: "not in the sudoers file"}, false)
		}
		b := w.broker(ssh(-1, "a"), withPassword(hopTo(0, "sudo", "first"), "hunter2"), withPassword(hopTo(0, "sudo", "second"), "hunter2"))
		defer w.close(b)
		wantLost(t, failure(t, b.Peer(1).Call(call("echo", nil), CallOptions{})), 1, wire.CodeHop, true)
		wait(t, b.Peer(2).Call(call("echo", nil), CallOptions{}))
	})
}

// G17: when nothing is heard any more, the end does not wait for what the silent side would have to answer.
func TestG17SilentSessionIsNotWaitedFor(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.mute, w.sticky = true, true
		b := w.broker(ssh(-1, "a"))
		defer w.close(b)
		start := time.Now()
		wantLost(t, failure(t, b.Peer(0).Call(call("echo", nil), CallOptions{})), 0, wire.CodeSilent, false)
		if took := time.Since(start); took > 15*time.Second {
			t.Errorf("found after %v", took)
		}
	})
}

// G6, the other way round: ssh was first.
func TestG6PasswordRefusedBySSH(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.refuse["ssh a"] = &wire.Problem{Code: wire.CodePassword, Message: "wrong password"}
		b := w.broker(
			withPassword(ssh(-1, "a"), "hunter2"), ssh(-1, "b"), withPassword(hopTo(1, "sudo", "root"), "hunter2"),
		)
		defer w.close(b)
		wantLost(t, failure(t, b.Peer(0).Call(call("echo", nil), CallOptions{})), 0, wire.CodePassword, true)
		lost := wantLost(t, failure(t, b.Peer(2).Call(call("echo", nil), CallOptions{})), 2, wire.CodePassword, true)
		if !strings.Contains(lost.Problem.Message, "ssh a") || len(w.offered["sudo root"]) != 0 {
			t.Errorf("%v; passwords went to %v", lost, w.offered)
		}
	})
}

// G21: a thousand connections that come and go leave nothing; a failure of one is only its own.
func TestG21ManyConnections(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		var connections []plan.Connection
		for i := range 300 {
			connections = append(connections, ssh(-1, fmt.Sprint(i)), hopTo(2*i, "sudo", "root"))
		}
		b := w.broker(connections...)
		for i := range connections {
			b.Peer(i).Call(call("echo", nil), CallOptions{})
		}
		for i := 0; i < len(connections); i += 3 {
			b.Renew(i)()
		}
		for i := range connections {
			wait(t, b.Peer(i).Call(call("echo", nil), CallOptions{}))
		}
		w.close(b)
		if n := b.Stats().BytesReceived; n != 0 {
			t.Errorf("%d bytes over connections that carry none", n)
		}
	})
}

// The bytes of everything that the controller holds itself are counted.
func TestStatsCountBytes(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		b := w.broker(hopTo(-1, "local", ""))
		defer w.close(b)
		wait(t, b.Peer(0).Call(call("echo", strings.Repeat("x", 10_000)), CallOptions{}))
		synctest.Wait()
		s := b.Stats()
		if s.BytesSent < 10_000 || s.BytesSent > 10_100 || s.BytesReceived < 10_000 || s.BytesReceived > 11_000 {
			t.Errorf("%+v", s)
		}
		near, far := net.Pipe()
		conn := &meteredConn{near, meter[net.Conn]{near, b}}
		go func() {
			_, _ = io.CopyN(far, far, 5)
			_ = far.Close()
		}()
		_, _ = conn.Write([]byte("12345"))
		_, _ = io.ReadAll(conn)
		_ = conn.Close()
		synctest.Wait()
		if after := b.Stats(); after.BytesSent != s.BytesSent+5 || after.BytesReceived != s.BytesReceived+5 {
			t.Errorf("%+v after %+v", after, s)
		}
	})
}

// Calls that ran stay calls that ran when something behind the same loss was never reached.
func TestLossStaysAsTold(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		b := w.broker(ssh(-1, "a"), hopTo(0, "sudo", "root"), ssh(1, "b"))
		defer w.close(b)
		c := b.Peer(1).Call(call("hold", nil), CallOptions{})
		<-c.Started()
		w.cut("a")
		ran := failure(t, c)
		wantLost(t, ran, 0, wire.CodeEnded, false)
		wantLost(t, failure(t, b.Peer(2).Call(call("echo", nil), CallOptions{})), 0, wire.CodeEnded, true)
		wantLost(t, ran, 0, wire.CodeEnded, false)
	})
}

// G6: of hops that are under way at once, those that have not given the password yet do not give it any more.
func TestG6PasswordRefusedMeanwhile(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.gate = make(chan struct{})
		w.refuse["ssh a"] = &wire.Problem{Code: wire.CodePassword, Message: "wrong password"}
		w.refuse["ssh b"] = w.refuse["ssh a"]
		b := w.broker(withPassword(ssh(-1, "a"), "hunter2"), withPassword(ssh(-1, "b"), "hunter2"))
		defer w.close(b)
		first, second := b.Peer(0).Call(call("echo", nil), CallOptions{}), b.Peer(1).Call(call("echo", nil), CallOptions{})
		synctest.Wait() // both are past the connection
		for range 2 {
			w.gate <- struct{}{}
			synctest.Wait()
		}
		wantLost(t, failure(t, first), 0, wire.CodePassword, true)
		wantLost(t, failure(t, second), 1, wire.CodePassword, true)
		if len(w.offered) != 1 {
			t.Errorf("passwords went to %v", w.offered)
		}
	})
}
