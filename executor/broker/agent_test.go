package broker

import (
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"runner/agent/wire"
)

// agent is a root and everything behind it.
type agent struct {
	w      *world
	link   *wire.Link
	conn   net.Conn
	title  string
	mu     sync.Mutex
	frames []wire.Frame                 // what came, in order
	said   map[wire.PeerID]bool         // the children that have said hello
	held   []wire.Frame                 // frames for the others
	credit map[callKey]*wire.SendWindow // of output
	input  map[callKey]*wire.Buffer
	ended  map[callKey]func(wire.Cancel) // what a cancel does
}

type callKey struct {
	peer wire.PeerID
	call wire.CallID
}

func key(f wire.Frame) callKey { return callKey{f.Peer, f.Call} }

// begin runs an agent on a stream.
func (w *world) begin(conn net.Conn, nonce, title string) {
	a := &agent{
		w: w, conn: conn, title: title, said: map[wire.PeerID]bool{}, credit: map[callKey]*wire.SendWindow{}, input: map[callKey]*wire.Buffer{},
		ended: map[callKey]func(wire.Cancel){},
	}
	w.mu.Lock()
	w.agents = append(w.agents, a)
	w.mu.Unlock()
	w.wg.Go(func() {
		defer conn.Close()
		if w.noise != "" {
			_, _ = io.WriteString(conn, w.noise)
			if w.asleep {
				_, _ = io.Copy(io.Discard, conn)
			}
			return
		}
		if _, err := conn.Write(append([]byte("motd\n"), wire.Magic(nonce)...)); err != nil {
			return
		}
		if w.hang {
			_, _ = io.Copy(io.Discard, conn)
			return
		}
		if w.mute {
			hello, _ := wire.Message(wire.KindHello, 0, 0, a.says(nonce, title))
			_, _ = conn.Write(wire.AppendFrame(nil, hello))
			_, _ = io.Copy(io.Discard, conn)
			return
		}
		a.link = wire.NewLink(conn, wire.LinkConfig{})
		defer a.link.Close() //nolint:errcheck // the end is the test's to judge
		a.hello(0, nonce, title)
		_ = a.link.Run(a.handle)
		a.mu.Lock()
		defer a.mu.Unlock()
		for _, c := range a.credit {
			c.Close(io.ErrClosedPipe)
		}
		for _, b := range a.input {
			b.Close(io.ErrClosedPipe)
		}
	})
}

func (a *agent) says(nonce, title string) wire.Hello {
	h := wire.Hello{Capability: wire.Capability, Nonce: nonce, Hash: "good", Version: "1.2.3", OS: "plan9", Arch: "mips"}
	h.Facts.Hostname = title
	if a.w.hello != nil {
		a.w.hello(title, &h)
	}
	return h
}

func (a *agent) hello(id wire.PeerID, nonce, title string) {
	a.send(wire.KindHello, id, 0, a.says(nonce, title))
	a.mu.Lock()
	a.said[id] = true
	held := a.held
	a.held = nil
	a.mu.Unlock()
	for _, f := range held {
		a.deliver(f)
	}
}

func (a *agent) send(kind wire.Kind, peer wire.PeerID, call wire.CallID, m any) {
	f, err := wire.Message(kind, peer, call, m)
	if err != nil {
		a.w.t.Error(err)
	}
	_ = a.link.SendWait(a.w.t.Context(), f)
}

func (a *agent) handle(f wire.Frame) {
	a.mu.Lock()
	a.frames = append(a.frames, f)
	a.mu.Unlock()
	a.deliver(f)
}

func (a *agent) deliver(f wire.Frame) {
	root := a.root()
	a.mu.Lock()
	if f.Peer != root && !a.said[f.Peer] && f.Kind != wire.KindClose {
		a.held = append(a.held, f)
		a.mu.Unlock()
		return
	}
	a.mu.Unlock()
	switch f.Kind {
	case wire.KindOpen:
		var o wire.Open
		decode(a.w.t, f, &o)
		for _, at := range o.Attempts {
			if at.Prompt != nil {
				a.w.mu.Lock()
				a.w.offered[o.Name] = append(a.w.offered[o.Name], string(at.Prompt.Secret))
				a.w.mu.Unlock()
			}
		}
		id := wire.PeerID(f.Call)
		if do := a.w.child[o.Name]; do != nil {
			do(a, id, o)
			return
		}
		a.hello(id, o.Nonce, o.Name)
	case wire.KindClose:
		if a.w.deaf {
			return
		}
		if f.Peer == a.root() {
			_ = a.link.Fail(&wire.Problem{Code: wire.CodeClosed})
			return
		}
		a.send(wire.KindLost, f.Peer, 0, wire.Lost{Problem: wire.Problem{Code: wire.CodeClosed}, Ready: true})
	case wire.KindCall:
		var c wire.Call
		decode(a.w.t, f, &c)
		a.call(f, &c)
	case wire.KindCancel:
		var c wire.Cancel
		decode(a.w.t, f, &c)
		a.mu.Lock()
		do := a.ended[key(f)]
		a.mu.Unlock()
		if do != nil {
			do(c)
		}
	case wire.KindCredit:
		var c wire.Credit
		decode(a.w.t, f, &c)
		a.mu.Lock()
		defer a.mu.Unlock()
		if w := a.credit[key(f)]; w != nil {
			if err := w.Grant(c.N); err != nil {
				a.w.t.Error(err)
			}
		}
	case wire.KindData, wire.KindPiece:
		a.mu.Lock()
		b := a.input[key(f)]
		a.mu.Unlock()
		put := b.Put
		if f.Kind == wire.KindPiece {
			put = func(chunk []byte) error { return b.PutAt(f.Offset, chunk) }
		}
		if err := put(f.Payload); err != nil {
			a.w.t.Error(err)
		}
	default:
	}
}

