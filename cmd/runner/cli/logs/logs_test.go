package logs

import (
	"bytes"
	"strings"
	"testing"

	"runner/cmd/runner/cli/arguments"
	"runner/executor/event"
	"runner/lang/diag"
)

// TestLogHarmless: an entry is one line, whatever a target put into it, and a level leaves out what is below it.
func TestLogHarmless(t *testing.T) {
	for level, want := range map[arguments.Level]int{
		arguments.LevelError: 0, arguments.LevelWarn: 0, arguments.LevelInfo: 1, arguments.LevelDebug: 2,
	} {
		var out bytes.Buffer
		l := New(&out, level)
		l.Event(event.TaskStart{Host: "web"})
		l.Event(event.Connection{Host: "web", Status: event.ConnFailed, Error: "gone\x1b[2J\r\n\u202etime=now\xff\x9b"})
		got := out.String()
		if lines := strings.Count(got, "\n"); lines != want || got != diag.Harmless(got) {
			t.Errorf("%v: got %d lines, want %d: %q", level, lines, want, got)
		}
	}
}
