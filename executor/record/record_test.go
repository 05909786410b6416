package record

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"runner/executor/event"
)

// TestMain lets the test binary be a process that writes a record until it is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("RECORD_FOREVER"); dir != "" {
		writeForever(dir)
	}
	os.Exit(m.Run())
}

// writeForever prints the number of each task whose end is on record.
func writeForever(dir string) {
	s, err := Open(dir)
	if err != nil {
		panic(err)
	}
	r, err := s.Begin("killed-1", time.Now(), Start{Command: "apply"})
	if err != nil {
		panic(err)
	}
	for i := 0; ; i++ {
		r.Emit(event.Sent{Address: fmt.Sprintf("job.j.task.command.t%d", i), Host: "a"}, nil)
		r.Emit(event.TaskEnd{Job: "j", Address: fmt.Sprintf("job.j.task.command.t%d", i), Host: "a", Status: event.Changed}, func(time.Time) { fmt.Println(i) })
	}
}

func open(t *testing.T) *Store {
	t.Helper()
	s, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func begin(t *testing.T, s *Store, id string, at time.Time, start Start) *Run {
	t.Helper()
	r, err := s.Begin(id, at, start)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func events(t *testing.T, s *Store, r *Summary) (out []event.Event) {
	t.Helper()
	if err := s.Events(r, func(e event.Event, _ time.Time) error {
		out = append(out, e)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

func find(t *testing.T, s *Store, name string) *Summary {
	t.Helper()
	r, err := s.Find(name)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// What a run tells comes back in order, while it goes on and after it.
func TestRun(t *testing.T) {
	s := open(t)
	start := Start{Command: "apply", Site: "/s", Source: []byte("what it takes"), Variables: []Variable{{Name: "v", Value: []byte("1")}}}
	r := begin(t, s, "20260101T000000Z-0001", time.Now(), start)
	r.Emit(event.RunStart{Run: "x", Hosts: 2}, nil)
	r.Emit(event.Output{Text: "is not kept"}, nil)
	r.Emit(event.Sent{Host: "a", Address: "job.j.task.command.t"}, nil)
	r.Wait()
	if is := find(t, s, "0001"); is.Status != Running || string(is.Start.Source) != "what it takes" || is.Start.Command != "apply" {
		t.Errorf("under way it is %+v", is)
	}
	r.Emit(event.TaskEnd{Host: "a", Address: "job.j.task.command.t", Status: event.OK}, nil)
	r.Emit(event.TaskEnd{Host: "b", Address: "job.j.task.command.t", Status: event.Failed}, nil)
	r.Emit(event.RunEnd{Status: event.RunFailed, Counts: event.Counts{OK: 1, Failed: 1}}, nil)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r.Emit(event.TaskEnd{Host: "c"}, nil) // comes too late, and does no harm

	is := find(t, s, "20260101")
	var kinds []event.Kind
	for _, e := range events(t, s, is) {
		kinds = append(kinds, e.Kind())
	}
	if want := []event.Kind{event.KindRunStart, event.KindTaskEnd, event.KindTaskEnd, event.KindRunEnd}; !slices.Equal(kinds, want) {
		t.Errorf("the events are %v, want %v", kinds, want)
	}
	if is.Status != event.RunFailed || is.Counts.Failed != 1 || is.Ended.IsZero() {
		t.Errorf("it has ended as %+v", is)
	}
	for host, want := range map[string]event.Counts{"a": {OK: 1}, "b": {Failed: 1}} {
		list, err := s.List(host, 0)
		if err != nil || len(list) != 1 || list[0].Counts != want {
			t.Errorf("on host %s: %+v, %v", host, list, err)
		}
	}
	if list, err := s.List("nobody", 0); err != nil || len(list) != 0 {
		t.Errorf("on a host that it did not have: %+v, %v", list, err)
	}
}

// TestTold: others are told of events in their order, each when it is on record, and of all of them before the record is closed.
func TestTold(t *testing.T) {
	s := open(t)
	r := begin(t, s, "a-1", time.Now(), Start{})
	const all = 20 * mostEvents
	var told []int
	kept := func(n int) bool {
		var rows int
		if err := s.db.QueryRow("select count(*) from events").Scan(&rows); err != nil {
			t.Error(err)
		}
		return rows > n
	}
	for i := range all {
		r.Emit(event.TaskEnd{Host: "a", Status: event.OK}, func(time.Time) {
			if i%100 == 0 && !kept(i) {
				t.Errorf("event %d is told of and not on record", i)
			}
			told = append(told, i)
		})
		if i%1000 == 0 {
			r.Wait()
			if !kept(i) {
				t.Errorf("event %d was waited for and is not on record", i)
			}
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r.Emit(event.TaskEnd{Host: "a"}, func(time.Time) { told = append(told, all) }) // comes too late to be kept
	if len(told) != all+1 || !slices.IsSorted(told) {
		t.Errorf("%d events were told of, want %d: %v", len(told), all+1, told)
	}
}

// TestKilled: what a killed process has told others is on record (kill -9), its lock is free, and what it had sent is unknown.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "RECORD_FOREVER="+dir)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	said := make([]byte, 4096)
	n := 0
	for !strings.Contains(string(said[:n]), "\n100\n") {
		got, err := out.Read(said[n:])
		if n += got; err != nil {
			t.Fatal(err)
		}
	}
	_ = c.Process.Kill()
	rest := make([]byte, 1<<20)
	for {
		got, err := out.Read(rest)
		said = append(said[:n], rest[:got]...)
		if n += got; err != nil {
			break
		}
	}
	_ = c.Wait()
	told := strings.Count(string(said[:n]), "\n")

	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	r := find(t, s, "killed-1")
	if r.Status != Killed {
		t.Errorf("it is %s", r.Status)
	}
	ends := 0
	for _, e := range events(t, s, r) {
		if end := e.(event.TaskEnd); end.Status == event.Changed {
			ends++
		} else if end.Status != event.Unknown || end.Job != "j" {
			t.Errorf("an end is %+v", end)
		}
	}
	if ends < told {
		t.Errorf("%d ends are on record, and %d were told", ends, told)
	}
	if list, err := s.List("", 0); err != nil || list[0].Counts.Changed != ends {
		t.Errorf("the list has %+v, %v", list, err)
	}
}

// Many processes' worth of writers lose nothing.
func TestSideBySide(t *testing.T) {
	dir := t.TempDir()
	const stores, writers, each = 3, 20, 20
	var all sync.WaitGroup
	for i := range stores {
		s, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		r := begin(t, s, fmt.Sprintf("run-%d", i), time.Now(), Start{})
		for w := range writers {
			all.Go(func() {
				for range each {
					r.Emit(event.TaskEnd{Host: fmt.Sprint("h", w), Status: event.OK}, nil)
				}
				r.Wait()
			})
		}
	}
	all.Wait()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	list, err := s.List("", 0)
	if err != nil || len(list) != stores {
		t.Fatalf("%d runs, %v", len(list), err)
	}
	for _, r := range list {
		if r.Counts.OK != writers*each || r.Status != Running {
			t.Errorf("run %s is %s and has %d ends, want %d", r.ID, r.Status, r.Counts.OK, writers*each)
		}
	}
}

func TestFind(t *testing.T) {
	s := open(t)
	for _, id := range []string{"20260101T000000Z-aaaa", "20260102T000000Z-bbbb", "20260102T000001Z-cccc"} {
		begin(t, s, id, time.Now(), Start{})
	}
	for name, want := range map[string]string{"aaaa": "20260101T000000Z-aaaa", "20260101": "20260101T000000Z-aaaa", "20260102T000001Z-cccc": "20260102T000001Z-cccc"} {
		if r := find(t, s, name); r.ID != want {
			t.Errorf("%s is %s", name, r.ID)
		}
	}
	var unknown *UnknownError
	for _, name := range []string{"", "dddd", "%", "0260101"} {
		if _, err := s.Find(name); !errors.As(err, &unknown) {
			t.Errorf("%q: %v", name, err)
		}
	}
	var ambiguous *AmbiguousError
	if _, err := s.Find("20260102"); !errors.As(err, &ambiguous) || len(ambiguous.IDs) != 2 {
		t.Errorf("%v", err)
	}
}

// Old runs go, and the oldest when all are too large; those under way stay.
func TestPrune(t *testing.T) {
	s := open(t)
	now := time.Now()
	for i := range 10 {
		r := begin(t, s, fmt.Sprintf("run-%d", i), now.Add(time.Duration(i-10)*time.Hour), Start{})
		for range 20 {
			r.Emit(event.TaskEnd{Host: "a", Error: strings.Repeat("x", 10_000)}, nil)
		}
		r.Wait()
		if i != 1 {
			_ = r.Close()
		}
	}
	ids := func() (out []string) {
		list, err := s.List("", 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range list {
			out = append(out, r.ID[len("run-"):])
		}
		return out
	}
	if n, err := s.Prune(Limits{Age: 7*time.Hour + time.Minute, Size: 1 << 40}, now); n != 2 || err != nil {
		t.Errorf("%d were removed, %v", n, err)
	}
	if got := strings.Join(ids(), ""); got != "98765431" {
		t.Errorf("by age, %s are left", got)
	}
	if n, err := s.Prune(Limits{Age: 1000 * time.Hour, Size: 1 << 20}, now); n == 0 || err != nil {
		t.Errorf("%d were removed, %v", n, err)
	}
	if size, err := s.size(); err != nil || size > 1<<20 {
		t.Errorf("%d bytes are left, %v", size, err)
	}
	if got := ids(); got[0] != "9" || got[len(got)-1] != "1" {
		t.Errorf("by size, %s are left", got)
	}
}

// One run goes on with another one only once.
func TestSuccessor(t *testing.T) {
	s := open(t)
	begin(t, s, "a-1", time.Now(), Start{})
	if id, err := s.Successor(find(t, s, "a-1")); id != "" || err != nil {
		t.Errorf("%q, %v", id, err)
	}
	if err := begin(t, s, "z-0", time.Now(), Start{Resumes: "a-1"}).Withdraw(); err != nil {
		t.Fatal(err)
	}
	begin(t, s, "b-2", time.Now(), Start{Resumes: "a-1"})
	if id, err := s.Successor(find(t, s, "a-1")); id != "b-2" || err != nil {
		t.Errorf("%q, %v", id, err)
	}
	if _, err := s.Begin("c-3", time.Now(), Start{Resumes: "a-1"}); err == nil {
		t.Error("a second one has begun")
	}
}

func TestProgress(t *testing.T) {
	s := open(t)
	r := begin(t, s, "a-1", time.Now(), Start{})
	end := func(r *Run, e event.TaskEnd) {
		e.Host, e.Job = "h", "j"
		r.Emit(e, nil)
	}
	end(r, event.TaskEnd{Address: "changed", Status: event.Changed, Notified: []string{"x", "y"}})
	end(r, event.TaskEnd{Address: "left", Status: event.Skipped})
	end(r, event.TaskEnd{Address: "y", Handler: "y", Status: event.Changed})
	r.Emit(event.Through{Job: "j", Host: "h", Handler: "y"}, nil)
	end(r, event.TaskEnd{Address: "x", Handler: "x", Status: event.Failed})
	end(r, event.TaskEnd{Address: "rescued", Status: event.Failed, Handled: true})
	end(r, event.TaskEnd{Address: "failed", Status: event.Failed})
	end(r, event.TaskEnd{Address: "unknown", Status: event.Unknown})
	end(r, event.TaskEnd{Address: "unselected", Status: event.Skipped, Reason: "selection"})
	_ = r.Close()
	r = begin(t, s, "b-2", time.Now(), Start{Resumes: "a-1"})
	end(r, event.TaskEnd{Address: "changed", Status: event.Skipped, Reason: "done"})
	end(r, event.TaskEnd{Address: "failed", Status: event.OK})
	_ = r.Close()
	p, err := s.Progress(find(t, s, "b-2"))
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]event.Status{
		"changed": event.Changed, "left": event.Skipped, "rescued": event.Failed, "failed": event.OK, "unknown": "", "unselected": "", "x": "", "y": "",
	} {
		if got, ok := p.Ended("h", address); got.Status != want || ok != (want != "") {
			t.Errorf("%s: %q, %v", address, got.Status, ok)
		}
	}
	if due := p.Due("h", "j"); !slices.Equal(due, []string{"x"}) {
		t.Errorf("due are %v", due)
	}
}

// A database of a later runner is left alone.
func TestLaterVersion(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.db.Exec("pragma user_version = 99"); err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	var later *VersionError
	if _, err := Open(dir); !errors.As(err, &later) || later.Version != 99 {
		t.Errorf("%v", err)
	}
}
