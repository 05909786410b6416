package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"runner/cmd/runner/build"
	"runner/cmd/runner/cli/arguments"
	"runner/cmd/runner/cli/completion"
	"runner/cmd/runner/cli/reference"
	"runner/lang"
	"runner/lang/diag"
)

// root returns the tree of commands. kill is closed when somebody interrupts for the second time.
func (p *Program) root(kill <-chan struct{}) *cobra.Command {
	root := &cobra.Command{
		Use:   "runner",
		Short: "Change machines over chains of hops, as a site says",
		Long: "runner changes machines over chains of hops (ssh, sudo, docker), as a site says. It needs nothing on them.\n\n" +
			"A site is a file or a directory of *.hcl files; where PATH is left out it is the current directory.",
		Example:           "  runner plan\n  runner apply site.hcl --limit 'web[*]'\n  runner exec 'web[*]' -- uptime",
		Version:           build.Version(),
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.SetIn(p.In)
	root.SetOut(p.Out)
	root.SetErr(p.Err)
	root.SetVersionTemplate("runner {{.Version}}\n")
	root.Flags().Bool("version", false, "print the version")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return flagError(root, c, err) })
	cobra.EnableCommandSorting = false
	root.AddCommand(
		p.planCommand(kill), p.applyCommand(kill), p.showCommand(), p.historyCommand(), p.validateCommand(), p.fmtCommand(), p.hostsCommand(), p.graphCommand(), p.consoleCommand(), p.execCommand(kill),
		p.shellCommand(), p.copyCommand(), p.factsCommand(), p.versionCommand(), p.completionCommand(root),
	)
	root.SetHelpCommand(p.helpCommand(root))
	root.InitDefaultHelpCmd()
	for _, c := range root.Commands() {
		p.completeChoices(c)
	}
	return root
}

// helpCommand explains commands, and what a site is made of.
func (p *Program) helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND | KIND [NAME]]",
		Short: "Print what a command, an action, a transport, a function or a block takes",
		Long: "Prints what a command does and takes. With a KIND, which is action, transport, function or block, it prints what the one\n" +
			"of this NAME takes and gives in a site, and without a NAME which ones there are.",
		Example: "  runner help plan\n  runner help action file\n  runner help transport ssh\n  runner help function cidrsubnet\n  runner help block job",
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			var words []string
			switch len(args) {
			case 0:
				words = reference.Kinds()
				for _, c := range root.Commands() {
					words = append(words, c.Name())
				}
			case 1:
				words = slices.Sorted(maps.Keys(reference.Of(args[0])))
			}
			return words, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				if all := reference.Of(args[0]); all != nil {
					return p.explain(args[0], strings.Join(args[1:], " "), all)
				}
			}
			c, _, err := root.Find(args)
			if err != nil {
				return unknownCommand(root, args)
			}
			return c.Help()
		},
	}
}

// explain prints one of the texts about things of a kind, or the names of all.
func (p *Program) explain(kind, name string, all map[string]string) error {
	text, ok := all[name]
	switch names := slices.Sorted(maps.Keys(all)); {
	case name == "":
		text = strings.Join(names, "\n") + "\n"
	case !ok:
		hint := fmt.Sprintf("Run `runner help %s` for a list.", kind)
		if near := diag.Suggest(name, names); near != "" {
			hint = fmt.Sprintf("Did you mean %s? %s", near, hint)
		}
		return &arguments.Error{Message: fmt.Sprintf("there is no %s %s", kind, diag.Quote(name)), Hint: hint}
	}
	if _, err := io.WriteString(p.Out, text); err != nil {
		return fmt.Errorf("cannot print: %w", err)
	}
	return nil
}

// command makes a command whose flags and arguments become a T.
func command[T any](c *cobra.Command, bind func(*pflag.FlagSet) func([]string) (T, error), run func(context.Context, T) error) *cobra.Command {
	finish := bind(c.Flags())
	c.Flags().SortFlags = false
	c.DisableFlagsInUseLine = true
	c.Args = cobra.ArbitraryArgs
	c.RunE = func(c *cobra.Command, args []string) error {
		a, err := finish(args)
		if err != nil {
			return fmt.Errorf("%w", err)
		}
		return run(c.Context(), a)
	}
	return c
}

// flagError explains a flag that cannot be understood. In front of the command there are none.
func flagError(root, c *cobra.Command, err error) error {
	err = arguments.FlagError(c.Flags(), err)
	usage, ok := err.(*arguments.Error) //nolint:errorlint // made in the line before
	if !ok {
		return err
	}
	hint := fmt.Sprintf("Run `%s --help` for the flags.", c.CommandPath())
	if c == root {
		hint = "Flags stand behind the command, such as: runner plan --offline"
	}
	if usage.Hint != "" {
		hint = usage.Hint + " " + hint
	}
	return &arguments.Error{Message: usage.Message, Hint: hint}
}

// sitePaths completes what can be a site.
func sitePaths(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return []string{"hcl", "json"}, cobra.ShellCompDirectiveFilterFileExt
}

// sitesAndPlans completes what can be a site, or a plan file by its usual name.
func sitesAndPlans(c *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	extensions, directive := sitePaths(c, args, prefix)
	if len(args) == 0 {
		extensions = append(extensions, "plan")
	}
	return extensions, directive
}

// completeFlag has shells complete what a flag takes. The library keeps that as long as the process lives, whatever becomes of
// the command; so it is told only when a shell asks.
func (p *Program) completeFlag(c *cobra.Command, flag string, complete cobra.CompletionFunc) {
	if !p.asked {
		return
	}
	if err := c.RegisterFlagCompletionFunc(flag, complete); err != nil {
		panic(err) // the flag is there, and nobody has asked for it before
	}
}

// completeChoices completes the flags that take one of a few words.
func (p *Program) completeChoices(c *cobra.Command) {
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if choice, ok := f.Value.(interface{ Choices() []string }); ok {
			p.completeFlag(c, f.Name, cobra.FixedCompletions(choice.Choices(), cobra.ShellCompDirectiveNoFileComp))
		}
	})
}

// completeSelection completes the flags that choose hosts and tasks.
func (p *Program) completeSelection(c *cobra.Command) *cobra.Command {
	path := func(args []string) string {
		if len(args) > 0 {
			return args[0]
		}
		return "."
	}
	for flag, words := range map[string]func(*lang.Site) []string{
		"limit": completion.HostPatterns, "target": completion.Addresses, "tags": completion.Tags, "skip-tags": completion.Tags,
	} {
		p.completeFlag(c, flag, completion.Site(p.Environ, path, words))
	}
	return c
}
