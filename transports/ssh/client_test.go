package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// G1: a real server, a command whose reply is not waited for, its streams and its exit status.
func TestG1SessionOnRealServer(t *testing.T) {
	s := newSite(t)
	client := dial(t, s.options())
	session, err := client.Start(t.Context(), "cat; echo oops >&2; exit 7")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(session, "hello"); err != nil {
		t.Fatal(err)
	}
	if err := session.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(session)
	if err != nil || string(out) != "hello" {
		t.Fatalf("got %q, %v", out, err)
	}
	if exit := session.Wait(t.Context()); exit != (Exit{Known: true, Status: 7}) || exit.String() != "exit status 7" {
		t.Fatalf("got %+v", exit)
	}
	if got := session.Stderr(); got != "oops\n" {
		t.Fatalf("stderr is %q", got)
	}
	if sent, received := client.Traffic(); sent < 1000 || received < 1000 {
		t.Fatalf("counted %d bytes sent, %d received", sent, received)
	}
	for range 2 {
		if err := client.Close(); err != nil {
			t.Fatal(err)
		}
	}
	wantKind(t, client.Err(), KindClosed)
	if _, err := client.Start(t.Context(), "true"); err == nil {
		t.Fatal("a session was opened on a closed connection")
	}
	if _, err := client.Dial(t.Context(), "tcp", "127.0.0.1:1"); err == nil {
		t.Fatal("a closed connection dialled")
	}
}

// G27: a command that is killed tells the signal.
func TestG27ExitBySignal(t *testing.T) {
	client := dial(t, newSite(t).options())
	session, err := client.Start(t.Context(), "kill -KILL $$")
	if err != nil {
		t.Fatal(err)
	}
	if exit := session.Wait(t.Context()); exit.Signal != "KILL" || exit.String() != "signal KILL" {
		t.Fatalf("got %+v", exit)
	}
}

// G8: a second hop behind a bastion, a third behind that, each through the direct-tcpip channel of the one before.
func TestG8HopsThroughBastions(t *testing.T) {
	s := newSite(t)
	first := dial(t, s.options())
	second, err := Dial(t.Context(), s.another().options(), first.Dial)
	if err != nil {
		t.Fatal(explained(err))
	}
	defer func() { _ = second.Close() }()
	last := s.another()
	third, err := Dial(t.Context(), last.options(), second.Dial)
	if err != nil {
		t.Fatal(explained(err))
	}
	defer func() { _ = third.Close() }()
	if out := output(t, third, "echo $SSH_CONNECTION"); !strings.Contains(out, last.server.Address) {
		t.Fatalf("arrived at %q", out)
	}
	// Much data in both directions at once, through both tunnels.
	session, err := third.Start(t.Context(), "cat")
	if err != nil {
		t.Fatal(err)
	}
	const size = 8 << 20
	var writer sync.WaitGroup
	writer.Go(func() {
		_, _ = io.CopyN(session, zeros{}, size)
		_ = session.CloseWrite()
	})
	if n, err := io.Copy(io.Discard, session); n != size || err != nil {
		t.Fatalf("got %d bytes back, %v", n, err)
	}
	writer.Wait()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// What a bastion says no to is told apart from what it cannot reach: only then is there another way.
func TestBastionRefusals(t *testing.T) {
	s := newSite(t)
	bastion, closed := dial(t, s.options()), dial(t, s.another("AllowTcpForwarding no").options())
	_, err := Dial(t.Context(), s.options(), closed.Dial)
	wantKind(t, err, KindForbidden)
	o := s.options("port", 1.0)
	_, err = Dial(t.Context(), o, bastion.Dial)
	e := wantKind(t, err, KindUnreachable)
	if !strings.Contains(e.Message, s.server.Address) || !strings.Contains(e.Quote, "refused") {
		t.Fatal(explained(err))
	}
}

// G17, G21: when a session's server process is killed, everybody who waits on the connection is told.
func TestG17LostConnection(t *testing.T) {
	s := newSite(t)
	client := dial(t, s.options())
	session, err := client.Start(t.Context(), "echo up; exec cat")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(session, make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	for _, pid := range s.server.Sessions() {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			t.Fatal(err)
		}
	}
	if _, err := session.Read(make([]byte, 1)); err == nil {
		t.Fatal("read from a dead connection")
	}
	<-client.Done()
	wantKind(t, client.Err(), KindLost)
	if exit := session.Wait(t.Context()); exit.String() != "" {
		t.Fatalf("the exit is known: %s", exit)
	}
	if err := session.Close(); err != nil {
		t.Fatal(err)
	}
}

// G17: a server that is stopped in its tracks is found out by keepalives, and closing what runs on it does not hang.
func TestG17KeepaliveFindsSilence(t *testing.T) {
	for _, c := range []struct {
		name      string
		keepalive any
		provoke   func(*Client, *Session)
	}{
		{"keepalive", "100ms", func(*Client, *Session) {}},
		{"session closed", nil, func(_ *Client, s *Session) { _ = s.Close() }},
		{"client closed", nil, func(c *Client, _ *Session) { _ = c.Close() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t)
			client := dial(t, s.options("keepalive", c.keepalive))
			session, err := client.Start(t.Context(), "echo up; exec cat")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(session, make([]byte, 3)); err != nil {
				t.Fatal(err)
			}
			stopped := s.server.Sessions()
			for _, pid := range stopped {
				_ = syscall.Kill(pid, syscall.SIGSTOP)
			}
			defer func() {
				for _, pid := range stopped {
					_ = syscall.Kill(pid, syscall.SIGCONT)
				}
			}()
			began := time.Now()
			c.provoke(client, session)
			if _, err := session.Read(make([]byte, 1)); err == nil {
				t.Fatal("something was read")
			}
			<-client.Done()
			if took := time.Since(began); took > closeGrace+5*time.Second {
				t.Errorf("it took %s", took)
			}
			if c.name != "client closed" {
				wantKind(t, client.Err(), KindSilent)
			}
		})
	}
}

