// Package executor walks a plan: jobs as their dependencies end, hosts side by side, each host's tasks in order, sent
// without waiting wherever nothing has to be known first. It reaches targets through executor/broker, values through
// one narrow Evaluator, and people through the events of executor/event. It knows no expressions and no transports.
package executor

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"

	"runner/agent/wire"
	"runner/executor/broker"
	"runner/executor/event"
	"runner/executor/lookahead"
	"runner/executor/state"
	"runner/executor/traffic"
	"runner/planner/plan"
)

// ErrInterrupted is the cause with which a run's context is cancelled when somebody interrupts it.
var ErrInterrupted = errors.New("interrupted")

// Evaluator gives the values that only a run can give.
type Evaluator interface {
	// Expand evaluates a task or a precondition for a host (an index in Plan.Hosts) with what is known so far.
	Expand(address string, host int, state plan.State) ([]plan.Instance, error)
	// Judge applies the conditions of a task, changed_when, failed_when and until, to the result of one of its elements,
	// which has the element's key.
	Judge(address string, host int, result plan.Result, state plan.State) (plan.Verdict, error)
	// Outputs evaluates what the run prints at its end.
	Outputs(state plan.State) ([]plan.Output, error)
}

// Past is what an earlier run of the same plan has done.
type Past interface {
	// Ended returns how a task, or an element of its for_each, ended on a host, if it is not to be done again.
	Ended(host, address string) (event.TaskEnd, bool)
	// Reached says whether anything was done on a host, or may have been.
	Reached(host string) bool
	// Stranger says, in a sentence, in which way a host (an index in Plan.Hosts) that was reached now is another one than it was
	// then; "" if it is not.
	Stranger(host int) string
	// Due returns the handlers of a job that were notified on a host and have not run since, by address.
	Due(host, job string) []string
}

// Config is a run.
type Config struct {
	ID        string // of the run
	Plan      *plan.Plan
	Evaluator Evaluator
	Broker    *broker.Broker
	Mode      wire.Mode // look: preview; apply: look and act in one pass
	Sink      event.Sink
	Mask      func(text string) string                 // hides what is sensitive in what comes from targets; nil: nothing is
	OnRecord  func()                                   // returns when what was emitted before outlives this process; nil: nothing is kept
	Open      func(name string) (io.ReadCloser, error) // how files that are sent are opened; nil: from the disk
	Parallel  int                                      // hosts worked on at once; 0: the plan's, or 64
	Last      bool                                     // of a preview: nothing follows over the same connections
	Thrifty   bool                                     // not all connections can be open at once
	Live      bool                                     // running tasks' output is wanted
	WholeDiff bool                                     // long diffs are not shortened
	// Gone are hosts, by name, that count as lost from the start: nothing is sent there.
	Gone    map[string]bool
	Past    Past   // nil: nothing was done
	Machine string // that this process runs on, as an agent there would say
	// Lock is taken on each target before anything is done there; nil: none.
	Lock *wire.Lock
	// NoHandlersOnFailure leaves the handlers of a failed host out.
	NoHandlersOnFailure bool
	// Kill ends at once what an interrupt lets end; it is closed at the second one. It may be nil.
	Kill <-chan struct{}
	// Spared is told, again and again after an interrupt and the time that it leaves, that something is waited for because it
	// must not be cut. It may be nil.
	Spared func()
}

// Summary is how a run ended.
type Summary struct {
	event.Counts
	Unhandled   int                // failed tasks that nothing handled
	Planned     map[event.Verb]int // in ModeLook
	Unreported  int                // of those, changes that will be reported as none
	Hosts       int
	Lost        map[string]bool // hosts that were not reached, or lost
	Trips       int             // the longest chain of request and wait on one connection, after the last authentication
	Interrupted bool
	Outputs     []plan.Output
	Err         error // an output could not be evaluated
}

// DefaultParallel is how many hosts are worked on at once when nobody says.
const DefaultParallel = 64

