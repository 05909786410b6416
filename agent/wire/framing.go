package wire

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
)

// Limit is the number of bytes that the payload of a kind of frame may have, the offset of a piece not among them. It
// holds for kinds that are not known too.
func Limit(k Kind) int {
	switch k {
	case KindHello, KindOpen, KindCall, KindResult:
		return MaxPayload
	case KindData, KindPiece:
		return MaxChunk
	default:
		return MaxSmall
	}
}

// TooLargeError is a frame whose payload is over its limit. The payload was neither kept nor written.
type TooLargeError struct {
	Frame Frame // without its payload
	Size  int64 // of the payload, in bytes
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("a frame of %d bytes is over the limit of %d", e.Size, Limit(e.Frame.Kind))
}

// Problem is the error as it crosses the wire.
func (e *TooLargeError) Problem() *Problem {
	return &Problem{Code: CodeTooLarge, Message: e.Error()}
}

// Check returns a *TooLargeError if the frame must not be sent.
func (f *Frame) Check() error {
	if len(f.Payload) <= Limit(f.Kind) {
		return nil
	}
	e := &TooLargeError{Frame: *f, Size: int64(len(f.Payload))}
	e.Frame.Payload = nil
	return e
}

// AppendFrame appends the encoding of a frame.
func AppendFrame(b []byte, f Frame) []byte {
	return append(appendHeader(b, f), f.Payload...)
}

func appendHeader(b []byte, f Frame) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(f.size()-HeaderSize)) //nolint:gosec // Check bounds it
	b = append(b, byte(f.Kind), byte(f.Stream))
	b = binary.BigEndian.AppendUint32(b, uint32(f.Peer))
	b = binary.BigEndian.AppendUint32(b, uint32(f.Call))
	if f.Kind == KindPiece {
		b = binary.BigEndian.AppendUint64(b, f.Offset)
	}
	return b
}

// size is the number of bytes that the frame has on the wire.
func (f *Frame) size() int {
	if f.Kind == KindPiece {
		return HeaderSize + OffsetSize + len(f.Payload)
	}
	return HeaderSize + len(f.Payload)
}

// ReadFrame reads one frame. Between frames the end of the stream is io.EOF, inside one io.ErrUnexpectedEOF. A frame
// that is too large is read past and returned as a *TooLargeError; the next one can be read after it.
func ReadFrame(r *bufio.Reader) (Frame, error) {
	head, err := r.Peek(HeaderSize)
	if err != nil {
		if err == io.EOF && len(head) > 0 { //nolint:errorlint // a Reader's contract
			err = io.ErrUnexpectedEOF
		}
		return Frame{}, err
	}
	size := int64(binary.BigEndian.Uint32(head))
	f := Frame{
		Kind: Kind(head[4]), Stream: Stream(head[5]),
		Peer: PeerID(binary.BigEndian.Uint32(head[6:])), Call: CallID(binary.BigEndian.Uint32(head[10:])),
	}
	_, _ = r.Discard(HeaderSize) // it has been peeked at
	if f.Kind == KindPiece {
		if size < OffsetSize {
			return Frame{}, &Problem{Code: CodeProtocol, Message: "a piece without an offset"}
		}
		offset, err := r.Peek(OffsetSize)
		if err != nil {
			return Frame{}, unexpected(err)
		}
		f.Offset = binary.BigEndian.Uint64(offset)
		_, _ = r.Discard(OffsetSize)
		size -= OffsetSize
	}
	if size > int64(Limit(f.Kind)) {
		if err := discard(r, size); err != nil {
			return Frame{}, err
		}
		return Frame{}, &TooLargeError{Frame: f, Size: size}
	}
	f.Payload, err = readPayload(r, int(size))
	return f, err
}

func discard(r *bufio.Reader, n int64) error {
	for n > 0 {
		done, err := r.Discard(int(min(n, MaxPayload)))
		if err != nil {
			return unexpected(err)
		}
		n -= int64(done)
	}
	return nil
}

// readPayload allocates as the bytes arrive: a header alone costs its sender's peer nothing.
func readPayload(r *bufio.Reader, size int) ([]byte, error) {
	if size == 0 {
		return nil, nil
	}
	payload := make([]byte, 0, min(size, MaxChunk))
	for len(payload) < size {
		n := min(size-len(payload), max(len(payload), MaxChunk))
		payload = slices.Grow(payload, n)
		part := payload[len(payload) : len(payload)+n]
		if _, err := io.ReadFull(r, part); err != nil {
			return nil, unexpected(err)
		}
		payload = payload[:len(payload)+n]
	}
	return payload, nil
}

func unexpected(err error) error {
	if err == io.EOF { //nolint:errorlint // a Reader's contract
		return io.ErrUnexpectedEOF
	}
	return err
}
