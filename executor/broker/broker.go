// Package broker reaches the peers of a plan: it opens connections, at most once each and all at the same time, keeps
// the links to their agents, routes calls to them and tells everybody who waits when one is lost. Package executor
// decides what is called and in which order; transports and agent/child know how a hop is started; agent/wire is what
// is spoken. The broker knows no tasks, no expressions and no hosts.
package broker

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"runner/agent/bootstrap"
	"runner/agent/wire"
	"runner/planner/plan"
	"runner/transports"
)

// ErrProhibited is what an SSHClient's Dial fails with (errors.Is) when the server does not forward connections. Then
// the connection is made by an agent there.
var ErrProhibited = errors.New("the server does not forward connections")

const (
	// closeGrace is how long agents may take to end by themselves before their connections are cut.
	closeGrace = 1500 * time.Millisecond
	// idleGrace is the same for an agent behind ssh that has nothing to do, and nobody behind it: it ends as soon as it is
	// told, or the connection is gone, so to wait longer would be to wait for a slow link.
	idleGrace = 100 * time.Millisecond
)

// Config is what a broker works with.
type Config struct {
	Connections []plan.Connection               // parents before children
	Transports  map[string]transports.Transport // by name; one without Open is ssh
	Agents      bootstrap.Source                // this controller's own
	Dir         string                          // where hops on this machine run: the site's directory
	Dial        DialFunc                        // how this machine reaches an address; nil: by its network
	// SSH dials and authenticates one ssh hop over dial, which it may use several times. Just before it gives a password
	// away it asks may, and fails with what that says. An error may have a method Problem() wire.Problem.
	SSH     func(ctx context.Context, c plan.Connection, dial DialFunc, may func(password string) error) (SSHClient, error)
	Version string      // of this runner, for the error about another one's agent
	Event   func(Event) // told of connections in order, one at a time; it may be nil
}

// DialFunc makes a byte stream to an address. It fails with a *LostError where it leads through a hop that is lost.
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// SSHClient is an authenticated ssh connection. Closing the stream that it was made over must wake whoever waits for
// anything on it. It may also have a method Err() error, which says why it ended.
type SSHClient interface {
	// Dial opens a direct-tcpip channel. It fails with ErrProhibited when the server does not forward connections.
	Dial(ctx context.Context, network, address string) (net.Conn, error)
	// Start opens a session and has command executed there, without waiting for the reply to that.
	Start(ctx context.Context, command string) (Session, error)
	// HostKey tells the server from others: the fingerprint of its key.
	HostKey() string
	Close() error
}

// Session is a program at the other end of an ssh connection. Its stream is the program's standard output and input;
// closing it ends the session and wakes Read and Write.
type Session struct {
	io.ReadWriteCloser
	Stderr func() string                    // the last of what it has printed there so far, bounded
	Exit   func(ctx context.Context) string // waits for how it ended, for people: "exit status 127"; "" if that is not known
}

// Status is what an Event tells.
type Status string

// The statuses of a connection.
const (
	Opening Status = "opening"
	Opened  Status = "ready"
	Failed  Status = "failed"
	Closed  Status = "closed"
	Waiting Status = "waiting" // for the run's lock, which another run holds
	Queued  Status = "queued"  // a call waits for its lane, which somebody else holds
)

// Event tells of one connection.
type Event struct {
	Connection int // index in the plan
	Status     Status
	Seconds    float64 // since it began to open
	// Err is a *LostError, of Failed, which is told only of a first attempt, and of Closed unless somebody asked for it; of Waiting and
	// Queued it is a *wire.Problem that says whose the lock is, or who holds the lane.
	Err error
}

// Stats is what a broker has done so far.
type Stats struct {
	BytesSent, BytesReceived int64 // over the connections that the controller itself holds
	Connections              int   // hops opened
	Reused                   int   // requests for a peer that was there already, or under way
	Trips                    int   // the longest chain of request and wait on one connection, after its authentication
}

