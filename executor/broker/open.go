package broker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"runner/agent/wire"
)

// What a hello has cost, in round trips: a channel is opened and then the agent started, or only the latter. Handing
// the agent over costs one more.
const (
	tripsSSH   = 2
	tripsLocal = 1
)

// lastWords is how long a program that has closed its output may take to say how it ended.
const lastWords = 500 * time.Millisecond

// live opens a root, serves its link until that ends, and tells why.
func (p *Peer) live(ctx context.Context) {
	defer close(p.gone)
	err := p.serve(ctx)
	p.b.mu.Lock()
	defer p.b.mu.Unlock()
	why := *p.b.blameLocked(p.hop, err) // a copy: others may hold that one, with another answer to what was reached
	if p.closing {
		why = *lostAt(p.hop, errClosed(), false)
	}
	why.Unreached = !p.greeted
	p.loseLocked(&why)
}

// landing is a stream that begins at a new peer's first frame.
type landing struct {
	io.ReadWriteCloser
	trip      int
	ssh       SSHClient     // nil: of a hop on this machine
	roundTrip time.Duration // over ssh, about
	until     time.Time     // when the hello must be there; zero: no limit
	// explain completes why the stream ended with how its program did, and with what that said last.
	explain func(why *wire.Problem) *wire.Problem
}

func (p *Peer) serve(ctx context.Context) error {
	open := p.openLocal
	if p.hop.ssh {
		open = p.openSSH
	}
	stream, err := open(ctx)
	if err != nil {
		return err
	}
	r := &route{root: p, peers: map[wire.PeerID]*Peer{p.id: p}}
	r.Link = wire.NewLink(stream, wire.LinkConfig{Room: r.room, TooLarge: r.tooLarge})
	defer r.Close() //nolint:errcheck // the reason is Run's
	p.b.mu.Lock()
	p.link, p.trip = r, stream.trip
	p.b.mu.Unlock()
	ctx, end := context.WithCancelCause(ctx)
	defer r.endSides()
	defer end(errClosed())
	defer context.AfterFunc(ctx, func() { _ = r.Fail(problemOf(context.Cause(ctx))) })()
	r.prepareSides(ctx, stream)
	if !stream.until.IsZero() {
		late := time.AfterFunc(time.Until(stream.until), r.late)
		defer late.Stop()
	}
	why := problemOf(r.Run(r.handle))
	if r.isClosing() {
		return why
	}
	return stream.explain(why)
}

func (r *route) isClosing() bool {
	r.root.b.mu.Lock()
	defer r.root.b.mu.Unlock()
	return r.root.closing
}

// late ends a link on which no hello came in time.
func (r *route) late() {
	p := r.root
	p.b.mu.Lock()
	defer p.b.mu.Unlock()
	if !p.greeted {
		_ = r.Fail(timeoutProblem(p.hop.plan.Timeout))
	}
}

// openLocal starts a hop on this machine.
func (p *Peer) openLocal(ctx context.Context) (*landing, error) {
	p.b.mu.Lock()
	p.b.beginLocked(p.hop)
	open, err := p.open()
	p.b.mu.Unlock()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	starting, cancel := limited(ctx, began, p.hop.plan.Timeout)
	defer cancel()
	stream, err := p.b.agents.start(starting, &open)
	if err != nil {
		return nil, reason(starting, err)
	}
	l := &landing{ReadWriteCloser: &meter[localHop]{stream, p.b}, trip: tripsLocal}
	l.until, _ = starting.Deadline()
	l.explain = stream.Explain
	return l, nil
}

// reason prefers why a context ended over what that caused.
func reason(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	problem := *problemOf(context.Cause(ctx))
	if caused, ok := errors.AsType[*wire.Problem](err); ok {
		problem.Quote = caused.Quote
	}
	return &problem
}

// openSSH starts an agent over the hop's ssh connection.
func (p *Peer) openSSH(ctx context.Context) (*landing, error) {
	asked := time.Now()
	p.b.mu.Lock()
	c := p.b.clientLocked(p.hop) //nolint:contextcheck // others will use it too
	p.b.mu.Unlock()
	ssh, err := c.wait(ctx)
	if err != nil {
		return nil, err
	}
	if c.began.After(asked) {
		asked = c.began
	}
	starting, cancel := limited(ctx, asked, p.hop.plan.Timeout)
	defer cancel()
	command, attend := p.b.agents.shell(p.nonce)
	began := time.Now()
	session, err := ssh.Start(starting, command)
	if err != nil {
		return nil, reason(starting, err)
	}
	l := &landing{trip: tripsSSH, ssh: ssh, roundTrip: time.Since(began), explain: session.explain}
	l.until, _ = starting.Deadline()
	stop := context.AfterFunc(starting, func() { _ = session.Close() }) // it interrupts attend
	first, handedOver, err := attend(starting, session)
	if !stop() && err == nil {
		err = context.Cause(starting)
	}
	if err != nil {
		_ = session.Close()
		why := session.explain(problemOf(reason(starting, err))) //nolint:contextcheck // starting may be over
		switch {
		case why.Code == wire.CodeEnded && why.Hint == "":
			why.Hint = "The account's login shell has to start /bin/sh for us: nologin, a restricted shell or a forced command does not."
		case why.Code == wire.CodeTimeout && !handedOver:
			why.Message += ": the login was successful, but the account's login shell has not started the agent"
			why.Hint = "Before that it carries out the account's start files, such as ~/.bashrc: look there for what takes long or waits for an answer. Or raise connect_timeout."
		case why.Code == wire.CodeTimeout:
			why.Message += ": the agent was not handed over and started in that time"
			why.Hint = "Check the network and the load of the machine, or raise connect_timeout."
		}
		return nil, why
	}
	if handedOver {
		l.trip++
	}
	l.ReadWriteCloser = &sshStream{first, &session, p, c}
	return l, nil
}

// explain completes a reason with the last words and the exit status of the session's program.
func (s *Session) explain(why *wire.Problem) *wire.Problem {
	explained := *why
	if why.Code == wire.CodeEnded {
		ctx, cancel := context.WithTimeout(context.Background(), lastWords)
		defer cancel()
		if exit := s.Exit(ctx); exit != "" {
			explained.Message = fmt.Sprintf("%s (%s)", why.Message, exit)
		}
	}
	if explained.Quote == "" {
		explained.Quote = wire.Quote([]byte(s.Stderr()))
	}
	return &explained
}

// sshStream is an agent's stream over ssh.
type sshStream struct {
	io.Reader // of the session, from the first frame on
	*Session
	peer   *Peer
	client *client
}

func (s *sshStream) Read(p []byte) (int, error) { return s.Reader.Read(p) }

// Close ends the session. Where nothing is heard any more, the connection goes too: to close a session in good order
// would wait for the other side.
func (s *sshStream) Close() error {
	var why *wire.Problem
	if errors.As(s.peer.route().Err(), &why) && why.Code == wire.CodeSilent {
		s.client.cut(why)
	}
	return s.Session.Close()
}

func (p *Peer) route() *route {
	p.b.mu.Lock()
	defer p.b.mu.Unlock()
	return p.link
}
