package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"runner/agent/plain"
	"runner/agent/transfer"
	"runner/agent/wire"
	"runner/cmd/runner/cli/arguments"
	"runner/cmd/runner/cli/completion"
	"runner/cmd/runner/cli/terminal"
	"runner/cmd/runner/cli/views"
	"runner/executor/broker"
	"runner/executor/event"
	"runner/lang/diag"
	"runner/planner/plan"
)

func (p *Program) copyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "cp SRC DST [--site PATH]",
		Short: "Copy a file or a tree to or from a host",
		Long: "Copies a file, or a directory with everything in it, to or from HOST:PATH, through the host's chain, or from one host to another.\n" +
			"A path that is not absolute is one in the account's home there. If DST is a directory, or a link to one, the copy goes into it;\n" +
			"a file or another link of that name is replaced, and what the link led to is left alone.\n" +
			"Modes, times, links and holes are kept. A large file that was cut goes on where it stopped when the same is copied again.",
		Example: "  runner cp web:/etc/hosts .\n  runner cp --site prod.hcl release.tar.gz 'web[a]:/srv/'\n  runner cp web:/srv/site db:/srv/",
	}
	c.ValidArgsFunction = func(c *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 1 || strings.ContainsAny(prefix, ":/") {
			return nil, cobra.ShellCompDirectiveDefault
		}
		site := func([]string) string { return c.Flag("site").Value.String() }
		hosts, _ := completion.Site(p.Environ, site, completion.HostPlaces)(c, args, prefix)
		return hosts, cobra.ShellCompDirectiveNoSpace
	}
	return command(c, arguments.BindCopy, func(ctx context.Context, a arguments.Copy) error {
		s, err := p.open(a.Output, nil)
		if err != nil {
			return err
		}
		return s.end(s.copy(ctx, a))
	})
}

func (s *session) copy(ctx context.Context, a arguments.Copy) exitCode {
	var size int64
	if a.From.Host == "" {
		info, err := os.Stat(a.From.Path)
		if err != nil {
			return s.cannotCopy(diag.Capital(plain.File(a.From.Path, err)) + ".")
		}
		if info.Mode().IsRegular() {
			size = info.Size()
		}
	}
	var patterns []string
	for _, place := range []arguments.Place{a.From, a.To} {
		if place.Host != "" {
			patterns = append(patterns, place.Host)
		}
	}
	w, code := s.adhoc(ctx, a.Site, patterns)
	if w == nil {
		return code
	}
	hosts, diags := hostsOf(w.plan, a.From, a.To)
	if s.diagnose(diags) {
		return exitWrong
	}
	meter := views.NewMeter(nil, nil)
	if terminal.IsTerminal(s.program.Err) && s.program.env("TERM") != "dumb" {
		meter = views.NewMeter(s.program.Err, s.options.ErrSize)
	}
	c := copying{session: s, meter: meter, size: size, lock: lock(newRunID(time.Now()), "cp", a.LockTimeout)}
	b := s.newBroker(w, waits{&c})
	if b == nil {
		meter.Close(false)
		return exitWrong
	}
	defer b.Close() //nolint:errcheck // never fails
	s.hide()
	destination := transfer.Destination{Path: a.To.Path, Name: nameOf(a.From), Owner: a.Owner}
	var report transfer.Report
	var err error
	from := sendHere(a.From.Path, meter.Progress())
	if hosts[0] >= 0 {
		from = c.sendThere(b.Peer(w.plan.Hosts[hosts[0]].Connection), hosts[0], a.From.Path) //nolint:contextcheck // connections live as long as their broker
	}
	if hosts[1] >= 0 {
		if hosts[0] >= 0 {
			from = counted(from, meter.Progress())
		}
		report, err = c.receiveThere(ctx, b.Peer(w.plan.Hosts[hosts[1]].Connection), hosts[1], destination, from) //nolint:contextcheck // connections live as long as their broker
	} else {
		report, err = receiveHere(ctx, destination, from, meter.Progress())
	}
	meter.Close(err == nil)
	return c.end(ctx, w.plan, report, err)
}

// waits shows what a copy waits for. The rest of what happens is for the log.
type waits struct{ *copying }

// Emit implements event.Sink.
func (w waits) Emit(e event.Event) {
	if _, ok := e.(event.Diagnostic); !ok {
		w.log.Event(e)
		return
	}
	w.meter.Aside(func() {
		w.show()
		w.session.Emit(e)
		w.hide()
	})
}

// nameOf is what a copy is called in a directory.
func nameOf(from arguments.Place) string {
	if home := strings.TrimRight(from.Path, "/"); from.Host != "" && (from.Path == "" || home == "~") {
		return "."
	}
	return transfer.Name(from.Path)
}

