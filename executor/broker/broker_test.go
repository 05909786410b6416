package broker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"runner/agent/wire"
	"runner/planner/plan"
)

// chain is ssh → sudo → docker.
func chain() []plan.Connection {
	return []plan.Connection{ssh(-1, "10.0.0.1"), hopTo(0, "sudo", "root"), hopTo(1, "docker", "app")}
}

func wait(t *testing.T, p *Pending) Reply {
	t.Helper()
	reply, err := p.Wait(t.Context())
	if err != nil {
		t.Fatalf("Wait: %v", err)
	}
	return reply
}

func failure(t *testing.T, p *Pending) error {
	t.Helper()
	_, err := p.Wait(t.Context())
	if err == nil {
		t.Fatal("Wait returned no error")
	}
	return err
}

// inBubble runs a test with its own clock, and checks that it leaves nothing.
func inBubble(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	defer leakCheck(t)
	synctest.Test(t, func(t *testing.T) { f(t, newWorld(t)) })
}

// The whole chain and everything known goes out at once: three round trips, whatever the depth and the number of calls.
func TestSentAheadThroughTheWholeChain(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		b := w.broker(chain()...)
		defer w.close(b)
		release := make(chan struct{})
		w.child["docker app"] = func(a *agent, id wire.PeerID, o wire.Open) {
			w.wg.Go(func() { // says hello only when all of it has come
				<-release
				a.hello(id, o.Nonce, o.Name)
				for _, k := range a.calls() {
					a.result(wire.Frame{Peer: k.peer, Call: k.call}, wire.Result{})
				}
			})
		}
		w.actions["held"] = func(*agent, wire.Frame, *wire.Call) {}
		var pending []*Pending
		for range 100 {
			pending = append(pending, b.Peer(2).Call(call("held", nil), CallOptions{}))
		}
		synctest.Wait()
		if n := len(w.agent("10.0.0.1").calls()); n != 100 {
			t.Errorf("%d calls were sent ahead", n)
		}
		if isClosed(b.Peer(2).ready) {
			t.Error("ready before its hello")
		}
		close(release)
		for _, p := range pending {
			if reply := wait(t, p); reply.Trip != 3 {
				t.Fatalf("a call took %d round trips", reply.Trip)
			}
		}
		for i, want := range []int{2, 3, 3} {
			if r, err := b.Peer(i).Ready(t.Context()); err != nil || r.Trip != want {
				t.Errorf("connection %d: hello after %d round trips, %v", i, r.Trip, err)
			}
		}
		if s := b.Stats(); s.Trips != 3 || s.Connections != 3 {
			t.Errorf("%+v", s)
		}
		var kinds []wire.Kind
		for _, f := range w.agent("10.0.0.1").frames[:3] {
			kinds = append(kinds, f.Kind)
		}
		if !slices.Equal(kinds, []wire.Kind{wire.KindOpen, wire.KindOpen, wire.KindCall}) {
			t.Errorf("sent %v", kinds)
		}
	})
}

// Round trips are counted along what had to be known before a call was made.
func TestTripsFollowCauses(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.ask = true // the agent was not cached
		b := w.broker(ssh(-1, "a"), hopTo(0, "sudo", "root"), hopTo(-1, "local", ""))
		defer w.close(b)
		first := wait(t, b.Peer(0).Call(call("echo", 1), CallOptions{}))
		facts, err := b.Peer(1).Ready(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		second := wait(t, b.Peer(1).Call(call("echo", 1), CallOptions{After: facts.Trip}))
		third := wait(t, b.Peer(1).Call(call("echo", 1), CallOptions{After: second.Trip}))
		independent := wait(t, b.Peer(1).Call(call("echo", 1), CallOptions{}))
		local := wait(t, b.Peer(2).Call(call("echo", 1), CallOptions{}))
		input := wait(t, b.Peer(2).Call(call("count", nil), CallOptions{Input: func() (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader("x")), nil
		}}))
		got := []int{first.Trip, facts.Trip, second.Trip, third.Trip, independent.Trip, local.Trip, input.Trip}
		if want := []int{4, 4, 5, 6, 4, 2, 2}; !slices.Equal(got, want) {
			t.Errorf("trips %v, want %v", got, want)
		}
		if s := b.Stats(); s.Trips != 6 {
			t.Errorf("longest %d", s.Trips)
		}
	})
}

