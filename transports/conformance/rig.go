package conformance

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"runner/agent/bootstrap"
	"runner/agent/wire"
	"runner/cmd/testbed/bed"
	"runner/transports"
)

// patience is how long anything may take before the test gives it up.
const patience = 30 * time.Second

// Rig is a controller in miniature: it starts one agent on this machine, as one of its users, has it open hops, and
// calls what is behind them. Nothing of the executor is in it.
type Rig struct {
	t     testing.TB
	agent bootstrap.Binary
	bed   *bed.Bed
	as    *bed.Account

	cmd    *exec.Cmd
	link   *wire.Link
	reader sync.WaitGroup

	mu    sync.Mutex
	last  uint32 // the last id of a peer or call
	peers map[wire.PeerID]*Peer
	calls map[wire.CallID]*Call
}

// NewRig builds an agent and starts it as an account, or as whoever runs the test.
func NewRig(t testing.TB, b *bed.Bed, as *bed.Account) *Rig {
	t.Helper()
	return (&Rig{agent: build(t), bed: b, as: as}).For(t)
}

// build makes the agent for this machine as embed-agents does.
func build(t testing.TB) bootstrap.Binary {
	t.Helper()
	path := filepath.Join(t.TempDir(), "agent")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -buildid=", "-o", path, "runner/cmd/runner-agent")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cannot build the agent: %v: %s", err, out)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	return bootstrap.Binary{
		OS: runtime.GOOS, Arch: runtime.GOARCH, Hash: hex.EncodeToString(sum[:]), Size: int64(len(data)),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil },
	}
}

// Agents lists the one agent there is.
func (r *Rig) Agents() []bootstrap.Binary { return []bootstrap.Binary{r.agent} }

// For starts another agent of the same kind, for another test; it ends with that.
func (r *Rig) For(t testing.TB) *Rig {
	t.Helper()
	n := &Rig{t: t, agent: r.agent, bed: r.bed, as: r.as, last: 1, peers: map[wire.PeerID]*Peer{}, calls: map[wire.CallID]*Call{}}
	nonce := nonce()
	argv := bootstrap.Argv(nonce, n)
	if n.as != nil {
		n.cmd = n.as.Command(context.Background(), argv[0], argv[1:]...)
	} else {
		n.cmd = exec.Command(argv[0], argv[1:]...)
	}
	n.cmd.SysProcAttr = orNew(n.cmd.SysProcAttr)
	n.cmd.SysProcAttr.Setsid = true // as sshd starts it: without a terminal
	n.cmd.Stderr = os.Stderr
	in, out, err := pipes(n.cmd)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.cmd.Start(); err != nil {
		t.Fatalf("cannot start the parent agent: %v", err)
	}
	n.bed.Tolerate(n.cmd.Process.Pid)
	_ = n.cmd.Stdin.(*os.File).Close()
	_ = n.cmd.Stdout.(*os.File).Close()
	reader := bufio.NewReader(out)
	if err := bootstrap.Handshake(context.Background(), reader, in, nonce, n); err != nil {
		_ = n.cmd.Process.Kill()
		t.Fatalf("the parent agent does not answer: %v", err)
	}
	n.link = wire.NewLink(stream{reader, in, out}, wire.LinkConfig{})
	n.reader.Go(func() { _ = n.link.Run(n.handle) })
	t.Cleanup(n.Close)
	return n
}

// stream is the agent's pipes as one.
type stream struct {
	io.Reader
	io.Writer
	out io.Closer
}

// Close ends both.
func (s stream) Close() error {
	_ = s.out.Close()
	return s.Writer.(io.Closer).Close()
}

func pipes(cmd *exec.Cmd) (in, out *os.File, err error) {
	theirs, in, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	out, ours, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	cmd.Stdin, cmd.Stdout = theirs, ours
	return in, out, nil
}

func orNew(attr *syscall.SysProcAttr) *syscall.SysProcAttr {
	if attr == nil {
		return &syscall.SysProcAttr{}
	}
	return attr
}

// Close ends the parent agent, and with it everything behind it.
func (r *Rig) Close() {
	_ = r.link.Close()
	r.reader.Wait()
	ended := make(chan struct{})
	go func() {
		_ = r.cmd.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(patience):
		r.t.Errorf("the parent agent did not end")
		_ = r.cmd.Process.Kill()
		<-ended
	}
}

// Peer is what a hop leads to.
type Peer struct {
	r     *Rig
	id    wire.PeerID
	nonce string
	hello chan wire.Hello
	lost  chan wire.Lost
}

// Begin has the parent open a hop.
func (r *Rig) Begin(tr transports.Transport, options transports.Options) *Peer {
	r.t.Helper()
	open, err := tr.Open(options)
	if err != nil {
		r.t.Fatalf("the options of %s are refused: %v", tr.Name, err)
	}
	p := &Peer{r: r, nonce: nonce(), hello: make(chan wire.Hello, 1), lost: make(chan wire.Lost, 1)}
	open.Nonce, open.Name = p.nonce, tr.Title(options)
	r.mu.Lock()
	r.last++
	p.id = wire.PeerID(r.last)
	r.peers[p.id] = p
	r.mu.Unlock()
	r.send(wire.KindOpen, 1, wire.CallID(p.id), open)
	return p
}

