package transfer

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"runner/agent/plain"
	"runner/agent/wire"
)

// An exchange is how one side gets the contents of some files of a tree that both know: it asks for them by their numbers (Wants),
// the other one sends them in that order (Serve), and it takes them as they come (Contents). Of a large file that it has in another
// version it says the signature, and gets only what it lacks. It may ask for the next files while it takes the first.

// Wants asks for files.
type Wants struct{ out writer }

// NewWants returns a Wants whose stream goes to a Serve.
func NewWants(to io.Writer) *Wants { return &Wants{newWriter(to)} }

// want is a file that is asked for.
type want struct {
	Index int    `cbor:"1,keyasint"`
	Block int    `cbor:"2,keyasint,omitempty"` // of the signature that follows; 0: there is none
	Sums  int    `cbor:"3,keyasint,omitempty"` // how many blocks it has
	Seed  uint64 `cbor:"4,keyasint,omitempty"`
}

// File asks for a file. Old is what is there of it, or nil; a signature is said where it is worth it.
func (w *Wants) File(index int, old io.Reader, size int64) error {
	ask := want{Index: index}
	if old == nil || size < leastDelta {
		return w.out.record(kindWant, ask)
	}
	var seed [8]byte
	rand.Read(seed[:]) // it never fails
	ask.Block, ask.Seed = blockOf(size), binary.NativeEndian.Uint64(seed[:])
	ask.Sums = int(size / int64(ask.Block))
	if err := w.out.record(kindWant, ask); err != nil {
		return err
	}
	block, sums := make([]byte, ask.Block), make([]byte, 0, Block)
	for n := ask.Sums; n > 0; n-- {
		if _, err := io.ReadFull(old, block); err != nil {
			return err
		}
		sum := roll(block)
		sums = binary.BigEndian.AppendUint32(sums, sum.sum())
		sums = binary.BigEndian.AppendUint64(sums, strong(ask.Seed, block))
		if n > 1 && len(sums) <= Block-sumSize {
			continue
		}
		if err := w.out.bytes(kindSums, sums); err != nil {
			return err
		}
		sums = sums[:0]
	}
	return nil
}

// Flush sends what was asked for so far.
func (w *Wants) Flush() error { return w.out.Flush() }

// End says that nothing else is asked for.
func (w *Wants) End() error {
	if err := w.out.record(kindEnd, nil); err != nil {
		return err
	}
	return w.out.Flush()
}

// bytes writes a record of bytes.
func (w writer) bytes(k kind, payload []byte) error {
	if err := w.header(k, len(payload)); err != nil {
		return err
	}
	_, err := w.Write(payload)
	return err
}

// server sends what is asked for.
type server struct {
	in     *reader
	out    writer
	open   func(index int) (io.ReadCloser, int64, error)
	framed []byte
}

// Serve sends what is asked for until nothing is any more. Open opens a file by its number and says its size; if it fails, or the file
// has another size, the other side is told so in its place. The error is a *CutError if the wants end before their time.
func Serve(ctx context.Context, wants io.Reader, open func(index int) (io.ReadCloser, int64, error), to io.Writer) error {
	s := &server{
		in: newReader(wants), out: writer{bufio.NewWriterSize(to, wide)}, open: open,
		framed: make([]byte, blockHead+Block),
	}
	for {
		k, payload, err := s.in.next()
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case k == kindEnd:
			if err := s.out.record(kindEnd, nil); err != nil {
				return err
			}
			return s.out.Flush()
		case k != kindWant:
			return violation("a record of kind %d where a file is asked for", k)
		}
		var w want
		if err := wire.Unmarshal(payload, &w); err != nil {
			return err
		}
		known, err := s.signature(w)
		if err == nil {
			err = s.send(w.Index, known)
		}
		if err != nil {
			return err
		}
		if s.in.in.Buffered() == 0 { // the other side may wait for what it has asked for
			if err := s.out.Flush(); err != nil {
				return err
			}
		}
	}
}

// signature reads one; nil if there is none.
func (s *server) signature(w want) (*signature, error) {
	if w.Block == 0 {
		return nil, nil //nolint:nilnil // there is none
	}
	if w.Block < leastBlock || w.Block > 1<<30 || w.Block&(w.Block-1) != 0 || w.Sums < 0 || w.Sums > mostBlocks {
		return nil, violation("a signature of %d blocks of %d bytes", w.Sums, w.Block)
	}
	out := &signature{block: w.Block, seed: w.Seed}
	for len(out.weak) < w.Sums {
		k, payload, err := s.in.next()
		if err != nil {
			return nil, err
		}
		if k != kindSums || len(payload) == 0 || len(payload)%sumSize != 0 || len(out.weak)+len(payload)/sumSize > w.Sums {
			return nil, violation("a record of kind %d within a signature", k)
		}
		for ; len(payload) > 0; payload = payload[sumSize:] {
			out.weak = append(out.weak, binary.BigEndian.Uint32(payload))
			out.strong = append(out.strong, binary.BigEndian.Uint64(payload[4:]))
		}
	}
	out.index()
	return out, nil
}

var errSize = errors.New("it has another size than before")

