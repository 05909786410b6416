package transfer

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"runner/agent/disk"
	"runner/agent/wire"
)

// Destination is where a copy goes.
type Destination struct {
	Path string `cbor:"path"`
	// Name is what it is called if Path is a directory that exists; ".": what is in the source goes right into it.
	Name  string `cbor:"name"`
	Owner bool   `cbor:"owner,omitempty"` // keep owners and groups, by number, and the setuid and setgid bits
}

// Report is what was copied.
type Report struct {
	Files int    `cbor:"files"`
	Bytes int64  `cbor:"bytes"`
	Left  []Left `cbor:"left,omitempty"` // the first of what could not be sent
	More  int    `cbor:"more,omitempty"` // how many there are beside these
}

// mostLeft is how many of the things that could not be sent are named.
const mostLeft = 100

// Receiver writes a copy. It must be closed.
type Receiver struct {
	destination Destination
	progress    Progress
	parent      *disk.Dir // where the copy goes
	name        string    // what it is called there; "." for the directory itself
	missing     bool      // a directory was named that is not there: the copy may become it, if it is of one
	held        map[string]*remains
	report      Report
	exact       *Exact // nil: what is there beside does not matter, nor what is done

	ctx   context.Context //nolint:containedctx // of one Receive
	in    *reader
	stack []level
}

// level is a directory that has been entered.
type level struct {
	dir   *disk.Dir
	entry entry
	path  string          // below the source
	made  bool            // it was not there, and gets its attributes when it is left
	seen  map[string]bool // of a receiver that removes: what is in the source, too
}

// NewReceiver finds the destination, and what there is of an earlier copy.
func NewReceiver(ctx context.Context, d Destination, progress Progress) (*Receiver, error) {
	return newReceiver(ctx, d, nil, progress)
}

func newReceiver(ctx context.Context, d Destination, exact *Exact, progress Progress) (*Receiver, error) {
	r := &Receiver{destination: d, progress: progress, held: map[string]*remains{}, exact: exact}
	at := d.Path
	info, err := os.Stat(at)
	switch {
	case err == nil && info.IsDir():
		r.name = d.Name
	case err == nil || errors.Is(err, fs.ErrNotExist):
		r.missing = err != nil && strings.HasSuffix(at, "/")
		at = filepath.Clean(at)
		at, r.name = filepath.Dir(at), filepath.Base(at)
	default:
		return nil, err
	}
	if r.name != "." && !isName(r.name) {
		return nil, fmt.Errorf("a copy cannot be called %q", r.name)
	}
	if r.parent, err = disk.Find(at); err != nil {
		if r.exact != nil && errors.Is(err, fs.ErrNotExist) {
			return r, nil // see begin
		}
		return nil, err
	}
	r.find(ctx, mostSeen)
	return r, nil
}

// Close ends the use of the destination.
func (r *Receiver) Close() {
	for _, l := range r.stack {
		l.dir.Close()
	}
	r.stack = nil
	r.parent.Close()
}

// isName says whether a name is a single one.
func isName(name string) bool {
	return name != "" && name != "." && name != ".." && len(name) <= 255 && !strings.ContainsAny(name, "/\x00")
}

// Receive takes the stream of a Send. Everything that is whole by then stays when it fails; of a large file that was
// cut, so does what came of it (see Held). The error is a *CutError if the stream has ended before its time.
func (r *Receiver) Receive(ctx context.Context, from io.Reader) (Report, error) {
	r.ctx, r.in = ctx, newReader(from)
	for first := true; ; {
		k, payload, err := r.in.next()
		if err != nil {
			return r.report, err
		}
		if k == kindEnd {
			if len(r.stack) > 0 || first {
				return r.report, violation("an end within it")
			}
			if r.parent != nil && !r.isDry() {
				r.forget(r.parent)
			}
			return r.report, nil
		}
		if len(r.stack) == 0 && !first && k != kindLeft {
			return r.report, violation("a second source")
		}
		if k != kindTotal {
			first = false
		}
		if err := r.take(k, payload); err != nil {
			return r.report, err
		}
	}
}

