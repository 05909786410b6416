package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"runner/cmd/testbed/bed"
)

// killedTasks is how many tasks the job has on each host.
const killedTasks = 8

// TestG31Killed kills the controller at random points of a run and resumes each: every task is done once, or the record of the
// run says of it that nobody knows (unknown), and then it is done again; the handler that was notified runs. $KILLS is how many points.
func TestG31Killed(t *testing.T) {
	r := newReached(t, bed.ServerOptions{})
	logs := map[string]func() string{
		"machine": func() string { return readFile(t, filepath.Join(r.account.Home, "log")) },
		"root":    func() string { return readFile(t, filepath.Join(r.account.Home, "log-root")) },
		"box":     func() string { return r.box.Run("cat", "/log") },
	}
	var site strings.Builder
	fmt.Fprintf(&site, "locals {\n  logs = { machine = %q, root = %q, box = \"/log\" }\n}\n", filepath.Join(r.account.Home, "log"), filepath.Join(r.account.Home, "log-root"))
	site.WriteString("job \"j\" {\n  hosts = [host.machine, host.root, host.box]\n")
	for i := range killedTasks {
		fmt.Fprintf(&site, "  task \"shell\" \"t%d\" {\n    script = \"sleep 0.02; echo t%d >> ${local.logs[self.name]}\"\n    notify = [handler.h]\n  }\n", i, i)
	}
	site.WriteString("  handler \"shell\" \"h\" {\n    script = \"echo h >> ${local.logs[self.name]}\"\n  }\n}\n")
	r.write("job.hcl", site.String())

	points := 8
	if n, err := strconv.Atoi(os.Getenv("KILLS")); err == nil {
		points = n
	}
	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	begin := time.Now()
	r.run("apply", "--auto-approve", "--json").must(t, 0)
	whole := time.Since(begin)
	kills, cut, twice := 0, 0, 0
	for point := range points {
		for _, name := range []string{"log", "log-root"} {
			_ = os.Remove(filepath.Join(r.account.Home, name))
		}
		r.box.Run("rm", "-f", "/log")
		last := r.lastRun().Run
		run := r.start("apply", "--auto-approve", "--json")
		after := time.Duration(random.Int64N(int64(whole)))
		time.Sleep(after)
		_ = run.cmd.Process.Kill()
		_ = run.cmd.Wait()
		killed := r.lastRun()
		if killed.Status != "killed" { // it was not there yet, or was through
			if killed.Run != last {
				whole = after // the first one took longer, with all that it had to bring
			}
			continue
		}
		kills++
		unknown := map[string]bool{}
		for _, task := range r.show(killed.Run).Tasks {
			if task.text("status") == "unknown" {
				unknown[task.text("host")+" "+strings.TrimPrefix(task.text("address"), "job.j.task.shell.")] = true
			}
		}
		if len(unknown) > 0 {
			cut++
		}
		r.resume(killed.Run).must(t, 0)
		for host, log := range logs {
			lines := strings.Fields(log())
			for i := range killedTasks {
				task := fmt.Sprintf("t%d", i)
				n := count(lines, task)
				if n > 1 {
					twice++
				}
				if n == 0 || n > 1 && !unknown[host+" "+task] {
					t.Errorf("point %d, killed after %v: on %s %s ran %d times, and unknown were %v: %v", point, after, host, task, n, unknown, lines)
				}
			}
			if count(lines, "h") == 0 {
				t.Errorf("point %d, killed after %v: on %s the handler was lost: %v", point, after, host, lines)
			}
		}
	}
	t.Logf("a run takes %v; %d points, %d runs were killed under way, %d with tasks that nobody knew of; %d tasks ran twice", whole.Round(time.Millisecond), points, kills, cut, twice)
	if kills == 0 {
		t.Error("no run was killed under way")
	}
}

func count(lines []string, line string) int {
	n := 0
	for _, l := range lines {
		if l == line {
			n++
		}
	}
	return n
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// entry is a run of the history.
type entry struct {
	Run, Status string
	Tasks       []event
}

func (s *site) lastRun() (out entry) {
	s.t.Helper()
	s.object(&out, "history", "--last", "1", "--json")
	return out
}

func (s *site) show(run string) (out entry) {
	s.t.Helper()
	s.object(&out, "show", "--json", run)
	return out
}

// object reads the JSON object that a command prints; nothing if it prints nothing.
func (s *site) object(to any, args ...string) {
	s.t.Helper()
	out := s.without(args...).must(s.t, 0).stdout
	if err := json.Unmarshal([]byte(out), to); out != "" && err != nil {
		s.t.Fatalf("%v: %v\n%s", args, err, tail(out))
	}
}

// resume goes on with a run.
func (s *site) resume(run string) ran {
	s.t.Helper()
	args := []string{"apply", "--resume", run, "--auto-approve", "--json"}
	for _, v := range s.vars {
		args = append(args, "--var", v)
	}
	return s.without(args...)
}

// without runs the binary without the path of the site.
func (s *site) without(args ...string) ran {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	whole := s.command(ctx)
	cmd := exec.CommandContext(ctx, binary, patient(args)...)
	cmd.Env, cmd.Dir = whole.Env, whole.Dir
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		s.t.Fatalf("cannot run %v: %v", args, err)
	}
	r := ran{code: cmd.ProcessState.ExitCode(), stdout: out.String(), stderr: errs.String()}
	r.parse()
	return r
}

// TestG34ResumeElsewhere: a container that was replaced is another machine, on which nothing of the run was done.
func TestG34ResumeElsewhere(t *testing.T) {
	r := newReached(t, bed.ServerOptions{})
	r.write("job.hcl", `
job "j" {
  hosts = [host.box]
  task "shell" "one" {
    script = "echo one >> /log"
  }
  task "shell" "two" {
    script = "echo two >> /log; test -e /ok"
  }
}
`)
	r.run("apply", "--auto-approve", "--json").must(t, 3)
	r.Recreate(r.box)
	r.box.Run("touch", "/ok")
	second := r.resume(r.lastRun().Run).must(t, 3)
	if end := second.of("task_end")[0]; end.text("status") != "failed" || !strings.Contains(end.text("error"), "another machine") {
		t.Errorf("the first end is %v", end)
	}
	if files := r.box.Run("ls", "/"); slices.Contains(strings.Fields(files), "log") {
		t.Errorf("something was done on the new one: %s", files)
	}
}
