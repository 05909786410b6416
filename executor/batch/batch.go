// Package batch is what hosts that work on a job at the same time know of each other, where one may have to wait for
// another: in lockstep, and for tasks that run once. Its neighbour is executor, whose hosts wait here. It knows no tasks
// and no results: only how far each host is.
package batch

import (
	"iter"
	"maps"
	"math"
	"sync"
)

// Nowhere is the place of a host that has left its job.
const Nowhere = math.MaxInt

// Batch is some hosts of a job. Places are numbers that grow along the job and are the same on every host; a host's place
// is the first one whose task it has not ended, and only grows. A host waits at its own place, either until none is behind
// it (lockstep), or until none that comes earlier in the batch is behind it or with it (run_once). So of all hosts that
// wait, the one with the least place, and of several the earliest in the batch, waits for nobody who waits: there is no
// circle.
//
// R is what a task gives that runs once.
type Batch[R any] struct {
	Lockstep bool        // no host starts a task before all have ended the one before
	rank     map[int]int // host → its place in the batch's order

	mu     sync.Mutex // guards what follows
	at     []int      // places, by rank
	hosts  map[int]int
	least  int
	levels map[int]chan struct{} // closed when all hosts have come to a place
	turns  map[int]*Turn[R]      // by place
	left   map[int]int           // place → how many hosts leave out what runs once there
}

// Turn is a task that one host of the batch runs for all.
type Turn[R any] struct {
	Result R // once Turn has returned it with nothing to wait for

	at      int
	leader  int                   // rank of the first host that may still come to it
	waiting map[int]chan struct{} // by rank; closed when the result is there, or it is that host's turn
	done    bool
}

// New returns a batch of hosts, in the order in which they come to what runs once.
func New[R any](hosts []int, lockstep bool) *Batch[R] {
	b := &Batch[R]{
		Lockstep: lockstep, rank: make(map[int]int, len(hosts)), at: make([]int, len(hosts)),
		hosts: map[int]int{0: len(hosts)}, levels: map[int]chan struct{}{}, turns: map[int]*Turn[R]{}, left: map[int]int{},
	}
	for i, host := range hosts {
		b.rank[host] = i
	}
	return b
}

// Hosts are those of the batch, in no order.
func (b *Batch[R]) Hosts() iter.Seq[int] { return maps.Keys(b.rank) }

// Reach notes that a host has ended everything before a place.
func (b *Batch[R]) Reach(host, place int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	rank := b.rank[host]
	old := b.at[rank]
	if place <= old {
		return
	}
	b.at[rank] = place
	for _, t := range b.turns {
		if old <= t.at && t.at < place {
			b.leadLocked(t)
		}
	}
	b.hosts[place]++
	if b.hosts[old]--; b.hosts[old] > 0 {
		return
	}
	delete(b.hosts, old)
	if old > b.least {
		return
	}
	b.least = Nowhere
	for p := range b.hosts {
		b.least = min(b.least, p)
	}
	for level, c := range b.levels {
		if level <= b.least {
			close(c)
			delete(b.levels, level)
		}
	}
}

// Reached returns what is closed when all hosts have come to a place, or nil when they have.
func (b *Batch[R]) Reached(place int) <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.least >= place {
		return nil
	}
	if b.levels[place] == nil {
		b.levels[place] = make(chan struct{})
	}
	return b.levels[place]
}

// Turn returns the task that runs once at a place, and for a host that has come to it: whether it is the one that runs it,
// or else what is closed when that, or the result, is to be asked for again; nil when the result is there.
func (b *Batch[R]) Turn(host, place int) (t *Turn[R], mine bool, wait <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t = b.turns[place]
	if t == nil {
		t = &Turn[R]{at: place, waiting: map[int]chan struct{}{}}
		b.turns[place] = t
		b.leadLocked(t)
	}
	rank := b.rank[host]
	switch {
	case t.done:
		return t, false, nil
	case t.leader == rank:
		return t, true, nil
	}
	if t.waiting[rank] == nil {
		t.waiting[rank] = make(chan struct{})
	}
	return t, false, t.waiting[rank]
}

// leadLocked finds out whose turn it is.
func (b *Batch[R]) leadLocked(t *Turn[R]) {
	for t.leader < len(b.at) && b.at[t.leader] > t.at {
		t.leader++
	}
	if c := t.waiting[t.leader]; c != nil {
		close(c)
		delete(t.waiting, t.leader)
	}
}

// Publish gives all who wait the outcome.
func (b *Batch[R]) Publish(t *Turn[R], result R) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t.done, t.Result = true, result
	for rank, c := range t.waiting {
		close(c)
		delete(t.waiting, rank)
	}
}

// Forgo notes that a host leaves out what runs once at a place, and reports whether all hosts do by now.
func (b *Batch[R]) Forgo(place int) (all bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left[place]++
	return b.left[place] == len(b.rank)
}
