package executor

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"runner/agent/wire"
	"runner/executor/broker"
	"runner/executor/direct"
	"runner/executor/event"
	"runner/executor/lookahead"
	"runner/planner/plan"
	"runner/transports"
)

// firstPipeline is the pipeline of the job's calls: a new one, or in a preview one that knows what earlier jobs leave.
func (h *hostRun) firstPipeline() uint32 {
	if !h.isPreview() {
		return h.run.Broker.NextPipeline()
	}
	return h.run.ahead.Pipeline(h.host, h.index, h.run.Broker.NextPipeline)
}

// jobIndex returns the index of a job.
func (r *run) jobIndex(j *plan.Job) int {
	for i := range r.Plan.Jobs {
		if &r.Plan.Jobs[i] == j {
			return i
		}
	}
	return -1
}

// machine is what the agent at the end of a connection has said that it runs on; "" if it has not said anything yet.
func (r *run) machine(on int) string {
	hello, ok := r.Broker.Hello(on)
	if !ok {
		return ""
	}
	return hello.Target.Machine
}

// lookAhead tells an agent what earlier tasks would leave, as far as it does not know.
func (h *hostRun) lookAhead(s *sent, call *wire.Call) {
	if h.disordered {
		call.Flags |= wire.FlagUnsettled | wire.FlagDisturbed
	}
	for _, ground := range h.run.grounds(s.on) {
		flags, paths := h.run.ahead.Elsewhere(ground, h.index, h.host, lookahead.Peer{Pipeline: h.pipeline, Connection: s.on})
		call.Flags |= flags
		call.Elsewhere = append(call.Elsewhere, paths...)
	}
}

// grounds are what earlier tasks leave something on, at the end of a connection: the machine as its agent names it, and the
// connection itself, for what was to be done there while no agent had said anything.
func (r *run) grounds(on int) []string {
	own := fmt.Sprintf("connection %d", on)
	if machine := r.machine(on); machine != "" {
		return []string{machine, own}
	}
	return []string{own}
}

// leaver names a task that leaves something there before the job's next one; "" if there is none.
func (h *hostRun) leaver(on int) (by string) {
	for _, ground := range h.run.grounds(on) {
		by = cmp.Or(by, h.run.ahead.Leaver(ground, h.index, h.host))
	}
	return by
}

// why names the task after which nothing certain can be said there.
func (h *hostRun) why(on int) (by string) {
	for _, ground := range h.run.grounds(on) {
		by = cmp.Or(by, h.run.ahead.Why(ground, h.index, h.host))
	}
	return by
}

// comes names the task that may make what a hop has not found: the user, the container, the program that leads there. It
// returns "" if none does, or the hop failed for another reason.
func (h *hostRun) comes(err error) string {
	lost, ok := errors.AsType[*broker.LostError](err)
	if !ok || !h.isPreview() || !lost.Unreached {
		return ""
	}
	switch lost.Problem.Code {
	case transports.CodeNoUser, transports.CodeNoTarget, wire.CodeStart:
	default:
		return ""
	}
	parent := h.run.Plan.Connections[lost.Connection].Parent
	if parent < 0 {
		return ""
	}
	by := h.run.ahead.Leaver(h.run.machine(parent), h.index, h.host)
	if by != "" {
		h.run.notYet(lost.Connection)
	}
	return by
}

// notYet notes a connection that may be there when the plan is applied.
func (r *run) notYet(connection int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.missing[connection] = true
}

// forgetMissing lets the connections that were not there yet be opened again.
func (r *run) forgetMissing() {
	for connection := range r.missing {
		r.Broker.Renew(connection)()
	}
}

// later previews a task behind a hop that an earlier task may make.
func (h *hostRun) later(s *sent, by string) {
	h.ran(s)
	h.record(s, plan.Result{Unknown: true, UnknownChanged: true})
	s.reason = by
	h.planned(s, wire.Change{Verb: verbOf(s.task, s.instance), Unknown: []string{"action"}}, wire.Attributes{}, "")
}

// meet waits, in a preview, until it is known which machine is at the end of a connection, if it matters: earlier tasks may
// leave something there. Why nothing is there its own calls will say.
func (h *hostRun) meet(on int) {
	if h.isPreview() && on >= 0 && h.run.machine(on) == "" && h.run.ahead.Expects(h.index, h.host) {
		if ready, err := h.run.Broker.Peer(on).Ready(h.run.traffic.Open()); err == nil {
			h.after = max(h.after, ready.Trip)
		}
	}
}

// leaves notes what a planned change leaves on its machine.
func (h *hostRun) leaves(s *sent, change wire.Change, of wire.Attributes) {
	if s.fetching != nil { // nothing on the target
		return
	}
	switch event.Verb(change.Verb) {
	case event.None, event.Read, event.Skip:
		return
	case event.Create, event.Update, event.Remove, event.Run:
	}
	t := lookahead.Trace{
		Job: h.index, Host: h.host, Knows: lookahead.Peer{Pipeline: h.pipeline, Connection: s.on},
		Address: strings.TrimPrefix(s.instance.Address, "job."+h.job.Name+"."),
		Setting: slices.Contains([]string{"group", "user", "hostname", "timezone", "sysctl", "cron"}, s.task.Action),
	}
	if s.act != nil { // its peer knows nothing of it
		t.Knows, t.Outside = lookahead.Peer{}, s.task.Action == direct.HTTP
	}
	if change.Verb != wire.VerbRun && s.task.Own == "" { // what one of the user's own says is not all that it may do
		for _, attributes := range []map[string]any{of.After, of.Before} {
			if t.Path == "" {
				t.Path, _ = attributes["path"].(string)
			}
		}
		t.Removed = change.Verb == wire.VerbRemove
	}
	for _, ground := range h.run.grounds(s.on) {
		if ground == h.run.machine(s.on) || s.task.Action == direct.Raw {
			h.run.ahead.Leave(ground, t)
		}
	}
}
