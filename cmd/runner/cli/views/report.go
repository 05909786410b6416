package views

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"time"

	"runner/cmd/runner/cli/arguments"
	"runner/cmd/runner/cli/outline"
	"runner/cmd/runner/cli/style"
	"runner/executor/event"
	"runner/lang/diag"
	"runner/planner/plan"
)

// report turns the events of a run into lines. It belongs to the goroutine of its view.
type report struct {
	style.Style
	o        Options
	screen   *screen
	plan     *plan.Plan
	preview  bool
	checking bool  // the preview is compared with an earlier one
	live     *live // nil: no region
	changes  *changes
	hosts    hostCounts
	partial  map[source]string // output that has no line end yet
	lost     map[lost]bool     // losses that were shown
	said     map[string]bool   // failures that were explained
	unseen   []unseen          // hosts that a preview could not look at
	failing  bool              // a preview has found errors
	told     map[source]bool   // tasks whose output was shown as it came
	failed   map[source]bool   // tasks that were shown as failed before their end
	diffs    map[uint64]source // diff → what it was shown for
	prints   map[string]bool   // addresses of tasks whose message is shown
	seed     maphash.Seed
}

// printAction is the action whose message is shown.
const printAction = "print"

// lost is a hop on the way of a host's tasks.
type lost struct{ host, hop string }

// source is where output comes from.
type source struct{ host, address, stream string }

func newReport(o Options, s style.Style, out *screen) *report {
	return &report{
		Style: s, o: o, screen: out, hosts: newHostCounts(nil),
		partial: map[source]string{}, lost: map[lost]bool{}, said: map[string]bool{}, told: map[source]bool{}, failed: map[source]bool{},
		diffs: map[uint64]source{}, seed: maphash.MakeSeed(),
	}
}

func (r *report) print(format string, args ...any) { r.screen.keep(fmt.Sprintf(format, args...)) }

func (r *report) see(e event.Event, now time.Time) {
	if r.live != nil {
		r.live.see(e, now)
	}
	switch e := e.(type) {
	case event.Outline:
		r.outline(e, now)
	case event.Connection:
		r.connection(e)
	case event.PlannedChange:
		if r.changes != nil {
			if text := r.changes.flushed(e); text != "" {
				r.print("%s", text)
			}
			r.changes.add(e)
		}
	case event.PlanSummary:
		r.planned(e)
	case event.Output:
		r.output(e)
	case event.EarlyFailure:
		r.taskFailed(e.TaskEnd, "a rescue follows")
		r.failed[source{host: e.Host, address: e.Address}] = true
	case event.TaskEnd:
		r.taskEnd(e)
	case event.RunEnd:
		r.runEnd(e)
	case event.Diagnostic:
		r.diagnostic(e)
	}
}

func (r *report) outline(e event.Outline, now time.Time) {
	r.plan, r.preview, r.checking, r.prints = e.Plan, e.Preview, e.Check, map[string]bool{}
	if e.Plan != nil {
		for _, job := range e.Plan.Jobs {
			for _, t := range slices.Concat(job.Tasks, job.Handlers) {
				if t.Action == printAction {
					r.prints[t.Address] = true
				}
			}
		}
	}
	if e.Preview && !e.Check {
		r.print("%s", outline.Text(r.Style, e.Plan, r.o.Verbose))
		r.changes = newChanges(r.Style, e.Plan, r.o.Diff, r.o.Verbose)
		r.changes.ordered = e.Ordered
	}
	if !e.Preview {
		r.hosts = newHostCounts(e.Plan)
	}
	if r.screen.size != nil {
		r.live = newLive(r.Style, e.Plan, now)
	}
}

func (r *report) planned(e event.PlanSummary) {
	r.live = nil
	if r.changes != nil {
		r.print("%s", r.changes.text())
		r.changes = nil
	}
	r.sayUnseen()
	if len(r.o.Limits) > 0 {
		r.print("\n%s\n", r.Paint(style.Bold, "This plan is limited by "+diag.HarmlessLine(strings.Join(r.o.Limits, " "))+"."))
	}
	switch {
	case r.failing:
		r.print("\n%s\n", r.Paint(style.Bold, "This plan is not complete: see the errors."))
	case e.Create+e.Update+e.Remove+e.Run == 0:
		r.print("\n%s\n", r.Paint(style.Bold, "Nothing to change: everything is as the site says."))
	}
	if e.Unreported > 0 {
		r.print("\n%s\n", r.Paint(style.Bold, fmt.Sprintf("Of the changes, %d will be reported as unchanged.", e.Unreported)))
	}
	r.print("\n%s\n", r.Paint(style.Bold, PlanSentence(e)))
}

