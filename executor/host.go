package executor

import (
	"context"
	"errors"
	"slices"

	"runner/agent/wire"
	"runner/executor/batch"
	"runner/executor/broker"
	"runner/executor/event"
	"runner/executor/traffic"
	"runner/planner/plan"
)

// hostRun works through one job on one host. It belongs to one goroutine, which holds a slot of the run. That goroutine
// waits for replies and hellos, which come or fail by themselves, and, without its slot, for hosts of its batch that are
// behind it (see batch). Nobody else waits for it but those, and the job.
type hostRun struct {
	run   *run
	job   *plan.Job
	index int                   // of the job in the plan
	batch *batch.Batch[outcome] // nil: no host of the job waits for another
	host  int
	name  string

	course                     // what it goes through
	pipeline   uint32          // number of the calls that are cancelled together
	on         int             // connection of the calls under way; -1: none yet
	peers      *traffic.Peers  // that got calls
	after      int             // round trips that what is known now has cost
	queue      []*sent         // in order, results not taken yet: what was sent, then what could not be yet
	underway   int             // how many of the queue had their turn to be sent
	holder     *sent           // the last of those that was called, or will fail
	jumps      int             // how often it went on elsewhere than at the next task
	synced     bool            // the queue has the syncs of the end
	notified   map[string]bool // addresses of handlers
	caught     []caught        // tries whose body failed and that are not over, inner ones last
	fallen     *fault          // of a handler that a flush ran
	late       *fault          // that did not cancel what is under way
	stopped    event.Status    // why nothing more starts on this host; "": nothing has happened
	doubtful   map[string]bool // instances that were under way to a hop of their own when that was lost
	lost       map[int]bool    // connections that could not be made, or broke
	counts     event.Counts
	bad        bool          // a failure that nothing handled, or the host was lost
	hanging    bool          // a call was told to end and has not said that it did: those behind it cannot have started
	told       map[told]bool // losses that a preview has said
	disordered bool          // a preview has left a pipeline: what that one would leave is not known in the next
}

// told is that a hop could not be passed, or was lost.
type told struct {
	hop     string
	handled bool
}

func newHostRun(r *run, job *plan.Job, host int) *hostRun {
	return &hostRun{
		run: r, job: job, index: r.jobIndex(job), host: host, name: r.Plan.Hosts[host].Name,
		course: course{tasks: job.Tasks, tries: job.Tries, stride: len(job.Handlers) + 1},
		on:     -1, peers: r.traffic.NewPeers(), lost: map[int]bool{}, notified: map[string]bool{}, told: map[told]bool{},
	}
}

// work does the job's tasks and handlers and reports whether the host ended well.
func (h *hostRun) work(ctx context.Context) bool {
	if len(h.job.After) > 0 {
		h.after = h.tripsSoFar()
	}
	h.pipeline = h.firstPipeline()
	h.remember()
	if h.run.Gone[h.name] {
		h.stop(event.Unreachable)
		h.run.lost(h.host)
	}
	h.recognize(ctx)
	h.preconditions(ctx)
	h.walk(ctx)
	h.release(h.uncaught(), false)
	h.runHandlers(ctx)
	h.ended()
	if h.bad {
		h.run.ahead.Drop(h.host, h.index)
	}
	return !h.bad
}

// tripsSoFar is how long the chain of waits already is on the connections that the job's tasks take on this host.
func (h *hostRun) tripsSoFar() int {
	longest, before := 0, -1
	for i := range h.job.Tasks {
		if on := h.job.Tasks[i].On(h.host, h.run.Plan); on >= 0 && on != before && h.job.Tasks[i].Selected {
			longest, before = max(longest, h.run.tripsSoFar(on)), on
		}
	}
	return longest
}

// reasonPrecondition is that of a host on which one does not hold.
const reasonPrecondition = "precondition"

// preconditions looks whether the host may begin. One that holds is not reported.
func (h *hostRun) preconditions(ctx context.Context) {
	if !h.starts() {
		return
	}
	for i := range h.job.Preconditions {
		p := &h.job.Preconditions[i]
		if h.over() {
			return
		}
		end := h.learnFacts(p)
		if end == nil {
			end = h.evaluate(p)
		}
		if end != nil && !h.run.traffic.IsEnding() {
			h.queue = []*sent{h.ends(p, noTask, nil, end)}
			h.drain(ctx)
		}
	}
}

