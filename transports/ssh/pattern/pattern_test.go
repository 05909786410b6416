package pattern

import (
	"regexp"
	"strings"
	"testing"
)

func TestMatchAny(t *testing.T) {
	for _, c := range []struct {
		list, text string
		want       bool
	}{
		{"a", "a", true},
		{"a", "A", true},
		{"*.net,!x.net", "y.net", true},
		{"*.net,!x.net", "x.net", false},
		{"!x.net,*.net", "X.NET", false},
		{"!x.net", "y.net", false},
		{"a,,b", "", false},
		{"!", "a", false},
		{"", "", false},
		{"*", "", true},
	} {
		if got := MatchHost(c.list, c.text); got != c.want {
			t.Errorf("%q and %q: %v", c.list, c.text, got)
		}
	}
}

// Match is what a regular expression made of the pattern finds, and is not slow where that would be told to guess.
func FuzzMatch(f *testing.F) {
	f.Add("a*b?c", "aXXbYc")
	f.Add("**", "")
	f.Add("*.net", "a.b.net")
	f.Add(strings.Repeat("*a", 20), strings.Repeat("a", 60)+"b")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		quoted := regexp.QuoteMeta(latin(pattern))
		quoted = strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(quoted)
		want := regexp.MustCompile("(?s)^" + quoted + "$").MatchString(latin(text))
		if got := Match(pattern, text); got != want {
			t.Errorf("%q and %q: %v", pattern, text, got)
		}
	})
}

// latin makes each byte a character: patterns match bytes.
func latin(text string) string {
	runes := make([]rune, len(text))
	for i := range len(text) {
		runes[i] = rune(text[i])
	}
	return string(runes)
}
