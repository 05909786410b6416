package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"runner/agent/wire"
	"runner/cmd/runner/cli/arguments"
	"runner/cmd/runner/cli/terminal"
	"runner/cmd/runner/cli/visit"
	"runner/executor"
	"runner/lang/diag"
	"runner/planner/plan"
)

func (p *Program) shellCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "shell HOST [--site PATH] [-- CMD…]",
		Short: "Open a terminal on a host",
		Long: "Opens the login shell of the account at the end of the host's chain, at a terminal of its own there, or runs a command at one.\n" +
			"It waits for no lock and holds none. A tilde and a dot at the beginning of a line end it here.\n" +
			"Where standard input or output is no terminal there is none on the host either, and the streams are passed on as they are.",
		Example: "  runner shell web\n  runner shell --site prod.hcl 'web[a]' -- top\n  runner shell db -- sh -c 'cat > /tmp/dump' < dump",
	}
	p.completeHosts(c)
	return command(c, arguments.BindShell, func(ctx context.Context, a arguments.Shell) error {
		s, err := p.open(a.Output, nil)
		if err != nil {
			return err
		}
		return s.end(s.shell(ctx, a))
	})
}

func (s *session) shell(ctx context.Context, a arguments.Shell) exitCode {
	w, code := s.adhoc(ctx, a.Site, a.Patterns)
	if w == nil {
		return code
	}
	if s.diagnose(single(w.plan)) {
		return exitWrong
	}
	b := s.newBroker(w, logOnly{s})
	if b == nil {
		return exitWrong
	}
	defer b.Close()                            //nolint:errcheck // never fails
	peer := b.Peer(w.plan.Hosts[0].Connection) //nolint:contextcheck // connections live as long as their broker
	if _, err := peer.Ready(ctx); err != nil {
		return s.unreached(ctx, w.plan, 0, err)
	}
	s.hide()
	in, out := s.program.In, s.program.Out
	v := visit.Visit{
		Peer: peer, ID: newRunID(time.Now()), In: in, Out: out, Err: s.program.Err, Environ: s.program.Environ,
		AtTerminal: terminal.IsTerminal(in) && terminal.IsTerminal(out),
	}
	status, err := v.Run(ctx, a.Argv)
	return s.visited(w.plan.Hosts[0].Name, status, err)
}

// visited makes an exit code of how a shell or a command on a host has ended. What kept it from starting, or cut it, is said.
func (s *session) visited(host string, status int, err error) exitCode {
	if err == nil {
		return exitCode(status)
	}
	if lost, ok := errors.AsType[*visit.LostError](err); ok {
		s.say("contact with " + host + " was lost: " + lost.Err.Error())
		return exitUnreachable
	}
	if problem, ok := errors.AsType[*wire.Problem](err); ok {
		s.say(host + ": " + problem.Message)
		return exitCode(max(status, int(exitFailed)))
	}
	if failed, ok := errors.AsType[*visit.UnwrittenError](err); ok {
		s.err = failed
		return exitFailed
	}
	switch {
	case errors.Is(err, visit.ErrLeft):
		s.say("the session on " + host + " was ended here")
		return exitInterrupted
	case errors.Is(err, executor.ErrInterrupted):
		return exitInterrupted
	}
	s.say(err.Error())
	return exitWrong
}

func (s *session) say(text string) {
	fmt.Fprintf(s.program.Err, "runner: %s\n", diag.HarmlessLine(text)) //nolint:errcheck // nowhere to tell
}

// unreached says why a host cannot be worked on, unless that was interrupted.
func (s *session) unreached(ctx context.Context, p *plan.Plan, host int, err error) exitCode {
	if ctx.Err() != nil {
		return exitInterrupted
	}
	s.lost(p, host, err)
	return exitUnreachable
}

// single says which hosts there are, if there are several.
func single(p *plan.Plan) hcl.Diagnostics {
	if len(p.Hosts) == 1 {
		return nil
	}
	names := make([]string, len(p.Hosts))
	for i, h := range p.Hosts {
		names[i] = h.Name
	}
	return hcl.Diagnostics{diag.Errorf(diag.NoMatch, hcl.Range{}, "Several hosts match",
		"One host is needed, and the pattern matches %d: %s.", len(names), diag.HarmlessLine(few(names)))}
}

// few lists names, of very many the first ones.
func few(names []string) string {
	const most = 20
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
