package cli

import (
	"context"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"runner/cmd/runner/cli/arguments"
	"runner/cmd/runner/cli/completion"
	"runner/cmd/runner/cli/history"
	"runner/executor/event"
	"runner/executor/record"
	"runner/lang/diag"
)

func (p *Program) historyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "history",
		Short: "List past runs",
		Long: "Lists the runs of this user on this machine, the newest first: every plan, apply and exec that connects is recorded while it\n" +
			"goes on, in the state directory ($XDG_STATE_HOME/runner, or ~/.local/state/runner). Runs that are older than 90 days\n" +
			"are removed, and the oldest ones where all together take more than 512 MiB.",
		Example: "  runner history\n  runner history --host web1 --last 5\n  runner history --json\n  runner history --prune --older-than 720h",
	}
	c = command(c, arguments.BindHistory, func(_ context.Context, a arguments.History) error {
		o := a.Output
		o.JSON = false // the result are objects, not events
		s, err := p.open(o, nil)
		if err != nil {
			return err
		}
		return s.end(s.history(a))
	})
	here := func([]string) string { return "." }
	p.completeFlag(c, "host", completion.Site(p.Environ, here, completion.HostNames))
	return c
}

// spellings are the names that somebody may mean: the quotes of web["a"] may be left out, as in patterns.
func spellings(host string) []string {
	name, key, _ := strings.Cut(host, "[")
	key, ok := strings.CutSuffix(key, "]")
	if !ok || strings.Contains(key, `"`) {
		return []string{host}
	}
	return []string{host, name + `["` + key + `"]`}
}

func (s *session) history(a arguments.History) exitCode {
	store, err := s.program.records()
	if err != nil {
		return s.noRecords(err)
	}
	defer store.Close() //nolint:errcheck // what was written is committed
	if a.Prune {
		removed, err := store.Prune(record.Limits{Age: a.OlderThan, Size: a.LargerThan}, time.Now())
		if err != nil {
			return s.noRecords(err)
		}
		s.log.Infof("%s removed", diag.Count(removed, "run"))
	}
	var runs []record.Summary
	for _, host := range spellings(a.Host) {
		if runs, err = store.List(host, a.Last); err != nil {
			return s.noRecords(err)
		}
		if len(runs) > 0 {
			break
		}
	}
	s.hide()
	if a.JSON {
		s.err = history.JSON(s.program.Out, runs)
	} else {
		s.err = history.Text(s.program.Out, runs)
	}
	return exitDone
}

func (s *session) noRecords(err error) exitCode {
	s.diagnose(hcl.Diagnostics{diag.Errorf(diag.Records, hcl.Range{}, "No records", "%s.%s", diag.Capital(err.Error()), findHint(err))})
	return exitWrong
}

// showRun shows a run that was recorded.
func (p *Program) showRun(a arguments.Show) error {
	o := a.Output
	o.JSON = false
	s, err := p.open(o, nil)
	if err != nil {
		return err
	}
	return s.end(s.showRun(a))
}

func (s *session) showRun(a arguments.Show) exitCode {
	store, err := s.program.records()
	if err != nil {
		return s.noRecords(err)
	}
	defer store.Close() //nolint:errcheck // it was only read
	run, err := store.Find(a.Path)
	if err != nil {
		return s.noRecords(err)
	}
	successor, err := store.Successor(run)
	if err != nil {
		return s.noRecords(err)
	}
	s.hide()
	if a.JSON {
		s.err = history.RunJSON(s.program.Out, store, run)
		return exitDone
	}
	s.options.Apply, s.options.Exec, s.options.Diff = run.Start.Command == "apply", run.Start.Command == "exec", a.Diff
	s.options.Size = nil // nothing goes on any more
	s.result(history.Heading(run, successor), nil)
	s.show()
	err = store.Events(run, func(e event.Event, _ time.Time) error {
		s.Emit(e)
		return nil
	})
	if err != nil {
		return s.noRecords(err)
	}
	return exitDone
}
