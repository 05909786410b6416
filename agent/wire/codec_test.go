package wire

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
)

func TestMarshalIsCompactAndDeterministic(t *testing.T) {
	call := Call{Action: "stat", Args: []byte{0xa1, 0x64, 'p', 'a', 't', 'h', 0x64, '/', 'e', 't', 'c'}, Mode: ModeLook, Pipeline: 70000}
	f, err := Message(KindCall, 1, 1, call)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(AppendFrame(nil, f)); n > 50 {
		t.Errorf("a small call takes %d bytes of the 100 that it may", n)
	}
	values := map[string]any{}
	for i := range 100 {
		values[strings.Repeat("k", i)] = i
	}
	first, err := Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if again, _ := Marshal(values); !bytes.Equal(first, again) {
			t.Fatal("equal maps have different bytes")
		}
	}
}

func TestUnmarshalGivesPlainValues(t *testing.T) {
	want := map[string]any{
		"text": "ü\n", "whole": int64(-42), "large": int64(math.MaxInt64), "part": 0.1, "yes": true, "none": nil,
		"list": []any{int64(1), "a", []any{}}, "map": map[string]any{"": false}, "bytes": []byte{0},
		"latin1": "caf\xe9", // what a target prints need not be UTF-8
	}
	data, err := Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got any
	if err := Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, any(want)) {
		t.Errorf("got %#v", got)
	}
}

