package cli

import (
	"context"
	"sync"

	"github.com/spf13/cobra"

	"runner/agent/wire"
	"runner/cmd/runner/cli/arguments"
	"runner/cmd/runner/cli/views"
	"runner/executor"
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

// gather asks the hosts of a plan for their facts, so many at once as the plan says.
func (s *session) gather(ctx context.Context, w *work, b *broker.Broker) (map[string]wire.Facts, exitCode) {
	found := map[string]wire.Facts{}
	missing := map[int]error{}
	var mu sync.Mutex // guards both
	var all sync.WaitGroup
	slots := make(chan struct{}, max(w.plan.Parallelism, 1))
	if w.plan.Parallelism == 0 {
		slots = make(chan struct{}, executor.DefaultParallel)
	}
	for i, h := range w.plan.Hosts {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			if ctx.Err() != nil {
				return
			}
			ready, err := b.Peer(h.Connection).Ready(ctx) //nolint:contextcheck // connections live as long as their broker
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				missing[i] = err
				return
			}
			found[h.Name] = ready.Hello.Facts
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
