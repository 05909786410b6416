// Package digests remembers the SHA-256 of files on the controller from run to run, so that a large file that nobody has written to is not
// read again. Its neighbour is planner/trees, which asks it; it knows no trees, and what it remembers is in one file of the user's
// cache directory, which may be removed at any time.
//
// A file counts as the same if its path, device, inode, size, and the times of its last change and of the last change of anything about it, to
// the nanosecond, are the same. As these times are coarse, a digest is only kept of a file that had rested for some seconds when it was read: what is
// written to it later has another time.
package digests

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// least is the size of a file that is worth while.
	least = 64 << 10
	// rest is how long a file must not have been changed before it is read.
	rest = 5 * time.Second
	// most is how many digests are kept: the ones that were needed last.
	most = 1 << 16
	// fresh is how long it is not noted again that one was needed.
	fresh = 24 * time.Hour
	// abandoned is how old a draft is whose run was killed.
	abandoned = time.Hour
)

// draft begins the names of files that are still being written.
const draft = ".digests-"

// magic begins the file, and names what it consists of: it, entries of entrySize bytes, and the SHA-256 of all that.
const magic = "runner digests 1\n"

const entrySize = keySize + sha256.Size + 8

const keySize = 16

// key names a file as it was when it was read.
type key [keySize]byte

// entry is what is known of it.
type entry struct {
	digest [sha256.Size]byte
	used   int64 // seconds since 1970
}

// Cache is described at the top of the package. Nil remembers nothing. It is safe for concurrent use.
type Cache struct {
	dir  string
	now  func() time.Time
	load sync.Once

	mu      sync.Mutex // guards what follows
	known   map[key]entry
	changed map[key]entry // not saved yet
}

// New returns what is remembered in a directory; of "" it is nothing.
func New(dir string) *Cache {
	if dir == "" {
		return nil
	}
	return &Cache{dir: dir, now: time.Now, changed: map[key]entry{}}
}

// Of returns the digest of what open gives, a file on the disk or something else, and how many bytes that is, but for a file that it knows.
func (c *Cache) Of(name string, open func(name string) (fs.File, error), buf []byte) (digest [sha256.Size]byte, size int64, err error) {
	if c != nil {
		if st, ok := stat(func(st *unix.Stat_t) error { return unix.Stat(name, st) }); ok {
			if digest, ok := c.find(keyOf(name, &st)); ok {
				return digest, st.Size, nil
			}
		}
	}
	in, err := open(name)
	if err != nil {
		return digest, 0, err
	}
	defer in.Close()
	var before unix.Stat_t
	keeps := false
	if c != nil {
		before, keeps = statOf(in)
		keeps = keeps && rested(&before, c.now())
	}
	sum := sha256.New()
	if size, err = io.CopyBuffer(sum, struct{ io.Reader }{in}, buf); err != nil {
		return digest, size, err
	}
	digest = [sha256.Size]byte(sum.Sum(nil))
	if after, still := statOf(in); keeps && still && size == before.Size && keyOf(name, &before) == keyOf(name, &after) {
		c.add(keyOf(name, &before), digest)
	}
	return digest, size, nil
}

// rested says whether a file had not been changed for some time.
func rested(st *unix.Stat_t, now time.Time) bool {
	return max(unix.TimespecToNsec(st.Mtim), unix.TimespecToNsec(st.Ctim)) < now.Add(-rest).UnixNano()
}

func statOf(f fs.File) (unix.Stat_t, bool) {
	file, ok := f.(*os.File)
	if !ok {
		return unix.Stat_t{}, false
	}
	return stat(func(st *unix.Stat_t) error { return unix.Fstat(int(file.Fd()), st) })
}

// stat says what a file is, if it is one that is remembered.
func stat(of func(*unix.Stat_t) error) (st unix.Stat_t, ok bool) {
	err := of(&st)
	return st, err == nil && uint32(st.Mode)&unix.S_IFMT == unix.S_IFREG && st.Size >= least //nolint:unconvert // it is narrower elsewhere
}

