// Package event is what a run tells while it goes on: one type for each thing that happens, in the names and meanings of
// the --json table in docs/cli.md. The executor emits them, cmd/runner/cli/views shows them; nothing here does either.
// Fields without a JSON name are for people only. Fields are only ever added within Format's major number.
package event

import (
	"time"

	"runner/planner/plan"
)

// Format is the version of the JSON form.
const Format = "1.0"

// Hidden stands for a value that must not be shown. Whoever makes an event puts it there, and Mask where a value comes back: what reaches a
// sink is shown.
const Hidden = "(sensitive)"

// Event is one of the types of this package, by value.
type Event interface{ Kind() Kind }

// Sink takes events, from any number of goroutines. Those of one goroutine keep their order. Emit may return before they are
// shown, may block while the output does, and never fails: a run does not end because nobody can read about it any more.
type Sink interface{ Emit(Event) }

// Kind is the "type" of an event.
type Kind string

// The kinds.
const (
	KindVersion       Kind = "version"
	KindDiagnostic    Kind = "diagnostic"
	KindRunStart      Kind = "run_start"
	KindOutline       Kind = "outline"
	KindConnection    Kind = "connection"
	KindPlannedChange Kind = "planned_change"
	KindPlanSummary   Kind = "plan_summary"
	KindSent          Kind = "sent"
	KindThrough       Kind = "through"
	KindIdentity      Kind = "identity"
	KindTaskStart     Kind = "task_start"
	KindOutput        Kind = "output"
	KindProgress      Kind = "progress"
	KindEarlyFailure  Kind = "early_failure"
	KindTaskEnd       Kind = "task_end"
	KindHostEnd       Kind = "host_end"
	KindRunEnd        Kind = "run_end"
)

// Version is the first event of every output.
type Version struct {
	Format string `json:"format"`
	Runner string `json:"runner"`
}

// Diagnostic is an error or a warning about the site, or about a host of it.
type Diagnostic struct {
	Severity string `json:"severity"` // error, warning
	Code     string `json:"code"`
	Summary  string `json:"summary"`
	Detail   string `json:"detail"`
	File     string `json:"file"`
	Range    *Range `json:"range"`
	Host     string `json:"host"`
	Address  string `json:"address"`

	Failure *Failure `json:"-" cbor:"failure"`
}

// Range is a part of a file.
type Range struct {
	Start Position `json:"start"`
	End   Position `json:"end"`
}

// RangeOf is the range of a place; nil if it has none.
func RangeOf(p plan.Place) *Range {
	if p.Line == 0 {
		return nil
	}
	return &Range{Start: Position{p.Line, p.Column, p.Byte}, End: Position{p.EndLine, p.EndColumn, p.EndByte}}
}

// Position is a place in a file.
type Position struct {
	Line   int `json:"line"`   // from 1
	Column int `json:"column"` // from 1, in characters
	Byte   int `json:"byte"`   // from 0
}

// RunStart comes before the first connection.
type RunStart struct {
	Run     string `json:"run"`
	Site    string `json:"site"`
	Hosts   int    `json:"hosts"`
	Resumed bool   `json:"resumed"`
}

// Outline is what is about to be looked at or done. It is for people only.
type Outline struct {
	// Ordered: the changes of a task come together, and tasks in their order.
	Ordered bool
	Plan    *plan.Plan
	Preview bool
	Check   bool // a preview to compare with an earlier one: nothing of it is shown
}

// ConnectionStatus is what became of a hop.
type ConnectionStatus string

// The states of a hop.
const (
	Opening    ConnectionStatus = "opening"
	Ready      ConnectionStatus = "ready"
	ConnFailed ConnectionStatus = "failed"
	Closed     ConnectionStatus = "closed"
)

// Connection tells of one hop of a host's chain.
type Connection struct {
	Host      string           `json:"host"`
	Hop       int              `json:"hop"` // from 0
	Transport string           `json:"transport"`
	User      string           `json:"user"`
	Status    ConnectionStatus `json:"status"`
	Reused    bool             `json:"reused"`
	Seconds   float64          `json:"seconds"` // since opening
	Error     string           `json:"error"`

	Title   string   `json:"-" cbor:"title"` // "ssh deploy@127.0.1.1"
	Failure *Failure `json:"-" cbor:"failure"`
}

// Verb says what a change is.
type Verb string

// The verbs.
const (
	Create Verb = "create"
	Update Verb = "update"
	Remove Verb = "remove"
	Run    Verb = "run"
	None   Verb = "none"
	Read   Verb = "read"
	Skip   Verb = "skip"
)

