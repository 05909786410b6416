package saved

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"runner/planner/planfile"
)

// AppliedError tells that a plan was applied before, or that somebody has begun to.
type AppliedError struct {
	Run  string // that did
	When time.Time
}

func (e *AppliedError) Error() string {
	return fmt.Sprintf("the plan was applied before, by run %s at %s", e.Run, e.When.Local().Format(time.DateTime))
}

// ErrNoLedger tells that it cannot be noted which plans were applied.
var ErrNoLedger = errors.New("cannot note that the plan is applied")

// Ledger notes which plans were applied, in a directory of the controller.
type Ledger struct{ Dir string }

func (l Ledger) name(f *planfile.File) (string, error) {
	if f.ID == "" || strings.ContainsAny(f.ID, "/\x00") || f.ID[0] == '.' {
		return "", &planfile.DamagedError{Why: "it has no valid id"}
	}
	return filepath.Join(l.Dir, "applied", f.ID), nil
}

// Check says whether a plan was applied before, with an *AppliedError.
func (l Ledger) Check(f *planfile.File) error {
	name, err := l.name(f)
	if err != nil {
		return err
	}
	run, err := os.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("cannot find out whether the plan was applied before: %w", err)
	}
	applied := &AppliedError{Run: strings.TrimSpace(string(run))}
	if info, err := os.Stat(name); err == nil {
		applied.When = info.ModTime()
	}
	return applied
}

// Begin notes that a run applies a plan, before it changes anything. Only one ever does.
func (l Ledger) Begin(f *planfile.File, run string) error {
	name, err := l.name(f)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return fmt.Errorf("%w: %w", ErrNoLedger, err)
	}
	note, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		return l.Check(f)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrNoLedger, err)
	}
	_, err = note.WriteString(run + "\n")
	if err = errors.Join(err, note.Sync(), note.Close()); err != nil {
		_ = os.Remove(name) // nothing was applied
		return fmt.Errorf("%w: %w", ErrNoLedger, err)
	}
	return nil
}
