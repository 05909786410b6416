package terminal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// typist types at a terminal, each time it is asked, and keeps what is shown.
type typist struct {
	t      *testing.T
	master *os.File
	seen   string
}

// after waits until something is shown and then types.
func (y *typist) after(shown, keys string) {
	y.t.Helper()
	for !strings.Contains(y.seen, shown) {
		var b [1024]byte
		fds := []unix.PollFd{{Fd: int32(y.master.Fd()), Events: unix.POLLIN}}
		if n, err := unix.Poll(fds, 10_000); n == 0 && err == nil {
			y.t.Fatalf("nothing more is shown, waiting for %q after %q", shown, y.seen)
		}
		n, err := y.master.Read(b[:])
		if err != nil {
			y.t.Fatalf("%v, waiting for %q after %q", err, shown, y.seen)
		}
		y.seen += string(b[:n])
	}
	_, y.seen, _ = strings.Cut(y.seen, shown)
	if _, err := y.master.WriteString(keys); err != nil {
		y.t.Fatal(err)
	}
}

func TestEditor(t *testing.T) {
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	defer slave.Close()
	if err := pty.Setsize(slave, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		t.Fatal(err)
	}
	before, err := unix.IoctlGetTermios(int(slave.Fd()), ioctlGet)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	history := LoadHistory(filepath.Join(t.TempDir(), "state", "history"))
	complete := func(word string) []string {
		var out []string
		for _, name := range []string{"host.a.address", "host.b", "var.release"} {
			if strings.HasPrefix(name, word) {
				out = append(out, name)
			}
		}
		return out
	}
	results := make(chan string)
	go func() {
		defer close(results)
		e := NewEditor(ctx, slave, slave, history, complete)
		for i := 0; ; i++ {
			line, err := e.Line(fmt.Sprintf("%d> ", i))
			results <- fmt.Sprintf("%s %v", line, err)
			if err != nil && !errors.Is(err, ErrDropped) {
				return
			}
		}
	}()
	y := &typist{t: t, master: master}
	for i, c := range []struct{ keys, want string }{
		{"ac\x1b[Db\r", "abc <nil>"},             // the arrow to the left
		{"some\x03", " the line was dropped"},    // Ctrl-C
		{"v\t + 1\r", "var.release + 1 <nil>"},   // Tab
		{"[h\ta\t]\r", "[host.a.address] <nil>"}, // Tab up to where names differ, and on
		{"x\x01y\r", "yx <nil>"},                 // Ctrl-A
		{"\x1b[A\x1b[A\r", "[host.a.address] <nil>"},
		{"日本\x7f語\r", "日語 <nil>"},
		{"\x1b[200~a\tb\x1b[201~\r", "a\tb <nil>"}, // pasted
	} {
		y.after(fmt.Sprintf("%d> ", i), c.keys)
		if got := <-results; got != c.want {
			t.Errorf("%q is %q, want %q", c.keys, got, c.want)
		}
	}
	y.after("8> ", "host.\t")
	y.after("host.a.address  host.b", "\x15\x04") // what there is; then an empty line and Ctrl-D
	if got := <-results; got != " "+io.EOF.Error() {
		t.Errorf("Ctrl-D is %q", got)
	}
	<-results
	after, err := unix.IoctlGetTermios(int(slave.Fd()), ioctlGet)
	if err != nil || *after != *before {
		t.Errorf("the terminal is left as %+v, not %+v: %v", after, before, err)
	}

	// Waiting ends with the context.
	cancel(errGaveUp)
	if _, err := NewEditor(ctx, slave, slave, history, complete).Line("> "); !errors.Is(err, errGaveUp) {
		t.Errorf("got %v", err)
	}
}

func TestHistory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state", "runner", "history")
	h := LoadHistory(file)
	for _, line := range []string{"a", "b", "b", " ", "c"} {
		h.Add(line)
	}
	if err := h.Err(); err != nil {
		t.Fatal(err)
	}
	h = LoadHistory(file)
	if h.Len() != 3 || h.At(0) != "c" || h.At(2) != "a" {
		t.Errorf("got %q", h.lines)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %v: %v", info.Mode(), err)
	}
	for i := range 2 * mostRemembered {
		h.Add(fmt.Sprint(i))
	}
	h = LoadHistory(file)
	again := LoadHistory(file)
	if h.Len() != mostRemembered || again.Len() != mostRemembered || again.At(0) != fmt.Sprint(2*mostRemembered-1) {
		t.Errorf("%d and %d lines are left, the last one is %q", h.Len(), again.Len(), again.At(0))
	}
	nowhere := LoadHistory("")
	nowhere.Add("a")
	if nowhere.Len() != 1 || nowhere.Err() != nil {
		t.Errorf("got %q, %v", nowhere.lines, nowhere.Err())
	}
	broken := LoadHistory(filepath.Join(file, "below"))
	broken.Add("a")
	if broken.Len() != 1 || broken.Err() == nil {
		t.Errorf("got %q, %v", broken.lines, broken.Err())
	}
}
