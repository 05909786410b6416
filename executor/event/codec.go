package event

import (
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// Encode returns an event and its time as bytes that Decode understands, with what is for people too. Options of hops,
// among which there are secrets, are left out.
func Encode(e Event, at time.Time) ([]byte, error) {
	if o, ok := e.(Outline); ok && o.Plan != nil {
		p := *o.Plan
		p.Connections = slices.Clone(p.Connections)
		for i := range p.Connections {
			p.Connections[i].Options, p.Connections[i].Secrets = nil, nil
		}
		o.Plan = &p
		e = o
	}
	body, err := codec().enc.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("cannot encode %s: %w", e.Kind(), err)
	}
	out, err := codec().enc.Marshal(stored{e.Kind(), at.UnixNano(), body})
	if err != nil {
		return nil, fmt.Errorf("cannot encode %s: %w", e.Kind(), err)
	}
	return out, nil
}

// Decode is the reverse of Encode.
func Decode(encoded []byte) (Event, time.Time, error) {
	var s stored
	if err := codec().dec.Unmarshal(encoded, &s); err != nil {
		return nil, time.Time{}, fmt.Errorf("cannot decode an event: %w", err)
	}
	e, err := s.event()
	return e, time.Unix(0, s.At), err
}

// stored is an event with its kind.
type stored struct {
	Kind Kind            `cbor:"kind"`
	At   int64           `cbor:"at"` // nanoseconds since 1970
	Body cbor.RawMessage `cbor:"body"`
}

func (s stored) event() (Event, error) {
	switch s.Kind { //nolint:exhaustive // what only says that something goes on is kept nowhere
	case KindVersion:
		return decode[Version](s)
	case KindDiagnostic:
		return decode[Diagnostic](s)
	case KindRunStart:
		return decode[RunStart](s)
	case KindOutline:
		return decode[Outline](s)
	case KindConnection:
		return decode[Connection](s)
	case KindPlannedChange:
		return decode[PlannedChange](s)
	case KindPlanSummary:
		return decode[PlanSummary](s)
	case KindSent:
		return decode[Sent](s)
	case KindThrough:
		return decode[Through](s)
	case KindIdentity:
		return decode[Identity](s)
	case KindEarlyFailure:
		return decode[EarlyFailure](s)
	case KindTaskEnd:
		return decode[TaskEnd](s)
	case KindHostEnd:
		return decode[HostEnd](s)
	case KindRunEnd:
		return decode[RunEnd](s)
	}
	return nil, fmt.Errorf("cannot decode an event of kind %q", s.Kind)
}

func decode[E Event](s stored) (Event, error) {
	var e E
	if err := codec().dec.Unmarshal(s.Body, &e); err != nil {
		return nil, fmt.Errorf("cannot decode %s: %w", s.Kind, err)
	}
	return e, nil
}

type modes struct {
	enc cbor.EncMode
	dec cbor.DecMode
}

var codec = sync.OnceValue(func() modes { //nolint:gochecknoglobals // never changes
	enc, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		panic(err) // the options are constant
	}
	dec, err := cbor.DecOptions{
		DupMapKey: cbor.DupMapKeyEnforcedAPF, IndefLength: cbor.IndefLengthForbidden, TagsMd: cbor.TagsForbidden,
		DefaultMapType: reflect.TypeFor[map[string]any](), MaxNestedLevels: 64, MaxArrayElements: 1 << 17, MaxMapPairs: 1 << 17, UTF8: cbor.UTF8DecodeInvalid,
	}.DecMode()
	if err != nil {
		panic(err) // the options are constant
	}
	return modes{enc, dec}
})
