package cli

import (
	"math"

	"golang.org/x/sys/unix"

	"runner/planner/plan"
)

// What a connection takes of the files that this process may have open: one over the network a socket, and while it logs in a
// key or a file of known hosts; a program on this machine its pipes.
const (
	filesOwn   = 40
	filesSSH   = 2
	filesLocal = 8
)

// mostOpen is how many connections of a plan can be open at once; 0 is any number. (The system's soft limit is no matter: it
// is raised when the program starts.)
func mostOpen(p *plan.Plan) int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	each := filesSSH
	for _, c := range p.Connections {
		if c.Parent < 0 && c.Transport != "ssh" {
			each = filesLocal
		}
	}
	most := (min(uint64(limit.Cur), math.MaxInt32) - min(uint64(limit.Cur), filesOwn)) / uint64(each) //nolint:unconvert // signed on some systems
	return max(1, int(most))                                                                          //nolint:gosec // at most MaxInt32
}
