package action

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"golang.org/x/sys/unix"

	"runner/agent/disk"
	"runner/agent/view"
	"runner/agent/wire"
)

// Problem is a failure of an action in its own words.
func Problem(hint, format string, values ...any) *wire.Problem {
	return &wire.Problem{Code: wire.CodeAction, Message: fmt.Sprintf(format, values...), Hint: hint}
}

// Cannot says that something cannot be done at a path, and why. What ended the call from outside stays as it is.
func Cannot(what, at string, err error) error {
	var already *wire.Problem
	if errors.As(err, &already) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return Problem(hint(at, err), "cannot %s %s: %s", what, at, reason(at, err))
}

// reason words an error without repeating the path.
func reason(at string, err error) string {
	var failed *fs.PathError
	if !errors.As(err, &failed) {
		return err.Error()
	}
	if failed.Path == at {
		return failed.Err.Error()
	}
	return fmt.Sprintf("cannot %s %s: %v", failed.Op, failed.Path, failed.Err)
}

// RunAsRoot is the hint where this user may not do something.
func RunAsRoot() string {
	if disk.Me() == 0 {
		return "Not even root may do this: the kernel, an attribute or a mount option of the file system, or a security module refuses it."
	}
	return "Run the task as a user who may do this, for example with run_as = \"root\"."
}

// NeedsRoot is the error where what only root may do is wanted by another user; no earlier task changes that.
func NeedsRoot(purpose string) error {
	if disk.Me() == 0 {
		return nil
	}
	return Problem(RunAsRoot(), "cannot %s: %v", purpose, unix.EPERM)
}

func hint(at string, err error) string {
	var missing *view.MissingError
	var link *view.LinkError
	var account *view.AccountError
	var kind *disk.KindError
	var changed *disk.ChangedError
	var loop *view.LoopError
	switch {
	case errors.As(err, &missing):
		return fmt.Sprintf("Make the directory with a task before this one: task \"directory\" with the path %s.", path.Dir(at))
	case errors.As(err, &link):
		return "Name the path without the link, or let the link belong to root or to the user that the task runs as."
	case errors.As(err, &account):
		return fmt.Sprintf("Make the %s with a task before this one, or give its number.", account.Kind)
	case errors.As(err, &loop):
		return "The links lead in a circle: remove one of them, or name the path that was meant."
	case errors.As(err, &kind):
		return "Remove it, or choose another path."
	case errors.As(err, &changed):
		return "Something else writes there too; run again when it has ended."
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return "Make room on the file system; what was there before is still there."
	case errors.Is(err, fs.ErrPermission):
		return RunAsRoot()
	case errors.Is(err, unix.ENOENT) && creates(err):
		return "The file system there takes no new files."
	case errors.Is(err, unix.EROFS):
		return "The file system is mounted read-only."
	}
	return ""
}

// creates tells whether it was a new file that could not be made.
func creates(err error) bool {
	failed, ok := errors.AsType[*fs.PathError](err)
	return ok && failed.Op == "create"
}

// IsUnknown tells errors that an earlier task may yet prevent.
func IsUnknown(err error) bool {
	_, unknown := errors.AsType[*view.UnknownError](err)
	return unknown
}

// Gone tells errors of finding a path that mean that nothing is there.
func Gone(err error) bool {
	var kind *disk.KindError
	return errors.Is(err, fs.ErrNotExist) || errors.As(err, &kind) && kind.Kind != disk.Directory
}
