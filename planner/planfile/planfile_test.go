package planfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"reflect"
	"slices"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"
)

func sample(recipients ...age.Recipient) Content {
	blobs := Blobs{}
	digest := blobs.Put(bytes.Repeat([]byte("task\n"), 10000))
	return Content{
		File: File{
			ID: "20260102T030405Z-00000000", Created: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Runner: "0.1.0", Agents: "abc",
			Request: Request{Path: "site.hcl", Limit: []string{"web*"}},
			Site: Site{
				Dir: "/srv", Once: []byte{1},
				Nodes: map[string]Node{
					"/srv/site.hcl": {Looked: true, Mode: 0o644, Size: 50000, Read: true, Digest: digest},
					"/srv":          {Looked: true, Mode: 1 << 31, Listed: true, Names: []Name{{Name: "site.hcl"}}},
				},
				Again: []Withheld{{Variable, "password"}},
			},
			Hosts: []Host{{Name: "web", Known: []string{"machine id 1"}, Reached: true}},
		},
		Events:  slices.Values([][]byte{[]byte("first"), {}, []byte("third")}),
		Blobs:   blobs,
		Secrets: Secrets{Variables: map[string][]byte{"password": []byte("hunter2")}}, Recipients: recipients,
	}
}

func written(t testing.TB, c Content) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := Write(&out, c); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func read(file []byte) (*Reader, error) { return Read(bytes.NewReader(file), int64(len(file))) }

// everything reads all that a file holds.
func everything(r *Reader) (events [][]byte, blobs Blobs, err error) {
	err = r.Events(func(e []byte) error {
		events = append(events, e)
		return nil
	})
	blobs = Blobs{}
	for d := range r.blobs {
		from, openErr := r.Blob(d)
		if openErr != nil {
			return nil, nil, openErr
		}
		content, readErr := io.ReadAll(from)
		from.Close()
		if readErr != nil {
			return nil, nil, readErr
		}
		blobs[d] = content
	}
	return events, blobs, err
}

func TestRoundTrip(t *testing.T) {
	want := sample()
	r, err := read(written(t, want))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(*r.File, want.File) || r.Sealed {
		t.Errorf("it came back as %+v, sealed %t", *r.File, r.Sealed)
	}
	events, blobs, err := everything(r)
	if err != nil || len(events) != 3 || string(events[2]) != "third" || !reflect.DeepEqual(blobs, want.Blobs) {
		t.Errorf("events %q, %d blobs, %v", events, len(blobs), err)
	}
	if !r.Withholds(Variable, "password") || r.Withholds(Environment, "password") {
		t.Error("it does not know what it withholds")
	}
}

// TestDeterministic: equal plans are equal files.
func TestDeterministic(t *testing.T) {
	if !bytes.Equal(written(t, sample()), written(t, sample())) {
		t.Error("two files of one plan differ")
	}
}

// TestG36NoSecrets: without a key, what is secret is not in the file, whatever is unpacked.
func TestG36NoSecrets(t *testing.T) {
	file := written(t, sample())
	r, err := read(file)
	if err != nil {
		t.Fatal(err)
	}
	body, err := r.payload(section{int64(len(magic)) + 4 + headSize, int64(binary.BigEndian.Uint64(file[len(magic)+5:]))}, MaxBody)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := unpack(body, MaxBody)
	if err != nil || !bytes.Contains(plain, []byte("site.hcl")) || bytes.Contains(plain, []byte("hunter2")) || bytes.Contains(file, []byte("hunter2")) {
		t.Errorf("%q, %v", plain, err)
	}
}

// TestEveryByte: a file with any one byte changed, cut anywhere or longer by a byte is refused, as damaged.
func TestEveryByte(t *testing.T) {
	file := written(t, sample())
	refused := func(what string, at int, changed []byte) {
		t.Helper()
		_, err := read(changed)
		if damaged := (*DamagedError)(nil); !errors.As(err, &damaged) {
			t.Fatalf("%s %d: %v", what, at, err)
		}
	}
	for i := range file {
		changed := bytes.Clone(file)
		changed[i] ^= 1
		refused("byte", i, changed)
		refused("cut at", i, file[:i])
	}
	refused("longer", 1, append(bytes.Clone(file), 0))
}

// again ends a file that was changed with the digest that it would have.
func again(file []byte) []byte {
	sum := sha256.Sum256(file[:len(file)-sha256.Size])
	return append(bytes.Clone(file[:len(file)-sha256.Size]), sum[:]...)
}

func TestVersions(t *testing.T) {
	file := written(t, sample())
	binary.BigEndian.PutUint32(file[len(magic):], Format+1)
	_, err := read(again(file))
	if v := (*VersionError)(nil); !errors.As(err, &v) || v.Format != Format+1 {
		t.Errorf("format %d: %v", Format+1, err)
	}
}

