package proxy_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"runner/cmd/delay/proxy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start gives a link to a server that treats every connection with serve.
func start(t *testing.T, cfg proxy.Config, serve func(net.Conn)) *proxy.Proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serve(conn)
			_ = conn.Close()
		}
	}()
	cfg.To = listener.Addr().String()
	p, err := proxy.Listen("127.0.0.1:0", cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		_ = listener.Close()
		<-done
	})
	return p
}

func dial(t *testing.T, p *proxy.Proxy) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", p.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	return conn
}

func echo(conn net.Conn) { _, _ = io.Copy(conn, conn) }

// Bytes arrive as they were sent, with the end of the stream behind them, and are counted.
func TestCarriesAndCounts(t *testing.T) {
	p := start(t, proxy.Config{RTT: 2 * time.Millisecond}, echo)
	conn := dial(t, p)
	sent := make([]byte, 1<<20)
	_, _ = rand.Read(sent)
	go func() {
		_, _ = conn.Write(sent)
		_ = conn.(*net.TCPConn).CloseWrite()
	}()
	got, err := io.ReadAll(conn)
	if err != nil || !bytes.Equal(got, sent) {
		t.Fatalf("got %d bytes (%v), want the %d that were sent", len(got), err, len(sent))
	}
	s := p.Stats()
	if s.BytesUp != 1<<20 || s.BytesDown != 1<<20 || s.Connections != 1 {
		t.Errorf("counted %+v", s)
	}
}

// Five questions that wait for their answers take five round trips and one for the connection; a hundred questions
// that do not wait take one and one.
func TestTurnsAndTime(t *testing.T) {
	const rtt = 60 * time.Millisecond
	ask := func(conn net.Conn, waits, each int) {
		buffer := make([]byte, each)
		for range waits {
			for range each {
				_, _ = conn.Write([]byte{1})
			}
			if _, err := io.ReadFull(conn, buffer); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range []struct{ waits, each int }{{5, 1}, {1, 100}} {
		want := rtt * time.Duration(1+c.waits)
		for try := 1; ; try++ {
			p := start(t, proxy.Config{RTT: rtt}, echo)
			began := time.Now()
			ask(dial(t, p), c.waits, c.each)
			took := time.Since(began)
			if got := p.Stats().Turns; got != c.waits {
				t.Errorf("%d waits were counted as %d turns", c.waits, got)
			}
			if took < want {
				t.Errorf("%d waits took %v, want %v at least", c.waits, took, want)
			}
			if took <= want+rtt {
				break
			}
			if try == 5 { // a busy machine adds to each wait, but not each time
				t.Errorf("%d waits took %v, want less than one round trip more than %v", c.waits, took, want)
				break
			}
		}
	}
}

// The rate limits what passes, not how much may be under way.
func TestRate(t *testing.T) {
	p := start(t, proxy.Config{Rate: 4 << 20}, func(conn net.Conn) {
		_, _ = conn.Write(make([]byte, 1<<20))
	})
	began := time.Now()
	if n, err := io.Copy(io.Discard, dial(t, p)); n != 1<<20 || err != nil {
		t.Fatalf("got %d bytes, %v", n, err)
	}
	if took := time.Since(began); took < 240*time.Millisecond || took > 600*time.Millisecond {
		t.Errorf("1 MiB at 4 MiB/s took %v", took)
	}
}

// A cut is seen by both ends at once, also one that comes by itself after so many bytes.
func TestCut(t *testing.T) {
	for _, after := range []int64{0, 2} {
		p := start(t, proxy.Config{CutAfter: after}, echo)
		conn := dial(t, p)
		_, _ = conn.Write([]byte{1})
		if after == 0 {
			_, _ = io.ReadFull(conn, make([]byte, 1))
			p.Cut()
		}
		if _, err := io.Copy(io.Discard, conn); err == nil {
			t.Errorf("with CutAfter %d the client saw an orderly end", after)
		}
	}
}

// While the link drops everything nothing arrives and nothing breaks; afterwards all arrives.
func TestDropAndRestore(t *testing.T) {
	p := start(t, proxy.Config{}, echo)
	conn := dial(t, p)
	_, _ = conn.Write([]byte{1})
	if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	p.Drop()
	_, _ = conn.Write([]byte{2})
	_ = conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("something arrived: %v", err)
	}
	p.Restore()
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	got := make([]byte, 1)
	if _, err := io.ReadFull(conn, got); err != nil || got[0] != 2 {
		t.Errorf("got %v, %v after the link was restored", got, err)
	}
}
