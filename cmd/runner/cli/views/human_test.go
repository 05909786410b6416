package views

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/hcl/v2"

	"runner/cmd/runner/cli/arguments"
	"runner/executor/event"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; run the test with -update and look at the difference. Got:\n%s", file, got)
	}
}

// siteFiles are what the recorded places point into.
func siteFiles() map[string]*hcl.File {
	return map[string]*hcl.File{"site.hcl": {Bytes: []byte("job \"site\" {\n  hosts = host.all, host.web\n  task \"shell\" \"stamp\" {\n  }\n}\n")}}
}

func emit(v View, events ...[]event.Event) {
	for _, list := range events {
		for _, e := range list {
			v.Emit(e, time.Time{})
		}
	}
}

// TestPlainPlan shows plans to somebody without a terminal.
func TestPlainPlan(t *testing.T) {
	for _, c := range []struct {
		name    string
		hosts   int
		diff    arguments.Diff
		verbose bool
	}{
		{"plan-3", 3, arguments.DiffFull, false},
		{"plan-3-verbose", 3, arguments.DiffNone, true},
		{"plan-300", 300, arguments.DiffShort, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			v := New(false, Options{Out: &out, Err: &errs, Diff: c.diff, Verbose: c.verbose, Files: siteFiles()})
			emit(v, recordedLook(recordedPlan(c.hosts)))
			if err := v.Close(); err != nil {
				t.Fatal(err)
			}
			if errs.Len() > 0 {
				t.Errorf("on standard error: %s", &errs)
			}
			golden(t, c.name, out.String())
		})
	}
}

// TestMarkdown shows plans as comments.
func TestMarkdown(t *testing.T) {
	for _, hosts := range []int{3, 300} {
		var out, errs bytes.Buffer
		v := New(false, Options{Out: &out, Err: &errs, Diff: arguments.DiffShort, Files: siteFiles(), Markdown: true})
		emit(v, recordedLook(recordedPlan(hosts)))
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
		golden(t, fmt.Sprintf("markdown-%d", hosts), out.String())
	}
}

// TestMarkdownEscapes: what comes from elsewhere stays where it stands.
func TestMarkdownEscapes(t *testing.T) {
	for text, want := range map[string]string{"a`b": "``a`b``", "`a": "`` `a ``", "a": "`a`"} {
		if got := codeSpan(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if got := fenced("diff", "```\nx"); !strings.HasPrefix(got, "````diff\n") || !strings.HasSuffix(got, "\n````\n") {
		t.Errorf("%q", got)
	}
	if got := prose("<b>*x*</b>"); strings.ContainsAny(got, "<>*") {
		t.Errorf("%q", got)
	}
	if got := outdent("    + a\n      b\n"); got != "+ a\n  b" {
		t.Errorf("%q", got)
	}
}

// TestPlainRun shows a run to somebody without a terminal.
func TestPlainRun(t *testing.T) {
	for _, c := range []struct {
		name    string
		hosts   int
		verbose bool
	}{{"run-4", 4, false}, {"run-4-verbose", 4, true}} {
		t.Run(c.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			v := New(false, Options{Out: &out, Err: &errs, Verbose: c.verbose, Files: siteFiles()})
			before, after := recordedRun(recordedPlan(c.hosts))
			if !c.verbose { // nothing is streamed then
				after = withoutOutput(after)
			}
			emit(v, before, after)
			if err := v.Close(); err != nil {
				t.Fatal(err)
			}
			golden(t, c.name, out.String()+errs.String())
		})
	}
}

func withoutOutput(events []event.Event) []event.Event {
	var out []event.Event
	for _, e := range events {
		if e.Kind() != event.KindOutput {
			out = append(out, e)
		}
	}
	return out
}

// TestTerminal shows runs on terminals of several sizes, in the middle and at the end.
func TestTerminal(t *testing.T) {
	for _, hosts := range []int{3, 300} {
		for _, width := range []int{80, 200} {
			name := fmt.Sprintf("terminal-%d-%d", hosts, width)
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					screen := newVT(width, 30)
					v := New(false, Options{Out: screen, Err: screen, Size: screen.size, Color: true, Files: siteFiles()})
					before, after := recordedRun(recordedPlan(hosts))
					emit(v, before)
					time.Sleep(12*time.Second + redraw/2)
					synctest.Wait()
					golden(t, name+"-busy", lastLines(screen.text(), 30))
					emit(v, withoutOutput(after))
					if err := v.Close(); err != nil {
						t.Fatal(err)
					}
					golden(t, name+"-end", lastLines(screen.text(), 60))
				})
			})
		}
	}
}

