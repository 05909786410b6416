// Package transfer copies a file or a tree from one machine to another as one stream of records: a Send on one side, a
// Receive on the other, an agent or the controller each. Its neighbours are agent, which makes calls of both, agent/disk,
// through which files are reached, and cmd/runner/cli, which puts the two ends together. It knows nothing of hosts.
//
// The stream goes through the tree in depth: a directory is entered by a name and left again, and every name is a single
// one, looked up in the directory that the receiver holds open. So there is no path in the stream that could lead out
// of the destination, and a link is never followed there. Of a file only blocks that hold something are sent: holes
// stay holes. Both sides compute a digest of those blocks, and the file is put at its place only if it is the same.
//
// A file of some size that was cut is kept beside its place under a hidden name, and said again by the next receiver before the stream
// begins (Held). The sender goes on behind it if its own file begins with just that.
package transfer

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"strconv"

	"runner/agent/wire"
)

// Block is how many bytes of a file go into a record at most, and what holes are looked for by: so many that the record fits
// into one frame of a link.
const Block = 60 << 10

const (
	headSize  = 5            // of a record: its kind, and the length of what follows
	blockHead = headSize + 8 // of a block: also its offset
	// buffered is what small records are collected in. What is larger is written and read as it is, without a copy.
	buffered = 8 << 10
)

// deepest is how many directories may lie in each other. Each is held open.
const deepest = 400

// kind says what a record is.
type kind byte

const (
	kindTotal kind = iota + 1 // of everything that follows
	kindEnter                 // a directory; what is in it follows
	kindLeave                 // back to the directory around it
	kindFile                  // a file; its blocks follow, and its end
	kindBlock                 // eight bytes of offset, then content
	kindDone                  // the end of a file
	kindLink                  // a symbolic link
	kindLeft                  // something that could not be sent
	kindEnd                   // of the stream
	kindHeld                  // before it, in the other direction
	kindSame                  // something that the receiver has already
	kindWant                  // of an exchange, in the other direction: a file, see Wants
	kindSums                  // likewise: sums of blocks that are there of it
	kindCopy                  // of an exchange: three numbers of eight bytes: a place, where the same is in the file that is there, its size
)

// total is how much there is to copy.
type total struct {
	Files int   `cbor:"1,keyasint"`
	Bytes int64 `cbor:"2,keyasint"`
}

// entry is a directory, a file or a link.
type entry struct {
	Name     string `cbor:"1,keyasint"` // a single one; "" for what the copy itself is of
	Perm     uint32 `cbor:"2,keyasint"`
	Modified int64  `cbor:"3,keyasint"` // nanoseconds since 1970
	UID      uint32 `cbor:"4,keyasint"`
	GID      uint32 `cbor:"5,keyasint"`
	Size     int64  `cbor:"6,keyasint,omitempty"`
	Offset   int64  `cbor:"7,keyasint,omitempty"` // of a file: so much of it the receiver has
	Target   string `cbor:"8,keyasint,omitempty"` // of a link
}

// done ends a file.
type done struct {
	Digest  []byte `cbor:"1,keyasint,omitempty"`
	Problem string `cbor:"2,keyasint,omitempty"` // it could not be read to its end
}

// Left is something that could not be copied.
type Left struct {
	Path   string `cbor:"path"` // below the source
	Reason string `cbor:"reason"`
}

// Held is a part of a file that a receiver has from an earlier copy.
type Held struct {
	Key    string `cbor:"key"`    // of the whole file, see keyOf
	Size   int64  `cbor:"size"`   // whole blocks
	Digest []byte `cbor:"digest"` // of these
}

// Progress is told how far a copy is. Both may be nil.
type Progress struct {
	Total func(files int, bytes int64)
	Moved func(bytes int64) // more bytes, holes and what is there already among them
	Begun func(path string) // a file, by its path below the source
}

func (p Progress) total(files int, bytes int64) {
	if p.Total != nil {
		p.Total(files, bytes)
	}
}

func (p Progress) moved(bytes int64) {
	if p.Moved != nil && bytes > 0 {
		p.Moved(bytes)
	}
}

