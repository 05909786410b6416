package agents

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"testing"

	"runner/agent/bootstrap"
)

// TestG41AgentsAreWhatTheyAreCalled: what is handed on, plain or packed, has the hash and the size that are said of it.
func TestG41AgentsAreWhatTheyAreCalled(t *testing.T) {
	s, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Agents()) == 0 || len(s.List()) != len(s.Agents()) {
		t.Fatalf("%d agents, %d listed", len(s.Agents()), len(s.List()))
	}
	for _, a := range s.List() {
		t.Run(a.OS+"/"+a.Arch, func(t *testing.T) {
			plain := read(t, a)
			if a.Gzip == nil {
				return
			}
			f, size, err := a.Gzip()
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			packed, err := io.ReadAll(f)
			if err != nil || int64(len(packed)) != size {
				t.Fatalf("%d bytes packed, said to be %d: %v", len(packed), size, err)
			}
			r, err := gzip.NewReader(bytes.NewReader(packed))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, plain) {
				t.Errorf("packed it is another: %v", err)
			}
		})
	}
}

func read(t *testing.T, a Agent) []byte {
	t.Helper()
	f, err := a.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	if int64(len(data)) != a.Size || hex.EncodeToString(sum[:]) != a.Hash {
		t.Errorf("%d bytes with hash %x; said to be %d with %s", len(data), sum, a.Size, a.Hash)
	}
	return data
}

// TestOwn: without embedded agents a program is its own.
func TestOwn(t *testing.T) {
	own, err := bootstrap.NewOwn().Binary()
	if err != nil {
		t.Fatal(err)
	}
	read(t, Agent{Binary: own})
	if _, err := newAgent("linux amd64 hash"); err == nil {
		t.Error("a broken list is taken")
	}
	if _, err := newAgent("plan9 mips 00 1\n"); err == nil {
		t.Error("an agent that is not there is listed")
	}
}
