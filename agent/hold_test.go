package agent_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"runner/agent/wire"
)

const fourth wire.PeerID = 4

// content is what the file action of several peers is fed.
type content struct {
	data   []byte
	digest string
	dir    string
}

func newContent(t *testing.T, size int) *content {
	c := &content{data: make([]byte, size), dir: t.TempDir()}
	_, _ = rand.Read(c.data)
	sum := sha256.Sum256(c.data)
	c.digest = hex.EncodeToString(sum[:])
	return c
}

// hold has the root hold content.
func (c *controller) hold(size int, digest string) (wire.CallID, *reply) {
	return c.start(root, wire.Call{Action: "hold", Flags: wire.FlagNoLane}, map[string]any{"size": size, "sha256": digest})
}

// fed has a peer write a file from what the root holds.
func (c *controller) fed(peer wire.PeerID, from wire.CallID, what *content, name string) (wire.CallID, *reply) {
	c.t.Helper()
	c.mu.Lock()
	id := c.last + 1
	c.mu.Unlock()
	c.send(wire.KindFeed, root, from, wire.Feed{Peer: peer, Call: id})
	return c.start(peer, wire.Call{Action: "file", Lane: c.lane + name}, map[string]any{
		"path": filepath.Join(what.dir, name), "mode": "0640", "content_size": len(what.data), "content_sha256": what.digest,
	})
}

// supply sends data as a call's input, as that asks for it.
func (c *controller) supply(peer wire.PeerID, call wire.CallID, r *reply, data []byte) {
	c.t.Helper()
	for sent := 0; sent < len(data); {
		c.wait("credit", func() bool { return int(r.credit) > sent })
		c.mu.Lock()
		n := min(len(data)-sent, int(r.credit)-sent, wire.MaxChunk)
		c.mu.Unlock()
		if err := c.link.Send(wire.Frame{Kind: wire.KindData, Peer: peer, Call: call, Payload: data[sent : sent+n]}); err != nil {
			c.t.Fatal(err)
		}
		sent += n
	}
}

func (c *controller) end(peer wire.PeerID, call wire.CallID) {
	c.send(wire.KindData, peer, call, nil)
}

func (c *controller) wrote(r *reply, what *content, name string) {
	c.t.Helper()
	if result := c.result(r); code(result) != "" {
		c.t.Fatalf("%s: %+v", name, result.Problem)
	}
	got, err := os.ReadFile(filepath.Join(what.dir, name))
	if err != nil || !bytes.Equal(got, what.data) {
		c.t.Fatalf("%s has %d bytes of %d: %v", name, len(got), len(what.data), err)
	}
}

// chain is a root with two children, one of which has a child of its own.
func chain(t *testing.T) *controller {
	c := connect(t)
	c.send(wire.KindOpen, root, wire.CallID(second), c.open("second", shell()))
	c.send(wire.KindOpen, root, wire.CallID(third), c.open("third", shell()))
	c.send(wire.KindOpen, third, wire.CallID(fourth), c.open("fourth", shell()))
	return c
}

// TestContentComesOnce: what a root holds feeds its own calls and those of all behind it, and nobody asks the controller
// but the root, once.
func TestContentComesOnce(t *testing.T) {
	c, what := chain(t), newContent(t, 5<<20+1)
	hold, held := c.hold(len(what.data), what.digest)
	peers := map[string]wire.PeerID{"root": root, "second": second, "third": third, "fourth": fourth}
	replies := map[string]*reply{}
	for name, peer := range peers {
		_, replies[name] = c.fed(peer, hold, what, name)
	}
	c.supply(root, hold, held, what.data)
	c.end(root, hold)
	for name, r := range replies {
		c.wrote(r, what, name)
		if r.credit != 0 {
			t.Errorf("%s asked the controller for %d bytes", name, r.credit)
		}
	}
	_, late := c.fed(second, hold, what, "late")
	c.wrote(late, what, "late")
	_, unchanged := c.fed(second, hold, what, "late")
	if r := c.result(unchanged); r.Change.Verb != wire.VerbNone {
		t.Errorf("%+v", r)
	}
	c.send(wire.KindCancel, root, hold, wire.Cancel{})
	if got := code(c.result(held)); got != wire.CodeCancelled {
		t.Errorf("the hold ended with %q", got)
	}
}

