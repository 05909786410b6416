//go:build linux

package files_test

import (
	"os"
	"strings"
	"testing"

	"runner/agent/action/actiontest"
	"runner/agent/wire"
)

// What the kernel keeps is not removed, and the plan says so before anything below it is looked at. Nobody is told to be who they are.
func TestNothingOfTheKernelIsRemoved(t *testing.T) {
	b := actiontest.New(t)
	for _, path := range []string{"/proc/1", "/proc/self", "/proc/version", "/sys/kernel"} {
		for _, mode := range []wire.Mode{wire.ModeLook, wire.ModeApply} {
			_, err := b.Make("remove", args{"path": path, "recurse": true}).Look(t.Context(), b.Env(mode))
			if err == nil || !strings.Contains(err.Error(), "cannot remove "+path+": the kernel keeps what is there") {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
	if os.Geteuid() != 0 {
		return
	}
	_, err := b.Apply("line", args{"path": "/proc/version", "line": "x"})
	if p, is := err.(*wire.Problem); !is || p.Hint == "" || strings.Contains(p.Hint, "run_as") { //nolint:errorlint // an action wraps nothing
		t.Errorf("root is told %v", err)
	}
}
