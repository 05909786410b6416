package digests

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

// world is a file, and runs that want its digest.
type world struct {
	t      *testing.T
	name   string
	dir    string // of the cache
	later  time.Duration
	opened int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, name: filepath.Join(t.TempDir(), "file"), dir: filepath.Join(t.TempDir(), "cache", "runner"), later: time.Minute}
	w.write('a')
	return w
}

func (w *world) write(c byte) {
	w.t.Helper()
	if err := os.WriteFile(w.name, bytes.Repeat([]byte{c}, least), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// cache is that of a new run, some time from now.
func (w *world) cache() *Cache {
	c := New(w.dir)
	c.now = func() time.Time { return time.Now().Add(w.later) }
	return c
}

// digest has a run ask for the file's digest, and says whether that was right and whether it has read the file.
func (w *world) digest(c *Cache, content byte) (reads bool) {
	w.t.Helper()
	before := w.opened
	got, size, err := c.Of(w.name, func(name string) (fs.File, error) {
		w.opened++
		return os.Open(name)
	}, nil)
	if want := sha256.Sum256(bytes.Repeat([]byte{content}, least)); err != nil || got != want || size != least {
		w.t.Errorf("%x of %d bytes, %v", got, size, err)
	}
	return w.opened > before
}

// A file that has rested is read once, whatever run asks for it.
func TestOnce(t *testing.T) {
	w := newWorld(t)
	c := w.cache()
	if !w.digest(c, 'a') || w.digest(c, 'a') {
		t.Error("one run does not read it once")
	}
	if err := c.Save(); err != nil {
		t.Fatal(err)
	}
	if w.digest(w.cache(), 'a') {
		t.Error("the next run reads it again")
	}
	if !w.digest(nil, 'a') || !w.digest(New(""), 'a') {
		t.Error("it is known without a cache")
	}
}

// What could have been written to at the same moment is read again, and so is what has another time of any kind.
func TestChanged(t *testing.T) {
	w := newWorld(t)
	w.later = 0
	c := w.cache()
	w.digest(c, 'a')
	w.write('b') // maybe within one tick of the clock of the file system
	if !w.digest(c, 'b') {
		t.Error("a file that was just written is not read again")
	}

	w.later = time.Minute
	c = w.cache()
	w.digest(c, 'b')
	info, err := os.Stat(w.name)
	if err != nil {
		t.Fatal(err)
	}
	w.write('c')
	if err := os.Chtimes(w.name, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if !w.digest(c, 'c') {
		t.Error("a file that is given its old time is not read again")
	}
	other := w.name + ".new"
	if err := os.Rename(w.name, other); err != nil {
		t.Fatal(err)
	}
	w.write('d')
	if !w.digest(c, 'd') {
		t.Error("another file of that name is not read")
	}
}

// What is damaged, or could be somebody else's, counts as nothing, and is written anew.
func TestDamaged(t *testing.T) {
	for name, damage := range map[string]func(file string, data []byte) error{
		"empty": func(file string, _ []byte) error { return os.WriteFile(file, nil, 0o600) },
		"cut":   func(file string, data []byte) error { return os.WriteFile(file, data[:len(data)-1], 0o600) },
		"flipped": func(file string, data []byte) error {
			data[len(magic)+keySize] ^= 1
			return os.WriteFile(file, data, 0o600)
		},
		"another version": func(file string, data []byte) error {
			body := append([]byte("runner digests 0\n"), data[len(magic):len(data)-sha256.Size]...)
			sum := sha256.Sum256(body)
			return os.WriteFile(file, append(body, sum[:]...), 0o600)
		},
		"too long":         func(file string, data []byte) error { return os.Truncate(file, int64(len(data)+most*entrySize)) },
		"others may write": func(file string, _ []byte) error { return os.Chmod(file, 0o666) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c := w.cache()
			w.digest(c, 'a')
			if err := c.Save(); err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(c.file())
			if err != nil {
				t.Fatal(err)
			}
			if err := damage(c.file(), data); err != nil {
				t.Fatal(err)
			}
			c = w.cache()
			if !w.digest(c, 'a') {
				t.Error("it is believed")
			}
			if err := c.Save(); err != nil {
				t.Fatal(err)
			}
			if w.digest(w.cache(), 'a') {
				t.Error("it is not written anew")
			}
		})
	}
}

// Where nothing can be kept, all is read, and nothing else goes wrong.
func TestNowhere(t *testing.T) {
	w := newWorld(t)
	w.dir = w.name // no directory
	c := w.cache()
	w.digest(c, 'a')
	if err := c.Save(); err == nil {
		t.Error("it is saved in a file")
	}
	if !w.digest(w.cache(), 'a') {
		t.Error("it is known from nowhere")
	}
}

// Two runs at once each keep what the other one has come to know, and the file is whole at any time.
func TestTwoRuns(t *testing.T) {
	one, other := newWorld(t), newWorld(t)
	other.dir = one.dir
	a, b := one.cache(), other.cache()
	one.digest(a, 'a')
	other.digest(b, 'a')
	if err := a.Save(); err != nil {
		t.Fatal(err)
	}
	if err := b.Save(); err != nil {
		t.Fatal(err)
	}
	if one.digest(one.cache(), 'a') || other.digest(other.cache(), 'a') {
		t.Error("one of them is lost")
	}
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			c := one.cache()
			for i := range 20 {
				c.add(key{byte(n), byte(i)}, [sha256.Size]byte{})
				if err := c.Save(); err != nil {
					t.Error(err)
				}
				if c.read() == nil {
					t.Error("it is damaged")
				}
			}
		})
	}
	all.Wait()
	if left, err := filepath.Glob(filepath.Join(one.dir, ".*")); err != nil || len(left) > 0 {
		t.Errorf("%v are left, %v", left, err)
	}
}

