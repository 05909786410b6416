package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"runner/cmd/testbed/bed"
)

// adhocSite has a host behind ssh, itself as root, and a container of it.
const adhocSite = `
host "plain" {
  address = "%[3]s"
  hop "ssh" {
    user        = "%[1]s"
    keys        = ["%[2]s"]
    port        = %[4]d
    known_hosts = [%[5]q]
    config      = false
    agent       = false
  }
}

host "web" {
  via = host.plain
  hop "sudo" { user = "root" }
}

host "app" {
  via = host.web
  hop "docker" { container = "%[6]s" }
}
`

// adhocHosts are those of adhocSite.
type adhocHosts struct {
	*site
	account *bed.Account
	server  *bed.Server
	box     *bed.Box
}

func newAdhocSite(t *testing.T) *adhocHosts {
	t.Helper()
	s := newSite(t, "root", "sshd", "sudo", "docker")
	h := &adhocHosts{
		site: s, account: s.Account(bed.AccountOptions{Sudoers: []string{bed.SudoFree}}),
		server: s.SSHD(bed.ServerOptions{}), box: s.Container(bed.BoxOptions{}),
	}
	h.lead(h.server.Address, h.server.Port)
	return h
}

// lead has the site reach the machine at an address, which may be that of a link to it.
func (h *adhocHosts) lead(address string, port int) {
	h.t.Helper()
	known, err := os.ReadFile(h.server.KnownHosts)
	if err != nil {
		h.t.Fatal(err)
	}
	_, key, _ := strings.Cut(strings.TrimSpace(string(known)), " ")
	file := filepath.Join(h.Dir(), "known_hosts-"+fmt.Sprint(port))
	if err := os.WriteFile(file, fmt.Appendf(nil, "[%s]:%d %s\n", address, port, key), 0o600); err != nil {
		h.t.Fatal(err)
	}
	h.write("site.hcl", fmt.Sprintf(adhocSite, h.account.Name, h.Key(), address, port, file, h.box.Name))
}

// adhoc prepares the binary for a command that takes its site by --site.
func (s *site) adhoc(ctx context.Context, args ...string) *exec.Cmd {
	all := append([]string{args[0], "--site", s.path}, args[1:]...)
	cmd := exec.CommandContext(ctx, binary, all...)
	cmd.Env = append(os.Environ(), "NO_COLOR=1", "HOME="+s.path, "SSH_AUTH_SOCK=", "TERM=xterm", "LANG=C.UTF-8")
	cmd.Dir = s.path
	return cmd
}

// typist is somebody at a terminal at which runner runs.
type typist struct {
	t        *testing.T
	cmd      *exec.Cmd
	terminal *os.File // the typist's side
	tty      *os.File // the program's
	before   unix.Termios

	mu    sync.Mutex
	shown bytes.Buffer // since the last expect
	more  sync.Cond
	over  bool
}

func (s *site) sit(t *testing.T, args ...string) *typist {
	t.Helper()
	y := &typist{t: t, cmd: s.adhoc(t.Context(), args...)}
	y.more.L = &y.mu
	var err error
	if y.terminal, y.tty, err = pty.Open(); err != nil {
		t.Fatal(err)
	}
	y.resize(24, 80)
	y.before = y.mode()
	y.cmd.Stdin, y.cmd.Stdout, y.cmd.Stderr = y.tty, y.tty, y.tty
	y.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := y.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var reading sync.WaitGroup
	reading.Go(y.read)
	t.Cleanup(func() {
		y.tty.Close()
		y.terminal.Close()
		reading.Wait()
	})
	return y
}

