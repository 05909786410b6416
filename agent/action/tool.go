package action

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"runner/agent/process"
	"runner/agent/wire"
)

// toolEnviron is what the target's own programs are run with: messages that can be read, and the directories where root's
// programs are, which a login that is not root's may lack.
func (e *Env) toolEnviron() []string {
	return append(slices.Clone(e.Environ), "LC_ALL=C", "PATH="+process.Variable(e.Environ, "PATH", process.DefaultPath)+":/usr/sbin:/sbin")
}

// HasTool tells whether there is a program of a name, or may be once an earlier task has run.
func (e *Env) HasTool(name string) bool {
	return e.View.Disturbed() || e.View.Program(name, e.Dir, e.toolEnviron())
}

// Tool runs one of the target's own programs for a purpose, such as "make the user deploy". What it reads is given as stdin,
// which may hold secrets; argv may not. An end with another status than 0 is an error that quotes what was printed.
func (e *Env) Tool(ctx context.Context, purpose, stdin string, argv ...string) (process.Exit, error) {
	return e.tool(ctx, purpose, process.Command{Argv: argv, Stdin: strings.NewReader(stdin)})
}

// UncutTool is as Tool, for a program that would leave things half done if it were ended in the middle.
func (e *Env) UncutTool(ctx context.Context, purpose, stdin string, argv ...string) (process.Exit, error) {
	return e.tool(ctx, purpose, process.Command{Argv: argv, Stdin: strings.NewReader(stdin), Uncut: true})
}

func (e *Env) tool(ctx context.Context, purpose string, c process.Command) (process.Exit, error) {
	c.Dir, c.Env = e.Dir, e.toolEnviron()
	exit, err := e.Processes.Run(ctx, c)
	if err != nil {
		return exit, Problem("Install it with a task before this one.", "cannot %s: %v", purpose, err)
	}
	if exit.Reason == process.ReasonExit && exit.Status == 0 {
		return exit, nil
	}
	if ctx.Err() != nil {
		return exit, context.Cause(ctx)
	}
	ended := fmt.Sprintf("with status %d", exit.Status)
	if exit.Signal != "" {
		ended = "by " + exit.Signal
	}
	p := Problem("", "cannot %s: %s ended %s", purpose, c.Argv[0], ended)
	p.Quote = wire.Quote(append(exit.Stdout, exit.Stderr...))
	return exit, p
}

// Ended is the failure of a program that has ended, in whatever way; what it has printed is the caller's to quote.
func Ended(program string, exit process.Exit) *wire.Problem {
	p := &wire.Problem{}
	switch exit.Reason {
	case process.ReasonExit:
		p.Code, p.Message = wire.CodeExit, fmt.Sprintf("%s ended with status %d", program, exit.Status)
	case process.ReasonSignal:
		p.Code, p.Message = wire.CodeSignal, fmt.Sprintf("%s was ended by %s", program, exit.Signal)
	case process.ReasonTimeout:
		p.Code, p.Message = wire.CodeTimeout, program+" did not end in time and was ended"
	case process.ReasonCancelled:
		p.Code, p.Message = wire.CodeCancelled, program+" was ended before it was done"
	default:
		p.Code, p.Message = wire.CodeAction, fmt.Sprintf("%s ended: %s", program, exit.Reason)
	}
	return p
}
