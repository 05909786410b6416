package transfer

import (
	"context"
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"

	"runner/agent/disk"
	"runner/agent/wire"
)

// Explain makes an error of a copy what people read. What has ended the copy from outside stays as it is.
func Explain(err error) error {
	var already *wire.Problem
	var kind *disk.KindError
	if errors.As(err, &already) || errors.Is(err, context.Canceled) || errors.As(err, new(*CutError)) {
		return err
	}
	p := &wire.Problem{Code: wire.CodeAction, Message: err.Error()}
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		p.Message = "cannot " + operation(at.Op) + " " + at.Path + ": " + at.Err.Error()
	}
	switch {
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		p.Hint = "Make room on the file system; what was there before is still there."
	case errors.Is(err, unix.EBUSY):
		p.Hint = "Something is mounted there, or it is in use."
	case errors.As(err, &kind) && kind.Kind == disk.Link:
		p.Hint = "A copy does not go through links that it finds in its destination. Remove it, or name what it leads to."
	case errors.As(err, &kind):
		p.Hint = "Remove it, or choose another path."
	}
	return p
}

// operation words what the system's calls are called.
func operation(op string) string {
	switch op {
	case "stat", "lstat":
		return "look at"
	}
	return op
}
