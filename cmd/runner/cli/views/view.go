// Package views shows people what a command does, as text, with a live region at the bottom when the output is a terminal.
// Every view has one goroutine that writes; nothing else may write to its outputs until it is closed. Its neighbours are
// executor/event, whose events it takes, lang/diag, which renders diagnostics, and jsonlines, the view for programs. It decides
// nothing: exit codes, questions and what runs are cli's.
package views

import (
	"io"
	"time"

	"github.com/hashicorp/hcl/v2"

	"runner/cmd/runner/cli/arguments"
	"runner/cmd/runner/cli/jsonlines"
	"runner/executor/event"
)

// View shows a run. All methods may be called by many goroutines.
type View interface {
	// Emit shows an event, and programs when it happened: zero is now.
	Emit(e event.Event, at time.Time)
	// Diagnose shows errors and warnings, and as Emit when they were found.
	Diagnose(diags hcl.Diagnostics, at time.Time)
	// Close shows what is still waiting to be shown and returns the first error of writing. It may be called twice.
	Close() error
}

// Options say what a view writes to, and how.
type Options struct {
	Out, Err io.Writer
	Size     func() (width, height int) // of the terminal that Out is; nil: it is none
	Color    bool                       // on Out
	ErrSize  func() (width, height int) // of the terminal that Err is; nil: it is none
	ErrColor bool                       // on Err
	Verbose  bool
	Diff     arguments.Diff
	Exec     bool     // a single command on many hosts: its output is the result
	Apply    bool     // a preview is not what was asked for
	Limits   []string // what a plan was limited by, as it was asked for: "--limit web1"
	Markdown bool     // a plan is a comment for a pull request
	// Files are the site's, for the lines that diagnostics quote. The caller fills the map before the first diagnostic
	// and the first run.
	Files map[string]*hcl.File
	Log   *Log // diverted to this view while it is open; may be nil
}

// New returns the view for people, or for programs.
func New(json bool, o Options) View {
	switch {
	case json:
		return jsonlines.New(o.Out)
	case o.Markdown:
		return newMarkdown(o)
	}
	return newHuman(o)
}

// redraw is the time between two drawings of the live region.
const redraw = 100 * time.Millisecond

// queue is how many events may wait for a slow output before their senders do.
const queue = 1024