func lastLines(text string, n int) string {
	lines := strings.SplitAfter(text, "\n")
	return strings.Join(lines[max(0, len(lines)-n-1):], "")
}

// TestNarrower makes the terminal narrower while the region is drawn: what stays must stay, once, and nothing of the
// region may be left.
func TestNarrower(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		screen := newVT(120, 40)
		v := New(false, Options{Out: screen, Err: screen, Size: screen.size, Files: siteFiles()})
		before, after := recordedRun(recordedPlan(12))
		emit(v, before)
		for _, width := range []int{100, 61, 35, 20, 9, 50, 140} {
			time.Sleep(3 * redraw)
			synctest.Wait()
			screen.resize(width)
		}
		time.Sleep(3 * redraw)
		emit(v, withoutOutput(after))
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
		text := screen.text()
		for i := range 10 {
			line := fmt.Sprintf("web[\"web%d\"]: job.site.task.file.conf[\"f2\"]: updated", i+1)
			if got := strings.Count(text, line); got != 1 {
				t.Errorf("%d times %q", got, line)
			}
		}
		for _, part := range []string{"░", "busy", "hops"} {
			if strings.Contains(text, part) {
				t.Errorf("a part of the region is left: %q", part)
			}
		}
		if t.Failed() {
			t.Log(text)
		}
	})
}

// TestRedraws counts frames: not more than ten a second, however much happens.
func TestRedraws(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var frames frameCounter
		v := New(false, Options{Out: &frames, Err: &frames, Size: func() (int, int) { return 80, 24 }})
		before, _ := recordedRun(recordedPlan(50))
		emit(v, before)
		for range 1000 {
			v.Emit(event.Progress{Host: `web["web1"]`, Bytes: 1 << 20}, time.Time{})
			time.Sleep(5 * time.Millisecond)
		}
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
		if frames.n < 40 || frames.n > 52 {
			t.Errorf("%d writes in 5 s", frames.n)
		}
	})
}

type frameCounter struct{ n int }

func (f *frameCounter) Write(p []byte) (int, error) {
	f.n++
	return len(p), nil
}

// TestExec shows output as it comes, whole lines only.
func TestExec(t *testing.T) {
	var out, errs bytes.Buffer
	v := New(false, Options{Out: &out, Err: &errs, Exec: true})
	text := func(host, stream, text string) {
		v.Emit(event.Output{Address: "job.exec.task.command.exec", Host: host, Stream: stream, Text: text}, time.Time{})
	}
	text("a", "stdout", "one\ntw")
	text("b", "stdout", "eins\r\n\tzwei\n")
	text("a", "stderr", "warning\x1b[2J\n")
	text("a", "stdout", "o\nthree")
	v.Emit(event.TaskEnd{Host: "b", Address: "job.exec.task.command.exec", Status: event.Changed}, time.Time{})
	v.Emit(event.TaskEnd{Host: "a", Address: "job.exec.task.command.exec", Status: event.Failed, Error: "exited with status 3"}, time.Time{})
	v.Emit(event.RunEnd{Hosts: 2, Seconds: 0.5}, time.Time{})
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	want := "a | one\nb | eins\nb | \tzwei\na | warning\\x1b[2J\na | two\na | three\na | failed: exited with status 3\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", &out, want)
	}
	if want := "2 hosts, 1 failed, 500ms: a\n"; errs.String() != want {
		t.Errorf("on standard error: %q", &errs)
	}
}

