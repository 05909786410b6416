package actiontest

import (
	"errors"
	"os"
	"reflect"
	"strings"

	"runner/agent/action"
	"runner/agent/action/diff"
	"runner/agent/wire"
)

// Check previews and applies a task, twice (G28): the preview leaves the directories as they are and tells what will be done, and the second time
// there is nothing to do. What cannot be done is the same error in both, with a hint unless it is a program's own, and leaves
// everything as it is.
func (b *Bench) Check(name string, a Args, dirs ...string) (action.Outcome, error) {
	b.Helper()
	snapshot := func() string {
		var out strings.Builder
		for _, dir := range dirs {
			if _, err := os.Lstat(dir); err == nil {
				out.WriteString(Snapshot(b, dir))
			}
		}
		return out.String()
	}
	before := snapshot()
	predicted, predictedErr := b.Preview(name, a)
	if now := snapshot(); now != before {
		b.Fatalf("%s %v: Look changed something:\n%s", name, a, Difference(before, now))
	}
	did, err := b.Apply(name, a)
	if err != nil {
		if now := snapshot(); now != before {
			b.Errorf("%s %v: %v, and something was changed:\n%s", name, a, err, Difference(before, now))
		}
		problem, isProblem := errors.AsType[*wire.Problem](err)
		switch {
		case !isProblem:
			b.Errorf("%s %v: not a named error: %#v", name, a, err)
		case problem.Hint == "" && problem.Quote == "":
			b.Errorf("%s %v: an error without a hint: %v", name, a, err)
		case predictedErr == nil && problem.Quote == "" || predictedErr != nil && predictedErr.Error() != err.Error():
			b.Errorf("%s %v: predicted %v, got %v", name, a, predictedErr, err)
		}
		return did, err
	}
	if predictedErr != nil {
		b.Fatalf("%s %v: predicted %v, got %v", name, a, predictedErr, did)
	}
	if !reflect.DeepEqual(predicted.Change, did.Change) || !reflect.DeepEqual(predicted.Before, did.Before) || !reflect.DeepEqual(predicted.After, did.After) {
		b.Errorf("%s %v: predicted %+v, got %+v", name, a, predicted, did)
	}
	if predicted.Values != nil && !reflect.DeepEqual(predicted.Values, did.Values) {
		b.Errorf("%s %v: predicted %v, got %v", name, a, predicted.Values, did.Values)
	}
	settled := snapshot()
	if did.Change.Verb == wire.VerbNone && settled != before {
		b.Errorf("%s %v: none, and something was changed:\n%s", name, a, Difference(before, settled))
	}
	again, err := b.Preview(name, a)
	if err != nil || again.Change.Verb != wire.VerbNone {
		b.Errorf("%s %v: the second time %+v, %v", name, a, again, err)
	}
	if second, err := b.Apply(name, a); err != nil || !reflect.DeepEqual(second.Values, did.Values) {
		b.Errorf("%s %v: the second time %v, %v, the first time %v", name, a, second.Values, err, did.Values)
	}
	if now := snapshot(); now != settled {
		b.Errorf("%s %v: applied twice:\n%s", name, a, Difference(settled, now))
	}
	return did, nil
}

// Difference shows the lines of two snapshots that differ.
func Difference(a, b string) string {
	return diff.Unified("before", "after", []byte(a), []byte(b), false)
}
