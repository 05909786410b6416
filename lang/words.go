package lang

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"runner/lang/diag"
)

// upper begins a sentence.
func upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// article puts one in front of what has none.
func article(what string) string {
	switch {
	case strings.HasPrefix(what, "the "):
		return what
	case strings.ContainsAny(what[:1], "aeiou"):
		return "an " + what
	}
	return "a " + what
}

// suggest is a suggestion, or a list of what there is if nothing is near.
func suggest(name string, candidates []string, what string) string {
	if s := diag.DidYouMean(name, candidates); s != "" {
		return s
	}
	return fmt.Sprintf(" %s are %s.", what, strings.Join(candidates, ", "))
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func mapsKeys[K comparable, V any](m map[K]V) func(func(K) bool) { return maps.Keys(m) }

func compareNodes(a, b node) int { return strings.Compare(a.String(), b.String()) }