// starts says whether the job has anything to do.
func (h *hostRun) starts() bool {
	return slices.ContainsFunc(h.job.Tasks, func(t plan.Task) bool { return t.Selected })
}

// evaluate returns how the host ends when a precondition does not hold.
func (h *hostRun) evaluate(p *plan.Task) *event.TaskEnd {
	instances, err := h.run.Evaluator.Expand(p.Address, h.host, h.run.state)
	if err != nil {
		return cannotEvaluate(p, err)
	}
	for _, in := range instances {
		message := in.Refusal
		if message == "" && !h.isPreview() && len(in.Unknown) > 0 {
			message = "cannot know whether the condition holds: this run has not learned what it depends on"
		}
		if message != "" {
			return &event.TaskEnd{
				Address: p.Address, Status: event.Failed, Reason: reasonPrecondition, Error: message,
				Failure: &event.Failure{Message: message, Place: p.Place},
			}
		}
	}
	return nil
}

// over says whether nothing new starts on this host.
func (h *hostRun) over() bool { return h.stopped != "" || h.run.traffic.IsEnding() }

// isPreview says whether nothing is changed.
func (h *hostRun) isPreview() bool { return h.run.Mode == wire.ModeLook }

// stop ends the job on this host, for good but for its handlers.
func (h *hostRun) stop(why event.Status) {
	h.bad = true
	if h.stopped == "" || why != event.Cancelled {
		h.stopped = why
	}
	h.jumps++
	h.release(h.uncaught(), false)
}

// isGone says whether the host itself was lost.
func (h *hostRun) isGone() bool { return h.stopped == event.Unreachable || h.stopped == event.Unknown }

// isLost says whether a connection, or one that it leads through, was not made or broke.
func (h *hostRun) isLost(connection int) bool {
	return slices.ContainsFunc(h.run.Plan.Chain(connection), func(c int) bool { return h.lost[c] })
}

// sync makes what the job wrote durable before the job is reported done. It goes with the last pipeline.
func (h *hostRun) sync() {
	if h.isPreview() || h.isGone() || h.synced {
		return
	}
	h.synced = true
	for _, on := range h.peers.Used() {
		if h.isLost(on) {
			continue
		}
		pending, ok := h.peers.Call(on, wire.Call{
			Action: wire.ActionFlush, Mode: wire.ModeApply, Pipeline: h.pipeline, Flags: wire.FlagAlways,
		}, broker.CallOptions{After: h.after})
		if ok {
			h.queue = append(h.queue, &sent{pending: pending, on: on})
			h.underway = len(h.queue)
		}
	}
}

func (h *hostRun) takeSync(ctx context.Context, s *sent) {
	reply, err := h.run.wait(ctx, s.pending, s.on)
	if err == nil && reply.Problem != nil && reply.Problem.Code != wire.CodeCancelled {
		err = reply.Problem
	}
	if err == nil || h.isGone() || h.run.traffic.IsEnding() {
		return
	}
	if lost, ok := errors.AsType[*broker.LostError](err); ok && lost.Unreached && h.lost[lost.Connection] { // nothing was written there
		return
	}
	job := &sent{task: &plan.Task{Address: "job." + h.job.Name, Place: h.job.Place}, at: noTask}
	end := event.TaskEnd{Address: job.task.Address}
	h.explain(&end, err, job.task)
	end.Failure.Message = "cannot write what the job changed to stable storage: " + end.Failure.Message
	end.Error = end.Failure.Text()
	h.settle(job, end, plan.Result{Failed: true})
}

// ended reports the end of the job on this host.
func (h *hostRun) ended() {
	h.peers.Leave()
	h.run.letGo(h.run.needs(h.job, h.host))
	if !h.isPreview() {
		h.run.Sink.Emit(event.HostEnd{Host: h.name, Job: h.job.Name, Counts: h.counts})
	}
}
