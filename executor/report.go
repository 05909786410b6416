package executor

import (
	"cmp"
	"crypto/sha256"
	"maps"
	"slices"
	"strings"

	"runner/agent/wire"
	"runner/executor/event"
	"runner/planner/plan"
)

// report counts an end and emits it. A preview reports what would not go well as a diagnostic.
func (h *hostRun) report(end event.TaskEnd, task *plan.Task) {
	end.Job, end.Host = h.job.Name, h.name
	if h.run.handlers[task.Address] {
		end.Handler = task.Address
	}
	if end.Failure != nil && end.Failure.Place.Line == 0 {
		end.Failure.Place = task.Place
	}
	h.counts.Add(end.Status)
	h.run.count(end)
	if !h.isPreview() {
		h.run.Sink.Emit(end)
		return
	}
	switch end.Status {
	case event.Skipped:
		h.run.Sink.Emit(event.PlannedChange{Job: end.Job, Address: end.Address, Host: end.Host, Action: event.Skip, Outcome: event.Skipped})
	case event.Failed, event.Unreachable, event.Unknown:
		if end.Failure == nil {
			return // the host's first one has said it
		}
		if end.Status != event.Failed {
			hop := told{end.Failure.Hop, end.Handled}
			if h.told[hop] {
				return
			}
			h.told[hop] = true
		}
		h.run.Sink.Emit(event.Diagnostic{
			Severity: severityOf(end), Code: codeOf(end), Summary: summaryOf(end), Detail: end.Failure.Place.Explain(end.Error),
			File: end.Failure.Place.File, Range: event.RangeOf(end.Failure.Place),
			Host: end.Host, Address: end.Address, Failure: end.Failure,
		})
	case event.OK, event.Changed, event.Cancelled:
	}
}

// severityOf is a warning's where the run would go on.
func severityOf(end event.TaskEnd) string {
	if end.Handled {
		return "warning"
	}
	return "error"
}

func codeOf(end event.TaskEnd) string {
	if end.Status == event.Failed {
		return "task_failed"
	}
	return "unreachable"
}

func summaryOf(end event.TaskEnd) string {
	switch {
	case end.Reason == reasonPrecondition:
		return "Precondition does not hold"
	case end.Status == event.Failed && end.Handled:
		return "Task would fail, and be handled"
	case end.Status == event.Failed:
		return "Task would fail"
	}
	return "Host " + end.Failure.Lost()
}

// elements returns the instances of a task with for_each as far as they are known now.
func (h *hostRun) elements(task *plan.Task) ([]plan.Instance, bool) {
	if !task.Keyed {
		return nil, false
	}
	instances, err := h.run.Evaluator.Expand(task.Address, h.host, h.run.state)
	unknown := slices.ContainsFunc(instances, func(in plan.Instance) bool { return slices.Contains(in.Unknown, "for_each") })
	return instances, err == nil && !unknown
}

// skipResults makes the results of a task that is not run skipped ones.
func (h *hostRun) skipResults(task *plan.Task) {
	results := plan.Results{Keyed: task.Keyed}
	if elements, known := h.elements(task); known {
		for _, in := range elements {
			results.Elements = append(results.Elements, plan.Result{Key: in.Key, Skipped: true})
		}
	} else if !task.Keyed {
		results.Elements = []plan.Result{{Skipped: true}}
	}
	h.run.state.PutResults(task.Address, h.name, results)
}

// takeLeft reports a task that is not run.
func (h *hostRun) takeLeft(s *sent) {
	if s.left.status == "" || s.task.Selected && h.stopped != "" {
		h.notStarted(s)
		return
	}
	h.leaveOut(s.at, s.task, s.left.status, s.left.reason)
}

// leaveOut reports a task that is not run, unless another host has run it for all, or still may.
func (h *hostRun) leaveOut(at int, task *plan.Task, status event.Status, reason string) {
	if h.forgoes(at, task) {
		return
	}
	end := event.TaskEnd{Address: task.Address, Status: status, Reason: reason, Result: shown(task, plan.Result{Skipped: true})}
	elements, known := h.elements(task)
	if !known {
		h.report(end, task)
	}
	for _, in := range elements {
		end.Address = in.Address
		h.report(end, task)
	}
}

