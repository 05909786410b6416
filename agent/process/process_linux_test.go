package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// TestMain does what an agent does first: what runs tests may leave descriptors open.
func TestMain(m *testing.M) {
	CloseInherited()
	os.Exit(m.Run())
}

// table returns an agent's table. At the end of the test nothing of it is left: no goroutine, descriptor or process.
func table(t *testing.T) *Table {
	t.Helper()
	ignore := goleak.IgnoreCurrent()
	before := descriptors(t)
	tb, err := NewTable()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for range 200 { // orphans that end by themselves do so in their own time
			if len(own(t)) == 0 {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		tb.Close()
		goleak.VerifyNone(t, ignore)
		if after := descriptors(t); after > before {
			t.Errorf("%d descriptors, %d before", after, before)
		}
		for _, s := range own(t) {
			t.Errorf("process %d is left, dead: %v", s.pid, s.dead)
		}
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0); err != nil {
			t.Error(err)
		}
	})
	return tb
}

// descriptors counts what this process has open, beside what the runtime needs once.
func descriptors(t *testing.T) int {
	t.Helper()
	r, w, err := os.Pipe() // starts the poller
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

// own are the children of this process.
func own(t *testing.T) []seen {
	t.Helper()
	all, ok := list()
	if !ok {
		t.Fatal("no /proc")
	}
	var out []seen
	for _, s := range all {
		if s.parent == os.Getpid() {
			out = append(out, s)
		}
	}
	return out
}

func sh(script string) Command {
	return Command{Argv: []string{"/bin/sh", "-c", script}, Env: os.Environ()}
}

func run(t *testing.T, tb *Table, c Command) Exit {
	t.Helper()
	exit, err := tb.Run(t.Context(), c)
	if err != nil {
		t.Fatalf("%v: %v", c.Argv, err)
	}
	return exit
}

// TestG27EndsAreToldApart: status, signal, timeout, cancelled, not started.
func TestG27EndsAreToldApart(t *testing.T) {
	tb := table(t)
	if e := run(t, tb, sh("exit 7")); e.Reason != ReasonExit || e.Status != 7 || e.Signal != "" {
		t.Errorf("exit 7 is %+v", e)
	}
	if e := run(t, tb, sh("kill -SEGV $$")); e.Reason != ReasonSignal || e.Status != -1 || e.Signal != "SIGSEGV" {
		t.Errorf("a signal is %+v", e)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if e, err := tb.Run(ctx, sh("exec sleep 100")); err != nil || e.Reason != ReasonTimeout || e.Status != -1 {
		t.Errorf("a timeout is %+v, %v", e, err)
	}
	ctx, stop := context.WithCancelCause(t.Context())
	time.AfterFunc(50*time.Millisecond, func() { stop(errors.New("no more")) })
	if e, err := tb.Run(ctx, sh("exec sleep 100")); err != nil || e.Reason != ReasonCancelled {
		t.Errorf("a cancelled one is %+v, %v", e, err)
	}
	if e, err := tb.Run(ctx, sh("echo never")); err != nil || e.Reason != ReasonCancelled || e.Stdout != nil {
		t.Errorf("one that is cancelled already is %+v, %v", e, err)
	}
}

func TestG27NotStarted(t *testing.T) {
	tb := table(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "no-program")
	if err := os.WriteFile(file, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		command Command
		want    error
		dir     string
	}{
		"missing":             {Command{Argv: []string{"/no/such/program"}}, syscall.ENOENT, ""},
		"not in PATH":         {Command{Argv: []string{"no-such-program"}}, syscall.ENOENT, ""},
		"not executable":      {Command{Argv: []string{file}}, syscall.EACCES, ""},
		"in PATH, not to run": {Command{Argv: []string{"no-program"}, Env: []string{"PATH=" + dir}}, syscall.EACCES, ""},
		"a directory":         {Command{Argv: []string{dir}}, syscall.EACCES, ""},
		"no directory":        {Command{Argv: []string{"/bin/true"}, Dir: "/no/such/dir"}, syscall.ENOENT, "/no/such/dir"},
		"not a directory":     {Command{Argv: []string{"/bin/true"}, Dir: file}, syscall.ENOTDIR, file},
		"empty name":          {Command{Argv: []string{""}}, syscall.ENOENT, ""},
		"nothing":             {Command{}, syscall.EINVAL, ""},
		"too much":            {Command{Argv: []string{"/bin/true", strings.Repeat("x", 4<<20)}}, syscall.E2BIG, ""},
	} {
		_, err := tb.Run(t.Context(), c.command)
		var start *StartError
		if !errors.As(err, &start) || !errors.Is(err, c.want) || start.Dir != c.dir {
			t.Errorf("%s: %v; want %v in %q", name, err, c.want, c.dir)
		}
	}
}

// TestG25StandardStreams: descriptors 0 to 2 and no other, blocking, in a session of its own, with default signals.
func TestG25StandardStreams(t *testing.T) {
	tb := table(t)
	leak, err := os.Open("/")
	if err != nil {
		t.Fatal(err)
	}
	defer leak.Close()
	c := sh(`ls -l /proc/self/fd; cat /proc/self/fdinfo/0 /proc/self/fdinfo/1 /proc/self/fdinfo/2 | grep flags; cat /proc/$$/stat; grep Sig /proc/self/status`)
	c.Stdin = strings.NewReader("")
	e := run(t, tb, c)
	text := string(e.Stdout)
	for line := range strings.Lines(text) {
		if octal, ok := strings.CutPrefix(line, "flags:\t"); ok {
			flags, err := strconv.ParseInt(strings.TrimSpace(octal), 8, 64)
			if err != nil || flags&unix.O_NONBLOCK != 0 {
				t.Errorf("a stream has flags %s", octal)
			}
		}
		fields := strings.Fields(line)
		if len(fields) > 8 && fields[len(fields)-2] == "->" {
			// ls itself has /proc/self/fd open.
			if n, err := strconv.Atoi(fields[len(fields)-3]); err != nil || n > 2 && !strings.HasPrefix(fields[len(fields)-1], "/proc/") {
				t.Errorf("an open descriptor: %s", line)
			}
		}
		for _, signals := range []string{"SigIgn:", "SigBlk:"} {
			if text, ok := strings.CutPrefix(line, signals); ok {
				mask, err := strconv.ParseUint(strings.TrimSpace(text), 16, 64)
				if err != nil || mask&(1<<31-1) != 0 { // 32 and up are the C library's, which the race detector brings
					t.Errorf("signals are not the default ones: %s", line)
				}
			}
		}
	}
	if !strings.Contains(text, "SigIgn") || strings.Count(text, "flags:") != 3 {
		t.Errorf("the test saw too little:\n%s", text)
	}
	if e := run(t, tb, sh(`test "$(ps -o sid= -p $$ | tr -d " ")" = $$ && cat`)); e.Status != 0 {
		t.Errorf("no session of its own, or no empty input: %+v", e)
	}
}

// TestG25ResourceLimits: the soft limit is the account's, not the one that Go raised for itself.
func TestG25ResourceLimits(t *testing.T) {
	tb := table(t)
	var now syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &now); err != nil {
		t.Fatal(err)
	}
	parent, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", os.Getppid()))
	if err != nil {
		t.Fatal(err)
	}
	e := run(t, tb, sh("cat /proc/self/limits"))
	find := func(limits string) string {
		for line := range strings.Lines(limits) {
			if strings.HasPrefix(line, "Max open files") {
				return strings.Fields(line)[3]
			}
		}
		return ""
	}
	// The go command raises its own as well, and restores it for the test.
	if got := find(string(e.Stdout)); got == "" || got != find(string(parent)) && got == fmt.Sprint(now.Cur) && now.Cur == now.Max {
		t.Errorf("open files: %q, as Go has raised it", got)
	}
}

// TestG25Script: a script is on no command line and in no descriptor of the program or its children, and standard input
// is free.
func TestG25Script(t *testing.T) {
	tb := table(t)
	const secret = "not-to-be-seen"
	c := sh("")
	c.Argv = []string{"/bin/sh"}
	c.Script = []byte("# " + secret + "\nread line; echo got $line; tr '\\0' ' ' </proc/$$/cmdline; ls /proc/self/fd | wc -l; grep -c " + `not-to""-be-seen` + " /proc/$$/environ\n")
	c.Stdin = strings.NewReader("the input\n")
	e := run(t, tb, c)
	text := string(e.Stdout)
	if !strings.Contains(text, "got the input\n") || strings.Contains(text, secret) || !strings.HasSuffix(text, "\n0\n") {
		t.Errorf("the script printed %q, %q", text, e.Stderr)
	}
	// Three, and the directory that ls reads. (/bin/sh keeps its script open for itself, marked.)
	if !strings.Contains(text, "\n4\n") && !strings.Contains(text, " 4\n") {
		t.Errorf("a child of the script has other descriptors than 0 to 2: %q", text)
	}
}

// TestG26MainProcessDecides: a child that holds the output open does not delay the result, and lives on.
func TestG26MainProcessDecides(t *testing.T) {
	tb := table(t)
	began := time.Now()
	e := run(t, tb, sh(`sleep 300 & echo $!; exit 3`))
	if took := time.Since(began); took > time.Second {
		t.Errorf("the result took %v", took)
	}
	pid := end(t, e)
	if e.Status != 3 {
		t.Errorf("exit is %+v", e)
	}
	if err := unix.Kill(pid, 0); err != nil {
		t.Fatalf("the child that was left has been ended: %v", err)
	}
	kill(t, pid)
}

// TestG26OutputBeforeTheEnd: what the main process has written counts, however much, and also while something else
// writes without end.
func TestG26OutputBeforeTheEnd(t *testing.T) {
	tb := table(t)
	began := time.Now()
	e := run(t, tb, sh(`yes >&2 & echo $! ; head -c 60000 /dev/zero; printf end`))
	if took := time.Since(began); took > time.Second {
		t.Errorf("the result took %v", took)
	}
	number, rest, _ := bytes.Cut(e.Stdout, []byte("\n"))
	pid, err := strconv.Atoi(string(number))
	if err != nil {
		t.Fatal(err)
	}
	kill(t, pid)
	if len(rest) != 60003 || !bytes.HasSuffix(rest, []byte("end")) || e.Status != 0 {
		t.Errorf("%d bytes of output, ending with %q", len(rest), rest[max(0, len(rest)-10):])
	}
}

// TestG26MuchOutput: 100 MB come through, the first and the last of it are kept, and memory is bounded.
func TestG26MuchOutput(t *testing.T) {
	tb := table(t)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	e := run(t, tb, sh(`printf first; head -c 100000000 /dev/zero; printf last; head -c 600000 /dev/zero >&2`))
	runtime.ReadMemStats(&after)
	if e.Status != 0 || !e.Truncated || len(e.Stdout) != 2*Kept || len(e.Stderr) != 600000 {
		t.Errorf("status %d, truncated %v, %d and %d bytes", e.Status, e.Truncated, len(e.Stdout), len(e.Stderr))
	}
	if !bytes.HasPrefix(e.Stdout, []byte("first")) || !bytes.HasSuffix(e.Stdout, []byte("last")) {
		t.Error("the first and the last are not kept")
	}
	if grown := int64(after.TotalAlloc - before.TotalAlloc); grown > 16<<20 {
		t.Errorf("%d bytes were allocated", grown)
	}
}

func end(t *testing.T, e Exit) int {
	t.Helper()
	pid, err := strconv.Atoi(strings.TrimSpace(string(e.Stdout)))
	if err != nil {
		t.Fatalf("no process id: %q, %q", e.Stdout, e.Stderr)
	}
	return pid
}

// kill ends a process that a test has left, and waits until it is gone.
func kill(t *testing.T, pid int) {
	t.Helper()
	_ = unix.Kill(pid, unix.SIGKILL)
	gone(t, pid)
}

func gone(t *testing.T, pid int) {
	t.Helper()
	for range 500 {
		if err := unix.Kill(pid, 0); err != nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("process %d is still there", pid)
}

// pids waits for a file that names processes.
func pids(t *testing.T, file string, n int) []int {
	t.Helper()
	for range 500 {
		data, err := os.ReadFile(file)
		if fields := strings.Fields(string(data)); err == nil && len(fields) == n && bytes.HasSuffix(data, []byte("\n")) {
			var out []int
			for _, f := range fields {
				pid, err := strconv.Atoi(f)
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, pid)
			}
			return out
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s does not name %d processes", file, n)
	return nil
}

func TestKillIsAtOnce(t *testing.T) {
	tb := table(t)
	ctx, kill := WithKill(t.Context())
	ctx, cancel := context.WithCancel(ctx)
	began := time.Now()
	time.AfterFunc(50*time.Millisecond, cancel)
	time.AfterFunc(300*time.Millisecond, kill)
	e, err := tb.Run(ctx, sh(`trap "" TERM; while :; do sleep 0.1; done`))
	if took := time.Since(began); err != nil || e.Signal != "SIGKILL" || took > 2*time.Second {
		t.Errorf("after %v: %+v, %v", took, e, err)
	}
}

// TestLiveOutput: it comes as it is printed, and who reads slowly slows the program instead of filling memory.
func TestLiveOutput(t *testing.T) {
	tb := table(t)
	first := make(chan struct{})
	c := sh(`echo one; read go; echo two`)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c.Stdin = r
	var got bytes.Buffer
	c.Stdout = writer(func(p []byte) (int, error) {
		if got.Len() == 0 {
			close(first)
		}
		return got.Write(p)
	})
	go func() {
		<-first
		_, _ = w.WriteString("\n")
		_ = w.Close()
	}()
	e := run(t, tb, c)
	if got.String() != "one\ntwo\n" || string(e.Stdout) != got.String() {
		t.Errorf("live %q, kept %q", got.String(), e.Stdout)
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

// TestG21Many: whatever a hundred processes do, nothing is left (see table).
func TestG21Many(t *testing.T) {
	tb := table(t)
	for i := range 100 {
		c := sh("exit 0")
		switch i % 4 {
		case 0:
			c.Stdin = bytes.NewReader(make([]byte, 1<<20)) // which it does not read
		case 1:
			c.Argv = []string{"/no/such/program"}
		case 2:
			c = sh("(true &)")
		}
		_, _ = tb.Run(t.Context(), c)
	}
}

func TestSharedTableLeavesOthersAlone(t *testing.T) {
	tb := NewSharedTable()
	defer tb.Close()
	pid, err := syscall.ForkExec("/bin/true", []string{"true"}, &syscall.ProcAttr{Files: []uintptr{0, 1, 2}})
	if err != nil {
		t.Fatal(err)
	}
	if e := run(t, tb, sh("sleep 0.1; exit 4")); e.Status != 4 {
		t.Errorf("%+v", e)
	}
	var status syscall.WaitStatus
	if got, err := syscall.Wait4(pid, &status, 0, nil); err != nil || got != pid || status.ExitStatus() != 0 {
		t.Errorf("the other process was reaped by the table: %d, %v", got, err)
	}
}
