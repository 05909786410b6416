package transfer

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"

	"runner/agent/disk"
)

// An inventory says what there is in a tree, in a way that tells nothing to those who do not have the same: of each entry a digest with a
// salt. Who has a tree of his own finds out with it what differs; names and contents of anything else it does not give away.
//
// A file has two: one of its size and the time of its last change, which is found without reading it, and one of its content.
type inventory struct {
	salt []byte
	out  []byte
	all  map[[inventorySum]byte]struct{}
}

const inventorySum = 16

// sum is that of an entry, as one of a kind.
func (v *inventory) sum(kind byte, at string, perm uint32, size int64, rest []byte) [inventorySum]byte {
	h := sha256.New()
	h.Write(v.salt)
	h.Write([]byte{kind})
	h.Write(binary.BigEndian.AppendUint32(nil, perm&0o1777))
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(size)))      //nolint:gosec // not negative
	h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(rest)))) //nolint:gosec // small
	h.Write(rest)
	io.WriteString(h, at) //nolint:errcheck // never fails
	return [inventorySum]byte(h.Sum(nil))
}

func (v *inventory) directory(at string) [inventorySum]byte { return v.sum('d', at, 0, 0, nil) }

func (v *inventory) link(at, target string) [inventorySum]byte {
	return v.sum('l', at, 0, 0, []byte(target))
}

func (v *inventory) time(at string, st disk.Stat) [inventorySum]byte {
	return v.sum('t', at, st.Perm, st.Size, binary.BigEndian.AppendUint64(nil, uint64(st.Modified))) //nolint:gosec // bytes
}

func (v *inventory) content(at string, st disk.Stat, digest []byte) [inventorySum]byte {
	return v.sum('c', at, st.Perm, st.Size, digest)
}

// Take makes the inventory of what is at a path; of nothing it is empty. Without times, all files are to be compared by their contents.
func Take(ctx context.Context, at string, salt []byte, times bool) ([]byte, error) {
	v := &inventory{salt: salt}
	dir, err := disk.Find(path.Dir(at))
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return nil, err
	}
	defer dir.Close()
	name := path.Base(at)
	if info, err := os.Stat(at); err == nil && info.IsDir() { // a link to it is followed
		dir.Close()
		if dir, err = disk.Find(at); err != nil {
			return nil, err
		}
		name = "."
	}
	err = v.take(ctx, dir, name, "", times)
	return v.out, err
}

func (v *inventory) take(ctx context.Context, dir *disk.Dir, name, at string, times bool) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	st, err := dir.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	add := func(sum [inventorySum]byte) { v.out = append(v.out, sum[:]...) }
	switch st.Kind { //nolint:exhaustive // what is anything else is not fetched
	case disk.Link:
		target, err := dir.Readlink(name)
		if err != nil {
			return err
		}
		add(v.link(at, target))
	case disk.Regular:
		digest, err := digestOf(ctx, dir, name)
		if err != nil {
			return err
		}
		if add(v.content(at, st, digest)); times {
			add(v.time(at, st))
		}
	case disk.Directory:
		add(v.directory(at))
		inside, err := dir.Open(name)
		if err != nil {
			return err
		}
		defer inside.Close()
		names, err := inside.Names()
		if err != nil {
			return err
		}
		slices.Sort(names)
		for _, name := range names {
			if err := v.take(ctx, inside, name, path.Join(at, name), times); err != nil {
				return err
			}
		}
	}
	return nil
}

func digestOf(ctx context.Context, dir *disk.Dir, name string) ([]byte, error) {
	f, _, err := dir.Read(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	sum, buf := sha256.New(), make([]byte, Block)
	for {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		n, err := f.Read(buf)
		sum.Write(buf[:n])
		if errors.Is(err, io.EOF) {
			return sum.Sum(nil), nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// has says whether an inventory has an entry that is the same.
func (v *inventory) has(ctx context.Context, dir *disk.Dir, name, at, target string, st disk.Stat) (bool, error) {
	in := func(sum [inventorySum]byte) bool {
		_, ok := v.all[sum]
		return ok
	}
	switch st.Kind { //nolint:exhaustive // nothing else is sent
	case disk.Directory:
		return in(v.directory(at)), nil
	case disk.Link:
		return in(v.link(at, target)), nil
	}
	if in(v.time(at, st)) {
		return true, nil
	}
	digest, err := digestOf(ctx, dir, name)
	return err == nil && in(v.content(at, st, digest)), err
}

// Selection says what of a tree is sent, to somebody who has made an inventory of his own.
type Selection struct {
	Salt, Have []byte
	Excludes   func(at string, isDir bool) bool
	Names      bool // say the names of what is the same, too: the other side wants to know what it has beside
	Dry        bool // send no contents
}

// SendSelected sends what of an entry of a directory, and of what is in it, is not in an inventory, and says how many entries that was.
// What cannot be sent is an error.
func SendSelected(ctx context.Context, dir *disk.Dir, name string, held []Held, selection Selection, to io.Writer) (int, error) {
	v := &inventory{salt: selection.Salt, all: make(map[[inventorySum]byte]struct{}, len(selection.Have)/inventorySum)}
	for have := selection.Have; len(have) >= inventorySum; have = have[inventorySum:] {
		v.all[[inventorySum]byte(have)] = struct{}{}
	}
	s := &sender{ctx: ctx, out: newWriter(to), held: held, selection: &selection, inventory: v}
	st, err := dir.Lstat(name)
	if err == nil {
		err = s.send(dir, name, "", st)
	}
	if err == nil {
		err = s.out.record(kindEnd, nil)
	}
	if err == nil {
		err = s.out.Flush()
	}
	return s.sent, err
}

// leaves says whether an entry is not sent, because it does not count or the other side has it.
func (s *sender) leaves(dir *disk.Dir, name, path, target string, st disk.Stat) (bool, error) {
	if s.selection == nil {
		return false, nil
	}
	if path != "" && s.selection.Excludes != nil && s.selection.Excludes(path, st.Kind == disk.Directory) {
		return true, nil
	}
	same, err := s.inventory.has(s.ctx, dir, name, path, target, st)
	if err != nil {
		return false, s.left(path, err)
	}
	if !same {
		s.sent++
		return false, nil
	}
	if st.Kind == disk.Directory {
		return false, nil // something in it may differ
	}
	if path != "" && !s.selection.Names {
		return true, nil
	}
	e := entry{}
	if path != "" {
		e.Name = name
	}
	return true, s.out.record(kindSame, e)
}
