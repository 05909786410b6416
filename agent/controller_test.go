package agent_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"runner/agent"
	"runner/agent/action"
	"runner/agent/action/catalog"
	"runner/agent/bootstrap"
	"runner/agent/child"
	"runner/agent/process"
	"runner/agent/wire"
)

// TestMain makes the test binary an agent too: it hands itself on, as a program without embedded agents does.
func TestMain(m *testing.M) {
	if what := os.Getenv("ROGUE"); what != "" && len(os.Args) > 2 && os.Args[1] == "serve" {
		rogue(os.Args[2], what)
		os.Exit(0)
	}
	if status, ours := agent.Main(os.Args[1:], definitions()); ours {
		os.Exit(status)
	}
	dir, err := os.MkdirTemp("", "agent-test-")
	if err != nil {
		panic(err)
	}
	scratch = dir
	status := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(status)
}

// definitions are the real actions and some that tests need.
func definitions() []action.Definition {
	return append(catalog.All(), probes()...)
}

// controller is the other end of a chain, as simple as a test can have it.
type controller struct {
	t      testing.TB
	table  *process.Table
	source bootstrap.Source
	lane   string
	child  *child.Child
	link   *wire.Link
	done   chan struct{} // closed when the link has ended

	mu     sync.Mutex
	change sync.Cond
	hellos map[wire.PeerID]wire.Hello
	lost   map[wire.PeerID]wire.Lost
	calls  map[wire.PeerID]map[wire.CallID]*reply
	others []wire.Frame // refusals that belong to no call
	last   wire.CallID
	err    error
}

// reply is what has come for a call so far.
type reply struct {
	waits   string // for whom
	started bool
	told    bool // that it has started, before its result
	result  *wire.Result
	refused *wire.Refused
	data    [3][]byte
	credit  uint32
	from    int64 // where the first credit says that the input goes on
	ungiven bool  // no credit is given for its output
}

const root wire.PeerID = 1

// connect starts an agent on this machine and speaks to it. Everything of it has ended when the test ends.
func connect(t testing.TB) *controller {
	t.Helper()
	return connectWith(t, wire.Attempt{Entry: wire.EntryShell})
}

func connectWith(t testing.TB, attempts ...wire.Attempt) *controller {
	t.Helper()
	return connectTo(t, bootstrap.NewOwn(), attempts...)
}

// shipped builds the agent as it is shipped, once: static, so that it runs where there is no C library, as the test
// binary does not.
var shipped = sync.OnceValues(func() (string, error) {
	file := filepath.Join(scratch, "runner-agent")
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-gcflags=all=-l", "-ldflags=-s -w -buildid=", "-o", file, "runner/cmd/runner-agent")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot build the agent: %w\n%s", err, out)
	}
	return file, nil
})

// scratch is a directory that goes with the test binary.
var scratch string

func shippedAgent(t testing.TB) string {
	t.Helper()
	file, err := shipped()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// static is a source with the agent as it is shipped.
func static(t testing.TB) bootstrap.Source {
	t.Helper()
	data, err := os.ReadFile(shippedAgent(t))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	return binaries{{
		OS: runtime.GOOS, Arch: runtime.GOARCH, Hash: hex.EncodeToString(sum[:]), Size: int64(len(data)),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil },
	}}
}

type binaries []bootstrap.Binary

func (b binaries) Agents() []bootstrap.Binary { return b }

func connectTo(t testing.TB, source bootstrap.Source, attempts ...wire.Attempt) *controller {
	t.Helper()
	ignore := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, ignore) })
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_RUNTIME_DIR", "")
	c := &controller{
		t: t, table: process.NewSharedTable(), source: source, done: make(chan struct{}),
		hellos: map[wire.PeerID]wire.Hello{}, lost: map[wire.PeerID]wire.Lost{}, calls: map[wire.PeerID]map[wire.CallID]*reply{},
	}
	c.change.L = &c.mu
	t.Cleanup(c.table.Close)
	parent := child.Parent{Table: c.table, Source: c.source}
	open := c.open("local", attempts...)
	ch, err := parent.Start(t.Context(), &open)
	if err != nil {
		t.Fatalf("cannot start an agent: %v\n%s", err, quote(err))
	}
	c.child, c.lane = ch, open.Nonce
	c.link = wire.NewLink(ch, wire.LinkConfig{})
	go func() {
		err := c.link.Run(c.handle)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.err = err
		c.change.Broadcast()
		close(c.done)
	}()
	t.Cleanup(c.close)
	c.wait("hello", func() bool { _, ok := c.hellos[root]; return ok })
	return c
}

func quote(err error) string {
	if p, ok := errors.AsType[*wire.Problem](err); ok {
		return fmt.Sprintf("%s: %s\n%s", p.Code, p.Hint, p.Quote)
	}
	return ""
}

func (c *controller) close() {
	_ = c.link.Close()
	<-c.done
	_ = c.child.Close()
}

