// Package traffic is what a run has under way: its calls, and the peers that its hosts hold. It makes sure that nothing new starts
// once the run is ending, and sees what runs to its end. Its neighbours are executor, whose hosts make the calls, and
// executor/broker, which carries them; it knows nothing of tasks.
package traffic

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"runner/agent/wire"
	"runner/executor/broker"
	"runner/planner/plan"
)

// graceAfterInterrupt is how long what runs may take to end after the first interrupt: a little more than an agent takes to
// end a process that does not want to. With what it takes to close the connections then, and to say how the run ended, it is
// less than the twelve seconds that users are promised, also on a busy machine.
const graceAfterInterrupt = 8500 * time.Millisecond

// lastWords is how long after the second interrupt calls may still say that they have not begun.
const lastWords = 300 * time.Millisecond

// finishing is how often what must not be cut is looked at after that.
const finishing = 100 * time.Millisecond

// Traffic is described at the top of the package. It is safe for concurrent use.
type Traffic struct {
	broker *broker.Broker
	tree   plan.Tree       // of the connections
	lock   *wire.Lock      // that calls need
	open   context.Context //nolint:containedctx // see Open
	close  context.CancelCauseFunc

	mu     sync.Mutex               // guards what follows
	live   map[*broker.Pending]bool // sent, not ended; whether something of it must not be cut
	at     map[*broker.Pending]int  // of those, what nothing else is to be done beside: its connection
	raws   map[int]bool             // connections at which something is done without a call
	calm   sync.Cond                // signalled when any of these becomes less
	users  map[int]int              // connection → how many hold a peer there
	ending ending                   // why nothing new starts
}

// ending is why nothing new starts anywhere.
type ending int

const (
	notEnding ending = iota
	aborted          // what runs may end
	interrupted
)

// errEnding is the cause with which Open ends.
var errEnding = errors.New("the run is ending")

// New returns the traffic of a run over connections that are given parents first. Calls need the lock; nil: none.
func New(b *broker.Broker, connections []plan.Connection, lock *wire.Lock) *Traffic {
	t := &Traffic{
		broker: b, tree: plan.NewTree(connections), lock: lock,
		live: map[*broker.Pending]bool{}, at: map[*broker.Pending]int{}, raws: map[int]bool{}, users: map[int]int{},
	}
	t.calm.L = &t.mu
	t.open, t.close = context.WithCancelCause(context.Background())
	return t
}

// Open is a context that ends when nothing new starts any more.
func (t *Traffic) Open() context.Context { return t.open }

// Close ends Open. It can be called twice.
func (t *Traffic) Close() { t.close(nil) }

// IsEnding says whether nothing new starts anywhere.
func (t *Traffic) IsEnding() bool { return t.now() != notEnding }

// IsInterrupted says whether what runs was told to end.
func (t *Traffic) IsInterrupted() bool { return t.now() == interrupted }

func (t *Traffic) now() ending {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ending
}

// Abort makes sure that nothing new starts anywhere. What runs may end.
func (t *Traffic) Abort() { t.end(aborted) }

func (t *Traffic) end(why ending) {
	t.mu.Lock()
	t.ending = max(t.ending, why)
	t.calm.Broadcast()
	t.mu.Unlock()
	t.close(errEnding)
	t.eachLive(func(p *broker.Pending) {
		if why == aborted {
			p.Withdraw()
		} else {
			p.Cancel(false)
		}
	})
}

// eachLive does something with every call that has not ended.
func (t *Traffic) eachLive(do func(*broker.Pending)) {
	t.mu.Lock()
	pending := slices.Collect(maps.Keys(t.live))
	t.mu.Unlock()
	for _, p := range pending {
		do(p)
	}
}

// Watch waits for the end of ctx, an interrupt, and then ends what runs: politely, and, when kill is closed or the grace is over, at once. It
// returns when nobody should wait for anything any more, or when over is closed. The grace is not over while something runs that must not be
// cut; spared, which may be nil, is told so.
func (t *Traffic) Watch(ctx context.Context, over, kill <-chan struct{}, spared func()) {
	select {
	case <-over:
		return
	case <-ctx.Done():
	}
	t.end(interrupted)
	timer := time.NewTimer(graceAfterInterrupt)
	defer timer.Stop()
	for waiting := true; waiting; {
		select {
		case <-over:
			return
		case <-timer.C:
			if waiting = t.mustFinish(); waiting && spared != nil {
				spared()
			}
			timer.Reset(finishing)
		case <-kill:
			t.eachLive(func(p *broker.Pending) { p.Cancel(true) })
			waiting = false
			timer.Reset(lastWords)
			select { // what had not begun can still say so
			case <-over:
				return
			case <-timer.C:
			}
		}
	}
}

// mustFinish says whether a call is under way that must not be cut.
func (t *Traffic) mustFinish() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for p, uncut := range t.live {
		if uncut && isClosed(p.Started()) && !isClosed(p.Done()) {
			return true
		}
	}
	return false
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// Spare notes that a call may be at a point where it must not be cut.
func (t *Traffic) Spare(p *broker.Pending) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.live[p]; ok {
		t.live[p] = true
	}
}

// Wait returns a call's reply.
func (t *Traffic) Wait(ctx context.Context, p *broker.Pending) (broker.Reply, error) {
	reply, err := p.Wait(ctx)
	t.Forget(p)
	return reply, err //nolint:wrapcheck // it stands for the call
}

// Forget gives up a call whose reply nobody waits for: it was cancelled with its pipeline. Nil is none.
func (t *Traffic) Forget(p *broker.Pending) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.live, p)
	delete(t.at, p)
	t.calm.Broadcast()
}

// Exclude waits until nothing that disturbs others is under way at a connection, and keeps it so until release: no agent's lane
// does that for what is done without one.
func (t *Traffic) Exclude(ctx context.Context, connection int) (release func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	stop := context.AfterFunc(ctx, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.calm.Broadcast()
	})
	defer stop()
	busy := func() bool {
		if t.raws[connection] {
			return true
		}
		for _, on := range t.at {
			if on == connection {
				return true
			}
		}
		return false
	}
	for busy() && ctx.Err() == nil {
		t.calm.Wait()
	}
	mine := !t.raws[connection]
	t.raws[connection] = true
	t.users[connection]++
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.users[connection]--
		if mine {
			delete(t.raws, connection)
		}
		t.calm.Broadcast()
	}
}

// IsUsed says whether anybody holds a peer at a connection, or does something there without one.
func (t *Traffic) IsUsed(connection int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.users[connection] > 0
}
