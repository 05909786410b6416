package wire

import (
	"bytes"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"testing"

	"go.uber.org/goleak"
)

// In whatever order pieces come, beside the data that the stream began with, the reader gets the same bytes.
func TestPiecesComeInAnyOrder(t *testing.T) {
	defer goleak.VerifyNone(t)
	for range 50 {
		want := make([]byte, 1+rand.IntN(1<<20))
		for i := range want {
			want[i] = byte(rand.IntN(256))
		}
		begin := rand.IntN(len(want))
		window := NewSendWindow(0)
		told := 0
		b := NewBuffer(0, Window, Window, func(n uint32) error {
			if n == 0 {
				told++
				return nil
			}
			return window.Grant(n)
		})
		go func() {
			if err := window.Send(t.Context(), want[:begin], b.Put); err != nil {
				t.Error(err)
			}
			type sent struct {
				at   int
				data []byte
			}
			var pieces []sent
			deliver := func() {
				rand.Shuffle(len(pieces), func(i, j int) { pieces[i], pieces[j] = pieces[j], pieces[i] })
				for _, p := range pieces {
					if err := b.PutAt(uint64(p.at), p.data); err != nil {
						t.Error(err)
					}
				}
				pieces = nil
			}
			for at := begin; at < len(want); {
				n, err := window.Take(t.Context(), min(1+rand.IntN(MaxChunk), len(want)-at))
				if err != nil {
					t.Error(err)
				}
				pieces = append(pieces, sent{at, want[at : at+n]})
				if at += n; at == len(want) {
					pieces = append(pieces, sent{at, nil}) // the end overtakes too
				}
				if len(pieces) > 2 || at == len(want) || rand.IntN(4) == 0 {
					deliver()
				}
				window.mu.Lock()
				spent := window.credit == 0
				window.mu.Unlock()
				if spent { // there is no more before the reader has what was taken
					deliver()
				}
			}
		}()
		got, err := io.ReadAll(b)
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%d bytes of %d arrived, as they were sent: %v, %v", len(got), len(want), bytes.Equal(got, want), err)
		}
		if _, err := b.Read(nil); !errors.Is(err, io.EOF) || told != 1 {
			t.Fatalf("%d times it was said that all has come, %v", told, err)
		}
	}
}

// What comes twice, behind the end or beyond what was granted is found out, wherever it lies.
func TestPieceViolations(t *testing.T) {
	type put struct {
		at   uint64
		data string
	}
	const data = math.MaxUint64 // a data frame
	for name, c := range map[string]struct {
		before []put
		wrong  put
	}{
		"beyond what was granted":        {nil, put{15, "abcdef"}},
		"far beyond what was granted":    {nil, put{math.MaxUint64 - 2, "abcdef"}},
		"twice, in order":                {[]put{{0, "abc"}}, put{0, "abc"}},
		"twice, early":                   {[]put{{5, "abc"}}, put{5, "abc"}},
		"over one before it":             {[]put{{5, "abc"}}, put{7, "xy"}},
		"over one behind it":             {[]put{{5, "abc"}}, put{4, "xy"}},
		"over several":                   {[]put{{5, "a"}, {7, "a"}}, put{3, "abcdefgh"}},
		"over one, from the next":        {[]put{{5, "abc"}}, put{0, "abcdef"}},
		"over data":                      {[]put{{data, "abc"}}, put{2, "x"}},
		"data over a piece":              {[]put{{data, "abc"}, {4, "x"}}, put{data, "xy"}},
		"data over a piece in its place": {[]put{{data, "abc"}, {3, "x"}}, put{data, "x"}},
		"behind the end":                 {[]put{{9, ""}}, put{8, "xy"}},
		"a second end":                   {[]put{{9, ""}}, put{9, ""}},
		"an end before what has come":    {[]put{{0, "abc"}}, put{2, ""}},
		"an end before an early piece":   {[]put{{5, "abc"}}, put{5, ""}},
		"an end within an early piece":   {[]put{{5, "abc"}}, put{6, ""}},
		"data's end before a piece":      {[]put{{data, "abc"}, {3, "x"}}, put{data, ""}},
		"an end beyond what was granted": {nil, put{21, ""}},
	} {
		for _, closed := range []bool{false, true} {
			b := NewBuffer(20, 20, 20, nil)
			if closed {
				b.Close(errors.New("enough"))
			}
			do := func(p put) error {
				if p.at == data {
					return b.Put([]byte(p.data))
				}
				return b.PutAt(p.at, []byte(p.data))
			}
			for _, p := range c.before {
				if err := do(p); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			if err := do(c.wrong); code(err) != CodeProtocol {
				t.Errorf("%s, closed %v: %v", name, closed, err)
			}
		}
	}
}

// G22: who has closed a buffer holds nothing that comes early.
func TestG22ClosedBufferDropsPieces(t *testing.T) {
	b := NewBuffer(20, 20, 20, nil)
	if err := b.PutAt(10, make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	why := errors.New("enough")
	b.Close(why)
	for _, at := range []uint64{5, 0} {
		if err := b.PutAt(at, make([]byte, 5)); err != nil {
			t.Errorf("what was under way: %v", err)
		}
	}
	if _, err := b.Read(make([]byte, 1)); !errors.Is(err, why) || len(b.chunks)+len(b.early) != 0 || b.at != 13 {
		t.Errorf("%v, %d chunks, %d early, at %d", err, len(b.chunks), len(b.early), b.at)
	}
}

// FuzzBuffer puts pieces of a text of known bytes at any place: what is read is the text's beginning, no byte comes twice, and
// what is refused changes nothing.
func FuzzBuffer(f *testing.F) {
	f.Add([]byte{0, 3, 3, 4, 7, 0})
	f.Add([]byte{5, 3, 0, 5, 255, 4, 8, 1, 9, 0})
	f.Add([]byte{9, 0, 4, 5, 0, 4, 2, 9, 10, 2})
	f.Fuzz(func(t *testing.T, ops []byte) {
		const most = 40
		text := make([]byte, most+256)
		for i := range text {
			text[i] = byte(i)
		}
		b := NewBuffer(most, most, most, nil)
		var have [most]bool
		end := -1
		data := 0
		for len(ops) >= 2 {
			at, n := int(ops[0]), int(ops[1])%16
			ops = ops[2:]
			isData := at == 255
			if isData {
				at = data
			}
			allowed := at+n <= most && (end < 0 || n > 0 && at+n <= end)
			for i := at; i < most && allowed; i++ {
				allowed = !have[i] || n > 0 && i >= at+n
			}
			var err error
			if isData {
				err = b.Put(text[at : at+n])
			} else {
				err = b.PutAt(uint64(at), text[at:at+n])
			}
			if (err == nil) != allowed {
				t.Fatalf("%d bytes at %d: %v, allowed %v", n, at, err, allowed)
			}
			if err != nil {
				continue
			}
			for i := at; i < at+n; i++ {
				have[i] = true
			}
			if isData {
				data += n
			}
			if n == 0 {
				end = at
			}
		}
		whole := 0
		for whole < most && have[whole] {
			whole++
		}
		b.Close(io.EOF)
		if int(b.at) != whole || (b.ended && end < 0) {
			t.Errorf("%d bytes are in order, want %d", b.at, whole)
		}
	})
}
