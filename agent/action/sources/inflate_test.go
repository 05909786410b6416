package sources

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
)

// samples are contents that are packed in different ways.
func samples() [][]byte {
	random := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 200_000)
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	text := bytes.Repeat([]byte("what is packed here is a text, and then some. "), 5000)
	mixed := append(append(bytes.Clone(text), noise...), text...)
	few := make([]byte, 100_000)
	for i := range few {
		few[i] = "abcdefgh"[min(random.Uint32N(8), random.Uint32N(8))]
	}
	return [][]byte{{}, {1}, make([]byte, 1<<20), noise, text, mixed, few}
}

// What Go's packages pack comes out as it was, and what is cut or altered is noticed.
func TestInflate(t *testing.T) {
	for i, content := range samples() {
		for _, level := range []int{flate.NoCompression, flate.BestSpeed, flate.BestCompression, flate.HuffmanOnly} {
			var packed bytes.Buffer
			w, _ := gzip.NewWriterLevel(&packed, level)
			w.Name, w.Comment, w.Extra = "name", "comment", []byte("extra")
			_, _ = w.Write(content)
			_ = w.Close()
			twice := append(bytes.Clone(packed.Bytes()), packed.Bytes()...)
			got, err := io.ReadAll(newGunzipper(bytes.NewReader(twice)))
			if err != nil || !bytes.Equal(got, append(bytes.Clone(content), content...)) {
				t.Fatalf("%d, level %d: %d bytes, %v", i, level, len(got), err)
			}
			for _, cut := range []int{1, 9, packed.Len() / 2, packed.Len() - 12} {
				if _, err := io.ReadAll(newGunzipper(bytes.NewReader(packed.Bytes()[:max(0, packed.Len()-cut)]))); err == nil {
					t.Errorf("%d, level %d: cut by %d and not noticed", i, level, cut)
				}
			}
			damaged := bytes.Clone(packed.Bytes())
			damaged[len(damaged)-6] ^= 1
			if _, err := io.ReadAll(newGunzipper(bytes.NewReader(damaged))); !errors.Is(err, errDamaged) {
				t.Errorf("%d, level %d: a wrong checksum gives %v", i, level, err)
			}
		}
	}
}

// FuzzInflate compares with Go's own package, which takes and refuses the same.
func FuzzInflate(f *testing.F) {
	for _, content := range samples()[:2] {
		var packed bytes.Buffer
		w, _ := flate.NewWriter(&packed, 9)
		_, _ = w.Write(content)
		_ = w.Close()
		f.Add(packed.Bytes())
	}
	f.Add([]byte("\x05\xe0\x81\x08\x00\x00\x00\x00 \x7f\xeb\x0b"))
	f.Fuzz(func(t *testing.T, packed []byte) {
		const most = 1 << 20
		want, wantErr := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), most))
		z := &inflater{in: bufio.NewReader(bytes.NewReader(packed))}
		got, err := io.ReadAll(io.LimitReader(z, most))
		if wantErr == nil && (err != nil || !bytes.Equal(got, want)) {
			t.Errorf("%x gives %d bytes and %v, want %d", packed, len(got), err, len(want))
		}
		if wantErr != nil && err == nil && !bytes.HasPrefix(got, want) {
			t.Errorf("%x gives %d bytes, though %v", packed, len(got), wantErr)
		}
	})
}

func BenchmarkInflate(b *testing.B) {
	content := bytes.Repeat(samples()[5], 4)
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = w.Write(content)
	_ = w.Close()
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		_, _ = io.Copy(io.Discard, newGunzipper(bytes.NewReader(packed.Bytes())))
	}
}
