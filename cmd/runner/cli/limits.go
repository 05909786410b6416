package cli

import (
	"cmp"
	"math"

	"github.com/hashicorp/hcl/v2"
	"golang.org/x/sys/unix"

	"runner/executor"
	"runner/lang/diag"
	"runner/planner/plan"
)

// What a connection takes of the files that this process may have open: one over the network a socket, and while it logs in a
// key or a file of known hosts; a program on this machine its pipes.
const (
	filesOwn   = 60
	filesSSH   = 2
	filesLocal = 8
)

// mostOpen is how many connections from this machine can be open at once. (The system's soft limit is no matter: it is raised
// when the program starts.)
func mostOpen(p *plan.Plan) int {
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

// parallel is how many hosts of a plan are worked on at once.
func parallel(p *plan.Plan) int {
	return min(cmp.Or(p.Parallelism, executor.DefaultParallel), mostOpen(p))
}

// roots counts the connections of a plan from this machine.
func roots(p *plan.Plan) int {
	n := 0
	for _, c := range p.Connections {
		if c.Parent < 0 {
			n++
		}
	}
	return n
}

// fits says whether all connections of a plan can be open at once, as they are while somebody looks at a plan before it is
// carried out. It has said so if not.
func (s *session) fits(p *plan.Plan) bool {
	most, all := mostOpen(p), roots(p)
	if all <= most {
		return true
	}
	s.diagnose(hcl.Diagnostics{diag.Errorf(diag.Resources, hcl.Range{}, "Too few files may be open",
		"The plan has %d connections from this machine, which stay open from looking to acting, and the limit of open files is enough for %d. Raise it (ulimit -n %d), "+
			"look at fewer hosts with --limit, or apply with --auto-approve.", all, most, filesOwn+all*filesLocal)})
	return false
}
