package wire

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"runtime"
	"testing"
	"testing/iotest"
)

func TestReadFrameByteByByte(t *testing.T) {
	var stream []byte
	sizes := []int{0, 1, 13, MaxSmall}
	for i, n := range sizes {
		stream = AppendFrame(stream, Frame{Kind: KindCredit, Peer: PeerID(i), Payload: bytes.Repeat([]byte{byte(i)}, n)})
	}
	r := bufio.NewReader(iotest.OneByteReader(bytes.NewReader(stream)))
	for i, n := range sizes {
		f, err := ReadFrame(r)
		if err != nil || f.Peer != PeerID(i) || !bytes.Equal(f.Payload, bytes.Repeat([]byte{byte(i)}, n)) {
			t.Fatalf("frame %d: %+v, %v", i, f, err)
		}
	}
	if _, err := ReadFrame(r); !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("at the end: %v", err)
	}
	for _, cut := range []int{1, HeaderSize - 1, HeaderSize, len(stream) - 1 - MaxSmall, len(stream) - 1} {
		r := bufio.NewReader(bytes.NewReader(stream[:cut]))
		var err error
		for err == nil {
			_, err = ReadFrame(r)
		}
		if whole := cut == HeaderSize; whole != errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut after %d bytes: %v", cut, err)
		}
	}
}

// endless counts what is read of it.
type endless struct{ n int64 }

func (e *endless) Read(p []byte) (int, error) {
	e.n += int64(len(p))
	return len(p), nil
}

// allocated returns how many bytes of memory f takes.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// G22: what a header promises costs nothing before it comes, and what is over a limit costs nothing at all.
func TestG22ReadFrameAllocatesWhatArrives(t *testing.T) {
	promise := AppendFrame(nil, Frame{Kind: KindResult, Payload: make([]byte, MaxPayload)})[:HeaderSize+1]
	r := bufio.NewReader(nil)
	r.Reset(bytes.NewReader(promise))
	if n := allocated(func() {
		if _, err := ReadFrame(r); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Error(err)
		}
	}); n > 2*MaxChunk {
		t.Errorf("a promise of %d bytes took %d", MaxPayload, n)
	}

	huge := AppendFrame(nil, Frame{Kind: KindData})
	copy(huge, []byte{0xff, 0xff, 0xff, 0xff})
	sea := &endless{}
	all := io.MultiReader(bytes.NewReader(huge), io.LimitReader(sea, 1<<32-1), bytes.NewReader(AppendFrame(nil, Frame{Kind: KindPing})))
	r.Reset(all)
	var large *TooLargeError
	if n := allocated(func() {
		if _, err := ReadFrame(r); !errors.As(err, &large) {
			t.Error(err)
		}
	}); n > 1<<10 {
		t.Errorf("reading past 4 GiB took %d bytes", n)
	}
	if large.Size != 1<<32-1 || large.Frame.Kind != KindData {
		t.Errorf("%+v", large)
	}
	if f, err := ReadFrame(r); err != nil || f.Kind != KindPing {
		t.Errorf("after that: %+v, %v", f, err)
	}
}

// The cost of a frame: its payload, and nothing else.
func TestFrameAllocations(t *testing.T) {
	frame := AppendFrame(nil, Frame{Kind: KindData, Payload: make([]byte, 1000)})
	empty := AppendFrame(nil, Frame{Kind: KindClose})
	source := bytes.NewReader(nil)
	r := bufio.NewReader(source)
	buf := make([]byte, 0, 2000)
	for name, c := range map[string]struct {
		data []byte
		want float64
	}{"data": {frame, 1}, "close": {empty, 0}} {
		if n := testing.AllocsPerRun(100, func() {
			source.Reset(c.data)
			r.Reset(source)
			f, err := ReadFrame(r)
			if err != nil {
				t.Fatal(err)
			}
			buf = AppendFrame(buf[:0], f)
		}); n != c.want {
			t.Errorf("%s: %v allocations, want %v", name, n, c.want)
		}
	}
}

// What is read writes back to the same bytes, and no payload is over its limit.
func FuzzReadFrame(f *testing.F) {
	var all []byte
	for _, e := range examples() {
		frame := e.frame
		if e.message != nil {
			m, err := Message(frame.Kind, frame.Peer, frame.Call, e.message)
			if err != nil {
				f.Fatal(err)
			}
			frame.Payload = m.Payload
		}
		all = AppendFrame(all, frame)
		f.Add(AppendFrame(nil, frame))
	}
	f.Add(all)
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bufio.NewReader(bytes.NewReader(data))
		var back []byte
		for {
			frame, err := ReadFrame(r)
			if large, ok := errors.AsType[*TooLargeError](err); ok {
				if large.Size <= int64(Limit(large.Frame.Kind)) {
					t.Fatalf("%d bytes refused of kind %d", large.Size, large.Frame.Kind)
				}
				return
			}
			if err != nil {
				break
			}
			if frame.Check() != nil {
				t.Fatalf("a frame of kind %d with %d bytes", frame.Kind, len(frame.Payload))
			}
			back = AppendFrame(back, frame)
		}
		if !bytes.HasPrefix(data, back) || len(data)-len(back) > HeaderSize+MaxPayload {
			t.Fatalf("%x became %x", data, back)
		}
	})
}
