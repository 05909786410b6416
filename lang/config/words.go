package config

import (
	"fmt"
	"strings"

	"runner/lang/diag"
)

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