func (r *report) connection(e event.Connection) {
	title := diag.HarmlessLine(cmp.Or(e.Title, e.Transport))
	host := diag.HarmlessLine(e.Host)
	switch e.Status {
	case event.Opening:
	case event.Ready, event.Closed:
		if r.o.Verbose && !r.o.Exec {
			reused := ""
			if e.Reused {
				reused = ", shared"
			}
			r.print("  %s\n", r.Paint(style.Dim, fmt.Sprintf("%s: %s: %s in %s%s", host, title, e.Status, style.Seconds(e.Seconds), reused)))
		}
	case event.ConnFailed:
		if r.preview || r.o.Exec || !r.loses(e.Host, e.Failure, e.Title) { // told when the task ends, or as a diagnostic
			return
		}
		text := reason(e.Error, e.Failure)
		if e.Failure == nil || e.Failure.Hop == "" {
			text = title + ": " + text
		}
		r.print("%s %s: %s: %s\n", r.Paint(style.Red, "!"), host, e.Failure.Lost(), text)
		r.failure(e.Failure)
	}
}

// loses notes that a host, or one of its tasks, has lost a hop, and reports whether that is new.
func (r *report) loses(host string, why *event.Failure, hop string) bool {
	if why != nil {
		hop = cmp.Or(why.Hop, hop)
	}
	known := r.lost[lost{host, hop}]
	r.lost[lost{host, hop}], r.lost[lost{host, ""}] = true, true // who names no hop means any
	return !known
}

// words say what was done.
func word(v event.Verb) string {
	switch v {
	case event.Create:
		return "created"
	case event.Update:
		return "updated"
	case event.Remove:
		return "removed"
	case event.Run:
		return "ran"
	default:
		return "changed"
	}
}

func (r *report) taskEnd(e event.TaskEnd) {
	r.hosts.add(e)
	r.recordedOutput(e)
	r.flushOutput(e.Host, e.Address)
	host, address := diag.HarmlessLine(e.Host), diag.HarmlessLine(e.Address)
	if r.o.Exec {
		r.execEnd(e)
		return
	}
	if r.prints[baseAddress(e.Address)] && e.Result != nil && e.Status != event.Skipped {
		r.printed(e)
	}
	took := r.Paint(style.Dim, " ("+style.Seconds(e.Seconds)+")")
	switch e.Status {
	case event.Changed:
		verb := e.Action
		if verb == "" || verb == event.None {
			verb = event.Update
		}
		r.print("%s %s: %s: %s%s\n", r.Mark(verb), host, address, word(e.Action), took)
		r.changed(e)
	case event.OK:
		if e.Action.Changes() && (e.Action != event.Run || r.o.Verbose) { // that a command ran is nothing to tell
			r.print("%s %s: %s: %s, but %s%s\n", r.Mark(e.Action), host, address, word(e.Action), asUnchanged, took)
			r.changed(e)
		} else if r.o.Verbose {
			r.print("%s %s: %s: unchanged%s\n", r.Mark(event.None), host, address, took)
		}
	case event.Skipped:
		r.skipped(e)
	case event.Unreachable:
		if text := reason(e.Error, e.Failure); text != "" && r.loses(e.Host, e.Failure, "") { // without one, another task has told of it
			r.print("%s %s: %s: %s\n", r.Paint(style.Red, "!"), host, e.Failure.Lost(), text)
			r.failure(e.Failure)
		}
	case event.Cancelled:
		switch {
		case !time.Time(e.Started).IsZero(): // it may be half done
			r.print("%s %s: %s: cut while it ran%s\n", r.Paint(style.Yellow, "!"), host, address, took)
		case r.o.Verbose:
			r.print("%s %s: %s: not begun\n", r.Paint(style.Yellow, "!"), host, address)
		}
	case event.Failed, event.Unknown:
		if key := (source{host: e.Host, address: e.Address}); r.failed[key] {
			delete(r.failed, key)
			r.rescued(e)
			return
		}
		r.taskFailed(e)
	}
}

// printed shows the message of a print as the output that it is.
func (r *report) printed(e event.TaskEnd) {
	text, isText := e.Result.(string) // hidden
	if result, ok := e.Result.(map[string]any); ok {
		text, isText = result["message"].(string)
	}
	if !isText {
		return
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		r.outputLine(source{host: e.Host, address: e.Address}, strings.TrimSuffix(line, "\r"))
	}
}

// skipped tells of a task that was not run; of a whole job once.
func (r *report) skipped(e event.TaskEnd) {
	why := "skipped"
	because := strings.HasPrefix(e.Reason, "because ")
	switch {
	case because:
		why += " (" + diag.HarmlessLine(e.Reason) + ")"
	case e.Reason == event.ReasonDone:
		why = "was done before"
	}
	switch {
	case r.o.Verbose:
		r.print("%s %s: %s: %s\n", r.Mark(event.Skip), diag.HarmlessLine(e.Host), diag.HarmlessLine(e.Address), why)
	case because && !r.said[e.Job+e.Reason]:
		r.said[e.Job+e.Reason] = true
		r.print("%s job.%s: %s\n", r.Mark(event.Skip), diag.HarmlessLine(e.Job), why)
	}
}