func (y *typist) read() {
	buf := make([]byte, 4096)
	for {
		n, err := y.terminal.Read(buf)
		y.mu.Lock()
		y.shown.Write(buf[:n])
		y.over = err != nil
		y.more.Broadcast()
		y.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (y *typist) mode() unix.Termios {
	y.t.Helper()
	m, err := unix.IoctlGetTermios(int(y.tty.Fd()), unix.TCGETS)
	if err != nil {
		y.t.Fatal(err)
	}
	return *m
}

func (y *typist) resize(rows, columns uint16) {
	y.t.Helper()
	if err := pty.Setsize(y.terminal, &pty.Winsize{Rows: rows, Cols: columns}); err != nil {
		y.t.Fatal(err)
	}
}

func (y *typist) send(keys string) {
	y.t.Helper()
	if _, err := y.terminal.WriteString(keys); err != nil {
		y.t.Fatal(err)
	}
}

// expect waits until something is shown, and forgets what was shown up to it.
func (y *typist) expect(pattern string) string {
	y.t.Helper()
	want := regexp.MustCompile(pattern)
	ctx, cancel := context.WithTimeout(y.t.Context(), 90*time.Second)
	defer cancel()
	defer context.AfterFunc(ctx, func() { y.mu.Lock(); defer y.mu.Unlock(); y.more.Broadcast() })()
	y.mu.Lock()
	defer y.mu.Unlock()
	for {
		if at := want.FindIndex(y.shown.Bytes()); at != nil {
			return string(y.shown.Next(at[1]))
		}
		if y.over || ctx.Err() != nil {
			y.t.Fatalf("%q is not shown, but %q", pattern, tail(y.shown.String()))
		}
		y.more.Wait()
	}
}

// line types a command whose output is marked, and returns that. In what is typed, quotes stand beside the marks; the output may
// follow what the shell has drawn again because the size has changed.
func (y *typist) line(command string) string {
	y.t.Helper()
	y.send("echo '<'`" + command + "`'>'\r")
	found := y.expect(`<[^'\r\n]*>[\r\n]`)
	return strings.Trim(found[strings.LastIndex(found, "<"):], "<>\r\n")
}

// exits waits for the end of runner, and checks that the terminal is as it was.
func (y *typist) exits(code int) {
	y.t.Helper()
	late := time.AfterFunc(90*time.Second, func() { _ = y.cmd.Process.Kill() })
	defer late.Stop()
	err := y.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		y.t.Fatal(err)
	}
	if got := y.cmd.ProcessState.ExitCode(); got != code {
		y.mu.Lock()
		defer y.mu.Unlock()
		y.t.Errorf("it ended with %d, want %d; shown: %q", got, code, tail(y.shown.String()))
	}
	if after := y.mode(); after != y.before {
		y.t.Errorf("the terminal is not as it was:\n%+v\n%+v", y.before, after)
	}
}

// TestShell: a terminal at the end of two chains: its size follows, full-screen programs work, keys that make signals go
// to what runs there, the shell's exit code is runner's. G21.
func TestShell(t *testing.T) {
	s := newAdhocSite(t)
	for _, host := range []string{"web", "app"} {
		t.Run(host, func(t *testing.T) {
			y := s.sit(t, "shell", host)
			y.send("PS1='%% '; unset PROMPT_COMMAND; bind 'set enable-bracketed-paste off' 2>/dev/null\r")
			if got := y.line("stty size"); got != "24 80" {
				t.Errorf("the size is %q", got)
			}
			y.resize(31, 117)
			for range 50 { // it takes a moment
				if y.line("stty size") == "31 117" {
					break
				}
			}
			if got := y.line("stty size"); got != "31 117" {
				t.Errorf("after the window was resized the size is %q", got)
			}
			if got := y.line("id -un; pwd; echo $HOME $TERM $LANG $0"); !regexp.MustCompile(`^root /root /root xterm C.UTF-8 -\w+$`).MatchString(got) {
				t.Errorf("who, where and with what: %q", got)
			}
			if got := y.line("stty -a | grep -ow iutf8"); got != "iutf8" {
				t.Errorf("the terminal does not take characters of several bytes for one: %q", got)
			}

			editor, quit := "vi", ":q!\r"
			if host == "web" {
				editor, quit = "less", "q"
			}
			y.send(editor + " /etc/passwd\r")
			y.expect("root:")
			y.expect("/etc/passwd") // below the text: it is all there
			y.send(quit)
			y.send("\r")
			if got := y.line("echo ok"); got != "ok" {
				t.Errorf("after %s: %q", editor, got)
			}

			mark := y.sleep("")
			y.send("\x03")
			if got := y.line("echo alive $?"); got != "alive 130" {
				t.Errorf("after ^C: %q", got)
			}
			await(t, "the end of what was interrupted", func() bool { return sleepers(t, mark) == 0 })
			y.sleep("")
			y.send("\x1a")
			y.expect("(?i)stopped")
			y.send("kill -9 %1; wait\r") // what a shell leaves, the first process of a container need not reap
			y.line("echo ended")
			y.send("exit 7\rexit 7\r") // a shell that has not noticed yet that nothing is stopped any more wants to hear it twice
			y.exits(7)
		})
	}
}

// sleep has something sleep in the foreground, behind other commands, and returns for how long, which nothing else does.
func (y *typist) sleep(before string) (mark string) {
	y.t.Helper()
	mark = fmt.Sprintf("%d.5", 100000+time.Now().UnixNano()%1000000)
	command := fmt.Sprintf(before+"sleep %[1]s", mark)
	y.send(command + "\r")
	want := strings.Count(command, "sleep")
	await(y.t, "what sleeps", func() bool { return sleepers(y.t, mark) == want })
	return mark
}

// TestShellEnds: every end of a session puts the terminal back and leaves nothing behind. G21 G27.
func TestShellEnds(t *testing.T) {
	s := newAdhocSite(t)
	start := func(t *testing.T, host string) (y *typist, mark string) {
		t.Helper()
		y = s.sit(t, "shell", host)
		y.line("echo ready")
		return y, y.sleep("sleep %[1]s & ")
	}
	t.Run("killed", func(t *testing.T) {
		y := s.sit(t, "shell", "app")
		y.line("echo ready")
		y.send("kill -9 $$\r")
		y.exits(137)
	})
	t.Run("command", func(t *testing.T) {
		y := s.sit(t, "shell", "app", "--", "sh", "-c", "stty size; exit 3")
		y.expect("24 80")
		y.exits(3)
	})
	t.Run("escape", func(t *testing.T) {
		y, mark := start(t, "app")
		y.send("\r~.")
		y.expect("the session on app was ended here")
		y.exits(130)
		await(t, "the end of the session", func() bool { return sleepers(t, mark) == 0 })
	})
	t.Run("terminated", func(t *testing.T) {
		y, mark := start(t, "web")
		if err := y.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		y.exits(130)
		await(t, "the end of the session", func() bool { return sleepers(t, mark) == 0 })
	})
	t.Run("cut", func(t *testing.T) {
		y, mark := start(t, "app")
		for _, pid := range s.server.Sessions() {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
		y.expect(`runner: contact with app was lost: [^\r\n]+\r\n`)
		y.exits(4)
		await(t, "the end of the session", func() bool { return sleepers(t, mark) == 0 })
	})
}

// TestShellPiped: without a terminal here there is none there, and the streams are passed on byte by byte.
func TestShellPiped(t *testing.T) {
	s := newAdhocSite(t)
	data := make([]byte, 3<<20)
	for i := range data {
		data[i] = byte(i * i >> 7)
	}
	cmd := s.adhoc(t.Context(), "shell", "app", "--", "sh", "-c", "cat; test -t 0 || echo none >&2; exit 9")
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(data), &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 9 {
		t.Errorf("it ended with %v", err)
	}
	if !bytes.Equal(out.Bytes(), data) || errs.String() != "none\n" {
		t.Errorf("%d bytes came back of %d, and on standard error %q", out.Len(), len(data), tail(errs.String()))
	}
	script := s.adhoc(t.Context(), "shell", "app")
	script.Stdin = strings.NewReader("echo $((6*7))\nexit 5\n")
	if printed, err := script.Output(); !errors.As(err, &exit) || exit.ExitCode() != 5 || string(printed) != "42\n" {
		t.Errorf("a script ended with %v and printed %q", err, printed)
	}
}

// TestShellTakesNoLane: a shell opens while a task runs for the same account. G19.
func TestShellTakesNoLane(t *testing.T) {
	s := newAdhocSite(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	mark := fmt.Sprintf("%d.5", 100000+time.Now().UnixNano()%1000000)
	busy := s.adhoc(ctx, "exec", "app", "--", "sleep", mark)
	busy.Cancel = func() error { return busy.Process.Signal(syscall.SIGINT) }
	if err := busy.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, "the task", func() bool { return sleepers(t, mark) == 1 })
	if out, err := s.adhoc(t.Context(), "shell", "app", "--", "echo", "here").Output(); err != nil || string(out) != "here\n" {
		t.Errorf("a shell beside it printed %q, %v", out, err)
	}
	if sleepers(t, mark) != 1 {
		t.Error("the task has ended before")
	}
	cancel()
	_ = busy.Wait()
}

// sleepers counts the processes that have a text in their command lines.
func sleepers(t *testing.T, mark string) int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range files {
		if line, err := os.ReadFile(f); err == nil && bytes.HasPrefix(line, []byte("sleep\x00")) && bytes.Contains(line, []byte(mark)) {
			n++
		}
	}
	return n
}

// await waits until something is so.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(90 * time.Second); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: it does not come", what)
		}
	}
}
