package cli

import (
	"context"

	"github.com/spf13/cobra"

	"runner/cmd/runner/cli/arguments"
)

func (p *Program) validateCommand() *cobra.Command {
	c := &cobra.Command{
		Use:               "validate [PATH]",
		Short:             "Check everything that can be checked without a connection",
		Example:           "  runner validate site.hcl --var release=1.4.2",
		ValidArgsFunction: sitePaths,
	}
	return command(c, arguments.BindValidate, func(ctx context.Context, a arguments.Validate) error {
		s, err := p.open(a.Output, nil)
		if err != nil {
			return err
		}
		site := s.load(ctx, a.Site)
		if site == nil {
			return s.end(exitWrong)
		}
		return s.end(exitDone)
	})
}
