package executor

import (
	"bytes"
	"context"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"runner/agent/wire"
	"runner/executor/broker"
	"runner/executor/event"
	"runner/planner/plan"
)

// hostRun works through one job on one host. It belongs to one goroutine.
type hostRun struct {
	run  *run
	job  *plan.Job
	host int
	name string

	pipeline uint32          // number of the calls that are cancelled together
	on       int             // connection of the calls under way; -1: none yet
	used     map[int]bool    // connections that got calls
	after    int             // round trips that what is known now has cost
	queue    []*sent         // in order, results not taken yet
	notified map[string]bool // addresses of handlers
	stopped  event.Status    // why nothing more starts on this host; "": nothing has happened
	lost     map[int]bool    // connections that could not be made, or broke
	counts   event.Counts
	bad      bool // a failure that nothing handled, or the host was lost
	hanging  bool // a call was told to end and has not said that it did: those behind it cannot have started
	told     bool // a preview has said that the host was lost
}

// sent is an element of a task whose call is under way, or that needs none.
type sent struct {
	task     *plan.Task
	instance plan.Instance
	group    *group
	pending  *broker.Pending // nil: skipped
	problem  string          // why it could not even be sent
	on       int
	live     [3]pieces // of output, by stream
}

// pieces joins characters that lie across the borders of what comes in pieces.
type pieces struct{ held []byte }

// next returns the next piece as far as its characters are whole.
func (p *pieces) next(data []byte) string {
	data = append(p.held, data...)
	whole := len(data)
	for i := 1; i < utf8.UTFMax && i <= len(data); i++ {
		if tail := data[len(data)-i:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				whole -= i
			}
			break
		}
	}
	p.held = bytes.Clone(data[whole:])
	return string(data[:whole])
}

// group collects the results of all elements of a task.
type group struct {
	results plan.Results
	missing int
	reached bool // by one of them at least
}

func newHostRun(r *run, job *plan.Job, host int) *hostRun {
	return &hostRun{
		run: r, job: job, host: host, name: r.Plan.Hosts[host].Name,
		on: -1, used: map[int]bool{}, lost: map[int]bool{}, notified: map[string]bool{},
	}
}

// work does the job's tasks and handlers and reports whether the host ended well.
func (h *hostRun) work(ctx context.Context) bool {
	connection := h.run.Plan.Hosts[h.host].Connection
	if len(h.job.After) > 0 && connection >= 0 {
		h.after = h.run.tripsSoFar(connection)
	}
	h.pipeline = h.run.nextPipeline()
	for i := range h.job.Tasks {
		h.task(ctx, &h.job.Tasks[i])
	}
	h.sync(ctx, false)
	h.drain(ctx)
	h.handlers(ctx)
	h.ended()
	return !h.bad
}

// task sends one task's calls, after waiting for what it needs to know.
func (h *hostRun) task(ctx context.Context, task *plan.Task) {
	if !task.Selected {
		h.leaveOutSelected(task)
		return
	}
	on := task.On(h.host, h.run.Plan)
	if h.mustWait(task, on) {
		h.drain(ctx)
	}
	if h.stopped != "" || h.run.isEnding() != notEnding {
		h.notStarted(task)
		return
	}
	if !h.learnFacts(ctx, task) {
		return
	}
	instances, err := h.run.Evaluator.Expand(task.Address, h.host, h.run.state)
	if err != nil {
		h.drain(ctx)
		if h.stopped != "" {
			h.notStarted(task)
			return
		}
		h.failed(task, event.TaskEnd{Address: task.Address, Error: err.Error(), Reason: "evaluate", Failure: &event.Failure{
			Message: err.Error(), Place: task.Place, Cause: err,
		}})
		return
	}
	if len(instances) == 0 {
		h.run.state.putResults(task.Address, h.name, plan.Results{Keyed: true})
	}
	g := &group{missing: len(instances)}
	for _, in := range instances {
		g.results.Keyed = in.Keyed
		g.results.Sensitive = g.results.Sensitive || in.Sensitive
		s := &sent{task: task, instance: in, group: g, on: on}
		switch {
		case in.Skip, h.run.Mode == wire.ModeLook && slices.Contains(in.Unknown, "for_each"):
		case h.stopped != "":
			s.on = notSent
		default:
			h.send(s)
		}
		h.queue = append(h.queue, s)
		if s.endedHere() {
			h.drain(ctx) // its peer knows nothing of it: what comes after may not start before its end is known
		}
	}
}

// endedHere says whether an instance has ended without its peer.
func (s *sent) endedHere() bool {
	if s.pending == nil {
		return s.problem != ""
	}
	select {
	case <-s.pending.Done():
		return true
	default:
		return false
	}
}

// mustWait says whether a task has to wait for the results that are under way.
func (h *hostRun) mustWait(task *plan.Task, on int) bool {
	if len(h.queue) == 0 {
		return false
	}
	if on != h.on && h.on >= 0 {
		return true // the order of tasks holds across users too
	}
	return slices.ContainsFunc(h.queue, func(s *sent) bool { return slices.Contains(task.Needs, s.task.Address) })
}

