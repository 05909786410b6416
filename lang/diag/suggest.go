package diag

import (
	"strings"
	"unicode/utf8"

	"github.com/agext/levenshtein"
)

// Suggest returns the candidate that was most likely meant, or "" when none is near. Of candidates that are equally
// near it takes the first.
func Suggest(name string, candidates []string) string {
	given := strings.ToLower(name)
	best, distance := "", limit(given)+1
	for _, candidate := range candidates {
		if candidate == name {
			continue
		}
		if d := nearness(given, strings.ToLower(candidate)); d < distance {
			best, distance = candidate, d
		}
	}
	return best
}

// DidYouMean returns ` Did you mean "candidate"?` for the end of a detail, or "".
func DidYouMean(name string, candidates []string) string {
	if s := Suggest(name, candidates); s != "" {
		return " Did you mean " + Quote(s) + "?"
	}
	return ""
}

// Quote returns text in double quotes as details show names: harmless, and cut when it is very long.
func Quote(s string) string {
	const most = 80
	if utf8.RuneCountInString(s) > most {
		s = string([]rune(s)[:most-1]) + "…"
	}
	return `"` + HarmlessLine(s) + `"`
}

// limit is how many edits a name of this length may be away.
func limit(name string) int {
	switch n := utf8.RuneCountInString(name); {
	case n <= 1:
		return 0
	case n <= 3:
		return 1
	case n <= 8:
		return 2
	}
	return 3
}

// nearness is the number of edits between two names; that separators differ or are missing, or that one name is the
// beginning of the other, counts as one.
func nearness(a, b string) int {
	const longEnough = 3
	strip := strings.NewReplacer("-", "", "_", "", " ", "")
	if strip.Replace(a) == strip.Replace(b) {
		return min(1, levenshtein.Distance(a, b, nil))
	}
	if len(a) >= longEnough && strings.HasPrefix(b, a) || len(b) >= longEnough && strings.HasPrefix(a, b) {
		return 1
	}
	return levenshtein.Distance(a, b, nil)
}
