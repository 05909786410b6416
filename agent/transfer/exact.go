package transfer

import (
	"context"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"runner/agent/disk"
	"runner/agent/wire"
)

// Exact makes a receiver say what it does, and what is there like what is sent.
type Exact struct {
	Dry      bool // only say it
	Delete   bool // remove what is in the destination and not in the source, for which the sender says the names of what is the same
	Excludes func(at string, isDir bool) bool
	Done     []Done
	Bytes    int64 // of files that were written

	entries, names int // that were sent, and how many bytes they say about where these are
}

const (
	// mostEntries is how many entries are taken, and mostNames how many bytes their paths have together: so much is held of
	// them until the end.
	mostEntries = 1_000_000
	mostNames   = 128 << 20
)

// count counts an entry, whether it is the same or not.
func (e *Exact) count(at string) error {
	e.entries++
	e.names += len(at)
	if e.entries > mostEntries || e.names > mostNames {
		return &wire.Problem{
			Code: wire.CodeAction, Message: "there is too much: what is sent has more than " + strconv.Itoa(mostEntries) + " entries, or paths of more than " + strconv.Itoa(mostNames>>20) + " MiB",
			Hint: "Exclude what is not needed, or take its directories one by one.",
		}
	}
	return nil
}

// Done is something that was done, or would be.
type Done struct {
	Sign byte   // +, ~ or -: it was created, updated or removed
	Path string // below the source
	Dir  bool
}

// NewExactReceiver is NewReceiver for a destination that is to be just as the source. Directories on the way to it that are not there are
// made when something is written.
func NewExactReceiver(ctx context.Context, at string, exact *Exact, progress Progress) (*Receiver, error) {
	return newReceiver(ctx, Destination{Path: at, Name: "."}, exact, progress)
}

func (r *Receiver) isDry() bool { return r.exact != nil && r.exact.Dry }

func (r *Receiver) note(sign byte, at string, isDir bool, size int64) {
	if r.exact != nil {
		r.exact.Done = append(r.exact.Done, Done{sign, at, isDir})
		r.exact.Bytes += size
	}
}

func (r *Receiver) noteOver(at string, isNew bool, size int64) {
	sign := byte('~')
	if isNew {
		sign = '+'
	}
	r.note(sign, at, false, size)
}

// begin makes the directories on the way to the destination, now that something is to be written.
func (r *Receiver) begin() (err error) {
	if r.parent != nil || r.isDry() {
		return nil
	}
	above := path.Dir(path.Clean(r.destination.Path))
	if err = os.MkdirAll(above, 0o755); err == nil { //nolint:gosec // as people make directories
		r.parent, err = disk.Find(above)
	}
	return err
}

// lstat is that of a directory; nil is one that would be made.
func lstat(dir *disk.Dir, name string) (disk.Stat, error) {
	if dir == nil {
		return disk.Stat{}, fs.ErrNotExist
	}
	return dir.Lstat(name)
}

// clear removes from a directory what was not seen.
func (r *Receiver) clear(l level) error {
	if l.seen == nil || l.dir == nil {
		return nil
	}
	names, err := l.dir.Names()
	if err != nil {
		return err
	}
	slices.Sort(names)
	for _, name := range names {
		if !l.seen[name] && !strings.Contains(name, mark) {
			if _, err := r.remove(l.dir, name, path.Join(l.path, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// remove removes an entry with everything in it, but for what is excluded: it says whether something of it stays.
func (r *Receiver) remove(dir *disk.Dir, name, at string) (stays bool, err error) {
	st, err := dir.Lstat(name)
	if err != nil {
		return false, err
	}
	isDir := st.Kind == disk.Directory
	if r.exact.Excludes != nil && r.exact.Excludes(at, isDir) {
		return true, nil
	}
	if !isDir {
		if r.note('-', at, false, 0); r.exact.Dry {
			return false, nil
		}
		return false, dir.Remove(name)
	}
	inside, err := dir.Open(name)
	if err != nil {
		return false, err
	}
	defer inside.Close()
	names, err := inside.Names()
	if err != nil {
		return false, err
	}
	slices.Sort(names)
	for _, name := range names {
		kept, err := r.remove(inside, name, path.Join(at, name))
		if err != nil {
			return false, err
		}
		stays = stays || kept
	}
	if stays {
		return true, nil
	}
	if r.note('-', at, true, 0); r.exact.Dry {
		return false, nil
	}
	return false, dir.RemoveDir(name)
}
