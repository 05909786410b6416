// Package action holds what an agent can do on its target, one file or folder for each action. An action compares what
// is wanted with what is there (Look) and makes the difference (Act); it knows nothing of links, peers or the language.
// Its neighbours are agent, which runs it, agent/schema, which describes its arguments, and agent/process, which runs
// its processes.
package action

import (
	"context"
	"io"

	"runner/agent/schema"
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

// Outcome is what Look found or Act did.
type Outcome struct {
	Change wire.Change
	Values any // a struct or map in the names that the action documents; nil for none
}

// Env is what an agent offers to an action.
type Env struct {
	Mode      wire.Mode
	View      *view.View                         // the target's files, in ModeLook as the earlier calls of the pipeline will leave them
	Environ   []string                           // of the task's processes, complete
	Dir       string                             // where they run unless the task says else
	Input     func() io.Reader                   // the call's input; the first Read asks for it
	Live      func(stream wire.Stream) io.Writer // where output is copied to as it comes; nil when nobody watches
	Unsettled bool                               // ModeLook: an earlier call of the pipeline would change or run something
	Unknown   []string                           // ModeLook: arguments that only the run will give
}

// Definition is an action as the agent and the language know it.
type Definition struct {
	schema.Block
	New func() Action
}
