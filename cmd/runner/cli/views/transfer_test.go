package views

import (
	"strings"
	"testing"
	"time"

	"runner/cmd/runner/cli/style"
	"runner/executor/event"
)

// A transfer is shown with the task that it is for, from what is new of it.
func TestTransferOfATask(t *testing.T) {
	now := time.Now()
	l := newLive(style.Style{}, nil, now)
	shown := func() string {
		lines, _ := l.lines(120, 40, now)
		return strings.Join(lines, "\n")
	}
	tell := func(bytes int64) {
		l.see(event.Progress{Host: "a", Address: "job.j.task.file.large", Bytes: bytes, Total: 20 << 20}, now)
	}
	l.see(event.TaskStart{Host: "a", Address: "job.j.task.command.before"}, now)
	tell(4 << 20) // sent for another host
	if got := shown(); strings.Contains(got, "MiB") {
		t.Errorf("a command is shown to send:\n%s", got)
	}
	l.see(event.TaskEnd{Host: "a", Job: "j", Address: "job.j.task.command.before"}, now)
	l.see(event.TaskStart{Host: "a", Address: "job.j.task.file.large"}, now)
	tell(8 << 20)
	now = now.Add(2 * time.Second)
	tell(12 << 20)
	if got := shown(); !strings.Contains(got, "12.0 MiB of 20.0 MiB, 2.0 MiB/s") {
		t.Errorf("shown:\n%s", got)
	}
}
