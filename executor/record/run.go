package record

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"
	"golang.org/x/sys/unix"

	"runner/executor/event"
	"runner/planner/plan"
)

// Start is what is known of a run when it begins.
type Start struct {
	Command   string     `cbor:"command"` // plan, apply, exec
	Site      string     `cbor:"site"`    // where it is, absolute
	Hash      string     `cbor:"hash"`    // of all that the site was read from
	User      string     `cbor:"user"`    // of the controller
	Host      string     `cbor:"host"`
	Runner    string     `cbor:"runner"` // version
	Flags     []string   `cbor:"flags,omitempty"`
	Resumes   string     `cbor:"resumes,omitempty"` // the run that it goes on with
	Variables []Variable `cbor:"variables,omitempty"`
	// Source is what is needed to go on with the run, in a form that is its reader's. Only Find returns it.
	Source []byte `cbor:"-"`
}

// Variable is one that a site was loaded with.
type Variable struct {
	Name  string `cbor:"name"`
	Value []byte `cbor:"value,omitempty"` // JSON of cty, with its type; nil: it is sensitive
	HMAC  []byte `cbor:"hmac,omitempty"`  // SHA-256 of a sensitive value's JSON, with Store.Key
}

// Run writes the record of a run that is under way.
type Run struct {
	store *Store
	n     int64 // of the run in the database
	lock  *os.File
	ends  sync.WaitGroup // of what writes and what tells
	close sync.Once
	err   error // why the record ends before the run does; it is the writer's until that has ended

	mu      sync.Mutex // guards what follows
	some    *sync.Cond // for who writes: next is not empty, or it is over
	room    *sync.Cond // for who emits: fewer are waiting than may, or it is over
	next    *batch     // what waits to be written
	last    *batch     // what the newest event is in
	waiting int        // events that are still to be written, or to be told
	over    bool
}

// batch is what is written at once.
type batch struct {
	entries []entry
	after   *batch        // the next one; nil: there is none
	done    chan struct{} // closed when it is written, or cannot be at once; nothing above changes any more then
}

type entry struct {
	event event.Event // nil: it is not kept
	host  string
	at    time.Time
	tell  func(at time.Time) // nil: nobody is told
}

// mostEvents is how many may wait to be written and told. Whoever emits more waits too; those among them that tell what a task
// has printed have up to 64 KiB each.
const mostEvents = 768

// mostLate is how many events that could not be written may be tried again with the next ones. They are encoded each time.
const mostLate = 256

// Begin starts the record of a run, whose id must be new. It has to be closed. A run can be resumed by one other run only.
func (s *Store) Begin(id string, began time.Time, start Start) (*Run, error) {
	body, err := cbor.Marshal(start)
	if err != nil {
		return nil, fmt.Errorf("cannot record the run: %w", err)
	}
	lock, err := s.hold(id)
	if err != nil {
		return nil, err
	}
	result, err := s.db.Exec("insert into runs (id, began, start, source, resumes) values (?, ?, ?, ?, ?)",
		id, began.UnixNano(), body, start.Source, start.Resumes)
	if err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("cannot record the run: %w", err)
	}
	r := &Run{store: s, lock: lock, next: newBatch()}
	r.some, r.room = sync.NewCond(&r.mu), sync.NewCond(&r.mu)
	if r.n, err = result.LastInsertId(); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("cannot record the run: %w", err)
	}
	first := r.next
	r.ends.Go(func() { r.write(first) })
	r.ends.Go(func() { r.tellAll(first) })
	return r, nil
}

func newBatch() *batch { return &batch{done: make(chan struct{})} }

// Emit keeps an event, which must not change any more. When it is committed, or cannot be at once, tell is called, on a goroutine
// that does so for all events in their order: what others are told is on record. tell gets the time that is on record. It may be
// nil; so may the event, of which nothing is kept then. Emit waits only while a lot waits, and with its own event on the way: that
// others are slow to be told is no reason to lose it.
func (r *Run) Emit(e event.Event, tell func(at time.Time)) {
	in := entry{tell: tell}
	in.event, in.host = kept(e)
	r.mu.Lock()
	in.at = time.Now() // in the order of events
	if r.over {
		r.mu.Unlock()
		if tell != nil {
			tell(in.at)
		}
		return
	}
	r.next.entries = append(r.next.entries, in)
	r.last = r.next
	r.waiting++
	r.some.Signal()
	for r.waiting >= mostEvents && !r.over {
		r.room.Wait()
	}
	r.mu.Unlock()
}

// Wait returns when what was emitted before is committed, or cannot be at once.
func (r *Run) Wait() {
	r.mu.Lock()
	last := r.last
	r.mu.Unlock()
	if last != nil {
		<-last.done
	}
}