// Broker is described at the top of the package. It is safe for concurrent use.
type Broker struct {
	cfg    Config
	agents starter
	tree   plan.Tree       // of the connections
	shared map[int]bool    // what sharedRoots says
	finish func()          // the last thing that Close does
	ctx    context.Context // ends with Close
	cancel context.CancelCauseFunc
	wg     sync.WaitGroup // every goroutine of the broker, but for events
	events events

	sent, received atomic.Int64
	pipelines      atomic.Uint32 // numbers given

	mu       sync.Mutex // guards what follows, and everything in hops, peers and pending calls that says so
	hops     []*hop
	old      []*hop                       // that were renewed, and whose peers may be there still
	refused  map[[sha256.Size]byte]string // secrets, to the title of the hop that refused them
	lastPeer wire.PeerID
	stats    Stats
	closing  bool
	closed   chan struct{} // closed when Close is done
}

// hop is one connection of the plan, and what has become of it. Broker.mu guards the fields from began on.
type hop struct {
	plan    plan.Connection
	index   int
	parent  *hop // nil: the controller
	ssh     bool
	proven  bool      // it was open before it was renewed, so its secrets are right
	began   time.Time // when it began to open; zero before
	opened  bool      // since it began
	closing bool      // nothing is opened here now
	peer    *Peer     // nil until somebody asks for it
	client  *client   // of ssh; nil until somebody asks for it
}

// New returns a broker that has opened nothing yet.
func New(cfg Config) *Broker {
	own := &agents{source: cfg.Agents, dir: cfg.Dir}
	return newBroker(cfg, own, own.close)
}

func newBroker(cfg Config, agents starter, finish func()) *Broker {
	b := &Broker{
		cfg: cfg, agents: agents, tree: plan.NewTree(cfg.Connections), finish: finish,
		refused: map[[sha256.Size]byte]string{}, closed: make(chan struct{}),
	}
	b.ctx, b.cancel = context.WithCancelCause(context.Background())
	isSSH := func(c plan.Connection) bool {
		t, known := cfg.Transports[c.Transport]
		return known && t.Open == nil
	}
	b.shared = sharedRoots(cfg.Connections, isSSH)
	for i, c := range cfg.Connections {
		h := &hop{plan: c, index: i, ssh: isSSH(c)}
		if c.Parent >= 0 {
			h.parent = b.hops[c.Parent]
		}
		b.hops = append(b.hops, h)
	}
	if b.cfg.Dial == nil {
		b.cfg.Dial = new(net.Dialer).DialContext
	}
	b.events.start(cfg.Event)
	return b
}

// Peer returns the peer at the end of a connection (an index in the plan) and begins to open it, and what it needs, if
// nobody has yet. It does not wait. Until a Renew, one connection has one peer.
func (b *Broker) Peer(connection int) *Peer {
	b.mu.Lock()
	defer b.mu.Unlock()
	h := b.hops[connection]
	if h.peer != nil {
		b.stats.Reused++
	}
	return b.peerLocked(h)
}

// Hello returns what the peer at the end of a connection has said of itself; false if nobody has asked for the peer, or it
// has not said anything. It opens nothing.
func (b *Broker) Hello(connection int) (wire.Hello, bool) {
	b.mu.Lock()
	p := b.hops[connection].peer
	b.mu.Unlock()
	if p == nil {
		return wire.Hello{}, false
	}
	return p.Hello()
}

// HostKey returns what tells the server of an ssh hop from others; "" of another hop, and while there is no connection.
func (b *Broker) HostKey(connection int) string {
	b.mu.Lock()
	c := b.hops[connection].client
	b.mu.Unlock()
	if c == nil || !isClosed(c.done) || c.err != nil {
		return ""
	}
	return c.ssh.HostKey()
}

// NextPipeline returns the number of a pipeline that no call had. An agent remembers, by number, what each pipeline of a
// preview would leave.
func (b *Broker) NextPipeline() uint32 { return b.pipelines.Add(1) }

// Stats returns what was done so far.
func (b *Broker) Stats() Stats {
	b.mu.Lock()
	s := b.stats
	b.mu.Unlock()
	s.BytesSent, s.BytesReceived = b.sent.Load(), b.received.Load()
	return s
}

// Renew forgets the peer of a connection and all behind it: from now on Peer opens them anew. Those who have the old ones
// can go on to use them, until end closes them or Close does.
func (b *Broker) Renew(connection int) (end func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.renewLocked(connection)
}