// Changes says whether something is done to the host.
func (v Verb) Changes() bool { return v == Create || v == Update || v == Remove || v == Run }

// PlannedChange is what a task would do on a host.
type PlannedChange struct {
	Job     string   `json:"job"`
	Address string   `json:"address"` // with ["key"] under for_each
	Host    string   `json:"host"`
	Action  Verb     `json:"action"`
	Before  any      `json:"before"` // plain map of attributes, nil on create
	After   any      `json:"after"`  // plain map of attributes, nil on remove
	Diff    string   `json:"diff"`
	Unknown []string `json:"unknown"` // paths of attributes that only the run will give; "action": whether there is anything to do
	Reason  string   `json:"reason"`  // in words, why something other than an argument is unknown, or may be refused
	Outcome Status   `json:"outcome"` // the status that the task will end with if all goes well; "" where that is not known

	// State tells the state that the change was computed from where Before must not: a digest that says nothing else.
	State []byte `json:"-" cbor:"state,omitempty"`
	// Call tells all that the agent is asked for, but for what is sensitive: a digest of it.
	Call  []byte `json:"-" cbor:"call,omitempty"`
	Brief bool   `json:"-" cbor:"brief"` // its attributes were not looked at: they are like those of other hosts, but for their texts
}

// Unreported says whether there is a change, and the task's changed_when will say that there was none.
func (p PlannedChange) Unreported() bool { return p.Outcome == OK && p.Action.Changes() }

// PlanSummary ends a plan.
type PlanSummary struct {
	Create      int `json:"create"`
	Update      int `json:"update"`
	Remove      int `json:"remove"`
	Run         int `json:"run"`
	None        int `json:"none"`
	Unreported  int `json:"unreported"` // of the changes, those that changed_when will report as none
	Hosts       int `json:"hosts"`
	Connections int `json:"connections"`
	Reused      int `json:"reused"`
	Pipelines   int `json:"pipelines"`
}

// Target is one user of one running system.
type Target struct {
	Machine string `json:"machine"`
	User    string `json:"user"`
}

// TaskStart tells that an attempt at a task has begun.
type TaskStart struct {
	Job     string `json:"job"`
	Address string `json:"address"`
	Host    string `json:"host"`
	Target  Target `json:"target"`
	Attempt int    `json:"attempt"` // from 1
}

// Sent tells that a call is about to be sent: from then on nobody knows what it has done until its TaskEnd says so, or that it
// has certainly not begun, and may be sent again. It is for records only.
type Sent struct {
	Address   string `json:"address"`
	Host      string `json:"host"`
	Withdrawn bool   `json:"withdrawn"` // it has not begun
}

// Identity tells what a host is known by, when it has been reached. It is for records only.
type Identity struct {
	Host  string   `json:"host"`
	Known []string `json:"known"` // in words: "the machine id …"
}

// Through tells that a handler which was due on a host has run well, or will not have to. It is for records only.
type Through struct {
	Job     string `json:"job"`
	Host    string `json:"host"`
	Handler string `json:"handler"` // its address, without a key
}

// Output is a piece of what a running task prints; pieces end anywhere.
type Output struct {
	Address string `json:"address"`
	Host    string `json:"host"`
	Stream  string `json:"stream"` // stdout, stderr
	Text    string `json:"text"`
}

// Progress tells how far a long transfer is. It is for people only.
type Progress struct {
	Host    string
	Address string // empty: the agent itself is on its way
	Bytes   int64
	Total   int64 // 0: not known
}

// Status is how a task ended on a host.
type Status string

// The ways a task can end.
const (
	OK          Status = "ok"
	Changed     Status = "changed"
	Failed      Status = "failed"
	Skipped     Status = "skipped"
	Unreachable Status = "unreachable"
	Unknown     Status = "unknown" // contact was lost while it ran
	Cancelled   Status = "cancelled"
)

// ReasonDone is that of a task which is skipped because the run that this one goes on with has done it.
const ReasonDone = "done"

