package agent_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"runner/agent/wire"
)

func TestPipelineEndsWithTheFirstFailure(t *testing.T) {
	c := connect(t)
	file := filepath.Join(t.TempDir(), "order")
	note := func(n int, more string) map[string]any {
		return map[string]any{"argv": []any{"/bin/sh", "-c", fmt.Sprintf("echo %d >>%s; %s", n, file, more)}}
	}
	var replies []*reply
	send := func(pipeline uint32, flags wire.Flags, args map[string]any) {
		_, r := c.start(root, wire.Call{Action: "command", Pipeline: pipeline, Flags: flags}, args)
		replies = append(replies, r)
	}
	send(1, 0, note(0, "sleep 0.2"))
	send(1, wire.FlagContinue, note(1, "exit 1"))
	send(1, 0, note(2, "exit 2"))
	send(1, 0, note(3, ""))
	send(1, wire.FlagAlways, note(4, ""))
	send(1, 0, note(5, ""))
	send(2, 0, note(6, ""))
	var got []wire.Code
	for _, r := range replies {
		got = append(got, code(c.result(r)))
	}
	want := []wire.Code{"", wire.CodeExit, wire.CodeExit, wire.CodePipeline, "", wire.CodePipeline, ""}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("codes are %q, want %q", got, want)
	}
	if data, err := os.ReadFile(file); err != nil || string(data) != "0\n1\n2\n4\n6\n" {
		t.Errorf("the order is %q, %v", data, err)
	}
	if replies[3].started || !replies[4].started {
		t.Error("Started does not tell what was started")
	}
}

// Of a call that ends at once nothing comes but its result; of one that takes longer it is told that it has started.
func TestStartedIsToldOfLongCalls(t *testing.T) {
	c := connect(t)
	_, long := c.start(root, wire.Call{Action: "command"}, map[string]any{"argv": []any{"/bin/sleep", "0.2"}})
	_, short := c.start(root, wire.Call{Action: "test.nothing"}, nil)
	if c.result(short); !short.started || short.told {
		t.Errorf("of the short one: started %v, told before its end: %v", short.started, short.told)
	}
	if c.result(long); !long.told {
		t.Error("nobody was told that the long one has started")
	}
}

// TestG19LanesOfOnePeer: calls of a lane run one at a time, those of others and those without one beside them.
func TestG19LanesOfOnePeer(t *testing.T) {
	c := connect(t)
	dir := t.TempDir()
	// It fails if another one of its lane runs.
	alone := map[string]any{"argv": []any{"/bin/sh", "-c", "mkdir " + dir + "/lock && sleep 0.05 && rmdir " + dir + "/lock"}}
	var replies []*reply
	for range 5 {
		_, r := c.start(root, wire.Call{Action: "command"}, alone)
		replies = append(replies, r)
	}
	// These two end only if both run at once.
	meet := func(own, other string) map[string]any {
		return map[string]any{"argv": []any{"/bin/sh", "-c", fmt.Sprintf("touch %s/%s; until test -e %s/%s; do sleep 0.01; done", dir, own, dir, other)}}
	}
	_, r := c.start(root, wire.Call{Action: "command", Lane: "one " + t.Name()}, meet("a", "b"))
	replies = append(replies, r)
	_, r = c.start(root, wire.Call{Action: "command", Flags: wire.FlagNoLane}, meet("b", "a"))
	replies = append(replies, r)
	for i, r := range replies {
		if result := c.result(r); result.Problem != nil {
			t.Errorf("call %d: %v\n%s", i, result.Problem, result.Problem.Quote)
		}
	}
}

