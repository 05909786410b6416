// Package process starts processes on a target and ends them with everything that they have started. A process gets
// blocking pipes, descriptors 0 to 2 and nothing else, a session of its own, default signals, and the resource limits
// that the account has. Its neighbours are agent/action, whose actions run programs with it, and agent/child, which
// starts the programs that lead to the next hop. It knows nothing of calls, links or lanes.
package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"
)

const (
	// grace is how long a tree may take to end after it has been asked to.
	grace = 3 * time.Second
	// killing is how long a killed tree is waited for: a process that hangs in the kernel outlives any signal.
	killing = 5 * time.Second
	// lingering is how long output is read after the main process has ended while something else holds the pipe open.
	lingering = 500 * time.Millisecond
)

// Command is a program to run.
type Command struct {
	Argv []string // the program is looked up in the PATH of Env unless its name holds a slash
	Dir  string   // where it runs; "": where this process does
	Env  []string // complete, NAME=VALUE; nil: none at all
	// Login has the program called by its name with "-" before it, by which shells know that they are a login's.
	Login bool

	// Stdin is what the program reads; nil: /dev/null. A Read that blocks when the process has ended is not waited for.
	Stdin io.Reader
	// Script, if it is not nil, can be read by the program from a path that is appended to Argv. It is on no command line
	// and takes none of the program's descriptors.
	Script []byte
	// Uncut keeps the program from being cut: when the context ends it goes on to its own end, and an agent that has lost
	// its parent waits for it. Only WithKill's kill ends it before.
	Uncut bool
	// Stdout and Stderr get a copy of what the program prints, as it comes. A Write that waits makes the program wait; one
	// that fails is the last. They must return when the context of Run ends.
	Stdout, Stderr io.Writer
}

// Reason says how a process came to its end.
type Reason string

// The reasons.
const (
	ReasonExit      Reason = "exit"      // by itself, with a status
	ReasonSignal    Reason = "signal"    // by a signal that was not ours
	ReasonTimeout   Reason = "timeout"   // ended by us: the deadline of its context
	ReasonCancelled Reason = "cancelled" // ended by us: its context was cancelled
)

// Exit is how a process ended and what it printed.
type Exit struct {
	Reason         Reason
	Status         int    // exit status; -1 if a signal ended it
	Signal         string // "SIGKILL"; "" if it exited
	Stdout, Stderr []byte // the first and the last Kept bytes
	Truncated      bool   // something is missing between them
}

// StartError is a program that could not be started.
type StartError struct {
	Program string
	Dir     string // set if it is the directory that is wrong
	Err     error  // mostly a syscall.Errno
}

func (e *StartError) Error() string {
	if e.Dir != "" {
		return fmt.Sprintf("cannot start %s in %s: %v", e.Program, e.Dir, e.Err)
	}
	return fmt.Sprintf("cannot start %s: %v", e.Program, e.Err)
}

func (e *StartError) Unwrap() error { return e.Err }

// Run runs a program to its end. When ctx ends first, the program's whole tree is ended: asked to, given three seconds,
// then killed. When the main process ends by itself the result is final within a second, and what it leaves running
// stays. The error is a *StartError: the program was not started.
func (t *Table) Run(ctx context.Context, c Command) (Exit, error) {
	end := ctx.Done()
	if c.Uncut {
		end = killSwitch(ctx)
		t.uncut.Add(1) // before the context is looked at: who has ended that must find either nothing started, or this
		defer t.uncut.Add(-1)
	}
	if ctx.Err() != nil {
		return Exit{Reason: reasonOf(ctx), Status: -1}, nil
	}
	p, err := t.start(c, false, piped(c.Script, c.Stdin != nil, nil))
	if err != nil {
		return Exit{}, err
	}
	defer p.Close()
	if p.Stdin != nil {
		go feed(p.Stdin, c.Stdin)
	}

	var outputs sync.WaitGroup
	var stdout, stderr capture
	outputs.Go(func() { stdout.read(p.Stdout, c.Stdout) })
	outputs.Go(func() { stderr.read(p.Stderr, c.Stderr) })

	exit := Exit{}
	select {
	case <-p.done:
	case <-end:
		exit.Reason = reasonOf(ctx)
		p.End(killSwitch(ctx))
	}
	deadline := time.Now().Add(lingering)
	_ = p.Stdout.SetReadDeadline(deadline)
	_ = p.Stderr.SetReadDeadline(deadline)
	outputs.Wait()

	p.describe(&exit)
	exit.Stdout, exit.Stderr = stdout.bytes(), stderr.bytes()
	exit.Truncated = stdout.truncated() || stderr.truncated()
	return exit, nil
}

func reasonOf(ctx context.Context) Reason {
	if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return ReasonTimeout
	}
	return ReasonCancelled
}

// A Process is a running program whose streams belong to whoever has started it.
type Process struct {
	Pid    int
	Stdin  *os.File
	Stdout *os.File
	Stderr *os.File

	table     *Table
	born      birth
	program   string             // of a hop, what programOf says of it
	hop       bool               // started by Start
	abandoned bool               // started by somebody who is gone
	besides   bool               // guarded by table.mu: others, not hops, ran at the same time
	held      []string           // what tells who holds its output
	status    syscall.WaitStatus // valid once done is closed
	done      chan struct{}
	streams   *streams
	close     sync.Once
}

// Done is closed when the main process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Exit tells how the main process ended; Done must be closed. Nothing of what it printed is in it.
func (p *Process) Exit() Exit {
	var e Exit
	p.describe(&e)
	return e
}

func (p *Process) describe(e *Exit) {
	e.Status = -1
	select {
	case <-p.done:
	default: // it hangs in the kernel; we have given it up
		return
	}
	reason := ReasonExit
	if p.status.Signaled() {
		reason = ReasonSignal
		e.Signal = signalName(p.status.Signal())
	} else {
		e.Status = p.status.ExitStatus()
	}
	if e.Reason == "" {
		e.Reason = reason
	}
}

// Close closes our ends of the process's streams. It ends nothing and can be called twice.
func (p *Process) Close() {
	p.close.Do(p.streams.closeOurs)
}

type killKey struct{}

// WithKill returns a context under which trees that are being ended are killed at once from the call of kill on.
// It cancels nothing by itself.
func WithKill(ctx context.Context) (context.Context, func()) {
	kill := make(chan struct{})
	return context.WithValue(ctx, killKey{}, (<-chan struct{})(kill)), sync.OnceFunc(func() { close(kill) })
}

func killSwitch(ctx context.Context) <-chan struct{} {
	kill, _ := ctx.Value(killKey{}).(<-chan struct{})
	return kill
}
