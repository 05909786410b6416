package agent_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"runner/agent/bootstrap"
	"runner/agent/wire"
)

const third wire.PeerID = 3

// shell is a hop to the same machine and user: a shell, and nothing before it but what argv says.
func shell(argv ...string) wire.Attempt {
	return wire.Attempt{Entry: wire.EntryShell, Argv: argv}
}

// rogue is a child that says hello as an agent does, and then something else. TestMain runs it.
func rogue(nonce, what string) {
	own, err := bootstrap.NewOwn().Binary()
	if err != nil {
		os.Exit(1)
	}
	w := bufio.NewWriter(os.Stdout)
	_, _ = w.Write(wire.Magic(nonce))
	send := func(kind wire.Kind, peer wire.PeerID, call wire.CallID, message any) {
		f, err := wire.Message(kind, peer, call, message)
		if err != nil {
			os.Exit(1)
		}
		_, _ = w.Write(wire.AppendFrame(nil, f))
	}
	hello := wire.Hello{Capability: wire.Capability, Nonce: nonce, Hash: own.Hash, OS: own.OS, Arch: own.Arch}
	switch what {
	case "version":
		hello.Hash, hello.Version = strings.Repeat("0", 64), "0.0.1"
	case "nonce":
		hello.Nonce = "another"
	}
	send(wire.KindHello, 0, 0, hello)
	_ = w.Flush()
	switch what {
	case "sibling":
		send(wire.KindResult, second, 1, wire.Result{})
	case "parent":
		send(wire.KindResult, root, 1, wire.Result{})
	case "stranger":
		send(wire.KindHello, 99, 0, hello)
	case "down":
		send(wire.KindCall, root, 1, wire.Call{Action: "command"})
	case "feed":
		send(wire.KindFeed, root, 1, wire.Feed{Peer: second, Call: 1})
	case "greedy":
		_ = w.Flush()
		in := bufio.NewReader(os.Stdin)
		for {
			f, err := wire.ReadFrame(in)
			if err != nil {
				os.Exit(1)
			}
			if f.Kind == wire.KindCall {
				send(wire.KindCredit, 0, f.Call, wire.Credit{N: wire.MaxWindow})
				send(wire.KindCredit, 0, f.Call, wire.Credit{N: wire.MaxWindow})
				_ = w.Flush()
			}
		}
	case "own loss":
		send(wire.KindLost, 0, 0, wire.Lost{})
	case "large":
		frame := wire.AppendFrame(nil, wire.Frame{Kind: wire.KindResult, Call: 1, Payload: make([]byte, wire.MaxPayload+1)})
		_, _ = w.Write(frame)
	case "endless":
		for {
			send(wire.KindStarted, 0, 1, wire.Started{At: time.Now()})
		}
	case "crash":
		_ = w.Flush()
		fmt.Fprintln(os.Stderr, "these are my last words")
		os.Exit(5)
	}
	_ = w.Flush()
	_, _ = bufio.NewReader(os.Stdin).WriteTo(discard{})
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// TestChain: the whole chain and all first calls are sent at once, and answered.
func TestChain(t *testing.T) {
	c := connect(t)
	c.send(wire.KindOpen, root, wire.CallID(second), c.open("second", shell()))
	c.send(wire.KindOpen, second, wire.CallID(third), c.open("third", shell()))
	var replies []*reply
	for i := range 30 {
		_, r := c.start(third, wire.Call{Action: "command", Pipeline: 1}, map[string]any{"argv": []any{"/bin/echo", fmt.Sprint(i)}})
		replies = append(replies, r)
	}
	for i, r := range replies {
		if result := c.result(r); values(t, result)["stdout"] != fmt.Sprint(i) {
			t.Errorf("call %d gives %v, %+v", i, values(t, result), result.Problem)
		}
	}
	if a, b := c.hellos[root].Target, c.hellos[third].Target; a != b {
		t.Errorf("the same machine and user is %+v and %+v", a, b)
	}
	if data, err := os.ReadFile(fmt.Sprintf("/proc/%v/comm", 1)); err != nil || len(data) == 0 {
		t.Error(err)
	}
	c.send(wire.KindClose, second, 0, nil)
	c.wait("loss", func() bool { _, ok := c.lost[second]; return ok })
	if r := c.command(root, "/bin/true"); code(r) != "" {
		t.Errorf("the root is worse for it: %+v", r.Problem)
	}
}

// TestG18FailedChildren: whatever goes wrong with a hop, it is told, with the reason and the program's own words, and
// frames that were held for it are dropped.
func TestG18FailedChildren(t *testing.T) {
	loud := "i=0; while [ $i -lt 100 ]; do head -c 20000 /dev/zero; i=$((i+1)); done; sleep 100"
	for name, c := range map[string]struct {
		attempt wire.Attempt
		limit   time.Duration
		code    wire.Code
		says    string
	}{
		"no program":      {shell("/no/such/program"), 0, wire.CodeStart, "no such file"},
		"ends":            {shell("/bin/sh", "-c", "echo sorry >&2; exit 3"), 0, wire.CodeHop, "sorry"},
		"killed":          {shell("/bin/sh", "-c", "kill -KILL $$"), 0, wire.CodeHop, "SIGKILL"},
		"foreseen":        {wire.Attempt{Entry: wire.EntryShell, Argv: []string{"/bin/sh", "-c", "echo locked; exit 1"}, Failures: []wire.Failure{{Contains: "locked", Code: "account", Hint: "Unlock it."}}}, 0, "account", "Unlock it."},
		"noise":           {shell("/bin/sh", "-c", loud), 0, wire.CodeNoise, ""},
		"silent":          {shell("/bin/sh", "-c", "echo waiting; sleep 100"), 300 * time.Millisecond, wire.CodeTimeout, "waiting"},
		"another version": {wire.Attempt{Entry: wire.EntryShell, Env: map[string]string{"ROGUE": "version"}}, 0, wire.CodeVersion, "0.0.1"},
		"another nonce":   {wire.Attempt{Entry: wire.EntryShell, Env: map[string]string{"ROGUE": "nonce"}}, 0, wire.CodeProtocol, "nonce"},
		"unknown entry":   {wire.Attempt{Entry: 99}, 0, wire.CodeUnsupported, "entry"},
	} {
		t.Run(name, func(t *testing.T) {
			ctl := connect(t)
			open := ctl.open("the hop", c.attempt)
			open.Timeout = c.limit
			ctl.send(wire.KindOpen, root, wire.CallID(second), open)
			ctl.start(second, wire.Call{Action: "command"}, map[string]any{"argv": []any{"/bin/true"}})
			_, lost := ctl.hellos[second], wire.Lost{}
			ctl.wait("loss", func() bool { l, ok := ctl.lost[second]; lost = l; return ok })
			told := describe(&lost)
			if lost.Problem.Code != c.code || lost.Ready || !strings.Contains(told, c.says) || !strings.Contains(told, "the hop") {
				t.Errorf("lost: %s; want %s with %q", told, c.code, c.says)
			}
			// A call that comes too late is answered too.
			_, late := ctl.start(second, wire.Call{Action: "command"}, map[string]any{"argv": []any{"/bin/true"}})
			ctl.wait("refusal", func() bool { return late.refused != nil })
		})
	}
}

// TestG23Rogues: a child can speak in no other name, and address nobody; it is ended, and nobody else notices.
func TestG23Rogues(t *testing.T) {
	for what, want := range map[string]wire.Code{
		"sibling": wire.CodeProtocol, "parent": wire.CodeProtocol, "stranger": wire.CodeProtocol, "down": wire.CodeProtocol,
		"feed":     wire.CodeProtocol,
		"own loss": wire.CodeProtocol, "crash": wire.CodeEnded,
	} {
		t.Run(what, func(t *testing.T) {
			c := connect(t)
			if _, lost := c.startChild(c.open("honest", shell())); lost != nil {
				t.Fatal(describe(lost))
			}
			c.send(wire.KindOpen, root, wire.CallID(third), c.open("rogue", wire.Attempt{Entry: wire.EntryShell, Env: map[string]string{"ROGUE": what}}))
			c.wait("loss", func() bool { _, ok := c.lost[third]; return ok })
			lost := c.lost[third]
			if lost.Problem.Code != want || !lost.Ready {
				t.Errorf("lost: %s; want %s", describe(&lost), want)
			}
			if what == "crash" && !strings.Contains(describe(&lost), "last words") {
				t.Errorf("lost: %s", describe(&lost))
			}
			if r := c.command(second, "/bin/true"); code(r) != "" {
				t.Errorf("the sibling is worse for it: %+v", r.Problem)
			}
		})
	}
}

// TestG18LargeResultOfAChild: a result that is over the limit, and so is lost on the way, ends its call all the same.
func TestG18LargeResultOfAChild(t *testing.T) {
	c := connect(t)
	c.send(wire.KindOpen, root, wire.CallID(third), c.open("rogue", wire.Attempt{Entry: wire.EntryShell, Env: map[string]string{"ROGUE": "large"}}))
	_, r := c.start(third, wire.Call{Action: "command"}, map[string]any{"argv": []any{"/bin/true"}})
	if result := c.result(r); code(result) != wire.CodeTooLarge {
		t.Errorf("%+v", result.Problem)
	}
}

// TestG22EndlessChild: a child that sends without end is ended by the first frame that makes no sense to the
// controller, or costs a bounded amount; here the controller does not read at all.
func TestG22EndlessChild(t *testing.T) {
	c := connect(t)
	agent := agentPid(t, c)
	c.send(wire.KindOpen, root, wire.CallID(third), c.open("rogue", wire.Attempt{Entry: wire.EntryShell, Env: map[string]string{"ROGUE": "endless"}}))
	c.wait("hello", func() bool { _, ok := c.hellos[third]; return ok })
	c.mu.Lock() // the link's reader waits for it: nothing is read any more
	time.Sleep(time.Second)
	size := resident(t, agent)
	c.mu.Unlock()
	if size > 64<<20 {
		t.Errorf("the agent has grown to %d bytes", size)
	}
	c.send(wire.KindClose, third, 0, nil)
	c.wait("loss", func() bool { _, ok := c.lost[third]; return ok })
}

// agentPid is the process of the first agent.
func agentPid(t testing.TB, c *controller) int {
	t.Helper()
	r := c.command(root, "/bin/sh", "-c", "echo $PPID")
	return number(t, values(t, r)["stdout"])
}

func number(t testing.TB, v any) int {
	t.Helper()
	n := 0
	if _, err := fmt.Sscan(fmt.Sprint(v), &n); err != nil {
		t.Fatalf("%v is no number", v)
	}
	return n
}

// resident is how much memory a process has of its own: the test binary that is the agent here is large, but shared.
func resident(t *testing.T, pid int) int {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			return number(t, strings.Fields(rest)[0]) << 10
		}
	}
	t.Fatal("no RssAnon")
	return 0
}