// G3: equal hops are opened once and shared; children of one hop, and hops that have nothing in common, are opened at
// the same time.
func TestG3HopsAreSharedAndOpenedTogether(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		slow := func(a *agent, id wire.PeerID, o wire.Open) {
			w.wg.Go(func() {
				time.Sleep(10 * time.Second)
				a.hello(id, o.Nonce, o.Name)
			})
		}
		connections := []plan.Connection{ssh(-1, "10.0.0.1")}
		for i := range 50 {
			connections = append(connections, hopTo(0, "docker", fmt.Sprint(i)))
			w.child[fmt.Sprintf("docker %d", i)] = slow
		}
		b := w.broker(connections...)
		defer w.close(b)
		start := time.Now()
		var pending []*Pending
		for range 3 {
			for i := range connections {
				pending = append(pending, b.Peer(i).Call(call("echo", nil), CallOptions{}))
			}
		}
		for _, p := range pending {
			wait(t, p)
		}
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("took %v", took)
		}
		if len(w.dials) != 1 || len(w.agents) != 1 {
			t.Errorf("dialled %v, started %d agents", w.dials, len(w.agents))
		}
		synctest.Wait()
		opens := 0
		for _, f := range w.agent("10.0.0.1").frames {
			if f.Kind == wire.KindOpen {
				opens++
			}
		}
		if s := b.Stats(); opens != 50 || s.Connections != 51 || s.Reused != 2*51 {
			t.Errorf("%d opens, %+v", opens, s)
		}
		if got := w.statuses(3); !slices.Equal(got, []Status{Opening, Opened}) {
			t.Errorf("told %v", got)
		}
	})
}

// Calls reach a peer in the order in which they were made, also those made before it was there.
func TestCallsKeepTheirOrder(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		b := w.broker(chain()...)
		defer w.close(b)
		var last *Pending
		for range 300 {
			last = b.Peer(2).Call(call("echo", nil), CallOptions{})
		}
		wait(t, last)
		for range 300 {
			last = b.Peer(2).Call(call("echo", nil), CallOptions{})
		}
		wait(t, last)
		for i, k := range w.agent("10.0.0.1").calls() {
			if int(k.call) != i+1 {
				t.Fatalf("call %d came as number %d", k.call, i+1)
			}
		}
	})
}

// A connection that is only passed through gets no agent.
func TestTransitStartsNoAgent(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		bastion := ssh(-1, "bastion")
		bastion.Transit = true
		b := w.broker(bastion, ssh(0, "inner"), ssh(1, "innermost"))
		defer w.close(b)
		reply := wait(t, b.Peer(2).Call(call("echo", nil), CallOptions{}))
		if reply.Trip != 3 {
			t.Errorf("%d round trips", reply.Trip)
		}
		if want := []string{"bastion", "bastion>inner", "inner>innermost"}; !slices.Equal(w.dials, want) || len(w.agents) != 1 {
			t.Errorf("dialled %v, started %d agents", w.dials, len(w.agents))
		}
		synctest.Wait()
		for i := range 3 {
			if got := w.statuses(i); !slices.Equal(got, []Status{Opening, Opened}) {
				t.Errorf("connection %d: told %v", i, got)
			}
		}
		if s := b.Stats(); s.Connections != 3 || s.Reused != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// Where a server does not forward, or another hop lies between, an agent makes the connection.
func TestAgentDialsWhereServersDoNot(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.prohibited = true
		b := w.broker(ssh(-1, "bastion"), ssh(0, "inner"), hopTo(1, "sudo", "root"), ssh(2, "innermost"))
		defer w.close(b)
		wait(t, b.Peer(3).Call(call("echo", nil), CallOptions{}))
		if want := []string{"bastion", "bastion>inner", "inner>innermost"}; !slices.Equal(w.dials, want) {
			t.Errorf("dialled %v", w.dials)
		}
		if len(w.agents) != 3 {
			t.Errorf("started %d agents", len(w.agents))
		}
	})
}

// The link through an agent's dial is lost with that agent, and the agent's hop is blamed (G17).
func TestG17LossOfADiallingAgent(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		b := w.broker(ssh(-1, "first"), hopTo(0, "sudo", "root"), ssh(1, "second"))
		defer w.close(b)
		held := b.Peer(2).Call(call("hold", nil), CallOptions{})
		<-held.Started()
		w.agent("first").lose(b.Peer(1).id, wire.Problem{Code: wire.CodeEnded, Message: "killed", Quote: "Killed"}, true)
		lost := wantLost(t, failure(t, held), 1, wire.CodeEnded, false)
		if lost.Title != "sudo root" || lost.Problem.Quote != "Killed" {
			t.Errorf("%+v", lost)
		}
	})
}

