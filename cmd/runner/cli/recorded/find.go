package recorded

import (
	"fmt"
	"slices"
	"strings"

	"runner/cmd/runner/cli/arguments"
	"runner/executor/event"
	"runner/executor/record"
	"runner/lang/diag"
	"runner/lang/source"
)

// Find finds the run that is to be gone on with, if it can be, with what is given again.
func Find(store *record.Store, a arguments.Apply) (*Resume, error) {
	run, err := store.Find(a.Resume)
	if err != nil {
		return nil, err
	}
	if err := MayResume(store, run); err != nil {
		return nil, err
	}
	r, err := open(store, run)
	if err != nil {
		return nil, err
	}
	different, err := r.differences(source.Disk{})
	switch {
	case err != nil:
		return nil, err
	case len(different) > 0:
		return nil, fmt.Errorf("the site is not the one that run %s was started from: %s", run.ID, strings.Join(different, "; "))
	}
	again := r.again()
	for _, v := range a.Vars {
		if v.Name != "" && !slices.Contains(again, v.Name) {
			return nil, fmt.Errorf("--var %s: the record has that value. Only what is sensitive, and therefore not in the record, is given again%s",
				v.Name, diag.DidYouMean(v.Name, again))
		}
	}
	return r, nil
}

// MayResume says why a run cannot be gone on with, as far as its record alone tells.
func MayResume(store *record.Store, run *record.Summary) error {
	switch {
	case run.Status == record.Running:
		return fmt.Errorf("run %s is still under way", run.ID)
	case run.Start.Command != "apply":
		return fmt.Errorf("run %s is one of runner %s: only what apply does can be gone on with", run.ID, run.Start.Command)
	case run.Status == event.RunOK:
		return fmt.Errorf("run %s has ended well: nothing of it is left to do", run.ID)
	case run.Status == event.RunStale:
		return fmt.Errorf("run %s has refused its plan", run.ID)
	}
	switch successor, err := store.Successor(run); {
	case err != nil:
		return err
	case successor != "":
		return fmt.Errorf("run %s has gone on with run %s already: resume that one", successor, run.ID)
	}
	return nil
}
