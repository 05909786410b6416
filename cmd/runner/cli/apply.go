package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"runner/agent/wire"
	"runner/cmd/runner/cli/arguments"
	"runner/cmd/runner/cli/completion"
	"runner/cmd/runner/cli/identity"
	"runner/cmd/runner/cli/recorded"
	"runner/cmd/runner/cli/saved"
	"runner/cmd/runner/cli/terminal"
	"runner/cmd/runner/cli/views"
	"runner/executor"
	"runner/executor/record"
	"runner/lang/diag"
)

func (p *Program) applyCommand(kill <-chan struct{}) *cobra.Command {
	c := &cobra.Command{
		Use:   "apply [PATH or PLANFILE]",
		Short: "Change the hosts as the site says",
		Long: "Shows what it would change, asks, and does it when the answer is yes. With --auto-approve it asks nothing and works in\n" +
			"one pass: each task looks and acts. A plan file is applied as it is, without asking, or refused.",
		Example:           "  runner apply\n  runner apply site.hcl --auto-approve --var release=1.4.3\n  runner apply site.plan",
		ValidArgsFunction: sitesAndPlans,
	}
	c = p.completeSelection(command(c, arguments.BindApply, func(ctx context.Context, a arguments.Apply) error {
		s, err := p.open(a.Output, func(o *views.Options) { o.Apply, o.Limits = true, a.Selection.Flags() })
		if err != nil {
			return err
		}
		return s.end(s.apply(ctx, a, kill))
	}))
	p.completeFlag(c, "resume", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		runs := completion.Runs(p.stateDir(), func(store *record.Store, r *record.Summary) bool { return recorded.MayResume(store, r) == nil })
		return runs, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	})
	return c
}

func (s *session) apply(ctx context.Context, a arguments.Apply, kill <-chan struct{}) exitCode {
	switch {
	case a.Resume != "":
		return s.resume(ctx, a, kill)
	case saved.IsPlan(a.Path):
		return s.applyFile(ctx, a, kill)
	case !s.withoutFile(a, diag.HarmlessLine(a.Path)+" is none"):
		return exitWrong
	}
	if !s.mayAct(a) {
		return exitWrong
	}
	s.remember()
	site, code := s.load(ctx, a.Site)
	if site == nil {
		return code
	}
	w, err := s.prepare(ctx, a.Site, site, true)
	if err != nil {
		return codeOf(err)
	}
	return s.carryOut(ctx, w, origin{command: "apply", noHandlersOnFailure: a.NoHandlersOnFailure, lockTimeout: a.LockTimeout}, a.AutoApprove, kill)
}

// withoutFile says that no flag of a plan file was given. Otherwise it has said that there is no plan file, and why.
func (s *session) withoutFile(a arguments.Apply, why string) bool {
	for flag, given := range map[string]bool{"--allow-partial": a.AllowPartial, "--identity": len(a.Identities) > 0} {
		if given {
			s.diagnose(hcl.Diagnostics{diag.Errorf(diag.Arguments, hcl.Range{}, "Flag for a plan file", "%s goes with a plan file, and %s.", flag, why)})
			return false
		}
	}
	return true
}

// mayAct says whether somebody has approved what will be done, or is there to be asked.
func (s *session) mayAct(a arguments.Apply) bool {
	if a.AutoApprove || s.program.canAsk() {
		return true
	}
	s.diagnose(hcl.Diagnostics{diag.Errorf(diag.NoTerminal, hcl.Range{}, "Nobody to ask",
		"apply asks before it changes anything, and there is no terminal to ask at. Use --auto-approve to apply without being asked.")})
	return false
}

// carryOut does what was planned, after asking unless it was approved before.
func (s *session) carryOut(ctx context.Context, w *work, o origin, approved bool, kill <-chan struct{}) exitCode {
	if !approved && !s.fits(w.plan) {
		return exitWrong
	}
	r := s.begin(w, o, kill)
	if r == nil {
		return exitWrong
	}
	if !approved {
		planned := &looker{shown: r}
		summary := r.look(ctx, planned, false)
		if !changes(summary) || summary.Unhandled > 0 || summary.Interrupted {
			return r.finish(summary)
		}
		if yes, err := r.consent(ctx); !yes {
			summary.Interrupted = true
			r.withdrawn()
			_ = r.finish(summary) // what it adds up to does not count
			if errors.Is(err, executor.ErrInterrupted) {
				return exitInterrupted
			}
			return exitWrong
		}
		// Somebody may have been reading for long.
		if _, code := r.check(ctx, &planned.found, identity.Hosts(r.plan, r.broker, summary.Lost), false); code != exitDone {
			r.withdrawn()
			return r.finishAs(executor.Summary{}, refused(code), code)
		}
	}
	return r.finish(r.walk(ctx, wire.ModeApply, nil))
}

// canAsk says whether somebody is there to answer.
func (p *Program) canAsk() bool { return terminal.IsTerminal(p.In) }

// consent asks whether to go on. Only "yes" is yes.
func (s *session) consent(ctx context.Context) (bool, error) {
	s.hide()
	defer s.show()
	answer, err := terminal.Line(ctx, s.program.In, "\nApply these changes? Only `yes` applies them: ")
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, executor.ErrInterrupted):
	case err != nil:
		fmt.Fprintf(s.program.Err, "runner: %s\n", err) //nolint:errcheck // nowhere to tell
	case strings.TrimSpace(answer) == "yes":
		return true, nil
	}
	fmt.Fprintln(s.program.Err, "Nothing was applied.") //nolint:errcheck // nowhere to tell
	return false, err
}