func keyOf(name string, st *unix.Stat_t) key {
	path, err := filepath.Abs(name)
	if err != nil {
		path = name
	}
	var out []byte
	for _, n := range []int64{int64(st.Dev), int64(st.Ino), st.Size, unix.TimespecToNsec(st.Mtim), unix.TimespecToNsec(st.Ctim)} { //nolint:gosec,unconvert // bytes
		out = binary.BigEndian.AppendUint64(out, uint64(n)) //nolint:gosec // bytes
	}
	sum := sha256.Sum256(append(out, path...))
	return key(sum[:keySize])
}

func (c *Cache) find(k key) (digest [sha256.Size]byte, ok bool) {
	c.load.Do(func() {
		known := c.read()
		c.mu.Lock()
		defer c.mu.Unlock()
		c.known = known
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.changed[k]
	if !ok {
		e, ok = c.known[k]
	}
	if now := c.now(); ok && now.Sub(time.Unix(e.used, 0)).Abs() > fresh {
		e.used = now.Unix()
		c.changed[k] = e
	}
	return e.digest, ok
}

func (c *Cache) add(k key, digest [sha256.Size]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changed[k] = entry{digest, c.now().Unix()}
}

func (c *Cache) file() string { return filepath.Join(c.dir, "digests") }

// read returns what was saved. What is damaged, or could be somebody else's, counts as nothing.
func (c *Cache) read() map[key]entry {
	f, err := os.Open(c.file())
	if err != nil {
		return nil
	}
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil || int(st.Uid) != os.Geteuid() || st.Mode&0o022 != 0 {
		return nil
	}
	const longest = len(magic) + most*entrySize + sha256.Size
	data, err := io.ReadAll(io.LimitReader(f, int64(longest)+1))
	if err != nil || len(data) < len(magic)+sha256.Size || len(data) > longest {
		return nil
	}
	body, sum := data[:len(data)-sha256.Size], data[len(data)-sha256.Size:]
	if want := sha256.Sum256(body); !bytes.Equal(sum, want[:]) || !bytes.HasPrefix(body, []byte(magic)) {
		return nil
	}
	out := make(map[key]entry, len(body)/entrySize)
	for body = body[len(magic):]; len(body) >= entrySize; body = body[entrySize:] {
		out[key(body)] = entry{[sha256.Size]byte(body[keySize:]), int64(binary.BigEndian.Uint64(body[keySize+sha256.Size:]))} //nolint:gosec // it was one
	}
	return out
}

// Save keeps what has come to be known, beside what other runs have saved meanwhile. If that cannot be, the next run reads more. It writes the
// whole file, so it is for the end of a run.
func (c *Cache) Save() error {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.changed) == 0 {
		return nil
	}
	all := c.read()
	if all == nil {
		all = map[key]entry{}
	}
	maps.Copy(all, c.changed)
	if err := c.write(all); err != nil {
		return err
	}
	c.known, c.changed = all, map[key]entry{}
	return nil
}

func (c *Cache) write(all map[key]entry) error {
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return err
	}
	keys := slices.SortedFunc(maps.Keys(all), func(a, b key) int {
		return cmp.Or(cmp.Compare(all[b].used, all[a].used), bytes.Compare(a[:], b[:]))
	})
	for _, k := range keys[min(len(keys), most):] {
		delete(all, k)
	}
	body := []byte(magic)
	for _, k := range keys[:min(len(keys), most)] {
		e := all[k]
		body = append(append(body, k[:]...), e.digest[:]...)
		body = binary.BigEndian.AppendUint64(body, uint64(e.used)) //nolint:gosec // bytes
	}
	sum := sha256.Sum256(body)
	c.removeAbandoned()
	f, err := os.CreateTemp(c.dir, draft+"*") // which only its owner can read
	if err != nil {
		return err
	}
	_, err = f.Write(append(body, sum[:]...))
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), c.file())
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// removeAbandoned removes the drafts of runs that were killed.
func (c *Cache) removeAbandoned() {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return // what is wrong is said where the file is written
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), draft) {
			continue
		}
		if info, err := e.Info(); err == nil && c.now().Sub(info.ModTime()) > abandoned {
			_ = os.Remove(filepath.Join(c.dir, e.Name()))
		}
	}
}
