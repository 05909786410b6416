package cli

import (
	"context"

	"github.com/spf13/cobra"

	"runner/cmd/runner/cli/arguments"
	"runner/cmd/runner/cli/reach"
	"runner/cmd/runner/cli/views"
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
	found, missing := reach.Facts(ctx, w.plan, b)
	if ctx.Err() != nil {
		return exitInterrupted
	}
	code = exitDone
	for i := range w.plan.Hosts {
		if err := missing[i]; err != nil {
			s.lost(w.plan, i, err)
			code = exitUnreachable
		}
	}
	s.hide()
	s.result(views.Facts(found))
	return code
}
