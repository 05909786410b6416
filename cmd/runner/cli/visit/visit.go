// Package visit is a shell or a command on a host that somebody sits at: it connects the streams, and the terminal if there is
// one, with those of the call that agent/session carries out there. What keys and modes a terminal has is for its neighbour
// terminal; who is told how it ended, for package cli.
package visit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	remote "runner/agent/session"
	pty "runner/agent/terminal"
	"runner/agent/wire"
	"runner/cmd/runner/cli/terminal"
	"runner/executor/broker"
)

// Visit is one shell or command on a host.
type Visit struct {
	Peer         *broker.Peer
	ID           string // names the terminal there
	In, Out, Err *os.File
	Environ      []string
	AtTerminal   bool // here, and so there

	end context.CancelCauseFunc // ends it from here
}

// ErrLeft is the cause when somebody has typed that it is to end.
var ErrLeft = errors.New("the session was ended here")

// farewell is how long the end of what was ended from here is waited for: a terminal that hangs up ends most things at
// once, others get three seconds.
const farewell = 4 * time.Second

// Run starts the shell, or the command, connects it with the streams, and returns its exit status. The error says what kept
// it from starting, a *wire.Problem if that was on the host, or what cut it: ErrLeft, a *LostError, an *UnwrittenError, or the
// cause of ctx.
func (v *Visit) Run(ctx context.Context, argv []string) (status int, err error) {
	ctx, v.end = context.WithCancelCause(ctx)
	defer v.end(nil)
	request := remote.Request{Argv: argv}
	in := io.Reader(terminal.NewReader(ctx, v.In))
	restore := func() {}
	resized := make(chan os.Signal, 1)
	if v.AtTerminal {
		if restore, err = terminal.Raw(v.In); err != nil {
			return 0, err
		}
		defer restore()
		defer restoredOnQuit(restore)()
		signal.Notify(resized, syscall.SIGWINCH)
		defer signal.Stop(resized)
		size := v.size()
		request.Terminal, request.Size = v.ID, &size
		in = &terminal.Escapes{In: in, Quit: func() { v.end(ErrLeft) }}
	}
	call, err := v.call("session", request, broker.CallOptions{
		Input: func() (io.ReadCloser, error) { return io.NopCloser(in), nil },
		Live:  v.show,
	}, brought(v.Environ, v.AtTerminal))
	if err != nil {
		return 0, err
	}
	var resizing sync.WaitGroup
	resizing.Go(func() { v.follow(ctx, resized, request.Terminal) })
	defer resizing.Wait()
	defer v.end(nil)
	select {
	case <-call.Done():
	case <-ctx.Done():
		restore()
		call.Cancel(false)
		select {
		case <-call.Done():
		case <-time.After(farewell):
		}
	}
	why := context.Cause(ctx)
	v.end(nil) // before it waits for anything: the call may wait for somebody to type
	restore()
	if why != nil {
		if errors.Is(why, ErrLeft) {
			v.reset()
		}
		return 0, why
	}
	reply, err := call.Wait(ctx)
	if err != nil {
		v.reset()
		return 0, &LostError{err}
	}
	return statusOf(reply)
}

// reset undoes what a program that had the terminal for itself has left there when it was cut off.
func (v *Visit) reset() {
	if v.AtTerminal {
		fmt.Fprint(v.Out, terminal.Reset+"\n") //nolint:errcheck // nowhere to tell
	}
}

// statusOf is how what has ended by itself has ended.
func statusOf(reply broker.Reply) (int, error) {
	var result remote.Result
	err := wire.Unmarshal(reply.Values, &result)
	if reply.Problem != nil {
		return result.Status, reply.Problem
	}
	return result.Status, err
}

// call has the host do something beside everything else there.
func (v *Visit) call(name string, request any, o broker.CallOptions, env map[string]string) (*broker.Pending, error) {
	args, err := wire.Marshal(request)
	if err != nil {
		return nil, fmt.Errorf("cannot ask for a %s: %w", name, err)
	}
	return v.Peer.Call(wire.Call{Action: name, Args: args, Mode: wire.ModeApply, Flags: wire.FlagNoLane | wire.FlagLive, Env: env}, o), nil
}

// show writes what comes from the host as it is: it is for a terminal, or for whoever asked for just these bytes.
func (v *Visit) show(stream wire.Stream, data []byte) {
	out := v.Out
	if stream == wire.StreamError {
		out = v.Err
	}
	if _, err := out.Write(data); err != nil {
		v.end(&UnwrittenError{err})
	}
}

// UnwrittenError says that output could not be written.
type UnwrittenError struct{ Err error }

func (u *UnwrittenError) Error() string { return "cannot write the output: " + u.Err.Error() }

func (u *UnwrittenError) Unwrap() error { return u.Err }

// LostError says that contact with the host was lost.
type LostError struct{ Err error }

func (l *LostError) Error() string { return "contact was lost: " + l.Err.Error() }

func (l *LostError) Unwrap() error { return l.Err }

// follow tells the host's terminal the size of this one whenever that changes.
func (v *Visit) follow(ctx context.Context, resized <-chan os.Signal, name string) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-resized:
		}
		call, err := v.call("resize", remote.Resize{Terminal: name, Size: v.size()}, broker.CallOptions{}, nil)
		if err == nil {
			_, err = call.Wait(ctx) // one after the other, so that the last size is what stays
		}
		if err != nil {
			return // the session is ending, too
		}
	}
}

func (v *Visit) size() pty.Size {
	width, height := terminal.Size(v.Out)
	return pty.Size{Rows: uint16(height), Columns: uint16(width)} //nolint:gosec // the system has them in as many bits
}

// brought is what goes along of the environment here: the locale, and the kind of the terminal.
func brought(environ []string, atTerminal bool) map[string]string {
	out := map[string]string{}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		if name == "LANG" || strings.HasPrefix(name, "LC_") || name == "TERM" && atTerminal {
			out[name] = value
		}
	}
	return out
}

// restoredOnQuit puts the terminal back when SIGQUIT ends the program with a dump of where it stands. What it returns
// gives the signal back, and waits.
func restoredOnQuit(restore func()) (stop func()) {
	quit := make(chan os.Signal, 1)
	signal.Notify(quit, syscall.SIGQUIT)
	var watcher sync.WaitGroup
	watcher.Go(func() {
		if _, ok := <-quit; ok {
			restore()
			signal.Reset(syscall.SIGQUIT)
			_ = syscall.Kill(os.Getpid(), syscall.SIGQUIT)
		}
	})
	return func() {
		signal.Stop(quit)
		close(quit)
		watcher.Wait()
	}
}
