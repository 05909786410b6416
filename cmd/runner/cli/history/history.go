// Package history writes what executor/record has kept, for people and as JSON: the list of runs, and what is known of one
// beside its events, which package views shows.
package history

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"runner/agent/bootstrap"
	"runner/cmd/runner/cli/jsonlines"
	"runner/executor/event"
	"runner/executor/record"
	"runner/lang/diag"
)

// entry is a run as JSON.
type entry struct {
	Run      string          `json:"run"`
	Command  string          `json:"command"`
	Status   event.RunStatus `json:"status"` // as in run_end, or running, or killed
	Site     string          `json:"site"`
	SiteHash string          `json:"site_hash"`
	Began    event.Time      `json:"began"`
	Ended    event.Time      `json:"ended"` // null: it has not said
	Seconds  float64         `json:"seconds"`
	User     string          `json:"user"`
	Host     string          `json:"controller"`
	Runner   string          `json:"runner"`
	Resumes  string          `json:"resumes"` // the run that it went on with
	Flags    []string        `json:"flags"`
	event.Counts
	Hosts int `json:"hosts"`
}

func newEntry(r *record.Summary) entry {
	return entry{
		Run: r.ID, Command: r.Start.Command, Status: r.Status, Site: r.Start.Site, SiteHash: r.Start.Hash,
		Began: event.Time(r.Began), Ended: event.Time(r.Ended), Seconds: r.End.Seconds,
		User: r.Start.User, Host: r.Start.Host, Runner: r.Start.Runner, Resumes: r.Start.Resumes,
		Flags: append([]string{}, r.Start.Flags...), Counts: r.Counts, Hosts: r.End.Hosts,
	}
}

// JSON writes runs, one object a line.
func JSON(out io.Writer, runs []record.Summary) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for i := range runs {
		if err := enc.Encode(newEntry(&runs[i])); err != nil {
			return fmt.Errorf("cannot write the history: %w", err)
		}
	}
	return nil
}

// Text writes runs as a table.
func Text(out io.Writer, runs []record.Summary) error {
	if len(runs) == 0 {
		_, err := fmt.Fprintln(out, "No such run is on record.")
		return err //nolint:wrapcheck // it says what it is about
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "RUN\tBEGAN\tCOMMAND\tSTATUS\tTASKS\tSITE") //nolint:errcheck // Flush says it
	for i := range runs {
		r := &runs[i]
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", r.ID, r.Began.Local().Format(time.DateTime), r.Start.Command, r.Status, //nolint:errcheck // Flush says it
			counts(r.Counts), diag.HarmlessLine(r.Start.Site))
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("cannot write the history: %w", err)
	}
	return nil
}

// counts says how tasks ended, without what did not occur.
func counts(c event.Counts) string {
	var out []string
	for _, p := range []struct {
		n    int
		word event.Status
	}{
		{c.OK, event.OK},
		{c.Changed, event.Changed},
		{c.Failed, event.Failed},
		{c.Skipped, event.Skipped},
		{c.Unreachable, event.Unreachable},
		{c.Unknown, event.Unknown},
		{c.Cancelled, event.Cancelled},
	} {
		if p.n > 0 {
			out = append(out, fmt.Sprintf("%d %s", p.n, p.word))
		}
	}
	if len(out) == 0 {
		return "-"
	}
	return strings.Join(out, ", ")
}

// Heading says what a run was, for people. The successor is the run that has gone on with it; "" if none has.
func Heading(r *record.Summary, successor string) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("Run %s: %s", r.ID, diag.HarmlessLine(commandLine(r)))
	line("by %s at %s, runner %s", diag.HarmlessLine(r.Start.User+"@"+r.Start.Host), r.Began.Local().Format(time.DateTime), diag.HarmlessLine(r.Start.Runner))
	if r.Start.Resumes != "" {
		line("It goes on with run %s.", r.Start.Resumes)
	}
	switch r.Status { //nolint:exhaustive // the others are told by the end of the run
	case record.Running:
		line("It is still under way.")
	case record.Killed:
		line("It was killed, or its record could not be written to the end: what follows is all that is known.")
	}
	unfinished := r.Status != event.RunOK && r.Status != event.RunStale && r.Status != record.Running && r.Start.Command == "apply"
	switch {
	case successor != "":
		line("Run %s has gone on with it.", successor)
	case unfinished:
		line("To go on with it: runner apply --resume %s", r.ID)
	}
	for _, v := range r.Start.Variables {
		line("  %s = %s", v.Name, shown(v))
	}
	line("")
	return b.String()
}

