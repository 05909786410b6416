package wire

import (
	"io"
	"os"
	"testing"
)

// pipes is a stream of two of the system's pipes, which is what hops on one machine have.
type pipes struct {
	io.Reader
	io.Writer
	close func()
}

func (p pipes) Close() error {
	p.close()
	return nil
}

func pipePair(b *testing.B) (x, y io.ReadWriteCloser) {
	b.Helper()
	r1, w1, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	r2, w2, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	end := func() {
		for _, f := range []*os.File{r1, w1, r2, w2} {
			_ = f.Close()
		}
	}
	return pipes{r1, w2, end}, pipes{r2, w1, end}
}

func benchmarkLink(b *testing.B, f Frame) {
	x, y := pipePair(b)
	from, to := NewLink(x, LinkConfig{}), NewLink(y, LinkConfig{})
	got := make(chan struct{})
	n := 0
	go func() {
		_ = to.Run(func(Frame) {
			if n++; n == b.N {
				close(got)
			}
		})
	}()
	b.SetBytes(int64(HeaderSize + len(f.Payload)))
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if err := from.SendWait(b.Context(), f); err != nil {
			b.Fatal(err)
		}
	}
	<-got
	b.StopTimer()
	_ = from.Close()
	_ = to.Close()
}

func BenchmarkLinkCalls(b *testing.B) {
	benchmarkLink(b, Frame{Kind: KindCall, Peer: 1, Call: 1, Payload: make([]byte, 60)})
}

func BenchmarkLinkData(b *testing.B) {
	benchmarkLink(b, Frame{Kind: KindData, Peer: 1, Call: 1, Payload: make([]byte, MaxChunk)})
}

func BenchmarkMarshalCall(b *testing.B) {
	call := Call{Action: "file", Args: make([]byte, 100), Mode: ModeApply, Pipeline: 1}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Marshal(call); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUnmarshalResult(b *testing.B) {
	data, err := Marshal(Result{Change: Change{Verb: VerbCreate, After: make([]byte, 100)}})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		var r Result
		if err := Unmarshal(data, &r); err != nil {
			b.Fatal(err)
		}
	}
}
