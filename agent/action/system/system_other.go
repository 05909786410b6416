//go:build !linux

package system

import (
	"errors"
	"runtime"

	"runner/agent/action"
)

func administrator(_ *action.Env, purpose string) error {
	return action.Problem("", "cannot %s: this is supported on Linux only, and not on %s", purpose, runtime.GOOS)
}

func setHostname(string) error { return errors.ErrUnsupported }
