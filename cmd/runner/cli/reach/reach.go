// Package reach makes what reaches the hosts of a plan from this machine: a broker with the embedded agents and with the ssh
// client, on as many connections as this process may have. It also asks all of them for their facts, which takes no more than to
// reach them. What happens to connections is shown by its neighbour, package cli.
package reach

import (
	"cmp"
	"math"

	"golang.org/x/sys/unix"

	"runner/cmd/runner/agents"
	"runner/cmd/runner/build"
	"runner/executor"
	"runner/executor/broker"
	"runner/planner/plan"
	"runner/transports"
)

// Broker returns a broker for the connections of a plan. Tell is told of them. The error says that there are no agents.
func Broker(p *plan.Plan, all map[string]transports.Transport, tell func(broker.Event)) (*broker.Broker, error) {
	embedded, err := agents.Load()
	if err != nil {
		return nil, err
	}
	return broker.New(broker.Config{
		Connections: p.Connections,
		Transports:  all,
		Agents:      embedded,
		SSH:         dialSSH(),
		Version:     build.Version(),
		Dir:         p.Site,
		Event:       tell,
	}), nil
}

// What a connection takes of the files that this process may have open: one over the network a socket, and while it logs in a
// key or a file of known hosts; a program on this machine its pipes.
const (
	filesOwn   = 60
	filesSSH   = 2
	filesLocal = 8
)

// Files is how many files this process may have to have open for so many connections from this machine.
func Files(connections int) int { return filesOwn + connections*filesLocal }

// Most is how many connections from this machine can be open at once. (The system's soft limit is no matter: it is raised
// when the program starts.)
func Most(p *plan.Plan) int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return math.MaxInt
	}
	each := uint64(filesSSH)
	for _, c := range p.Connections {
		if c.Parent < 0 && c.Transport != "ssh" {
			each = filesLocal
		}
	}
	files := min(uint64(limit.Cur), math.MaxInt32)        //nolint:unconvert // signed on some systems
	return max(1, int((files-min(files, filesOwn))/each)) //nolint:gosec // at most MaxInt32
}

// Parallel is how many hosts of a plan are worked on at once.
func Parallel(p *plan.Plan) int {
	return min(cmp.Or(p.Parallelism, executor.DefaultParallel), Most(p))
}

// Roots counts the connections of a plan from this machine.
func Roots(p *plan.Plan) int {
	n := 0
	for _, c := range p.Connections {
		if c.Parent < 0 {
			n++
		}
	}
	return n
}
