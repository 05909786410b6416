package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"runner/agent/plain"
	"runner/agent/transfer"
	"runner/agent/wire"
	"runner/cmd/runner/cli/arguments"
	"runner/cmd/runner/cli/completion"
	"runner/cmd/runner/cli/copying"
	"runner/cmd/runner/cli/terminal"
	"runner/cmd/runner/cli/views"
	"runner/executor/broker"
	"runner/executor/event"
	"runner/lang/diag"
	"runner/planner/plan"
)

func (p *Program) copyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "cp SRC DST [--site PATH]",
		Short: "Copy a file or a tree to or from a host",
		Long: "Copies a file, or a directory with everything in it, to or from HOST:PATH, through the host's chain, or from one host to another.\n" +
			"A path that is not absolute is one in the account's home there. If DST is a directory, or a link to one, the copy goes into it;\n" +
			"a file or another link of that name is replaced, and what the link led to is left alone.\n" +
			"Modes, times, links and holes are kept. A large file that was cut goes on where it stopped when the same is copied again.",
		Example: "  runner cp web:/etc/hosts .\n  runner cp --site prod.hcl release.tar.gz 'web[a]:/srv/'\n  runner cp web:/srv/site db:/srv/",
	}
	c.ValidArgsFunction = func(c *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 1 || strings.ContainsAny(prefix, ":/") {
			return nil, cobra.ShellCompDirectiveDefault
		}
		site := func([]string) string { return c.Flag("site").Value.String() }
		hosts, _ := completion.Site(p.Environ, site, completion.HostPlaces)(c, args, prefix)
		return hosts, cobra.ShellCompDirectiveNoSpace
	}
	return command(c, arguments.BindCopy, func(ctx context.Context, a arguments.Copy) error {
		s, err := p.open(a.Output, nil)
		if err != nil {
			return err
		}
		return s.end(s.copy(ctx, a))
	})
}

func (s *session) copy(ctx context.Context, a arguments.Copy) exitCode {
	var size int64
	if a.From.Host == "" {
		info, err := os.Stat(a.From.Path)
		if err != nil {
			return s.cannotCopy(diag.Capital(plain.File(a.From.Path, err)) + ".")
		}
		if info.Mode().IsRegular() {
			size = info.Size()
		}
	}
	var patterns []string
	for _, place := range []arguments.Place{a.From, a.To} {
		if place.Host != "" {
			patterns = append(patterns, place.Host)
		}
	}
	w, code := s.adhoc(ctx, a.Site, patterns)
	if w == nil {
		return code
	}
	hosts, diags := hostsOf(w.plan, a.From, a.To)
	if s.diagnose(diags) {
		return exitWrong
	}
	meter := views.NewMeter(nil, nil)
	if terminal.IsTerminal(s.program.Err) && s.program.env("TERM") != "dumb" {
		meter = views.NewMeter(s.program.Err, s.options.ErrSize)
	}
	b := s.newBroker(w, waits{s, meter})
	if b == nil {
		meter.Close(false)
		return exitWrong
	}
	defer b.Close() //nolint:errcheck // never fails
	s.hide()
	destination := transfer.Destination{Path: a.To.Path, Name: nameOf(a.From), Owner: a.Owner}
	var report transfer.Report
	var err error
	from := copying.SendHere(a.From.Path, meter.Progress())
	if hosts[0] >= 0 {
		from = copying.SendThere(b.Peer(w.plan.Hosts[hosts[0]].Connection), a.From.Path) //nolint:contextcheck // connections live as long as their broker
	}
	if hosts[1] >= 0 {
		if hosts[0] >= 0 {
			from = copying.Counted(from, meter.Progress())
		}
		to := copying.Receiver{
			Peer: b.Peer(w.plan.Hosts[hosts[1]].Connection), //nolint:contextcheck // connections live as long as their broker
			Lock: lock(newRunID(time.Now()), "cp", a.LockTimeout),
			Size: size,
		}
		report, err = to.Receive(ctx, destination, from)
	} else {
		report, err = copying.ReceiveHere(ctx, destination, from, meter.Progress())
	}
	meter.Close(err == nil)
	return s.copied(ctx, w.plan, hosts, report, err)
}

