package view

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
)

// Content is what is in a file.
type Content struct {
	Size    int64
	SHA256  string // hexadecimal
	Bytes   []byte // all of it, or nil where it is large
	Unknown bool   // only the run will give it
}

// ContentOf describes bytes that are at hand.
func ContentOf(data []byte) *Content {
	sum := sha256.Sum256(data)
	if data == nil {
		data = []byte{}
	}
	return &Content{Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:]), Bytes: data}
}

// Read describes the content of the regular file at a place. Its bytes are in the answer if they are not more than
// limit; of a larger file no more than a buffer is ever held.
func (p *Place) Read(ctx context.Context, limit int64) (*Content, error) {
	if p.Entry.Content != nil {
		return p.Entry.Content, nil
	}
	f, st, err := p.Dir.Read(p.Name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if st.Size <= limit {
		data := make([]byte, st.Size, st.Size+1)
		n, err := io.ReadFull(f, data)
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
			return nil, err
		}
		return ContentOf(data[:n]), nil
	}
	digest := sha256.New()
	size := int64(0)
	buffer := make([]byte, 128<<10)
	for {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		n, err := f.Read(buffer)
		digest.Write(buffer[:n])
		size += int64(n)
		if errors.Is(err, io.EOF) {
			return &Content{Size: size, SHA256: hex.EncodeToString(digest.Sum(nil))}, nil
		}
		if err != nil {
			return nil, err
		}
	}
}
