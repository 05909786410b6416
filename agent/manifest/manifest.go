// Package manifest describes what is in a directory, or a single file: its names, kinds, permissions, sizes and digests, so that one
// side can tell the other what a tree is to be like in one message. Its neighbours are planner, which reads the tree on the
// controller, agent/action/trees, which compares it with what is on the target, and agent/transfer, which carries the contents.
//
// The encoding goes through the tree in depth: a directory is entered by a name and left again, and every name is a single one,
// in the order of its bytes. So there is no path in it that could lead elsewhere, and whoever lists his own directory in the same
// order can compare the two as they come.
package manifest

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"

	"runner/agent/disk"
	"runner/agent/wire"
)

// Deepest is how many directories may lie in each other.
const Deepest = 400

// Entry is a directory, a file or a link.
type Entry struct {
	Name     string // a single one; "" for the tree itself
	Kind     disk.Kind
	Perm     uint32            // 0777
	Modified int64             // nanoseconds since 1970
	Size     int64             // of a file
	Digest   [sha256.Size]byte // of a file
	Target   string            // of a link
}

// leave is what stands where the kind of an entry does at the end of a directory.
const leave = byte(disk.Unknown)

// Writer encodes a tree.
type Writer struct{ out []byte }

// Add adds an entry. What follows a directory is in it, up to Leave.
func (w *Writer) Add(e Entry) {
	w.out = append(w.out, byte(e.Kind))
	w.text(e.Name)
	w.out = binary.AppendUvarint(w.out, uint64(e.Perm))
	w.out = binary.AppendVarint(w.out, e.Modified)
	switch e.Kind { //nolint:exhaustive // there is no more to say of others
	case disk.Regular:
		w.out = binary.AppendVarint(w.out, e.Size)
		if e.Size > 0 {
			w.out = append(w.out, e.Digest[:]...)
		}
	case disk.Link:
		w.text(e.Target)
	}
}

// Leave ends a directory.
func (w *Writer) Leave() { w.out = append(w.out, leave) }

// Bytes returns the encoded tree.
func (w *Writer) Bytes() []byte { return w.out }

func (w *Writer) text(s string) {
	w.out = binary.AppendUvarint(w.out, uint64(len(s)))
	w.out = append(w.out, s...)
}

// Reader decodes a tree.
type Reader struct {
	in    []byte
	last  []string // names, in each directory that was entered
	begun bool
	err   error
}

// NewReader returns a reader of an encoded tree.
func NewReader(encoded []byte) *Reader { return &Reader{in: encoded} }

// Next returns the next entry; one of the kind disk.Unknown ends a directory. After an error, and at the end of the tree, it
// returns such entries without end: see Err.
func (r *Reader) Next() Entry {
	var e Entry
	if r.begun && len(r.last) == 0 || r.err != nil {
		return e
	}
	switch kind := r.byte(); {
	case kind == leave && len(r.last) > 0:
		r.last = r.last[:len(r.last)-1]
		return e
	case disk.Kind(kind) != disk.Regular && disk.Kind(kind) != disk.Directory && disk.Kind(kind) != disk.Link:
		r.fail("an entry of kind %d", kind)
		return e
	default:
		e.Kind = disk.Kind(kind)
	}
	e.Name = r.text()
	e.Perm = uint32(r.uvarint()) & 0o777 //nolint:gosec // the rest does not count
	e.Modified = r.varint()
	switch e.Kind { //nolint:exhaustive // there is no more to say of others
	case disk.Regular:
		if e.Size = r.varint(); e.Size < 0 {
			r.fail("a size of %d bytes", e.Size)
		}
		e.Digest = empty
		if e.Size > 0 {
			copy(e.Digest[:], r.bytes(sha256.Size))
		}
	case disk.Link:
		e.Target = r.text()
	}
	r.place(e)
	if r.err != nil {
		return Entry{}
	}
	return e
}

var empty = sha256.Sum256(nil) //nolint:gochecknoglobals // a constant, but for the language

// place checks where an entry stands.
func (r *Reader) place(e Entry) {
	if n := len(r.last); n > 0 {
		if !IsName(e.Name) || e.Name <= r.last[n-1] {
			r.fail("the name %q behind %q", e.Name, r.last[n-1])
		}
		r.last[n-1] = e.Name
	} else if e.Name != "" {
		r.fail("the name %q at the beginning", e.Name)
	}
	r.begun = true
	if e.Kind == disk.Directory {
		if r.last = append(r.last, ""); len(r.last) > Deepest {
			r.fail("too many directories in each other")
		}
	}
}

// Err returns what is wrong with the encoding, once everything was read.
func (r *Reader) Err() error {
	if r.err == nil && (!r.begun || len(r.last) > 0 || len(r.in) > 0) {
		r.fail("it does not end where it should")
	}
	return r.err
}

func (r *Reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = &wire.Problem{Code: wire.CodeProtocol, Message: "the description of a tree is none: " + fmt.Sprintf(format, args...)}
	}
	r.in = nil
}

func (r *Reader) bytes(n int) []byte {
	if n < 0 || n > len(r.in) {
		r.fail("it is cut")
		return nil
	}
	out := r.in[:n]
	r.in = r.in[n:]
	return out
}

func (r *Reader) byte() byte {
	if b := r.bytes(1); b != nil {
		return b[0]
	}
	return leave
}

func (r *Reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.in)
	if n == 0 {
		n = -1
	}
	r.bytes(n)
	return v
}

func (r *Reader) varint() int64 {
	v := r.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

func (r *Reader) text() string {
	n := r.uvarint()
	if n > uint64(len(r.in)) {
		r.fail("it is cut")
		return ""
	}
	return string(r.bytes(int(n))) //nolint:gosec // bounded above
}

// IsName says whether a name is a single one.
func IsName(name string) bool {
	return name != "" && name != "." && name != ".." && len(name) <= 255 && !strings.ContainsAny(name, "/\x00")
}
