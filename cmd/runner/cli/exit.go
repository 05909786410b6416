package cli

import (
	"fmt"
	"slices"
)

// exitCode is how the program ends. As an error it says that everything there is to say was said.
type exitCode int

// The exit codes of docs/cli.md.
const (
	exitDone        exitCode = 0
	exitWrong       exitCode = 1   // the site, a flag or an argument is wrong; nothing was changed
	exitChanges     exitCode = 2   // plan --detailed-exitcode found changes
	exitFailed      exitCode = 3   // a task failed and was not handled
	exitUnreachable exitCode = 4   // a host could not be reached
	exitRefused     exitCode = 5   // a plan file was refused
	exitInterrupted exitCode = 130 // by a signal
)

func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

// worst returns the code that counts where several hold.
func worst(codes ...exitCode) exitCode {
	for _, c := range []exitCode{exitInterrupted, exitWrong, exitRefused, exitFailed, exitUnreachable, exitChanges} {
		if slices.Contains(codes, c) {
			return c
		}
	}
	return exitDone
}

// asError makes a code an error, or nil when it is none.
func (c exitCode) asError() error {
	if c == exitDone {
		return nil
	}
	return c
}
