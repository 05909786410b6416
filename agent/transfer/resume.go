package transfer

import (
	"context"
	"io/fs"
	"path"
	"strings"
	"unicode/utf8"

	"runner/agent/disk"
)

const (
	// resumable is the size from which on it is worth while to go on with a file that was cut.
	resumable = 1 << 20
	// mark stands in the hidden name of such a file, between that of the whole one and its key.
	mark = ".runner-part-"
	// mostHeld is how many of them are looked at: one copy leaves one.
	mostHeld = 16
	// mostSeen is how many entries of a destination are searched for them: a copy to the root directory begins soon, too.
	mostSeen = 100000
)

// remains is what an earlier copy has left of a file.
type remains struct {
	id      disk.ID
	changed int64
	size    int64 // whole blocks
	sum     digest
	path    string // where it lies, for those who remove it
	used    bool
}

func isResumable(e entry) bool { return e.Size >= resumable }

// hiddenName is what a file is called until it is whole.
func hiddenName(name, key string) string {
	short := name[:min(len(name), 150)]
	for !utf8.ValidString(short) && len(short) > 147 && utf8.ValidString(name) {
		short = short[:len(short)-1]
	}
	return "." + short + mark + key
}

// find looks for what earlier copies to the same place have left, among so many entries of one file system. What it cannot look
// at, it leaves alone.
func (r *Receiver) find(ctx context.Context, most int) {
	if r.name != "." {
		names, _ := r.parent.Names()
		prefix, _, _ := strings.Cut(hiddenName(r.name, ""), mark)
		for _, name := range names {
			if strings.HasPrefix(name, prefix+mark) {
				r.hold(ctx, r.parent, name)
			}
		}
	}
	top, err := r.parent.Lstat(r.name)
	if err != nil || top.Kind != disk.Directory {
		return
	}
	for next := []string{r.parent.Join(r.name)}; len(next) > 0 && most > 0 && ctx.Err() == nil; next = next[1:] {
		dir, err := disk.Find(next[0])
		if err != nil {
			continue
		}
		names, _ := dir.Names()
		if dir.Path != next[0] { // it has become a link
			names = nil
		}
		names = names[:min(len(names), most)]
		most -= len(names)
		for _, name := range names {
			if strings.Contains(name, mark) {
				r.hold(ctx, dir, name)
			} else if st, err := dir.Lstat(name); err == nil && st.Kind == disk.Directory && st.ID.Device == top.ID.Device {
				next = append(next, dir.Join(name))
			}
		}
		dir.Close()
	}
}

// hold computes the digest of what there is of a file, if it is something to go on with.
func (r *Receiver) hold(ctx context.Context, dir *disk.Dir, hidden string) {
	_, key, _ := strings.Cut(hidden, mark)
	if len(r.held) >= mostHeld {
		return
	}
	f, st, err := dir.Read(hidden)
	if err != nil {
		return
	}
	defer f.Close()
	held := &remains{id: st.ID, changed: st.Changed, size: st.Size / Block * Block, sum: newDigest(), path: dir.Join(hidden)}
	if st.UID != disk.Me() || held.size == 0 {
		return
	}
	add := func(at int64, data []byte) error { held.sum.add(at, data); return nil }
	if new(blocks).each(ctx, f, 0, held.size, add, func(int64) {}) == nil {
		r.held[key] = held
	}
}

// Held says what there is of files from earlier copies.
func (r *Receiver) Held() []Held {
	var out []Held
	for key, h := range r.held {
		out = append(out, Held{Key: key, Size: h.size, Digest: h.sum.Sum(nil)})
	}
	return out
}

// draft begins a file, or goes on with it where the sender does.
func (r *Receiver) draft(dir *disk.Dir, name, at string, e entry) (*disk.Draft, digest, error) {
	if !isResumable(e) {
		if e.Offset != 0 {
			return nil, digest{}, violation("a small file that goes on at %d", e.Offset)
		}
		w, err := dir.Draft(name)
		return w, newDigest(), err
	}
	key := keyOf(at, e.Size, e.Modified)
	w, st, err := dir.Resume(hiddenName(name, key), name)
	if err != nil {
		return nil, digest{}, err
	}
	held := r.held[key]
	if e.Offset != 0 {
		if held == nil || held.used || held.size != e.Offset || held.id != st.ID || held.changed != st.Changed {
			w.Close()
			return nil, digest{}, &fs.PathError{Op: "go on with", Path: dir.Join(name), Err: errChanged}
		}
		held.used = true
		return w, held.sum, w.Truncate(held.size)
	}
	if held != nil {
		held.used = true
	}
	return w, newDigest(), w.Truncate(0)
}

// forget removes from a directory what is left of copies of files that are others by now, or not there any more, unless
// another copy is at work on it.
func (r *Receiver) forget(dir *disk.Dir) {
	for _, h := range r.held {
		if !h.used && path.Dir(h.path) == dir.Path {
			dir.RemoveStale(path.Base(h.path))
		}
	}
}
