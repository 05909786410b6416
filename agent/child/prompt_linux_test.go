package child_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"runner/agent"
	"runner/agent/bootstrap"
	"runner/agent/child"
	"runner/agent/process"
	"runner/agent/wire"
)

// TestMain makes the test binary an agent, and a program that leads to another user in one of many ways.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "become" {
		become(os.Args[2], os.Args[3:])
	}
	if status, ours := agent.Main(os.Args[1:], nil); ours {
		os.Exit(status)
	}
	os.Exit(m.Run())
}

const (
	marker = "[runner MARK]"
	secret = "correct horse"
)

// become asks on its terminal as how says, and then executes the command. What it reads it checks, and reports to the
// file that ANSWERS names.
func become(how string, command []string) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	fail := func(v ...any) {
		fmt.Fprintln(os.Stderr, v...)
		os.Exit(1)
	}
	if err != nil {
		fail(err)
	}
	echo := func(on bool) {
		mode, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
		if err != nil {
			fail(err)
		}
		mode.Lflag &^= unix.ECHO
		if on {
			mode.Lflag |= unix.ECHO
		}
		if err := unix.IoctlSetTermios(int(tty.Fd()), unix.TCSETS, mode); err != nil {
			fail(err)
		}
	}
	ask := func(prompt string) string {
		echo(false)
		_, _ = tty.WriteString(prompt)
		line := make([]byte, 256)
		n, err := unix.Read(int(tty.Fd()), line)
		echo(true)
		if err != nil || n == 0 {
			fail("no answer", err)
		}
		answers, err := os.OpenFile(os.Getenv("ANSWERS"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			fail(err)
		}
		_, _ = answers.Write(line[:n])
		_ = answers.Close()
		_, _ = tty.WriteString("\r\n")
		return strings.TrimSuffix(string(line[:n]), "\n")
	}
	switch how {
	case "marker":
		if ask(marker+" ") != secret {
			fail("wrong")
		}
	case "slow marker": // the prompt comes long before the echo is off, in two parts
		_, _ = tty.WriteString(marker[:5])
		time.Sleep(50 * time.Millisecond)
		_, _ = tty.WriteString(marker[5:])
		time.Sleep(100 * time.Millisecond)
		if ask("") != secret {
			fail("wrong")
		}
	case "foreign":
		if ask("Passwort für root: ") != secret {
			fail("wrong")
		}
	case "stars": // pwfeedback
		echo(false)
		_, _ = tty.WriteString(marker)
		reader := bufio.NewReader(tty)
		answer, _ := reader.ReadString('\n')
		_, _ = tty.WriteString(strings.Repeat("*", len(answer)) + "\r\n")
		echo(true)
		if answer != secret+"\n" {
			fail("wrong")
		}
	case "refuse":
		for range 3 {
			ask(marker + " ")
			_, _ = tty.WriteString("Sorry, try again.\r\n")
		}
		fail("3 incorrect password attempts")
	case "refuse foreign":
		for range 3 {
			ask("Passwort: ")
			time.Sleep(50 * time.Millisecond)
			_, _ = tty.WriteString("Das hat nicht funktioniert.\r\n")
		}
		fail("3 mal falsch")
	case "banner": // the words of a prompt, and the echo stays on
		_, _ = tty.WriteString("Welcome! " + marker + " Password: ")
		time.Sleep(300 * time.Millisecond)
	case "child": // what asks is not the program itself
		sh := exec.Command("/bin/sh", "-c", "stty -echo </dev/tty; printf 'Password: ' >/dev/tty; sleep 0.5; stty echo </dev/tty")
		sh.Stdin, sh.Stdout, sh.Stderr = tty, tty, tty
		if err := sh.Run(); err != nil {
			fail(err)
		}
	case "replaced": // it has become another program, which asks
		if os.Getenv("AGAIN") == "" {
			if err := syscall.Exec("/usr/bin/env", []string{
				"env", "AGAIN=1", "python3", "-c",
				"import getpass,sys; getpass.getpass('Password: ')",
			}, os.Environ()); err != nil {
				fail(err)
			}
		}
	case "free":
	}
	_ = tty.Close()
	if err := syscall.Exec(command[0], command, os.Environ()); err != nil {
		fail(err)
	}
}

// try starts a hop with that program, and returns what the program was answered.
func try(t *testing.T, how string, prompt *wire.Prompt, limit time.Duration) (string, error) {
	t.Helper()
	ignore := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, ignore) })
	t.Setenv("HOME", t.TempDir())
	answers := t.TempDir() + "/answers"
	t.Setenv("ANSWERS", answers)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	table := process.NewSharedTable()
	t.Cleanup(table.Close)
	p := child.Parent{Table: table, Source: bootstrap.NewOwn()}
	c, err := p.Start(t.Context(), &wire.Open{
		Nonce: "0123456789abcdef0123456789abcdef", Name: "become", Timeout: limit,
		Attempts: []wire.Attempt{{
			Entry: wire.EntryShell, Argv: []string{self, "become", how}, Terminal: true, Prompt: prompt,
		}},
	})
	if err == nil {
		t.Cleanup(func() { _ = c.Close() })
	}
	given, readErr := os.ReadFile(answers)
	if readErr != nil && !errors.Is(readErr, os.ErrNotExist) {
		t.Fatal(readErr)
	}
	return string(given), err
}

