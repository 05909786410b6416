package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const oneFile = `
job "j" {
  hosts = [host.localhost]
  task "file" "f" {
    path    = "${path.site}/f"
    content = "x"
  }
}
`

// fill takes all room in a directory, and returns what gives it back.
func fill(t *testing.T, dir string) (free func()) {
	t.Helper()
	name := filepath.Join(dir, "fill")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	for chunk := make([]byte, 4096); err == nil; {
		_, err = f.Write(chunk)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
}

// smallState mounts one MiB where the records go.
func (s *site) smallState() (dir string) {
	s.t.Helper()
	dir = filepath.Join(s.path, ".local")
	if err := os.Mkdir(dir, 0o700); err != nil {
		s.t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=1m", "none", dir).CombinedOutput(); err != nil {
		s.t.Skipf("needs to mount: %s", out)
	}
	s.t.Cleanup(func() { _ = exec.Command("umount", "-l", dir).Run() })
	return dir
}

// TestNoRoomForRecords: on a full disk a run says that it goes on without a record, and what needs records says why there are
// none. A plan file, which must be noted as applied, is refused, and applied once there is room again.
func TestNoRoomForRecords(t *testing.T) {
	s := newSite(t, "root")
	s.write("site.hcl", oneFile)
	state := s.smallState()
	plan := filepath.Join(t.TempDir(), "site.plan")
	s.run("plan", "--out", plan).must(t, 0)
	if err := os.RemoveAll(filepath.Join(state, "state")); err != nil {
		t.Fatal(err)
	}

	free := fill(t, state)
	for _, args := range [][]string{{"history"}, {"show", "2026"}, {"apply", "--resume", "2026", "--auto-approve"}} {
		if got := s.without(args...).must(t, 1); !strings.Contains(got.stderr, "disk is full") {
			t.Errorf("%v says:\n%s", args, got.stderr)
		}
	}
	got := s.without("apply", plan).must(t, 5)
	for _, part := range []string{"Cannot note that the plan is applied", "no space left", "Refused: nothing was changed."} {
		if !strings.Contains(got.stderr, part) {
			t.Errorf("%q is not in:\n%s", part, got.stderr)
		}
	}
	got = s.run("apply", "--auto-approve").must(t, 0)
	if !strings.Contains(got.stderr, "The run is not recorded") || !strings.Contains(got.stderr, "The run goes on") {
		t.Errorf("apply says:\n%s", got.stderr)
	}
	free()
	if err := os.Remove(filepath.Join(s.path, "f")); err != nil {
		t.Fatal(err)
	}
	s.without("apply", plan).must(t, 0)
	s.without("history").must(t, 0)
}

// TestRecordsEnd: a run during which the disk gets full, and stays so, ends well and warns. Its record has what happened before,
// what was sent then is unknown, and it can be gone on with.
func TestRecordsEnd(t *testing.T) {
	s := newSite(t, "root")
	s.write("site.hcl", `
job "j" {
  hosts = [host.localhost]
  task "shell" "fill" {
    script = "echo x >> ${path.site}/times; if [ $(wc -l < ${path.site}/times) = 1 ]; then cat /dev/zero > ${path.site}/.local/fill 2>/dev/null || :; fi"
  }
  task "shell" "last" { script = "echo x >> ${path.site}/times" }
}
`)
	state := s.smallState()
	got := s.run("apply", "--auto-approve").must(t, 0)
	if !strings.Contains(got.stderr, "The record of the run is not whole") {
		t.Errorf("apply says:\n%s", got.stderr)
	}
	if err := os.Remove(filepath.Join(state, "fill")); err != nil {
		t.Fatal(err)
	}
	last := s.lastRun()
	if last.Status != "killed" {
		t.Errorf("the run is %s", last.Status)
	}
	tasks := s.show(last.Run).Tasks
	if len(tasks) == 0 {
		t.Error("nothing is known to have been sent")
	}
	for _, task := range tasks {
		if task["status"] != "unknown" {
			t.Errorf("on record is %v", task)
		}
	}
	s.resume(last.Run).must(t, 0)
	if times := readFile(t, filepath.Join(s.path, "times")); times != strings.Repeat("x\n", 4) {
		t.Errorf("what ran was noted as %q", times)
	}
	if last := s.lastRun(); last.Status != "ok" {
		t.Errorf("the run that goes on with it is %s", last.Status)
	}
}

// TestRecordsLate: of a run during which the disk was full for a moment everything is on record, and nothing is warned of.
func TestRecordsLate(t *testing.T) {
	s := newSite(t, "root")
	s.write("site.hcl", `
job "full" {
  hosts = [host.localhost]
  task "shell" "fill" { script = "cat /dev/zero > ${path.site}/.local/fill 2>/dev/null || :" }
  task "shell" "while" { script = "sleep 0.5" }
}
job "free" {
  depends_on = [job.full]
  hosts      = [host.localhost]
  task "shell" "free" { script = "sleep 0.5; rm ${path.site}/.local/fill" }
}
`)
	s.smallState()
	if got := s.run("apply", "--auto-approve").must(t, 0); strings.Contains(got.stderr, "record") {
		t.Errorf("apply says:\n%s", got.stderr)
	}
	last := s.lastRun()
	if tasks := s.show(last.Run).Tasks; last.Status != "ok" || len(tasks) != 3 {
		t.Errorf("the run is %s and has %d tasks: %v", last.Status, len(tasks), tasks)
	}
}

// TestLaterRecords: a database that a later runner has written is left as it is.
func TestLaterRecords(t *testing.T) {
	s := newSite(t)
	s.write("site.hcl", oneFile)
	s.run("apply", "--auto-approve").must(t, 0)
	name := filepath.Join(s.path, ".local/state/runner/runs.db")
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	const userVersion = 60 // its offset in a file of SQLite
	if _, err := f.WriteAt([]byte{0, 0, 0, 99}, userVersion); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"history"}, {"show", "2026"}, {"apply", "--resume", "2026", "--auto-approve"}} {
		if got := s.without(args...).must(t, 1); !strings.Contains(got.stderr, "written by a later runner (format 99") {
			t.Errorf("%v says:\n%s", args, got.stderr)
		}
	}
	got := s.run("apply", "--auto-approve").must(t, 0)
	if !strings.Contains(got.stderr, "written by a later runner") || !strings.Contains(got.stderr, "The run goes on") {
		t.Errorf("apply says:\n%s", got.stderr)
	}
	after, err := os.ReadFile(name)
	const header = 100 // it counts how often the file was opened for writing
	if err != nil || !bytes.Equal(before[header:], after[header:]) {
		t.Errorf("the database was changed: %v", err)
	}
}

// TestRecordsTime: what is printed for programs has the times that are on record, in order.
func TestRecordsTime(t *testing.T) {
	s := newSite(t)
	s.write("site.hcl", `
job "j" {
  hosts = [host.localhost]
  task "command" "many" {
    for_each = toset([for n in range(50) : tostring(n)])
    argv     = ["true"]
  }
}
`)
	type line struct{ Type, Time, Address string }
	var printed []line
	for text := range strings.Lines(s.run("apply", "--auto-approve", "--json").must(t, 0).stdout) {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatal(err)
		}
		printed = append(printed, l)
	}
	if !slices.IsSortedFunc(printed, func(a, b line) int { return strings.Compare(a.Time, b.Time) }) {
		t.Error("the times of what is printed are not in order")
	}
	printed = slices.DeleteFunc(printed, func(l line) bool { return l.Type != "task_end" })
	var recorded struct{ Tasks []line }
	s.object(&recorded, "show", "--json", s.lastRun().Run)
	if len(printed) != 50 || !slices.Equal(printed, recorded.Tasks) {
		t.Errorf("printed is %v, on record %v", printed, recorded.Tasks)
	}
}
