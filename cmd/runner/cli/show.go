package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"runner/cmd/runner/cli/arguments"
	"runner/cmd/runner/cli/completion"
	"runner/cmd/runner/cli/jsonlines"
	"runner/cmd/runner/cli/recorded"
	"runner/cmd/runner/cli/saved"
	"runner/cmd/runner/cli/views"
	"runner/executor/event"
	"runner/executor/record"
	"runner/lang/diag"
	"runner/planner/planfile"
)

func (p *Program) showCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "show RUN or PLANFILE",
		Short: "Show a past run or a saved plan",
		Long: "Shows what a plan file says would change, as planning has shown it; or, where there is no such file, what a run has done: its\n" +
			"id is in the history, and the part before or behind its hyphen is enough. Connects to nothing.",
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			runs := completion.Runs(p.stateDir(), func(*record.Store, *record.Summary) bool { return true })
			return runs, cobra.ShellCompDirectiveDefault | cobra.ShellCompDirectiveKeepOrder // or a file
		},
		Example: "  runner show site.plan\n  runner show --json site.plan\n  runner show 20261129T101500Z-3f2a9c41",
	}
	return command(c, arguments.BindShow, func(_ context.Context, a arguments.Show) error {
		if _, err := os.Lstat(a.Path); errors.Is(err, fs.ErrNotExist) && !strings.ContainsAny(a.Path, "/.") {
			return p.showRun(a)
		}
		if a.JSON {
			return p.showEvents(a)
		}
		s, err := p.open(a.Output, func(o *views.Options) { o.Diff, o.Markdown = a.Diff, a.Format == arguments.PlanMarkdown })
		if err != nil {
			return err
		}
		return s.end(s.showPlan(a))
	})
}

// showEvents prints the events that planning printed.
func (p *Program) showEvents(a arguments.Show) error {
	plan, err := saved.Open(a.Path)
	if err != nil {
		s, openErr := p.open(a.Output, nil)
		if openErr != nil {
			return openErr
		}
		s.refuse(err)
		return s.end(exitRefused)
	}
	defer plan.Close() //nolint:errcheck // it was only read; all of its events were read once by now
	return plan.Events(func(encoded []byte) error {
		e, at, err := event.Decode(encoded)
		if err != nil {
			return fmt.Errorf("%w", err)
		}
		if e.Kind() == event.KindOutline {
			return nil
		}
		if _, err := p.Out.Write(jsonlines.Line(e, at)); err != nil {
			return fmt.Errorf("cannot write events: %w", err)
		}
		return nil
	})
}

// showPlan shows a plan to people.
func (s *session) showPlan(a arguments.Show) exitCode {
	plan, err := saved.Open(a.Path)
	if err != nil {
		s.refuse(err)
		return exitRefused
	}
	defer plan.Close() //nolint:errcheck // it was only read
	if a.Format == arguments.PlanText {
		s.hide()
		fmt.Fprint(s.program.Out, heading(plan.File)) //nolint:errcheck // the view finds it out
		s.show()
	}
	err = plan.Events(func(encoded []byte) error {
		e, _, err := event.Decode(encoded)
		if err == nil {
			s.Emit(e)
		}
		return err
	})
	if err != nil {
		s.refuse(err)
		return exitRefused
	}
	return exitDone
}

// heading says what a plan file is.
func heading(f *planfile.File) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Plan %s of %s, made at %s by runner %s.\n",
		f.ID, diag.HarmlessLine(f.Request.Path), f.Created.Local().Format(time.DateTime), diag.HarmlessLine(f.Runner))
	if limits := recorded.Selection(f.Request).Flags(); len(limits) > 0 {
		fmt.Fprintf(&b, "It is limited by %s.\n", diag.HarmlessLine(strings.Join(limits, " ")))
	}
	for _, h := range f.Hosts {
		if h.Lost {
			fmt.Fprintf(&b, "It leaves out %s, which could not be reached.\n", diag.HarmlessLine(h.Name))
		}
	}
	for _, w := range f.Site.Again {
		fmt.Fprintf(&b, "The %s %s is sensitive: it is not in clear in the file.\n", what(w.Kind), diag.HarmlessLine(w.Name))
	}
	b.WriteString("\n")
	return b.String()
}

// refuse says why a plan file is not taken.
func (s *session) refuse(err error) {
	s.diagnose(hcl.Diagnostics{diag.Errorf(diag.PlanRefused, hcl.Range{}, "The plan file is refused", "%s.%s", diag.Capital(err.Error()), hint(err))})
}
