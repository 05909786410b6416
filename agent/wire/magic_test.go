package wire

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

const nonce = "00112233445566778899aabbccddeeff"

// G5: nothing that comes before the magic is taken for it, and what comes after it is left alone.
func TestG5ReadMagicPassesNoise(t *testing.T) {
	magic := string(Magic(nonce))
	for name, noise := range map[string]string{
		"nothing":         "",
		"a banner":        "Welcome!\r\nYour password expires.\n",
		"the nonce":       "+ exec agent-00 serve " + nonce + "\n",
		"NUL bytes":       "\x00\x00\xff\x00",
		"the beginning":   magic[:len(magic)-1],
		"it, nearly":      "\x00\xffrunner\x00" + strings.Repeat("0", 32) + "\x00\n",
		"another's":       string(Magic(strings.Repeat("f", 32))),
		"beginnings":      strings.Repeat("\x00\xff", 100) + "\x00",
		"as much as goes": strings.Repeat("x", MaxNoise),
	} {
		r := bufio.NewReader(iotest.HalfReader(strings.NewReader(noise + magic + "rest")))
		got, err := ReadMagic(r, nonce, MaxNoise)
		rest, _ := io.ReadAll(r)
		if err != nil || string(got) != noise || string(rest) != "rest" {
			t.Errorf("%s: noise %.40q, rest %.40q, %v", name, got, rest, err)
		}
	}
}

// G5, G22: too much noise and none of ours are errors that quote it, in bounded memory.
func TestG5ReadMagicQuotes(t *testing.T) {
	megabyte := "first words\n" + strings.Repeat("all work and no play\n", 50000) + "last words"
	noise, err := ReadMagic(bufio.NewReader(strings.NewReader(megabyte+string(Magic(nonce)))), nonce, MaxNoise)
	var p *Problem
	if !errors.As(err, &p) || p.Code != CodeNoise {
		t.Fatalf("a megabyte of noise: %v", err)
	}
	if !strings.HasPrefix(p.Quote, "first words") || len(p.Quote) > MaxQuote || !strings.Contains(p.Quote, "[…]") {
		t.Errorf("quoted %q", p.Quote)
	}
	if len(noise) > MaxNoise+200 {
		t.Errorf("%d bytes were kept", len(noise))
	}
	_, err = ReadMagic(bufio.NewReader(strings.NewReader(strings.Repeat("x", MaxNoise+1)+string(Magic(nonce)))), nonce, MaxNoise)
	if code(err) != CodeNoise {
		t.Errorf("one byte too much: %v", err)
	}
	_, err = ReadMagic(bufio.NewReader(strings.NewReader("This account is currently not available.\n")), nonce, MaxNoise)
	if !errors.As(err, &p) || p.Code != CodeEnded || p.Quote != "This account is currently not available." {
		t.Errorf("an end: %+v", p)
	}
	_, err = ReadMagic(bufio.NewReader(iotest.ErrReader(io.ErrNoProgress)), nonce, MaxNoise)
	if !errors.As(err, &p) || p.Code != CodeEnded || !strings.Contains(p.Message, io.ErrNoProgress.Error()) {
		t.Errorf("a failure: %+v", p)
	}
}

func TestReadMarkTellsMarksApart(t *testing.T) {
	r := bufio.NewReader(strings.NewReader("noise need x\nmore magic"))
	which, noise, err := ReadMark(r, 100, []byte("magic"), []byte("need "))
	if err != nil || which != 1 || string(noise) != "noise " {
		t.Errorf("first %d after %q, %v", which, noise, err)
	}
	which, noise, err = ReadMark(r, 100, []byte("magic"), []byte("need "))
	if err != nil || which != 0 || string(noise) != "x\nmore " {
		t.Errorf("then %d after %q, %v", which, noise, err)
	}
}

func TestWordsKeepBothEnds(t *testing.T) {
	var all []byte
	var w Words
	for i := range 5000 {
		part := bytes.Repeat([]byte{byte('a' + i%26)}, i%7)
		all = append(all, part...)
		if n, err := w.Write(part); n != len(part) || err != nil {
			t.Fatal(n, err)
		}
		got := w.String()
		if len(all) <= MaxQuote {
			if got != string(all) {
				t.Fatalf("after %d bytes: %q", len(all), got)
			}
			continue
		}
		head, tail, ok := strings.Cut(got, gap)
		if !ok || len(got) != MaxQuote || !bytes.HasPrefix(all, []byte(head)) || !bytes.HasSuffix(all, []byte(tail)) {
			t.Fatalf("after %d bytes: %q", len(all), got)
		}
	}
	if cap(w.tail) > 4*MaxQuote {
		t.Errorf("%d bytes are kept", cap(w.tail))
	}
	if got := Quote(bytes.Repeat([]byte("z"), 1<<20)); len(got) != MaxQuote {
		t.Errorf("a quote of %d bytes", len(got))
	}
}

// Whatever the noise and however it comes, the scanner finds what strings.Index would, and never keeps more than it may.
func FuzzReadMagic(f *testing.F) {
	magic := Magic(nonce)
	f.Add([]byte("hello\n"), []byte("frames"), uint16(100))
	f.Add(magic[:20], magic, uint16(64))
	f.Add(bytes.Repeat([]byte{0, 0xff}, 40), []byte{}, uint16(80))
	f.Add([]byte(nonce), magic[1:], uint16(10))
	f.Fuzz(func(t *testing.T, noise, rest []byte, limit uint16) {
		stream := bytes.Join([][]byte{noise, magic, rest}, nil)
		at := bytes.Index(stream, magic)
		r := bufio.NewReader(iotest.OneByteReader(bytes.NewReader(stream)))
		got, err := ReadMagic(r, nonce, int(limit))
		if len(got) > int(limit)+2*len(magic) {
			t.Fatalf("kept %d bytes of noise over a limit of %d", len(got), limit)
		}
		if at > int(limit) {
			if code(err) != CodeNoise && code(err) != CodeEnded {
				t.Fatalf("noise of %d bytes over a limit of %d: %v", at, limit, err)
			}
			return
		}
		left, _ := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, stream[:at]) || !bytes.Equal(left, stream[at+len(magic):]) {
			t.Fatalf("noise %q, rest %q, %v of %q", got, left, err, stream)
		}
	})
}
