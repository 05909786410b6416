package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"runner/cmd/runner/cli/arguments"
	"runner/lang"
	"runner/lang/diag"
)

func (p *Program) validateCommand() *cobra.Command {
	c := &cobra.Command{
		Use:               "validate [PATH]",
		Short:             "Check everything that can be checked without a connection",
		Long:              "Finds every error of a site that can be found without a connection, and shows all of them together.",
		Example:           "  runner validate\n  runner validate site.hcl --var release=1.4.2",
		ValidArgsFunction: sitePaths,
	}
	return p.completeSelection(command(c, arguments.BindValidate, func(ctx context.Context, a arguments.Validate) error {
		s, err := p.open(a.Output, nil)
		if err != nil {
			return err
		}
		return s.end(s.validate(ctx, a))
	}))
}

func (s *session) validate(ctx context.Context, a arguments.Validate) exitCode {
	site, code := s.loadWith(ctx, a.Site, func(o *lang.Options) { o.AllActions = true })
	if site == nil {
		return code
	}
	w, err := s.build(ctx, a.Site, site, false, true)
	if err != nil {
		return codeOf(err)
	}
	if !s.json {
		s.hide()
		tasks := 0
		for _, j := range w.plan.Jobs {
			tasks += len(j.Tasks)
		}
		s.result(fmt.Sprintf("The site is valid: %s, %s, %s.\n",
			diag.Count(len(site.Hosts), "host"), diag.Count(len(w.plan.Jobs), "job"), diag.Count(tasks, "task")), nil)
	}
	return exitDone
}
