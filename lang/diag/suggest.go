package diag

import (
	"strings"
	"unicode/utf8"
)

// Suggest returns the candidate that was most likely meant, or "" when none is near. Of candidates that are equally
// near it takes the first.
func Suggest(name string, candidates []string) string {
	given := strings.ToLower(name)
	best, nearest := "", limit(given)+1
	for _, candidate := range candidates {
		if candidate == name {
			continue
		}
		if d := nearness(given, strings.ToLower(candidate)); d < nearest {
			best, nearest = candidate, d
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
		return min(1, distance(a, b))
	}
	if len(a) >= longEnough && strings.HasPrefix(b, a) || len(b) >= longEnough && strings.HasPrefix(a, b) {
		return 1
	}
	return distance(a, b)
}

// distance is how many characters have to be added, left out, replaced or swapped with their neighbour to get from one
// name to the other (optimal string alignment).
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	const longest = 100 // no name is worth more
	if len(s) > longest || len(t) > longest {
		return longest
	}
	rows := make([][]int, len(s)+1)
	for i := range rows {
		rows[i] = make([]int, len(t)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(s); i++ {
		for j := 1; j <= len(t); j++ {
			replaced := rows[i-1][j-1]
			if s[i-1] != t[j-1] {
				replaced++
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, replaced)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(s)][len(t)]
}
