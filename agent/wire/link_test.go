package wire

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func code(err error) Code {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p.Code
	}
	return ""
}

// pair returns two links that talk to each other, and runs their readers.
func pair(t *testing.T, a, b LinkConfig, onA, onB func(Frame)) (*Link, *Link) {
	t.Helper()
	x, y := net.Pipe()
	la, lb := NewLink(x, a), NewLink(y, b)
	go run(la, onA)
	go run(lb, onB)
	t.Cleanup(func() {
		_ = la.Close()
		_ = lb.Close()
	})
	return la, lb
}

func ignore(Frame) {}

func run(l *Link, handle func(Frame)) { _ = l.Run(handle) }

func swallow(r io.Reader) { _, _ = io.Copy(io.Discard, r) }

func TestLinkCarriesFramesInOrder(t *testing.T) {
	defer goleak.VerifyNone(t)
	got := make(chan Frame, 1000)
	x, y := net.Pipe()
	a, b := NewLink(x, LinkConfig{}), NewLink(y, LinkConfig{})
	go run(a, ignore)
	go run(b, func(f Frame) { got <- f })
	for i := range 1000 {
		f := Frame{Kind: KindData, Stream: StreamError, Peer: 7, Call: CallID(i), Payload: bytes.Repeat([]byte{byte(i)}, i*60)}
		if err := a.SendWait(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 1000 {
		f := <-got
		if f.Kind != KindData || f.Stream != StreamError || f.Peer != 7 || f.Call != CallID(i) ||
			!bytes.Equal(f.Payload, bytes.Repeat([]byte{byte(i)}, i*60)) {
			t.Fatalf("frame %d arrived as %v %v with %d bytes", i, f.Kind, f.Call, len(f.Payload))
		}
	}
	if err := a.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := a.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	<-b.Done()
	if got := code(b.Close()); got != CodeEnded {
		t.Errorf("the other side ended with %q, want %q", got, CodeEnded)
	}
	if a.Sent() != b.Received() || a.Sent() < 60*1000*999/2 {
		t.Errorf("sent %d, received %d", a.Sent(), b.Received())
	}
}

// G18: what is too large is an error for its sender, before a byte of it is written.
func TestG18LinkRefusesToSendTooMuch(t *testing.T) {
	defer goleak.VerifyNone(t)
	got := make(chan Frame, 10)
	a, _ := pair(t, LinkConfig{}, LinkConfig{}, ignore, func(f Frame) { got <- f })
	for _, f := range []Frame{
		{Kind: KindCall, Payload: make([]byte, MaxPayload+1)},
		{Kind: KindData, Payload: make([]byte, MaxChunk+1)},
		{Kind: KindCredit, Payload: make([]byte, MaxSmall+1)},
		{Kind: 200, Payload: make([]byte, MaxSmall+1)},
	} {
		var large *TooLargeError
		if err := a.Send(f); !errors.As(err, &large) || large.Size != int64(len(f.Payload)) || large.Frame.Payload != nil {
			t.Errorf("Send of kind %d: %v", f.Kind, err)
		}
		if err := a.SendWait(t.Context(), f); !errors.As(err, &large) {
			t.Errorf("SendWait of kind %d: %v", f.Kind, err)
		}
	}
	if err := a.Send(Frame{Kind: KindClose, Peer: 3}); err != nil {
		t.Fatal(err)
	}
	if f := <-got; f.Kind != KindClose || f.Peer != 3 {
		t.Errorf("the link carried %v after it refused, want only the good frame", f)
	}
	if err := a.Flush(t.Context()); err != nil || a.Sent() != HeaderSize {
		t.Errorf("%d bytes were written", a.Sent())
	}
	_ = a.Close()
}

// G18: a frame that is too large is read past, answered, and told to the receiver; the link lives on.
func TestG18LinkAnswersTooLargeFrames(t *testing.T) {
	defer goleak.VerifyNone(t)
	x, y := net.Pipe()
	told := make(chan *TooLargeError, 10)
	got := make(chan Frame, 10)
	l := NewLink(x, LinkConfig{TooLarge: func(e *TooLargeError) { told <- e }})
	go run(l, func(f Frame) { got <- f })
	answers := make(chan Frame, 10)
	other := NewLink(struct {
		io.Reader
		io.WriteCloser
	}{y, nopWriteCloser{}}, LinkConfig{}) // reads the answers; the frames are written by hand
	go run(other, func(f Frame) { answers <- f })

	write := func(f Frame) {
		if _, err := y.Write(AppendFrame(nil, f)); err != nil {
			t.Error(err)
		}
	}
	write(Frame{Kind: KindResult, Peer: 2, Call: 5, Payload: make([]byte, MaxPayload+100)})
	write(Frame{Kind: KindRefused, Peer: 2, Call: 6, Payload: make([]byte, MaxSmall+1)})
	write(Frame{Kind: KindStarted, Peer: 2, Call: 7})
	if e := <-told; e.Frame.Kind != KindResult || e.Frame.Call != 5 || e.Size != MaxPayload+100 {
		t.Errorf("told of %+v", e)
	}
	if e := <-told; e.Frame.Kind != KindRefused || e.Frame.Call != 6 {
		t.Errorf("told of %+v", e)
	}
	if f := <-got; f.Kind != KindStarted || f.Call != 7 {
		t.Errorf("then came %+v, want the next frame", f)
	}
	f := <-answers
	var r Refused
	if err := Unmarshal(f.Payload, &r); err != nil || f.Kind != KindRefused || f.Peer != 2 || f.Call != 5 ||
		r.Kind != KindResult || r.Problem.Code != CodeTooLarge {
		t.Errorf("answered %+v %+v, %v", f, r, err)
	}
	_ = l.Close()
	_ = other.Close()
	if len(answers) != 0 {
		t.Errorf("a refusal was answered: %+v", <-answers)
	}
	_ = y.Close()
}

type nopWriteCloser struct{}

func (nopWriteCloser) Write(p []byte) (int, error) { return len(p), nil }
func (nopWriteCloser) Close() error                { return nil }

// G22: a side that never reads costs a bounded amount: then the link is over, for everybody, with the reason.
func TestG22LinkBoundsItsQueue(t *testing.T) {
	defer goleak.VerifyNone(t)
	x, y := net.Pipe()
	defer y.Close()
	l := NewLink(x, LinkConfig{Queue: 3 << 20})
	go run(l, ignore)
	var err error
	n := 0
	for ; err == nil; n++ {
		err = l.Send(Frame{Kind: KindCall, Payload: make([]byte, 1<<20)})
	}
	if n != 3 || code(err) != CodeFull {
		t.Errorf("%d frames were queued, then %v", n, err)
	}
	if err := l.SendWait(t.Context(), Frame{Kind: KindPing}); code(err) != CodeFull {
		t.Errorf("SendWait on the dead link: %v", err)
	}
	if err := l.Close(); code(err) != CodeFull {
		t.Errorf("Close returned %v, want the reason", err)
	}
}

func TestLinkSendWaitWaitsForRoom(t *testing.T) {
	defer goleak.VerifyNone(t)
	synctest.Test(t, func(t *testing.T) {
		x, y := net.Pipe()
		room := 0
		l := NewLink(x, LinkConfig{Room: func() { room++ }, Silent: time.Hour})
		go run(l, ignore)
		if !l.HasRoom() {
			t.Error("an empty queue has no room")
		}
		if err := l.SendWait(t.Context(), Frame{Kind: KindCall, Payload: make([]byte, 2<<20)}); err != nil {
			t.Error(err)
		}
		if l.HasRoom() {
			t.Error("a full queue has room")
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, io.ErrNoProgress)
		defer cancel()
		start := time.Now()
		if err := l.SendWait(ctx, Frame{Kind: KindStarted}); !errors.Is(err, io.ErrNoProgress) || time.Since(start) != time.Second {
			t.Errorf("SendWait after %v: %v", time.Since(start), err)
		}
		if err := l.Flush(ctx); !errors.Is(err, io.ErrNoProgress) {
			t.Errorf("Flush: %v", err)
		}
		sent := make(chan error)
		go func() { sent <- l.SendWait(t.Context(), Frame{Kind: KindStarted, Call: 9}) }()
		synctest.Wait()
		got := make(chan Frame, 2)
		other := NewLink(y, LinkConfig{Silent: time.Hour})
		go run(other, func(f Frame) { got <- f })
		if err := <-sent; err != nil {
			t.Error(err)
		}
		if f := <-got; f.Kind != KindCall {
			t.Errorf("first came %v", f.Kind)
		}
		if f := <-got; f.Kind != KindStarted || f.Call != 9 {
			t.Errorf("then came %v", f.Kind)
		}
		if room != 1 {
			t.Errorf("room was announced %d times", room)
		}
		_ = l.Close()
		_ = other.Close()
	})
}

// writes counts what is written at once.
type writes struct {
	net.Conn
	n atomic.Int64
}

func (w *writes) Write(p []byte) (int, error) {
	w.n.Add(1)
	return w.Conn.Write(p)
}

// Frames that others follow are written together with those: after a little time, when there is a buffer full of them, or
// with the first one that does not wait.
func TestLinkSendSoon(t *testing.T) {
	defer goleak.VerifyNone(t)
	synctest.Test(t, func(t *testing.T) {
		x, y := net.Pipe()
		out := &writes{Conn: x}
		l := NewLink(out, LinkConfig{Silent: time.Hour})
		go run(l, ignore)
		var got atomic.Int64
		other := NewLink(y, LinkConfig{Silent: time.Hour})
		go run(other, func(Frame) { got.Add(1) })
		soon := func(size int) {
			if err := l.SendSoon(t.Context(), Frame{Kind: KindResult, Payload: make([]byte, size)}); err != nil {
				t.Error(err)
			}
		}
		come := func(what string, frames, writes int64) {
			t.Helper()
			synctest.Wait()
			if got.Load() != frames || out.n.Load() != writes {
				t.Errorf("%s: %d frames have come in %d writes, want %d in %d", what, got.Load(), out.n.Load(), frames, writes)
			}
		}
		soon(10)
		soon(10)
		come("at once", 0, 0)
		time.Sleep(gather)
		come("a little later", 2, 1)
		soon(10)
		if err := l.Send(Frame{Kind: KindResult}); err != nil {
			t.Error(err)
		}
		come("with another one", 4, 2)
		soon(10)
		if err := l.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		come("flushed", 5, 3)
		for range 2 {
			soon(bufferSize / 2)
		}
		synctest.Wait()
		if got.Load() != 7 {
			t.Errorf("of a buffer full, %d frames have come", got.Load()-5)
		}
		soon(10) // is dropped
		_ = l.Close()
		_ = other.Close()
	})
}

// G17: a connection that is half open is found within 15 s; one that is only idle lives.
func TestG17LinkFindsSilence(t *testing.T) {
	defer goleak.VerifyNone(t)
	synctest.Test(t, func(t *testing.T) {
		a, b := pair(t, LinkConfig{}, LinkConfig{}, ignore, ignore)
		time.Sleep(time.Hour)
		if a.Err() != nil || b.Err() != nil {
			t.Errorf("an idle link ended: %v, %v", a.Err(), b.Err())
		}
		if frames := a.Sent() / HeaderSize; frames > 3600/3 {
			t.Errorf("an idle hour cost %d frames", frames)
		}
		_ = a.Close()
		_ = b.Close()

		x, y := net.Pipe()
		go swallow(y) // takes everything, says nothing
		start := time.Now()
		c := NewLink(x, LinkConfig{})
		if err := c.Run(ignore); code(err) != CodeSilent {
			t.Errorf("Run returned %v", err)
		}
		if quiet := time.Since(start); quiet < 12*time.Second || quiet > 15*time.Second {
			t.Errorf("found after %v", quiet)
		}
		if c.Sent() != 2*HeaderSize {
			t.Errorf("%d bytes were sent before giving up, want two pings", c.Sent())
		}
		_ = c.Close()
		_ = y.Close()
	})
}

// A transfer whose frames take longer than the silence allowed is no silence, nor is a handler that takes its time.
func TestLinkSlowIsNotSilent(t *testing.T) {
	defer goleak.VerifyNone(t)
	synctest.Test(t, func(t *testing.T) {
		x, y := net.Pipe()
		handled := make(chan bool, 1)
		l := NewLink(x, LinkConfig{})
		go run(l, func(Frame) {
			time.Sleep(time.Minute)
			handled <- true
		})
		go swallow(y)
		for _, c := range AppendFrame(nil, Frame{Kind: KindResult, Payload: make([]byte, 10)}) {
			time.Sleep(10 * time.Second)
			if _, err := y.Write([]byte{c}); err != nil {
				t.Fatalf("%v, and the link says: %v", err, l.Err())
			}
		}
		time.Sleep(70 * time.Second)
		if len(handled) == 0 || l.Err() != nil {
			t.Errorf("handled: %d, link: %v", len(handled), l.Err())
		}
		_ = l.Close()
		_ = y.Close()
	})
}

// TestG17BusyLinkIsHeard: who waits in its handler answers nobody, and is not taken for dead: it says something unasked.
func TestG17BusyLinkIsHeard(t *testing.T) {
	defer goleak.VerifyNone(t)
	synctest.Test(t, func(t *testing.T) {
		x, y := net.Pipe()
		a, b := NewLink(x, LinkConfig{}), NewLink(y, LinkConfig{})
		handled := make(chan bool, 1)
		go run(a, func(Frame) {
			time.Sleep(5 * time.Minute)
			handled <- true
		})
		go run(b, ignore)
		if err := b.Send(Frame{Kind: KindResult}); err != nil {
			t.Fatal(err)
		}
		<-handled
		if a.Err() != nil || b.Err() != nil {
			t.Errorf("the links say: %v, %v", a.Err(), b.Err())
		}
		_ = a.Close()
		_ = b.Close()
	})
}

func TestLinkEndsInsideAFrame(t *testing.T) {
	defer goleak.VerifyNone(t)
	x, y := net.Pipe()
	l := NewLink(x, LinkConfig{})
	go func() {
		_, _ = y.Write(AppendFrame(nil, Frame{Kind: KindResult, Payload: make([]byte, 10)})[:HeaderSize+3])
		_ = y.Close()
	}()
	err := l.Run(func(f Frame) { t.Errorf("a part of a frame was handled: %v", f) })
	if code(err) != CodeEnded {
		t.Errorf("Run returned %v", err)
	}
	if again := l.Run(ignore); !errors.Is(again, err) {
		t.Errorf("a second Run returned %v", again)
	}
	_ = l.Close()
}