// Renew is the broker's, of the peer's own connection or one that it leads through, for somebody whom the peer has failed.
// Where others have renewed the connection since, it does nothing: it would end what they have begun to open.
func (p *Peer) Renew(connection int) (end func()) {
	p.b.mu.Lock()
	defer p.b.mu.Unlock()
	if p.b.hops[p.hop.index] != p.hop {
		return func() {}
	}
	return p.b.renewLocked(connection)
}

func (b *Broker) renewLocked(connection int) (end func()) {
	var old []*hop
	gone := map[*hop]bool{}
	for _, i := range b.tree.Behind(connection) {
		h := b.hops[i]
		old = append(old, h)
		gone[h] = true
		b.hops[i] = &hop{plan: h.plan, index: i, parent: h.parent, ssh: h.ssh, proven: h.proven || h.opened}
		if i != connection {
			b.hops[i].parent = b.hops[h.parent.index]
		}
	}
	b.old = slices.Concat(old, b.old)
	return func() {
		b.end(old)
		b.mu.Lock()
		defer b.mu.Unlock()
		b.old = slices.DeleteFunc(b.old, func(h *hop) bool { return gone[h] })
		if p := old[0].peer; p != nil && p.parent != nil {
			p.parent.children = slices.DeleteFunc(p.parent.children, func(c *Peer) bool { return c == p })
		}
	}
}

// Close ends every agent, gives them a moment, cuts what is left, and waits until nothing of the broker runs any more.
// Calls that have not ended fail.
func (b *Broker) Close() error {
	b.mu.Lock()
	first := !b.closing
	b.closing = true
	b.mu.Unlock()
	if !first {
		<-b.closed
		return nil
	}
	b.mu.Lock()
	all := slices.Concat(b.hops, b.old)
	b.mu.Unlock()
	b.end(all)
	b.cancel(errClosed())
	b.wg.Wait()
	b.finish()
	b.events.stop()
	close(b.closed)
	return nil
}

func errClosed() *wire.Problem {
	return &wire.Problem{Code: wire.CodeClosed, Message: "the connection was closed"}
}

// end closes hops, which are given parents first.
func (b *Broker) end(hops []*hop) {
	b.mu.Lock()
	var peers []*Peer
	var clients []*client
	busy := map[*Peer]bool{} // roots
	for _, h := range hops {
		h.closing = true
		if h.peer != nil {
			peers = append(peers, h.peer)
			busy[h.peer.root] = busy[h.peer.root] || h.peer.busyLocked()
			h.peer.closeLocked()
		}
		if h.client != nil {
			clients = append(clients, h.client)
		}
	}
	b.mu.Unlock()

	grace, cancel := context.WithTimeout(context.Background(), closeGrace)
	defer cancel()
	idle, cancelIdle := context.WithTimeout(grace, idleGrace)
	defer cancelIdle()
	for _, p := range peers {
		patience := grace
		if p.root.hop.ssh && !busy[p.root] {
			patience = idle
		}
		select {
		case <-p.over:
		case <-patience.Done():
		}
	}
	b.mu.Lock()
	for _, p := range peers {
		p.loseLocked(lostAt(p.hop, errClosed(), false))
	}
	b.mu.Unlock()
	for _, c := range clients { // outermost first, so that nothing waits for those behind it any more
		c.cut(nil)
	}
	for _, p := range slices.Backward(peers) {
		p.stop()
	}
	for _, c := range slices.Backward(clients) {
		c.close()
	}
}

// events hands events on, in order, without holding anything up.
type events struct {
	mu      sync.Mutex
	more    sync.Cond
	waiting []Event
	stopped bool
	done    chan struct{}
}

func (e *events) start(tell func(Event)) {
	e.more.L = &e.mu
	e.done = make(chan struct{})
	if tell == nil {
		tell = func(Event) {}
	}
	go func() {
		defer close(e.done)
		for {
			batch := e.next()
			if batch == nil {
				return
			}
			for _, event := range batch {
				tell(event)
			}
		}
	}()
}

func (e *events) next() []Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	for len(e.waiting) == 0 && !e.stopped {
		e.more.Wait()
	}
	batch := e.waiting
	e.waiting = nil
	return batch
}

func (e *events) put(event Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.waiting = append(e.waiting, event)
	e.more.Signal()
}

func (e *events) stop() {
	e.mu.Lock()
	e.stopped = true
	e.more.Signal()
	e.mu.Unlock()
	<-e.done
}
