package wire

import (
	"fmt"
	"reflect"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// What one encoded value may consist of. A payload is at most MaxPayload bytes; these bound what it grows to when it
// is decoded.
const (
	maxItems  = 256 << 10 // values in values, whatever their nesting
	maxLevels = 48        // of nesting
	maxList   = 128 << 10 // elements of one array, pairs of one map
)

// The modes are immutable. What comes from targets may hold text that is no UTF-8 (a Latin-1 environment variable, a
// file name): that is a matter for whoever shows it, not a reason to refuse a hello.
//
//nolint:gochecknoglobals // constants, but for the language
var (
	encoding = must(cbor.EncOptions{
		Sort:          cbor.SortCoreDeterministic,
		ShortestFloat: cbor.ShortestFloat16,
		Time:          cbor.TimeUnixMicro,
		IndefLength:   cbor.IndefLengthForbidden,
		TagsMd:        cbor.TagsForbidden,
	}.EncMode())
	lenient = decodeOptions(cbor.ExtraDecErrorNone)
	strict  = decodeOptions(cbor.ExtraDecErrorUnknownField)
)

func decodeOptions(extra cbor.ExtraDecErrorCond) cbor.DecMode {
	return must(cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		MaxNestedLevels:   maxLevels,
		MaxArrayElements:  maxList,
		MaxMapPairs:       maxList,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		IntDec:            cbor.IntDecConvertSignedOrFail,
		DefaultMapType:    reflect.TypeFor[map[string]any](),
		UTF8:              cbor.UTF8DecodeInvalid,
		FieldNameMatching: cbor.FieldNameMatchingCaseSensitive,
		ExtraReturnErrors: extra,
	}.DecMode())
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // the options are constants: every test would fail
	}
	return v
}

// Marshal encodes a message or a plain value. Maps are sorted, so that equal values have equal bytes. Times keep
// microseconds.
func Marshal(v any) ([]byte, error) {
	data, err := encoding.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("cannot encode %T: %w", v, err)
	}
	return data, nil
}

// Unmarshal decodes data, all of it, into what v points to. Into an any it gives plain values: string, int64, float64,
// bool, []byte, []any, map[string]any, nil. A field that v does not have is an error, but for a Hello, which must be
// readable whatever version it comes from. The error is a *Problem.
func Unmarshal(data []byte, v any) error {
	if n := items(data); n > maxItems {
		return &Problem{Code: CodeTooLarge, Message: fmt.Sprintf("cannot decode %T: more than %d values", v, maxItems)}
	}
	mode := strict
	if _, ok := v.(*Hello); ok {
		mode = lenient
	}
	if err := mode.Unmarshal(data, v); err != nil {
		return &Problem{Code: CodeProtocol, Message: fmt.Sprintf("cannot decode %T: %v", v, err)}
	}
	switch m := v.(type) { // a floating point number of seconds is off by less than half of what it stands for
	case *Started:
		m.At = m.At.Round(time.Microsecond).UTC()
	case *Result:
		m.Started = m.Started.Round(time.Microsecond).UTC()
	}
	return nil
}

// items counts the values in encoded data, up to a little over maxItems, without decoding it: four million empty maps
// fit into a payload and would become half a gigabyte. What is malformed is the decoder's to refuse; the count stops
// there.
func items(data []byte) int {
	n := 0
	for len(data) > 0 && n <= maxItems {
		major, info := data[0]>>5, data[0]&0x1f
		data = data[1:]
		n++
		size, width := uint64(info), 0
		if info >= 24 && info <= 27 {
			width = 1 << (info - 24)
			if len(data) < width {
				return n
			}
			size = 0
			for _, b := range data[:width] {
				size = size<<8 | uint64(b)
			}
			data = data[width:]
		}
		if major == 2 || major == 3 { // bytes and text: one value, however long
			if size > uint64(len(data)) {
				return n
			}
			data = data[size:]
		}
	}
	return n
}

// Message makes a frame with v, encoded, as its payload. Problems are shortened to what such a frame may carry: nobody
// waits in vain because a program said too much.
func Message(kind Kind, peer PeerID, call CallID, v any) (Frame, error) {
	switch m := v.(type) {
	case Lost:
		m.Problem = m.Problem.clip()
		v = m
	case Refused:
		m.Problem = m.Problem.clip()
		v = m
	}
	payload, err := Marshal(v)
	if err != nil {
		return Frame{}, err
	}
	return Frame{Kind: kind, Peer: peer, Call: call, Payload: payload}, nil
}

// clip bounds the texts of a problem. Together they are less than MaxSmall.
func (p Problem) clip() Problem {
	cut := func(text string) string { return text[:min(len(text), MaxQuote)] }
	p.Code, p.Message, p.Hint = p.Code[:min(len(p.Code), MaxQuote/8)], cut(p.Message), cut(p.Hint)
	if len(p.Quote) > MaxQuote {
		p.Quote = Quote([]byte(p.Quote))
	}
	return p
}
