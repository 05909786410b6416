// Package action says what an action is: what a task has an agent do on its target. An action compares what is wanted with
// what is there (Look) and makes the difference (Act); it knows nothing of links, peers or the language. Here is also what
// actions have in common: errors with hints, owners and modes, outcomes. The actions are in the packages below, one for each
// family; catalog lists them. Neighbours are agent, which runs them, agent/schema, which describes their arguments, agent/view
// and agent/disk, through which they see and change files, and agent/process, which runs their processes.
//
// Differences between texts are found on the target and not on the controller, because old and new content meet there:
// sending the old content back would cost more bytes than the diff, and show what is on a target to more places than need it.
package action

import (
	"context"
	"io"
	"slices"

	"runner/agent/process"
	"runner/agent/view"
	"runner/agent/wire"
)

// Action is one call's work. Its value is a pointer to a struct that the call's arguments are decoded into: the CBOR
// names are the names of the language, absent optional arguments stay at their zero value (pointers where zero means
// something).
type Action interface {
	// Look finds the change and makes none. With ModeLook it leaves everything as it is, modification times included,
	// and tells the view what the target will look like afterwards. An error here is what Act would fail with.
	Look(ctx context.Context, env *Env) (Outcome, error)
	// Act makes the change that Look has just found. It is not called for VerbNone and VerbRead.
	Act(ctx context.Context, env *Env, found Outcome) (Outcome, error)
}

// Outcome is what Look found or Act did. An Act that fails may return one beside its error: what a program printed.
type Outcome struct {
	Change wire.Change // without Before and After
	// Before and After are the attributes of what the change is about; nil where it is not there.
	Before, After map[string]any
	// Values are a struct or map in the names that the action documents. From a Look they are what Act will give; nil:
	// only the run will tell.
	Values any
}

// Env is what an agent offers to an action.
type Env struct {
	Mode      wire.Mode
	View      *view.View // the target's files: view.Live, or in ModeLook view.Preview, as the earlier calls will leave them
	Processes Runner
	Environ   []string                            // of the task's processes, complete
	Dir       string                              // where they run unless the task says else
	Input     func() io.Reader                    // the call's input; the first Read asks for it, and Read fails when the call is ended
	Live      func(stream wire.Stream) io.Writer  // where output is copied to as it comes; nil when nobody watches
	Output    func(ctx context.Context) io.Writer // what the controller takes for itself, of an action that it exchanges data with
	Unsettled bool                                // ModeLook: an earlier call of the pipeline would change or run something
	WholeDiff bool                                // a diff is not to be shortened
	Unknown   []string                            // ModeLook: arguments that only the run will give
	// Touched is told of every directory in which something was changed (or the file itself, if it is a mount point) and of
	// its file system, which is to be synced before the job is reported done. It may be nil.
	Touched func(path string, device uint64)
	Cache   string // a directory of this user's alone for what can be had again, which allows execution; "": there is none
}

// Runner runs a program to its end; process.Table is one.
type Runner interface {
	Run(ctx context.Context, c process.Command) (process.Exit, error)
}

// IsUnknown tells whether an argument is not known yet.
func (e *Env) IsUnknown(name string) bool { return slices.Contains(e.Unknown, name) }

// Watched is where a stream of output is copied to as it comes; nil when nobody watches.
func (e *Env) Watched(stream wire.Stream) io.Writer {
	if e.Live == nil {
		return nil
	}
	return e.Live(stream)
}

// Touch tells that something was changed at a place.
func (e *Env) Touch(p *view.Place) {
	switch {
	case e.Touched == nil || p.Dir == nil:
	case p.Entry != nil && p.Entry.ID.Device != p.Parent.ID.Device: // a mount point
		e.Touched(p.Path, p.Entry.ID.Device)
	default:
		e.Touched(p.Dir.Path, p.Parent.ID.Device)
	}
}

// Definition is an action as the agent knows it.
type Definition struct {
	Name    string
	Preview Preview
	New     func() Action
}

// Preview says how an action is previewed.
type Preview string

// The ways to preview.
const (
	Exact Preview = "exact" // by comparing what is there with what is wanted: the plan says what will be done
	Runs  Preview = "runs"  // only whether a program will run can be said
)

// Doubtful is the change where there is nothing to do now, and a program runs before, so that there may be then.
func (d Definition) Doubtful() wire.Change {
	c := wire.Change{Verb: wire.VerbUpdate, Unknown: []string{"action"}}
	if d.Preview == Runs {
		c.Verb = wire.VerbRun
	}
	return c
}
