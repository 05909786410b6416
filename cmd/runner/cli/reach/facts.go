package reach

import (
	"context"
	"sync"

	"runner/agent/wire"
	"runner/executor/broker"
	"runner/planner/plan"
)

// Facts asks the hosts of a plan for their facts, by name, so many at once as the plan says and files may be open; missing says
// why some have none, by their place in the plan. Connections that no other host needs end at once. When ctx ends, the rest is
// not asked.
func Facts(ctx context.Context, p *plan.Plan, b *broker.Broker) (found map[string]wire.Facts, missing map[int]error) {
	found, missing = map[string]wire.Facts{}, map[int]error{}
	needed := map[int]int{} // by how many hosts, of each connection
	for _, h := range p.Hosts {
		for _, c := range p.Chain(h.Connection) {
			needed[c]++
		}
	}
	var mu sync.Mutex // guards all three
	ask := func(i int) {
		h := p.Hosts[i]
		ready, err := b.Peer(h.Connection).Ready(ctx) //nolint:contextcheck // connections live as long as their broker
		mu.Lock()
		if err != nil {
			missing[i] = err
		} else {
			found[h.Name] = ready.Hello.Facts
		}
		idle := -1
		for c := h.Connection; c >= 0; c = p.Connections[c].Parent {
			if needed[c]--; needed[c] == 0 {
				idle = c // those behind it are, too
			}
		}
		mu.Unlock()
		if idle >= 0 && ctx.Err() == nil {
			b.Renew(idle)()
		}
	}
	var all sync.WaitGroup
	slots := make(chan struct{}, Parallel(p))
	for i := range p.Hosts {
		slots <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		all.Go(func() {
			defer func() { <-slots }()
			ask(i)
		})
	}
	all.Wait()
	return found, missing
}
