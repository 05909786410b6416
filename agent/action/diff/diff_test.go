package diff

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestUnified(t *testing.T) {
	for _, c := range []struct{ name, before, after, want string }{
		{"equal", "a\n", "a\n", ""},
		{"one line", "a\nb\nc\n", "a\nx\nc\n", "--- f\n+++ f\n@@ -1,3 +1,3 @@\n a\n-b\n+x\n c\n"},
		{"insert at the start", "b\n", "a\nb\n", "--- f\n+++ f\n@@ -1 +1,2 @@\n+a\n b\n"},
		{"remove all", "a\nb\n", "", "--- f\n+++ f\n@@ -1,2 +0,0 @@\n-a\n-b\n"},
		{"from nothing", "", "a\n", "--- f\n+++ f\n@@ -0,0 +1 @@\n+a\n"},
		{"newline gone", "a\n", "a", "--- f\n+++ f\n@@ -1 +1 @@\n-a\n+a\n\\ No newline at end of file\n"},
		{"newline added", "a", "a\n", "--- f\n+++ f\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n"},
		{"binary", "a\x00", "b", "--- f\n+++ f\n\\ This is no text: 2 bytes before, 1 byte after\n"},
		{"not UTF-8", "a", "\xff\xff", "--- f\n+++ f\n\\ This is no text: 1 byte before, 2 bytes after\n"},
		{"two hunks", "1\n2\n3\n4\n5\n6\n7\n8\n9\n", "x\n2\n3\n4\n5\n6\n7\n8\ny\n", "--- f\n+++ f\n@@ -1,4 +1,4 @@\n-1\n+x\n 2\n 3\n 4\n@@ -6,4 +6,4 @@\n 6\n 7\n 8\n-9\n+y\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Unified("f", "f", []byte(c.before), []byte(c.after), false); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestUnifiedOfANewEmptyFileSaysSo(t *testing.T) {
	if got := Unified("/dev/null", "f", nil, nil, false); got != "--- /dev/null\n+++ f\n" {
		t.Errorf("got %q", got)
	}
}

func TestUnifiedIsCutShort(t *testing.T) {
	long := strings.Repeat("line\n", 1000)
	got := Unified("/dev/null", "f", nil, []byte(long), false)
	if n := strings.Count(got, "\n"); n != MaxLines+1 {
		t.Errorf("%d lines", n)
	}
	if !strings.HasSuffix(got, "\n\\ 803 more lines are not shown\n") {
		t.Errorf("ends in %q", got[len(got)-60:])
	}
	got = Unified("/dev/null", "f", nil, []byte(strings.Repeat("x", 1<<20)+"\na\n"), false)
	if len(got) > MaxBytes+100 || !strings.HasSuffix(got, "\n\\ 2 more lines are not shown\n") {
		t.Errorf("%d bytes, ends in %q", len(got), got[max(0, len(got)-60):])
	}
}

func TestUnifiedWhole(t *testing.T) {
	long := strings.Repeat("line\n", 10000)
	if got := Unified("/dev/null", "f", nil, []byte(long), true); strings.Count(got, "\n+line") != 10000 {
		t.Errorf("%d lines", strings.Count(got, "\n"))
	}
	if got := Unified("/dev/null", "f", nil, []byte(strings.Repeat(long, 100)), true); len(got) > MaxWhole+100 || !strings.HasSuffix(got, " more lines are not shown\n") {
		t.Errorf("%d bytes", len(got))
	}
}

// What patch makes of our diff is the new text.
func TestUnifiedIsWhatPatchTakes(t *testing.T) {
	patch, err := exec.LookPath("patch")
	if err != nil {
		t.Skip("needs patch")
	}
	random := rand.New(rand.NewPCG(1, 2))
	some := func() []byte {
		var b bytes.Buffer
		for range random.IntN(40) {
			fmt.Fprintf(&b, "%d\n", random.IntN(8))
		}
		if random.IntN(4) == 0 {
			b.WriteString("end")
		}
		return b.Bytes()
	}
	file := filepath.Join(t.TempDir(), "f")
	for range 200 {
		before, after := some(), some()
		if err := os.WriteFile(file, before, 0o600); err != nil {
			t.Fatal(err)
		}
		diff := Unified("f", "f", before, after, true)
		if diff == "" {
			continue
		}
		cmd := exec.Command(patch, "-s", "-f", file)
		cmd.Stdin = strings.NewReader(diff)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v %s\n%q\n%q\n%s", err, out, before, after, diff)
		}
		got, err := os.ReadFile(file)
		if os.IsNotExist(err) { // patch removes what becomes empty
			got = nil
		}
		if !bytes.Equal(got, after) {
			t.Fatalf("%q became %q, want %q, by\n%s", before, got, after, diff)
		}
	}
}

// FuzzEdits checks that the edits turn one text into the other, also beyond maxDistance.
func FuzzEdits(f *testing.F) {
	f.Add("a\nb\n", "b\nc\n")
	f.Add(strings.Repeat("a\nb\n", 900), strings.Repeat("b\nc\na\n", 900))
	f.Add(strings.Repeat("x\n", 1500), strings.Repeat("y\n", 10))
	f.Fuzz(func(t *testing.T, before, after string) {
		a, b := lines([]byte(before)), lines([]byte(after))
		var got []string
		at := 0
		for _, e := range edits(a, b) {
			if e.from < at || e.to < e.from || e.end < e.at || e.from == e.to && e.at == e.end {
				t.Fatalf("edit %v after line %d", e, at)
			}
			got = append(got, a[at:e.from]...)
			got = append(got, b[e.at:e.end]...)
			at = e.to
		}
		got = append(got, a[at:]...)
		if strings.Join(got, "") != after {
			t.Fatalf("%q to %q gives %q", before, after, got)
		}
	})
}
