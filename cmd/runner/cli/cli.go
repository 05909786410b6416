// Package cli is the command line: it turns arguments into structs (package arguments), loads and plans the site, runs
// it, and shows it (package views). What a site means, what a plan does and how targets are reached is for lang, planner
// and executor; this package brings them together and decides how the program ends. What a command needs besides, such as
// the two ends of a copy or what a plan file is made of, has packages of its own below this one.
package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"runner/cmd/runner/build"
	"runner/cmd/runner/cli/arguments"
	"runner/cmd/runner/cli/jsonlines"
	"runner/cmd/runner/cli/terminal"
	"runner/cmd/runner/cli/views"
	"runner/executor"
	"runner/executor/event"
	"runner/lang/diag"
)

// Program is one run of the program and what it is given.
type Program struct {
	In, Out, Err *os.File
	Environ      []string // NAME=VALUE

	asked  bool          // by a shell, how its command line goes on
	spared chan struct{} // something is waited for because it must not be cut
}

// Main carries out a command line and returns the exit code.
func (p *Program) Main(args []string) int {
	ctx, kill, stop := p.interruptible(context.Background())
	defer stop()
	defer p.dumpStacks(ctx)()
	p.asked = len(args) > 0 && (args[0] == cobra.ShellCompRequestCmd || args[0] == cobra.ShellCompNoDescRequestCmd)
	root := p.root(kill)
	root.SetArgs(args)
	err := p.execute(ctx, root, args)
	if err == nil {
		return int(exitDone)
	}
	if code, ok := errors.AsType[exitCode](err); ok {
		return int(code)
	}
	p.complain(args, err)
	if errors.Is(err, executor.ErrInterrupted) {
		return int(exitInterrupted)
	}
	return int(exitWrong)
}

func (p *Program) execute(ctx context.Context, root *cobra.Command, args []string) error {
	if _, _, err := root.Find(args); err != nil && !p.asked {
		return unknownCommand(root, args)
	}
	if err := root.ExecuteContext(ctx); err != nil {
		return fmt.Errorf("%w", err)
	}
	return nil
}

// unknownCommand explains a command that does not exist.
func unknownCommand(root *cobra.Command, args []string) error {
	name := args[slices.IndexFunc(args, func(a string) bool { return !strings.HasPrefix(a, "-") })]
	var names []string
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	hint := "Run `runner --help` for a list of commands."
	if near := diag.Suggest(name, names); near != "" {
		hint = fmt.Sprintf("Did you mean %s? %s", near, hint)
	}
	return &arguments.Error{Message: "there is no command " + diag.Quote(name), Hint: hint}
}

// complain says what is wrong with the command line, as an event where events were asked for.
func (p *Program) complain(args []string, err error) {
	d := &hcl.Diagnostic{Severity: hcl.DiagError, Summary: err.Error()}
	if usage, ok := errors.AsType[*arguments.Error](err); ok {
		d.Summary, d.Detail = usage.Message, usage.Hint
	}
	d.Summary = diag.Capital(d.Summary)
	d = diag.With(d, func(e *diag.Extra) { e.Code = diag.Arguments })
	if before, _, _ := cut(args, "--"); slices.Contains(before, "--json") {
		now := time.Now()
		p.Out.Write(jsonlines.Line(event.Version{Format: event.Format, Runner: build.Version()}, now)) //nolint:errcheck // nowhere to tell
		p.Out.Write(jsonlines.Line(jsonlines.Diagnostic(d), now))                                      //nolint:errcheck // nowhere to tell
		return
	}
	p.printer(nil, slices.Contains(args, "--no-color")).Print(p.Err, hcl.Diagnostics{d}) //nolint:errcheck // nowhere to tell
}

// cut splits a list at the first element that is equal to sep.
func cut(list []string, sep string) (before, after []string, found bool) {
	if i := slices.Index(list, sep); i >= 0 {
		return list[:i], list[i+1:], true
	}
	return list, nil, false
}

// printer renders diagnostics on standard error, for commands without a view.
func (p *Program) printer(files map[string]*hcl.File, noColor bool) diag.Printer {
	o := views.Options{Files: files, ErrColor: p.colors(p.Err, noColor), ErrSize: p.errSize()}
	return o.ErrPrinter()
}

// errSize tells the size of the terminal that standard error is; it is nil where that is none.
func (p *Program) errSize() func() (width, height int) {
	if !terminal.IsTerminal(p.Err) {
		return nil
	}
	return func() (width, height int) { return terminal.Size(p.Err) }
}

// colors says whether what goes to a file is painted.
func (p *Program) colors(f *os.File, never bool) bool {
	return !never && p.env("NO_COLOR") == "" && p.env("TERM") != "dumb" && terminal.IsTerminal(f)
}

// env returns a variable of the environment, or "".
func (p *Program) env(name string) string {
	for _, e := range slices.Backward(p.Environ) {
		if value, ok := strings.CutPrefix(e, name+"="); ok {
			return value
		}
	}
	return ""
}