// commandLine is what was asked for, as a shell takes it.
func commandLine(r *record.Summary) string {
	words := []string{"runner", r.Start.Command}
	flags, argv := r.Start.Flags, []string(nil)
	if i := slices.Index(flags, "--"); i >= 0 {
		flags, argv = flags[:i], flags[i:]
	}
	var rest []string
	for _, f := range flags {
		name, value, ok := strings.Cut(f, " ")
		switch {
		case ok && name == "--limit" && r.Start.Command == "exec": // its argument
			words = append(words, value)
		case ok:
			rest = append(rest, name, value)
		default:
			rest = append(rest, name)
		}
	}
	if r.Start.Command == "exec" {
		words = append(words, "--site")
	}
	words = slices.Concat(words, []string{r.Start.Site}, rest, argv)
	for i, w := range words {
		if quoted, err := bootstrap.Quote(w); err == nil {
			words[i] = quoted
		}
	}
	return strings.Join(words, " ")
}

// shown is a variable's value for people.
func shown(v record.Variable) string {
	if v.Value == nil {
		return event.Hidden
	}
	return diag.HarmlessLine(string(plain(v.Value)))
}

// plain takes the type away that stands beside a value.
func plain(value []byte) json.RawMessage {
	var typed struct {
		Value json.RawMessage `json:"value"`
	}
	if err := json.Unmarshal(value, &typed); err != nil || typed.Value == nil {
		return json.RawMessage("null")
	}
	return typed.Value
}

// run is one in full.
type run struct {
	entry
	RoundTrips  int                        `json:"round_trips"`
	Sent        int64                      `json:"bytes_sent"`
	Received    int64                      `json:"bytes_received"`
	Connections int                        `json:"connections"`
	Reused      int                        `json:"reused"`
	Variables   map[string]json.RawMessage `json:"variables"` // a sensitive one is "(sensitive)"
	Outputs     map[string]any             `json:"outputs"`
	Changes     []json.RawMessage          `json:"changes"` // planned_change
	Tasks       []json.RawMessage          `json:"tasks"`   // task_end
	Diagnostics []json.RawMessage          `json:"diagnostics"`
	Failed      []json.RawMessage          `json:"failed_connections"` // connection
}

// RunJSON writes a run with its events as one object.
func RunJSON(out io.Writer, store *record.Store, r *record.Summary) error {
	object := run{
		entry: newEntry(r), RoundTrips: r.End.RoundTrips, Sent: r.End.BytesSent, Received: r.End.BytesReceived,
		Connections: r.End.Connections, Reused: r.End.Reused, Outputs: r.End.Outputs, Variables: map[string]json.RawMessage{},
		Changes: []json.RawMessage{}, Tasks: []json.RawMessage{}, Diagnostics: []json.RawMessage{}, Failed: []json.RawMessage{},
	}
	if object.Outputs == nil {
		object.Outputs = map[string]any{}
	}
	for _, v := range r.Start.Variables {
		object.Variables[v.Name] = json.RawMessage(`"` + event.Hidden + `"`)
		if v.Value != nil {
			object.Variables[v.Name] = plain(v.Value)
		}
	}
	object.Counts = event.Counts{}
	err := store.Events(r, func(e event.Event, at time.Time) error {
		var to *[]json.RawMessage
		switch e := e.(type) {
		case event.PlannedChange:
			to = &object.Changes
		case event.TaskEnd:
			to = &object.Tasks
			object.Add(e.Status)
		case event.Diagnostic:
			to = &object.Diagnostics
		case event.Connection:
			if e.Status == event.ConnFailed {
				to = &object.Failed
			}
		}
		if to != nil {
			*to = append(*to, json.RawMessage(jsonlines.Line(e, at)))
		}
		return nil
	})
	if err != nil {
		return err //nolint:wrapcheck // it says what it is about
	}
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(object); err != nil {
		return fmt.Errorf("cannot write the run: %w", err)
	}
	return nil
}
