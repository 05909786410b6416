package executor_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"runner/executor/event"
	"runner/planner/plan"
)

// People are told how far a large file is, and not of small ones.
func TestTransfersTell(t *testing.T) {
	for _, size := range []int{8 << 20, 500_000} {
		source := filepath.Join(t.TempDir(), "large")
		content := make([]byte, size)
		if err := os.WriteFile(source, content, 0o600); err != nil {
			t.Fatal(err)
		}
		digest := sha256.Sum256(content)
		b := newBench("a")
		job := b.job("j")
		to := filepath.Join(t.TempDir(), "copy")
		task := b.task(job, "t", func(plan.State) []plan.Instance {
			return []plan.Instance{{
				Args:    map[string]any{"path": to, "content_size": int64(size), "content_sha256": hex.EncodeToString(digest[:])},
				Content: &plan.Content{Argument: "content", File: source},
			}}
		})
		task.Action = "file"
		b.apply(t, t.Context())
		same(t, b.sink.ends(), []string{"t changed"})
		told := 0
		for _, e := range b.sink.events {
			if p, ok := e.(event.Progress); ok {
				told++
				if p.Host != "a" || p.Address != task.Address || p.Bytes <= 0 || p.Bytes > int64(size) || p.Total != int64(size) {
					t.Errorf("%+v", p)
				}
			}
		}
		if large := size > 1<<20; (told > 0) != large {
			t.Errorf("of %d bytes people were told %d times", size, told)
		}
	}
}