func (r *Receiver) take(k kind, payload []byte) error {
	if r.exact != nil && (k == kindTotal || k == kindLeft) { // nothing is left out
		return violation("a record of kind %d", k)
	}
	switch k {
	case kindTotal:
		var all total
		if err := wire.Unmarshal(payload, &all); err != nil {
			return err
		}
		r.progress.total(all.Files, all.Bytes)
		return nil
	case kindLeft:
		var left Left
		if err := wire.Unmarshal(payload, &left); err != nil {
			return err
		}
		if len(r.report.Left) < mostLeft {
			r.report.Left = append(r.report.Left, left)
		} else {
			r.report.More++
		}
		return nil
	case kindLeave:
		return r.leave()
	case kindEnter, kindFile, kindLink, kindSame:
		var e entry
		if err := wire.Unmarshal(payload, &e); err != nil {
			return err
		}
		if k != kindSame && len(r.stack) == 0 {
			if err := r.begin(); err != nil {
				return err
			}
		}
		dir, name, err := r.place(e.Name)
		if err == nil && r.exact != nil {
			err = r.exact.count(r.path(e.Name))
		}
		if err != nil {
			return err
		}
		return r.put(k, dir, name, e)
	default:
		return violation("a record of kind %d", k)
	}
}

// place is where an entry goes. The first one goes where the person has said, whatever it is called.
func (r *Receiver) place(name string) (*disk.Dir, string, error) {
	if len(r.stack) == 0 {
		return r.parent, r.name, nil
	}
	if !isName(name) {
		return nil, "", violation("the name %q", name)
	}
	l := r.stack[len(r.stack)-1]
	if l.seen != nil {
		l.seen[name] = true
	}
	return l.dir, name, nil
}

func (r *Receiver) put(k kind, dir *disk.Dir, name string, e entry) error {
	switch {
	case k == kindSame:
		return nil
	case k == kindEnter:
		return r.enter(dir, name, e)
	case name == ".":
		return fmt.Errorf("%s is a directory, and the source is none", dir.Path)
	case r.missing && len(r.stack) == 0:
		return fmt.Errorf("there is no directory %s", r.destination.Path)
	case k == kindLink:
		return r.link(dir, name, e)
	}
	return r.file(dir, name, e)
}

func (r *Receiver) enter(dir *disk.Dir, name string, e entry) error {
	if len(r.stack) >= deepest {
		return violation("too many directories in each other")
	}
	l := level{entry: e, path: r.path(e.Name)}
	if r.exact != nil && r.exact.Delete {
		l.seen = map[string]bool{}
	}
	there, err := lstat(dir, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		l.made = true
		if r.note('+', l.path, true, 0); r.isDry() {
			r.stack = append(r.stack, l)
			return nil
		}
		err = mkdir(dir, name, e)
	case err == nil && there.Kind != disk.Directory:
		err = &disk.KindError{Path: dir.Join(name), Kind: there.Kind}
	}
	if err != nil {
		return err
	}
	if l.dir, err = dir.Open(name); err != nil {
		return err
	}
	r.stack = append(r.stack, l)
	r.report.Files++
	return nil
}

// mkdir makes a directory that can be written to. A copy that is cut leaves it so.
func mkdir(dir *disk.Dir, name string, e entry) error {
	parent, err := dir.Stat()
	if err != nil {
		return err
	}
	return dir.Mkdir(name, nil, nil, e.Perm&0o1777|0o700|parent.Perm&disk.Setgid*disk.InheritsSetgid)
}

// path is where an entry lies below the source.
func (r *Receiver) path(name string) string {
	if len(r.stack) == 0 {
		return ""
	}
	return path.Join(r.stack[len(r.stack)-1].path, name)
}

func (r *Receiver) leave() error {
	if len(r.stack) == 0 {
		return violation("a directory is left that was not entered")
	}
	l := r.stack[len(r.stack)-1]
	r.stack = r.stack[:len(r.stack)-1]
	defer l.dir.Close()
	if err := r.clear(l); err != nil {
		return err
	}
	if r.isDry() {
		return nil
	}
	r.forget(l.dir)
	if !l.made {
		return nil
	}
	dir, name, err := r.place(l.entry.Name)
	if err != nil {
		return err
	}
	st, err := l.dir.Stat()
	if err != nil {
		return err
	}
	uid, gid := r.owner(l.entry, st)
	perm := r.perm(l.entry)
	if !r.destination.Owner {
		perm |= st.Perm & disk.Setgid // its directory's
	}
	if err := dir.Change(name, st.ID, uid, gid, perm); err != nil {
		return err
	}
	return dir.SetTime(name, time.Unix(0, l.entry.Modified))
}

// owner is whose an entry is to be: as it is, or as the source's.
func (r *Receiver) owner(e entry, st disk.Stat) (uid, gid uint32) {
	if r.destination.Owner {
		return e.UID, e.GID
	}
	return st.UID, st.GID
}

// perm are an entry's permissions. What makes a program run as its owner is nothing without that owner.
func (r *Receiver) perm(e entry) uint32 {
	if r.destination.Owner {
		return e.Perm & 0o7777
	}
	return e.Perm & 0o1777
}