// hostsOf finds the hosts of both places in a plan; -1 is this machine.
func hostsOf(p *plan.Plan, places ...arguments.Place) ([2]int, hcl.Diagnostics) {
	bare := func(name string) string { return strings.ReplaceAll(name, `"`, "") }
	out := [2]int{-1, -1}
	remote := 0
	for i, place := range places {
		if place.Host == "" {
			continue
		}
		remote++
		for h := range p.Hosts {
			if bare(p.Hosts[h].Name) == bare(place.Host) {
				out[i] = h
			}
		}
	}
	for i, place := range places {
		switch {
		case place.Host == "" || out[i] >= 0:
		case remote == 1 && len(p.Hosts) == 1: // a pattern that matches one host
			out[i] = 0
		case remote == 1:
			return out, single(p)
		default:
			return out, hcl.Diagnostics{diag.Errorf(diag.NoMatch, hcl.Range{}, "No such host",
				"Between two hosts, each is named in full; %s is no host's name.", diag.Quote(place.Host))}
		}
	}
	return out, nil
}

// endError is an error of one end of a copy.
type endError struct {
	host int // -1: this machine
	err  error
}

func (e *endError) Error() string { return e.err.Error() }

func (e *endError) Unwrap() error { return e.err }

// sending writes the stream of a copy to a receiver that holds parts of it.
type sending func(ctx context.Context, held []transfer.Held, to io.Writer) error

// sendHere sends from this machine.
func sendHere(path string, progress transfer.Progress) sending {
	return func(ctx context.Context, held []transfer.Held, to io.Writer) error {
		if err := transfer.Send(ctx, transfer.Source{Path: path, Held: held}, to, progress); err != nil {
			return &endError{-1, err}
		}
		return nil
	}
}

