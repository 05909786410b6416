package cli

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

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	remote "runner/agent/session"
	pty "runner/agent/terminal"
	"runner/agent/wire"
	"runner/cmd/runner/cli/arguments"
	"runner/cmd/runner/cli/terminal"
	"runner/executor/broker"
	"runner/lang/diag"
	"runner/planner/plan"
)

func (p *Program) shellCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "shell HOST [--site PATH] [-- CMD…]",
		Short: "Open a terminal on a host",
		Long: "Opens the login shell of the account at the end of the host's chain, at a terminal of its own there, or runs a command at one.\n" +
			"It waits for no lock and holds none. A tilde and a dot at the beginning of a line end it here.\n" +
			"Where standard input or output is no terminal there is none on the host either, and the streams are passed on as they are.",
		Example: "  runner shell web\n  runner shell --site prod.hcl 'web[a]' -- top\n  runner shell db -- sh -c 'cat > /tmp/dump' < dump",
	}
	p.completeHosts(c)
	return command(c, arguments.BindShell, func(ctx context.Context, a arguments.Shell) error {
		s, err := p.open(a.Output, nil)
		if err != nil {
			return err
		}
		return s.end(s.shell(ctx, a))
	})
}

func (s *session) shell(ctx context.Context, a arguments.Shell) exitCode {
	w, code := s.adhoc(ctx, a.Site, a.Patterns)
	if w == nil {
		return code
	}
	if s.diagnose(single(w.plan)) {
		return exitWrong
	}
	b := s.newBroker(w, logOnly{s})
	if b == nil {
		return exitWrong
	}
	defer b.Close()                            //nolint:errcheck // never fails
	peer := b.Peer(w.plan.Hosts[0].Connection) //nolint:contextcheck // connections live as long as their broker
	if _, err := peer.Ready(ctx); err != nil {
		return s.unreached(ctx, w.plan, 0, err)
	}
	s.hide()
	v := visit{
		session: s, peer: peer, host: w.plan.Hosts[0].Name,
		atTerminal: terminal.IsTerminal(s.program.In) && terminal.IsTerminal(s.program.Out),
	}
	return v.run(ctx, a.Argv)
}

// unreached says why a host cannot be worked on, unless that was interrupted.
func (s *session) unreached(ctx context.Context, p *plan.Plan, host int, err error) exitCode {
	if ctx.Err() != nil {
		return exitInterrupted
	}
	s.lost(p, host, err)
	return exitUnreachable
}

// single says which hosts there are, if there are several.
func single(p *plan.Plan) hcl.Diagnostics {
	if len(p.Hosts) == 1 {
		return nil
	}
	names := make([]string, len(p.Hosts))
	for i, h := range p.Hosts {
		names[i] = h.Name
	}
	return hcl.Diagnostics{diag.Errorf(diag.NoMatch, hcl.Range{}, "Several hosts match",
		"One host is needed, and the pattern matches %d: %s.", len(names), diag.HarmlessLine(few(names)))}
}

// few lists names, of very many the first ones.
func few(names []string) string {
	const most = 20
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// visit is one shell or command on a host.
type visit struct {
	*session
	peer       *broker.Peer
	host       string
	atTerminal bool                    // here, and so there
	end        context.CancelCauseFunc // ends it from here
}

// errLeft is the cause when somebody has typed that it is to end.
var errLeft = errors.New("the session was ended here")

// farewell is how long the end of what was ended from here is waited for: a terminal that hangs up ends most things at
// once, others get three seconds.
const farewell = 4 * time.Second

// run starts the shell or the command, connects it with the standard streams, and returns how it ended.
func (v *visit) run(ctx context.Context, argv []string) exitCode {
	ctx, v.end = context.WithCancelCause(ctx)
	defer v.end(nil)
	request := remote.Request{Argv: argv}
	in := io.Reader(terminal.NewReader(ctx, v.program.In))
	restore := func() {}
	resized := make(chan os.Signal, 1)
	if v.atTerminal {
		var err error
		if restore, err = terminal.Raw(v.program.In); err != nil {
			return v.wrong(err)
		}
		defer restore()
		defer restoredOnQuit(restore)()
		signal.Notify(resized, syscall.SIGWINCH)
		defer signal.Stop(resized)
		size := v.size()
		request.Terminal, request.Size = newRunID(time.Now()), &size
		in = &terminal.Escapes{In: in, Quit: func() { v.end(errLeft) }}
	}
	call, err := v.call("session", request, broker.CallOptions{
		Input: func() (io.ReadCloser, error) { return io.NopCloser(in), nil },
		Live:  v.show,
	}, brought(v.program.Environ, v.atTerminal))
	if err != nil {
		return v.wrong(err)
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
		return v.ended(why)
	}
	reply, err := call.Wait(ctx)
	return v.judge(reply, err)
}

// call has the host do something beside everything else there.
func (v *visit) call(name string, request any, o broker.CallOptions, env map[string]string) (*broker.Pending, error) {
	args, err := wire.Marshal(request)
	if err != nil {
		return nil, fmt.Errorf("cannot ask for a %s: %w", name, err)
	}
	return v.peer.Call(wire.Call{Action: name, Args: args, Mode: wire.ModeApply, Flags: wire.FlagNoLane | wire.FlagLive, Env: env}, o), nil
}

// show writes what comes from the host as it is: it is for a terminal, or for whoever asked for just these bytes.
func (v *visit) show(stream wire.Stream, data []byte) {
	out := v.program.Out
	if stream == wire.StreamError {
		out = v.program.Err
	}
	if _, err := out.Write(data); err != nil {
		v.end(&unwritten{err})
	}
}

// unwritten says that output could not be written.
type unwritten struct{ err error }

func (u *unwritten) Error() string { return "cannot write the output: " + u.err.Error() }

// follow tells the host's terminal the size of this one whenever that changes.
func (v *visit) follow(ctx context.Context, resized <-chan os.Signal, name string) {
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

func (v *visit) size() pty.Size {
	width, height := terminal.Size(v.program.Out)
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

// judge makes an exit code of how the session ended. What kept it from starting, or cut it, is said.
func (v *visit) judge(reply broker.Reply, err error) exitCode {
	if err != nil {
		v.cut("contact with " + v.host + " was lost: " + err.Error())
		return exitUnreachable
	}
	var result remote.Result
	if decodeErr := wire.Unmarshal(reply.Values, &result); decodeErr != nil && reply.Problem == nil {
		return v.wrong(decodeErr)
	}
	if p := reply.Problem; p != nil {
		v.say(v.host + ": " + p.Message)
		return exitCode(max(result.Status, int(exitFailed)))
	}
	return exitCode(result.Status)
}

// ended is the code of a session that was ended from here.
func (v *visit) ended(why error) exitCode {
	if failed, ok := errors.AsType[*unwritten](why); ok {
		v.err = failed
		return exitFailed
	}
	if errors.Is(why, errLeft) {
		v.cut("the session on " + v.host + " was ended here")
	}
	return exitInterrupted
}

// wrong says what went wrong on this side.
func (v *visit) wrong(err error) exitCode {
	v.say(err.Error())
	return exitWrong
}

// cut says why the session did not end by itself. A program that had the terminal for itself has left it as it was.
func (v *visit) cut(why string) {
	if v.atTerminal {
		fmt.Fprint(v.program.Out, terminal.Reset+"\n") //nolint:errcheck // nowhere to tell
	}
	v.say(why)
}

func (v *visit) say(text string) {
	fmt.Fprintf(v.program.Err, "runner: %s\n", diag.HarmlessLine(text)) //nolint:errcheck // nowhere to tell
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
