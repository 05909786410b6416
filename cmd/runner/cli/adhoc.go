package cli

import (
	"context"
	"errors"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"runner/agent/wire"
	"runner/cmd/runner/cli/arguments"
	"runner/cmd/runner/cli/completion"
	"runner/cmd/runner/cli/reach"
	"runner/executor"
	"runner/executor/broker"
	"runner/executor/event"
	"runner/lang"
	"runner/lang/diag"
	"runner/planner/plan"
)

// adhocJob is the job that stands for what a command does on hosts without any of the site's own.
const adhocJob = "exec"

// adhoc plans the ways to the hosts that a pattern names, and nothing else: one job without tasks on all hosts takes the
// place of the site's own, and the pattern chooses. What is wrong has been shown when it returns nil, and how to end.
func (s *session) adhoc(ctx context.Context, a arguments.Site, patterns []string) (*work, exitCode) {
	site, code := s.load(ctx, a)
	if site == nil {
		return nil, code
	}
	adhoc := *site
	if named(patterns, site.Localhost()) {
		adhoc.Hosts = withLocalhost(site)
	}
	adhoc.Jobs = []*lang.Job{{Name: adhocJob, Hosts: adhoc.Hosts}}
	adhoc.Outputs = nil
	a.Selection.Limit = patterns
	w, err := s.prepare(ctx, a, &adhoc, true)
	if err != nil {
		return nil, codeOf(err)
	}
	return w, exitDone
}

// newBroker returns what reaches the hosts of a plan. It returns nil when it has said what is wrong.
func (s *session) newBroker(w *work, sink event.Sink) *broker.Broker {
	return s.newTellingBroker(w, executor.Connections(w.plan, sink))
}

// newTellingBroker is newBroker for somebody who is told of every connection.
func (s *session) newTellingBroker(w *work, tell func(broker.Event)) *broker.Broker {
	b, err := reach.Broker(w.plan, w.transports, tell)
	if err != nil {
		s.diagnose(hcl.Diagnostics{diag.Errorf(diag.Agents, hcl.Range{}, "No agents", "%s.", diag.Capital(err.Error()))})
		return nil
	}
	return b
}

// logOnly takes the events of a command that shows none.
type logOnly struct{ *session }

// Emit logs an event.
func (l logOnly) Emit(e event.Event) { l.log.Event(e) }

// lost says that a host could not be reached, or was lost.
func (s *session) lost(p *plan.Plan, host int, err error) {
	e := event.Diagnostic{Severity: "error", Code: string(diag.Unreachable), Summary: "Host cannot be reached", Host: p.Hosts[host].Name}
	place := plan.Place{}
	if lost, ok := errors.AsType[*broker.LostError](err); ok {
		place = p.Connections[lost.Connection].Place
		if !lost.Unreached {
			e.Summary = "Contact was lost"
		}
	}
	if e.Failure = executor.FailureOf(err, place); e.Failure.Locked {
		e.Summary = "Host is locked"
	}
	e.Detail, e.File, e.Range = place.Explain(e.Failure.Text()), place.File, event.RangeOf(place)
	s.show()
	s.Emit(e)
}

// failed shows why a call has failed on a host.
func (s *session) failed(host, summary string, problem *wire.Problem) {
	failure := executor.FailureOf(problem, plan.Place{})
	s.show()
	s.Emit(event.Diagnostic{
		Severity: "error", Code: "task_failed", Summary: summary, Detail: failure.Text(), Host: host, Failure: failure,
	})
}

// completeHosts completes the first argument of a command with what names hosts.
func (p *Program) completeHosts(c *cobra.Command) {
	c.ValidArgsFunction = func(c *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		site := func([]string) string { return c.Flag("site").Value.String() }
		return completion.Site(p.Environ, site, completion.HostPatterns)(c, args, prefix)
	}
}