func TestG27CallsEndedFromOutside(t *testing.T) {
	c := connect(t)
	sleep := map[string]any{"argv": []any{"/bin/sleep", "100"}}
	began := time.Now()
	if r := c.call(root, wire.Call{Action: "command", Timeout: 100 * time.Millisecond}, sleep); code(r) != wire.CodeTimeout || !strings.Contains(r.Problem.Hint, "100ms") {
		t.Errorf("a timeout is %+v", r.Problem)
	}
	id, r := c.start(root, wire.Call{Action: "command"}, sleep)
	next, waiting := c.start(root, wire.Call{Action: "command"}, sleep)
	c.wait("start", func() bool { return r.started })
	c.send(wire.KindCancel, root, next, wire.Cancel{Queued: true})
	c.send(wire.KindCancel, root, id, wire.Cancel{Queued: true}) // it runs: nothing happens
	time.Sleep(50 * time.Millisecond)
	c.send(wire.KindCancel, root, id, wire.Cancel{})
	if got := code(c.result(r)); got != wire.CodeCancelled {
		t.Errorf("a cancelled one is %s", got)
	}
	if got := code(c.result(waiting)); got != wire.CodeCancelled || waiting.started {
		t.Errorf("a withdrawn one is %s, started %v", got, waiting.started)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("that took %v", took)
	}
	c.send(wire.KindCancel, root, 12345, wire.Cancel{}) // nobody knows it: nothing happens
	if r := c.command(root, "/no/such/program"); code(r) != wire.CodeAction && code(r) != wire.CodeStart {
		t.Errorf("one that cannot be started is %+v", r.Problem)
	}
	if r := c.call(root, wire.Call{Action: "nothing"}, nil); code(r) != wire.CodeUnsupported {
		t.Errorf("an unknown action is %+v", r.Problem)
	}
	if r := c.call(root, wire.Call{Action: "command"}, map[string]any{"argc": 1}); code(r) != wire.CodeArguments {
		t.Errorf("arguments that it does not take are %+v", r.Problem)
	}
}

func exists(file string) bool {
	_, err := os.Lstat(file)
	return err == nil
}