// Open has the parent open a hop, and waits until the agent behind it answers.
func (r *Rig) Open(tr transports.Transport, options transports.Options) *Peer {
	r.t.Helper()
	p := r.Begin(tr, options)
	p.Hello()
	return p
}

// Fails has the parent open a hop that cannot be opened, and returns why.
func (r *Rig) Fails(tr transports.Transport, options transports.Options) wire.Problem {
	r.t.Helper()
	p := r.Begin(tr, options)
	select {
	case h := <-p.hello:
		r.t.Fatalf("the hop was opened, as %s", h.Facts.User.Name)
	case lost := <-p.lost:
		if lost.Ready {
			r.t.Errorf("the peer is said to have been ready: %+v", lost)
		}
		return lost.Problem
	case <-time.After(patience):
		r.t.Fatal("the hop is neither opened nor lost")
	}
	return wire.Problem{}
}

// Hello returns what the peer has said of itself.
func (p *Peer) Hello() wire.Hello {
	p.r.t.Helper()
	select {
	case h := <-p.hello:
		p.hello <- h
		return h
	case lost := <-p.lost:
		p.r.t.Fatalf("the hop was not opened: %s (%s): %s", lost.Problem.Message, lost.Problem.Code, lost.Problem.Quote)
	case <-time.After(patience):
		p.r.t.Fatal("the agent behind the hop does not answer")
	}
	return wire.Hello{}
}

// AwaitLost waits until the peer is gone.
func (p *Peer) AwaitLost() wire.Lost {
	p.r.t.Helper()
	select {
	case lost := <-p.lost:
		return lost
	case <-time.After(patience):
		p.r.t.Fatal("the peer is not reported as lost")
		return wire.Lost{}
	}
}

// Close ends the peer and waits until it is gone.
func (p *Peer) Close() {
	p.r.t.Helper()
	if err := p.r.link.Send(wire.Frame{Kind: wire.KindClose, Peer: p.id}); err != nil {
		p.r.t.Fatal(err)
	}
	if lost := p.AwaitLost(); lost.Problem.Code != wire.CodeClosed && lost.Problem.Code != wire.CodeEnded {
		p.r.t.Errorf("closing ended in %+v", lost.Problem)
	}
}

// executable says which file the peer runs from.
func (p *Peer) executable() string {
	p.r.t.Helper()
	for _, pid := range pids() {
		argv := bytes.Split(cmdline(pid), []byte{0})
		if len(argv) < 3 || string(argv[1]) != "serve" || string(argv[2]) != p.nonce {
			continue
		}
		// Followed, the link leads to the file itself, in whatever namespace that lies.
		if info, err := os.Stat(filepath.Join("/proc", strconv.Itoa(pid), "exe")); err == nil {
			s := info.Sys().(*syscall.Stat_t) // a new copy is renamed over the old one: never the same inode
			return fmt.Sprintf("inode %d of device %d", s.Ino, s.Dev)
		}
	}
	p.r.t.Fatal("the agent's process is not found")
	return ""
}

// processes lists those that have a text in their command line.
func processes(text string) []int {
	var out []int
	for _, pid := range pids() {
		if pid != os.Getpid() && strings.Contains(string(bytes.ReplaceAll(cmdline(pid), []byte{0}, []byte{' '})), text) {
			out = append(out, pid)
		}
	}
	return out
}

func cmdline(pid int) []byte {
	line, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	return line
}

func pids() []int {
	var out []int
	dirs, _ := os.ReadDir("/proc")
	for _, d := range dirs {
		if pid, err := strconv.Atoi(d.Name()); err == nil {
			out = append(out, pid)
		}
	}
	slices.Sort(out)
	return out
}

// AwaitEither waits until the peer is ready or lost.
func (p *Peer) AwaitEither() {
	p.r.t.Helper()
	select {
	case h := <-p.hello:
		p.hello <- h
	case lost := <-p.lost:
		p.lost <- lost
	case <-time.After(patience):
		p.r.t.Fatal("the hop is neither opened nor lost")
	}
}

// Terminals counts those that the parent agent holds for its hops.
func (p *Peer) Terminals() int {
	dir := filepath.Join("/proc", strconv.Itoa(p.r.cmd.Process.Pid), "fd")
	entries, err := os.ReadDir(dir)
	if err != nil {
		p.r.t.Fatal(err)
	}
	n := 0
	for _, e := range entries {
		if to, err := os.Readlink(filepath.Join(dir, e.Name())); err == nil && strings.HasSuffix(to, "/ptmx") {
			n++
		}
	}
	return n
}