// kept returns what is kept of an event, and which host it is about; nil is nothing.
func kept(e event.Event) (event.Event, string) {
	switch e := e.(type) {
	case event.Diagnostic:
		return e, e.Host
	case event.Connection:
		if e.Status == event.Ready || e.Status == event.ConnFailed {
			return e, e.Host
		}
	case event.Outline:
		if e.Preview && !e.Check {
			return e, ""
		}
		if !e.Preview && e.Plan != nil { // who reads the record needs no more of it
			e.Plan = &plan.Plan{Site: e.Plan.Site, Hosts: e.Plan.Hosts}
			return e, ""
		}
	case event.PlannedChange:
		return e, e.Host
	case event.Sent:
		return e, e.Host
	case event.Through:
		return e, e.Host
	case event.Identity:
		return e, e.Host
	case event.EarlyFailure:
		return e, e.Host
	case event.TaskEnd:
		return e, e.Host
	case event.HostEnd:
		return e, e.Host
	case event.RunStart, event.PlanSummary, event.RunEnd:
		return e, ""
	}
	return nil, ""
}

// write writes what waits, all of it at once, from a batch on until the end. It waits for nobody who is told. What cannot be
// written is tried again with what comes next, for a disk can be full for a moment; the run goes on meanwhile. When that does
// not help, the record ends there: one with a gap would have tasks missing, and say that the run has ended well.
func (r *Run) write(b *batch) {
	var unwritten []entry
	for ; b != nil; b = b.after {
		r.mu.Lock()
		for len(b.entries) == 0 && !r.over {
			r.some.Wait()
		}
		if !r.over {
			b.after = newBatch()
		}
		r.next = b.after
		r.mu.Unlock()
		if r.err == nil {
			late := len(unwritten)
			for _, e := range b.entries {
				if e.event != nil {
					unwritten = append(unwritten, e)
				}
			}
			switch err := r.commit(unwritten); {
			case err == nil:
				unwritten = nil
			case late > mostLate || b.after == nil:
				r.err, unwritten = err, nil
			}
		}
		close(b.done)
	}
}

// tellAll tells others of what is written, from a batch on until the end.
func (r *Run) tellAll(b *batch) {
	for ; b != nil; b = b.after {
		<-b.done
		for _, e := range b.entries {
			if e.tell != nil {
				e.tell(e.at)
			}
		}
		r.mu.Lock()
		r.waiting -= len(b.entries)
		if r.waiting < mostEvents {
			r.room.Broadcast()
		}
		r.mu.Unlock()
	}
}

func (r *Run) commit(entries []entry) error {
	if len(entries) == 0 {
		return nil
	}
	tx, err := r.store.db.Begin()
	if err != nil {
		return fmt.Errorf("cannot record what happens: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // it was committed when all went well
	insert, err := tx.Prepare("insert into events (run, host, body) values (?, ?, ?)")
	if err != nil {
		return fmt.Errorf("cannot record what happens: %w", err)
	}
	defer insert.Close() //nolint:errcheck // it ends with the transaction
	for _, e := range entries {
		body, err := event.Encode(e.event, e.at)
		if err != nil {
			return fmt.Errorf("cannot record what happens: %w", err)
		}
		if _, err := insert.Exec(r.n, e.host, body); err != nil {
			return fmt.Errorf("cannot record what happens: %w", err)
		}
		end, ok := e.event.(event.RunEnd)
		if !ok {
			continue
		}
		if _, err := tx.Exec("update runs set ended = ?, status = ?, finish = ? where n = ?", e.at.UnixNano(), string(end.Status), body, r.n); err != nil {
			return fmt.Errorf("cannot record the end of the run: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("cannot record what happens: %w", err)
	}
	return nil
}

// Withdraw lets the run that this one was to go on with be gone on with by another one.
func (r *Run) Withdraw() error {
	if _, err := r.store.db.Exec("update runs set resumes = '' where n = ?", r.n); err != nil {
		return fmt.Errorf("cannot record that nothing was done: %w", err)
	}
	return nil
}

// Close ends the record, and returns why it does not go to the end of the run, if it does not: then the run is one that was
// killed to whoever reads it. Close may be called twice.
func (r *Run) Close() error {
	r.close.Do(func() {
		r.mu.Lock()
		r.over = true
		r.some.Signal()
		r.room.Broadcast()
		r.mu.Unlock()
		r.ends.Wait()
		_ = os.Remove(r.lock.Name())
		_ = r.lock.Close()
	})
	return r.err
}

// lockName is the file that a run holds while it is under way.
func (s *Store) lockName(id string) string { return filepath.Join(s.dir, "running", id) }

// hold takes the lock of a run, which ends with this process.
func (s *Store) hold(id string) (*os.File, error) {
	f, err := os.OpenFile(s.lockName(id), os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // in the user's own directory
	if err != nil {
		return nil, fmt.Errorf("cannot record the run: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("cannot record the run: %s is locked: %w", f.Name(), err)
	}
	return f, nil
}

// isHeld says whether a run is under way.
func (s *Store) isHeld(id string) bool {
	f, err := os.Open(s.lockName(id))
	if err != nil {
		return false
	}
	defer f.Close()
	return unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB) != nil
}