// A connection that is used, or answered, is kept.
func TestKeepaliveKeeps(t *testing.T) {
	client := dial(t, newSite(t).options("keepalive", "50ms", "keepalive_count", 20.0))
	select {
	case <-client.Done():
		t.Fatal(client.Err())
	case <-time.After(3 * time.Second):
	}
	if out := output(t, client, "echo still"); out != "still\n" {
		t.Fatalf("got %q", out)
	}
}

// G22: what a session prints to its standard error without end costs a bounded amount.
func TestG22StderrIsBounded(t *testing.T) {
	client := dial(t, newSite(t).options())
	session, err := client.Start(t.Context(), "head -c 20000000 /dev/zero >&2; echo end >&2")
	if err != nil {
		t.Fatal(err)
	}
	session.Wait(t.Context())
	if got := session.Stderr(); len(got) != maxQuote || !strings.HasSuffix(got, "end\n") {
		t.Fatalf("kept %d bytes", len(got))
	}
}

// A server that allows no more sessions says so by name.
func TestTooManySessions(t *testing.T) {
	client := dial(t, newSite(t, "MaxSessions 1").options())
	session, err := client.Start(t.Context(), "cat")
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Start(t.Context(), "true")
	if e := wantKind(t, err, KindSession); !strings.Contains(e.Hint, "MaxSessions") {
		t.Fatal(explained(err))
	}
	_ = session.Close()
}

// G3, G21: a hundred at once, on a server that turns most of them away at first.
func TestG3HundredAtOnce(t *testing.T) {
	s := newSite(t, "MaxStartups 10:30:60")
	descriptors := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	before := descriptors()
	var all sync.WaitGroup
	errs := make(chan error, 100)
	for i := range 100 {
		all.Go(func() {
			client, err := Dial(context.Background(), s.options("connect_timeout", "60s"), nil)
			if err != nil {
				errs <- fmt.Errorf("%d: %s", i, explained(err))
				return
			}
			_ = client.Close()
		})
	}
	all.Wait()
	close(errs)
	for err := range errs {
		t.Error(err)
	}
	eventually(t, "descriptors to be closed", func() bool { return descriptors() <= before })
	if !strings.Contains(s.server.Log(), "MaxStartups") {
		t.Errorf("the server turned nobody away: this proves nothing\n%s", s.server.Log())
	}
}

// A context that ends while a session is opened, or a connection dialled, gives up at once and leaves nothing.
func TestCancelWhileOpening(t *testing.T) {
	s := newSite(t)
	client := dial(t, s.options())
	output(t, client, "true") // now the process that serves it is there
	for _, pid := range s.server.Sessions() {
		_ = syscall.Kill(pid, syscall.SIGSTOP)
		defer func() { _ = syscall.Kill(pid, syscall.SIGCONT) }()
	}
	why := errors.New("changed my mind")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(100*time.Millisecond, func() { cancel(why) })
	began := time.Now()
	if _, err := client.Start(ctx, "true"); !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
	if _, err := client.Dial(ctx, "tcp", net.JoinHostPort("127.0.0.1", "1")); !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}
