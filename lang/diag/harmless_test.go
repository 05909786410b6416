package diag_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"

	"runner/lang/diag"
)

func TestHarmless(t *testing.T) {
	tests := []struct{ in, want, line string }{
		{"plain ä 漢 🙂", "plain ä 漢 🙂", "plain ä 漢 🙂"},
		{"a\tb\nc", "a\tb\nc", `a\tb\nc`},
		{"a\r\nb", "a\nb", `a\r\nb`},
		{"50%\r100%", `50%\r100%`, `50%\r100%`},
		{"\x1b[31mred\x1b[0m", `\x1b[31mred\x1b[0m`, `\x1b[31mred\x1b[0m`},
		{"\x07\x00\x7f", `\x07\x00\x7f`, `\x07\x00\x7f`},
		{"\u009b31m", `\u009b31m`, `\u009b31m`},
		{"a\u202eb\u2066c\u200fd", `a\u202eb\u2066c\u200fd`, `a\u202eb\u2066c\u200fd`},
		{"a\u2028b\ufeff", `a\u2028b\ufeff`, `a\u2028b\ufeff`},
		{"\U000e0041", `\U000e0041`, `\U000e0041`},
		{"\xff\xc3(", `\xff\xc3(`, `\xff\xc3(`},
		{"می\u200cخواهم", "می\u200cخواهم", "می\u200cخواهم"},
		{"\ufffd", "\ufffd", "\ufffd"},
	}
	for _, test := range tests {
		if got := diag.Harmless(test.in); got != test.want {
			t.Errorf("Harmless(%q) = %q, not %q", test.in, got, test.want)
		}
		if got := diag.HarmlessLine(test.in); got != test.line {
			t.Errorf("HarmlessLine(%q) = %q, not %q", test.in, got, test.line)
		}
	}
}

// dangerous finds the first character that a terminal does more with than show it.
func dangerous(s string, allowed string) (rune, bool) {
	for _, r := range s {
		if strings.ContainsRune(allowed, r) || r == '\u200c' || r == '\u200d' {
			continue
		}
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' {
			return r, true
		}
	}
	return 0, false
}

// G38: whatever comes in, what goes out is UTF-8 without control characters, and a second time changes nothing.
func FuzzHarmless(f *testing.F) {
	for _, seed := range []string{"", "a\r\nb\rc", "\x1b]0;title\x07", "\u202egnp.exe", "\xe2\x80", "\xc2\x9b", "\r\r\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, out := range []string{diag.Harmless(s), diag.HarmlessLine(s)} {
			if !utf8.ValidString(out) {
				t.Errorf("%q is not UTF-8", out)
			}
			if r, bad := dangerous(out, "\n\t"); bad {
				t.Errorf("%q holds %U", out, r)
			}
			if again := diag.Harmless(out); again != out {
				t.Errorf("%q became %q", out, again)
			}
		}
		if line := diag.HarmlessLine(s); strings.ContainsAny(line, "\n\t") {
			t.Errorf("%q is more than a line", line)
		}
	})
}

// G38: no part of a diagnostic can reach the terminal as it is, and the rendering never fails, whatever the ranges.
func FuzzPrinter(f *testing.F) {
	f.Add("a = 1\nb = \x1b[31m\n", "s\x1b", "detail \u202e text", 2, 6, 10, 30)
	f.Add("", "", "", 0, 0, 0, 0)
	f.Add("a\tb\t漢字漢字漢字漢字漢字漢字", "s", "d", 1, 2, 9, 20)
	f.Fuzz(func(t *testing.T, source, summary, detail string, line, start, end, width int) {
		rng := hcl.Range{
			Filename: "a\x1b.hcl",
			Start:    hcl.Pos{Line: line, Column: 1, Byte: start},
			End:      hcl.Pos{Line: line, Column: 1, Byte: end},
		}
		d := diag.Errorf(diag.Syntax, rng, summary, "%s", detail)
		d = diag.At(hcl.Diagnostics{d}, "host\x1b", "job\u202e")[0]
		p := diag.Printer{Files: map[string]*hcl.File{rng.Filename: {Bytes: []byte(source)}}, Width: width}
		if r, bad := dangerous(p.Text(d), "\n\t"); bad {
			t.Errorf("%U is left", r)
		}
	})
}