// forged is a file of sections as they are given.
func forged(sections ...[]byte) []byte {
	out := binary.BigEndian.AppendUint32([]byte(magic), Format)
	for _, s := range sections {
		out = binary.BigEndian.AppendUint64(append(out, s[0]), uint64(len(s)-1))
		out = append(out, s[1:]...)
	}
	out = binary.BigEndian.AppendUint64(append(out, sectionEnd), sha256.Size)
	return again(append(out, make([]byte, sha256.Size)...))
}

// TestForged: whoever writes a file with a good digest can still not make the reader take much memory, or believe what is
// not there.
func TestForged(t *testing.T) {
	pack, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer pack.Close() //nolint:errcheck // it writes nowhere by itself
	section := func(kind byte, plain []byte) []byte { return pack.EncodeAll(plain, []byte{kind}) }
	empty, err := encoding().Marshal(File{})
	if err != nil {
		t.Fatal(err)
	}
	body, events := section(sectionBody, empty), section(sectionEvents, nil)
	if _, err := read(forged(body, events)); err != nil {
		t.Fatalf("a plan of nothing: %v", err)
	}
	zeros := make([]byte, MaxBody+1)
	missing, err := encoding().Marshal(File{Site: Site{Nodes: map[string]Node{"/x": {Read: true}}}})
	if err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string][]byte{
		"no sections":     forged(),
		"no events":       forged(body),
		"no body":         forged(events),
		"two bodies":      forged(body, body, events),
		"events first":    forged(events, body),
		"two events":      forged(body, events, events),
		"unknown section": forged(body, events, []byte{'x'}),
		"large body":      forged(section(sectionBody, zeros), events),
		"body no plan":    forged(section(sectionBody, []byte("no")), events),
		"body not packed": forged([]byte("bno"), events),
		"unknown field":   forged(section(sectionBody, []byte("\xa1\x63new\x01")), events),
		"deep":            forged(section(sectionBody, bytes.Repeat([]byte{0x81}, 1<<20)), events),
		"missing content": forged(section(sectionBody, missing), events),
		"short blob":      forged(body, events, []byte{sectionBlob, 1}),
		"huge blob":       forged(body, events, append([]byte{sectionBlob}, bytes.Repeat([]byte{0xff}, 8)...)),
		"longer blob":     forged(body, events, pack.EncodeAll(zeros, []byte{sectionBlob, 0, 0, 0, 0, 0, 0, 0, 1})),
	} {
		if r, err := read(file); err == nil {
			t.Errorf("%s: %+v", name, r.File)
		}
	}
	for name, plain := range map[string][]byte{"cut head": {0, 0}, "cut event": {0, 0, 0, 9, 1}, "large event": {0xff, 0, 0, 0}} {
		r, err := read(forged(body, section(sectionEvents, plain)))
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Events(func([]byte) error { return nil }); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestSealed(t *testing.T) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	want := sample(key.Recipient())
	file := written(t, want)
	r, err := read(file)
	if err != nil || !r.Sealed {
		t.Fatalf("sealed %t, %v", r.Sealed, err)
	}
	secrets, err := r.Unlock([]age.Identity{other, key})
	if err != nil || !reflect.DeepEqual(secrets, want.Secrets) {
		t.Errorf("opened: %+v, %v", secrets, err)
	}
	if _, err := r.Unlock([]age.Identity{other}); !errors.As(err, new(*KeyError)) {
		t.Errorf("with another key: %v", err)
	}

	changed := want.with(t, "0.2.0", file) // by somebody who knows how digests are made
	r, err = read(changed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Unlock([]age.Identity{key}); !errors.As(err, new(*TamperedError)) {
		t.Errorf("after somebody has changed the rest: %v", err)
	}
}

// with is a file of the same sealed part and another version.
func (c Content) with(t *testing.T, version string, file []byte) []byte {
	t.Helper()
	r, err := read(file)
	if err != nil {
		t.Fatal(err)
	}
	c.File.Runner, c.Recipients = version, nil
	other := written(t, c)
	sealed := file[r.sealed.at-headSize : r.sealed.at+r.sealed.size]
	at := len(other) - sha256.Size - headSize
	return again(slices.Concat(other[:at], sealed, other[at:]))
}

// FuzzRead: whatever the bytes are, reading ends with an error or with what can be written again.
func FuzzRead(f *testing.F) {
	f.Add(written(f, sample()))
	f.Add(forged())
	f.Add(forged([]byte{sectionBody}, []byte{sectionEvents}))
	f.Fuzz(func(t *testing.T, file []byte) {
		if len(file) > sha256.Size {
			file = again(file) // or nothing behind the digest would ever be tried
		}
		r, err := read(file)
		if err != nil {
			return
		}
		events, blobs, err := everything(r)
		if err != nil {
			return
		}
		back, err := read(written(t, Content{File: *r.File, Events: slices.Values(events), Blobs: blobs}))
		if err != nil || !reflect.DeepEqual(back.File, r.File) {
			t.Errorf("%+v came back as %+v, %v", r.File, back.File, err)
		}
	})
}
