package planfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"
)

// Reader reads a file that was found to be whole.
type Reader struct {
	File   *File
	Sealed bool // a part of it is sealed

	from   io.ReaderAt
	events section
	blobs  map[Digest]section
	sealed section
	before Digest // of every byte before the sealed section
}

// section is where a payload lies.
type section struct{ at, size int64 }

// IsPlan says whether something begins like a plan file.
func IsPlan(from io.ReaderAt) bool {
	head := make([]byte, len(magic))
	n, _ := from.ReadAt(head, 0) // too short is no plan
	return string(head[:n]) == magic
}

// Read checks a file of a size and reads it, but for its blobs, for which it goes on using from. The error is one of this
// package's types, or of reading.
func Read(from io.ReaderAt, size int64) (*Reader, error) {
	if !IsPlan(from) {
		return nil, &DamagedError{Why: "it does not begin like a plan"}
	}
	if size > MaxFile {
		return nil, &TooLargeError{What: "the file", Size: size, Most: MaxFile}
	}
	const start = int64(len(magic)) + 4
	if size < start+headSize+sha256.Size {
		return nil, &DamagedError{Why: "it ends too soon"}
	}
	r := &Reader{from: from, blobs: map[Digest]section{}}
	if err := r.check(size); err != nil {
		return nil, err
	}
	var format [4]byte
	if _, err := from.ReadAt(format[:], int64(len(magic))); err != nil {
		return nil, fmt.Errorf("cannot read the plan: %w", err)
	}
	if v := binary.BigEndian.Uint32(format[:]); v != Format {
		return nil, &VersionError{Format: int(v)}
	}
	body, err := r.sections(start, size)
	if err != nil {
		return nil, err
	}
	packed, err := r.payload(body, MaxBody)
	if err != nil {
		return nil, err
	}
	plain, err := unpack(packed, MaxBody)
	if err != nil {
		return nil, err
	}
	r.File = &File{}
	if err := decoding().Unmarshal(plain, r.File); err != nil {
		return nil, &DamagedError{Why: "its content is none of a plan"}
	}
	return r, r.complete()
}

// check compares the digest at the end with every byte before it.
func (r *Reader) check(size int64) error {
	sum, last := sha256.New(), make([]byte, sha256.Size)
	if _, err := io.Copy(sum, io.NewSectionReader(r.from, 0, size-sha256.Size)); err != nil {
		return fmt.Errorf("cannot read the plan: %w", err)
	}
	if _, err := r.from.ReadAt(last, size-sha256.Size); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("cannot read the plan: %w", err)
	}
	if !bytes.Equal(sum.Sum(nil), last) {
		return &DamagedError{Why: "its digest is another one: it was cut or changed"}
	}
	return nil
}

// sections finds where everything lies.
func (r *Reader) sections(at, size int64) (body section, err error) {
	head := make([]byte, headSize)
	for {
		if at+headSize > size {
			return body, &DamagedError{Why: "it has no end"}
		}
		if _, err := r.from.ReadAt(head, at); err != nil {
			return body, fmt.Errorf("cannot read the plan: %w", err)
		}
		length := binary.BigEndian.Uint64(head[1:])
		s := section{at + headSize, int64(length)} //nolint:gosec // a negative one is refused below
		if s.size < 0 || s.size > size-s.at {
			return body, &DamagedError{Why: "a part of it is longer than the file"}
		}
		switch {
		case head[0] == sectionBody && body == section{}:
			body = s
		case head[0] == sectionEvents && body != section{} && r.events == section{} && len(r.blobs) == 0 && !r.Sealed:
			r.events = s
		case head[0] == sectionBlob && r.events != section{} && !r.Sealed:
			if err := r.blob(s); err != nil {
				return body, err
			}
		case head[0] == sectionSealed && r.events != section{} && !r.Sealed && s.size <= 2*maxSealed:
			r.sealed, r.Sealed = s, true
			sum := sha256.New()
			if _, err := io.Copy(sum, io.NewSectionReader(r.from, 0, at)); err != nil {
				return body, fmt.Errorf("cannot read the plan: %w", err)
			}
			r.before = Digest(sum.Sum(nil))
		case head[0] == sectionEnd && r.events != section{} && s.at+s.size == size && s.size == sha256.Size:
			return body, nil
		default:
			return body, &DamagedError{Why: "its parts are not those of a plan"}
		}
		at = s.at + s.size
	}
}

// blob notes where a content lies.
func (r *Reader) blob(s section) error {
	content, err := r.content(s)
	if err != nil {
		return err
	}
	sum := sha256.New()
	_, err = io.Copy(sum, content)
	content.Close()
	if err != nil {
		return &DamagedError{Why: "a file in it cannot be unpacked"}
	}
	d := Digest(sum.Sum(nil))
	if _, twice := r.blobs[d]; twice {
		return &DamagedError{Why: "it has a file twice"}
	}
	r.blobs[d] = s
	return nil
}

