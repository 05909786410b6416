package transfer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

var (
	// errShrunk says that a file has less in it than when the copy began.
	errShrunk = errors.New("it became shorter while it was read")
	// errChanged says that what was held of a file is not that any more.
	errChanged = errors.New("it was changed by something else meanwhile")
)

// blocks goes through the blocks of files.
type blocks struct {
	buf   [blockHead + Block]byte
	zeros [Block]byte
}

// framed is the block that was handed on last, with room for the head of its record.
func (b *blocks) framed(size int) []byte { return b.buf[:blockHead+size] }

// each hands on the blocks of a file between two places, the first of which begins a block, but for those of zeros, and
// tells how many bytes were passed.
func (b *blocks) each(ctx context.Context, f *os.File, from, to int64, take func(at int64, data []byte) error, passed func(int64)) error {
	for at := from; at < to; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		data := b.buf[blockHead:][:min(Block, to-at)]
		switch n, err := f.ReadAt(data, at); {
		case n < len(data) && (err == nil || errors.Is(err, io.EOF)):
			return errShrunk
		case n < len(data):
			return err
		}
		next := at + int64(len(data))
		if bytes.Equal(data, b.zeros[:len(data)]) {
			next = max(next, min(b.hole(f, next), to))
		} else if err := take(at, data); err != nil {
			return err
		}
		passed(next - at)
		at = next
	}
	return nil
}

// hole returns where the block begins that holds the next content, as far as the file system knows.
func (b *blocks) hole(f *os.File, from int64) int64 {
	next, err := f.Seek(from, unix.SEEK_DATA)
	switch {
	case errors.Is(err, unix.ENXIO): // there is none
		return 1<<63 - 1
	case err != nil:
		return from
	}
	return next / Block * Block
}