func pid(t *testing.T, file string) int {
	t.Helper()
	for range 500 {
		data, err := os.ReadFile(file)
		if n, wrong := strconv.Atoi(strings.TrimSpace(string(data))); err == nil && wrong == nil {
			return n
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("no process id in %s", file)
	return 0
}

// gone waits until a process has ended, and fails if it does not soon.
func gone(t *testing.T, pid int) {
	t.Helper()
	for range 300 {
		if unix.Kill(pid, 0) != nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("process %d goes on", pid)
}

// TestG18TooLarge: a result that does not fit is an error, and so is a call that does not.
func TestG18TooLarge(t *testing.T) {
	c := connect(t)
	if r := c.call(root, wire.Call{Action: "test.large"}, nil); code(r) != wire.CodeTooLarge {
		t.Errorf("a large result is %+v", r.Problem)
	}
	if r := c.command(root, "/bin/true"); code(r) != "" {
		t.Errorf("the link is worse for it: %+v", r.Problem)
	}
}

func TestBugsStayWhereTheyAre(t *testing.T) {
	c := connect(t)
	if r := c.call(root, wire.Call{Action: "test.panic"}, nil); code(r) != wire.CodeAction || !strings.Contains(r.Problem.Quote, "panics") {
		t.Errorf("a panic is %+v", r.Problem)
	}
	if r := c.command(root, "/bin/true"); code(r) != "" {
		t.Errorf("the agent is worse for it: %+v", r.Problem)
	}
}

// TestInput: it is asked for when the action reads, in portions, and flows as it is read.
func TestInput(t *testing.T) {
	c := connect(t)
	id, r := c.start(root, wire.Call{Action: "test.input"}, nil)
	chunk := make([]byte, wire.MaxChunk)
	sent := 0
	for total := 3 << 20; sent < total; {
		c.wait("credit", func() bool { return int(r.credit) >= sent+len(chunk) })
		c.mu.Lock()
		credit := int(r.credit)
		c.mu.Unlock()
		if credit > sent+(4<<20) { // it grows, because all of it is read
			t.Fatalf("%d bytes of credit beyond what was sent", credit-sent)
		}
		if err := c.link.Send(wire.Frame{Kind: wire.KindData, Peer: root, Call: id, Payload: chunk}); err != nil {
			t.Fatal(err)
		}
		sent += len(chunk)
	}
	if err := c.link.Send(wire.Frame{Kind: wire.KindData, Peer: root, Call: id}); err != nil {
		t.Fatal(err)
	}
	if result := c.result(r); fmt.Sprint(values(t, result)["bytes"]) != fmt.Sprint(sent) {
		t.Errorf("%v of %d bytes arrived: %+v", values(t, result)["bytes"], sent, result.Problem)
	}
	_, quiet := c.start(root, wire.Call{Action: "command"}, map[string]any{"argv": []any{"/bin/true"}})
	c.result(quiet)
	if quiet.credit != 0 {
		t.Error("input was asked for that nobody reads")
	}
}

// TestG22SlowReader: output that nobody takes stops the program at a bounded amount, and holds up no other call.
func TestG22SlowReader(t *testing.T) {
	c := connect(t)
	id, r := c.start(root, wire.Call{Action: "command", Flags: wire.FlagLive, Lane: "slow" + t.Name()}, map[string]any{"argv": []any{"/bin/sh", "-c", "head -c 3000000 /dev/zero; echo; yes"}})
	c.mu.Lock()
	r.ungiven = true
	c.mu.Unlock()
	c.wait("window", func() bool { return len(r.data[wire.StreamOutput]) >= wire.Window/2 })
	time.Sleep(100 * time.Millisecond)
	c.mu.Lock()
	got := len(r.data[wire.StreamOutput])
	c.mu.Unlock()
	if got > 2*wire.Window {
		t.Errorf("%d bytes came without credit", got)
	}
	if other := c.command(root, "/bin/true"); code(other) != "" {
		t.Errorf("another call: %+v", other.Problem)
	}
	c.send(wire.KindCancel, root, id, wire.Cancel{})
	if got := code(c.result(r)); got != wire.CodeCancelled {
		t.Errorf("it ended with %s", got)
	}
}

func TestLiveOutputIsWhole(t *testing.T) {
	c := connect(t)
	_, r := c.start(root, wire.Call{Action: "command", Flags: wire.FlagLive}, map[string]any{"argv": []any{"/bin/sh", "-c", "head -c 2000000 /dev/zero; echo end; echo wrong >&2"}})
	result := c.result(r)
	out := r.data[wire.StreamOutput]
	if len(out) != 2000004 || !bytes.HasSuffix(out, []byte("end\n")) || string(r.data[wire.StreamError]) != "wrong\n" {
		t.Errorf("%d bytes, error %q, problem %+v", len(out), r.data[wire.StreamError], result.Problem)
	}
}

// TestG18Limits: more calls than may wait are refused, and none is forgotten.
func TestG18Limits(t *testing.T) {
	c := connect(t)
	id, first := c.start(root, wire.Call{Action: "command"}, map[string]any{"argv": []any{"/bin/sleep", "100"}})
	var replies []*reply
	for range wire.MaxCalls + 10 {
		_, r := c.start(root, wire.Call{Action: "facts", Pipeline: 7}, nil)
		replies = append(replies, r)
	}
	c.wait("refusal", func() bool {
		n := 0
		for _, r := range replies {
			if r.refused != nil && r.refused.Problem.Code == wire.CodeFull {
				n++
			}
		}
		return n == 11
	})
	c.send(wire.KindClose, root, 0, nil)
	c.waitEnd()
	_, _ = id, first
}

// waitEnd waits until the link has ended.
func (c *controller) waitEnd() {
	c.t.Helper()
	select {
	case <-c.done:
	case <-time.After(20 * time.Second):
		c.t.Fatal("the link goes on")
	}
}

// TestLook: a preview shows what the earlier calls of its pipeline will leave, changes nothing, and knows when it
// cannot know.
func TestLook(t *testing.T) {
	c := connect(t)
	dir := filepath.Join(t.TempDir(), "new")
	look := func(pipeline uint32, action string, args map[string]any) wire.Result {
		return c.call(root, wire.Call{Action: action, Mode: wire.ModeLook, Pipeline: pipeline}, args)
	}
	if r := look(1, "directory", map[string]any{"path": dir}); r.Change.Verb != wire.VerbCreate {
		t.Fatalf("%+v, %+v", r.Change, r.Problem)
	}
	file := map[string]any{"path": dir + "/file", "content": "text"}
	if r := look(1, "file", file); r.Change.Verb != wire.VerbCreate || r.Problem != nil {
		t.Errorf("in the same pipeline: %+v, %+v", r.Change, r.Problem)
	}
	if r := look(2, "file", file); r.Problem == nil {
		t.Errorf("in another pipeline the directory is there: %+v", r.Change)
	}
	if exists(dir) {
		t.Error("the preview made the directory")
	}
	reads := map[string]any{"argv": []any{"/bin/echo", "read"}, "changes": false}
	if r := look(3, "command", reads); values(t, r)["stdout"] != "read" {
		t.Errorf("a command that changes nothing was not run: %+v", r)
	}
	if r := look(1, "command", reads); r.Values != nil && values(t, r)["stdout"] == "read" {
		t.Error("a command was run though an earlier task would change something")
	}
}

func TestDial(t *testing.T) {
	c := connect(t)
	server := listen(t)
	id, r := c.start(root, wire.Call{Action: "dial", Flags: wire.FlagNoLane | wire.FlagLive}, map[string]any{"network": "tcp", "address": server})
	c.wait("connection", func() bool { return r.credit > 0 })
	if err := c.link.Send(wire.Frame{Kind: wire.KindData, Peer: root, Call: id, Payload: []byte("hello\n")}); err != nil {
		t.Fatal(err)
	}
	c.wait("echo", func() bool { return string(r.data[wire.StreamOutput]) == "hello\n" })
	if err := c.link.Send(wire.Frame{Kind: wire.KindData, Peer: root, Call: id}); err != nil {
		t.Fatal(err)
	}
	if result := c.result(r); result.Problem != nil {
		t.Errorf("%+v", result.Problem)
	}
	if result := c.call(root, wire.Call{Action: "dial", Flags: wire.FlagNoLane}, map[string]any{"network": "tcp", "address": "127.0.0.1:1"}); code(result) != wire.CodeStart {
		t.Errorf("%+v", result.Problem)
	}
}

// TestG18InputThatNeverComes: a call that waits for its input ends when it is cancelled, when its time is over, and when
// contact is lost; the file stays as it is.
func TestG18InputThatNeverComes(t *testing.T) {
	c := connect(t)
	file := t.TempDir() + "/file"
	wanted := map[string]any{"path": file, "content_size": 1 << 20, "content_sha256": strings.Repeat("0", 64)}
	id, r := c.start(root, wire.Call{Action: "file"}, wanted)
	c.wait("request for input", func() bool { return r.credit > 0 })
	c.send(wire.KindCancel, root, id, wire.Cancel{Kill: true})
	if got := code(c.result(r)); got != wire.CodeCancelled {
		t.Errorf("a cancelled one is %s", got)
	}
	if got := c.call(root, wire.Call{Action: "file", Timeout: 100 * time.Millisecond}, wanted); code(got) != wire.CodeTimeout {
		t.Errorf("one that is late is %+v", got.Problem)
	}
	_, last := c.start(root, wire.Call{Action: "file"}, wanted)
	c.wait("request for input", func() bool { return last.credit > 0 })
	began := time.Now()
	c.close()
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("the agent needed %v to end", took)
	}
	if exists(file) {
		t.Error("the file was made")
	}
}

// TestForgottenPipelines: a pipeline remembers its failure for as long as there is an agent; one whose preview was
// forgotten says that it does not know.
func TestForgottenPipelines(t *testing.T) {
	c := connect(t)
	dir := t.TempDir()
	look := func(pipeline uint32, argv ...any) wire.Result {
		return c.call(root, wire.Call{Action: "command", Pipeline: pipeline, Mode: wire.ModeLook}, map[string]any{"argv": argv, "changes": false})
	}
	if r := c.call(root, wire.Call{Action: "command", Pipeline: 1}, map[string]any{"argv": []any{"/bin/false"}}); code(r) != wire.CodeExit {
		t.Fatalf("%+v", r.Problem)
	}
	if r := c.call(root, wire.Call{Action: "directory", Pipeline: 2, Mode: wire.ModeLook}, map[string]any{"path": dir + "/new"}); r.Problem != nil {
		t.Fatalf("%+v", r.Problem)
	}
	for n := range uint32(300) {
		if r := look(100+n, "/bin/true"); r.Problem != nil {
			t.Fatalf("%+v", r.Problem)
		}
	}
	if r := c.command(root, "/bin/true"); r.Problem != nil {
		t.Fatalf("%+v", r.Problem)
	}
	if r := c.call(root, wire.Call{Action: "command", Pipeline: 1}, map[string]any{"argv": []any{"/bin/true"}}); code(r) != wire.CodePipeline {
		t.Errorf("a task ran after one that failed: %+v", r)
	}
	if r := look(2, "/bin/true"); r.Problem != nil || r.Values != nil {
		t.Errorf("after a forgotten preview a command was run, or failed: %+v", r)
	}
	if r := look(3, "/bin/true"); r.Problem != nil || r.Values == nil {
		t.Errorf("a command was not run for a preview: %+v", r)
	}
}

// TestSyncOfWhatHasChanged: whatever has come to the place of a directory that was written in, a sync neither waits for
// it nor opens it.
func TestSyncOfWhatHasChanged(t *testing.T) {
	c := connect(t)
	for what, put := range map[string]func(string) error{
		"nothing": func(string) error { return nil },
		"a pipe":  func(at string) error { return unix.Mkfifo(at, 0o600) },
		"a link":  func(at string) error { return os.Symlink("/dev/null", at) },
	} {
		dir := t.TempDir() + "/dir"
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if r := c.call(root, wire.Call{Action: "file"}, map[string]any{"path": dir + "/file", "content": "text"}); r.Problem != nil {
			t.Fatal(r.Problem)
		}
		if err := errors.Join(os.RemoveAll(dir), put(dir)); err != nil {
			t.Fatal(err)
		}
		if r := c.call(root, wire.Call{Action: wire.ActionFlush}, nil); r.Problem != nil {
			t.Errorf("%s: %+v", what, r.Problem)
		}
	}
}

func TestSyncAndFacts(t *testing.T) {
	c := connect(t)
	dir := t.TempDir()
	if r := c.call(root, wire.Call{Action: "file"}, map[string]any{"path": dir + "/file", "content": "text"}); r.Problem != nil {
		t.Fatal(r.Problem)
	}
	if r := c.call(root, wire.Call{Action: wire.ActionFlush}, nil); r.Problem != nil || r.Change.Verb != wire.VerbRead {
		t.Errorf("sync: %+v", r.Problem)
	}
	if r := c.call(root, wire.Call{Action: "facts", Flags: wire.FlagNoLane}, nil); values(t, r)["hostname"] != c.hellos[root].Facts.Hostname {
		t.Errorf("facts: %+v", r.Problem)
	}
}

// TestALaneWaitsForNoPipeline: a call that waits for an earlier one of its pipeline, in another lane, keeps nobody in its
// own lane waiting.
func TestALaneWaitsForNoPipeline(t *testing.T) {
	c := connect(t)
	id, long := c.start(root, wire.Call{Action: "command", Pipeline: 1, Lane: "its own"}, map[string]any{"argv": []any{"sleep", "600"}})
	_, behind := c.start(root, wire.Call{Action: "command", Pipeline: 1}, map[string]any{"argv": []any{"true"}})
	_, last := c.start(root, wire.Call{Action: "command", Pipeline: 1, Lane: "its own"}, map[string]any{"argv": []any{"true"}})
	if r := c.call(root, wire.Call{Action: "command", Pipeline: 2}, map[string]any{"argv": []any{"true"}}); r.Problem != nil {
		t.Errorf("another pipeline: %v", r.Problem)
	}
	if long.result != nil || behind.result != nil {
		t.Errorf("ended early: %v, %v", long.result, behind.result)
	}
	c.send(wire.KindCancel, root, id, wire.Cancel{Kill: true})
	for _, r := range []*reply{long, behind, last} {
		if got := c.result(r); got.Problem == nil {
			t.Error("a call ended well behind one that was cancelled")
		}
	}
}