// The draft of a run that was killed is removed, and that of one that may still be at work stays, as does what is somebody else's.
func TestAbandoned(t *testing.T) {
	w := newWorld(t)
	if err := os.MkdirAll(w.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, age := range map[string]time.Duration{draft + "old": 2 * time.Hour, draft + "new": 0, "other": 2 * time.Hour} {
		at := filepath.Join(w.dir, name)
		if err := os.WriteFile(at, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if then := time.Now().Add(-age); os.Chtimes(at, then, then) != nil {
			t.Fatal("its time cannot be set")
		}
	}
	c := w.cache()
	w.digest(c, 'a')
	if err := c.Save(); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(w.dir)
	var left []string
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if want := []string{draft + "new", "digests", "other"}; err != nil || !slices.Equal(left, want) {
		t.Errorf("%q are left, %v", left, err)
	}
}

// Only so many are kept: those that were needed last.
func TestPruned(t *testing.T) {
	w := newWorld(t)
	c := w.cache()
	for n := range uint32(most + 10) {
		var k key
		binary.BigEndian.PutUint32(k[:], n)
		c.changed[k] = entry{used: int64(n)}
	}
	if err := c.Save(); err != nil {
		t.Fatal(err)
	}
	got := w.cache().read()
	if len(got) != most {
		t.Fatalf("%d are kept", len(got))
	}
	for k := range got {
		if n := binary.BigEndian.Uint32(k[:]); n < 10 {
			t.Errorf("number %d is kept", n)
		}
	}
	w.digest(c, 'a')
	if err := c.Save(); err != nil {
		t.Fatal(err)
	}
	if w.digest(w.cache(), 'a') {
		t.Error("what was needed last is not kept")
	}
}

// A digest that is needed again after a while is not the next one to go.
func TestUsed(t *testing.T) {
	w := newWorld(t)
	for _, later := range []time.Duration{time.Minute, 2 * fresh} {
		w.later = later
		c := w.cache()
		w.digest(c, 'a')
		if err := c.Save(); err != nil {
			t.Fatal(err)
		}
		for _, e := range c.read() {
			if since := time.Now().Add(later).Sub(time.Unix(e.used, 0)); since > time.Hour {
				t.Errorf("it was needed %v ago", since)
			}
		}
	}
	if w.opened != 1 {
		t.Errorf("it was read %d times", w.opened)
	}
}
