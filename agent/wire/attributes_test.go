package wire

import (
	"bytes"
	"maps"
	"reflect"
	"strings"
	"testing"
)

// What attributes say survives whatever the base has, and what the base has too costs nothing.
func TestAttributes(t *testing.T) {
	sum := strings.Repeat("0f", 32)
	argv := []any{"/bin/echo", "a"}
	for _, c := range []struct {
		name             string
		base, attributes map[string]any
		size             int // encoded
	}{
		{"nothing", nil, map[string]any{}, 1},
		{"all that the base has", map[string]any{"path": "/a", "mode": "0640", "content": "c"}, map[string]any{"path": "/a", "mode": "0640"}, 1},
		{"a list", map[string]any{"argv": argv}, map[string]any{"argv": []any{"/bin/echo", "a"}}, 1},
		{"another list", map[string]any{"argv": argv}, map[string]any{"argv": []any{"/bin/echo"}}, 1 + 1 + 1 + 10},
		{"less", map[string]any{"path": "/a", "mode": "0640"}, map[string]any{"path": "/a"}, 1 + 2},
		{"other values", map[string]any{"path": "/a", "owner": "root"}, map[string]any{"path": "/b", "owner": int64(5)}, 1 + 4 + 2},
		{"a digest", nil, map[string]any{"sha256": sum}, 1 + 1 + 34},
		{"the same digest", map[string]any{"sha256": sum}, map[string]any{"sha256": sum}, 1},
		{"no digest", nil, map[string]any{"sha256": "ABC"}, 1 + 1 + 4},
		{"numbers", map[string]any{"size": int64(5)}, map[string]any{"size": int64(5)}, 1 + 2},
		{"names without a number", map[string]any{"stdout": "x"}, map[string]any{"stdout": "x", "exit_code": int64(0)}, 1 + 7 + 2 + 10 + 1},
		{"mixed lists", map[string]any{"argv": []any{"a", int64(1)}}, map[string]any{"argv": []any{"a", int64(1)}}, 1 + 1 + 1 + 3},
	} {
		base, attributes := maps.Clone(c.base), maps.Clone(c.attributes)
		encoded, err := encodeAttributes(c.base, c.attributes)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeAttributes(c.base, encoded)
		if err != nil || !reflect.DeepEqual(got, c.attributes) {
			t.Errorf("%s: %v, %v; want %v", c.name, got, err, c.attributes)
		}
		if len(encoded) != c.size {
			t.Errorf("%s: %d bytes, %x, want %d", c.name, len(encoded), encoded, c.size)
		}
		if !reflect.DeepEqual(c.base, base) || !reflect.DeepEqual(c.attributes, attributes) {
			t.Errorf("%s: what it was given was changed", c.name)
		}
	}
	if encoded, err := encodeAttributes(nil, map[string]any{"backup": nil, "x": nil}); err != nil || !bytes.Equal(encoded, []byte{0xa0}) {
		t.Errorf("nulls are %x, %v", encoded, err)
	}
	for _, bad := range []string{"", "\xa1\x00\x60", "\xa1\x18\x63\x60", "\xa1\x20\x60", "\xa1\xf4\x60", "\xa1\x41a\x60", "\xa1\x80\x60", "\x80", "\xa2\x01\x60\x01\x60"} {
		if got, err := decodeAttributes(nil, []byte(bad)); code(err) != CodeProtocol {
			t.Errorf("%x is %v, %v", bad, got, err)
		}
	}
}

// Whatever comes, decoding it ends, and what it has given can be sent again.
func FuzzAttributes(f *testing.F) {
	f.Add([]byte{0xa1, 0x01, 0x62, '/', 'a'}, "/a")
	f.Add([]byte{0xa2, 0x07, 0x41, 0xff, 0x61, 'x', 0xf6}, "")
	f.Fuzz(func(t *testing.T, encoded []byte, path string) {
		base := map[string]any{"path": path, "mode": "0640", "argv": []any{path}}
		first, err := decodeAttributes(base, encoded)
		if err != nil {
			return
		}
		again, err := encodeAttributes(base, first)
		if err != nil {
			t.Fatal(err)
		}
		second, err := decodeAttributes(base, again)
		if err != nil {
			t.Fatal(err)
		}
		want, err := Marshal(first) // equal maps have equal encodings, also where something is not a number
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Marshal(second); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%v became %v, %v", first, second, err)
		}
	})
}
