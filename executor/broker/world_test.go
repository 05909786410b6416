package broker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"runner/agent/process"
	"runner/agent/wire"
	"runner/planner/plan"
	"runner/transports"
)

// world is everything beyond the broker: a network of ssh servers, agents that do as the test says, and what they saw.
type world struct {
	t *testing.T

	mu      sync.Mutex
	wg      sync.WaitGroup
	trunks  map[string]net.Conn // the far ends of ssh connections, by address
	dials   []string            // addresses dialled, with who did: "10.0.0.1", "10.0.0.1>10.0.0.2"
	agents  []*agent
	events  []Event
	offered map[string][]string // passwords that hops were given, by title

	// What differs from a world in which everything works. Set before the broker is used.
	ask        bool                                                     // agents are not cached
	prohibited bool                                                     // ssh servers do not forward connections
	refuse     map[string]*wire.Problem                                 // ssh and local hops that fail, by title
	child      map[string]func(a *agent, id wire.PeerID, o wire.Open)   // what children do, by title, instead of saying hello
	hello      func(title string, h *wire.Hello)                        // changes what agents say, by title, which for roots is the address
	actions    map[string]func(a *agent, f wire.Frame, call *wire.Call) // beside those of agent.call
	keyed      string                                                   // title of an ssh hop whose keys will do
	deaf       bool                                                     // agents do not end when they are told to
	mute       bool                                                     // agents say nothing after their hello
	cutting    bool                                                     // the network cuts connections at once
	noise      string                                                   // sessions print this and end
	asleep     bool                                                     // after that they do nothing instead
	hang       bool                                                     // agents stop after their magic
	sticky     bool                                                     // closing a session waits for the other side
	gate       chan struct{}                                            // ssh waits for it
	stalled    bool                                                     // servers accept and then say nothing
	far        time.Duration                                            // how long ssh servers take to open a session
	side       func(address string, conn net.Conn)                      // what listens at sideAddress on each ssh server
}

func newWorld(t *testing.T) *world {
	return &world{
		t: t, trunks: map[string]net.Conn{}, offered: map[string][]string{}, refuse: map[string]*wire.Problem{},
		child:   map[string]func(*agent, wire.PeerID, wire.Open){},
		actions: map[string]func(*agent, wire.Frame, *wire.Call){},
	}
}

// leakCheck is to be deferred first.
func leakCheck(t *testing.T) { goleak.VerifyNone(t, goleak.IgnoreCurrent()) }

// broker returns a broker of connections, closed with the world at the end of the test.
func (w *world) broker(connections ...plan.Connection) *Broker {
	prompted := transports.Transport{Open: func(o transports.Options) (wire.Open, error) {
		a := wire.Attempt{Entry: wire.EntryShell, Argv: []string{"hop"}}
		if p := o.String("password", ""); p != "" {
			a.Prompt = &wire.Prompt{Secret: []byte(p)}
		}
		return wire.Open{Attempts: []wire.Attempt{a}}, nil
	}}
	return newBroker(Config{
		Connections: connections,
		Transports:  map[string]transports.Transport{"ssh": {}, "sudo": prompted, "docker": prompted, "local": prompted},
		SSH:         w.ssh, Dial: w.dial, Version: "1.2.3",
		Event: func(e Event) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.events = append(w.events, e)
		},
	}, w, func() {})
}

func (w *world) close(b *Broker) {
	w.t.Helper()
	if err := b.Close(); err != nil {
		w.t.Errorf("Close: %v", err)
	}
	w.mu.Lock()
	for _, c := range w.trunks {
		_ = c.Close()
	}
	w.mu.Unlock()
	w.wg.Wait()
}

func ssh(parent int, address string) plan.Connection {
	return plan.Connection{
		Parent: parent, Transport: "ssh", Title: "ssh " + address, Options: map[string]any{"address": address}, Timeout: 30 * time.Second,
	}
}

