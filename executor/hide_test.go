package executor

import (
	"reflect"
	"testing"

	"runner/executor/event"
	"runner/planner/plan"
)

func TestG36HideChange(t *testing.T) {
	type attributes = map[string]any
	before, after := attributes{"mode": "0600", "size": 1, "same": 5, "gone": 3}, attributes{"mode": "0640", "size": 2, "same": 5}
	names := []string{"gone", "same", "size", "unheard"}
	was, will := hideChange(before, after, names)
	if !reflect.DeepEqual(was, attributes{"mode": "0600", "size": event.Hidden, "gone": event.Hidden}) || !reflect.DeepEqual(will, attributes{"mode": "0640", "size": event.Hidden}) {
		t.Errorf("%v, %v", was, will)
	}
	if before["size"] != 1 || after["same"] != 5 {
		t.Error("the attributes themselves have changed")
	}
	if was, will = hideChange(nil, after, names); was != nil || will["same"] != event.Hidden {
		t.Errorf("%v, %v", was, will)
	}
}

// TestG36CallDigest: what is sensitive is in no digest that is kept, and all else is.
func TestG36CallDigest(t *testing.T) {
	of := func(secret, mode, variable string, secrets ...string) string {
		return string(callDigest(plan.Instance{
			Args: map[string]any{"content": secret, "content_sha256": secret, "mode": mode}, Environment: map[string]string{"A": variable}, Secrets: secrets,
		}))
	}
	first := of("a", "0600", "x", "content")
	if first != of("b", "0600", "x", "content") || of("a", "0600", "x", "environment") != of("a", "0600", "y", "environment") {
		t.Error("a digest depends on what is sensitive")
	}
	if first == of("a", "0640", "x", "content") || first == of("a", "0600", "y", "content") {
		t.Error("a digest does not depend on what is not")
	}
}
