package files

import (
	"context"

	"runner/agent/action"
	"runner/agent/view"
)

// Rewrite is a file whose content is made of the content that is there: for actions that keep a few lines of a file and
// leave the rest as it is. A link at the path is an error: what it leads to would be lost.
type Rewrite struct {
	File
	// Make returns the new content; nil: there is to be no file. old is nil where none is.
	Make func(old []byte) ([]byte, error)
	// Trust, if set, tells whether what is at the path may be read.
	Trust func(p *view.Place) error
}

// Look reads the file, and finds out what the new content changes.
func (r *Rewrite) Look(ctx context.Context, env *action.Env) (action.Outcome, error) {
	mine := *env
	mine.Unknown = nil
	r.State = ""
	r.Edit(Edit{Change: r.Make, Create: true, Trust: r.Trust})
	return r.File.Look(ctx, &mine)
}
