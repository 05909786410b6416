package cli

import (
	"cmp"
	"os"
	osuser "os/user"

	"runner/agent/wire"
)

// lock is what the run asks of each target before it changes anything there: to be this run's alone.
func (r *run) lock(o origin) *wire.Lock {
	return &wire.Lock{Run: wire.Run{ID: r.id, By: r.program.whoever(), Command: o.command}, Timeout: o.lockTimeout}
}

// whoever is who runs this, and where, for people elsewhere: alice@laptop.
func (p *Program) whoever() string {
	name := p.env("USER")
	if u, err := osuser.Current(); err == nil {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		host = "an unknown machine"
	}
	return cmp.Or(name, "somebody") + "@" + host
}