// TaskEnd tells how a task, or an element of its for_each, ended on a host. There is one for each, whatever its attempts.
type TaskEnd struct {
	Job      string  `json:"job"`
	Address  string  `json:"address"` // with ["key"] under for_each
	Host     string  `json:"host"`
	Target   *Target `json:"target"` // nil when it never got there
	Status   Status  `json:"status"`
	Reason   string  `json:"reason"` // of an abnormal end: exit, signal, timeout, lost, …
	Handled  bool    `json:"handled"`
	Attempts int     `json:"attempts"`
	Started  Time    `json:"started"` // the target's clock
	Seconds  float64 `json:"seconds"` // of the last attempt
	Result   any     `json:"result"`  // plain map, as expressions see it
	Diff     string  `json:"diff"`
	Error    string  `json:"error"`

	Action    Verb     `json:"-" cbor:"action"` // what it did
	Before    any      `json:"-" cbor:"before"` // plain map of attributes, as in PlannedChange
	After     any      `json:"-" cbor:"after"`
	Sensitive bool     `json:"-" cbor:"sensitive"` // its result is hidden
	Failure   *Failure `json:"-" cbor:"failure"`
	// Notified are the addresses of the handlers that are due because of it.
	Notified []string `json:"-" cbor:"notified"`
	Handler  string   `json:"-" cbor:"handler"` // the address of the handler that this is the end of, without a key
}

// EarlyFailure tells at once of a task's failure that a rescue may handle, or whose end an always delays: its TaskEnd
// comes when that has ended. It is for people only, and has no JSON form.
type EarlyFailure struct{ TaskEnd }

// Failure is an error as people need it.
type Failure struct {
	Message string
	Hop     string // of a chain, where one failed: "sudo root"
	Hint    string // a full sentence: what to do
	Quote   string // last words of the program that failed, as it printed them
	Locked  bool   // the host is there, and another run's
	Place   plan.Place
	Cause   error `cbor:"-"` // with its type: an evaluation error has diagnostics of its own
}

// Lost says in two or three words why there is nothing to be done on a host.
func (f *Failure) Lost() string {
	if f != nil && f.Locked {
		return "is locked"
	}
	return "cannot be reached"
}

// Text is the failure in one line, without the quote.
func (f *Failure) Text() string {
	text := f.Message
	if f.Hop != "" {
		text = f.Hop + ": " + text
	}
	if f.Hint != "" {
		text += ". " + f.Hint
	}
	return text
}

// Counts are numbers of tasks by how they ended.
type Counts struct {
	OK          int `json:"ok"`
	Changed     int `json:"changed"`
	Failed      int `json:"failed"` // those that were handled among them
	Skipped     int `json:"skipped"`
	Unreachable int `json:"unreachable"`
	Unknown     int `json:"unknown"`
	Cancelled   int `json:"cancelled"`
}

// Add counts one more end.
func (c *Counts) Add(s Status) {
	switch s {
	case OK:
		c.OK++
	case Changed:
		c.Changed++
	case Failed:
		c.Failed++
	case Skipped:
		c.Skipped++
	case Unreachable:
		c.Unreachable++
	case Unknown:
		c.Unknown++
	case Cancelled:
		c.Cancelled++
	}
}

// HostEnd tells that a job is through with a host.
type HostEnd struct {
	Host string `json:"host"`
	Job  string `json:"job"`
	Counts
}

// RunStatus is how a run ended.
type RunStatus string

// The ways a run can end.
const (
	RunOK          RunStatus = "ok"
	RunFailed      RunStatus = "failed"
	RunUnreachable RunStatus = "unreachable"
	RunStale       RunStatus = "stale"
	RunInterrupted RunStatus = "interrupted"
)

// RunEnd is the last event of a run.
type RunEnd struct {
	Run    string    `json:"run"`
	Status RunStatus `json:"status"`
	Counts
	Hosts         int            `json:"hosts"`
	Seconds       float64        `json:"seconds"`
	RoundTrips    int            `json:"round_trips"` // the longest chain of request-then-wait on any one connection, after the last authentication
	BytesSent     int64          `json:"bytes_sent"`
	BytesReceived int64          `json:"bytes_received"`
	Connections   int            `json:"connections"`
	Reused        int            `json:"reused"`
	Outputs       map[string]any `json:"outputs"` // plain
}

// Time is printed in RFC 3339, in UTC, with nine digits of fraction; the zero time is null.
type Time time.Time

// Layout is how times are printed, after they were converted to UTC.
const Layout = "2006-01-02T15:04:05.000000000Z"

// MarshalBinary implements encoding.BinaryMarshaler.
func (t Time) MarshalBinary() ([]byte, error) {
	return time.Time(t).MarshalBinary() //nolint:wrapcheck // what it is
}

// UnmarshalBinary implements encoding.BinaryUnmarshaler.
func (t *Time) UnmarshalBinary(data []byte) error {
	return (*time.Time)(t).UnmarshalBinary(data) //nolint:wrapcheck // what it is
}

// MarshalJSON prints the time.
func (t Time) MarshalJSON() ([]byte, error) {
	if time.Time(t).IsZero() {
		return []byte("null"), nil
	}
	return []byte(`"` + time.Time(t).UTC().Format(Layout) + `"`), nil
}