// open is an open with a nonce.
func (c *controller) open(name string, attempts ...wire.Attempt) wire.Open {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return wire.Open{Nonce: hex.EncodeToString(b[:]), Name: name, Attempts: attempts}
}

func (c *controller) handle(f wire.Frame) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.change.Broadcast()
	if f.Peer == 0 {
		f.Peer = root
	}
	decode := func(v any) {
		if err := wire.Unmarshal(f.Payload, v); err != nil {
			c.t.Errorf("a frame of kind %d: %v", f.Kind, err)
		}
	}
	switch f.Kind {
	case wire.KindHello:
		var h wire.Hello
		decode(&h)
		c.hellos[f.Peer] = h
		return
	case wire.KindLost:
		var l wire.Lost
		decode(&l)
		c.lost[f.Peer] = l
		return
	}
	r := c.calls[f.Peer][f.Call]
	if r == nil {
		c.others = append(c.others, f)
		return
	}
	switch f.Kind {
	case wire.KindStarted:
		var m wire.Started
		decode(&m)
		if r.waits = m.Waits; r.waits == "" {
			r.started, r.told = true, true
		}
	case wire.KindData:
		r.data[f.Stream] = append(r.data[f.Stream], f.Payload...)
		if !r.ungiven && len(f.Payload) > 0 {
			credit, _ := wire.Message(wire.KindCredit, f.Peer, f.Call, wire.Credit{N: uint32(len(f.Payload))})
			credit.Stream = f.Stream
			_ = c.link.Send(credit)
		}
	case wire.KindCredit:
		var m wire.Credit
		decode(&m)
		if r.credit == 0 {
			r.from = m.From
		}
		r.credit += m.N
	case wire.KindResult:
		r.result = &wire.Result{}
		decode(r.result)
		r.started = r.started || !r.result.Started.IsZero()
	case wire.KindRefused:
		r.refused = &wire.Refused{}
		decode(r.refused)
	default:
		c.t.Errorf("a frame of kind %d came up", f.Kind)
	}
}

// wait waits until something that is checked under the lock is so.
func (c *controller) wait(what string, is func() bool) {
	c.t.Helper()
	c.waitFor(20*time.Second, what, is)
}

func (c *controller) waitFor(limit time.Duration, what string, is func() bool) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	defer context.AfterFunc(ctx, func() { c.mu.Lock(); defer c.mu.Unlock(); c.change.Broadcast() })()
	c.mu.Lock()
	defer c.mu.Unlock()
	for !is() {
		if ctx.Err() != nil || c.err != nil {
			c.t.Fatalf("no %s; link: %v, lost: %v", what, c.err, c.lost)
		}
		c.change.Wait()
	}
}

func (c *controller) send(kind wire.Kind, peer wire.PeerID, call wire.CallID, message any) {
	c.t.Helper()
	f := wire.Frame{Kind: kind, Peer: peer, Call: call}
	if message != nil {
		var err error
		if f, err = wire.Message(kind, peer, call, message); err != nil {
			c.t.Fatal(err)
		}
	}
	if err := c.link.Send(f); err != nil {
		c.t.Fatalf("cannot send a frame of kind %d: %v", kind, err)
	}
}

// start makes a call without waiting for it.
func (c *controller) start(peer wire.PeerID, call wire.Call, args map[string]any) (wire.CallID, *reply) {
	c.t.Helper()
	encoded, err := wire.Marshal(args)
	if err != nil {
		c.t.Fatal(err)
	}
	call.Args = encoded
	if call.Lane == "" {
		call.Lane = c.lane // other tests on this machine use the default one
	}
	if call.Mode == 0 {
		call.Mode = wire.ModeApply
	}
	c.mu.Lock()
	c.last++
	id, r := c.last, &reply{}
	if c.calls[peer] == nil {
		c.calls[peer] = map[wire.CallID]*reply{}
	}
	c.calls[peer][id] = r
	c.mu.Unlock()
	c.send(wire.KindCall, peer, id, call)
	return id, r
}

// result waits for a call's result.
func (c *controller) result(r *reply) wire.Result {
	c.t.Helper()
	c.wait("result", func() bool { return r.result != nil || r.refused != nil })
	if r.refused != nil {
		c.t.Fatalf("refused: %+v", r.refused.Problem)
	}
	return *r.result
}

// call makes a call and waits for its result.
func (c *controller) call(peer wire.PeerID, call wire.Call, args map[string]any) wire.Result {
	c.t.Helper()
	_, r := c.start(peer, call, args)
	return c.result(r)
}

func (c *controller) command(peer wire.PeerID, argv ...any) wire.Result {
	c.t.Helper()
	return c.call(peer, wire.Call{Action: "command"}, map[string]any{"argv": argv})
}

// values are what an action documents as its result.
func values(t testing.TB, r wire.Result) map[string]any {
	t.Helper()
	all, err := r.Attributes(nil)
	if err != nil {
		t.Fatal(err)
	}
	return all.Values
}

// code is the code of a result's problem, "" for none.
func code(r wire.Result) wire.Code {
	if r.Problem == nil {
		return ""
	}
	return r.Problem.Code
}
