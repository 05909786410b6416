// Package session runs the login shell of the account, or a program, for a person: at a terminal of its own, whose size
// follows that of theirs, or with their streams. Its neighbours are agent, whose calls it serves, agent/process, which
// starts and ends the program, and agent/terminal, which makes the terminal. Nothing that is typed or shown is kept.
package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"runner/agent/facts"
	"runner/agent/process"
	"runner/agent/terminal"
	"runner/agent/wire"
)

// Request is what is to run.
type Request struct {
	Argv     []string       `cbor:"argv,omitempty"`     // empty: the account's login shell
	Terminal string         `cbor:"terminal,omitempty"` // what Resize calls the terminal; "": there is none
	Size     *terminal.Size `cbor:"size,omitempty"`     // of the terminal
}

// Resize sets the size of a terminal that is open.
type Resize struct {
	Terminal string        `cbor:"terminal"`
	Size     terminal.Size `cbor:"size"`
}

// Result is how it ended, as a shell would tell: the exit status, or 128 and the number of the signal.
type Result struct {
	Status int `cbor:"status"`
}

// What a shell makes of a program that it cannot start.
const (
	statusNotThere     = 127
	statusNotStartable = 126
)

// Env is what a request runs with.
type Env struct {
	Table          *process.Table
	Environ        []string // of the account, and what the person brings along
	Input          io.Reader
	Output, Errors io.Writer // what a terminal shows is output
}

// Sessions are those that run. The zero value is ready for use.
type Sessions struct {
	mu   sync.Mutex
	open map[string]*os.File // terminals, by name
}

// Run runs a request to its end. When ctx ends first, the terminal hangs up and everything that has been started in the
// session is ended. The error is a *wire.Problem; when the program could not be started there is a result beside it.
func (s *Sessions) Run(ctx context.Context, r Request, env Env) (Result, error) {
	account := facts.Account()
	c := process.Command{
		Argv: r.Argv, Dir: home(account), Env: environment(env.Environ, account),
		Stdin: env.Input, Stdout: env.Output, Stderr: env.Errors,
	}
	if len(c.Argv) == 0 {
		shell := account.Shell
		if shell == "" {
			shell = "/bin/sh"
		}
		c.Argv, c.Login = []string{shell}, true
	}
	var exit process.Exit
	var err error
	if r.Terminal == "" {
		exit, err = env.Table.Run(ctx, c)
	} else {
		exit, err = s.runAt(ctx, c, r, env.Table)
	}
	return result(exit, err)
}

func (s *Sessions) runAt(ctx context.Context, c process.Command, r Request, table *process.Table) (process.Exit, error) {
	ours, theirs, err := terminal.Open()
	if err != nil {
		return process.Exit{}, &wire.Problem{Code: wire.CodeTerminal, Message: fmt.Sprintf("cannot get a terminal: %v", err)}
	}
	defer ours.Close()
	if r.Size != nil {
		_ = terminal.Resize(ours, *r.Size) // it has another one then, no more
	}
	if speaksUTF8(c.Env) {
		terminal.UTF8(theirs)
	}
	s.mu.Lock()
	if s.open == nil {
		s.open = map[string]*os.File{}
	}
	s.open[r.Terminal] = ours
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.open, r.Terminal)
	}()
	return table.RunAt(ctx, c, ours, theirs)
}

// Resize sets the size of a terminal. One that is not open, or not any more, has none to set.
func (s *Sessions) Resize(r Resize) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.open[r.Terminal]; t != nil {
		_ = terminal.Resize(t, r.Size) // it is being closed
	}
}

// result tells how a program ended as a shell does.
func result(exit process.Exit, err error) (Result, error) {
	if start, ok := errors.AsType[*process.StartError](err); ok {
		status := statusNotStartable
		if errors.Is(start.Err, syscall.ENOENT) {
			status = statusNotThere
		}
		return Result{status}, &wire.Problem{Code: wire.CodeStart, Message: start.Error()}
	}
	if err != nil {
		return Result{}, err
	}
	switch exit.Reason {
	case process.ReasonTimeout, process.ReasonCancelled:
		return Result{}, &wire.Problem{Code: wire.CodeCancelled, Message: "the session was ended"}
	case process.ReasonExit:
		return Result{exit.Status}, nil
	case process.ReasonSignal:
	}
	return Result{128 + int(unix.SignalNum(exit.Signal))}, nil
}

// home is where a session begins.
func home(account wire.UserFacts) string {
	if account.Home != "" && unix.Access(account.Home, unix.X_OK) == nil {
		return account.Home
	}
	return "/"
}

// environment is that of a login: what belongs to the account is its own, whatever the way here has brought.
func environment(environ []string, account wire.UserFacts) []string {
	own := map[string]string{"HOME": account.Home, "SHELL": account.Shell, "USER": account.Name, "LOGNAME": account.Name}
	var out []string
	for _, pair := range environ {
		name, _, _ := strings.Cut(pair, "=")
		if own[name] == "" && name != "PWD" && name != "OLDPWD" {
			out = append(out, pair)
		}
	}
	for _, name := range []string{"HOME", "SHELL", "USER", "LOGNAME"} {
		if own[name] != "" {
			out = append(out, name+"="+own[name])
		}
	}
	return out
}

// speaksUTF8 says whether the locale of an environment is one whose characters are UTF-8.
func speaksUTF8(environ []string) bool {
	values := map[string]string{}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		values[name] = value
	}
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToLower(values[name]); v != "" {
			return strings.HasSuffix(v, "utf-8") || strings.HasSuffix(v, "utf8")
		}
	}
	return false
}