// TestRecordedOutput shows what was printed of a run on record, whose output events are not: what exec is for, and of other
// runs what -v asks for. What an earlier run has printed is not shown again.
func TestRecordedOutput(t *testing.T) {
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{Exec: true}, "a | one\na | two\na | oops\nb | (some of this output is not on record)\nb | failed: exited with status 3\n"},
		{Options{Verbose: true}, "a: t | one\na: t | two\na: t | oops\n> a: t: ran (<1ms)\nb: t | (some of this output is not on record)\n! b: t: failed: exited with status 3\n· c: t: was done before\n"},
		{Options{}, "> a: t: ran (<1ms)\n! b: t: failed: exited with status 3\n"},
	} {
		var out, errs bytes.Buffer
		c.o.Out, c.o.Err = &out, &errs
		v := New(false, c.o)
		printed := map[string]any{"stdout": "one\ntwo", "stderr": "oops"}
		v.Emit(event.TaskEnd{Host: "a", Address: "t", Status: event.Changed, Action: event.Run, Result: printed}, time.Time{})
		v.Emit(event.TaskEnd{Host: "b", Address: "t", Status: event.Failed, Error: "exited with status 3", Result: map[string]any{"truncated": true}}, time.Time{})
		if !c.o.Exec {
			v.Emit(event.TaskEnd{Host: "c", Address: "t", Status: event.Skipped, Reason: event.ReasonDone, Result: printed}, time.Time{})
		}
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
		if out.String() != c.want {
			t.Errorf("got\n%swant\n%s", &out, c.want)
		}
	}
}

// TestG38Harmless sends what acts on a terminal in every text of every event. The terminal of the test fails when it
// gets a control character.
func TestG38Harmless(t *testing.T) {
	const evil = "\x1b[2J\x07\u009b31m\u202e\xff\r\x00x"
	f := &event.Failure{Message: evil, Hop: evil, Hint: evil, Quote: evil + "\n" + evil}
	f.Place.File = evil
	values := map[string]any{evil: evil, "stdout": evil + "\n" + evil, "list": []any{evil, map[string]any{evil: evil}}}
	p := recordedPlan(3)
	p.Hosts[0].Name, p.Connections[0].Title, p.Jobs[0].Tasks[0].Name = evil, evil, evil
	events := []event.Event{
		event.Connection{Host: evil, Transport: evil, Title: evil, Status: event.Opening},
		event.Connection{Host: evil, Transport: evil, Title: evil, Status: event.Ready},
		event.Connection{Host: evil, Transport: evil, Title: evil, Status: event.ConnFailed, Error: evil, Failure: f},
		event.Diagnostic{Severity: "error", Code: "x", Summary: evil, Detail: evil, Host: evil, Address: evil, Failure: f},
		event.PlannedChange{Address: evil, Host: evil, Action: event.Update, Before: values, After: map[string]any{evil: 1.0}, Diff: evil, Unknown: []string{evil}},
		event.PlannedChange{Address: evil, Host: evil, Action: event.Read, Unknown: []string{evil}},
		event.PlanSummary{},
		event.TaskStart{Address: evil, Host: evil},
		event.Output{Address: evil, Host: evil, Stream: evil, Text: evil + "\n" + evil},
	}
	for _, status := range []event.Status{event.OK, event.Changed, event.Failed, event.Skipped, event.Unreachable, event.Unknown, event.Cancelled} {
		events = append(events, event.TaskEnd{
			Address: evil, Host: evil + string(status), Status: status, Action: event.Update, Before: values, After: map[string]any{},
			Result: values, Diff: evil, Error: evil, Failure: f,
		}, event.TaskEnd{Address: evil, Host: evil, Status: status, Result: values, Error: evil})
	}
	events = append(events, event.RunEnd{Outputs: values})
	for _, exec := range []bool{false, true} {
		for _, region := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				screen := newVT(80, 24)
				o := Options{Out: screen, Err: screen, Verbose: true, Exec: exec, Files: siteFiles()}
				if region {
					o.Size = screen.size
				}
				v := New(false, o)
				emit(v, []event.Event{event.Outline{Plan: p, Preview: true}}, events[:8])
				time.Sleep(3 * redraw)
				emit(v, events[8:])
				v.Emit(event.Outline{Plan: p}, time.Time{})
				emit(v, events)
				if err := v.Close(); err != nil {
					t.Fatal(err)
				}
				if strings.ContainsAny(screen.text(), "\u009b\u202e\x1b\x07") {
					t.Errorf("got %q", screen.text())
				}
			})
		}
	}
}

