package planfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"maps"
	"slices"
	"sync"

	"filippo.io/age"
	"github.com/fxamacker/cbor/v2"
	"github.com/klauspost/compress/zstd"
)

// A file begins with the magic line and the format, 4 bytes. All numbers are big-endian. Then come sections: one byte for
// the kind, 8 for the length of what follows.
//
//	body    the File as CBOR, compressed with zstd
//	events  what planning told, in order: of each the length, 4 bytes, and then it; compressed with zstd
//	blob    the size of a content, 8 bytes, and the content, compressed with zstd; in the order of their digests
//	sealed  the age file of the Secrets and the digest of every byte before this section, as CBOR; at most one
//	end     the digest of every byte before it, the section's own head among them
const magic = "runner plan\n"

// The kinds of sections.
const (
	sectionBody   = 'b'
	sectionEvents = 'v'
	sectionBlob   = 'f'
	sectionSealed = 's'
	sectionEnd    = 'e'
)

// What a file may hold at most, in bytes. The reader keeps the body in memory, and of the rest one piece at a time.
const (
	MaxBody   = 8 << 20  // not compressed
	MaxEvent  = 16 << 20 // not compressed
	MaxBlob   = 4 << 30  // not compressed
	MaxFile   = 8 << 30
	maxSealed = 64 << 20
	maxEvents = 1 << 30 // of all together, not compressed
)

const headSize = 1 + 8

// sealedPart is what stands in a sealed section, once it is opened.
type sealedPart struct {
	Before  Digest  `cbor:"before"` // of every byte before the section
	Secrets Secrets `cbor:"secrets"`
}

// Blobs are contents by their digests.
type Blobs map[Digest][]byte

// Put keeps a content and returns its digest.
func (b Blobs) Put(content []byte) Digest {
	d := Digest(sha256.Sum256(content))
	b[d] = content
	return d
}

// Content is what a file is written from.
type Content struct {
	File       File
	Events     iter.Seq[[]byte]
	Blobs      Blobs
	Secrets    Secrets
	Recipients []age.Recipient // without any, the secrets are left out
}

// Write writes a file.
func Write(w io.Writer, c Content) error {
	out := &writer{w: w, sum: sha256.New()}
	out.write([]byte(magic))
	out.write(binary.BigEndian.AppendUint32(nil, Format))
	body, err := encoding().Marshal(c.File)
	if err != nil {
		return fmt.Errorf("cannot encode the plan: %w", err)
	}
	if len(body) > MaxBody {
		return &TooLargeError{What: "the plan", Size: int64(len(body)), Most: MaxBody}
	}
	pack, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return fmt.Errorf("cannot compress: %w", err)
	}
	defer pack.Close() //nolint:errcheck // it writes nowhere by itself
	out.section(sectionBody, pack.EncodeAll(body, nil))
	events, err := packEvents(c.Events)
	if err != nil {
		return err
	}
	out.section(sectionEvents, events)
	for _, d := range slices.SortedFunc(maps.Keys(c.Blobs), func(a, b Digest) int { return bytes.Compare(a[:], b[:]) }) {
		size := binary.BigEndian.AppendUint64(nil, uint64(len(c.Blobs[d])))
		out.section(sectionBlob, pack.EncodeAll(c.Blobs[d], size))
	}
	if len(c.Recipients) > 0 {
		sealed, err := seal(sealedPart{Before: Digest(out.sum.Sum(nil)), Secrets: c.Secrets}, c.Recipients)
		if err != nil {
			return err
		}
		out.section(sectionSealed, sealed)
	}
	out.head(sectionEnd, sha256.Size)
	out.write(out.sum.Sum(nil))
	if out.err != nil {
		return fmt.Errorf("cannot write the plan: %w", out.err)
	}
	return nil
}

// packEvents compresses what planning told: one event is much like the others.
func packEvents(events iter.Seq[[]byte]) ([]byte, error) {
	var out bytes.Buffer
	pack, err := zstd.NewWriter(&out, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(maxWindow/4))
	if err != nil {
		return nil, fmt.Errorf("cannot compress: %w", err)
	}
	for e := range events {
		if len(e) > MaxEvent {
			err = &TooLargeError{What: "a change of the plan", Size: int64(len(e)), Most: MaxEvent}
			break
		}
		if _, err = pack.Write(binary.BigEndian.AppendUint32(nil, uint32(len(e)))); err != nil { //nolint:gosec // compared above
			break
		}
		if _, err = pack.Write(e); err != nil {
			break
		}
	}
	err = errors.Join(err, pack.Close())
	return out.Bytes(), err
}

func seal(part sealedPart, recipients []age.Recipient) ([]byte, error) {
	plain, err := encoding().Marshal(part)
	if err != nil {
		return nil, fmt.Errorf("cannot encode what is sealed: %w", err)
	}
	if len(plain) > maxSealed {
		return nil, &TooLargeError{What: "what is sealed", Size: int64(len(plain)), Most: maxSealed}
	}
	var out bytes.Buffer
	to, err := age.Encrypt(&out, recipients...)
	if err == nil {
		_, err = to.Write(plain)
	}
	if err == nil {
		err = to.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("cannot seal the plan: %w", err)
	}
	return out.Bytes(), nil
}

// writer keeps the first error and the digest of everything.
type writer struct {
	w   io.Writer
	sum hash.Hash
	err error
}

func (w *writer) write(p []byte) {
	if w.err == nil {
		w.sum.Write(p)
		_, w.err = w.w.Write(p)
	}
}

func (w *writer) head(kind byte, length int) {
	w.write(binary.BigEndian.AppendUint64([]byte{kind}, uint64(length))) //nolint:gosec // a length
}

func (w *writer) section(kind byte, payload []byte) {
	w.head(kind, len(payload))
	w.write(payload)
}

var encoding = sync.OnceValue(func() cbor.EncMode { //nolint:gochecknoglobals // never changes
	o := cbor.CoreDetEncOptions()
	o.Time = cbor.TimeRFC3339Nano
	mode, err := o.EncMode()
	if err != nil {
		panic(err) // the options are constant
	}
	return mode
})

var decoding = sync.OnceValue(func() cbor.DecMode { //nolint:gochecknoglobals // never changes
	mode, err := cbor.DecOptions{
		DupMapKey: cbor.DupMapKeyEnforcedAPF, IndefLength: cbor.IndefLengthForbidden, TagsMd: cbor.TagsForbidden,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField, MaxNestedLevels: 16, MaxArrayElements: 1 << 22, MaxMapPairs: 1 << 20,
		UTF8: cbor.UTF8DecodeInvalid, // names of files are bytes
	}.DecMode()
	if err != nil {
		panic(err) // the options are constant
	}
	return mode
})