// taskFailed shows a failure, and what there is to say of it beside that.
func (r *report) taskFailed(e event.TaskEnd, more ...string) {
	r.flushOutput(e.Host, e.Address)
	status := string(e.Status)
	if e.Status == event.Unknown {
		status = "outcome unknown"
	}
	if e.Handled {
		more = append(more, "handled")
	}
	if len(more) > 0 {
		status += " (" + strings.Join(more, ", ") + ")"
	}
	after := ""
	if e.Seconds > 0 { // of what was lost nobody knows
		after = " after " + style.Seconds(e.Seconds)
	}
	why, below := headline(e)
	r.print("%s %s: %s: %s%s: %s\n", r.Paint(style.Red, "!"), diag.HarmlessLine(e.Host), diag.HarmlessLine(e.Address),
		r.Paint(style.Red, status), after, why)
	if below != "" {
		r.print("%s", indented(diag.Harmless(below), "    "))
	}
	r.failure(e.Failure)
	r.lastWords(e)
}

// rescued says what became of a failure that was shown when it happened.
func (r *report) rescued(e event.TaskEnd) {
	outcome := "failed: no rescue has handled it"
	if e.Handled {
		outcome = "failed (handled): its rescue has ended well"
	}
	r.print("%s %s: %s: %s\n", r.Paint(style.Red, "!"), diag.HarmlessLine(e.Host), diag.HarmlessLine(e.Address), outcome)
}

// changed shows what a change did: attributes and diff, the diff once for each that is the same.
func (r *report) changed(e event.TaskEnd) {
	c := changes{Style: r.Style}
	switch e.Action {
	case event.Update:
		r.print("%s", c.attributes(event.PlannedChange{Action: e.Action, Before: e.Before, After: e.After}))
	case event.Create:
		r.inShort(event.Create, e.After)
	case event.Remove:
		r.inShort(event.Remove, e.Before)
	case event.Run, event.None, event.Read, event.Skip:
	}
	switch {
	case e.Diff == "" || r.o.Diff == arguments.DiffNone:
		return
	case e.Diff == event.Hidden: // those that look the same need not be
		r.print("        %s\n", event.Hidden)
		return
	}
	const mostKept = 10000
	key := maphash.String(r.seed, e.Diff)
	if first, ok := r.diffs[key]; ok {
		r.print("        %s\n", r.Paint(style.Dim, first.sameFor(e)))
		return
	}
	if len(r.diffs) < mostKept {
		r.diffs[key] = source{host: e.Host, address: e.Address}
	}
	r.print("%s", r.Diff(e.Diff, "        ", 0))
}

// sameFor says that a difference was shown already.
func (s source) sameFor(e event.TaskEnd) string {
	text := "same difference as "
	if s.address != e.Address {
		text += "of " + diag.HarmlessLine(s.address) + " "
	}
	return text + "on " + diag.HarmlessLine(s.host)
}

// inShort shows the attributes of what is new, or of what is gone, on one line.
func (r *report) inShort(verb event.Verb, attributes any) {
	const wide, most = 120, 60
	all, _ := attributes.(map[string]any)
	keys, _ := keysOf(all)
	text := ""
	for i, k := range keys {
		value := []rune(flatValue(all[k]))
		if len(value) > most {
			value = append(value[:most-1], '…')
		}
		part := keyName(k) + " = " + string(value)
		if i > 0 && style.Columns(text)+2+style.Columns(part) > wide {
			text += fmt.Sprintf(", and %d more", len(keys)-i)
			break
		}
		if i > 0 {
			text += ", "
		}
		text += part
	}
	if text != "" {
		r.print("      %s %s\n", r.Mark(verb), text)
	}
}

// lastWords shows the end of what a failed command printed, unless it was seen already.
func (r *report) lastWords(e event.TaskEnd) {
	if e.Sensitive || r.told[source{e.Host, e.Address, ""}] || e.Failure != nil && e.Failure.Quote != "" {
		return
	}
	result, _ := e.Result.(map[string]any)
	for _, stream := range []string{"stdout", "stderr"} {
		const most = 10
		text, _ := result[stream].(string)
		if text == event.Hidden {
			continue
		}
		lines := strings.Split(strings.TrimRight(diag.Harmless(text), "\n"), "\n")
		if len(lines) > most {
			r.print("    %s\n", r.Paint(style.Dim, fmt.Sprintf("… %s of %s before", diag.Count(len(lines)-most, "line"), stream)))
			lines = lines[len(lines)-most:]
		}
		if text != "" {
			r.print("%s", indented(strings.Join(lines, "\n"), "    | "))
		}
	}
}

// end shows what is left when the view is closed.
func (r *report) end() {
	r.live = nil
	r.sayUnseen()
	for s := range r.partial {
		r.flushOutput(s.host, s.address)
	}
}
