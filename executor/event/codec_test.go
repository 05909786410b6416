package event

import (
	"reflect"
	"testing"
	"time"

	"runner/planner/plan"
)

// TestCodec: what is kept comes back as it was, with what is for people, and without what hops are opened with.
func TestCodec(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	failure := &Failure{Message: "no", Hop: "sudo root", Hint: "Do.", Quote: "x\x00", Place: plan.Place{File: "a.hcl", Line: 3}}
	for _, e := range []Event{
		Version{Format: Format, Runner: "1"},
		Diagnostic{Severity: "error", Code: "x", Range: &Range{Start: Position{1, 2, 3}}, Failure: failure},
		RunStart{Run: "r", Hosts: 3},
		Outline{Ordered: true, Preview: true, Plan: &plan.Plan{
			Site: "/s", Connections: []plan.Connection{{Parent: -1, Transport: "ssh", Title: "ssh a"}},
			Jobs: []plan.Job{{Name: "j", Hosts: []int{0}, Tasks: []plan.Task{{Address: "a", Connections: map[int]int{0: 1}, Selected: true}}}},
		}},
		Connection{Host: "h", Title: "ssh a", Status: ConnFailed, Failure: failure},
		PlannedChange{
			Job: "j", Address: "a", Host: "h", Action: Update, Brief: true, Unknown: []string{"content"},
			Before: map[string]any{"mode": "0644", "list": []any{"a", uint64(1), int64(-1), 1.5, nil, true}},
			After:  map[string]any{"deep": map[string]any{"size": uint64(3)}}, Diff: "--- a\n",
		},
		PlanSummary{Create: 1},
		Sent{Address: "a", Host: "h"},
		Sent{Address: "a", Host: "h", Withdrawn: true},
		Through{Job: "j", Host: "h", Handler: "a"},
		Identity{Host: "h", Known: []string{"the machine id 1"}},
		EarlyFailure{TaskEnd{Job: "j", Address: "a", Host: "h", Status: Failed, Failure: failure}},
		TaskEnd{
			Job: "j", Address: "a", Host: "h", Target: &Target{"m", "u"}, Status: Changed, Started: Time(at), Seconds: 1.5, Action: Update,
			Result: map[string]any{"changed": true, "duration": 1.5}, Failure: failure, Notified: []string{"job.j.handler.x"},
		},
		HostEnd{Host: "h", Job: "j", Counts: Counts{OK: 1, Unknown: 2}},
		RunEnd{Run: "r", Status: RunOK, Outputs: map[string]any{"o": "v"}},
	} {
		encoded, err := Encode(e, at)
		if err != nil {
			t.Fatal(err)
		}
		back, when, err := Decode(encoded)
		if err != nil || !when.Equal(at) || !reflect.DeepEqual(back, e) {
			t.Errorf("%#v at %v came back as %#v at %v, %v", e, at, back, when, err)
		}
	}

	secret := Outline{Plan: &plan.Plan{Connections: []plan.Connection{{Options: map[string]any{"password": "hunter2"}, Secrets: []string{"hunter2"}}}}}
	encoded, err := Encode(secret, at)
	if err != nil {
		t.Fatal(err)
	}
	back, _, err := Decode(encoded)
	if err != nil {
		t.Fatal(err)
	}
	if c := back.(Outline).Plan.Connections[0]; c.Options != nil || c.Secrets != nil {
		t.Errorf("a plan file would hold %v", c)
	}
	if secret.Plan.Connections[0].Options == nil {
		t.Error("the plan that runs has lost the options of its hops")
	}
}

// TestDecodeRefuses what is kept nowhere.
func TestDecodeRefuses(t *testing.T) {
	end, err := Encode(TaskStart{Host: "h"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, encoded := range [][]byte{nil, {0xff}, []byte("{}"), end} {
		if e, _, err := Decode(encoded); err == nil {
			t.Errorf("%x is %#v", encoded, e)
		}
	}
}
