package diag

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// MostCandidates is of how many names one is suggested: with more, a site that gets all of them wrong would take long.
const MostCandidates = 1000

// Candidates are the keys of a map for Suggest, in order; none if they are too many.
func Candidates[V any](names map[string]V) []string {
	if len(names) > MostCandidates {
		return nil
	}
	return slices.Sorted(maps.Keys(names))
}

// Suggest returns the candidate that was most likely meant, if need be one of which two letters or the vowels were left out, or "" when none is near or there are too many. Of candidates
// that are equally near it takes the first.
func Suggest(name string, candidates []string) string {
	if len(candidates) > MostCandidates {
		return ""
	}
	given := strings.ToLower(name)
	best, shortened, nearest := "", "", limit(given)+1
	for _, candidate := range candidates {
		if candidate == name {
			continue
		}
		if d := nearness(given, strings.ToLower(candidate), nearest); d < nearest {
			best, nearest = candidate, d
		}
		if shortened == "" && isShortened(given, strings.ToLower(candidate)) {
			shortened = candidate
		}
	}
	if best == "" {
		return shortened
	}
	return best
}

// DidYouMean returns ` Did you mean "candidate"?` for the end of a detail, or "".
func DidYouMean(name string, candidates []string) string {
	return Meant(Suggest(name, candidates))
}

// Meant is DidYouMean for what was found otherwise.
func Meant(name string) string {
	if name == "" {
		return ""
	}
	return " Did you mean " + Quote(name) + "?"
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
	case n <= 4:
		return 1
	case n <= 8:
		return 2
	}
	return 3
}

// nearness is the number of edits between the name that was given and a candidate; separators that differ or are missing
// count nothing; that what was given is the beginning of the candidate, or a short name with its letters in another order,
// counts as one, and that it goes on behind the candidate as two. Whatever is not below a number of edits may count as that many.
func nearness(given, candidate string, below int) int {
	const longEnough, short = 3, 5
	switch {
	case sameLetters(given, candidate):
		return 0
	case len(given) >= longEnough && strings.HasPrefix(candidate, given):
		return 1
	case len(given) <= short && len(given) == len(candidate) && letters(given) == letters(candidate):
		return 1
	case len(candidate) >= longEnough && strings.HasPrefix(given, candidate):
		return min(2, distance(given, candidate, below))
	}
	return distance(given, candidate, below)
}

// isShortened says whether two letters are all that a name lacks behind its first, or a name without vowels some more, as msg does.
func isShortened(given, candidate string) bool {
	const longEnough, missing = 3, 2
	if len(given) < longEnough || given[0] != candidate[0] || len(candidate) != len(given)+missing && strings.ContainsAny(given, "aeiou") {
		return false
	}
	rest := given
	for _, c := range []byte(candidate) {
		if rest != "" && rest[0] == c {
			rest = rest[1:]
		}
	}
	return rest == ""
}

// letters are those of a name, sorted.
func letters(name string) string {
	sorted := []byte(name)
	slices.Sort(sorted)
	return string(sorted)
}

// sameLetters says whether two names differ in nothing but separators.
func sameLetters(a, b string) bool {
	const separators = "-_ "
	for {
		a, b = strings.TrimLeft(a, separators), strings.TrimLeft(b, separators)
		if a == "" || b == "" || a[0] != b[0] {
			return a == b
		}
		a, b = a[1:], b[1:]
	}
}

// distance is how many characters have to be added, left out, replaced or swapped with their neighbour to get from one
// name to the other (optimal string alignment). It gives up, with the number given, once it is not below that.
func distance(a, b string, below int) int {
	const longest = 100 // no name is worth more
	if max(len(a), len(b)) > longest*utf8.UTFMax {
		return below
	}
	s, t := []rune(a), []rune(b)
	if len(s) > longest || len(t) > longest || max(len(s)-len(t), len(t)-len(s)) >= below {
		return below
	}
	var rows [3][longest + 1]int // the one at hand and the two before it
	for j := range len(t) + 1 {
		rows[0][j] = j
	}
	for i := 1; i <= len(s); i++ {
		row, above, twoAbove := &rows[i%3], &rows[(i+2)%3], &rows[(i+1)%3]
		row[0] = i
		nearest := i
		for j := 1; j <= len(t); j++ {
			replaced := above[j-1]
			if s[i-1] != t[j-1] {
				replaced++
			}
			row[j] = min(above[j]+1, row[j-1]+1, replaced)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				row[j] = min(row[j], twoAbove[j-2]+1)
			}
			nearest = min(nearest, row[j])
		}
		if nearest > below { // a swap goes over one row
			return below
		}
	}
	return min(rows[len(s)%3][len(t)], below)
}

// Capital begins a sentence with a text.
func Capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// OneOf is DidYouMean that lists the names, or the first of many, if none is near.
func OneOf(name string, names []string) string {
	text := DidYouMean(name, names)
	if text != "" || len(names) == 0 {
		return text
	}
	if len(names) == 1 {
		return " There is only " + Quote(names[0]) + "."
	}
	return " There are " + Listed(names) + "."
}

// Listed lists names in a sentence, the first of very many; at least one.
func Listed(names []string) string {
	const most = 20
	shown := names
	if len(names) > most {
		shown = names[:most-1]
	}
	quoted := make([]string, len(shown), most)
	for i, n := range shown {
		quoted[i] = Quote(n)
	}
	if more := len(names) - len(shown); more > 0 {
		quoted = append(quoted, fmt.Sprintf("%d more", more))
	}
	return and(quoted)
}

// and lists some things in a sentence, at least one.
func and(things []string) string {
	last := len(things) - 1
	if last == 0 {
		return things[0]
	}
	return strings.Join(things[:last], ", ") + " and " + things[last]
}