// TestG17KilledAgent: when an agent in the middle is killed, its loss is told at once, and everything behind it ends.
func TestG17KilledAgent(t *testing.T) {
	c := connect(t)
	c.send(wire.KindOpen, root, wire.CallID(second), c.open("second", shell()))
	c.send(wire.KindOpen, second, wire.CallID(third), c.open("third", shell()))
	file := filepath.Join(t.TempDir(), "pids")
	_, r := c.start(third, wire.Call{Action: "command"}, map[string]any{"argv": []any{"/bin/sh", "-c", "sleep 300 & echo $$ $! $PPID >" + file + "; wait"}})
	c.wait("start", func() bool { return r.started })
	middle := number(t, values(t, c.call(second, wire.Call{Action: "command", Flags: wire.FlagNoLane}, map[string]any{"argv": []any{"/bin/sh", "-c", "echo $PPID"}}))["stdout"])
	pids := numbers(t, file, 3)
	began := time.Now()
	if err := unix.Kill(middle, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	c.wait("loss", func() bool { _, ok := c.lost[second]; return ok })
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the loss was told after %v", took)
	}
	lost := c.lost[second]
	if !lost.Ready || !strings.Contains(lost.Problem.Message, "SIGKILL") || !strings.Contains(lost.Problem.Message, "second") {
		t.Errorf("lost: %s", describe(&lost))
	}
	for _, pid := range pids {
		gone(t, pid)
	}
}

