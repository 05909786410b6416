package views

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"runner/cmd/runner/cli/style"
	"runner/executor/event"
	"runner/planner/plan"
)

// TestBar counts the elements of a for_each that the site alone gives from the start; only what the run has shown, and
// handlers, make the total grow. What ends nowhere is done with its host.
func TestBar(t *testing.T) {
	now := time.Unix(0, 0)
	l := newLive(style.Style{}, &plan.Plan{
		Hosts: []plan.Host{{Name: "a", Connection: -1}, {Name: "b", Connection: -1}},
		Jobs: []plan.Job{{Name: "j", Hosts: []int{0, 1}, Tasks: []plan.Task{
			{Address: "j.known", Keyed: true, Elements: 3}, {Address: "j.unknown", Keyed: true}, {Address: "j.last"},
		}}},
	}, now)
	for _, step := range []struct {
		host, ended, want string
	}{
		{"a", "", "0/10"},
		{"a", `j.known["x"]`, "1/10"},
		{"a", `j.known["y"]`, "2/10"},
		{"b", `j.known["x"]`, "3/10"},
		{"a", `j.known["z"]`, "4/10"},
		{"a", `j.unknown["x"]`, "5/10"},
		{"a", `j.unknown["y"]`, "6/11"},
		{"a", "j.handler", "7/12"},
		{"a", "j.last", "8/12"},
		{"b", "", "12/12"},
	} {
		switch {
		case step.ended != "":
			l.see(event.TaskEnd{Host: step.host, Job: "j", Address: step.ended, Status: event.OK}, now)
		case step.host == "b":
			l.see(event.HostEnd{Host: step.host, Job: "j"}, now)
		}
		if got := l.bar(80, now); !strings.Contains(got, " "+step.want+" ") {
			t.Errorf("after %s %s: %q, want %s", step.host, step.ended, got, step.want)
		}
	}
}

// TestFirstRow draws a region that begins in the first row of the terminal: nothing of it is kept.
func TestFirstRow(t *testing.T) {
	for _, n := range []int{1, 3} {
		vt := newVT(20, 5)
		s := screen{out: vt, size: vt.size}
		for i := range 4 {
			var lines []string
			for l := range n {
				lines = append(lines, fmt.Sprint("frame ", i, " line ", l))
			}
			s.draw(lines, lines)
		}
		s.keep("done\n")
		s.flush()
		if len(vt.kept) > 0 || vt.text() != "done\n" {
			t.Errorf("%d lines: %d rows were kept, and this is left: %q", n, len(vt.kept), vt.text())
		}
	}
}