// What nobody needs is not asked for.
func TestHeldContentNobodyNeeds(t *testing.T) {
	c, what := chain(t), newContent(t, 1<<20)
	if err := os.WriteFile(filepath.Join(what.dir, "same"), what.data, 0o640); err != nil {
		t.Fatal(err)
	}
	hold, held := c.hold(len(what.data), what.digest)
	_, r := c.fed(second, hold, what, "same")
	if r := c.result(r); code(r) != "" || r.Change.Verb != wire.VerbNone {
		t.Errorf("%+v", r)
	}
	c.send(wire.KindCancel, root, hold, wire.Cancel{})
	c.result(held)
	if held.credit != 0 {
		t.Errorf("%d bytes were asked for", held.credit)
	}
}

// Where a root cannot hold content, or not go on with it, the controller is asked for what is missing.
func TestWhatIsNotHeldTheControllerSends(t *testing.T) {
	const size = 5 << 20
	for name, lose := range map[string]func(c *controller, what *content) wire.CallID{
		"unknown": func(*controller, *content) wire.CallID { return 4711 },
		"too large": func(c *controller, what *content) wire.CallID {
			id, _ := c.hold(1<<55, what.digest)
			return id
		},
		"ended": func(c *controller, what *content) wire.CallID {
			id, held := c.hold(size, what.digest)
			c.send(wire.KindCancel, root, id, wire.Cancel{})
			c.result(held)
			return id
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, what := chain(t), newContent(t, size)
			hold := lose(c, what)
			for name, peer := range map[string]wire.PeerID{"root": root, "fourth": fourth} {
				id, r := c.fed(peer, hold, what, name)
				c.supply(peer, id, r, what.data)
				c.end(peer, id)
				c.wrote(r, what, name)
			}
		})
	}
	for name, lose := range map[string]func(c *controller, hold wire.CallID, held *reply, what *content){
		"cancelled": func(c *controller, hold wire.CallID, held *reply, what *content) {
			c.supply(root, hold, held, what.data[:2<<20+17])
			c.send(wire.KindCancel, root, hold, wire.Cancel{})
		},
		"short": func(c *controller, hold wire.CallID, held *reply, what *content) {
			c.supply(root, hold, held, what.data[:2<<20])
			c.end(root, hold)
		},
		"full": func(c *controller, hold wire.CallID, held *reply, what *content) {
			limit := unix.Rlimit{Cur: 3<<20 + 5, Max: unix.RLIM_INFINITY}
			if err := unix.Prlimit(agentPid(c.t, c), unix.RLIMIT_FSIZE, &limit, nil); err != nil {
				c.t.Fatal(err)
			}
			c.supply(root, hold, held, what.data[:4<<20])
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, what := chain(t), newContent(t, size)
			hold, held := c.hold(size, what.digest)
			id, r := c.fed(fourth, hold, what, "fourth")
			lose(c, hold, held, what)
			c.wait("credit", func() bool { return r.credit > 0 })
			from := r.from
			if from == 0 || from > 4<<20 {
				t.Errorf("the rest is asked for from byte %d on", from)
			}
			c.supply(fourth, id, r, what.data[from:])
			c.end(fourth, id)
			c.wrote(r, what, "fourth")
			if got := code(c.result(held)); got == "" {
				t.Error("the hold ended well")
			}
		})
	}
}

