package files

import (
	"context"

	"runner/agent/action"
	"runner/agent/disk"
	"runner/agent/view"
	"runner/agent/wire"
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
	old, known, err := r.read(ctx, env)
	if err != nil {
		return action.Outcome{}, err
	}
	mine := *env
	mine.Unknown = nil
	if !known {
		mine.Unknown = []string{"content"}
		return r.File.Look(ctx, &mine)
	}
	content, err := r.Make(old)
	if err != nil {
		return action.Outcome{}, err
	}
	r.Content, r.State = content, ""
	if content == nil {
		r.State = "absent"
	}
	return r.File.Look(ctx, &mine)
}

// read returns what is in the file, if that is known.
func (r *Rewrite) read(ctx context.Context, env *action.Env) (old []byte, known bool, err error) {
	p, err := env.View.Find(r.Path)
	switch {
	case action.IsUnknown(err):
		return nil, false, nil
	case action.Gone(err): // the file action says what is missing
		return nil, true, nil
	case err != nil:
		return nil, false, action.Cannot("read", r.Path, err)
	}
	defer p.Close()
	switch {
	case p.Entry == nil:
		return nil, true, nil
	case p.Entry.Unknown&view.Kind != 0:
		return nil, false, nil
	case p.Entry.Kind == disk.Link:
		return nil, false, action.Problem("Name the path that it points to.", "cannot write %s: it is a symbolic link to %s", r.Path, p.Entry.Target)
	case p.Entry.Kind != disk.Regular:
		return nil, false, action.Cannot("write", r.Path, &disk.KindError{Path: "it", Kind: p.Entry.Kind})
	}
	if r.Trust != nil {
		if err := r.Trust(p); err != nil {
			return nil, false, err
		}
	}
	content, err := p.Read(ctx, wire.MaxInline)
	switch {
	case err != nil:
		return nil, false, action.Cannot("read", r.Path, err)
	case content.Unknown:
		return nil, false, nil
	case content.Bytes == nil:
		return nil, false, action.Problem("", "cannot write %s: it has %d bytes, more than the %d of the largest that is changed line by line", r.Path, content.Size, wire.MaxInline)
	}
	return content.Bytes, true, nil
}
