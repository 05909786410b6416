// Package program runs the program of a dynamic inventory and takes what it prints, within limits of time and size. What
// that means is for package ansible.
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

	"github.com/hashicorp/hcl/v2"

	"runner/lang/diag"
	"runner/lang/inventory"
)

// DefaultTimeout is how long a program may take.
const DefaultTimeout = 10 * time.Second

// maxWords bounds what is kept of a program's error output.
const maxWords = 4 << 10

var errTooMuch = errors.New("it printed too much")

// Run runs a program in a directory, with the environment of whoever runs this, and returns its standard output. On a
// timeout, and when the context ends, the program and what it started are killed.
func Run(ctx context.Context, argv []string, dir string, timeout time.Duration) (*inventory.File, *hcl.Diagnostic) {
	ctx, stop := context.WithTimeout(ctx, timeout)
	defer stop()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	kill := func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.Cancel = kill
	cmd.WaitDelay = time.Second // for what left the group and holds the output open
	out := &limited{most: inventory.MaxFile, full: stop}
	words := &limited{most: maxWords}
	cmd.Stdout, cmd.Stderr = out, words
	err := cmd.Run()
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil // it ended well; something that it left behind holds its output open
	}
	shown := diag.Quote(strings.Join(argv, " "))
	switch {
	case out.over:
		return nil, failed("The program %s printed more than %d MiB.", shown, inventory.MaxFile>>20)
	case err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, failed("The program %s did not end within %s. The argument timeout gives it more time.%s", shown, timeout, said(words))
	case errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist):
		return nil, failed("The program %s cannot be started: there is no such file. It is looked for in PATH, or, with a slash in its name, from the directory of the site.", shown)
	case errors.Is(err, os.ErrPermission):
		return nil, failed("The program %s cannot be started: permission denied. It has to be executable.", shown)
	case err != nil:
		return nil, failed("The program %s failed: %s.%s", shown, how(err), said(words))
	}
	return &inventory.File{Name: "output of " + argv[0], Text: out.text.String()}, nil
}

func failed(format string, args ...any) *hcl.Diagnostic {
	return diag.Errorf(diag.Program, hcl.Range{}, "Inventory program failed", format, args...)
}

// how says how a program ended.
func how(err error) string {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return fmt.Sprintf("it was ended by the signal %d (%s)", int(status.Signal()), status.Signal())
		}
		return fmt.Sprintf("its exit status is %d", exit.ExitCode())
	}
	return err.Error()
}

// said quotes a program's error output.
func said(words *limited) string {
	text := strings.TrimSpace(diag.Harmless(words.text.String()))
	if text == "" {
		return ""
	}
	if words.over {
		text += "…"
	}
	return " It said:\n\n" + text
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
