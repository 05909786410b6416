package executor_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"

	"runner/executor/broker"
	"runner/planner/plan"
)

// What several hosts behind one agent need goes there once, also for a later host and a later job; what is sensitive is in no
// temporary file, and goes to each.
func TestSharedContent(t *testing.T) {
	const size = 2 << 20
	source := filepath.Join(t.TempDir(), "large")
	content := make([]byte, size)
	if err := os.WriteFile(source, content, 0o600); err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(content)
	for name, c := range map[string]struct {
		sensitive bool
		opened    int
	}{
		"ordinary":  {false, 1},
		"sensitive": {true, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("HOME", t.TempDir()) // the agent is cached there
			b := newBench("root", "a", "b")
			b.Connections[0].Transport = "ssh"
			var opened atomic.Int32
			b.run.Open = func(name string) (io.ReadCloser, error) {
				opened.Add(1)
				return os.Open(name)
			}
			for i := range b.Connections {
				b.Connections[i].Target = i > 0
				if i > 0 {
					b.Connections[i].Parent = 0
				}
			}
			b.Hosts = b.Hosts[1:]
			b.run.Parallel = 1
			for i, after := range [][]int{nil, {0}} {
				name := []string{"one", "two"}[i]
				task := b.task(b.job(name, after...), name, nil)
				task.Action = "file"
				dir := t.TempDir()
				b.perHost[task.Address] = func(host string, _ plan.State) []plan.Instance {
					return []plan.Instance{{
						Args: map[string]any{
							"path": filepath.Join(dir, host), "content_size": int64(size), "content_sha256": hex.EncodeToString(digest[:]),
						},
						Content: &plan.Content{Argument: "content", File: source}, Hidden: plan.Hidden{All: c.sensitive},
					}}
				}
			}
			b.apply(t, t.Context())
			same(t, b.sink.ends(), []string{"one changed", "one changed", "two changed", "two changed"})
			if n := int(opened.Load()); n != c.opened {
				t.Errorf("it was sent %d times, want %d", n, c.opened)
			}
		})
	}
}

// shellHere stands for an ssh connection: its sessions are shells on this machine.
type shellHere struct{}

func (shellHere) Dial(context.Context, string, string) (net.Conn, error) {
	return nil, broker.ErrProhibited
}

func (shellHere) HostKey() string { return "" }

func (shellHere) Close() error { return nil }

func (shellHere) Start(_ context.Context, command string) (broker.Session, error) {
	cmd := exec.Command("/bin/sh", "-c", command) //nolint:noctx // it ends with its input
	in, err := cmd.StdinPipe()
	if err != nil {
		return broker.Session{}, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return broker.Session{}, err
	}
	return broker.Session{
		ReadWriteCloser: &shellStream{Reader: out, WriteCloser: in, cmd: cmd},
		Stderr:          func() string { return "" },
		Exit:            func(context.Context) string { return "" },
	}, cmd.Start()
}

type shellStream struct {
	io.Reader
	io.WriteCloser
	cmd *exec.Cmd
}

// Close ends the input, and so the program.
func (s *shellStream) Close() error {
	_ = s.WriteCloser.Close()
	return s.cmd.Wait()
}
