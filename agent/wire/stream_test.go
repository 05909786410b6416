package wire

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

// A sender and a receiver that only exchange chunks and credit move any amount of data in bounded memory (G22).
func TestG22StreamMovesDataWithinItsWindow(t *testing.T) {
	defer goleak.VerifyNone(t)
	for _, first := range []int{0, Window} {
		w := NewSendWindow(first)
		granted := first
		b := NewBuffer(first, Window, Window, func(n uint32) error {
			if n == 0 { // all has come
				return nil
			}
			granted += int(n)
			return w.Grant(n)
		})
		want := make([]byte, 3<<20)
		for i := range want {
			want[i] = byte(rand.IntN(256))
		}
		go func() {
			for rest := want; len(rest) > 0; {
				n := min(len(rest), 1+rand.IntN(100_000))
				if err := w.Send(t.Context(), rest[:n], b.Put); err != nil {
					t.Error(err)
				}
				rest = rest[n:]
			}
			if err := b.Put(nil); err != nil {
				t.Error(err)
			}
		}()
		got, err := io.ReadAll(b)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes arrived, %v", len(got), err)
		}
		if w.Waits() == 0 {
			t.Error("the sender never had to wait")
		}
		if granted > len(want)+Window {
			t.Errorf("%d bytes were granted for %d: more than a window beyond what was read", granted, len(want))
		}
	}
}

// G22: a sender that does not keep to its credit is found out, and what it sends is not kept.
func TestG22BufferRefusesMoreThanGranted(t *testing.T) {
	b := NewBuffer(10, 20, 20, func(uint32) error { return nil })
	if err := b.Put(make([]byte, 8)); err != nil {
		t.Fatal(err)
	}
	if err := b.Put(make([]byte, 3)); code(err) != CodeProtocol {
		t.Errorf("one byte too much: %v", err)
	}
	if err := b.Put(make([]byte, 2)); err != nil {
		t.Errorf("what was granted: %v", err)
	}
	if n, err := b.Read(make([]byte, 100)); n != 8 || err != nil { // and grants the ten that were left
		t.Errorf("read %d, %v", n, err)
	}
	if err := b.Put(make([]byte, 11)); code(err) != CodeProtocol {
		t.Errorf("one byte more than then: %v", err)
	}
	if err := b.Put(nil); err != nil {
		t.Error(err)
	}
	if err := b.Put(make([]byte, 1)); code(err) != CodeProtocol {
		t.Errorf("after the end: %v", err)
	}
	if got, err := io.ReadAll(b); len(got) != 2 || err != nil {
		t.Errorf("the rest: %d, %v", len(got), err)
	}

	input := NewBuffer(0, 20, 20, nil)
	if err := input.Put([]byte{1}); code(err) != CodeProtocol {
		t.Errorf("input that was not asked for: %v", err)
	}
}

func TestBufferCloseWakesAndDrops(t *testing.T) {
	defer goleak.VerifyNone(t)
	synctest.Test(t, func(t *testing.T) {
		granted := 0
		b := NewBuffer(0, 20, 20, func(n uint32) error {
			granted += int(n)
			return nil
		})
		why := errors.New("enough")
		read := make(chan error)
		go func() {
			_, err := b.Read(make([]byte, 1))
			read <- err
		}()
		synctest.Wait()
		if granted != 20 {
			t.Errorf("%d bytes were granted on the first read", granted)
		}
		b.Close(why)
		if err := <-read; !errors.Is(err, why) {
			t.Errorf("Read returned %v", err)
		}
		for range 2 {
			if err := b.Put(make([]byte, 10)); err != nil {
				t.Errorf("what was under way: %v", err)
			}
		}
		if err := b.Put(make([]byte, 1)); code(err) != CodeProtocol {
			t.Errorf("more than was under way: %v", err)
		}
		if _, err := b.Read(make([]byte, 1)); !errors.Is(err, why) || len(b.chunks) != 0 || granted != 20 {
			t.Errorf("after the close: %v, %d chunks, %d granted", err, len(b.chunks), granted)
		}
	})
}

