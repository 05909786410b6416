package process

import (
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// A Table starts processes and learns of their ends. A program needs one, for itself as a whole.
type Table struct {
	whole bool // every child of this process is the table's to reap, also those it has not started
	base  *accounts
	guard guard
	uncut atomic.Int32 // programs that must not be cut, under way

	mu      sync.Mutex // held while a child is being started, so that its end is not noticed before its entry is there
	running map[int]*Process
	closed  bool

	signals chan os.Signal
	reaper  sync.WaitGroup
}

// NewTable returns the table of an agent: orphans of its processes become its own children where the system can do
// that, and it reaps every child of this process. Nothing else in the process may wait for children.
func NewTable() (*Table, error) {
	if err := adopt(); err != nil {
		return nil, err
	}
	return newTable(true), nil
}

// NewSharedTable returns the table of a program that also starts processes by other means. It reaps only its own, and
// does not adopt their orphans.
func NewSharedTable() *Table { return newTable(false) }

func newTable(whole bool) *Table {
	t := &Table{
		whole:   whole,
		base:    newAccounts(accountFiles, os.Environ()),
		running: map[int]*Process{},
		signals: make(chan os.Signal, 1),
	}
	signal.Notify(t.signals, unix.SIGCHLD)
	t.reaper.Go(t.reap)
	return t
}

// MustFinish says whether a program runs that must not be cut.
func (t *Table) MustFinish() bool { return t.uncut.Load() > 0 }

// Close waits for no process: those that run go on, their ends are not noticed any more.
func (t *Table) Close() {
	t.dismissGuard()
	t.mu.Lock()
	closed := t.closed
	t.closed = true
	t.mu.Unlock()
	if !closed {
		signal.Stop(t.signals)
		close(t.signals)
	}
	t.reaper.Wait()
}

// reap collects the dead. Signals coalesce, so each is a reason to look for all of them.
func (t *Table) reap() {
	for range t.signals {
		t.mu.Lock()
		if t.whole {
			t.reapAll()
		} else {
			t.reapOwn()
		}
		t.mu.Unlock()
	}
}

func (t *Table) reapAll() {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		t.ended(pid, status)
	}
}

func (t *Table) reapOwn() {
	for pid := range t.running {
		var status syscall.WaitStatus
		got, err := syscall.Wait4(pid, &status, syscall.WNOHANG, nil)
		if err == nil && got == pid {
			t.ended(pid, status)
		}
	}
}

// ended is called with mu held.
func (t *Table) ended(pid int, status syscall.WaitStatus) {
	p := t.running[pid]
	if p == nil {
		return // an orphan
	}
	delete(t.running, pid)
	p.status = status
	close(p.done)
	if !p.hop {
		t.tellGuard('-', p.born)
	}
}

func signalName(s syscall.Signal) string {
	if name := unix.SignalName(s); name != "" {
		return name
	}
	return s.String()
}
