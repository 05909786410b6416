package bootstrap

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
)

// shells are login shells that people have, and how each is started as sshd does.
func shells(t testing.TB) map[string][]string {
	t.Helper()
	all := map[string][]string{
		"sh": {"sh", "-c"}, "bash": {"bash", "-c"}, "dash": {"dash", "-c"}, "zsh": {"zsh", "-c"},
		"fish": {"fish", "-c"}, "tcsh": {"tcsh", "-c"}, "busybox": {"busybox", "sh", "-c"},
	}
	for name, argv := range all {
		if _, err := exec.LookPath(argv[0]); err != nil {
			t.Logf("without %s, which is not installed", name)
			delete(all, name)
		}
	}
	if len(all) == 0 {
		t.Fatal("no shell at all")
	}
	return all
}

var quoted = []string{
	"", "plain", "two words", "'", "''", `'\''`, `\`, `\\`, `a\`, "!", "!!", "a!b", "$HOME", "`id`", "$(id)", "*", "?", "[a]", "~", "~root",
	"-n", "--", "#", "%self", "=ls", "{a,b}", "^a^b", "a;b", "a&b", "a|b", "<a>", "\t", "é", "日本", "\x80\xff", `"`, `"'"`, "!'\\", "a\x01b",
	strings.Repeat("x", 5000), strings.Repeat("'!", 500),
}

// FuzzQuote: whatever the text, every real shell gives it back as one word (G14).
func FuzzQuote(f *testing.F) {
	for _, text := range quoted {
		f.Add(text)
	}
	shells := shells(f)
	f.Fuzz(func(t *testing.T, text string) {
		word, err := Quote(text)
		if strings.ContainsAny(text, "\n\r\x00") {
			if _, ok := errors.AsType[*QuoteError](err); !ok {
				t.Fatalf("Quote(%q) = %q, %v; want a *QuoteError", text, word, err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		for name, argv := range shells {
			line := "/usr/bin/printf %s,%s, " + word + " end"
			out, err := exec.CommandContext(t.Context(), argv[0], append(argv[1:], line)...).CombinedOutput()
			if got, want := string(out), text+",end,"; err != nil || got != want {
				t.Errorf("%s: %s gives %q, %v; want %q", name, line, got, err, want)
			}
		}
	})
}