// notStarted reports a task that nothing starts any more.
func (h *hostRun) notStarted(s *sent) {
	if h.isGone() {
		h.leaveOut(s.at, s.task, event.Unreachable, "host_lost")
		return
	}
	h.stop(event.Cancelled)
	h.unreached(s.at, s.task)
}

// unreached reports a task that an earlier failure has kept from starting.
func (h *hostRun) unreached(at int, task *plan.Task) {
	if !task.Selected {
		h.skipResults(task)
		h.leaveOut(at, task, event.Skipped, "selection")
		return
	}
	h.run.state.PutResults(task.Address, h.name, plan.Results{Keyed: task.Keyed}) // a handler may read it
	h.leaveOut(at, task, event.Cancelled, "not_started")
}

// record adds an element's result to its task's. What no expression reads is not kept: a run may have a lot of it.
func (h *hostRun) record(s *sent, r plan.Result) {
	if !h.run.read[s.task.Address] {
		r.Values = nil
	}
	s.group.reached = true
	h.add(s, r)
}

// pass adds an element that was not started. A host of which none was has not reached the task.
func (h *hostRun) pass(s *sent) {
	s.group.passed = true
	h.add(s, plan.Result{Skipped: true})
}

// result is a result of the instance: under its key, and with what of it is sensitive.
func (s *sent) result(r plan.Result) plan.Result {
	r.Key, r.Sensitive, r.Hidden = s.instance.Key, s.instance.Hidden.All, s.instance.Hidden.Results
	return r
}

func (h *hostRun) add(s *sent, r plan.Result) {
	r = s.result(r)
	g := s.group
	g.results.Elements = append(g.results.Elements, r)
	if g.missing--; g.missing > 0 {
		return
	}
	if !g.reached {
		g.results = plan.Results{}
	}
	h.run.state.PutResults(s.task.Address, h.name, g.results)
	if h.handlers && !g.passed && !g.cut && (s.task.OnFailure == plan.Continue || !slices.ContainsFunc(g.results.Elements, func(r plan.Result) bool { return r.Failed })) {
		h.through(s.task)
	}
}

// through tells that a handler is not due any more.
func (h *hostRun) through(handler *plan.Task) {
	if !h.isPreview() {
		h.run.Sink.Emit(event.Through{Job: h.job.Name, Host: h.name, Handler: handler.Address})
	}
}

// foreseen is how the task will be reported as far as that can be known; "" where it cannot.
func foreseen(s *sent, result *plan.Result, end *event.TaskEnd) event.Status {
	if end.Status != event.Failed && (result.UnknownChanged || result.Unknown && s.task.Verdict) {
		return ""
	}
	return end.Status
}

// planned emits what a preview found, and how the run would report it.
func (h *hostRun) planned(s *sent, change wire.Change, of wire.Attributes, outcome event.Status) {
	verb := event.Verb(change.Verb)
	p := event.PlannedChange{
		Job: h.job.Name, Address: s.instance.Address, Host: h.name, Action: verb, Outcome: outcome,
		Unknown: union(s.instance.Unknown, change.Unknown), State: change.State,
	}
	if !s.instance.Hidden.All {
		p.Call = callDigest(s.instance)
	}
	end := event.TaskEnd{}
	h.change(&end, s, change, of)
	p.Before, p.After, p.Diff = end.Before, end.After, end.Diff
	p.Reason = h.unknowable(s, change)
	h.run.plannedChange(h.host, verb)
	h.leaves(s, change, of)
	if p.Unreported() {
		h.run.unreported()
	}
	h.run.Sink.Emit(p)
}

// unknowable says why something of a change, other than arguments of the task, will be known by the run only, as far as there
// is something to say.
func (h *hostRun) unknowable(s *sent, change wire.Change) string {
	arguments, by := s.instance.Unknown, s.reason
	switch {
	case change.Why != "" && s.instance.Hidden.Failures():
		return event.Hidden
	case change.Why != "":
		return change.Why
	case !slices.ContainsFunc(change.Unknown, func(name string) bool { return !slices.Contains(arguments, name) }):
		return ""
	case by == "" && s.on >= 0:
		by = cmp.Or(h.why(s.on), h.leaver(s.on))
	}
	if by != "" {
		return by + " runs before"
	}
	if len(arguments) > 0 {
		return "so is " + strings.Join(arguments, ", ")
	}
	return ""
}

