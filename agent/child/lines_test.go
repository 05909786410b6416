package child

import (
	"strings"
	"testing"
)

// pieces keeps each write apart.
type pieces []string

func (p *pieces) Write(b []byte) (int, error) {
	*p = append(*p, string(b))
	return len(b), nil
}

// G38: what a hop's program prints is passed on in whole lines that only show.
func TestG38Lines(t *testing.T) {
	for in, want := range map[string]string{
		"":                            "",
		"runner-agent 7 as user 0:\n": "runner-agent 7 as user 0:\n",
		"\tmain.go:1 +0x1\r\n":        "\tmain.go:1 +0x1\n",
		"größe …":                     "größe …\n",
		"\x1b[2J\x07\r\x9b\n":         `\x1b[2J\x07\x0d\x9b` + "\n",
		"a\u202eb\u0085c\u2028\n":     `a\xe2\x80\xaeb\xc2\x85c\xe2\x80\xa8` + "\n",
		"\xff\ufffd\n\n":              `\xff` + "\ufffd\n\n",
	} {
		var got pieces
		l := &lines{to: &got}
		for i := range len(in) {
			_, _ = l.Write([]byte{in[i]})
		}
		l.end()
		if all := strings.Join(got, ""); all != want {
			t.Errorf("%q became %q, want %q", in, all, want)
		}
		for _, line := range got {
			if !strings.HasSuffix(line, "\n") {
				t.Errorf("%q: %q is no whole line", in, line)
			}
		}
		if again := string(harmless([]byte(want))); again != want {
			t.Errorf("%q became %q the second time", want, again)
		}
	}
}

// A line without end takes no memory without end.
func TestLinesAreBounded(t *testing.T) {
	var got pieces
	l := &lines{to: &got}
	for range 100 {
		_, _ = l.Write(make([]byte, 4<<10))
		if len(l.kept) > maxLine {
			t.Fatalf("%d bytes are kept", len(l.kept))
		}
	}
}