// TestG6Prompts: the question is recognised by its marker or, in any language, by how it is asked; the answer is given
// once.
func TestG6Prompts(t *testing.T) {
	for _, how := range []string{"marker", "slow marker", "foreign", "stars", "free"} {
		t.Run(how, func(t *testing.T) {
			prompt := &wire.Prompt{Marker: marker, Secret: []byte(secret)}
			if how == "foreign" { // of a program that cannot be told what to print
				prompt.Marker = ""
			}
			given, err := try(t, how, prompt, 20*time.Second)
			if err != nil {
				t.Fatalf("%v\n%s", err, quoted(err))
			}
			want := secret + "\n"
			if how == "free" || how == "stars" {
				want = ""
			}
			if given != want {
				t.Errorf("it was given %q, want %q", given, want)
			}
			if strings.Trim(string(prompt.Secret), "\x00") != "" {
				t.Errorf("the secret stays in memory: %q", prompt.Secret)
			}
		})
	}
}

func quoted(err error) string {
	if p, ok := errors.AsType[*wire.Problem](err); ok {
		return p.Quote
	}
	return ""
}

// TestG6Refused: a second question ends it at once, and the error does not hold the password.
func TestG6Refused(t *testing.T) {
	for how, c := range map[string]struct {
		prompt *wire.Prompt
		want   wire.Code
		given  string
	}{
		"refuse":         {&wire.Prompt{Marker: marker, Secret: []byte(secret)}, wire.CodePassword, secret + "\n"},
		"refuse foreign": {&wire.Prompt{Secret: []byte(secret)}, wire.CodePassword, secret + "\n"},
		"marker":         {&wire.Prompt{Marker: marker}, wire.CodeNoPassword, ""},
		"foreign":        {nil, wire.CodeNoPassword, ""},
	} {
		t.Run(how, func(t *testing.T) {
			began := time.Now()
			given, err := try(t, how, c.prompt, 20*time.Second)
			var p *wire.Problem
			if !errors.As(err, &p) || p.Code != c.want {
				t.Fatalf("got %v, want %s\n%s", err, c.want, quoted(err))
			}
			if given != c.given {
				t.Errorf("it was given %q, want %q", given, c.given)
			}
			if strings.Contains(fmt.Sprintf("%+v", p), secret) {
				t.Errorf("the password is in %+v", p)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// TestG7NotForOthers: the password is not given to a banner, to a program that the hop's program has started, or to
// what it has become.
func TestG7NotForOthers(t *testing.T) {
	for _, how := range []string{"banner", "child", "replaced"} {
		t.Run(how, func(t *testing.T) {
			if how == "replaced" {
				if _, err := exec.LookPath("python3"); err != nil {
					t.Skip("needs python3")
				}
			}
			given, err := try(t, how, &wire.Prompt{Marker: "never printed", Secret: []byte(secret)}, 2*time.Second)
			if given != "" || strings.Contains(quoted(err), secret) {
				t.Errorf("it was given %q, %v, %s", given, err, quoted(err))
			}
			if how == "replaced" {
				var p *wire.Problem
				if !errors.As(err, &p) || p.Code != wire.CodeTimeout {
					t.Errorf("%v\n%s", err, quoted(err))
				}
			} else if err != nil {
				t.Errorf("%v\n%s", err, quoted(err))
			}
		})
	}
	t.Run("marker in a banner", func(t *testing.T) {
		given, err := try(t, "banner", &wire.Prompt{Marker: marker, Secret: []byte(secret)}, 10*time.Second)
		if given != "" || err != nil {
			t.Errorf("it was given %q, %v", given, err)
		}
	})
}

// TestAbandoned: a start that is given up leaves nothing, at whatever point it is.
func TestAbandoned(t *testing.T) {
	ignore := goleak.IgnoreCurrent()
	defer goleak.VerifyNone(t, ignore)
	t.Setenv("HOME", t.TempDir())
	table := process.NewSharedTable()
	defer table.Close()
	p := child.Parent{Table: table, Source: bootstrap.NewOwn()}
	for i := range 12 {
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Duration(i*5)*time.Millisecond, errors.New("given up"))
		c, err := p.Start(ctx, &wire.Open{Nonce: "0123456789abcdef0123456789abcdef", Name: "x", Attempts: []wire.Attempt{{Entry: wire.EntryShell, Terminal: i%2 == 0}}})
		if err == nil {
			_ = c.Close()
		}
		cancel()
	}
	out, err := exec.CommandContext(t.Context(), "ps", "--ppid", fmt.Sprint(os.Getpid()), "-o", "args=").Output()
	if lines := strings.Count(strings.TrimSpace(string(out)), "\n") + 1; lines > 1 {
		t.Errorf("left: %s, %v", out, err)
	}
}