func (s *server) send(index int, known *signature) error {
	f, size, err := s.open(index)
	if err != nil {
		return s.out.record(kindDone, done{Problem: plain.Cause(err).Error()})
	}
	defer f.Close()
	var broken error // of the stream
	in := &exactReader{from: f, left: size}
	take := func(at int64, data []byte) error {
		if isZero(data) {
			return nil
		}
		copy(s.framed[blockHead:], data)
		broken = s.out.block(at, s.framed[:blockHead+len(data)])
		return broken
	}
	if known != nil {
		d := &delta{signature: known, in: in, take: take, copy: func(at, from, size int64) error {
			var numbers [24]byte
			for i, n := range []int64{at, from, size} {
				binary.BigEndian.PutUint64(numbers[8*i:], uint64(n)) //nolint:gosec // none is negative
			}
			broken = s.out.bytes(kindCopy, numbers[:])
			return broken
		}}
		err = d.run()
	} else {
		err = in.each(take)
	}
	switch {
	case broken != nil:
		return broken
	case err != nil:
		return s.out.record(kindDone, done{Problem: plain.Cause(err).Error()})
	}
	return s.out.record(kindDone, nil)
}

// exactReader fails where there is more or less to read than there should be.
type exactReader struct {
	from io.Reader
	left int64
}

// Read reads.
func (e *exactReader) Read(p []byte) (int, error) {
	n, err := e.from.Read(p)
	e.left -= int64(n)
	if e.left < 0 || err == io.EOF && e.left != 0 {
		return 0, errSize
	}
	return n, err //nolint:wrapcheck // the reader's own
}

// each hands all of it on.
func (e *exactReader) each(take func(at int64, data []byte) error) error {
	buf := make([]byte, min(Block, e.left+1))
	for at := int64(0); ; {
		n, err := io.ReadFull(e, buf)
		if n > 0 {
			if err := take(at, buf[:n]); err != nil {
				return err
			}
		}
		at += int64(n)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// Contents takes the files that were asked for.
type Contents struct {
	ctx context.Context //nolint:containedctx // of one exchange
	in  *reader
	buf []byte // zeros, or what is copied
}

// NewContents returns a Contents of a stream of a Serve.
func NewContents(ctx context.Context, from io.Reader) *Contents {
	return &Contents{ctx: ctx, in: newReader(from), buf: make([]byte, Block)}
}

// ProblemError says that the other side could not send a file.
type ProblemError struct{ Reason string }

func (e *ProblemError) Error() string { return "it cannot be sent: " + e.Reason }

// File writes the next file, which has a size, to a file that is empty, and returns its digest. Old is what was there when it was asked
// for; it may be nil.
func (c *Contents) File(to, old *os.File, size int64) (digest [sha256.Size]byte, err error) {
	sum, reached := sha256.New(), int64(0)
	hole := size > 0 // it ends in one, so far
	for {
		k, payload, err := c.in.next()
		if err == nil && c.ctx.Err() != nil {
			err = context.Cause(c.ctx)
		}
		switch {
		case err != nil:
			return digest, err
		case k == kindDone && len(payload) > 0:
			var end done
			if err := wire.Unmarshal(payload, &end); err != nil {
				return digest, err
			}
			return digest, &ProblemError{end.Problem}
		case k == kindDone:
			if hole {
				c.zeros(sum, size-reached)
				err = to.Truncate(size)
			}
			return [sha256.Size]byte(sum.Sum(nil)), err
		case k == kindBlock && len(payload) > 8, k == kindCopy && len(payload) == 24 && old != nil:
		default:
			return digest, violation("a record of kind %d within a file", k)
		}
		at, data := int64(binary.BigEndian.Uint64(payload)), payload[8:] //nolint:gosec // looked at below
		length, from := int64(len(data)), int64(0)
		if k == kindCopy {
			from, length = int64(binary.BigEndian.Uint64(data)), int64(binary.BigEndian.Uint64(data[8:])) //nolint:gosec // likewise
		}
		if at < reached || length <= 0 || length > size || at > size-length || from < 0 {
			return digest, violation("%d bytes at %d of a file of %d", length, at, size)
		}
		c.zeros(sum, at-reached)
		reached = at + length
		if hole = k == kindCopy || reached < size; k == kindCopy { // of which zeros are not written
			err = c.copy(sum, to, at, old, from, length)
		} else {
			sum.Write(data)
			_, err = to.WriteAt(data, at)
		}
		if err != nil {
			return digest, err
		}
	}
}

// zeros adds what is not sent to a digest.
func (c *Contents) zeros(sum hash.Hash, size int64) {
	clear(c.buf)
	for ; size > 0; size -= min(size, Block) {
		sum.Write(c.buf[:min(size, Block)])
	}
}

// copy takes what is there already.
func (c *Contents) copy(sum hash.Hash, to *os.File, at int64, old *os.File, from, size int64) error {
	for size > 0 {
		if c.ctx.Err() != nil {
			return context.Cause(c.ctx)
		}
		data := c.buf[:min(size, Block)]
		if _, err := old.ReadAt(data, from); err != nil {
			if errors.Is(err, io.EOF) {
				err = errChanged
			}
			return err
		}
		sum.Write(data)
		if !isZero(data) {
			if _, err := to.WriteAt(data, at); err != nil {
				return err
			}
		}
		at, from, size = at+int64(len(data)), from+int64(len(data)), size-int64(len(data))
	}
	return nil
}

// isZero says whether there is nothing but zeros in data.
func isZero(data []byte) bool {
	return len(data) > 0 && data[0] == 0 && bytes.Equal(data[1:], data[:len(data)-1])
}

// End takes the end of the stream.
func (c *Contents) End() error {
	k, _, err := c.in.next()
	if err == nil && k != kindEnd {
		err = fmt.Errorf("%w", violation("a record of kind %d at the end", k))
	}
	return err
}