// learnFacts waits for the hellos whose facts a task reads.
func (h *hostRun) learnFacts(ctx context.Context, task *plan.Task) bool {
	wanted := task.Facts
	if task.SelfFacts {
		wanted = append([]int{h.host}, wanted...)
	}
	peers := make([]*broker.Peer, len(wanted))
	for i, host := range wanted { // all at the same time
		peers[i] = h.run.Broker.Peer(h.run.Plan.Hosts[host].Connection)
	}
	for i, host := range wanted {
		name := h.run.Plan.Hosts[host].Name
		ready, err := peers[i].Ready(h.run.open) //nolint:contextcheck // it ends before ctx
		if err != nil {
			h.drain(ctx)
			if h.stopped != "" || h.run.isEnding() != notEnding { // it has been said
				h.notStarted(task)
				return false
			}
			end := event.TaskEnd{Address: task.Address}
			h.explain(&end, err, task)
			if host != h.host { // this one is well
				end.Failure.Message = "cannot get the facts of host " + name + ": " + end.Failure.Text()
				end.Failure.Hop, end.Failure.Hint, end.Error = "", "", end.Failure.Message
				h.failed(task, end)
				return false
			}
			h.settle(task, end)
			return false
		}
		h.after = max(h.after, ready.Trip)
		if err := h.run.putFacts(host, ready.Hello.Facts); err != nil {
			h.drain(ctx)
			h.failed(task, event.TaskEnd{Address: task.Address, Error: err.Error()})
			return false
		}
	}
	return true
}

// send hands an instance to its peer.
func (h *hostRun) send(s *sent) {
	if h.run.Mode == wire.ModeApply && len(s.instance.Unknown) > 0 {
		s.problem = "cannot know " + strings.Join(s.instance.Unknown, ", ") + ": this run has not learned what it depends on"
		return
	}
	args, err := wire.Marshal(s.instance.Args)
	if err != nil {
		s.problem = err.Error()
		return
	}
	flags := wire.Flags(0)
	if s.task.OnFailure == plan.Continue {
		flags |= wire.FlagContinue
	}
	if h.run.Mode == wire.ModeLook && h.run.unsettled(h.host, h.job, s.on) {
		flags |= wire.FlagUnsettled
	}
	options := broker.CallOptions{After: h.after}
	if s.instance.Content != nil {
		options.Input = opener(s.instance.Content)
	}
	if h.run.Live && !s.instance.Sensitive {
		flags |= wire.FlagLive
		options.Live = func(stream wire.Stream, data []byte) { h.output(s, stream, s.live[stream].next(data)) }
	}
	h.on = s.on
	h.used[s.on] = true
	call := wire.Call{
		Action: s.task.Action, Args: args, Mode: h.run.Mode, Pipeline: h.pipeline, Flags: flags,
		Timeout: s.instance.Timeout, Env: s.instance.Environment,
		Unknown: slices.DeleteFunc(slices.Clone(s.instance.Unknown), func(u string) bool { return u == "when" }),
	}
	if pending, ok := h.run.send(s.on, call, options); ok {
		s.pending = pending
		return
	}
	s.on = notSent
}

// notSent marks an instance that an ending run kept back.
const notSent = -1

// drain takes the results of everything under way, in order.
func (h *hostRun) drain(ctx context.Context) {
	for len(h.queue) > 0 {
		s := h.queue[0]
		h.queue = h.queue[1:]
		h.take(ctx, s)
	}
}

// handlers runs what was notified, in the order of declaration. A handler may notify a later one.
func (h *hostRun) handlers(ctx context.Context) {
	if h.stopped == event.Unreachable || h.stopped == event.Unknown || h.run.isEnding() != notEnding {
		return // they stay due
	}
	if h.stopped != "" && (h.run.NoHandlersOnFailure || h.run.Mode == wire.ModeLook) {
		return
	}
	if h.run.Mode == wire.ModeApply {
		h.pipeline = h.run.nextPipeline() // a failed task does not cancel them
	}
	h.stopped = ""
	ran := false
	for i := range h.job.Handlers {
		handler := &h.job.Handlers[i]
		if h.notified[handler.Address] {
			ran = true
			h.task(ctx, handler)
			if len(handler.Notify) > 0 {
				h.drain(ctx)
			}
		}
	}
	if ran {
		h.sync(ctx, true)
		h.drain(ctx)
	}
}

// sync makes what the job wrote durable before the job is reported done. It goes with the last pipeline.
func (h *hostRun) sync(ctx context.Context, handlers bool) {
	if h.run.Mode != wire.ModeApply || h.stopped == event.Unreachable || h.stopped == event.Unknown {
		return
	}
	if !handlers && len(h.used) > 1 {
		h.drain(ctx) // several users: each one's writes first
	}
	for _, on := range slices.Sorted(maps.Keys(h.used)) {
		if h.isLost(on) {
			continue
		}
		pending, ok := h.run.send(on, wire.Call{
			Action: "sync", Mode: wire.ModeApply, Pipeline: h.pipeline, Flags: wire.FlagAlways,
		}, broker.CallOptions{After: h.after})
		if ok {
			h.queue = append(h.queue, &sent{pending: pending, on: on})
		}
	}
}

// isLost says whether a connection, or one that it leads through, was not made or broke.
func (h *hostRun) isLost(connection int) bool {
	return slices.ContainsFunc(h.run.Plan.Chain(connection), func(c int) bool { return h.lost[c] })
}

// ended reports the end of the job on this host.
func (h *hostRun) ended() {
	if h.run.Mode == wire.ModeApply {
		h.run.Sink.Emit(event.HostEnd{Host: h.name, Job: h.job.Name, Counts: h.counts})
	}
}

func opener(c *plan.Content) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) {
		if c.File != "" {
			return os.Open(c.File)
		}
		return io.NopCloser(bytes.NewReader(c.Data)), nil
	}
}
