// Package program runs a program of the controller's that a site names and takes what it prints, within limits of time
// and size. What that means is for whoever asks: lang/inventory/program, for the sources of hosts, and package lang, for
// actions of the user's own.
package program

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"runner/lang/diag"
)

// Command is a program to run, with the environment of whoever runs this and nothing to read.
type Command struct {
	Argv    []string
	Dir     string
	Timeout time.Duration
	Most    int // bytes of its standard output
}

// Why says what went wrong.
type Why int

// What can go wrong.
const (
	Failed     Why = iota // it ended otherwise than with status 0
	TooMuch               // it printed more than it may
	TooLong               // it did not end in time
	Missing               // there is no such program
	Permission            // it must not be executed
	NoFormat              // it is nothing that can be executed
)

// Error is a program that gave nothing.
type Error struct {
	Why  Why
	How  string // of Failed: how it ended, such as "its exit status is 3"
	Said string // what it printed to standard error, harmless, and shortened
}

func (e *Error) Error() string { return e.How }

// Words quotes what the program printed to standard error, as the end of a message; "" if that was nothing.
func (e *Error) Words() string {
	if e.Said == "" {
		return ""
	}
	return " It said:\n\n" + e.Said
}

// maxWords bounds what is kept of a program's error output.
const maxWords = 4 << 10

var errTooMuch = errors.New("it printed too much")

// Output runs a program and returns its standard output. On a timeout, and when the context ends, the program and what it
// started are killed. The error is an *Error.
func Output(ctx context.Context, c Command) ([]byte, error) {
	ctx, stop := context.WithTimeout(ctx, c.Timeout)
	defer stop()
	cmd := exec.CommandContext(ctx, c.Argv[0], c.Argv[1:]...)
	cmd.Dir = c.Dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second // for what left the group and holds the output open
	out := &limited{most: c.Most, full: stop}
	words := &limited{most: maxWords}
	cmd.Stdout, cmd.Stderr = out, words
	err := cmd.Run()
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil // it ended well; something that it left behind holds its output open
	}
	failed := &Error{How: how(err), Said: said(words)}
	switch {
	case out.over:
		failed.Why = TooMuch
	case err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		failed.Why = TooLong
	case errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist):
		failed.Why = Missing
	case errors.Is(err, os.ErrPermission):
		failed.Why = Permission
	case errors.Is(err, syscall.ENOEXEC):
		failed.Why = NoFormat
	case err != nil:
		failed.Why = Failed
	default:
		return out.text.Bytes(), nil
	}
	return nil, failed
}

// how says how a program ended.
func how(err error) string {
	if err == nil {
		return ""
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return fmt.Sprintf("it was ended by the signal %d (%s)", int(status.Signal()), status.Signal())
		}
		return fmt.Sprintf("its exit status is %d", exit.ExitCode())
	}
	return err.Error()
}

// said is a program's error output.
func said(words *limited) string {
	text := strings.TrimSpace(diag.Harmless(words.text.String()))
	if text != "" && words.over {
		text += "…"
	}
	return text
}

// limited keeps the beginning of what is written to it, and calls full when more comes.
type limited struct {
	text bytes.Buffer
	most int
	over bool
	full func()
}

func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), l.most-l.text.Len())
	l.text.Write(p[:n])
	if n < len(p) {
		l.over = true
		if l.full != nil {
			l.full()
			return n, errTooMuch
		}
	}
	return len(p), nil
}
