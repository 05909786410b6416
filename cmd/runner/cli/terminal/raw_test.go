package terminal

import (
	"bytes"
	"io"
	"testing"
	"testing/iotest"
)

// TestEscapes types lines with and without tildes, one key at a time and all at once.
func TestEscapes(t *testing.T) {
	for _, c := range []struct {
		typed, passed string
		ended         bool
	}{
		{"ls\r", "ls\r", false},
		{"ls\r~.rm\r", "ls\r", true},
		{"~.", "", true},
		{"~~.\r", "~.\r", false},
		{"cd ~.\r", "cd ~.\r", false},
		{"~/bin\r", "~/bin\r", false},
		{"~\r~.", "~\r", true},
		{"a\n~.", "a\n", true},
	} {
		for name, in := range map[string]io.Reader{
			"keys":   iotest.OneByteReader(bytes.NewReader([]byte(c.typed))),
			"pasted": bytes.NewReader([]byte(c.typed)),
		} {
			ended := false
			e := &Escapes{In: in, Quit: func() { ended = true }}
			got, err := io.ReadAll(e)
			if err != nil || string(got) != c.passed || ended != c.ended {
				t.Errorf("%s %q: %q, %t, %v", name, c.typed, got, ended, err)
			}
		}
	}
}