// callDigest tells an instance from one with other arguments, environment, conditions of trying again, and the like. What is
// sensitive is not in it: a digest of something short gives it away.
func callDigest(in plan.Instance) []byte {
	in.Sources, in.Patterns = nil, nil // their bytes and programs are in the arguments
	if in.Content != nil {
		in.Content = nil // its digest is
	}
	in.Args = maps.Clone(in.Args)
	for _, name := range in.Secrets {
		maps.DeleteFunc(in.Args, func(arg string, _ any) bool { return arg == name || strings.HasPrefix(arg, name+"_") })
		if name == "environment" {
			in.Environment = nil
		}
	}
	if in.Own != nil { // so is its, and what stands in its arguments
		in.Own = &plan.Own{SHA256: in.Own.SHA256, Tail: in.Own.Tail}
	}
	encoded, err := wire.Marshal(in)
	if err != nil {
		return nil // it could not have been sent
	}
	sum := sha256.Sum256(encoded)
	return sum[:16]
}

// change fills in what an end says about the change, without what is hidden; of a sensitive task nothing but its verb.
func (h *hostRun) change(end *event.TaskEnd, s *sent, change wire.Change, of wire.Attributes) {
	end.Action = event.Verb(change.Verb)
	hidden := s.instance.Hidden
	if hidden.All {
		if of.Before != nil {
			end.Before = event.Hidden
		}
		if of.After != nil {
			end.After = event.Hidden
		}
		if change.Diff != "" {
			end.Diff = event.Hidden
		}
		return
	}
	if end.Diff = change.Diff; hidden.Diff && end.Diff != "" {
		end.Diff = event.Hidden
	}
	if source := s.instance.Sources["source"]; source != "" && change.Verb == wire.VerbRun { // where the text is that runs; the target only has the text
		after := map[string]any{"source": source}
		maps.Copy(after, of.After)
		of.After = after
	}
	before, after := hideChange(of.Before, of.After, hidden.Change)
	if before != nil {
		end.Before = before
	}
	if after != nil {
		end.After = after
	}
}

// shown is a result as expressions see it, or hidden.
func (h *hostRun) shown(s *sent, r plan.Result) any {
	if s.instance.Hidden.All {
		return event.Hidden
	}
	out := shown(s.task, r)
	hideAll(out, s.instance.Hidden.Results)
	return out
}

// shown is a result with everything that the action documents: null is what there is not.
func shown(task *plan.Task, r plan.Result) map[string]any {
	out := make(map[string]any, len(task.Results)+len(r.Values)+4)
	for _, name := range task.Results {
		out[name] = nil
	}
	maps.Copy(out, r.Values)
	out["changed"], out["failed"], out["skipped"], out["duration"] = r.Changed, r.Failed, r.Skipped, any(r.Seconds)
	if r.Skipped {
		out["duration"] = nil
	}
	return out
}

func (h *hostRun) output(s *sent, stream wire.Stream, text string) {
	if text == "" {
		return
	}
	name := "stdout"
	if stream == wire.StreamError {
		name = "stderr"
	}
	h.run.Sink.Emit(event.Output{Address: s.instance.Address, Host: h.name, Stream: name, Text: text})
}

// outputEnds tells what was held back: all output has come.
func (h *hostRun) outputEnds(s *sent) {
	for stream := range s.live {
		h.output(s, wire.Stream(stream), strings.ToValidUTF8(string(s.live[stream].held), "\uFFFD"))
	}
}

// target returns what a connection leads to, or nil when nobody has said yet.
func (h *hostRun) target(on int) *event.Target {
	if p := h.peers.Held(on); p != nil {
		return targetOf(p.Hello())
	}
	return targetOf(h.run.Broker.Hello(on))
}

func targetOf(hello wire.Hello, known bool) *event.Target {
	if !known {
		return nil
	}
	return &event.Target{Machine: hello.Target.Machine, User: hello.Target.User}
}

func union(a, b []string) []string {
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}
