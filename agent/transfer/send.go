package transfer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"runner/agent/disk"
	"runner/agent/plain"
)

// Source is what is to be sent.
type Source struct {
	Path string `cbor:"path"` // followed if it is a link
	Held []Held `cbor:"held,omitempty"`
}

// Send writes the stream of a file or a tree. What cannot be read in a tree is left out and said in the stream; it is
// an error if the source itself cannot be.
func Send(ctx context.Context, source Source, to io.Writer, progress Progress) error {
	path, err := filepath.Abs(source.Path)
	if err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	if err != nil {
		return errors.New(plain.File(source.Path, err))
	}
	s := &sender{ctx: ctx, out: newWriter(to), held: source.Held, progress: progress}
	parent, err := disk.Find(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer parent.Close()
	name := filepath.Base(path)
	if path == "/" {
		name = "."
	}
	st, err := parent.Lstat(name)
	if err != nil {
		return err
	}
	if st.Kind != disk.Directory && st.Kind != disk.Regular {
		return &disk.KindError{Path: path, Kind: st.Kind}
	}
	var all total
	s.count(parent, name, st, &all, 0)
	progress.total(all.Files, all.Bytes)
	if err := s.out.record(kindTotal, all); err != nil {
		return err
	}
	if err := s.send(parent, name, "", st); err != nil {
		return err
	}
	if err := s.out.record(kindEnd, nil); err != nil {
		return err
	}
	return s.out.Flush()
}

// Name is what a copy of a path is called in a directory; "." says that it is the directory itself.
func Name(path string) string {
	if base := filepath.Base(path); base != "/" && base != ".." && !endsInDot(path) {
		return base
	}
	return "."
}

func endsInDot(path string) bool { return path == "." || len(path) > 1 && path[len(path)-2:] == "/." }

type sender struct {
	ctx      context.Context //nolint:containedctx // of one Send
	out      writer
	held     []Held
	progress Progress
	blocks   blocks
	depth    int

	selection *Selection // nil: everything is sent
	inventory *inventory
	sent      int
}

// count adds up what send will send. What it cannot look at, send will tell.
func (s *sender) count(dir *disk.Dir, name string, st disk.Stat, all *total, depth int) {
	all.Files++
	if st.Kind == disk.Regular {
		all.Bytes += st.Size
	}
	if st.Kind != disk.Directory || depth >= deepest || s.ctx.Err() != nil {
		return
	}
	inside, err := dir.Open(name)
	if err != nil {
		return
	}
	defer inside.Close()
	names, _ := inside.Names()
	for _, name := range names {
		if st, err := inside.Lstat(name); err == nil {
			s.count(inside, name, st, all, depth+1)
		}
	}
}

// send sends an entry of a directory. Path is where it lies below the source, "" for the source itself.
func (s *sender) send(dir *disk.Dir, name, path string, st disk.Stat) error {
	e := entry{Perm: st.Perm, Modified: st.Modified, UID: st.UID, GID: st.GID}
	if path != "" {
		e.Name = name
	}
	switch st.Kind {
	case disk.Link:
		target, err := dir.Readlink(name)
		if err != nil {
			return s.left(path, err)
		}
		e.Target = target
	case disk.Regular, disk.Directory:
	default:
		return s.leftOut(path, st)
	}
	if leaves, err := s.leaves(dir, name, path, e.Target, st); leaves || err != nil {
		return err
	}
	switch st.Kind {
	case disk.Regular:
		return s.file(dir, name, path, e)
	case disk.Directory:
		return s.directory(dir, name, path, e)
	default:
		return s.out.record(kindLink, e)
	}
}

// leftOut says that something is nothing that can be sent.
func (s *sender) leftOut(path string, st disk.Stat) error {
	if s.selection != nil && s.selection.Excludes != nil && s.selection.Excludes(path, false) {
		return nil
	}
	return s.left(path, errors.New("it is "+st.Kind.String()))
}

// left says that something is left out; of the source itself, and of what is to be complete, it is the end.
func (s *sender) left(path string, err error) error {
	if path == "" || s.ctx.Err() != nil {
		return err
	}
	if s.selection != nil {
		return &fs.PathError{Op: "send", Path: path, Err: plain.Cause(err)}
	}
	return s.out.record(kindLeft, Left{Path: path, Reason: plain.Cause(err).Error()})
}

func (s *sender) directory(dir *disk.Dir, name, path string, e entry) error {
	if s.depth >= deepest {
		return s.left(path, errors.New("too many directories lie in each other"))
	}
	inside, err := dir.Open(name)
	if err != nil {
		return s.left(path, err)
	}
	defer inside.Close()
	names, err := inside.Names()
	if err != nil {
		return s.left(path, err)
	}
	slices.Sort(names)
	if err := s.out.record(kindEnter, e); err != nil {
		return err
	}
	s.depth++
	for _, name := range names {
		at := filepath.Join(path, name)
		st, err := inside.Lstat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist): // it was removed meanwhile
			continue
		case err != nil:
			err = s.left(at, err)
		default:
			err = s.send(inside, name, at, st)
		}
		if err != nil {
			return err
		}
	}
	s.depth--
	return s.out.record(kindLeave, nil)
}

// errUnsized is of what the kernel makes when it is read.
var errUnsized = errors.New("its size is not known before it is read, as in /proc: print it instead")

func (s *sender) file(dir *disk.Dir, name, path string, e entry) error {
	f, st, err := dir.Read(name)
	if err != nil {
		return s.left(path, err)
	}
	defer f.Close()
	if n, _ := f.ReadAt(make([]byte, 1), 0); st.Size == 0 && n > 0 {
		return s.left(path, errUnsized)
	}
	s.progress.begun(path)
	e.Size, e.Modified = st.Size, st.Modified
	if s.selection != nil && s.selection.Dry {
		if err := s.out.record(kindFile, e); err != nil {
			return err
		}
		return s.out.record(kindDone, nil)
	}
	sum, err := s.resume(f, path, &e)
	if err != nil {
		return s.left(path, err)
	}
	if err := s.out.record(kindFile, e); err != nil {
		return err
	}
	var broken error // of the stream
	err = s.blocks.each(s.ctx, f, e.Offset, e.Size, func(at int64, data []byte) error {
		sum.add(at, data)
		broken = s.out.block(at, s.blocks.framed(len(data)))
		return broken
	}, s.progress.moved)
	switch {
	case broken != nil || s.ctx.Err() != nil:
		return err
	case err != nil && (path == "" || s.selection != nil):
		return s.left(path, err)
	case err != nil:
		return s.out.record(kindDone, done{Problem: plain.Cause(err).Error()})
	}
	return s.out.record(kindDone, done{Digest: sum.Sum(nil)})
}

// resume finds out how much of a file the receiver has, and returns the digest up to there.
func (s *sender) resume(f *os.File, path string, e *entry) (digest, error) {
	key := keyOf(path, e.Size, e.Modified)
	at := slices.IndexFunc(s.held, func(h Held) bool { return h.Key == key && h.Size%Block == 0 && h.Size > 0 && h.Size <= e.Size })
	if at < 0 {
		return newDigest(), nil
	}
	sum := newDigest()
	held := s.held[at]
	err := s.blocks.each(s.ctx, f, 0, held.Size, func(at int64, data []byte) error { sum.add(at, data); return nil }, func(int64) {})
	if err != nil || !bytes.Equal(sum.Sum(nil), held.Digest) {
		return newDigest(), err
	}
	e.Offset = held.Size
	s.progress.moved(held.Size)
	return sum, nil
}