// root is the agent's own id: that of the first frame.
func (a *agent) root() wire.PeerID {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.frames[0].Peer
}

func decode(t *testing.T, f wire.Frame, m any) {
	if err := wire.Unmarshal(f.Payload, m); err != nil {
		t.Errorf("a frame of kind %d: %v", f.Kind, err)
	}
}

// call does what a call's action says.
func (a *agent) call(f wire.Frame, c *wire.Call) {
	if do := a.w.actions[c.Action]; do != nil {
		do(a, f, c)
		return
	}
	switch c.Action {
	case "echo": // gives back its arguments
		a.send(wire.KindStarted, f.Peer, f.Call, wire.Started{At: time.Now()})
		a.result(f, wire.Result{Values: c.Args})
	case "hold": // until it is cancelled
		a.mu.Lock()
		a.ended[key(f)] = func(wire.Cancel) {
			a.result(f, wire.Result{Problem: &wire.Problem{Code: wire.CodeCancelled, Message: "cancelled"}})
		}
		a.mu.Unlock()
		a.send(wire.KindStarted, f.Peer, f.Call, wire.Started{At: time.Now()})
	case "never": // says nothing at all
	case "count": // reads its input and gives back how much it was
		b := a.inputOf(f)
		a.w.wg.Go(func() {
			n, err := io.Copy(io.Discard, &lazy{b})
			if err == nil {
				values, _ := wire.Marshal(n)
				a.result(f, wire.Result{Values: values})
			}
		})
		a.mu.Lock()
		a.ended[key(f)] = func(wire.Cancel) {
			b.Close(io.ErrClosedPipe)
			a.result(f, wire.Result{Problem: &wire.Problem{Code: wire.CodeCancelled, Message: "cancelled"}})
		}
		a.mu.Unlock()
	case "dial":
		a.dial(f, c)
	default:
		a.result(f, wire.Result{Problem: &wire.Problem{Code: wire.CodeUnsupported, Message: "no such action"}})
	}
}

// lazy reads on once everybody else waits, so that the sender uses up its credit each time.
type lazy struct{ io.Reader }

func (l *lazy) Read(p []byte) (int, error) {
	time.Sleep(time.Nanosecond) // the clock of a bubble
	return l.Reader.Read(p)
}

func (a *agent) result(f wire.Frame, r wire.Result) { a.send(wire.KindResult, f.Peer, f.Call, r) }

func (a *agent) inputOf(f wire.Frame) *wire.Buffer {
	b := wire.NewBuffer(0, wire.Window, wire.Window, func(n uint32) error {
		a.send(wire.KindCredit, f.Peer, f.Call, wire.Credit{N: n})
		return nil
	})
	a.mu.Lock()
	defer a.mu.Unlock()
	a.input[key(f)] = b
	return b
}

// output returns a writer to a call's output, which keeps to its credit.
func (a *agent) output(f wire.Frame) func([]byte) error {
	w := wire.NewSendWindow(wire.Window)
	a.mu.Lock()
	a.credit[key(f)] = w
	a.mu.Unlock()
	return func(p []byte) error {
		return w.Send(a.w.t.Context(), p, func(chunk []byte) error {
			return a.link.SendWait(a.w.t.Context(), wire.Frame{
				Kind: wire.KindData, Stream: wire.StreamOutput, Peer: f.Peer, Call: f.Call, Payload: slices.Clone(chunk),
			})
		})
	}
}

// dial connects to an address of the world for a call.
func (a *agent) dial(f wire.Frame, c *wire.Call) {
	var args struct {
		Network string `cbor:"network"`
		Address string `cbor:"address"`
	}
	if err := wire.Unmarshal(c.Args, &args); err != nil {
		a.w.t.Error(err)
	}
	in, out := a.inputOf(f), a.output(f)
	conn := a.w.connect(args.Address, a.title+">"+args.Address)
	a.mu.Lock()
	a.ended[key(f)] = func(wire.Cancel) {
		in.Close(io.ErrClosedPipe)
		_ = conn.Close()
	}
	a.mu.Unlock()
	a.w.wg.Go(func() {
		var both sync.WaitGroup
		both.Go(func() {
			_, _ = io.Copy(conn, in)
			_ = conn.Close()
		})
		buf := make([]byte, 1000)
		for {
			n, err := conn.Read(buf)
			if n > 0 && out(buf[:n]) != nil || err != nil {
				break
			}
		}
		in.Close(io.EOF)
		both.Wait()
		a.result(f, wire.Result{})
	})
}
