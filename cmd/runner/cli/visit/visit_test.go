package visit

import (
	"bytes"
	"runtime"
	"testing"
)

// TestG21QuitWatcher: nobody watches for SIGQUIT any more when the terminal is back.
func TestG21QuitWatcher(t *testing.T) {
	stacks := make([]byte, 1<<20)
	for range 100 {
		restoredOnQuit(func() {})()
		if n := runtime.Stack(stacks, true); bytes.Contains(stacks[:n], []byte("restoredOnQuit.func")) {
			t.Fatal("somebody does")
		}
	}
}
