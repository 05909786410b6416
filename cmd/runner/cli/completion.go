package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"runner/cmd/runner/cli/arguments"
	"runner/lang/diag"
)

func (p *Program) completionCommand(root *cobra.Command) *cobra.Command {
	shells := []string{"bash", "zsh", "fish"}
	c := &cobra.Command{
		Use:   "completion bash|zsh|fish",
		Short: "Print a script that completes runner's commands in a shell",
		Long: "Prints a script that completes commands, flags and their values. Load it in the shell's own start file:\n\n" +
			"  bash   source <(runner completion bash)    (needs the package bash-completion)\n" +
			"  zsh    source <(runner completion zsh)\n" +
			"  fish   runner completion fish | source",
		Example:           "  runner completion bash > /etc/bash_completion.d/runner",
		ValidArgsFunction: cobra.FixedCompletions(shells, cobra.ShellCompDirectiveNoFileComp),
	}
	bind := func(*pflag.FlagSet) func([]string) (string, error) {
		return func(args []string) (string, error) {
			if len(args) != 1 {
				return "", &arguments.Error{Message: "name one shell: bash, zsh or fish"}
			}
			if !slices.Contains(shells, args[0]) {
				return "", &arguments.Error{
					Message: "there is no completion for " + diag.Quote(args[0]),
					Hint:    "There is one for bash, zsh and fish." + diag.DidYouMean(args[0], shells),
				}
			}
			return args[0], nil
		}
	}
	return command(c, bind, func(_ context.Context, shell string) error {
		var err error
		switch shell {
		case "bash":
			err = root.GenBashCompletionV2(p.Out, true)
		case "zsh":
			err = root.GenZshCompletion(p.Out)
		case "fish":
			err = root.GenFishCompletion(p.Out, true)
		}
		if err != nil {
			return fmt.Errorf("cannot write the completion: %w", err)
		}
		return nil
	})
}
