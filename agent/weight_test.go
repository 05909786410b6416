package agent_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"runner/agent/bootstrap"
	"runner/agent/wire"
)

// serving is an agent without anything that starts it.
type serving struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out io.ReadCloser
	err bytes.Buffer
}

func serve(t testing.TB, file string, env ...string) *serving {
	t.Helper()
	s := &serving{cmd: exec.CommandContext(t.Context(), file, "serve", "n0nce")}
	s.cmd.Env = append(os.Environ(), env...)
	s.cmd.Stderr = &s.err
	var err error
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if s.out, err = s.cmd.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.in.Close(); _ = s.cmd.Wait() })
	return s
}

// hello reads up to the agent's hello.
func (s *serving) hello(t testing.TB) {
	t.Helper()
	magic := make([]byte, len(wire.Magic("n0nce")))
	if _, err := io.ReadFull(s.out, magic); err != nil || !bytes.Equal(magic, wire.Magic("n0nce")) {
		t.Fatalf("%q, %v", magic, err)
	}
	head := make([]byte, wire.HeaderSize)
	if _, err := io.ReadFull(s.out, head); err != nil || wire.Kind(head[4]) != wire.KindHello {
		t.Fatalf("%q, %v", head, err)
	}
	size := int(head[0])<<24 | int(head[1])<<16 | int(head[2])<<8 | int(head[3])
	if _, err := io.CopyN(io.Discard, s.out, int64(size)); err != nil {
		t.Fatal(err)
	}
}

// TestWeight: what the budget says of an agent's memory.
func TestWeight(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	file := shippedAgent(t)
	s := serve(t, file)
	s.hello(t)
	time.Sleep(300 * time.Millisecond)
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			size := number(t, strings.Fields(rest)[0])
			t.Logf("%d KiB resident", size)
			if size > 12<<10 {
				t.Errorf("%d KiB are resident, more than 12 MiB", size)
			}
			return
		}
	}
	t.Error("no VmRSS")
}

// BenchmarkHello measures the time from the start of an agent to its hello.
func BenchmarkHello(b *testing.B) {
	file := shippedAgent(b)
	for b.Loop() {
		s := serve(b, file)
		s.hello(b)
		_ = s.in.Close()
		if err := s.cmd.Wait(); err != nil {
			b.Fatalf("%v: %s", err, &s.err)
		}
	}
}

// TestG24Lease: an agent whose parent says nothing any more ends, and everything that it has started.
func TestG24Lease(t *testing.T) {
	if testing.Short() {
		t.Skip("needs half a minute")
	}
	t.Parallel()
	file := filepath.Join(t.TempDir(), "pid")
	s := serve(t, shippedAgent(t))
	s.hello(t)
	go func() { _, _ = io.Copy(io.Discard, s.out) }()
	args, err := wire.Marshal(map[string]any{"argv": []any{"/bin/sh", "-c", "trap '' TERM; echo $$ >" + file + "; while :; do sleep 1; done"}})
	if err != nil {
		t.Fatal(err)
	}
	call, err := wire.Message(wire.KindCall, 1, 1, wire.Call{Action: "command", Mode: wire.ModeApply, Args: args, Lane: t.Name() + file})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if _, err := s.in.Write(wire.AppendFrame(nil, call)); err != nil {
		t.Fatal(err)
	}
	running := pid(t, file)
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- s.cmd.Wait() }()
	select {
	case err := <-ended:
		t.Logf("it ended: %v", err)
	case <-ctx.Done():
		t.Fatal("it goes on")
	}
	took := time.Since(began)
	t.Logf("it ended after %v", took)
	if took < 20*time.Second || took > 33*time.Second {
		t.Errorf("it ended after %v; it must not give up early, nor go on for more than 33 s", took)
	}
	if err := unix.Kill(running, 0); err == nil {
		t.Error("its process goes on")
	}
}

// TestG39Stacks: SIGQUIT shows where an agent stands and ends nothing, and so does the variable.
func TestG39Stacks(t *testing.T) {
	file := shippedAgent(t)
	s := serve(t, file, bootstrap.DumpVariable+"=1")
	s.hello(t)
	if err := s.cmd.Process.Signal(unix.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	time.Sleep(1300 * time.Millisecond)
	_ = s.in.Close()
	var exit *exec.ExitError
	if err := s.cmd.Wait(); errors.As(err, &exit) {
		t.Errorf("it ended badly: %v", err)
	}
	if n := strings.Count(s.err.String(), "runner/agent.Serve"); n < 2 {
		t.Errorf("%d dumps:\n%s", n, &s.err)
	}
}

// TestG21Signals: an agent that is asked to end ends what it has started.
func TestG21Signals(t *testing.T) {
	c := connect(t)
	agent := agentPid(t, c)
	file := filepath.Join(t.TempDir(), "pid")
	_, r := c.start(root, wire.Call{Action: "command"}, map[string]any{"argv": []any{"/bin/sh", "-c", "echo $$ >" + file + "; sleep 300"}})
	c.wait("start", func() bool { return r.started })
	running := pid(t, file)
	if err := unix.Kill(agent, unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	c.waitEnd()
	gone(t, running)
}