func TestEventsTellAConnectionsLife(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.child["docker app"] = func(a *agent, id wire.PeerID, _ wire.Open) {
			time.Sleep(time.Second)
			a.lose(id, wire.Problem{Code: wire.CodeHop, Message: "no such container"}, false)
		}
		b := w.broker(chain()...)
		wantLost(t, failure(t, b.Peer(2).Call(call("echo", nil), CallOptions{})), 2, wire.CodeHop, true)
		w.close(b)
		for i, want := range [][]Status{{Opening, Opened, Closed}, {Opening, Opened, Closed}, {Opening, Failed}} {
			if got := w.statuses(i); !slices.Equal(got, want) {
				t.Errorf("connection %d: told %v, want %v", i, got, want)
			}
		}
		for _, e := range w.events {
			if (e.Err != nil) != (e.Status == Failed) {
				t.Errorf("%+v", e)
			}
			if e.Status == Failed && e.Seconds != 1 {
				t.Errorf("failed after %v s", e.Seconds)
			}
		}
	})
}

// G16: what is renewed can be opened again, with all behind it and nothing else; what was there ends, at once or with Close.
func TestG16Renew(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		b := w.broker(append(chain(), hopTo(0, "sudo", "other"), ssh(0, "inner"))...)
		defer w.close(b)
		for i := range 5 {
			wait(t, b.Peer(i).Call(call("echo", nil), CallOptions{}))
		}
		other := b.Peer(3)
		held := b.Peer(2).Call(call("hold", nil), CallOptions{})
		<-held.Started()
		old := b.Peer(2)
		b.Renew(1)()
		if err := failure(t, held); lostBy(t, err).Problem.Code != wire.CodeClosed {
			t.Errorf("a call on the peer that was reset: %v", err)
		}
		if err := failure(t, old.Call(call("echo", nil), CallOptions{})); !lostBy(t, err).Unreached {
			t.Errorf("a call on the old peer: %v", err)
		}
		wait(t, b.Peer(2).Call(call("echo", nil), CallOptions{}))
		if b.Peer(3) != other || len(w.agents) != 2 {
			t.Errorf("a reset went beyond its hop")
		}
		b.Renew(0)()
		for i := range 5 {
			wait(t, b.Peer(i).Call(call("echo", nil), CallOptions{}))
		}
		if len(w.agents) != 4 {
			t.Errorf("%d agents were started", len(w.agents))
		}

		old = b.Peer(2)
		b.Renew(1)
		if b.Peer(2) == old {
			t.Error("a renewed connection has its old peer")
		}
		wait(t, old.Call(call("echo", nil), CallOptions{})) // who has it uses it
		wait(t, b.Peer(2).Call(call("echo", nil), CallOptions{}))
	})
}

// G16: of those whom one lost hop has failed, the first renews it for all; the others do not end what that one opens.
func TestG16RenewOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		b := w.broker(ssh(-1, "10.0.0.1"), hopTo(0, "sudo", "root"), hopTo(0, "sudo", "other"))
		defer w.close(b)
		w.refuse["ssh 10.0.0.1"] = &wire.Problem{Code: wire.CodeStart, Message: "it is down"}
		one, other := b.Peer(1), b.Peer(2)
		for _, p := range []*Peer{one, other} {
			if _, err := p.Ready(t.Context()); lostBy(t, err).Connection != 0 {
				t.Fatalf("it failed with %v", err)
			}
		}
		delete(w.refuse, "ssh 10.0.0.1")
		one.Renew(0)()
		again := b.Peer(1)
		if again == one || b.Peer(2) == other {
			t.Error("what is behind the hop was not renewed")
		}
		other.Renew(0)()
		if b.Peer(1) != again {
			t.Error("the second one has renewed what the first has opened")
		}
		wait(t, again.Call(call("echo", nil), CallOptions{}))
		wait(t, b.Peer(2).Call(call("echo", nil), CallOptions{}))
	})
}