// link makes a link, in the place of a file or a link. It says what it says: nothing is written through it.
func (r *Receiver) link(dir *disk.Dir, name string, e entry) error {
	there, err := lstat(dir, name)
	isNew := errors.Is(err, fs.ErrNotExist)
	if isNew || err == nil && (there.Kind == disk.Link || there.Kind == disk.Regular) {
		if r.noteOver(r.path(e.Name), isNew, 0); r.isDry() {
			return nil
		}
	}
	switch {
	case isNew:
		err = dir.Symlink(name, e.Target)
	case err == nil && (there.Kind == disk.Link || there.Kind == disk.Regular):
		err = dir.Relink(name, e.Target)
	case err == nil:
		err = &disk.KindError{Path: dir.Join(name), Kind: there.Kind}
	}
	if err != nil {
		return err
	}
	r.report.Files++
	if r.destination.Owner {
		if err := dir.Lchown(name, e.UID, e.GID); err != nil {
			return err
		}
	}
	return dir.SetTime(name, time.Unix(0, e.Modified))
}

// file writes a file beside its place and puts it there when all of it has come.
func (r *Receiver) file(dir *disk.Dir, name string, e entry) error {
	at := r.path(e.Name)
	r.progress.begun(at)
	old, err := lstat(dir, name)
	isNew := errors.Is(err, fs.ErrNotExist)
	switch {
	case isNew:
	case err != nil:
		return err
	case old.Kind != disk.Regular && old.Kind != disk.Link:
		return &disk.KindError{Path: dir.Join(name), Kind: old.Kind}
	}
	if r.noteOver(at, isNew, e.Size); r.isDry() {
		k, _, err := r.in.next()
		if err == nil && k != kindDone {
			err = violation("a record of kind %d in place of the end of a file", k)
		}
		return err
	}
	w, sum, err := r.draft(dir, name, at, e)
	if err != nil {
		return err
	}
	defer w.Close()
	end, err := r.content(w, sum, e)
	if _, cut := errors.AsType[*CutError](err); cut && isResumable(e) {
		w.Keep()
	}
	switch {
	case err != nil:
		return err
	case end.Problem != "":
		return r.take(kindLeft, encoded(Left{Path: at, Reason: end.Problem}))
	case !bytes.Equal(end.Digest, sum.Sum(nil)):
		return fmt.Errorf("%s is not what was sent: its digest is another one", dir.Join(name))
	}
	st, err := w.Describe()
	if err == nil && st.Size != e.Size {
		err = w.Truncate(e.Size)
	}
	if err != nil {
		return err
	}
	uid, gid := r.owner(e, st)
	if !r.destination.Owner && old.Kind == disk.Regular && disk.Me() == 0 { // it stays whose it was
		uid, gid = old.UID, old.GID
	}
	if err := w.Finish(nil, uid, gid, r.perm(e)); err != nil {
		return err
	}
	if old.Kind == disk.Unknown {
		err = w.Create()
	} else {
		err = w.Replace()
	}
	if err != nil {
		return err
	}
	r.report.Files++
	r.report.Bytes += e.Size
	return dir.SetTime(name, time.Unix(0, e.Modified))
}

func encoded(l Left) []byte {
	data, _ := wire.Marshal(l) // two texts always are
	return data
}

// content takes a file's blocks up to its end.
func (r *Receiver) content(w *disk.Draft, sum digest, e entry) (done, error) {
	reached := e.Offset // blocks come in order
	r.progress.moved(reached)
	for {
		k, payload, err := r.in.next()
		if err == nil && r.ctx.Err() != nil {
			err = &CutError{context.Cause(r.ctx)}
		}
		switch {
		case err != nil:
			return done{}, err
		case k == kindDone:
			var end done
			r.progress.moved(e.Size - reached)
			err = wire.Unmarshal(payload, &end)
			return end, err
		case k != kindBlock || len(payload) <= 8:
			return done{}, violation("a record of kind %d within a file", k)
		}
		at, data := int64(binary.BigEndian.Uint64(payload)), payload[8:] //nolint:gosec // looked at below
		if at < reached || at > e.Size-int64(len(data)) || at%Block != 0 {
			return done{}, violation("content at %d of a file of %d bytes", at, e.Size)
		}
		sum.add(at, data)
		if _, err := w.WriteAt(data, at); err != nil {
			return done{}, err
		}
		r.progress.moved(at + int64(len(data)) - reached)
		reached = at + int64(len(data))
	}
}
