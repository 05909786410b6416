package manifest

import (
	"crypto/sha256"
	"reflect"
	"strings"
	"testing"

	"runner/agent/disk"
)

func example() (encoded []byte, entries []Entry) {
	var w Writer
	add := func(e Entry) {
		w.Add(e)
		entries = append(entries, e)
	}
	leave := func() {
		w.Leave()
		entries = append(entries, Entry{})
	}
	add(Entry{Kind: disk.Directory, Perm: 0o755})
	add(Entry{Name: "-rf", Kind: disk.Regular, Perm: 0o644, Modified: -5, Size: 3, Digest: sha256.Sum256([]byte("abc"))})
	add(Entry{Name: "d", Kind: disk.Directory, Perm: 0o700})
	add(Entry{Name: "empty", Kind: disk.Regular, Perm: 0o600, Modified: 1 << 60, Digest: sha256.Sum256(nil)})
	leave()
	add(Entry{Name: "odd\n\xff", Kind: disk.Link, Target: "../\x01"})
	leave()
	return w.Bytes(), entries
}

func TestRoundTrip(t *testing.T) {
	encoded, want := example()
	r := NewReader(encoded)
	for i, e := range want {
		if got := r.Next(); !reflect.DeepEqual(got, e) {
			t.Errorf("entry %d is %+v, want %+v", i, got, e)
		}
	}
	if got := r.Next(); got.Kind != disk.Unknown || r.Err() != nil {
		t.Errorf("behind the end there is %+v, %v", got, r.Err())
	}
	for cut := range encoded {
		r := NewReader(encoded[:cut])
		for range want {
			r.Next()
		}
		if r.Err() == nil {
			t.Errorf("cut after %d bytes it is taken", cut)
		}
	}
}

// TestG23HostileManifest: no name leads out of the tree.
func TestG23HostileManifest(t *testing.T) {
	dir, file := Entry{Kind: disk.Directory}, func(name string) Entry { return Entry{Name: name, Kind: disk.Regular} }
	deep := make([]Entry, Deepest+2)
	for i := range deep {
		deep[i] = Entry{Name: "d", Kind: disk.Directory}
	}
	deep[0] = dir
	for what, entries := range map[string][]Entry{
		"up": {dir, file("..")}, "dot": {dir, file(".")}, "nothing": {dir, file("")}, "below": {dir, file("a/b")}, "absolute": {dir, file("/a")},
		"nul": {dir, file("a\x00")}, "long": {dir, file(strings.Repeat("x", 256))}, "twice": {dir, file("a"), file("a")}, "order": {dir, file("b"), file("a")},
		"named root": {file("a")}, "second root": {file(""), file("b")}, "device": {dir, {Name: "a", Kind: disk.BlockDevice}},
		"negative": {dir, {Name: "a", Kind: disk.Regular, Size: -1}}, "deep": deep,
	} {
		var w Writer
		for _, e := range entries {
			w.Add(e)
		}
		for _, e := range entries {
			if e.Kind == disk.Directory {
				w.Leave()
			}
		}
		r := NewReader(w.Bytes())
		for range 2 * len(entries) {
			r.Next()
		}
		if r.Err() == nil {
			t.Errorf("%s: it was taken", what)
		}
	}
}

// FuzzReader: whatever comes, names are single ones in order, and it ends.
func FuzzReader(f *testing.F) {
	encoded, _ := example()
	f.Add(encoded)
	f.Fuzz(func(t *testing.T, data []byte) {
		r := NewReader(data)
		last := []string{}
		for i := 0; ; i++ {
			e := r.Next()
			switch {
			case e.Kind == disk.Unknown && len(last) < 2:
				return
			case e.Kind == disk.Unknown:
				last = last[:len(last)-1]
				continue
			case i > 0 && (!IsName(e.Name) || e.Name <= last[len(last)-1]):
				t.Fatalf("%q behind %q", e.Name, last)
			}
			if i > 0 {
				last[len(last)-1] = e.Name
			}
			if e.Kind == disk.Directory {
				last = append(last, "")
			} else if i == 0 {
				return
			}
		}
	})
}

func TestFilter(t *testing.T) {
	for _, c := range []struct {
		pattern, at string
		isDir, want bool
	}{
		{"*.bak", "a.bak", false, true},
		{"*.bak", "d/e/a.bak", false, true},
		{"*.bak", "a.bak/x", false, false},
		{"*.bak", "a.bakx", false, false},
		{".git/", "d/.git", true, true},
		{".git/", ".git", false, false},
		{"/cache", "cache", true, true},
		{"/cache", "d/cache", true, false},
		{"a/b", "a/b", false, true},
		{"a/b", "x/a/b", false, false},
		{"a/*", "a/b", false, true},
		{"a/*", "a/b/c", false, false},
		{"**/x", "x", false, true},
		{"**/x", "a/b/x", false, true},
		{"a/**", "a/b/c", false, true},
		{"a/**", "a", true, false},
		{"a/**/z", "a/z", false, true},
		{"a/**/z", "a/b/c/z", false, true},
		{"a/**/z", "a/b/c/y", false, false},
		{"?", "d/x", false, true},
		{"[a-c]", "b", false, true},
		{"[a-c]", "d", false, false},
		{"*", "a/b\xff", false, true},
		{"**", "a/b", false, true},
		{`\*`, "*", false, true},
	} {
		if got := Matches(c.pattern, c.at, c.isDir); got != c.want {
			t.Errorf("%q and %q: %v", c.pattern, c.at, got)
		}
	}
	f := Filter{Exclude: []string{"*"}, Include: []string{"*/", "*.conf"}}
	if f.Excludes("a/b.conf", false) || f.Excludes("a", true) || !f.Excludes("a/b", false) {
		t.Error("what is included does not count")
	}
}