// Run walks the plan. When ctx ends, with ErrInterrupted or another cause, nothing new starts and what runs is ended;
// Run returns when all of it has ended, or after a grace period.
func Run(ctx context.Context, c Config) Summary {
	if c.Parallel == 0 {
		c.Parallel = c.Plan.Parallelism
	}
	if c.Parallel == 0 {
		c.Parallel = DefaultParallel
	}
	if c.Open == nil {
		c.Open = func(name string) (io.ReadCloser, error) { return os.Open(name) }
	}
	if c.OnRecord == nil {
		c.OnRecord = func() {}
	}
	c.Sink = event.Mask(c.Sink, c.Mask)
	id := c.ID
	if c.Mode == wire.ModeLook {
		id = "" // the run to come will have another
	}
	r := &run{
		Config:  c,
		state:   state.New(id),
		slots:   make(chan struct{}, c.Parallel),
		trips:   map[int]int{},
		hosts:   map[string]bool{},
		ahead:   lookahead.New(c.Plan),
		traffic: traffic.New(c.Broker, c.Plan.Connections, c.Lock),
		met:     map[int]string{},
		missing: map[int]bool{},
		summary: Summary{Planned: map[event.Verb]int{}, Lost: map[string]bool{}},
	}
	r.keep()
	defer r.traffic.Close()
	waited, over := context.WithCancel(context.WithoutCancel(ctx))
	defer over()
	r.waited = waited
	r.expect()
	r.walk(ctx)
	over()
	r.ends.Wait()
	for _, host := range c.Plan.Facts {
		if connection := c.Plan.Hosts[host].Connection; connection >= 0 {
			r.learn(host, connection)
		}
	}
	r.forgetMissing()
	outputs, err := c.Evaluator.Outputs(r.state)
	r.summary.Outputs, r.summary.Err = outputs, err
	r.summary.Interrupted = ctx.Err() != nil
	return r.summary
}

// run is one Run.
type run struct {
	Config
	ahead   *lookahead.Lookahead // of a preview
	state   *state.State
	traffic *traffic.Traffic
	slots   chan struct{}   // held by a host while a job works on it
	read    map[string]bool // addresses of tasks whose results something reads

	handlers map[string]bool // addresses of all of them

	ends   sync.WaitGroup  // of connections that nobody needs any more, and of what is written here
	waited context.Context //nolint:containedctx // ends when nobody waits for a call any more

	mu      sync.Mutex   // guards what follows
	needed  map[int]int  // connection → how many may still need it: hosts of jobs, and jobs; nil: all stay open
	inner   map[int]bool // connections that others lead through
	summary Summary
	trips   map[int]int     // root connection → longest chain so far
	hosts   map[string]bool // that any task was reported for
	met     map[int]string  // host → the peer that its facts are from, by its nonce
	missing map[int]bool    // connections that were not there yet
}

// keep finds out whose results have to be kept, and who is a handler.
func (r *run) keep() {
	r.read, r.handlers = map[string]bool{}, map[string]bool{}
	for _, address := range r.Plan.Needs {
		r.read[address] = true
	}
	for i := range r.Plan.Jobs {
		for t := range r.Plan.Jobs[i].Handlers {
			r.handlers[r.Plan.Jobs[i].Handlers[t].Address] = true
		}
		for _, tasks := range [][]plan.Task{r.Plan.Jobs[i].Preconditions, r.Plan.Jobs[i].Tasks, r.Plan.Jobs[i].Handlers} {
			for t := range tasks {
				for _, address := range tasks[t].Needs {
					r.read[address] = true
				}
			}
		}
	}
}

// walk runs every job when the jobs it depends on have ended.
func (r *run) walk(ctx context.Context) {
	wait, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	over := make(chan struct{})
	var watcher sync.WaitGroup
	watcher.Go(func() {
		r.traffic.Watch(ctx, over, r.Kill, r.Spared)
		stop(context.Cause(ctx))
	})

	ended := make([]chan struct{}, len(r.Plan.Jobs))
	failed := make([]*failedJob, len(r.Plan.Jobs)) // written before its channel is closed
	for i := range ended {
		ended[i] = make(chan struct{})
	}
	var jobs sync.WaitGroup
	for i := range r.Plan.Jobs {
		jobs.Go(func() {
			defer close(ended[i])
			for _, before := range r.Plan.Jobs[i].After {
				<-ended[before]
			}
			for _, before := range r.Plan.Jobs[i].After {
				if failed[before] != nil {
					failed[i] = failed[before]
				}
			}
			if failed[i] != nil {
				r.skipJob(i, failed[i])
			} else {
				failed[i] = r.job(wait, i)
			}
			r.state.JobOver(&r.Plan.Jobs[i])
			r.letGo(r.needsFacts(&r.Plan.Jobs[i]))
		})
	}
	jobs.Wait()
	close(over)
	watcher.Wait()
}

// wait returns a call's reply and keeps count of round trips.
func (r *run) wait(ctx context.Context, p *broker.Pending, connection int) (broker.Reply, error) {
	reply, err := r.traffic.Wait(ctx, p)
	if err == nil {
		r.trip(connection, reply.Trip)
	}
	return reply, err
}

// trip counts how long the chain of waits on a connection is by now.
func (r *run) trip(connection, trip int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	root := r.root(connection)
	r.trips[root] = max(r.trips[root], trip)
	r.summary.Trips = max(r.summary.Trips, trip)
}

// tripsSoFar is how long the chain of waits on a connection already is.
func (r *run) tripsSoFar(connection int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.trips[r.root(connection)]
}

func (r *run) root(connection int) int {
	for r.Plan.Connections[connection].Parent >= 0 {
		connection = r.Plan.Connections[connection].Parent
	}
	return connection
}