// counted is a sending that tells how many bytes go by, where neither end is here to tell.
func counted(from sending, progress transfer.Progress) sending {
	return func(ctx context.Context, held []transfer.Held, to io.Writer) error {
		return from(ctx, held, writerFunc(func(p []byte) (int, error) {
			progress.Moved(int64(len(p)))
			return to.Write(p) //nolint:wrapcheck // the writer's own
		}))
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// receiveHere receives on this machine.
func receiveHere(ctx context.Context, d transfer.Destination, from sending, progress transfer.Progress) (transfer.Report, error) {
	r, err := transfer.NewReceiver(ctx, d, progress)
	if err != nil {
		return transfer.Report{}, fmt.Errorf("%w", transfer.Explain(err))
	}
	defer r.Close()
	in := begin(ctx, from, r.Held())
	report, err := r.Receive(ctx, in)
	if sent := in.end(); sent != nil {
		return report, sent
	}
	if err != nil {
		return report, &endError{-1, err}
	}
	return report, nil
}

// inflow is a stream that is being sent. Closing it ends that.
type inflow struct {
	*io.PipeReader
	sender sync.WaitGroup
	err    error // of the sender, once that has ended
}

func begin(ctx context.Context, from sending, held []transfer.Held) *inflow {
	r, w := io.Pipe()
	in := &inflow{PipeReader: r}
	in.sender.Go(func() {
		in.err = from(ctx, held, w)
		w.CloseWithError(in.err) // nil is the end
	})
	return in
}

// errUnread says that whoever reads a stream has given it up, and has an error of its own for that.
var errUnread = errors.New("nobody reads it any more")

// end says that the receiver has ended, waits for the sender, and returns what went wrong there first. Of a sender that goes
// on behind the end of a copy nothing is taken.
func (in *inflow) end() error {
	in.CloseWithError(errUnread)
	in.sender.Wait()
	if errors.Is(in.err, errUnread) || errors.Is(in.err, io.ErrClosedPipe) {
		return nil
	}
	return in.err
}

// copying is a copy with a host at one end, or at both.
type copying struct {
	*session
	meter *views.Meter
	size  int64      // of what is sent from here; 0: that is not known
	lock  *wire.Lock // of the destination
}

// sendThere sends from a host.
func (c *copying) sendThere(peer *broker.Peer, host int, path string) sending {
	return func(ctx context.Context, held []transfer.Held, to io.Writer) error {
		ctx, unread := context.WithCancelCause(ctx)
		defer unread(nil)
		_, err := callThere(ctx, peer, "send", transfer.Source{Path: path, Held: held}, broker.CallOptions{
			Window: wire.WideWindow,
			Live: func(_ wire.Stream, data []byte) {
				if _, err := to.Write(data); err != nil {
					unread(err)
				}
			},
		})
		if err != nil {
			return &endError{host, err}
		}
		return nil
	}
}

// receiveThere receives on a host.
func (c *copying) receiveThere(ctx context.Context, peer *broker.Peer, host int, d transfer.Destination, from sending) (transfer.Report, error) {
	o := offer{from: from, held: make(chan answer, 1)}
	over := make(chan struct{})
	reply, err := callThere(ctx, peer, "receive", d, broker.CallOptions{
		Lock:  c.lock,
		Live:  o.hear,
		Input: func() (io.ReadCloser, error) { return o.open(ctx, over) },
		Size:  c.size,
	})
	close(over)
	if sent := o.end(); sent != nil {
		return transfer.Report{}, sent
	}
	var report transfer.Report
	if err == nil {
		err = wire.Unmarshal(reply.Values, &report)
	}
	if err != nil {
		return report, &endError{host, err}
	}
	return report, nil
}

// offer is a copy for a host that says first what it has of it.
type offer struct {
	from  sending
	heard []byte      // of what the host says first
	said  bool        // it has said that
	held  chan answer // gets it

	mu   sync.Mutex // guards what follows
	in   *inflow    // once the host has asked for it
	over bool       // it may not any more
}

type answer struct {
	held []transfer.Held
	err  error
}

// hear takes what a host says. What it says behind that is dropped.
func (o *offer) hear(_ wire.Stream, data []byte) {
	if o.said {
		return
	}
	o.heard = append(o.heard, data...)
	held, err := transfer.ReadHeld(bytes.NewReader(o.heard))
	if errors.As(err, new(*transfer.CutError)) { // there is more to come
		return
	}
	o.said, o.heard = true, nil
	o.held <- answer{held, err}
}

// open begins to send when it is known what the host has, unless the call is over before that.
func (o *offer) open(ctx context.Context, over <-chan struct{}) (io.ReadCloser, error) {
	var a answer
	select {
	case a = <-o.held:
	case <-over:
		a.err = errUnread
	}
	if a.err != nil {
		return nil, fmt.Errorf("cannot learn what the host has of it: %w", a.err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.over {
		return nil, errUnread
	}
	o.in = begin(ctx, o.from, a.held)
	return o.in, nil
}

// end waits for the sender, if there is one.
func (o *offer) end() error {
	o.mu.Lock()
	o.over = true
	in := o.in
	o.mu.Unlock()
	if in == nil {
		return nil
	}
	return in.end()
}

// farewell is how long the end of a call that was cancelled is waited for.
const farewell = 4 * time.Second

// callThere makes a call on a host, beside everything else there unless it takes the lock, and waits for its end. When ctx
// ends first it is cancelled, and given a moment.
func callThere(ctx context.Context, peer *broker.Peer, action string, request any, o broker.CallOptions) (broker.Reply, error) {
	args, err := wire.Marshal(request)
	if err != nil {
		return broker.Reply{}, fmt.Errorf("cannot ask for it: %w", err)
	}
	flags := wire.FlagLive
	if o.Lock == nil {
		flags |= wire.FlagNoLane
	}
	call := peer.Call(wire.Call{Action: action, Args: args, Mode: wire.ModeApply, Flags: flags}, o)
	select {
	case <-call.Done():
	case <-ctx.Done():
		call.Cancel(false)
		select {
		case <-call.Done():
		case <-time.After(farewell):
		}
		return broker.Reply{}, context.Cause(ctx)
	}
	reply, err := call.Wait(ctx)
	if err == nil && reply.Problem != nil {
		err = reply.Problem
	}
	return reply, err
}

// end says how a copy ended.
func (c *copying) end(ctx context.Context, p *plan.Plan, report transfer.Report, err error) exitCode {
	var at *endError
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(c.program.Err, "Interrupted: the copy is not whole. Made again, it goes on with what has come of large files.") //nolint:errcheck // nowhere to tell
		return exitInterrupted
	case err == nil:
		return c.left(report)
	case !errors.As(err, &at): // before anything was begun
		return c.cannotCopy(diag.Capital(err.Error()) + ".")
	case errors.As(err, new(*broker.LostError)), isLocked(err):
		c.lost(p, at.host, err)
		return exitUnreachable
	}
	host := ""
	if at.host >= 0 {
		host = p.Hosts[at.host].Name
	}
	problem, ok := errors.AsType[*wire.Problem](transfer.Explain(at.err))
	if !ok {
		problem = &wire.Problem{Code: wire.CodeAction, Message: at.err.Error()}
	}
	c.failed(host, "Copy failed", problem)
	return exitFailed
}

// isLocked says whether another run holds the lock.
func isLocked(err error) bool {
	problem, ok := errors.AsType[*wire.Problem](err)
	return ok && problem.Code == wire.CodeLocked
}

// left says what could not be copied while the rest was.
func (c *copying) left(report transfer.Report) exitCode {
	for _, l := range report.Left {
		c.diagnose(hcl.Diagnostics{diag.Warningf("task_failed", hcl.Range{}, "Left out", "%s: %s.", l.Path, l.Reason)})
	}
	if len(report.Left) == 0 {
		return exitDone
	}
	if report.More > 0 {
		c.diagnose(hcl.Diagnostics{diag.Warningf("task_failed", hcl.Range{}, "Left out", "%d more could not be copied.", report.More)})
	}
	return exitFailed
}

func (s *session) cannotCopy(why string) exitCode {
	s.diagnose(hcl.Diagnostics{diag.Errorf(diag.Arguments, hcl.Range{}, "Cannot copy", "%s", why)})
	return exitWrong
}
