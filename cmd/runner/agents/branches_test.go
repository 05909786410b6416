package agents

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// FuzzBranches: whatever the bytes are, they come back.
func FuzzBranches(f *testing.F) {
	far := make([]byte, 64)
	for i, distance := range []int32{0, -5, 1000, -1000, 59, 60, 63, 64, -64, 1<<31 - 1, -1 << 31} {
		far[5*i] = call
		binary.LittleEndian.PutUint32(far[5*i+1:], uint32(distance))
	}
	f.Add(far)
	f.Add([]byte{jump, call, jump, call, call, jump, 0xff, 0xff, 0xff, 0xff, call})
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, arch := range []string{"amd64", "arm64"} {
			got := bytes.Clone(data)
			Absolute(arch, got)
			if !isX86(arch) && !bytes.Equal(got, data) {
				t.Errorf("%s: changed", arch)
			}
			relative(arch, got)
			if !bytes.Equal(got, data) {
				t.Errorf("%s: %x became %x", arch, data, got)
			}
		}
	})
}

// TestEqualCallsAreEqualBytes is what the replacement is for.
func TestEqualCallsAreEqualBytes(t *testing.T) {
	code := make([]byte, 300)
	const function = 250
	for _, at := range []int{10, 100, 200} {
		code[at] = call
		binary.LittleEndian.PutUint32(code[at+1:], uint32(function-(at+5)))
	}
	Absolute("amd64", code)
	for _, at := range []int{10, 100, 200} {
		if got := binary.BigEndian.Uint32(code[at+1:]); got != function {
			t.Errorf("the call at %d is of %d", at, got)
		}
	}
}
