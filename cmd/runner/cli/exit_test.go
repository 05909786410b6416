package cli

import "testing"

func TestWorst(t *testing.T) {
	order := []exitCode{exitInterrupted, exitWrong, exitRefused, exitFailed, exitUnreachable, exitChanges, exitDone}
	for i, first := range order {
		for _, second := range order[i:] {
			if got := worst(second, first); got != first {
				t.Errorf("of %d and %d, %d counts", first, second, got)
			}
		}
	}
	if worst() != exitDone || exitDone.asError() != nil || exitFailed.asError() == nil {
		t.Error("nothing is not done")
	}
}
