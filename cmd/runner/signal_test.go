package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// interruptedSite has a task that does not end by itself. With stubborn it does not end by SIGTERM either.
func interruptedSite(t *testing.T, stubborn bool) (file, mark string) {
	t.Helper()
	dir := t.TempDir()
	mark = fmt.Sprintf("%d.25", 600+time.Now().UnixNano()%1000000) // seconds to sleep that nobody else sleeps
	script := "exec sleep " + mark
	if stubborn {
		script = "trap '' TERM INT HUP; while :; do sleep " + mark + "; done"
	}
	file = filepath.Join(dir, "site.hcl")
	site := fmt.Sprintf(`
host "here" {
  hop "local" {}
}
job "site" {
  hosts = [host.here]
  task "command" "long" { argv = ["/bin/sh", "-c", %q] }
  task "command" "later" { argv = ["/bin/true"] }
}
`, script)
	if err := os.WriteFile(file, []byte(site), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, mark
}

// startApply starts an apply and waits until its task runs.
func startApply(t *testing.T, file string, env ...string) (cmd *exec.Cmd, output *bufio.Reader, stderr *bytes.Buffer) {
	t.Helper()
	cmd = exec.CommandContext(t.Context(), "runner", "apply", "--auto-approve", "--json", file)
	cmd.Env = append(append(os.Environ(), "HOME="+t.TempDir()), env...)
	stderr = &bytes.Buffer{}
	cmd.Stderr = stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	output = bufio.NewReader(out)
	for {
		line, err := output.ReadString('\n')
		if err != nil {
			t.Fatalf("it ended before its task ran: %v, %s", err, stderr)
		}
		if strings.Contains(line, `"type":"task_start"`) {
			return cmd, output, stderr
		}
	}
}

// rest reads what is still printed, until the end.
func rest(t *testing.T, output *bufio.Reader) string {
	t.Helper()
	var all bytes.Buffer
	if _, err := all.ReadFrom(output); err != nil {
		t.Fatal(err)
	}
	return all.String()
}

func wantInterrupted(t *testing.T, cmd *exec.Cmd, mark string, began time.Time, most time.Duration) {
	t.Helper()
	err := cmd.Wait()
	if took := time.Since(began); took > most {
		t.Errorf("it took %s to end", took)
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 130 {
		t.Errorf("it ended with %v", err)
	}
	// Nothing of the task is left, at the latest a moment later.
	for deadline := time.Now().Add(2 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		left := sleeping(t, mark)
		if left == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d processes of the task are left", left)
		}
	}
}

// sleeping counts the processes that have the mark in their command line.
func sleeping(t *testing.T, mark string) int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(files) == 0 {
		t.Skip("needs /proc to find processes in")
	}
	n := 0
	for _, f := range files {
		if line, err := os.ReadFile(f); err == nil && bytes.Contains(line, []byte(mark)) {
			n++
		}
	}
	return n
}

// TestG24Interrupt sends each of the signals once: what runs ends, nothing new starts, the end is told.
func TestG24Interrupt(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(sig.String(), func(t *testing.T) {
			file, mark := interruptedSite(t, false)
			cmd, output, _ := startApply(t, file)
			began := time.Now()
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			events := rest(t, output)
			wantInterrupted(t, cmd, mark, began, 12*time.Second)
			for _, want := range []string{
				`"type":"task_end".*"address":"job.site.task.command.long".*"status":"cancelled"`,
				`"address":"job.site.task.command.later".*"status":"cancelled"`,
				`"type":"run_end".*"status":"interrupted"`,
			} {
				parts := strings.Split(want, ".*")
				if !hasLine(events, parts) {
					t.Errorf("no event with %s in\n%s", want, events)
				}
			}
		})
	}
}

// TestInterruptedCopy: a copy that is interrupted, here while it waits for the lock, says that it is not whole.
func TestInterruptedCopy(t *testing.T) {
	t.Parallel()
	file, mark := interruptedSite(t, false)
	apply, output, _ := startApply(t, file)
	copied := filepath.Join(filepath.Dir(file), "copy")
	cp := exec.CommandContext(t.Context(), "runner", "cp", "--site", file, "--lock-timeout", "5m", file, "here:"+copied)
	cp.Env = append(os.Environ(), "HOME="+t.TempDir())
	stderr, err := cp.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cp.Start(); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewReader(stderr)
	for line := ""; !strings.Contains(line, "holds the lock"); {
		if line, err = said.ReadString('\n'); err != nil {
			t.Fatalf("it ended before it waited: %v", err)
		}
	}
	if err := cp.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	last := rest(t, said)
	if exit, ok := errors.AsType[*exec.ExitError](cp.Wait()); !ok || exit.ExitCode() != 130 || !strings.Contains(last, "Interrupted: the copy is not whole.") {
		t.Errorf("it ended with %v and %q", exit, last)
	}
	if _, err := os.Stat(copied); err == nil {
		t.Error("it has copied")
	}
	began := time.Now()
	if err := apply.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	rest(t, output)
	wantInterrupted(t, apply, mark, began, 12*time.Second)
}

func hasLine(text string, parts []string) bool {
next:
	for line := range strings.Lines(text) {
		for _, p := range parts {
			if !strings.Contains(line, p) {
				continue next
			}
		}
		return true
	}
	return false
}

// TestG24InterruptTwice does not wait for a process that ignores polite signals.
func TestG24InterruptTwice(t *testing.T) {
	t.Parallel()
	file, mark := interruptedSite(t, true)
	cmd, output, _ := startApply(t, file)
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond)
	began := time.Now()
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	rest(t, output)
	wantInterrupted(t, cmd, mark, began, 2*time.Second)
}

