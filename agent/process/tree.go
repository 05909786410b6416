package process

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// seen is a process as the system lists it.
type seen struct {
	pid, parent, session int
	born                 birth
	dead                 bool // a zombie: nothing to end
}

// birth orders processes by when they were started; with the pid it tells them apart when numbers are used again.
type birth struct {
	tick uint64 // since the machine's start, too coarse to tell neighbours apart
	pid  int
}

func (b birth) before(other birth) bool {
	return b.tick < other.tick || b.tick == other.tick && b.pid < other.pid
}

// End ends the whole tree of the process and returns when nothing of it is left: it is asked to end, given three
// seconds, then killed. When kill is closed it is killed at once. To the tree belongs what descends from the process,
// is in its session, or has come to us as an orphan since it was started, and what these start while they are ended.
func (p *Process) End(kill <-chan struct{}) {
	hunt := hunt{p: p, known: map[birth]bool{}}
	began := time.Now()
	asked := map[birth]bool{}
	pause := 5 * time.Millisecond
	for killed := false; ; {
		alive := hunt.alive()
		if len(alive) == 0 && (p.abandoned || p.isDone()) || p.hop && isSpared(alive) {
			return
		}
		if waited := time.Since(began); waited > grace+killing || killed && waited > killing && isClosed(kill) {
			return // it hangs in the kernel, where no signal reaches it
		}
		killed = killed || isClosed(kill) || time.Since(began) >= grace
		for _, s := range alive {
			switch {
			case killed:
				_ = unix.Kill(s.pid, unix.SIGKILL)
			case !asked[s.born]:
				asked[s.born] = true
				_ = unix.Kill(s.pid, unix.SIGTERM)
				_ = unix.Kill(s.pid, unix.SIGCONT) // a stopped process does not hear the other
			}
		}
		pause = min(2*pause, 100*time.Millisecond)
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-whileOpen(kill, killed):
		}
		timer.Stop()
	}
}

// isSpared says whether a tree holds an agent that must not be cut.
func isSpared(tree []seen) bool {
	for _, s := range tree {
		if isFinishing(s.pid) {
			return true
		}
	}
	return false
}

// whileOpen is a channel to wake up by, until it has done so.
func whileOpen(kill <-chan struct{}, done bool) <-chan struct{} {
	if done {
		return nil
	}
	return kill
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c: // a nil channel never is
		return true
	default:
		return false
	}
}

func (p *Process) isDone() bool { return isClosed(p.done) }

// hunt finds the processes of a tree again and again, as it changes.
type hunt struct {
	p     *Process
	known map[birth]bool // belonged to it before
}

// alive returns what belongs to the tree and can be signalled.
func (h *hunt) alive() []seen {
	all, ok := list()
	if !ok { // the system does not say; the session's first group is what we can reach
		if unix.Kill(-h.p.Pid, 0) == nil {
			return []seen{{pid: -h.p.Pid, born: birth{pid: -h.p.Pid}}}
		}
		return nil
	}
	others := h.p.table.others(h.p)
	for grown := true; grown; {
		grown = false
		members := map[int]bool{h.p.Pid: !h.p.abandoned && !h.p.isDone()}
		for _, s := range all {
			if h.known[s.born] || h.p.abandoned && s.born == h.p.born {
				members[s.pid] = true
			}
		}
		for _, s := range all {
			if !h.known[s.born] && !others[s.pid] && (members[s.pid] || members[s.parent] || h.joins(s, others)) {
				h.known[s.born] = true
				grown = true
			}
		}
	}
	var alive []seen
	for _, s := range all {
		if h.known[s.born] && !s.dead {
			alive = append(alive, s)
		}
	}
	return alive
}

// joins says whether a process belongs to the tree though its parents do not.
func (h *hunt) joins(s seen, others map[int]bool) bool {
	if s.session == h.p.Pid && !s.born.before(h.p.born) {
		return true
	}
	orphan := h.p.table.whole && s.parent == os.Getpid() && h.p.born.before(s.born)
	if !orphan || others[s.session] {
		return false
	}
	// Where others have run beside us an orphan could be anybody's. It is ours if it still holds our streams; what has let
	// go of everything is a daemon, and better left than the wrong one ended.
	return !h.p.wasBesides() || holds(s.pid, h.p.held)
}

// wasBesides says whether something else that leaves orphans ran at the same time. A hop does not count for a task (its
// tree is ended when its program ends), but the tasks do for a hop.
func (p *Process) wasBesides() bool {
	p.table.mu.Lock()
	defer p.table.mu.Unlock()
	return p.hop || p.besides
}

// others are the main processes of the table's other trees.
func (t *Table) others(than *Process) map[int]bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make(map[int]bool, len(t.running))
	for pid, p := range t.running {
		if p != than {
			out[pid] = true
		}
	}
	return out
}

// Alone says whether the process is still the program that was started, and has started no other. Where the system does
// not say it is false.
func (p *Process) Alone() bool {
	all, ok := list()
	if !ok || p.isDone() || p.program == "" {
		return false
	}
	for _, s := range all {
		if s.parent == p.Pid && !s.dead {
			return false
		}
	}
	return programOf(p.Pid) == p.program
}

// HandedOn says whether somebody else than the program that was started may be at work: the process has started another,
// or has become another program that is not root's. Where the system does not say it is false.
func (p *Process) HandedOn() bool {
	all, ok := list()
	if !ok {
		return false
	}
	for _, s := range all {
		if s.parent == p.Pid && !s.dead {
			return true
		}
	}
	return p.program != "" && programOf(p.Pid) != p.program && !isRoots(p.Pid)
}