// waits shows what a copy waits for. The rest of what happens is for the log.
type waits struct {
	*session
	meter *views.Meter
}

// Emit implements event.Sink.
func (w waits) Emit(e event.Event) {
	w.log.Event(e)
	if _, ok := e.(event.Diagnostic); ok {
		w.meter.Aside(func() { w.flash(e) })
	}
}

// nameOf is what a copy is called in a directory.
func nameOf(from arguments.Place) string {
	if home := strings.TrimRight(from.Path, "/"); from.Host != "" && (from.Path == "" || home == "~") {
		return "."
	}
	return transfer.Name(from.Path)
}

// hostsOf finds the hosts of both places in a plan; -1 is this machine.
func hostsOf(p *plan.Plan, places ...arguments.Place) ([2]int, hcl.Diagnostics) {
	bare := func(name string) string { return strings.ReplaceAll(name, `"`, "") }
	out := [2]int{-1, -1}
	remote := 0
	for i, place := range places {
		if place.Host == "" {
			continue
		}
		remote++
		for h := range p.Hosts {
			if bare(p.Hosts[h].Name) == bare(place.Host) {
				out[i] = h
			}
		}
	}
	for i, place := range places {
		switch {
		case place.Host == "" || out[i] >= 0:
		case remote == 1 && len(p.Hosts) == 1: // a pattern that matches one host
			out[i] = 0
		case remote == 1:
			return out, single(p)
		default:
			return out, hcl.Diagnostics{diag.Errorf(diag.NoMatch, hcl.Range{}, "No such host",
				"Between two hosts, each is named in full; %s is no host's name.", diag.Quote(place.Host))}
		}
	}
	return out, nil
}

// copied says how a copy ended.
func (s *session) copied(ctx context.Context, p *plan.Plan, hosts [2]int, report transfer.Report, err error) exitCode {
	end, begun := errors.AsType[*copying.EndError](err)
	at := hosts[1]
	if begun && end.Sending {
		at = hosts[0]
	}
	switch {
	case ctx.Err() != nil && err != nil:
		fmt.Fprintln(s.program.Err, "Interrupted: the copy is not whole. Made again, it goes on with what has come of large files.") //nolint:errcheck // nowhere to tell
		return exitInterrupted
	case err == nil:
		return s.left(report)
	case !begun:
		return s.cannotCopy(diag.Capital(err.Error()) + ".")
	case errors.As(err, new(*broker.LostError)), isLocked(err):
		s.lost(p, at, err)
		return exitUnreachable
	}
	host := ""
	if at >= 0 {
		host = p.Hosts[at].Name
	}
	problem, ok := errors.AsType[*wire.Problem](transfer.Explain(end.Err))
	if !ok {
		problem = &wire.Problem{Code: wire.CodeAction, Message: end.Err.Error()}
	}
	s.failed(host, "Copy failed", problem)
	return exitFailed
}

// isLocked says whether another run holds the lock.
func isLocked(err error) bool {
	problem, ok := errors.AsType[*wire.Problem](err)
	return ok && problem.Code == wire.CodeLocked
}

// left says what could not be copied while the rest was.
func (s *session) left(report transfer.Report) exitCode {
	for _, l := range report.Left {
		s.diagnose(hcl.Diagnostics{diag.Warningf("task_failed", hcl.Range{}, "Left out", "%s: %s.", l.Path, l.Reason)})
	}
	if len(report.Left) == 0 {
		return exitDone
	}
	if report.More > 0 {
		s.diagnose(hcl.Diagnostics{diag.Warningf("task_failed", hcl.Range{}, "Left out", "%d more could not be copied.", report.More)})
	}
	return exitFailed
}

func (s *session) cannotCopy(why string) exitCode {
	s.diagnose(hcl.Diagnostics{diag.Errorf(diag.Arguments, hcl.Range{}, "Cannot copy", "%s", why)})
	return exitWrong
}
