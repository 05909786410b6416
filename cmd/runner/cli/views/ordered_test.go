package views

import (
	"bytes"
	"slices"
	"testing"

	"runner/executor/event"
)

// TestOrderedPlan shows a plan whose changes come task by task, which is not kept whole: it looks the same.
func TestOrderedPlan(t *testing.T) {
	show := func(events []event.Event) string {
		var out, errs bytes.Buffer
		v := New(false, Options{Out: &out, Err: &errs, Files: siteFiles(), Verbose: true})
		emit(v, events)
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
		return out.String() + errs.String()
	}
	plan := recordedPlan(30)
	events := recordedLook(plan)
	want := show(events)

	order := map[string]int{}
	for _, job := range plan.Jobs {
		for _, task := range job.Tasks {
			order[task.Address] = len(order)
		}
	}
	place := func(e event.Event) (int, bool) {
		c, ok := e.(event.PlannedChange)
		return order[baseAddress(c.Address)], ok
	}
	var others, changes []event.Event
	for _, e := range events {
		switch e := e.(type) {
		case event.Outline:
			e.Ordered = true
			others = append(others, e)
		case event.PlannedChange:
			changes = append(changes, e)
		default:
			others = append(others, e)
		}
	}
	slices.SortStableFunc(changes, func(a, b event.Event) int {
		i, _ := place(a)
		j, _ := place(b)
		return i - j
	})
	if len(order) < 2 || len(changes) < 60 {
		t.Fatalf("%d tasks, %d changes", len(order), len(changes))
	}
	// Behind what comes first: the outline and the connections.
	end := slices.IndexFunc(others, func(e event.Event) bool { return e.Kind() == event.KindPlanSummary })
	if got := show(slices.Concat(others[:end], changes, others[end:])); got != want {
		t.Errorf("in order:\n%s\nelse:\n%s", got, want)
	}
}
