package views

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// TestJSON prints a recorded run and reads it back.
func TestJSON(t *testing.T) {
	var out bytes.Buffer
	v := New(true, Options{Out: &out})
	p := recordedPlan(3)
	before, after := recordedRun(p)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() { emit(v, before, after) })
	}
	group.Wait()
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	head := regexp.MustCompile(`^\{"type":"[a-z_]+","time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z"[,}]`)
	lines, diagnostics, last := 0, 0, ""
	for line := range strings.Lines(out.String()) {
		lines++
		var e struct{ Type, Time string }
		if err := json.Unmarshal([]byte(line), &e); err != nil || !head.MatchString(line) {
			t.Fatalf("%v: %s", err, line)
		}
		if e.Time < last {
			t.Errorf("%s comes after %s", e.Time, last)
		}
		last = e.Time
		if e.Type == "diagnostic" {
			diagnostics++
		}
	}
	if want := 4 * (len(before) + len(after) - 1); lines-diagnostics != want { // all but the outline
		t.Errorf("%d lines, want %d", lines-diagnostics, want)
	}
	if diagnostics != 4 { // the one failure of each run
		t.Errorf("%d diagnostics, want 4", diagnostics)
	}
}

// TestBrokenOutput writes to an output that fails: senders are not held up, and Close tells.
func TestBrokenOutput(t *testing.T) {
	for _, asJSON := range []bool{true, false} {
		v := New(asJSON, Options{Out: broken{}, Err: broken{}})
		before, after := recordedRun(recordedPlan(300))
		for range 10 {
			emit(v, before, after)
		}
		for range 2 {
			if v.Close() == nil {
				t.Errorf("json %t: no error", asJSON)
			}
		}
		emit(v, before[:1]) // after the end, nothing happens
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errBroken }

var errBroken = &json.UnsupportedValueError{Str: "broken"}
