package terminal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// TestMain lets the test's own program be the one that asks, with a terminal of its own.
func TestMain(m *testing.M) {
	if question := os.Getenv("TEST_ASK"); question != "" {
		ctx, cancel := context.WithTimeoutCause(context.Background(), 10*time.Second, errGaveUp)
		defer cancel()
		if os.Getenv("TEST_HURRY") != "" {
			ctx, cancel = context.WithTimeoutCause(ctx, 200*time.Millisecond, errGaveUp)
			defer cancel()
		}
		answer, err := Password(ctx, question)
		_, _ = fmt.Fprintf(os.Stdout, "answer=%q none=%t gave_up=%t\n", answer, errors.Is(err, ErrNone), errors.Is(err, errGaveUp))
		return
	}
	m.Run()
}

var errGaveUp = errors.New("gave up")

// ask runs the program that asks on a terminal; its standard streams are something else.
func ask(t *testing.T, env ...string) (tty *os.File, result *bufio.Reader) {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0]) // it ends by itself, before the cleanup
	cmd.Env = append(os.Environ(), append(env, "TEST_ASK=Password for sudo: ")...)
	cmd.ExtraFiles = []*os.File{slave}
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true, Setctty: true, Ctty: 3}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
		// Whatever happened, what is typed is shown again.
		settings, err := unix.IoctlGetTermios(int(slave.Fd()), ioctlGet)
		if err != nil || settings.Lflag&unix.ECHO == 0 {
			t.Errorf("echo is off (%v)", err)
		}
		slave.Close()
	})
	return master, bufio.NewReader(out)
}

func TestPassword(t *testing.T) {
	tty, result := ask(t)
	shown := make([]byte, 256)
	n, err := tty.Read(shown)
	if err != nil || string(shown[:n]) != "Password for sudo: " {
		t.Fatalf("asked %q, %v", shown[:n], err)
	}
	if _, err := tty.WriteString("häm ster\r"); err != nil {
		t.Fatal(err)
	}
	got, err := result.ReadString('\n')
	if err != nil || got != "answer=\"häm ster\" none=false gave_up=false\n" {
		t.Errorf("got %q, %v", got, err)
	}
	n, err = tty.Read(shown)
	if err != nil || strings.TrimSpace(string(shown[:n])) != "" {
		t.Errorf("the terminal shows %q, %v", shown[:n], err)
	}
}

func TestPasswordGivenUp(t *testing.T) {
	_, result := ask(t, "TEST_HURRY=1")
	got, err := result.ReadString('\n')
	if err != nil || got != "answer=\"\" none=false gave_up=true\n" {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestPasswordWithoutTerminal has no terminal at all.
func TestPasswordWithoutTerminal(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "TEST_ASK=?")
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true}
	out, err := cmd.Output()
	if err != nil || string(out) != "answer=\"\" none=true gave_up=false\n" {
		t.Errorf("got %q, %v", out, err)
	}
}

func TestLine(t *testing.T) {
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	defer slave.Close()
	if !IsTerminal(slave) || IsTerminal(nil) {
		t.Error("a terminal is not known as one")
	}
	if _, err := master.WriteString("yes\nmore\n"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"yes", "more"} {
		got, err := Line(t.Context(), slave, "? ")
		if err != nil || got != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errGaveUp)
	defer cancel()
	if _, err := Line(ctx, slave, "? "); !errors.Is(err, errGaveUp) {
		t.Errorf("got %v", err)
	}
}
