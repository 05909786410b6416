package programs_test

import (
	"os"
	"path/filepath"
	"testing"

	"runner/agent/action/actiontest"
	"runner/agent/facts"
	"runner/agent/wire"
)

// TestRebootRunsWhatItIsGiven: the preview runs nothing and says what would run, and what cannot run is told there.
func TestRebootRunsWhatItIsGiven(t *testing.T) {
	b := actiontest.New(t)
	mark := filepath.Join(t.TempDir(), "mark")
	isThere := func() bool { _, err := os.Lstat(mark); return err == nil }
	out, err := b.Preview("reboot", args{"argv": []any{"touch", mark}})
	actiontest.OK(t, err)
	if out.Change.Verb != wire.VerbRun || isThere() {
		t.Errorf("the preview is %v", out.Change)
	}
	if _, err := b.Preview("reboot", args{"argv": []any{"no-such-program"}}); err == nil {
		t.Error("a program that is not there would restart the machine")
	}
	_, err = actiontest.Run(t.Context(), b.Env(wire.ModeApply), b.Make("reboot", args{"argv": []any{"touch", mark}}))
	actiontest.OK(t, err)
	if !isThere() {
		t.Error("it was not run")
	}
	if facts.Container() != "" { // elsewhere the test would find what restarts the machine
		if _, err := b.Preview("reboot", args{}); err == nil {
			t.Error("a container can be restarted from inside")
		}
	}
}
