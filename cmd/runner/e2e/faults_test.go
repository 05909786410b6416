package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"runner/cmd/testbed/bed"
)

// reach is a chain to one machine, and through it into a container.
const reach = `
variable "password" {
  type      = string
  sensitive = true
}
host "machine" {
  address = "%[3]s"
  hop "ssh" {
    user        = "%[1]s"
    port        = %[4]d
    keys        = ["%[2]s"]
    known_hosts = ["%[5]s"]
    config      = false
    agent       = false
    %[7]s
  }
}
host "root" {
  via = host.machine
  hop "sudo" { password = var.password }
}
host "box" {
  via = host.root
  hop "docker" { container = "%[6]s" }
}
`

// reached is a machine, an account on it and a container, with hosts "machine", "root" and "box" that lead there.
type reached struct {
	*site
	account *bed.Account
	server  *bed.Server
	box     *bed.Box
	hosts   string
}

func newReached(t *testing.T, options bed.ServerOptions) *reached {
	t.Helper()
	s := newSite(t, "root", "sshd", "sudo", "docker")
	r := &reached{site: s}
	r.account = s.Account(bed.AccountOptions{Sudoers: []string{bed.SudoAsking, bed.SudoNever}})
	r.box = s.Container(bed.BoxOptions{})
	r.server = s.SSHD(options)
	r.lead(r.server.Address, r.server.Port)
	s.vars = []string{"password=" + r.account.Password}
	return r
}

// lead writes the hosts file, with another way to the server if one wants.
func (r *reached) lead(address string, port int) {
	known, err := os.ReadFile(r.server.KnownHosts)
	if err != nil {
		r.t.Fatal(err)
	}
	_, key, _ := strings.Cut(strings.TrimSpace(string(known)), " ")
	file := filepath.Join(r.path, "known_hosts")
	if err := os.WriteFile(file, fmt.Appendf(nil, "[%s]:%d %s\n", address, port, key), 0o600); err != nil {
		r.t.Fatal(err)
	}
	r.write("hosts.hcl", fmt.Sprintf(reach, r.account.Name, r.Key(), address, port, file, r.box.Name, r.hosts))
}

// running is a run of the binary that goes on.
type running struct {
	cmd  *exec.Cmd
	out  printed
	errs printed
	t    *testing.T
}

// printed is what a run has printed so far.
type printed struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *printed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// start starts a run; it is killed if the test forgets it.
func (s *site) start(args ...string) *running {
	s.t.Helper()
	r := &running{cmd: s.command(context.Background(), args...), t: s.t}
	r.cmd.Stdout, r.cmd.Stderr = &r.out, &r.errs
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := r.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = r.cmd.Process.Kill() })
	return r
}

// end waits for the end of the run, which must come within most.
func (r *running) end(most time.Duration) ran {
	r.t.Helper()
	done := make(chan struct{})
	begin := time.Now()
	go func() {
		_ = r.cmd.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(most):
		_ = r.cmd.Process.Signal(syscall.SIGQUIT)
		<-done
		r.t.Fatalf("the run did not end within %v\n%s\n%s", most, tail(r.out.String()), tail(r.errs.String()))
	}
	out := ran{code: r.cmd.ProcessState.ExitCode(), stdout: r.out.String(), stderr: r.errs.String(), took: time.Since(begin)}
	out.parse()
	return out
}

// eventually waits until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it did not come to pass that %s", what)
		}
	}
}

// pids returns the processes whose command line holds text.
func pids(text string) []int {
	var out []int
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		line, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		pid, _ := strconv.Atoi(filepath.Base(dir))
		if strings.Contains(strings.ReplaceAll(string(line), "\x00", " "), text) && pid != os.Getpid() {
			out = append(out, pid)
		}
	}
	return out
}

