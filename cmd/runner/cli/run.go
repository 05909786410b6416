package cli

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"time"

	"github.com/hashicorp/hcl/v2"

	"runner/agent/facts"
	"runner/agent/wire"
	"runner/cmd/runner/cli/arguments"
	"runner/cmd/runner/cli/reach"
	"runner/executor"
	"runner/executor/broker"
	"runner/executor/event"
	"runner/lang/diag"
	"runner/planner/plan"
)

// run is one walk, or two over the same connections, over a plan.
type run struct {
	*session
	work
	id      string
	command string     // that it is a run of
	locks   *wire.Lock // taken on each target by what changes something there
	kill    <-chan struct{}
	broker  *broker.Broker
	began   time.Time
	past    executor.Past // of the run that this one goes on with; nil: none

	noHandlersOnFailure bool
}

// begin announces a run and makes its broker. Nothing is connected yet. It returns nil when it has said what is wrong.
func (s *session) begin(w *work, o origin, kill <-chan struct{}) *run {
	r := &run{
		session: s, work: *w, id: newRunID(time.Now()), command: o.command, kill: kill, began: time.Now(),
		noHandlersOnFailure: o.noHandlersOnFailure,
	}
	r.broker = s.newTellingBroker(w, r.recognizing(executor.Connections(w.plan, s)))
	if r.broker == nil {
		return nil
	}
	r.locks = lock(r.id, o.command, o.lockTimeout)
	if !s.beginRecord(r, o) {
		r.broker.Close() //nolint:errcheck // never fails
		return nil
	}
	if o.resume != nil {
		r.past = past{o.resume.Past, r}
	}
	s.Emit(event.RunStart{Run: r.id, Site: w.site.Path, Hosts: jobHosts(w.plan), Resumed: o.resume != nil})
	return r
}

// walk looks, or looks and acts.
func (r *run) walk(ctx context.Context, mode wire.Mode, change func(*executor.Config)) executor.Summary {
	r.acted = r.acted || mode == wire.ModeApply
	c := executor.Config{
		ID: r.id, Plan: r.plan, Evaluator: r.evaluator, Broker: r.broker, Mode: mode, Sink: r.session, Mask: r.site.Mask(), OnRecord: r.onRecord,
		WholeDiff: r.options.Diff == arguments.DiffFull || r.saving != nil,
		Machine:   facts.Identity().Machine,
		Live:      r.options.Verbose || r.options.Exec, Kill: r.kill, Spared: r.program.spare,
		Open: func(name string) (io.ReadCloser, error) { return r.source.Open(name) },
		Past: r.past, NoHandlersOnFailure: r.noHandlersOnFailure, Parallel: reach.Parallel(r.plan), Thrifty: reach.Roots(r.plan) > reach.Most(r.plan),
	}
	if change != nil {
		change(&c)
	}
	if mode == wire.ModeApply {
		c.Lock = r.locks
		r.Emit(event.Outline{Plan: r.plan})
	}
	return executor.Run(ctx, c)
}

// look previews, and sums it up unless it was interrupted: that is no plan. last says that nothing follows.
func (r *run) look(ctx context.Context, sink event.Sink, last bool) executor.Summary {
	r.Emit(event.Outline{Plan: r.plan, Preview: true})
	summary := r.walk(ctx, wire.ModeLook, func(c *executor.Config) { c.Sink, c.Last = sink, last })
	if !summary.Interrupted {
		r.Emit(summarize(r.plan, summary))
	}
	return summary
}

// finish ends what is connected, tells how the run ended, and returns the exit code that follows from that.
func (r *run) finish(summary executor.Summary) exitCode {
	return r.finishAs(summary, event.RunOK, exitDone)
}

// finishAs is finish for a run that ended in a way of its own, unless what happened is worse.
func (r *run) finishAs(summary executor.Summary, status event.RunStatus, code exitCode) exitCode {
	r.broker.Close() //nolint:errcheck // never fails
	if summary.Err != nil {
		r.diagnose(evaluationDiagnostics(summary.Err))
	}
	stats := r.broker.Stats()
	_, reused := r.plan.Shared()
	end := event.RunEnd{
		Run: r.id, Status: status, Counts: summary.Counts,
		Hosts: summary.Hosts, Seconds: time.Since(r.began).Seconds(), RoundTrips: summary.Trips,
		BytesSent: stats.BytesSent, BytesReceived: stats.BytesReceived, Connections: stats.Connections, Reused: reused,
		Outputs: map[string]any{},
	}
	for _, o := range summary.Outputs {
		end.Outputs[o.Name] = o.Value
		if o.Sensitive {
			end.Outputs[o.Name] = event.Hidden
		}
	}
	codes := []exitCode{code}
	if len(summary.Lost) > 0 {
		end.Status = event.RunUnreachable
		codes = append(codes, exitUnreachable)
	}
	if summary.Unhandled > 0 || summary.Err != nil {
		end.Status = event.RunFailed
		codes = append(codes, exitFailed)
	}
	if status == event.RunStale { // it counts for more
		end.Status = status
	}
	if summary.Interrupted {
		end.Status = event.RunInterrupted
		codes = append(codes, exitInterrupted)
	}
	event.Mask(r, r.site.Mask()).Emit(end)
	if r.acted && r.recording != nil && end.Status != event.RunOK && r.command == "apply" {
		r.unfinished = r.id
	}
	return worst(codes...)
}

// evaluationDiagnostics are those that an error carries, or one about it.
func evaluationDiagnostics(err error) hcl.Diagnostics {
	if diags, ok := errors.AsType[hcl.Diagnostics](err); ok {
		return diags
	}
	return hcl.Diagnostics{diag.Errorf(diag.Evaluate, hcl.Range{}, "Output cannot be evaluated", "%s.", diag.Capital(err.Error()))}
}

// summarize counts what a preview found.
func summarize(p *plan.Plan, s executor.Summary) event.PlanSummary {
	connections, reused := p.Shared()
	return event.PlanSummary{
		Create: s.Planned[event.Create], Update: s.Planned[event.Update], Remove: s.Planned[event.Remove], Run: s.Planned[event.Run],
		None: s.Planned[event.None], Unreported: s.Unreported, Hosts: jobHosts(p),
		Connections: connections, Reused: reused, Pipelines: len(p.Pipelines()),
	}
}

// changes says whether a preview found something to do.
func changes(s executor.Summary) bool {
	return s.Planned[event.Create]+s.Planned[event.Update]+s.Planned[event.Remove]+s.Planned[event.Run] > 0
}

// jobHosts counts the hosts that jobs run on.
func jobHosts(p *plan.Plan) int {
	seen := map[int]bool{}
	for _, j := range p.Jobs {
		for _, h := range j.Hosts {
			seen[h] = true
		}
	}
	return len(seen)
}

// newRunID names a run: ids sort by time.
func newRunID(now time.Time) string {
	var b [4]byte
	rand.Read(b[:])
	return now.UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(b[:])
}
