// Package agent serves one link: it runs the calls that come down for it, starts children and relays for them, and ends
// everything when its parent is gone. Its neighbours are agent/wire, whose frames it speaks, agent/action, whose actions
// it runs with agent/process under the locks of agent/lane, and agent/child, which starts the next hop. It decides
// nothing: what is done where, and in which order, is the controller's business.
package agent

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"runner/agent/action"
	"runner/agent/bootstrap"
	"runner/agent/child"
	"runner/agent/facts"
	"runner/agent/lane"
	"runner/agent/process"
	"runner/agent/wire"
)

// lease is how long an agent goes on without a sign of life from its parent. With the grain of the link's clock, and what
// it takes to end a tree that does not want to, everything is over within 33 s.
const lease = 24 * time.Second

// Config is what an agent needs beside its link.
type Config struct {
	Nonce   string // as given on its command line
	Version string
	Actions []action.Definition
	Table   *process.Table
	Own     *bootstrap.Own // what it is, and hands on
	Dir     string         // where processes run unless their task says else; "": where this one does
	Cache   string         // where what can be had again may be kept; "": nowhere
}

// Agent is a peer while it serves.
type Agent struct {
	cfg      Config
	link     *wire.Link
	ctx      context.Context // of everything that is not to be finished
	lanes    *lane.Lanes
	calls    *calls
	children *children
	sides    sides
	feeds    *feeds

	id wire.PeerID // 0 until the first frame; only the link's reader sets it
}

// Serve says hello on rw and serves it until it ends, is closed or falls silent, or until ctx ends; then it ends what
// it has started, waits for that, and returns why. It owns rw.
func Serve(ctx context.Context, rw io.ReadWriteCloser, cfg Config) error {
	own, err := cfg.Own.Binary()
	if err != nil {
		return err
	}
	hello := wire.Hello{
		Capability: wire.Capability, Nonce: cfg.Nonce, Hash: own.Hash, Version: cfg.Version, OS: own.OS, Arch: own.Arch,
		Target: facts.Identity(), Facts: facts.Gather(), Boot: facts.Boot(),
	}
	frame, err := wire.Message(wire.KindHello, 0, 0, hello)
	if err != nil {
		return err
	}
	if _, err := rw.Write(wire.Magic(cfg.Nonce)); err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	if cfg.Dir == "" {
		cfg.Dir = workingDir()
	}
	a := &Agent{cfg: cfg, ctx: ctx, lanes: lane.New(hello.Target, facts.Home())}
	defer a.lanes.Close()
	a.link = wire.NewLink(rw, wire.LinkConfig{Silent: lease, TooLarge: a.tooLarge})
	defer a.link.Close() //nolint:errcheck // the reason is Run's
	a.calls = newCalls(a)
	a.children = newChildren(a)
	a.feeds = newFeeds(a)
	if err := a.link.Send(frame); err != nil {
		return err
	}
	var reader sync.WaitGroup
	reader.Go(func() { _ = a.link.Run(a.handle) })
	select {
	case <-a.link.Done():
	case <-ctx.Done():
		_ = a.link.Fail(&wire.Problem{Code: wire.CodeClosed, Message: context.Cause(ctx).Error()})
	}
	why := a.link.Err()
	lost := &wire.Problem{Code: wire.CodeLost, Message: "contact with the parent was lost"}
	stop(lost)
	a.children.close()
	reader.Wait() // it adds calls
	a.calls.wait(lost)
	a.sides.wg.Wait() // a call adds them
	a.feeds.wg.Wait()
	return closed(why)
}

// closed tells the ends that were meant from the others.
func closed(why error) error {
	var p *wire.Problem
	if errors.As(why, &p) && (p.Code == wire.CodeClosed || p.Code == wire.CodeEnded) {
		return nil
	}
	return why
}

// handle takes a frame from the parent.
func (a *Agent) handle(f wire.Frame) {
	if a.id == 0 {
		a.id = f.Peer
	}
	if f.Peer != a.id {
		a.children.pass(f)
		return
	}
	switch f.Kind {
	case wire.KindOpen:
		a.children.open(f)
	case wire.KindCall:
		a.calls.add(f)
	case wire.KindData, wire.KindPiece, wire.KindCredit, wire.KindCancel:
		if err := a.calls.take(f); err != nil {
			a.fail(err)
		}
	case wire.KindFeed:
		a.feeds.bind(f)
	case wire.KindClose:
		_ = a.link.Fail(&wire.Problem{Code: wire.CodeClosed, Message: "the controller asked for it"})
	case wire.KindRefused: // nothing that we send can be sent in another way
	default:
		a.refuse(f, wire.CodeUnsupported, "a frame of this kind does not go down")
	}
}

// fail ends the link for a violation of the protocol.
func (a *Agent) fail(err error) {
	var p *wire.Problem
	if !errors.As(err, &p) {
		p = &wire.Problem{Code: wire.CodeProtocol, Message: err.Error()}
	}
	_ = a.link.Fail(p)
}

// refuse answers a frame that cannot be taken, in the name of its addressee.
func (a *Agent) refuse(f wire.Frame, code wire.Code, why string) {
	peer := f.Peer
	if peer == a.id {
		peer = 0
	}
	if f.Kind == wire.KindCall {
		a.feeds.drop(peer, f.Call)
	}
	a.send(wire.KindRefused, peer, f.Call, wire.Refused{Kind: f.Kind, Problem: wire.Problem{Code: code, Message: why}})
}

// send sends a message up without waiting: small ones, which the controller's own frames bound.
func (a *Agent) send(kind wire.Kind, peer wire.PeerID, call wire.CallID, message any) {
	f, err := wire.Message(kind, peer, call, message)
	if err == nil {
		err = a.link.Send(f)
	}
	_ = err // the link is gone: so are those who would want to know
}

// tooLarge ends what an oversized frame from above belonged to. The link has answered it.
func (a *Agent) tooLarge(e *wire.TooLargeError) {
	if a.id == 0 {
		a.id = e.Frame.Peer
	}
	call := e.Frame.Kind == wire.KindCall || e.Frame.Kind == wire.KindData || e.Frame.Kind == wire.KindPiece
	if e.Frame.Peer == a.id && call {
		a.calls.cancel(e.Frame.Call, wire.Cancel{Kill: true})
	}
}

// parent is what children are started with.
func (a *Agent) parent() *child.Parent {
	return &child.Parent{Table: a.cfg.Table, Source: a.cfg.Own, Dir: a.cfg.Dir}
}

// workingDir is the directory that this process is in, or "" if processes can only stay in it but not go there: sudo
// leaves one in the home of whoever called it.
func workingDir() string {
	dir, err := os.Getwd()
	if err != nil || unix.Access(dir, unix.X_OK) != nil {
		return ""
	}
	return dir
}