// G35, G22: what must not be is an error, whatever its size, and found before memory is set aside for it.
func TestG35UnmarshalRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		data []byte
		into any
		code Code
	}{
		"nothing":             {nil, new(any), CodeProtocol},
		"half a value":        {[]byte{0x82, 0x01}, new(any), CodeProtocol},
		"more than one":       {[]byte{0x01, 0x01}, new(any), CodeProtocol},
		"indefinite array":    {[]byte{0x9f, 0xff}, new(any), CodeProtocol},
		"indefinite text":     {[]byte{0x7f, 0x61, 'a', 0xff}, new(any), CodeProtocol},
		"a tag":               {[]byte{0xc1, 0x01}, new(any), CodeProtocol},
		"a large number":      {[]byte{0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, new(any), CodeProtocol},
		"a key twice":         {[]byte{0xa2, 0x61, 'a', 0x01, 0x61, 'a', 0x02}, new(any), CodeProtocol},
		"a field twice":       {[]byte{0xa2, 0x01, 0xf5, 0x01, 0xf4}, new(Cancel), CodeProtocol},
		"a key of bytes":      {[]byte{0xa1, 0x41, 'a', 0x01}, new(any), CodeProtocol},
		"an unknown field":    {[]byte{0xa1, 0x18, 0x63, 0x01}, new(Cancel), CodeProtocol},
		"a negative credit":   {[]byte{0xa1, 0x01, 0x20}, new(Credit), CodeProtocol},
		"another type":        {[]byte{0xa1, 0x01, 0x61, 'a'}, new(Credit), CodeProtocol},
		"no map":              {[]byte{0x01}, new(Result), CodeProtocol},
		"deep nesting":        {bytes.Repeat([]byte{0x81}, MaxPayload), new(any), CodeTooLarge},
		"nesting":             {append(bytes.Repeat([]byte{0x81}, maxLevels+1), 0x01), new(any), CodeProtocol},
		"many empty maps":     {append([]byte{0x9a, 0x00, 0x3f, 0xff, 0x00}, bytes.Repeat([]byte{0xa0}, 0x3fff00)...), new(any), CodeTooLarge},
		"a long array":        {append([]byte{0x9a, 0x00, 0x02, 0x00, 0x01}, make([]byte, 0x20001)...), new(any), CodeProtocol},
		"a promise of much":   {[]byte{0x5b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, new(any), CodeProtocol},
		"a promise of many":   {[]byte{0xba, 0x00, 0x01, 0xff, 0xff}, new(any), CodeProtocol},
		"a hello of no map":   {[]byte{0x80}, new(Hello), CodeProtocol},
		"a hello's wrong key": {[]byte{0xa1, 0x01, 0x61, 'a'}, new(Hello), CodeProtocol},
	} {
		var err error
		n := allocated(func() { err = Unmarshal(c.data, c.into) })
		if got := code(err); got != c.code {
			t.Errorf("%s: %v, want code %q", name, err, c.code)
		}
		if n > 1<<20 {
			t.Errorf("%s: refusing it took %d bytes of memory", name, n)
		}
	}
}

// A hello is read whatever version it comes from: both versions are named in the error (G41).
func TestG41UnmarshalHelloOfAnotherVersion(t *testing.T) {
	data, err := Marshal(map[any]any{1: 99, 4: "9.0.0", 200: "new", "text": 1})
	if err != nil {
		t.Fatal(err)
	}
	var h Hello
	if err := Unmarshal(data, &h); err != nil || h.Capability != 99 || h.Version != "9.0.0" {
		t.Errorf("%+v, %v", h, err)
	}
}

// G18: what a hop's program said is never too much for the frame that tells of it.
func TestG18ProblemsFitTheirFrames(t *testing.T) {
	long := strings.Repeat("blah ", 1<<20)
	huge := Problem{Code: Code(long), Message: "first " + long, Hint: long, Quote: "first " + long + "last"}
	for _, m := range []any{Lost{Problem: huge}, Refused{Kind: KindOpen, Problem: huge}} {
		f, err := Message(KindLost, 1, 1, m)
		if err != nil || f.Check() != nil {
			t.Errorf("%T: %v, %v", m, err, f.Check())
		}
	}
	f, _ := Message(KindLost, 1, 0, Lost{Problem: huge})
	var lost Lost
	if err := Unmarshal(f.Payload, &lost); err != nil {
		t.Fatal(err)
	}
	if p := lost.Problem; !strings.HasPrefix(p.Message, "first ") || !strings.HasPrefix(p.Quote, "first ") || !strings.HasSuffix(p.Quote, "last") {
		t.Errorf("shortened to %q", p)
	}
}

func TestItemsCountsAsTheDecoderDoes(t *testing.T) {
	for notation, want := range map[string]int{
		"\x00":                                 1,
		"\x18\xff":                             1,
		"\x65hello":                            1,
		"\x83\x01\x62ab\xa0":                   4,
		"\xa1\x61a\x82\x01\x02":                5,
		"\xfb\x00\x00\x00\x00\x00\x00\x00\x00": 1,
		"\x62a":                                1, // short: the decoder's to refuse
		"\x19\x00":                             1,
		"":                                     0,
	} {
		if got := items([]byte(notation)); got != want {
			t.Errorf("items(%q) = %d, want %d", notation, got, want)
		}
	}
}

// messages are all the types that cross the wire.
func messages() []any {
	return []any{
		new(Hello), new(Open), new(Lost), new(Call), new(Started), new(Credit), new(Cancel), new(Result), new(Refused), new(any),
	}
}

// Whatever is decoded encodes again, to something that decodes to the same.
func FuzzUnmarshal(f *testing.F) {
	for i, m := range messages() {
		data, err := Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), data)
	}
	for _, e := range examples() {
		if e.message == nil {
			continue
		}
		data, err := Marshal(e.message)
		if err != nil {
			f.Fatal(err)
		}
		for i, m := range messages() {
			if reflect.TypeOf(m) == reflect.TypeOf(e.message) {
				f.Add(uint8(i), data)
			}
		}
		f.Add(uint8(len(messages())-1), data)
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		fresh := func() any { return messages()[int(which)%len(messages())] }
		v := fresh()
		if err := Unmarshal(data, v); err != nil {
			if code(err) == "" {
				t.Fatalf("%T: an error that is no Problem: %v", v, err)
			}
			return
		}
		again, err := Marshal(v)
		if err != nil {
			if errors.As(err, new(*cbor.UnsupportedValueError)) {
				return // a time beyond the year 9999
			}
			t.Fatalf("%T %+v does not encode: %v", v, v, err)
		}
		w := fresh()
		if err := Unmarshal(again, w); err != nil {
			t.Fatalf("%T %+v does not decode again: %v", v, v, err)
		}
		third, err := Marshal(w)
		if err != nil || !bytes.Equal(again, third) {
			t.Fatalf("%T %+v became %+v, %v", v, v, w, err)
		}
	})
}