// G21, G24: a close ends everything, whatever it is at, and leaves nothing.
func TestG21CloseAtAnyMoment(t *testing.T) {
	for name, prepare := range map[string]func(t *testing.T, w *world, b *Broker) []*Pending{
		"before anything": func(*testing.T, *world, *Broker) []*Pending { return nil },
		"while dialling": func(_ *testing.T, w *world, b *Broker) []*Pending {
			w.stalled = true
			return []*Pending{b.Peer(2).Call(call("echo", nil), CallOptions{})}
		},
		"while a child starts": func(_ *testing.T, w *world, b *Broker) []*Pending {
			w.child["sudo root"] = func(*agent, wire.PeerID, wire.Open) {}
			return []*Pending{b.Peer(2).Call(call("echo", nil), CallOptions{})}
		},
		"while calls run": func(t *testing.T, _ *world, b *Broker) []*Pending {
			c := b.Peer(2).Call(call("hold", nil), CallOptions{})
			<-c.Started()
			return []*Pending{c, b.Peer(1).Call(call("never", nil), CallOptions{})}
		},
		"with a mute agent": func(_ *testing.T, w *world, b *Broker) []*Pending {
			w.mute = true
			return []*Pending{b.Peer(2).Call(call("echo", nil), CallOptions{})}
		},
		"while input is read": func(t *testing.T, _ *world, b *Broker) []*Pending {
			r, _ := io.Pipe()
			return []*Pending{b.Peer(2).Call(call("count", nil), CallOptions{Input: func() (io.ReadCloser, error) { return r, nil }})}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				b := w.broker(chain()...)
				pending := prepare(t, w, b)
				synctest.Wait()
				start := time.Now()
				w.close(b)
				if took := time.Since(start); took > closeGrace {
					t.Errorf("took %v", took)
				}
				for _, p := range pending {
					if _, err := p.Wait(t.Context()); lostBy(t, err).Problem.Code != wire.CodeClosed {
						t.Errorf("a call ended with %v", err)
					}
				}
				err := failure(t, b.Peer(2).Call(call("echo", nil), CallOptions{}))
				wantLost(t, err, lostBy(t, err).Connection, wire.CodeClosed, true)
				if err := b.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// An agent that has nothing to do is not waited for beyond what a near one needs: the end of its connection ends it.
func TestCloseWaitsForWhatRuns(t *testing.T) {
	for name, c := range map[string]struct {
		connections []plan.Connection
		action      string
		want        time.Duration
	}{
		"idle":        {one(), "echo", idleGrace},
		"a parent":    {chain(), "echo", closeGrace},
		"at work":     {chain(), "hold", closeGrace},
		"not by ssh":  {[]plan.Connection{hopTo(-1, "local", "here")}, "echo", closeGrace},
		"not started": {chain(), "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.deaf = true
				b := w.broker(c.connections...)
				if c.action != "" {
					<-b.Peer(len(c.connections)-1).Call(call(c.action, nil), CallOptions{}).Started()
				}
				synctest.Wait()
				start := time.Now()
				w.close(b)
				if took := time.Since(start); took != c.want {
					t.Errorf("took %v, want %v", took, c.want)
				}
			})
		})
	}
}

func TestReadyEndsWithItsContext(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.stalled = true
		b := w.broker(chain()...)
		defer w.close(b)
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, io.ErrNoProgress)
		defer cancel()
		if _, err := b.Peer(2).Ready(ctx); !errors.Is(err, io.ErrNoProgress) {
			t.Errorf("Ready: %v", err)
		}
		if _, err := b.Peer(2).Call(call("echo", nil), CallOptions{}).Wait(ctx); !errors.Is(err, io.ErrNoProgress) {
			t.Errorf("Wait: %v", err)
		}
	})
}

// A connection is ready when its agent is, not when somebody could log in.
func TestReadyIsTheHello(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.hang = true
		b := w.broker(chain()...)
		defer w.close(b)
		b.Peer(0)
		synctest.Wait()
		if got := w.statuses(0); !slices.Equal(got, []Status{Opening}) || b.Stats().Connections != 0 {
			t.Errorf("told %v, %+v", got, b.Stats())
		}
	})
}

// TestRawIsUnreached: where the login fails, a command line was certainly not run.
func TestRawIsUnreached(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		b := w.broker(ssh(-1, "10.0.0.1"))
		defer w.close(b)
		w.refuse["ssh 10.0.0.1"] = &wire.Problem{Code: wire.CodePassword, Message: "it was refused"}
		_, err := b.Raw(t.Context(), 0, Line{Command: "true"})
		wantLost(t, err, 0, wire.CodePassword, true)
	})
}