func (p Progress) begun(path string) {
	if p.Begun != nil {
		p.Begun(path)
	}
}

// keyOf tells a file from others, and from what it was before it was changed.
func keyOf(path string, size, modified int64) string {
	sum := sha256.Sum256([]byte(path + "\x00" + strconv.FormatInt(size, 10) + "\x00" + strconv.FormatInt(modified, 10)))
	return hex.EncodeToString(sum[:12])
}

// digest is that of a file's blocks, with their places. Blocks of zeros do not count, wherever they come from.
type digest struct{ hash.Hash }

func newDigest() digest { return digest{sha256.New()} }

func (d digest) add(at int64, data []byte) {
	var place [8]byte
	binary.BigEndian.PutUint64(place[:], uint64(at)) //nolint:gosec // it is not negative
	d.Write(place[:])
	d.Write(data)
}

// writer writes records.
type writer struct{ *bufio.Writer }

func newWriter(w io.Writer) writer { return writer{bufio.NewWriterSize(w, buffered)} }

// wide is what the records of many small files are collected in.
const wide = 64 << 10

func (w writer) header(k kind, size int) error {
	head := [headSize]byte{byte(k)}
	binary.BigEndian.PutUint32(head[1:], uint32(size)) //nolint:gosec // a small number
	_, err := w.Write(head[:])
	return err
}

// record writes a record that is a message, or empty.
func (w writer) record(k kind, message any) error {
	var payload []byte
	if message != nil {
		var err error
		if payload, err = wire.Marshal(message); err != nil {
			return err
		}
	}
	if err := w.header(k, len(payload)); err != nil {
		return err
	}
	_, err := w.Write(payload)
	return err
}

// block writes a record with a part of a file, which has room for the record's head before it.
func (w writer) block(at int64, framed []byte) error {
	framed[0] = byte(kindBlock)
	binary.BigEndian.PutUint32(framed[1:], uint32(len(framed)-headSize)) //nolint:gosec // a small number
	binary.BigEndian.PutUint64(framed[headSize:], uint64(at))            //nolint:gosec // it is not negative
	if len(framed) > buffered {
		if err := w.Flush(); err != nil {
			return err
		}
	}
	_, err := w.Write(framed)
	return err
}

// reader reads records.
type reader struct {
	in  *bufio.Reader
	buf [8 + Block]byte
}

func newReader(r io.Reader) *reader { return &reader{in: bufio.NewReaderSize(r, buffered)} }

// CutError says that the stream ended before its time. Err is why, as the one who reads knows it.
type CutError struct{ Err error }

func (e *CutError) Error() string { return "the copy was cut off: " + e.Err.Error() }

func (e *CutError) Unwrap() error { return e.Err }

// next reads a record. Its payload is valid until the next call.
func (r *reader) next() (kind, []byte, error) {
	var head [headSize]byte
	if _, err := io.ReadFull(r.in, head[:]); err != nil {
		return 0, nil, &CutError{err}
	}
	size := binary.BigEndian.Uint32(head[1:])
	if int64(size) > int64(len(r.buf)) {
		return 0, nil, violation("a record of %d bytes", size)
	}
	payload := r.buf[:size]
	if _, err := io.ReadFull(r.in, payload); err != nil {
		return 0, nil, &CutError{err}
	}
	return kind(head[0]), payload, nil
}

// WriteHeld writes what a receiver has, for ReadHeld.
func WriteHeld(to io.Writer, held []Held) error {
	w := newWriter(to)
	if err := w.record(kindHeld, held); err != nil {
		return err
	}
	return w.Flush()
}

// ReadHeld reads what a receiver has.
func ReadHeld(from io.Reader) ([]Held, error) {
	k, payload, err := newReader(from).next()
	if err == nil && k != kindHeld {
		err = violation("a record of kind %d at the beginning", k)
	}
	if err != nil {
		return nil, err
	}
	var held []Held
	err = wire.Unmarshal(payload, &held)
	return held, err
}

func violation(format string, args ...any) error {
	return &wire.Problem{Code: wire.CodeProtocol, Message: "the other side sends what is no copy: " + fmt.Sprintf(format, args...)}
}