// Who has read enough lets pass by what still comes, up to the end, and nothing behind that.
func TestBufferClosedAsAtItsEnd(t *testing.T) {
	b := NewBuffer(10, 10, 10, func(uint32) error { return nil })
	b.Close(io.EOF)
	for _, chunk := range [][]byte{[]byte("late"), nil} {
		if err := b.Put(chunk); err != nil {
			t.Errorf("%q: %v", chunk, err)
		}
	}
	if err := b.Put(nil); err == nil {
		t.Error("a second end passes")
	}
	if n, err := b.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("%d, %v", n, err)
	}
}

// A reader that waits for what comes is given more at a time, up to a limit; one that is behind is not.
func TestBufferGrows(t *testing.T) {
	const size, most, chunk = 100, 450, 10
	for name, want := range map[string]int{"hungry": most, "behind": size} {
		synctest.Test(t, func(t *testing.T) {
			granted := 0
			b := NewBuffer(0, size, most, func(n uint32) error {
				granted += int(n)
				return nil
			})
			reads := make(chan bool)
			go func() {
				for range reads {
					if n, err := b.Read(make([]byte, chunk)); n != chunk || err != nil {
						t.Errorf("%d, %v", n, err)
					}
				}
			}()
			reads <- true // asks for the first
			for i := range 100 {
				synctest.Wait()
				if name == "behind" && i == 0 { // there is more than what is read next
					for range 3 {
						if err := b.Put(make([]byte, chunk)); err != nil {
							t.Fatal(err)
						}
					}
				}
				if err := b.Put(make([]byte, chunk)); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				reads <- true
			}
			_ = b.Put(make([]byte, chunk)) // for the last read
			synctest.Wait()
			close(reads)
			if read := 101 * chunk; granted-read+b.consumed != want {
				t.Errorf("%s: %d bytes may be under way, want %d", name, granted-read+b.consumed, want)
			}
		})
	}
}

func TestBufferReadFailsAsItsGrantDoes(t *testing.T) {
	why := errors.New("no link")
	b := NewBuffer(0, 20, 20, func(uint32) error { return why })
	if _, err := b.Read(make([]byte, 1)); !errors.Is(err, why) {
		t.Errorf("Read returned %v", err)
	}
}

func TestSendWindowWakes(t *testing.T) {
	defer goleak.VerifyNone(t)
	synctest.Test(t, func(t *testing.T) {
		w := NewSendWindow(5)
		if n, err := w.Take(t.Context(), 3); n != 3 || err != nil {
			t.Errorf("took %d, %v", n, err)
		}
		if n, err := w.Take(t.Context(), 3); n != 2 || err != nil || w.Waits() != 0 {
			t.Errorf("took %d, %v, %d waits", n, err, w.Waits())
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, io.ErrNoProgress)
		defer cancel()
		if _, err := w.Take(ctx, 1); !errors.Is(err, io.ErrNoProgress) || w.Waits() != 1 {
			t.Errorf("Take: %v, %d waits", err, w.Waits())
		}
		took := make(chan int)
		go func() {
			n, _ := w.Take(t.Context(), 100)
			took <- n
		}()
		synctest.Wait()
		if err := w.Grant(7); err != nil {
			t.Error(err)
		}
		if n := <-took; n != 7 {
			t.Errorf("took %d", n)
		}
		failed := make(chan error)
		go func() { failed <- w.Send(t.Context(), []byte("x"), nil) }()
		synctest.Wait()
		w.Close(io.ErrClosedPipe)
		w.Close(io.EOF)
		if err := <-failed; !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("Send: %v", err)
		}
	})
}

func TestSendWindowRefusesCreditWithoutBounds(t *testing.T) {
	w := NewSendWindow(0)
	if err := w.Grant(0); code(err) != CodeProtocol {
		t.Errorf("none: %v", err)
	}
	if err := w.Grant(MaxWindow); err != nil {
		t.Errorf("all there may be: %v", err)
	}
	if err := w.Grant(1); code(err) != CodeProtocol {
		t.Errorf("one more: %v", err)
	}
	if err := w.Grant(1<<32 - 1); code(err) != CodeProtocol {
		t.Errorf("as much as fits: %v", err)
	}
}