func hopTo(parent int, transport, name string) plan.Connection {
	return plan.Connection{
		Parent: parent, Transport: transport, Title: transport + " " + name, Options: map[string]any{}, Timeout: 30 * time.Second,
	}
}

func withPassword(c plan.Connection, password string) plan.Connection {
	c.Options["password"] = password
	return c
}

// dial reaches an address: its far end is kept so that tests can cut it.
func (w *world) dial(_ context.Context, _, address string) (net.Conn, error) {
	return w.connect(address, address), nil
}

func (w *world) connect(address, by string) net.Conn {
	near, far := net.Pipe()
	w.mu.Lock()
	w.dials = append(w.dials, by)
	w.trunks[address] = far
	w.mu.Unlock()
	w.wg.Go(func() { _, _ = io.Copy(io.Discard, far) })
	return near
}

func (w *world) cut(address string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = w.trunks[address].Close()
}

// ssh stands for the ssh transport.
func (w *world) ssh(ctx context.Context, c plan.Connection, dial DialFunc, may func(string) error) (SSHClient, error) {
	address, _ := c.Options["address"].(string)
	conn, err := dial(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("cannot connect: %w", err)
	}
	if w.gate != nil {
		<-w.gate
	}
	if w.cutting {
		w.cut(address)
		_, err := conn.Read(make([]byte, 1))
		_ = conn.Close()
		return nil, fmt.Errorf("cannot authenticate: %w", err)
	}
	if w.stalled {
		<-ctx.Done()
		_ = conn.Close()
		return nil, context.Cause(ctx)
	}
	if password, ok := c.Options["password"].(string); ok && c.Title != w.keyed {
		if err := may(password); err != nil {
			_ = conn.Close()
			return nil, fmt.Errorf("cannot authenticate: %w", err)
		}
		w.mu.Lock()
		w.offered[c.Title] = append(w.offered[c.Title], password)
		w.mu.Unlock()
	}
	if p := w.refuse[c.Title]; p != nil {
		_ = conn.Close()
		return nil, p
	}
	client := &sshClient{w: w, address: address, conn: conn, done: make(chan struct{})}
	w.wg.Go(func() {
		defer close(client.done)
		_, _ = io.Copy(io.Discard, conn) // until it is cut
		client.mu.Lock()
		defer client.mu.Unlock()
		client.over = true
		for _, c := range client.channels {
			_ = c.Close()
		}
	})
	return client, nil
}

type sshClient struct {
	w        *world
	address  string
	conn     net.Conn
	done     chan struct{}
	mu       sync.Mutex
	over     bool
	channels []io.Closer // channels
}

func (c *sshClient) channel(x io.Closer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.channels = append(c.channels, x)
	if c.over {
		_ = x.Close()
	}
}

func (c *sshClient) Dial(_ context.Context, _, address string) (net.Conn, error) {
	if c.w.prohibited {
		return nil, fmt.Errorf("administratively: %w", ErrProhibited)
	}
	if address == sideAddress {
		near, far := net.Pipe()
		c.channel(near)
		c.w.wg.Go(func() { c.w.side(c.address, far) })
		return near, nil
	}
	conn := c.w.connect(address, c.address+">"+address)
	c.channel(conn)
	return conn, nil
}

func (c *sshClient) HostKey() string { return "SHA256:" + c.address }

func (c *sshClient) Start(_ context.Context, command string) (Session, error) {
	time.Sleep(c.w.far)
	near, far := net.Pipe()
	c.channel(near)
	c.w.begin(far, command, c.address) //nolint:contextcheck // it outlives ctx
	var stream io.ReadWriteCloser = near
	if c.w.sticky {
		stream = stickyStream{near, c.done}
	}
	return Session{
		ReadWriteCloser: stream,
		Stderr:          func() string { return "words of " + c.address },
		Exit:            func(context.Context) string { return "exit status 7" },
	}, nil
}

