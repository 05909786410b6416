package executor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"runner/agent/wire"
	"runner/executor/batch"
	"runner/executor/broker"
	"runner/executor/event"
	"runner/planner/plan"
)

const (
	// resetAction closes the connection of a host. No peer hears of it.
	resetAction = "reset_connection"
	// rebootAction restarts a machine. Its peer sets that off, and does not see the end of it.
	rebootAction = "reboot"

	// waitAction waits on the target for what may be somebody else's to do.
	waitAction = "wait"

	// rebootTimeout is how long a machine may take to restart when its task does not say.
	rebootTimeout = 10 * time.Minute
	// firstLook and lastLook are the shortest and the longest time between attempts to reach a machine that restarts.
	firstLook = 500 * time.Millisecond
	lastLook  = 10 * time.Second
)

// resets closes a connection in the place of a task. The next one opens it anew.
func (h *hostRun) resets(ctx context.Context, at int, task *plan.Task, on int, instances []plan.Instance, t *batch.Turn[outcome]) {
	all := h.instances(task, at, t, notSent, instances)
	end := event.TaskEnd{Status: event.OK}
	if !h.isPreview() && on >= 0 && slices.ContainsFunc(all, (*sent).callable) {
		if err := h.reset(ctx, on); err != nil {
			h.explain(&end, err, task)
			end.Failure.Message = "cannot write what was changed to stable storage: " + end.Failure.Message
			end.Error = end.Failure.Text()
		}
	}
	for _, s := range all {
		if s.callable() {
			mine := end
			mine.Address = s.instance.Address
			s.end = &mine
		}
	}
	h.append(at, all...)
}

// reset closes a connection and all behind it, after what was written there is on stable storage. Other hosts that are at
// work behind it go on over the old one.
func (h *hostRun) reset(ctx context.Context, connection int) error {
	var failed error
	for _, on := range h.peers.Used() {
		if !slices.Contains(h.run.Plan.Chain(on), connection) {
			continue
		}
		pending, ok := h.peers.Call(on, wire.Call{Action: wire.ActionFlush, Mode: wire.ModeApply, Flags: wire.FlagNoLane}, broker.CallOptions{After: h.after})
		if !ok {
			return nil // the run is ending
		}
		switch reply, err := h.run.wait(ctx, pending, on); {
		case err != nil && !h.run.traffic.IsEnding():
			failed = errors.Join(failed, err)
		case err == nil && reply.Problem != nil:
			failed = errors.Join(failed, reply.Problem)
		}
	}
	h.peers.Renew(connection, h.run.Broker.Renew)
	return failed
}

// restarts says why a machine cannot be restarted, before anything is sent there.
func (h *hostRun) restarts(task *plan.Task, on int) *event.TaskEnd {
	if on < 0 {
		return nil
	}
	ready, err := h.run.Broker.Peer(on).Ready(h.run.traffic.Open())
	failure := &event.Failure{Place: task.Place}
	switch {
	case err != nil:
		return nil // its call says it
	case ready.Hello.Target.Machine == h.run.Machine:
		failure.Message = "this is the machine that runner runs on: to restart it would end the run"
	case ready.Hello.Boot == "":
		failure.Message = "one start of this system cannot be told from another, so a new one would not be noticed"
	default:
		return nil
	}
	return &event.TaskEnd{Address: task.Address, Status: event.Failed, Reason: "error", Error: failure.Text(), Failure: failure}
}

// reboots waits, after a restart was set off, until the machine is there again with another start of its system.
func (h *hostRun) reboots(ctx context.Context, s *sent, reply answer, err error) (answer, error) {
	lost, isLost := errors.AsType[*broker.LostError](err)
	goesDown := isLost && !lost.Unreached // it may have been too fast to say that it has begun: the boot tells
	if reply.Problem != nil || err != nil && !goesDown {
		return reply, err
	}
	began := time.Now()
	limit := cmp.Or(s.instance.Timeout, rebootTimeout)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errTooLong)
	defer cancel()
	defer context.AfterFunc(h.run.traffic.Open(), cancel)() //nolint:contextcheck // an interrupt ends it sooner
	peer := h.peers.Held(s.on)
	was, _ := peer.Hello()
	var is broker.Ready
	h.run.withoutSlot(func() { is, err = h.comeBack(ctx, s.on, peer, was) })
	reply.Change = wire.Change{Verb: wire.VerbRun}
	reply.said.Before = nil
	if reply.Started.IsZero() {
		reply.Started = began
	}
	reply.Elapsed = time.Since(began)
	switch {
	case err == nil:
		reply.Trip = is.Trip
		reply.said.Values = map[string]any{"boot_id": is.Hello.Boot, "seconds": reply.Elapsed.Seconds()}
	case h.run.traffic.IsEnding():
		reply.Problem = &wire.Problem{Code: wire.CodeLost, Message: "the run ended while the machine was restarting"}
	default:
		reply.Problem = &wire.Problem{Code: wire.CodeTimeout, Message: fmt.Sprintf("%v (waited %v)", err, limit)}
	}
	return reply, nil
}

// errTooLong is the cause with which the wait for a machine ends.
var errTooLong = errors.New("the machine has not restarted")

// comeBack waits until the machine has gone, and then until it answers and has started anew. It fails with what it saw last
// when ctx ends.
func (h *hostRun) comeBack(ctx context.Context, on int, peer *broker.Peer, was wire.Hello) (broker.Ready, error) {
	select {
	case <-peer.Over():
	case <-ctx.Done():
		return broker.Ready{}, errors.New("the machine did not go down")
	}
	h.leaveMachine(was.Target.Machine)
	seen := errors.New("the machine went down and has not answered since")
	for pause := firstLook; ; pause = min(2*pause, lastLook) {
		attempt := h.run.Broker.Peer(on)
		ready, err := attempt.Ready(ctx)
		lost, isLost := errors.AsType[*broker.LostError](err)
		switch {
		case isLost:
			h.peers.Renew(lost.Connection, attempt.Renew) // the others that wait behind it have failed too
			seen = fmt.Errorf("the machine went down and cannot be reached: %w", err)
		case err != nil:
			return ready, seen
		case ready.Hello.Facts.MachineID != was.Facts.MachineID:
			return ready, fmt.Errorf("another machine answers now: its machine id is %s, and was %s", ready.Hello.Facts.MachineID, was.Facts.MachineID)
		case ready.Hello.Boot != was.Boot:
			return ready, nil
		default:
			h.leaveMachine(was.Target.Machine)
			h.peers.Renew(on, attempt.Renew)
			seen = errors.New("the machine has not started anew: the connection broke, and it is still the same boot")
		}
		if !h.run.waitFor(ctx, pause) || ctx.Err() != nil {
			return ready, seen
		}
	}
}

// leaveMachine lets every connection to a machine be opened anew, by whatever chain.
func (h *hostRun) leaveMachine(machine string) {
	for c := range h.run.Plan.Connections {
		if h.run.machine(c) == machine {
			h.peers.Renew(c, h.run.Broker.Renew)
		}
	}
}
