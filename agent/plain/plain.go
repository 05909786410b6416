// Package plain puts what the operating system says of files into plain words, for people who do not know its calls. The
// controller and the agent use it where an error is shown; what to do about one is for whoever shows it.
package plain

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"syscall"
)

// File says why a file or directory cannot be read: a sentence without its capital and its full stop.
func File(name string, err error) string {
	quoted := strconv.Quote(name)
	switch err = Cause(err); {
	case errors.Is(err, fs.ErrNotExist):
		return "there is no file or directory " + quoted
	case errors.Is(err, fs.ErrPermission):
		return quoted + " cannot be read: permission denied"
	case errors.Is(err, syscall.EISDIR):
		return quoted + " is a directory, and a file is needed"
	case errors.Is(err, syscall.ENOTDIR):
		return quoted + ", or a part of its path, is a file, and a directory is needed"
	case errors.Is(err, syscall.ELOOP):
		return quoted + " is a link that leads in a circle"
	case errors.Is(err, syscall.ENAMETOOLONG):
		return "the path " + quoted + " is too long"
	}
	return fmt.Sprintf("%s cannot be read: %v", quoted, err)
}

// Cause is what went wrong with a file that has been named already.
func Cause(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	if link, ok := errors.AsType[*os.LinkError](err); ok {
		return link.Err
	}
	return err
}

// Reading is an error that reading a file or directory has given, in plain words. Other errors are as they were.
func Reading(err error) error {
	if path, ok := err.(*fs.PathError); ok { //nolint:errorlint // what stands around one would be lost
		return &reading{path}
	}
	return err
}

// reading is an error whose text is that of File.
type reading struct{ cause *fs.PathError }

func (e *reading) Error() string { return File(e.cause.Path, e.cause) }

func (e *reading) Unwrap() error { return e.cause }
