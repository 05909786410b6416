package cli

import (
	"context"
	"sync"

	"github.com/spf13/cobra"

	"runner/agent/wire"
	"runner/cmd/runner/cli/arguments"
	"runner/cmd/runner/cli/reach"
	"runner/cmd/runner/cli/views"
	"runner/executor/broker"
)

func (p *Program) factsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "facts HOST-PATTERN [--site PATH]",
		Short: "Print the facts of hosts as JSON",
		Long: "Connects to every host that the pattern matches and prints one JSON object with their facts, as self.facts names them.\n" +
			"Changes nothing there, and waits for no lock.",
		Example: "  runner facts 'web[*]'\n  runner facts --site prod.hcl 'tier=db,!db-3'",
	}
	p.completeHosts(c)
	return command(c, arguments.BindFacts, func(ctx context.Context, a arguments.Facts) error {
		s, err := p.open(a.Output, nil)
		if err != nil {
			return err
		}
		return s.end(s.facts(ctx, a))
	})
}

func (s *session) facts(ctx context.Context, a arguments.Facts) exitCode {
	w, code := s.adhoc(ctx, a.Site, a.Patterns)
	if w == nil {
		return code
	}
	b := s.newBroker(w, logOnly{s})
	if b == nil {
		return exitWrong
	}
	defer b.Close() //nolint:errcheck // never fails
	found, code := s.gather(ctx, w, b)
	if code == exitInterrupted {
		return code
	}
	s.hide()
	s.result(views.Facts(found))
	return code
}

// gather asks the hosts of a plan for their facts, so many at once as the plan says and files may be open. Connections that no
// other host needs end at once.
func (s *session) gather(ctx context.Context, w *work, b *broker.Broker) (map[string]wire.Facts, exitCode) {
	found := map[string]wire.Facts{}
	missing := map[int]error{}
	needed := map[int]int{} // by how many hosts, of each connection
	for _, h := range w.plan.Hosts {
		for _, c := range w.plan.Chain(h.Connection) {
			needed[c]++
		}
	}
	var mu sync.Mutex // guards all three
	ask := func(i int) {
		h := w.plan.Hosts[i]
		ready, err := b.Peer(h.Connection).Ready(ctx) //nolint:contextcheck // connections live as long as their broker
		mu.Lock()
		if err != nil {
			missing[i] = err
		} else {
			found[h.Name] = ready.Hello.Facts
		}
		idle := -1
		for c := h.Connection; c >= 0; c = w.plan.Connections[c].Parent {
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
	slots := make(chan struct{}, reach.Parallel(w.plan))
	for i := range w.plan.Hosts {
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
	if ctx.Err() != nil {
		return nil, exitInterrupted
	}
	code := exitDone
	for i := range w.plan.Hosts {
		if err := missing[i]; err != nil {
			s.lost(w.plan, i, err)
			code = exitUnreachable
		}
	}
	return found, code
}
