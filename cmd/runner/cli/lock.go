package cli

import (
	"time"

	"runner/agent/wire"
	"runner/cmd/runner/cli/recorded"
)

// lock is what a run asks of each target before it changes anything there: to be this run's alone.
func lock(id, command string, timeout time.Duration) *wire.Lock {
	name, host := recorded.Whoami()
	return &wire.Lock{Run: wire.Run{ID: id, By: name + "@" + host, Command: command}, Timeout: timeout}
}
