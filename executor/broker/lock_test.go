package broker

import (
	"testing"
	"testing/synctest"

	"runner/agent/wire"
)

// TestG20LockGoesAhead: the run's lock is asked for once on each peer that is to do something under it, ahead of the first
// such call and without waiting. Where nothing runs it is not.
func TestG20LockGoesAhead(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		var lock wire.Lock
		locked := map[wire.PeerID]int{}
		w.actions["lock"] = func(a *agent, f wire.Frame, c *wire.Call) {
			locked[f.Peer]++
			if err := wire.Unmarshal(c.Args, &lock); err != nil || f.Call != 1 || c.Flags&wire.FlagNoLane == 0 {
				t.Errorf("it is asked for by call %d, %v: %v", f.Call, c, err)
			}
			a.result(f, wire.Result{})
		}
		b := w.broker(ssh(-1, "a"), hopTo(0, "sudo", "root"))
		defer w.close(b)
		o := CallOptions{Lock: &wire.Lock{Run: wire.Run{ID: "one"}}}
		for _, c := range []*Pending{b.Peer(0).Call(call("echo", nil), CallOptions{}), b.Peer(1).Call(call("echo", nil), o), b.Peer(1).Call(call("echo", nil), o)} {
			if _, err := c.Wait(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if len(locked) != 1 || locked[b.Peer(1).id] != 1 || lock.Run.ID != "one" {
			t.Errorf("asked for %v, as %v", locked, lock)
		}
		if trips := b.Stats().Trips; trips != 3 {
			t.Errorf("%d round trips", trips)
		}
	})
}

// TestG20Locked: a call that the lock was refused to ends as if its peer could not be reached; waiting is told.
func TestG20Locked(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.actions["lock"] = func(a *agent, f wire.Frame, _ *wire.Call) {
			a.send(wire.KindStarted, f.Peer, f.Call, wire.Started{})
			a.w.wg.Go(func() { _ = a.output(f)([]byte("run two has it")) })
		}
		w.actions["refused"] = func(a *agent, f wire.Frame, _ *wire.Call) {
			a.result(f, wire.Result{Problem: &wire.Problem{Code: wire.CodeLocked, Message: "run two has it"}})
		}
		b := w.broker(one()...)
		defer w.close(b)
		_, err := b.Peer(0).Call(call("refused", nil), CallOptions{Lock: &wire.Lock{}}).Wait(t.Context())
		wantLost(t, err, 0, wire.CodeLocked, true)
		synctest.Wait()
		w.mu.Lock()
		last := w.events[len(w.events)-1]
		w.mu.Unlock()
		if last.Status != Waiting || problemCode(last.Err) != wire.CodeLocked || last.Err.Error() != "run two has it" {
			t.Errorf("told %v", last)
		}
	})
}

// TestWaitingForALane: who holds the lane that a call waits for is told, once; the call has not begun.
func TestWaitingForALane(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.actions["waits"] = func(a *agent, f wire.Frame, _ *wire.Call) {
			a.send(wire.KindStarted, f.Peer, f.Call, wire.Started{Waits: "process 812"})
			a.result(f, wire.Result{Problem: &wire.Problem{Code: wire.CodeCancelled}})
		}
		b := w.broker(one()...)
		defer w.close(b)
		for range 2 {
			c := b.Peer(0).Call(call("waits", nil), CallOptions{})
			if _, err := c.Wait(t.Context()); err != nil || isClosed(c.Started()) {
				t.Errorf("it has begun: %v, %v", isClosed(c.Started()), err)
			}
		}
		synctest.Wait()
		w.mu.Lock()
		defer w.mu.Unlock()
		told := 0
		for _, e := range w.events {
			if e.Status == Queued && e.Err.Error() == "process 812" {
				told++
			}
		}
		if told != 1 {
			t.Errorf("told %d times: %v", told, w.events)
		}
	})
}
