package view

import "io/fs"

// MissingError says that a directory on the way to a path is missing.
type MissingError struct{ Path string }

func (e *MissingError) Error() string { return e.Path + " does not exist" }

func (e *MissingError) Unwrap() error { return fs.ErrNotExist }

// UnknownError says that only the run will tell what is at a path.
type UnknownError struct {
	Path string
	Err  error // what it would be if no earlier task changed it; may be nil
}

func (e *UnknownError) Error() string {
	return "what is at " + e.Path + " depends on an earlier task"
}

func (e *UnknownError) Unwrap() error { return e.Err }

// LinkError says that a link on the way leads to a place that whoever could have put it there does not own.
type LinkError struct{ Path string }

func (e *LinkError) Error() string {
	return "the symbolic link " + e.Path + " is not followed: somebody else than root and this user could have put it there"
}

// LoopError says that links lead in a circle, or on and on.
type LoopError struct{ Path string }

func (e *LoopError) Error() string { return "too many symbolic links at " + e.Path }
