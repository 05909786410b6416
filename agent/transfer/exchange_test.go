package transfer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// exchanged carries a new version of a file over to where an old one is, and tells how many bytes went which way.
func exchanged(t *testing.T, old, fresh []byte) (asked, sent int) {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "old"), old, 0o600)
	was, err := os.Open(filepath.Join(dir, "old"))
	if err != nil {
		t.Fatal(err)
	}
	defer was.Close()
	to, err := os.Create(filepath.Join(dir, "new"))
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	var wants, contents bytes.Buffer
	w := NewWants(&wants)
	if err := w.File(7, was, int64(len(old))); err != nil {
		t.Fatal(err)
	}
	if err := w.End(); err != nil {
		t.Fatal(err)
	}
	asked = wants.Len()
	open := func(index int) (io.ReadCloser, int64, error) {
		if index != 7 {
			t.Errorf("asked for %d", index)
		}
		return io.NopCloser(bytes.NewReader(fresh)), int64(len(fresh)), nil
	}
	if err := Serve(context.Background(), &wants, open, &contents); err != nil {
		t.Fatal(err)
	}
	sent = contents.Len()
	c := NewContents(t.Context(), &contents)
	digest, err := c.File(to, was, int64(len(fresh)))
	if err == nil {
		err = c.End()
	}
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(dir, "new"))
	if err != nil || !bytes.Equal(got, fresh) || digest != sha256.Sum256(fresh) {
		t.Fatalf("of %d bytes over %d something else has come, %v", len(fresh), len(old), err)
	}
	return asked, sent
}

// TestExchange: whatever was there, the new version comes, and of what is the same next to nothing.
func TestExchange(t *testing.T) {
	const size = 3 << 20
	old := random(t, size)
	half := size / 2
	at := func(i int, with []byte) []byte { return append(append(bytes.Clone(old[:i]), with...), old[i:]...) }
	for what, c := range map[string]struct {
		old, fresh []byte
		most       int
	}{
		"the same":           {old, old, 8 << 10},
		"nothing there":      {nil, old, size + size/100},
		"nothing to come":    {old, nil, 100},
		"one byte":           {old, append(append(bytes.Clone(old[:half]), old[half]^1), old[half+1:]...), 16 << 10},
		"inserted":           {old, at(half, []byte("something")), 16 << 10},
		"at the beginning":   {old, at(0, []byte("something")), 16 << 10},
		"at the end":         {old, at(size, []byte("something")), 16 << 10},
		"cut":                {old, old[1000 : size-1000], 16 << 10},
		"halves swapped":     {old, append(bytes.Clone(old[half+5:]), old[:half+5]...), 24 << 10},
		"all else":           {old, random(t, size), size + size/100},
		"zeros":              {old, make([]byte, size), 1 << 10},
		"over zeros":         {make([]byte, size), old, size + size/100},
		"zeros over zeros":   {make([]byte, size), make([]byte, size+7), 8 << 10},
		"zeros in it":        {old, append(append(bytes.Clone(old[:half]), make([]byte, 300000)...), old[half:]...), 24 << 10},
		"zeros at the end":   {append(bytes.Clone(old[:half]), make([]byte, 1<<20)...), append(bytes.Clone(old[1000:half]), make([]byte, 1<<20)...), 24 << 10},
		"smaller than delta": {old[:leastDelta-1], old[:leastDelta-1], leastDelta + 100},
		"as large":           {old[:leastDelta], old[:leastDelta], 200},
		"large and odd":      {old[:leastDelta+1], old[1 : leastDelta+2], 8 << 10},
		"short":              {old, old[:5], 100},
	} {
		t.Run(what, func(t *testing.T) {
			asked, sent := exchanged(t, c.old, c.fresh)
			if sent > c.most || asked > max(300, len(c.old)/300) {
				t.Errorf("%d bytes were sent, at most %d should be; the signature had %d", sent, c.most, asked)
			}
		})
	}
}

// TestExchangeRandomly edits a file at random.
func TestExchangeRandomly(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	t.Log("seed", seed)
	text := random(t, 1<<20)
	for range 40 {
		old := text[:r.IntN(len(text))]
		if r.IntN(4) == 0 {
			old = bytes.Repeat(old[:min(len(old), 1+r.IntN(5000))], 1+r.IntN(100))
		}
		fresh := bytes.Clone(old)
		for range r.IntN(6) {
			a := r.IntN(len(fresh) + 1)
			b := a + r.IntN(len(fresh)-a+1)
			switch r.IntN(3) {
			case 0:
				fresh = append(bytes.Clone(fresh[:a]), fresh[b:]...)
			case 1:
				fresh = append(append(bytes.Clone(fresh[:a]), text[:r.IntN(10000)]...), fresh[a:]...)
			case 2:
				clear(fresh[a:min(b, a+70000)])
			}
		}
		exchanged(t, old, fresh)
	}
}

// TestRolling: the sum of a block is the same however it was found.
func TestRolling(t *testing.T) {
	data := random(t, 10000)
	const size = 4096
	sum := roll(data[:size])
	for i := range len(data) - size {
		if want := roll(data[i : i+size]); sum.sum() != want.sum() {
			t.Fatalf("at %d: %x, not %x", i, sum.sum(), want.sum())
		}
		sum.next(size, data[i], data[i+size])
	}
}

// TestG22HostileWants: what asks wrongly is refused, and costs little.
func TestG22HostileWants(t *testing.T) {
	ask := func(w want) func(writer) error { return func(to writer) error { return to.record(kindWant, w) } }
	sums := func(n int) func(writer) error {
		return func(to writer) error { return to.bytes(kindSums, make([]byte, n*sumSize)) }
	}
	for what, records := range map[string][]func(writer) error{
		"huge blocks":        {ask(want{Block: 1 << 40, Sums: 1})},
		"odd blocks":         {ask(want{Block: 5000, Sums: 1})},
		"too many":           {ask(want{Block: leastBlock, Sums: 1 << 30})},
		"negative":           {ask(want{Block: leastBlock, Sums: -1})},
		"sums of no file":    {sums(1)},
		"more sums than are": {ask(want{Block: leastBlock, Sums: 1}), sums(2)},
		"cut":                {ask(want{Block: leastBlock, Sums: 1})},
	} {
		var in bytes.Buffer
		w := newWriter(&in)
		for _, record := range records {
			if err := record(w); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		open := func(int) (io.ReadCloser, int64, error) { return io.NopCloser(bytes.NewReader(nil)), 0, nil }
		if err := Serve(t.Context(), &in, open, io.Discard); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

func BenchmarkDelta(b *testing.B) {
	old := make([]byte, 64<<20)
	r := rand.NewChaCha8([32]byte{})
	r.Read(old) //nolint:errcheck // never fails
	fresh := bytes.Clone(old)
	for i := 0; i < len(fresh); i += 1 << 20 {
		r.Read(fresh[i : i+10<<10]) //nolint:errcheck // never fails
	}
	var wants bytes.Buffer
	b.SetBytes(int64(len(old)))
	for b.Loop() {
		wants.Reset()
		w := NewWants(&wants)
		if err := errors.Join(w.File(0, bytes.NewReader(old), int64(len(old))), w.End()); err != nil {
			b.Fatal(err)
		}
		open := func(int) (io.ReadCloser, int64, error) {
			return io.NopCloser(bytes.NewReader(fresh)), int64(len(fresh)), nil
		}
		if err := Serve(context.Background(), &wants, open, io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}
