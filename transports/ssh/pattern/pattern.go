// Package pattern matches names the way OpenSSH's files do, in ssh_config and in known_hosts. It knows no character
// classes and no escapes: they have none.
package pattern

import (
	"iter"
	"slices"
	"strings"
)

// Match tells whether a pattern covers all of a text: "*" stands for any text, dots included, "?" for any one byte.
func Match(pattern, text string) bool {
	p, t := 0, 0
	star, resume := -1, 0 // where the last "*" stood, and how far what it swallowed goes
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, resume = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			resume++
			p, t = star+1, resume
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// MatchAny tells whether one of several patterns covers a text, and none that begins with "!" does.
func MatchAny(patterns []string, text string) bool {
	return matchAny(slices.Values(patterns), text)
}

func matchAny(patterns iter.Seq[string], text string) bool {
	matched := false
	for p := range patterns {
		p, negated := strings.CutPrefix(p, "!")
		if p == "" || !Match(p, text) {
			continue
		}
		if negated {
			return false
		}
		matched = true
	}
	return matched
}

// MatchHost is MatchAny for a list joined with commas, without regard to case.
func MatchHost(list, host string) bool {
	return matchAny(strings.SplitSeq(strings.ToLower(list), ","), strings.ToLower(host))
}
