package cli

import (
	"context"
	"errors"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"runner/cmd/runner/cli/arguments"
	"runner/cmd/runner/cli/identity"
	"runner/cmd/runner/cli/views"
	"runner/executor"
	"runner/executor/event"
	"runner/lang/diag"
)

func (p *Program) planCommand(kill <-chan struct{}) *cobra.Command {
	c := &cobra.Command{
		Use:   "plan [PATH]",
		Short: "Show what apply would change",
		Long: "Connects to the hosts, looks, and shows what apply would change: connections, pipelines, and each change with its\n" +
			"difference. Changes nothing.",
		Example:           "  runner plan\n  runner plan --out site.plan && runner apply site.plan\n  runner plan --offline site.hcl\n  runner plan --limit 'web[*],!web[b]' --detailed-exitcode",
		ValidArgsFunction: sitePaths,
	}
	return p.completeSelection(command(c, arguments.BindPlan, func(ctx context.Context, a arguments.Plan) error {
		s, err := p.open(a.Output, func(o *views.Options) {
			o.Diff, o.Markdown, o.Limits = a.Diff, a.Format == arguments.PlanMarkdown, a.Selection.Flags()
		})
		if err != nil {
			return err
		}
		return s.end(s.preview(ctx, a, kill))
	}))
}

func (s *session) preview(ctx context.Context, a arguments.Plan, kill <-chan struct{}) exitCode {
	if err := s.saves(a); err != nil {
		s.diagnose(hcl.Diagnostics{diag.Errorf(diag.PlanFile, hcl.Range{}, "The plan cannot be saved", "%s.", diag.Capital(err.Error()))})
		return exitWrong
	}
	if !a.Offline {
		s.remember()
	}
	site, code := s.load(ctx, a.Site)
	if site == nil {
		return code
	}
	w, err := s.prepare(ctx, a.Site, site, !a.Offline)
	if err != nil {
		return codeOf(err)
	}
	if a.Offline {
		s.Emit(event.Outline{Plan: w.plan, Preview: true, Ordered: true})
		summary := executor.Offline(w.plan, w.evaluator, s, !s.json && !s.options.Verbose)
		s.Emit(summarize(w.plan, summary))
		return planCode(summary, a.DetailedExitCode)
	}
	if s.saving != nil && !s.fits(w.plan) {
		return exitWrong
	}
	r := s.begin(w, origin{command: "plan"}, kill)
	if r == nil {
		return exitWrong
	}
	summary := r.look(ctx, r, s.saving == nil)
	hosts := identity.Hosts(r.plan, r.broker, summary.Lost)
	code = worst(r.finish(summary), planCode(summary, a.DetailedExitCode))
	if s.saving != nil {
		code = worst(code, r.save(a, site, summary, hosts))
	}
	return code
}

// planCode is what a preview found, as an exit code.
func planCode(s executor.Summary, detailed bool) exitCode {
	switch {
	case s.Unhandled > 0:
		return exitFailed
	case detailed && changes(s):
		return exitChanges
	}
	return exitDone
}

// codeOf is the exit code that an error stands for.
func codeOf(err error) exitCode {
	if code, ok := errors.AsType[exitCode](err); ok {
		return code
	}
	return exitWrong
}
