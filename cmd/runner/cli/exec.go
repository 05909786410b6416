package cli

import (
	"context"

	"github.com/spf13/cobra"

	"runner/agent/wire"
	"runner/cmd/runner/cli/arguments"
	"runner/cmd/runner/cli/views"
	"runner/executor"
	"runner/planner/plan"
)

func (p *Program) execCommand(kill <-chan struct{}) *cobra.Command {
	c := &cobra.Command{
		Use:   "exec HOST-PATTERN [--site PATH] -- CMD…",
		Short: "Run one command on many hosts",
		Long: "Runs a command on every host that the pattern matches, through the hosts' own chains, and shows its output as it comes.\n" +
			"The pattern is one of names, globs, label=value, @group, with ! in front to exclude, joined by commas.",
		Example: "  runner exec 'web[*]' -- uptime\n  runner exec --site prod.hcl 'tier=db,!db-3' -- systemctl is-active postgresql",
	}
	p.completeHosts(c)
	return command(c, arguments.BindExec, func(ctx context.Context, a arguments.Exec) error {
		s, err := p.open(a.Output, func(o *views.Options) { o.Exec = true })
		if err != nil {
			return err
		}
		return s.end(s.exec(ctx, a, kill))
	})
}

func (s *session) exec(ctx context.Context, a arguments.Exec, kill <-chan struct{}) exitCode {
	s.remember()
	w, code := s.adhoc(ctx, a.Site, a.Patterns)
	if w == nil {
		return code
	}
	c := newCommand(a.Argv)
	w.plan.Jobs[0].Tasks = []plan.Task{c.task}
	w.evaluator = c
	r := s.begin(w, origin{command: "exec", lockTimeout: a.LockTimeout, argv: a.Argv}, kill)
	if r == nil {
		return exitWrong
	}
	return r.finish(r.walk(ctx, wire.ModeApply, nil))
}

// adhocCommand is a task that no site declares; it evaluates itself.
type adhocCommand struct {
	task plan.Task
	args map[string]any
}

func newCommand(argv []string) *adhocCommand {
	list := make([]any, len(argv))
	for i, a := range argv {
		list[i] = a
	}
	return &adhocCommand{
		task: plan.Task{
			Address: "job." + adhocJob + ".task.command." + adhocJob, Action: "command", Name: adhocJob,
			OnFailure: plan.Stop, Selected: true,
		},
		args: map[string]any{"argv": list},
	}
}

// Expand returns the command, which is the same on every host.
func (c *adhocCommand) Expand(address string, _ int, _ plan.State) ([]plan.Instance, error) {
	return []plan.Instance{{Address: address, Args: c.args}}, nil
}

// Judge takes the result for what it is.
func (c *adhocCommand) Judge(_ string, _ int, r plan.Result, _ plan.State) (plan.Verdict, error) {
	return plan.Verdict{Changed: r.Changed, Failed: r.Failed, Again: r.Failed}, nil
}

// Outputs returns nothing: the command's output was shown.
func (c *adhocCommand) Outputs(plan.State) ([]plan.Output, error) { return nil, nil }

var _ executor.Evaluator = (*adhocCommand)(nil)