// TestG24InterruptUnread reads nothing more of what is printed: one interrupt ends it all the same.
func TestG24InterruptUnread(t *testing.T) {
	t.Parallel()
	mark := fmt.Sprintf("%d.75", 600+time.Now().UnixNano()%1000000)
	file := filepath.Join(t.TempDir(), "site.hcl")
	site := fmt.Sprintf(`
host "here" {
  hop "local" {}
}
job "site" {
  hosts = [host.here]
  task "command" "loud" { argv = ["/bin/sh", "-c", "head -c 1000000 /dev/zero | tr '\\0' x"] }
  task "command" "long" { argv = ["/bin/sleep", %q] }
}
`, mark)
	if err := os.WriteFile(file, []byte(site), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd, _, _ := startApply(t, file)
	for deadline := time.Now().Add(10 * time.Second); sleeping(t, mark) == 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the task does not run")
		}
	}
	time.Sleep(500 * time.Millisecond) // for the pipe to fill
	began := time.Now()
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	wantInterrupted(t, cmd, mark, began, 12*time.Second)
}

// TestG24InterruptedPlan ends a preview that waits for a server that never answers.
func TestG24InterruptedPlan(t *testing.T) {
	t.Parallel()
	silent, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	file := filepath.Join(t.TempDir(), "site.hcl")
	_, port, err := net.SplitHostPort(silent.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	site := `
host "web" {
  address = "127.0.0.1"
  hop "ssh" { port = ` + port + ` }
}
job "site" {
  hosts = [host.web]
  task "command" "t" { argv = ["/bin/true"] }
}
`
	if err := os.WriteFile(file, []byte(site), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "runner", "plan", "--detailed-exitcode", file)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	conn, err := silent.Accept() // it is connected now, and waits
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	began := time.Now()
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	err = cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 130 || time.Since(began) > 12*time.Second {
		t.Errorf("it ended with %v after %s", err, time.Since(began))
	}
	if strings.Contains(stdout.String(), "Plan:") || !strings.Contains(stderr.String(), "Interrupted: there is no plan.") {
		t.Errorf("printed %s\n%s", &stdout, &stderr)
	}
}

// TestG39DumpStacks shows where the controller and its agent stand while a task hangs.
func TestG39DumpStacks(t *testing.T) {
	t.Parallel()
	file, mark := interruptedSite(t, false)
	cmd, output, stderr := startApply(t, file, "RUNNER_DUMP_STACKS=1")
	time.Sleep(1500 * time.Millisecond)
	began := time.Now()
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	rest(t, output)
	wantInterrupted(t, cmd, mark, began, 12*time.Second)
	for _, want := range []string{"=== stacks of runner, process", "runner/executor.Run", "runner-agent", "runner/agent.Serve"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("%q is not among the stacks", want)
		}
	}
}

// TestG39Quit prints the stacks and ends.
func TestG39Quit(t *testing.T) {
	t.Parallel()
	file, mark := interruptedSite(t, false)
	cmd, output, stderr := startApply(t, file)
	if err := cmd.Process.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	rest(t, output)
	if err := cmd.Wait(); err == nil {
		t.Error("it ended well")
	}
	if !strings.Contains(stderr.String(), "SIGQUIT") || !strings.Contains(stderr.String(), "runner/executor.Run") {
		t.Errorf("printed %s", stderr)
	}
	for deadline := time.Now().Add(5 * time.Second); sleeping(t, mark) > 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the task is still there")
		}
	}
}

// TestClosedOutput reads no further: the run goes on to its end.
func TestClosedOutput(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "site.hcl")
	done := filepath.Join(dir, "done")
	site := fmt.Sprintf(`
host "here" {
  hop "local" {}
}
job "site" {
  hosts = [host.here]
  task "command" "first" {
    for_each = toset([for i in range(50) : tostring(i)])
    argv     = ["/bin/true"]
  }
  task "file" "done" { path = %q }
}
`, done)
	if err := os.WriteFile(file, []byte(site), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "runner", "apply", "--auto-approve", file)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReaderSize(out, 16).ReadByte(); err != nil {
		t.Fatal(err)
	}
	out.Close()
	if exit, ok := errors.AsType[*exec.ExitError](cmd.Wait()); !ok || exit.ExitCode() != 3 {
		t.Errorf("it ended with %v; output that got lost is an error, and things were changed", exit)
	}
	if _, err := os.Stat(done); err != nil {
		t.Error(err)
	}
}

// TestG24InterruptLoading interrupts commands while a program of an inventory keeps them from knowing the site: nothing
// has to end in order then, and nothing of the program is left.
func TestG24InterruptLoading(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"validate"}, {"hosts"}, {"plan", "--offline", "--json"}, {"apply", "--auto-approve"}} {
		t.Run(args[0], func(t *testing.T) {
			t.Parallel()
			mark := fmt.Sprintf("%d.75", 600+time.Now().UnixNano()%1000000)
			file := filepath.Join(t.TempDir(), "site.hcl")
			site := fmt.Sprintf("inventory \"exec\" \"i\" {\n  argv    = [\"sleep\", %q]\n  timeout = \"10m\"\n}\n", mark)
			if err := os.WriteFile(file, []byte(site), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), "runner", append(args, file)...)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			for sleeping(t, mark) == 0 {
				if err := t.Context().Err(); err != nil {
					t.Fatal(err)
				}
				time.Sleep(10 * time.Millisecond)
			}
			began := time.Now()
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			wantInterrupted(t, cmd, mark, began, 5*time.Second)
		})
	}
}
