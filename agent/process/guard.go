package process

import (
	"bufio"
	"fmt"
	"io"
	"os/signal"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A process that is killed cannot end what it has started. So an agent that runs processes has a guard: a process that
// knows which ones there are, and ends their trees when the pipe between the two breaks without a word. Orphans that
// have left their tree before that are nobody's to find.
type guard struct {
	argv []string
	once sync.Once

	mu      sync.Mutex // guards what follows
	process *Process   // nil while there is none, and when it does not listen any more
}

// guardPatience is how long a guard may keep its table waiting.
const guardPatience = time.Second

// UseGuard has the table start a guard before its first process, by a command line that leads to Guard.
func (t *Table) UseGuard(argv ...string) { t.guard.argv = argv }

// tellGuard tells of the begin ('+') or the end ('-') of a process, or that all is well ('.').
func (t *Table) tellGuard(what byte, b birth) {
	t.guard.mu.Lock()
	defer t.guard.mu.Unlock()
	p := t.guard.process
	if p == nil {
		return
	}
	_ = p.Stdin.SetWriteDeadline(time.Now().Add(guardPatience))
	if _, err := fmt.Fprintf(p.Stdin, "%c %d %d\n", what, b.pid, b.tick); err != nil {
		t.guard.process = nil // we can do without
	}
}

// startGuard starts the guard if there is to be one. Without it everything works but what it is for.
func (t *Table) startGuard() {
	if t.guard.argv == nil {
		return
	}
	t.guard.once.Do(func() {
		p, err := t.Start(Command{Argv: t.guard.argv}, nil) // without an environment: it reads none
		if err != nil {
			return
		}
		_ = p.Stdout.Close() // it says nothing
		_ = p.Stderr.Close()
		t.guard.mu.Lock()
		defer t.guard.mu.Unlock()
		t.guard.process = p
	})
}

// dismissGuard ends the guard in peace. The reaper must still run.
func (t *Table) dismissGuard() {
	t.guard.once.Do(func() {}) // there will be none from now on
	t.tellGuard('.', birth{})
	t.guard.mu.Lock()
	p := t.guard.process
	t.guard.process = nil
	t.guard.mu.Unlock()
	if p == nil {
		return
	}
	p.Close()
	timer := time.NewTimer(guardPatience)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
	}
}

// Guard is what a guard does, from the beginning to the end of its standard input. It does not let itself be asked to
// end: who ends the tree that it belongs to may not have found all of it.
func Guard(input io.Reader) {
	signal.Ignore(unix.SIGTERM, unix.SIGINT, unix.SIGHUP)
	running := map[birth]bool{}
	lines := bufio.NewScanner(input)
	for lines.Scan() {
		var what rune
		var b birth
		if _, err := fmt.Sscanf(lines.Text(), "%c %d %d", &what, &b.pid, &b.tick); err != nil {
			continue
		}
		switch what {
		case '+':
			running[b] = true
		case '-':
			delete(running, b)
		case '.':
			return
		}
	}
	at := make(chan struct{})
	close(at)
	var all sync.WaitGroup
	for b := range running {
		p := &Process{Pid: b.pid, born: b, table: &Table{}, abandoned: true, done: make(chan struct{})}
		all.Go(func() { p.End(at) })
	}
	all.Wait()
}
