package jsonlines

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"runner/executor/event"
)

// TestLine compares whole lines: the names of fields are a contract.
func TestLine(t *testing.T) {
	at := time.Date(2026, 5, 1, 14, 0, 0, 120, time.FixedZone("", 2*3600))
	for _, c := range []struct {
		event event.Event
		want  string
	}{
		{event.Version{Format: "1.0", Runner: "0.1.0"}, `{"type":"version","time":"2026-05-01T12:00:00.000000120Z","format":"1.0","runner":"0.1.0"}`},
		{
			event.Diagnostic{
				Severity: "error", Code: "syntax", Summary: "s", Detail: "<d>", File: "f.hcl",
				Range: &event.Range{Start: event.Position{Line: 1, Column: 2, Byte: 1}, End: event.Position{Line: 1, Column: 3, Byte: 2}},
			},
			`{"type":"diagnostic","time":"2026-05-01T12:00:00.000000120Z","severity":"error","code":"syntax","summary":"s","detail":"<d>","file":"f.hcl",` +
				`"range":{"start":{"line":1,"column":2,"byte":1},"end":{"line":1,"column":3,"byte":2}},"host":"","address":""}`,
		},
		{
			event.TaskEnd{
				Job: "j", Address: `job.j.task.file.f["k"]`, Host: "h", Target: &event.Target{Machine: "m", User: "0"}, Status: event.Failed,
				Reason: "exit", Attempts: 1, Started: event.Time(at), Seconds: 0.5, Result: map[string]any{"stdout": "\u009b\u202e\U000e0001\xff"}, Error: "e",
			},
			`{"type":"task_end","time":"2026-05-01T12:00:00.000000120Z","job":"j","address":"job.j.task.file.f[\"k\"]","host":"h",` +
				`"target":{"machine":"m","user":"0"},"status":"failed","reason":"exit","handled":false,"attempts":1,` +
				`"started":"2026-05-01T12:00:00.000000120Z","seconds":0.5,"result":{"stdout":"\u009b\u202e\udb40\udc01\ufffd"},"diff":"","error":"e"}`,
		},
		{
			event.TaskEnd{Status: event.Skipped, Seconds: math.Inf(1), Result: map[string]any{"n": math.NaN(), "m": map[any]any{1: []any{math.Inf(-1)}}}},
			`{"type":"task_end","time":"2026-05-01T12:00:00.000000120Z","job":"","address":"","host":"","target":null,"status":"skipped","reason":"","handled":false,` +
				`"attempts":0,"started":null,"seconds":0,"result":{"m":{"1":["-Inf"]},"n":"NaN"},"diff":"","error":""}`,
		},
		{
			event.HostEnd{Host: "h", Job: "j", Counts: event.Counts{OK: 1}},
			`{"type":"host_end","time":"2026-05-01T12:00:00.000000120Z","host":"h","job":"j","ok":1,"changed":0,"failed":0,"skipped":0,"unreachable":0,"unknown":0,"cancelled":0}`,
		},
	} {
		if got := string(Line(c.event, at)); got != c.want+"\n" {
			t.Errorf("got  %swant %s", got, c.want)
		}
	}
}

// TestFields holds the fields of every event against the contract, field for field.
func TestFields(t *testing.T) {
	counts := "ok changed failed skipped unreachable unknown cancelled"
	for _, c := range []struct {
		event  event.Event
		fields string
	}{
		{event.Version{}, "format runner"},
		{event.Diagnostic{}, "severity code summary detail file range host address"},
		{event.RunStart{}, "run site hosts resumed"},
		{event.Connection{}, "host hop transport user status reused seconds error"},
		{event.PlannedChange{}, "job address host action before after diff unknown reason outcome"},
		{event.PlanSummary{}, "create update remove run none unreported hosts connections reused pipelines"},
		{event.TaskStart{}, "job address host target attempt"},
		{event.Output{}, "address host stream text"},
		{event.TaskEnd{}, "job address host target status reason handled attempts started seconds result diff error"},
		{event.HostEnd{}, "host job " + counts},
		{event.RunEnd{}, "run status " + counts + " hosts seconds round_trips bytes_sent bytes_received connections reused outputs"},
	} {
		if got := strings.Join(fields(reflect.TypeOf(c.event)), " "); got != c.fields {
			t.Errorf("%s has %s, want %s", c.event.Kind(), got, c.fields)
		}
	}
}

func fields(t reflect.Type) []string {
	var out []string
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous:
			out = append(out, fields(f.Type)...)
		case name != "-":
			out = append(out, name)
		}
	}
	return out
}
