package manifest

import (
	"path"
	"slices"
	"strings"
)

// Filter says what of a tree counts. The zero Filter lets everything count.
type Filter struct {
	Exclude []string `cbor:"exclude"`
	Include []string `cbor:"include"`
}

// Excludes says whether an entry does not count, nor what is in it: a pattern of Exclude matches it and none of Include does.
func (f Filter) Excludes(at string, isDir bool) bool {
	is := func(pattern string) bool { return Matches(pattern, at, isDir) }
	return slices.ContainsFunc(f.Exclude, is) && !slices.ContainsFunc(f.Include, is)
}

// Matches says whether a path below a tree matches a pattern. Its elements are those of path.Match; "**" stands for any number
// of directories. A pattern without a slash, but for one at its end, matches a name at any depth, another one a path from the
// top. A slash at the end lets it match directories only.
func Matches(pattern, at string, isDir bool) bool {
	pattern, onlyDirs := strings.CutSuffix(pattern, "/")
	if onlyDirs && !isDir {
		return false
	}
	if !strings.Contains(pattern, "/") {
		ok, _ := path.Match(pattern, path.Base(at)) // it was checked
		return ok || pattern == "**"
	}
	return match(strings.Split(strings.TrimPrefix(pattern, "/"), "/"), strings.Split(at, "/"))
}

func match(pattern, at []string) bool {
	for i, p := range pattern {
		if p == "**" {
			if i == len(pattern)-1 {
				return len(at) > i // what is in a directory, and not that itself
			}
			for n := i; n <= len(at); n++ {
				if match(pattern[i+1:], at[n:]) {
					return true
				}
			}
			return false
		}
		if i >= len(at) {
			return false
		}
		if ok, _ := path.Match(p, at[i]); !ok {
			return false
		}
	}
	return len(pattern) == len(at)
}
