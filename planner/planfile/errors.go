package planfile

import (
	"errors"
	"fmt"
)

// ErrNotKept tells that a plan file does not hold a file, because its name was not known when the plan was made.
var ErrNotKept = errors.New("the plan does not hold it: its name was not known when the plan was made")

// DamagedError tells that a file is no plan, or not as it was written.
type DamagedError struct{ Why string }

func (e *DamagedError) Error() string { return "this is not a whole plan file: " + e.Why }

// VersionError tells that a file has another format.
type VersionError struct{ Format int }

func (e *VersionError) Error() string {
	return fmt.Sprintf("the file has format %d, and this runner reads format %d", e.Format, Format)
}

// TooLargeError tells that something has more bytes than it may.
type TooLargeError struct {
	What       string
	Size, Most int64 // in bytes
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("%s has %d bytes, and a plan file may hold %d", e.What, e.Size, e.Most)
}

// TamperedError tells that a sealed file is not what was sealed.
type TamperedError struct{ Why string }

func (e *TamperedError) Error() string { return "the plan file was changed by somebody: " + e.Why }

// KeyError tells that no identity opens the sealed part of a file.
type KeyError struct{}

func (e *KeyError) Error() string { return "the plan file is sealed to another key" }

// ChangedError tells that a file of the site has changed while the plan was made.
type ChangedError struct{ Name string }

func (e *ChangedError) Error() string { return e.Name + " has changed while the plan was made" }
