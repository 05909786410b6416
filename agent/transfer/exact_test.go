package transfer

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"runner/agent/disk"
)

// fetched makes what is at a path like what is at another one, as a fetch does it.
func fetched(t *testing.T, from, to string, exact Exact, times bool) (Exact, int, error) {
	t.Helper()
	salt := []byte("a salt")
	have, err := Take(t.Context(), to, salt, times)
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewExactReceiver(t.Context(), to, &exact, Progress{})
	if err != nil {
		return exact, 0, err
	}
	defer r.Close()
	dir, err := disk.Find(filepath.Dir(from))
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	var stream bytes.Buffer
	_, err = SendSelected(t.Context(), dir, filepath.Base(from), r.Held(), Selection{
		Salt: salt, Have: have, Excludes: exact.Excludes, Names: exact.Delete, Dry: exact.Dry,
	}, &stream)
	if err != nil {
		return exact, 0, err
	}
	size := stream.Len()
	_, err = r.Receive(t.Context(), &stream)
	return exact, size, err
}

// trees describes a tree but for the times and modes of directories.
func tree(t *testing.T, root string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		info, err := d.Info()
		if err != nil || info.IsDir() {
			fmt.Fprintf(&b, "%q\n", rel)
			return err
		}
		target, _ := os.Readlink(path)
		data, _ := os.ReadFile(path)
		fmt.Fprintf(&b, "%q %v %q %x\n", rel, info.Mode(), target, data)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestG28Exact makes trees, changes both sides at random, and fetches: what a dry run says is done, and the second time there is nothing to do.
func TestG28Exact(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	r := rand.New(rand.NewPCG(seed, 3))
	content := random(t, 1<<20)
	for range 25 {
		from, to := filepath.Join(t.TempDir(), "from"), filepath.Join(t.TempDir(), "to")
		if err := os.Mkdir(from, 0o755); err != nil {
			t.Fatal(err)
		}
		edit := func(root string, most int) {
			for range r.IntN(most) {
				at := root
				for range 1 + r.IntN(3) {
					at += fmt.Sprintf("/%c", 'a'+r.IntN(3))
				}
				switch r.IntN(6) {
				case 0:
					_ = os.RemoveAll(at)
				case 1:
					_ = os.MkdirAll(at, 0o750)
				case 2:
					_ = os.Symlink("../a", at)
				case 3:
					_ = os.Chmod(at, fs.FileMode(0o600+r.IntN(0o200)))
				default:
					if info, err := os.Lstat(at); err != nil || info.Mode().IsRegular() {
						_ = os.WriteFile(at, content[:r.IntN([]int{10, 70000}[r.IntN(2)])], 0o600)
					}
				}
			}
		}
		edit(from, 30)
		exact := Exact{Delete: true}
		for round := range 4 {
			if round > 0 {
				edit(from, 10)
				edit(to, 10)
			}
			dry := exact
			dry.Dry = true
			before := ""
			if round > 0 {
				before = describeAll(t, to)
			}
			foreseen, size, err := fetched(t, from, to, dry, true)
			if round > 0 && describeAll(t, to) != before {
				t.Fatal("a dry run has changed something")
			}
			if err != nil { // a directory where a file is to be, or the other way round
				if _, _, again := fetched(t, from, to, exact, true); again == nil || again.Error() != err.Error() {
					t.Fatalf("foreseen was %v, and it is %v", err, again)
				}
				if err := os.RemoveAll(to); err != nil {
					t.Fatal(err)
				}
				foreseen, size, err = fetched(t, from, to, dry, true)
			}
			if err != nil || size > 20000 {
				t.Fatalf("%d bytes, %v", size, err)
			}
			done, _, err := fetched(t, from, to, exact, round%2 == 0)
			if err != nil || !slices.Equal(done.Done, foreseen.Done) || done.Bytes != foreseen.Bytes {
				t.Fatalf("foreseen was %v, done is %v, %v", foreseen, done, err)
			}
			if got, want := tree(t, to), tree(t, from); got != want {
				t.Fatalf("it is\n%.2000s\nand not\n%.2000s", got, want)
			}
			for _, times := range []bool{true, false} {
				if again, _, err := fetched(t, from, to, exact, times); err != nil || len(again.Done) > 0 {
					t.Fatalf("the second time: %v, %v", again.Done, err)
				}
			}
		}
	}
}

func describeAll(t *testing.T, root string) string {
	t.Helper()
	if _, err := os.Lstat(root); err != nil {
		return ""
	}
	return tree(t, root)
}

// TestExactFiles: single files, what is excluded, another time without another content.
func TestExactFiles(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	write(t, from, []byte("content"), 0o640)
	for _, want := range []string{"[{+  false}]", "[]"} {
		if done, _, err := fetched(t, from, to, Exact{Delete: true}, true); err != nil || strings.ReplaceAll(fmt.Sprint(done.Done), "43", "+") != want {
			t.Errorf("%v, %v", done.Done, err)
		}
	}
	now := time.Now()
	if err := os.Chtimes(to, now, now); err != nil {
		t.Fatal(err)
	}
	if done, _, err := fetched(t, from, to, Exact{}, true); err != nil || len(done.Done) > 0 {
		t.Errorf("another time: %v, %v", done.Done, err)
	}
	if err := os.Remove(to); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(to, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, dry := range []bool{true, false} {
		if _, _, err := fetched(t, from, to, Exact{Dry: dry}, true); err == nil || !strings.Contains(err.Error(), "is a directory") {
			t.Errorf("into a directory: %v", err)
		}
	}

	from, to = filepath.Join(dir, "tree"), filepath.Join(dir, "copy")
	for _, at := range []string{from + "/keep", to + "/old/deep"} {
		if err := os.MkdirAll(at, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, at := range []string{from + "/a", from + "/x.gz", to + "/old/kept.gz", to + "/old/deep/gone"} {
		write(t, at, []byte(at), 0o644)
	}
	excludes := func(at string, _ bool) bool { return strings.HasSuffix(at, ".gz") }
	done, _, err := fetched(t, from, to, Exact{Delete: true, Excludes: excludes}, true)
	if got := tree(t, to); err != nil || len(done.Done) != 4 || strings.Contains(got, "x.gz") || !strings.Contains(got, "kept.gz") || strings.Contains(got, "deep") {
		t.Errorf("%v, %v\n%s", done.Done, err, got)
	}
}

// TestInventory: it has nothing of names and contents in it, and differs with the salt.
func TestInventory(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a secret name"), []byte("a secret"), 0o644)
	one, err := Take(context.Background(), dir, []byte("one"), true)
	if err != nil || len(one) != 3*inventorySum || bytes.Contains(one, []byte("secret")) {
		t.Errorf("%q, %v", one, err)
	}
	other, err := Take(context.Background(), dir, []byte("other"), true)
	if err != nil || bytes.Equal(one[:inventorySum], other[:inventorySum]) {
		t.Errorf("it is the same with another salt, %v", err)
	}
}