// content reads a blob.
func (r *Reader) content(s section) (io.ReadCloser, error) {
	const head = 8
	if s.size < head {
		return nil, &DamagedError{Why: "a file in it is cut"}
	}
	packed := io.NewSectionReader(r.from, s.at, s.size)
	var size uint64
	if err := binary.Read(packed, binary.BigEndian, &size); err != nil {
		return nil, fmt.Errorf("cannot read the plan: %w", err)
	}
	if size > MaxBlob {
		return nil, &TooLargeError{What: "a file in the plan", Size: int64(min(size, 1<<62)), Most: MaxBlob}
	}
	plain, err := unpacked(packed)
	if err != nil {
		return nil, err
	}
	return &exactly{from: plain, left: int64(size)}, nil
}

// maxWindow is how much of what came before a compressed stream may refer to.
const maxWindow = 16 << 20

// exactly reads as much as was said, and fails where there is more or less.
type exactly struct {
	from *zstd.Decoder
	left int64
}

func (e *exactly) Read(p []byte) (int, error) {
	n, err := e.from.Read(p)
	e.left -= int64(n)
	switch {
	case e.left < 0, errors.Is(err, io.EOF) && e.left > 0, err != nil && !errors.Is(err, io.EOF):
		return 0, &DamagedError{Why: "a file in it has another size"}
	}
	return n, err
}

// Close ends the decoder.
func (e *exactly) Close() error {
	e.from.Close()
	return nil
}

// complete says whether every content that the file names is there.
func (r *Reader) complete() error {
	for name, n := range r.File.Site.Nodes {
		if _, ok := r.blobs[n.Digest]; n.Read && !ok && !r.Withholds(SourceFile, name) {
			return &DamagedError{Why: "a file in it is missing"}
		}
	}
	return nil
}

// Withholds says whether something is not in the file because it is sensitive.
func (r *Reader) Withholds(kind Kind, name string) bool {
	return slices.Contains(r.File.Site.Again, Withheld{kind, name})
}

// Blob opens a content.
func (r *Reader) Blob(d Digest) (io.ReadCloser, error) {
	s, ok := r.blobs[d]
	if !ok {
		return nil, &DamagedError{Why: "a file in it is missing"}
	}
	return r.content(s)
}

func (r *Reader) payload(s section, most int64) ([]byte, error) {
	if s.size > most {
		return nil, &TooLargeError{What: "the plan", Size: s.size, Most: most}
	}
	out := make([]byte, s.size)
	if _, err := r.from.ReadAt(out, s.at); err != nil {
		return nil, fmt.Errorf("cannot read the plan: %w", err)
	}
	return out, nil
}

// Unlock opens the sealed part with one of the identities. A *TamperedError tells that the rest of the file is not what was
// sealed with it, a *KeyError that no identity fits.
func (r *Reader) Unlock(identities []age.Identity) (Secrets, error) {
	packed, err := r.payload(r.sealed, 2*maxSealed)
	if err != nil {
		return Secrets{}, err
	}
	from, err := age.Decrypt(bytes.NewReader(packed), identities...)
	if err != nil {
		if _, none := errors.AsType[*age.NoIdentityMatchError](err); none {
			return Secrets{}, &KeyError{}
		}
		return Secrets{}, &TamperedError{Why: "its sealed part cannot be opened"}
	}
	plain, err := io.ReadAll(io.LimitReader(from, maxSealed+1))
	if err != nil || len(plain) > maxSealed {
		return Secrets{}, &TamperedError{Why: "its sealed part cannot be opened"}
	}
	var part sealedPart
	if err := decoding().Unmarshal(plain, &part); err != nil {
		return Secrets{}, &TamperedError{Why: "its sealed part is none of a plan"}
	}
	if part.Before != r.before {
		return Secrets{}, &TamperedError{Why: "it is not what was sealed"}
	}
	return part.Secrets, nil
}

// Events reads what planning told, in order.
func (r *Reader) Events(each func([]byte) error) error {
	from, err := unpacked(io.NewSectionReader(r.from, r.events.at, r.events.size))
	if err != nil {
		return err
	}
	defer from.Close()
	for left := int64(maxEvents); ; {
		var size uint32
		switch err := binary.Read(from, binary.BigEndian, &size); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil || size > MaxEvent:
			return &DamagedError{Why: "its changes cannot be unpacked"}
		}
		if left -= int64(size); left < 0 {
			return &TooLargeError{What: "the plan", Size: maxEvents - left, Most: maxEvents}
		}
		event, err := io.ReadAll(io.LimitReader(from, int64(size))) // what is not there costs no memory
		if err != nil || len(event) < int(size) {
			return &DamagedError{Why: "its changes cannot be unpacked"}
		}
		if err := each(event); err != nil {
			return err
		}
	}
}

func unpacked(from io.Reader) (*zstd.Decoder, error) {
	d, err := zstd.NewReader(from, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, &DamagedError{Why: "a part of it cannot be unpacked"}
	}
	return d, nil
}

// unpack decompresses what is kept in memory.
func unpack(packed []byte, most int64) ([]byte, error) {
	d, err := unpacked(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	defer d.Close()
	plain, err := io.ReadAll(io.LimitReader(d, most+1))
	switch {
	case err != nil:
		return nil, &DamagedError{Why: "it cannot be unpacked"}
	case int64(len(plain)) > most:
		return nil, &TooLargeError{What: "the plan", Size: int64(len(plain)), Most: most}
	}
	return plain, nil
}