// A child that is refused is not the call of the same number: that goes on being fed.
func TestRefusedOpenBesideAFedCall(t *testing.T) {
	for name, peer := range map[string]wire.PeerID{"root": root, "third": third} {
		t.Run(name, func(t *testing.T) {
			c, what := chain(t), newContent(t, 1<<20)
			c.last = 1000 // no peer has such an id
			hold, held := c.hold(len(what.data), what.digest)
			id, r := c.fed(peer, hold, what, name)
			c.wait("credit", func() bool { return held.credit > 0 })
			if err := c.link.Send(wire.Frame{Kind: wire.KindOpen, Peer: peer, Call: id, Payload: []byte{0xff}}); err != nil {
				t.Fatal(err)
			}
			c.wait("refusal", func() bool { return r.refused != nil && r.refused.Kind == wire.KindOpen })
			c.mu.Lock()
			r.refused = nil
			c.mu.Unlock()
			c.supply(root, hold, held, what.data)
			c.end(root, hold)
			c.wrote(r, what, name)
		})
	}
}

// G22: a peer that does not read holds up no other one, and its own content waits for it.
func TestG22StoppedPeer(t *testing.T) {
	c, what := chain(t), newContent(t, 8<<20)
	hold, held := c.hold(len(what.data), what.digest)
	pid := number(t, values(t, c.command(second, "/bin/sh", "-c", "echo $PPID"))["stdout"])
	_, slow := c.fed(second, hold, what, "slow")
	c.wait("credit", func() bool { return held.credit > 0 })
	if err := unix.Kill(pid, unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer unix.Kill(pid, unix.SIGCONT) //nolint:errcheck // it may have ended
	_, quick := c.fed(third, hold, what, "quick")
	c.supply(root, hold, held, what.data)
	c.end(root, hold)
	c.wrote(quick, what, "quick")
	c.mu.Lock()
	if slow.result != nil {
		t.Error("the stopped one has ended")
	}
	c.mu.Unlock()
	if err := unix.Kill(pid, unix.SIGCONT); err != nil {
		t.Fatal(err)
	}
	c.wrote(slow, what, "slow")
}

// nameless returns the file without a name that a process has open.
func nameless(t *testing.T, pid int) (st unix.Stat_t) {
	t.Helper()
	found := 0
	for _, fd := range open(pid) {
		var one unix.Stat_t
		if unix.Stat(fd, &one) == nil && one.Mode&unix.S_IFMT == unix.S_IFREG && one.Nlink == 0 {
			st = one
			found++
		}
	}
	if found != 1 {
		t.Fatalf("it has %d files without a name", found)
	}
	return st
}

// open are the descriptors of a process, as paths.
func open(pid any) []string {
	fds, _ := filepath.Glob(fmt.Sprintf("/proc/%v/fd/*", pid))
	return fds
}

// G21: of an agent that is killed while it holds something, nothing is left: that has no name, and nobody else has it open.
func TestG21KilledWhileItHolds(t *testing.T) {
	c, what := chain(t), newContent(t, 8<<20)
	hold, held := c.hold(len(what.data), what.digest)
	c.fed(second, hold, what, "never")
	c.supply(root, hold, held, what.data[:4<<20])
	pid := agentPid(t, c)
	file := nameless(t, pid)
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-c.done
	_ = c.child.Close() // waits for it
	for _, fd := range open("[0-9]*") {
		var st unix.Stat_t
		if unix.Stat(fd, &st) == nil && st.Dev == file.Dev && st.Ino == file.Ino && st.Nlink == 0 {
			t.Errorf("%s is the content", fd)
		}
	}
	if _, err := os.Stat(filepath.Join(what.dir, "never")); !os.IsNotExist(err) {
		t.Errorf("part of a file is there: %v", err)
	}
}

// G23: who grants more than anybody may is told on to the controller, which ends it.
func TestG23GreedyPeer(t *testing.T) {
	c, what := connect(t), newContent(t, 1<<20)
	c.send(wire.KindOpen, root, wire.CallID(third), c.open("rogue", wire.Attempt{Entry: wire.EntryShell, Env: map[string]string{"ROGUE": "greedy"}}))
	hold, _ := c.hold(len(what.data), what.digest)
	_, r := c.fed(third, hold, what, "greedy")
	c.wait("credit", func() bool { return r.credit > wire.MaxWindow })
}