// TestLog writes log lines through the view while it is open, above the region.
func TestLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		screen := newVT(80, 24)
		log := NewLog(screen)
		v := New(false, Options{Out: screen, Err: screen, Size: screen.size, Log: log})
		before, _ := recordedRun(recordedPlan(3))
		emit(v, before[:3])
		time.Sleep(2 * redraw)
		write(t, log, "level=WARN msg=\x1bone\n")
		time.Sleep(2 * redraw)
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
		write(t, log, "two\n")
		if got := screen.text(); got != "level=WARN msg=\\x1bone\ntwo\n" {
			t.Errorf("got %q", got)
		}
	})
}

func write(t *testing.T, w io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(w, text); err != nil {
		t.Error(err)
	}
}

// TestChangeInShort: a change is shown as it happens: of what is new, and of what is gone, the attributes on one line; and a
// diff that was shown before names the task, if that was another one.
func TestChangeInShort(t *testing.T) {
	var out, errs bytes.Buffer
	v := New(false, Options{Out: &out, Err: &errs, Diff: arguments.DiffFull})
	many := map[string]any{}
	for i := range 30 {
		many[fmt.Sprintf("p%02d", i)] = "1.0"
	}
	emit(v, []event.Event{
		event.Outline{Plan: recordedPlan(3)},
		event.TaskEnd{Address: "git", Host: "a", Status: event.Changed, Action: event.Create, After: map[string]any{"commit": "0123", "path": "/srv"}},
		event.TaskEnd{Address: "package", Host: "a", Status: event.Changed, Action: event.Remove, Before: map[string]any{"git": "2.39", "git-man": "2.39"}},
		event.TaskEnd{Address: "packages", Host: "a", Status: event.Changed, Action: event.Create, After: many},
		event.TaskEnd{Address: "secret", Host: "a", Status: event.Changed, Action: event.Create, After: event.Hidden},
		event.TaskEnd{Address: "one", Host: "a", Status: event.Changed, Action: event.Create, Diff: "+x\n"},
		event.TaskEnd{Address: "two", Host: "a", Status: event.Changed, Action: event.Create, Diff: "+x\n"},
		event.TaskEnd{Address: "one", Host: "b", Status: event.Changed, Action: event.Create, Diff: "+x\n"},
	})
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`      + commit = "0123", path = "/srv"` + "\n",
		`      - git = "2.39", git-man = "2.39"` + "\n",
		`p08 = "1.0", and 21 more` + "\n",
		"same difference as of one on a\n",
		"same difference as on a\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it lacks %s, got:\n%s", want, &out)
		}
	}
}

// TestHeadlines: a message of several lines is shown as such; what is wrong with an expression is said once.
func TestHeadlines(t *testing.T) {
	var out, errs bytes.Buffer
	v := New(false, Options{Out: &out, Err: &errs})
	wrong := hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "Wrong value", Detail: "The text is no number."}}
	emit(v, []event.Event{
		event.Outline{Plan: recordedPlan(3)},
		event.TaskEnd{Address: "fail", Host: "a", Status: event.Failed, Failure: &event.Failure{Message: "first\nsecond\n"}},
		event.TaskEnd{Address: "expression", Host: "a", Status: event.Failed, Failure: &event.Failure{Message: wrong.Error(), Cause: wrong}},
	})
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "failed: first\n    second\n") {
		t.Errorf("the lines of a message:\n%s", &out)
	}
	if strings.Count(out.String(), "no number") != 1 || !strings.Contains(out.String(), "failed: Wrong value\n") {
		t.Errorf("what is wrong with an expression:\n%s", &out)
	}
}