func kill(t *testing.T, pids ...int) {
	t.Helper()
	if len(pids) == 0 {
		t.Fatal("there is nothing to kill")
	}
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// long is a job whose one task sleeps: how long tells its processes from all others.
const long = `
job "long" {
  hosts = [host.%s]
  task "command" "sleep" { argv = ["sleep", "%s"] }
  task "command" "after" { argv = ["true"] }
}
`

var sleeps = 4000.0

func nextSleep() string {
	sleeps++
	return fmt.Sprintf("%.4f", sleeps+float64(os.Getpid()%1000)/10000)
}

// TestFaultKill kills each part of a chain while a task runs at its end. The task's outcome is unknown, the next one is
// not started, and nothing is left anywhere. G17 G18 G21 G27.
func TestFaultKill(t *testing.T) {
	for _, c := range []struct {
		part, host string
		find       func(*reached) []int
	}{
		{"agent of the account", "box", func(r *reached) []int { return r.agents(r.account.UID) }},
		{"agent of root", "box", func(r *reached) []int { return r.agents(0) }},
		{"sudo", "box", func(r *reached) []int { return pids("sudo -") }},
		{"docker client", "box", func(r *reached) []int { return pids("docker exec") }},
		{"sshd session", "box", func(r *reached) []int { return pids("sshd: " + r.account.Name) }},
	} {
		t.Run(c.part, func(t *testing.T) {
			t.Parallel()
			r := newReached(t, bed.ServerOptions{Machine: true})
			seconds := nextSleep()
			r.write("site.hcl", fmt.Sprintf(long, c.host, seconds))
			run := r.start("apply", "--json", "--auto-approve")
			eventually(t, "the task runs", func() bool { return len(r.tasks(seconds)) > 0 })
			kill(t, r.mine(c.find(r))...)
			got := run.end(20*time.Second).must(t, 4)
			ends := got.of("task_end")
			if len(ends) != 2 || ends[0].text("status") != "unknown" || ends[1].text("status") == "ok" {
				t.Errorf("the ends are %v, want unknown and not started", ends)
			}
			if ends[0].text("error") == "" {
				t.Error("no error says why")
			}
			eventually(t, "the task's process has ended", func() bool { return len(r.tasks(seconds)) == 0 })
		})
	}
}

// tasks are the processes of a sleeping task.
func (r *reached) tasks(seconds string) []int { return pids("sleep " + seconds) }

// agents are the agents of a user.
func (r *reached) agents(uid int) []int {
	var out []int
	for _, pid := range pids(" serve ") {
		var st syscall.Stat_t
		if syscall.Stat(fmt.Sprintf("/proc/%d", pid), &st) == nil && int(st.Uid) == uid {
			out = append(out, pid)
		}
	}
	return out
}

// mine keeps the processes that descend from this test's server: other tests run beside it.
func (r *reached) mine(all []int) []int {
	below := map[int]bool{}
	for _, pid := range r.server.Descendants() {
		below[pid] = true
	}
	var out []int
	for _, pid := range all {
		if below[pid] {
			out = append(out, pid)
		}
	}
	return out
}

// TestFaultController kills the controller: nothing is left on the target. G21 G24.
func TestFaultController(t *testing.T) {
	t.Parallel()
	r := newReached(t, bed.ServerOptions{Machine: true})
	seconds := nextSleep()
	r.write("site.hcl", fmt.Sprintf(long, "box", seconds))
	run := r.start("apply", "--json", "--auto-approve")
	eventually(t, "the task runs", func() bool { return len(r.tasks(seconds)) > 0 })
	kill(t, run.cmd.Process.Pid)
	_ = run.cmd.Wait()
	eventually(t, "the task's process has ended", func() bool { return len(r.tasks(seconds)) == 0 })
}

// TestInterrupt: once, what runs is ended and the run exits within 12 s; twice, within 2 s. G24.
func TestInterrupt(t *testing.T) {
	for _, c := range []struct {
		times int
		most  time.Duration
		argv  string
	}{
		{1, 12 * time.Second, `["sleep", "%s"]`},
		{1, 12 * time.Second, `["sh", "-c", "trap '' TERM INT; sleep %s & wait; sleep 1000"]`},
		{2, 2 * time.Second, `["sh", "-c", "trap '' TERM INT; sleep %s & wait; sleep 1000"]`},
	} {
		t.Run(fmt.Sprintf("%d %s", c.times, c.argv), func(t *testing.T) {
			t.Parallel()
			r := newReached(t, bed.ServerOptions{Machine: true})
			seconds := nextSleep()
			r.write("site.hcl", `job "long" {
  hosts = [host.root]
  task "command" "sleep" { argv = `+fmt.Sprintf(c.argv, seconds)+` }
  task "command" "after" { argv = ["true"] }
}`)
			run := r.start("apply", "--json", "--auto-approve")
			eventually(t, "the task runs", func() bool { return len(r.tasks(seconds)) > 0 })
			for range c.times {
				_ = run.cmd.Process.Signal(syscall.SIGINT)
				time.Sleep(300 * time.Millisecond)
			}
			got := run.end(c.most).must(t, 130)
			if status := got.last(t, "run_end").text("status"); status != "interrupted" {
				t.Errorf("the run ended %q", status)
			}
			for _, e := range got.of("task_end") {
				if s := e.text("status"); s != "cancelled" && s != "unknown" {
					t.Errorf("%s ended %q", e.text("address"), s)
				}
			}
		})
	}
}

// TestFaultOutput: a task that prints without end is ended by its timeout, one that prints 100 MB ends well, one whose
// child keeps the output open ends when it does itself. G22 G26.
func TestFaultOutput(t *testing.T) {
	t.Parallel()
	r := newReached(t, bed.ServerOptions{Machine: true})
	seconds := nextSleep()
	r.write("site.hcl", `job "loud" {
  hosts = [host.root]
  task "command" "much" { argv = ["sh", "-c", "yes | head -c 100000000; echo end"] }
  task "command" "child" { argv = ["sh", "-c", "sleep `+seconds+` & echo mine"] }
  task "command" "yes" {
    argv       = ["yes"]
    timeout    = "1s"
    on_failure = "continue"
  }
  task "command" "after" { argv = ["echo", "after"] }
}`)
	got := r.run("apply", "--json", "--auto-approve").must(t, 0)
	if left := r.tasks(seconds); len(left) != 1 {
		t.Errorf("the child that was left has %d processes, want 1: a daemon lives on", len(left))
	} else {
		kill(t, left...)
	}
	ends := got.of("task_end")
	if len(ends) != 4 {
		t.Fatalf("%d ends, want 4", len(ends))
	}
	if out := ends[0].stdout(); !strings.HasSuffix(out, "end") || len(out) > 1100<<10 {
		t.Errorf("the output's end is missing, or all of %d bytes was kept", len(out))
	}
	if s := ends[1]["seconds"].(float64); s > 1.5 || ends[1].stdout() != "mine" {
		t.Errorf("the task whose child keeps its output took %v s and printed %q", s, ends[1].stdout())
	}
	if ends[2].text("status") != "failed" || ends[2].text("reason") != "timeout" {
		t.Errorf("yes ended %v", ends[2])
	}
	if ends[3].stdout() != "after" {
		t.Errorf("the task after it ended %v", ends[3])
	}
}

// TestWrongPassword: tried once, named, and given to nobody else. G6 G36.
func TestWrongPassword(t *testing.T) {
	t.Parallel()
	r := newReached(t, bed.ServerOptions{Machine: true})
	r.vars = []string{"password=wrong-Secret-1"}
	r.write("site.hcl", fmt.Sprintf(long, "box", "1"))
	got := r.run("apply", "--json", "--auto-approve").must(t, 4)
	end := got.of("task_end")[0]
	if end.text("status") != "unreachable" || !strings.Contains(end.text("error"), "sudo") || !strings.Contains(end.text("error"), "password") {
		t.Errorf("the end is %v", end)
	}
	if strings.Contains(got.stdout+got.stderr, "wrong-Secret-1") {
		t.Error("the password was shown")
	}
}

// TestContainerStops while a task runs in it.
func TestContainerStops(t *testing.T) {
	t.Parallel()
	r := newReached(t, bed.ServerOptions{Machine: true})
	seconds := nextSleep()
	r.write("site.hcl", fmt.Sprintf(long, "box", seconds))
	run := r.start("apply", "--json", "--auto-approve")
	eventually(t, "the task runs", func() bool { return len(r.tasks(seconds)) > 0 })
	r.box.Stop()
	got := run.end(20*time.Second).must(t, 4)
	if s := got.of("task_end")[0].text("status"); s != "unknown" {
		t.Errorf("the task ended %q", s)
	}
}

// TestFullDisk: the old file stays, and no remains. G29.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	r := newReached(t, bed.ServerOptions{})
	small := filepath.Join(r.Dir(), "small")
	if err := os.Mkdir(small, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=64k", "none", small).CombinedOutput(); err != nil {
		t.Fatalf("cannot mount: %v: %s", err, out)
	}
	t.Cleanup(func() { _ = syscall.Unmount(small, syscall.MNT_DETACH) })
	file := filepath.Join(small, "file")
	if err := os.WriteFile(file, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.write("big", strings.Repeat("x", 1<<20))
	r.write("site.hcl", `job "full" {
  hosts = [host.root]
  task "file" "big" {
    path   = "`+file+`"
    source = "big"
  }
}`)
	got := r.run("apply", "--json", "--auto-approve").must(t, 3)
	if e := got.of("task_end")[0].text("error"); !strings.Contains(e, "no space left") || !strings.Contains(e, file) {
		t.Errorf("the error is %q", e)
	}
	if content, _ := os.ReadFile(file); string(content) != "old" {
		t.Errorf("the old file became %q", content)
	}
	if left, _ := os.ReadDir(small); len(left) != 1 {
		t.Errorf("%d files are left, want 1", len(left))
	}
}