// stickyStream is closed once the connection is.
type stickyStream struct {
	net.Conn
	over <-chan struct{}
}

func (s stickyStream) Close() error {
	<-s.over
	return s.Conn.Close()
}

func (c *sshClient) Close() error {
	_ = c.conn.Close()
	<-c.done
	return nil
}

// The world is the starter, too.

func (w *world) known(goos, goarch, hash string) bool {
	return goos == "plan9" && goarch == "mips" && hash == "good"
}

func (w *world) shell(nonce string) (string, attendFunc) {
	return nonce, func(_ context.Context, stream io.ReadWriter) (io.Reader, bool, error) {
		r := bufio.NewReader(stream)
		_, err := wire.ReadMagic(r, nonce, wire.MaxNoise)
		return r, w.ask, err
	}
}

type localStream struct {
	io.Reader
	net.Conn
}

func (l localStream) Read(p []byte) (int, error) { return l.Reader.Read(p) }

func (l localStream) Explain(why *wire.Problem) *wire.Problem {
	p := *why
	p.Quote = "local words"
	return &p
}

func (w *world) raw(context.Context, *wire.Open, []string, io.Reader, io.Writer, io.Writer) (process.Exit, error) {
	return process.Exit{}, errors.New("there is no program in this world")
}

func (w *world) start(_ context.Context, open *wire.Open) (localHop, error) {
	for _, a := range open.Attempts {
		if a.Prompt != nil {
			w.mu.Lock()
			w.offered[open.Name] = append(w.offered[open.Name], string(a.Prompt.Secret))
			w.mu.Unlock()
		}
	}
	if p := w.refuse[open.Name]; p != nil {
		return nil, p
	}
	near, far := net.Pipe()
	w.begin(far, open.Nonce, open.Name) //nolint:contextcheck // it outlives ctx
	r := bufio.NewReader(near)
	_, err := wire.ReadMagic(r, open.Nonce, wire.MaxNoise)
	return localStream{r, near}, err
}

// What tests ask for.

func (w *world) agent(title string) *agent {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range slices.Backward(w.agents) {
		if a.title == title {
			return a
		}
	}
	w.t.Fatalf("there is no agent at %s", title)
	return nil
}

// calls returns the ids of calls that came, in order.
func (a *agent) calls() (out []callKey) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, f := range a.frames {
		if f.Kind == wire.KindCall {
			out = append(out, key(f))
		}
	}
	return out
}

// lose says that a child is gone.
func (a *agent) lose(id wire.PeerID, p wire.Problem, ready bool) {
	a.send(wire.KindLost, id, 0, wire.Lost{Problem: p, Ready: ready})
}

func (w *world) statuses(connection int) (out []Status) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.events {
		if e.Connection == connection {
			out = append(out, e.Status)
		}
	}
	return out
}

func call(action string, args any) wire.Call {
	encoded, err := wire.Marshal(args)
	if err != nil {
		panic(err)
	}
	return wire.Call{Action: action, Args: encoded, Mode: wire.ModeApply}
}

// lostBy returns the *LostError that err is.
func lostBy(t *testing.T, err error) *LostError {
	t.Helper()
	var lost *LostError
	if !errors.As(err, &lost) {
		t.Fatalf("%v is no LostError", err)
	}
	return lost
}

// wantLost checks who is blamed, and for what.
func wantLost(t *testing.T, err error, connection int, code wire.Code, unreached bool) LostError {
	t.Helper()
	lost := lostBy(t, err)
	if lost.Connection != connection || lost.Problem.Code != code || lost.Unreached != unreached {
		t.Errorf("%v (connection %d, code %q, unreached %v), want connection %d, code %q, unreached %v",
			lost, lost.Connection, lost.Problem.Code, lost.Unreached, connection, code, unreached)
	}
	return *lost
}

func problemCode(err error) wire.Code {
	if p, ok := errors.AsType[*wire.Problem](err); ok {
		return p.Code
	}
	return ""
}
