package cli

import (
	"runner/agent/wire"
	"runner/cmd/runner/cli/recorded"
)

// lock is what the run asks of each target before it changes anything there: to be this run's alone.
func (r *run) lock(o origin) *wire.Lock {
	name, host := recorded.Whoami()
	return &wire.Lock{Run: wire.Run{ID: r.id, By: name + "@" + host, Command: o.command}, Timeout: o.lockTimeout}
}
