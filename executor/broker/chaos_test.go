package broker

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"runner/agent/wire"
	"runner/planner/plan"
)

// G17, G18, G21: whatever happens to connections, in whichever order, every call ends, and nothing is left.
func TestG18EveryCallEnds(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) { chaos(t, w, rand.New(rand.NewPCG(seed, 0))) })
		})
	}
}

func chaos(t *testing.T, w *world, r *rand.Rand) {
	connections := []plan.Connection{ssh(-1, "bastion"), ssh(0, "a"), ssh(-1, "b"), hopTo(-1, "local", "here")}
	connections[0].Transit = r.IntN(2) == 0
	w.prohibited = r.IntN(3) == 0
	for i := range 8 {
		connections = append(connections, hopTo(r.IntN(len(connections)), "docker", fmt.Sprint(i)))
	}
	connections = append(connections, ssh(4, "inner"), hopTo(12, "sudo", "root"))
	for _, c := range connections[4:] {
		switch r.IntN(6) {
		case 0: // never comes up
			w.child[c.Title] = func(*agent, wire.PeerID, wire.Open) {}
		case 1: // fails after a while
			w.child[c.Title] = func(a *agent, id wire.PeerID, _ wire.Open) {
				w.wg.Go(func() {
					time.Sleep(time.Second)
					a.lose(id, wire.Problem{Code: wire.CodeHop, Message: "no"}, false)
				})
			}
		}
	}
	b := w.broker(connections...)
	var pending []*Pending
	content := make([]byte, 300_000)
	for range 200 {
		on := r.IntN(len(connections))
		switch r.IntN(14) {
		case 0:
			if r.IntN(3) == 0 {
				w.wg.Go(b.Renew(on)) // while calls are made
			}
		case 1:
			time.Sleep(time.Duration(r.IntN(3000)) * time.Millisecond)
		case 2:
			w.cutOne(r)
		case 3, 4:
			if len(pending) > 0 {
				pending[r.IntN(len(pending))].Cancel(r.IntN(2) == 0)
			}
		case 5:
			pending = append(pending, b.Peer(on).Call(call("count", nil), CallOptions{Input: func() (io.ReadCloser, error) {
				return io.NopCloser(bytes.NewReader(content)), nil
			}}))
		case 6, 7:
			pending = append(pending, b.Peer(on).Call(call("hold", nil), CallOptions{}))
		case 8:
			pending = append(pending, b.Peer(on).Call(call("echo", content), CallOptions{}))
		default:
			pending = append(pending, b.Peer(on).Call(call("echo", nil), CallOptions{}))
		}
	}
	for _, p := range pending {
		p.Cancel(false)
	}
	limit := time.NewTimer(5 * time.Minute)
	defer limit.Stop()
	for i, p := range pending {
		select {
		case <-p.Done():
		case <-limit.C:
			t.Fatalf("call %d on connection %d has not ended", i, p.peer.hop.index)
		}
	}
	w.close(b)
}

// cutOne breaks a connection, or ends an agent.
func (w *world) cutOne(r *rand.Rand) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.agents) > 0 && r.IntN(2) == 0 {
		_ = w.agents[r.IntN(len(w.agents))].conn.Close()
		return
	}
	for _, c := range w.trunks {
		_ = c.Close()
		return
	}
}
