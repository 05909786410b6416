package cli

import (
	"context"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"runner/cmd/runner/cli/arguments"
	"runner/cmd/runner/cli/formatting"
)

func (p *Program) fmtCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "fmt [PATH…]",
		Short: "Rewrite files in the canonical format",
		Long: "Rewrites *.hcl files in place and prints the names of those that change. A directory stands for the files in it, without\n" +
			"those in directories below; - reads standard input and writes standard output.",
		Example: "  runner fmt\n  runner fmt --check --diff site.hcl",
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"hcl"}, cobra.ShellCompDirectiveFilterFileExt
		},
	}
	return command(c, arguments.BindFmt, func(ctx context.Context, a arguments.Fmt) error {
		f := formatting.Formatter{
			In: p.In, Out: p.Out, Color: p.colors(p.Out, a.NoColor), Check: a.Check, Diff: a.Diff,
			Complain: func(files map[string]*hcl.File, diags hcl.Diagnostics) error {
				return p.printer(files, a.NoColor).Print(p.Err, diags)
			},
		}
		good, err := f.Run(ctx, a.Paths)
		switch {
		case err != nil:
			return exitInterrupted
		case !good:
			return exitWrong
		}
		return nil
	})
}
