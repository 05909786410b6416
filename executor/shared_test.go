package executor_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

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
		most      int64
		least     int64
	}{
		"ordinary":  {false, size * 5 / 4, size},
		"sensitive": {true, 5 * size, 4 * size},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench("root", "a", "b")
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
						Content: &plan.Content{Argument: "content", File: source}, Sensitive: c.sensitive,
					}}
				}
			}
			b.apply(t, t.Context())
			same(t, b.sink.ends(), []string{"one changed", "one changed", "two changed", "two changed"})
			if sent := b.run.Broker.Stats().BytesSent; sent < c.least || sent > c.most {
				t.Errorf("%d bytes were sent for four times %d", sent, size)
			}
		})
	}
}
