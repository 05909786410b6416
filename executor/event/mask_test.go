package event_test

import (
	"reflect"
	"strings"
	"testing"

	"runner/executor/event"
)

type kept []event.Event

func (k *kept) Emit(e event.Event) { *k = append(*k, e) }

// G36: what comes back from a target is hidden where it is shown, and the event of whoever emits it stays as it is.
func TestG36Mask(t *testing.T) {
	mask := func(text string) string { return strings.ReplaceAll(text, "hunter2", event.Hidden) }
	result := map[string]any{"stdout": "pw=hunter2", "lines": []any{"a", "hunter2"}, "status": 0, "by": map[string]any{"hunter2": true}}
	failure := &event.Failure{Message: "no hunter2", Hint: "ask hunter2", Quote: "hunter2?"}
	for _, c := range []struct{ in, want event.Event }{
		{
			event.TaskEnd{Result: result, Diff: "-a\n+hunter2", Error: "hunter2", Failure: failure, Host: "hunter2"},
			event.TaskEnd{
				Result: map[string]any{"stdout": event.Hidden, "lines": event.Hidden, "status": 0, "by": event.Hidden}, Diff: "-a\n+(sensitive)", Error: event.Hidden,
				Failure: &event.Failure{Message: "no (sensitive)", Hint: "ask (sensitive)", Quote: "(sensitive)?"}, Host: "hunter2",
			},
		},
		{event.EarlyFailure{TaskEnd: event.TaskEnd{Error: "hunter2"}}, event.EarlyFailure{TaskEnd: event.TaskEnd{Error: event.Hidden}}},
		{
			event.PlannedChange{Before: map[string]any{"lines": []any{"a hunter2", 1}, "hunter2": []string{"x"}}, After: map[string]any{"line": "x"}, Diff: "hunter2", Reason: "hunter2"},
			event.PlannedChange{Before: map[string]any{"lines": []any{"a (sensitive)", 1}, event.Hidden: []string{"x"}}, After: map[string]any{"line": "x"}, Diff: event.Hidden, Reason: event.Hidden},
		},
		{
			event.Diagnostic{Summary: "Task failed", Detail: "hunter2", Failure: failure},
			event.Diagnostic{Summary: "Task failed", Detail: event.Hidden, Failure: &event.Failure{Message: "no (sensitive)", Hint: "ask (sensitive)", Quote: "(sensitive)?"}},
		},
		{event.Output{Text: "hunter2\n"}, event.Output{Text: "(sensitive)\n"}},
		{event.RunEnd{Outputs: map[string]any{"a": "hunter2", "b": "b"}}, event.RunEnd{Outputs: map[string]any{"a": event.Hidden, "b": "b"}}},
		{event.TaskStart{Host: "h"}, event.TaskStart{Host: "h"}},
	} {
		var got kept
		event.Mask(&got, mask).Emit(c.in)
		if len(got) != 1 || !reflect.DeepEqual(got[0], c.want) {
			t.Errorf("%+v becomes %+v", c.in, got)
		}
	}
	if result["stdout"] != "pw=hunter2" || failure.Message != "no hunter2" {
		t.Error("what was emitted is changed")
	}
	var got kept
	if event.Mask(&got, nil) != event.Sink(&got) {
		t.Error("without a function it is another sink")
	}
}