func numbers(t *testing.T, file string, n int) []int {
	t.Helper()
	for range 500 {
		data, err := os.ReadFile(file)
		if fields := strings.Fields(string(data)); err == nil && len(fields) == n && strings.HasSuffix(string(data), "\n") {
			var out []int
			for _, f := range fields {
				out = append(out, number(t, f))
			}
			return out
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s does not hold %d numbers", file, n)
	return nil
}

// TestG24NothingIsLeft: when the parent is gone without a word, everything ends that its agents have started, however it
// tries not to.
func TestG24NothingIsLeft(t *testing.T) {
	c := connect(t)
	c.send(wire.KindOpen, root, wire.CallID(second), c.open("second", shell()))
	file := filepath.Join(t.TempDir(), "pids")
	script := "trap '' TERM; (setsid sh -c 'trap \"\" TERM; echo $$ >>" + file + "; while :; do sleep 1; done' >/dev/null 2>&1 &); echo $$ $PPID >>" + file + "; while :; do sleep 1; done"
	_, r := c.start(second, wire.Call{Action: "command"}, map[string]any{"argv": []any{"/bin/sh", "-c", script}})
	c.wait("start", func() bool { return r.started })
	pids := numbers(t, file, 3)
	began := time.Now()
	c.close()
	for _, pid := range pids {
		gone(t, pid)
	}
	if took := time.Since(began); took > 12*time.Second {
		t.Errorf("it took %v", took)
	}
}

// TestG21ManyChildren: children come and go, and nothing of them is left.
func TestG21ManyChildren(t *testing.T) {
	c := connect(t)
	agent := agentPid(t, c)
	var before int
	for i := range 12 {
		id := second + wire.PeerID(i)
		attempt := shell()
		if i%3 == 2 {
			attempt = shell("/bin/sh", "-c", "exit 1")
		}
		c.send(wire.KindOpen, root, wire.CallID(id), c.open("child", attempt))
		c.wait("child", func() bool {
			_, there := c.hellos[id]
			_, lost := c.lost[id]
			return there || lost
		})
		if _, lost := c.lost[id]; !lost {
			c.send(wire.KindClose, id, 0, nil)
			c.wait("loss", func() bool { _, ok := c.lost[id]; return ok })
		}
		if i == 2 {
			before = descriptors(t, agent)
		}
	}
	after := descriptors(t, agent)
	for range 300 { // the loss is told before everything is put away
		if after = descriptors(t, agent); after <= before {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if after > before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
	r := c.command(root, "/bin/sh", "-c", "ps --ppid $PPID -o pid= | wc -l")
	if got := values(t, r)["stdout"]; number(t, got) > 2 { // itself and the guard
		t.Errorf("%v children are left", got)
	}
}

func descriptors(t *testing.T, pid int) int {
	t.Helper()
	names, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

// TestViolationsFromAbove: what makes no sense ends the link, what is only unknown is refused.
func TestViolationsFromAbove(t *testing.T) {
	c := connect(t)
	if r := c.command(root, "/bin/true"); code(r) != "" { // now it knows its id
		t.Fatal(r.Problem)
	}
	if err := c.link.Send(wire.Frame{Kind: 99, Peer: root, Call: 500}); err != nil {
		t.Fatal(err)
	}
	c.wait("refusal", func() bool { return len(c.others) == 1 })
	var refused wire.Refused
	if err := wire.Unmarshal(c.others[0].Payload, &refused); err != nil || refused.Kind != 99 || refused.Problem.Code != wire.CodeUnsupported {
		t.Errorf("%+v, %v", refused, err)
	}
	_, r := c.start(root, wire.Call{Action: "command"}, map[string]any{"argv": []any{"/bin/sleep", "100"}})
	c.wait("start", func() bool { return r.started })
	if err := c.link.Send(wire.Frame{Kind: wire.KindData, Peer: root, Call: c.last, Payload: []byte("not asked for")}); err != nil {
		t.Fatal(err)
	}
	c.waitEnd()
}

// TestG24KilledAgent: nor is anything left of an agent that is killed itself.
func TestG24KilledAgent(t *testing.T) {
	c := connect(t)
	file := filepath.Join(t.TempDir(), "pids")
	script := "trap '' TERM; sleep 300 & setsid sh -c 'echo $$ >>" + file + "; exec sleep 300' & echo $! $$ $PPID >>" + file + "; wait"
	_, r := c.start(root, wire.Call{Action: "command"}, map[string]any{"argv": []any{"/bin/sh", "-c", script}})
	c.wait("start", func() bool { return r.started })
	pids := numbers(t, file, 4)
	guard := strings.TrimSpace(fmt.Sprint(values(t, c.call(root, wire.Call{Action: "command", Flags: wire.FlagNoLane}, map[string]any{"argv": []any{"/bin/sh", "-c", "pgrep -P $PPID -f guard"}}))["stdout"]))
	if err := unix.Kill(agentPidNow(t, c), unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	c.waitEnd()
	for _, pid := range append(pids, number(t, guard)) {
		gone(t, pid)
	}
}

// agentPidNow is agentPid while the lane is taken.
func agentPidNow(t *testing.T, c *controller) int {
	t.Helper()
	r := c.call(root, wire.Call{Action: "command", Flags: wire.FlagNoLane}, map[string]any{"argv": []any{"/bin/sh", "-c", "echo $PPID"}})
	return number(t, values(t, r)["stdout"])
}
