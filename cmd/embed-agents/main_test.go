package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
)

// TestCompress: a file that holds the agent already is left as it is, so that a build has nothing to do; another one,
// or a broken one, is replaced as a whole.
func TestCompress(t *testing.T) {
	file := filepath.Join(t.TempDir(), "agent.br")
	data := bytes.Repeat([]byte("an agent "), 10_000)
	size, err := compress(file, data, brotli.BestCompression)
	if err != nil || size == 0 || size > len(data)/10 {
		t.Fatalf("%d bytes, %v", size, err)
	}
	old := time.Now().Add(-time.Hour).Truncate(time.Second)
	if err := os.Chtimes(file, old, old); err != nil {
		t.Fatal(err)
	}
	touched := func() bool {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		return !info.ModTime().Equal(old)
	}
	if again, err := compress(file, data, brotli.BestCompression); err != nil || again != size || touched() {
		t.Errorf("the same again: %d bytes, touched %v, %v", again, touched(), err)
	}
	if err := os.WriteFile(file, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := compress(file, data, brotli.BestCompression); err != nil {
		t.Fatal(err)
	}
	packed, err := os.ReadFile(file)
	if err != nil || !holds(packed, data) || holds(packed, data[1:]) {
		t.Errorf("the file does not hold the agent: %v", err)
	}
}

// TestTidy: what no build makes any more is not embedded.
func TestTidy(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"linux-amd64.br", "linux-amd64.old", "plan9-mips.br", "list", "README"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := tidy(dir, []agent{{platform: "linux/amd64"}}); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 3 || left[0].Name() != "README" || left[1].Name() != "linux-amd64.br" || left[2].Name() != "list" {
		t.Errorf("%v, %v", left, err)
	}
}

// TestListed: agents that an earlier build has left count only if they are for the same platforms.
func TestListed(t *testing.T) {
	dir := t.TempDir()
	if listed(dir, nil) {
		t.Error("a directory without a list holds them")
	}
	if err := os.WriteFile(filepath.Join(dir, "list"), []byte("linux amd64 hash 1\nlinux arm64 hash 2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if !listed(dir, []string{"linux/amd64", "linux/arm64"}) || listed(dir, []string{"linux/amd64"}) || listed(dir, platforms) {
		t.Error("the list is not what is held")
	}
}
