package function

import (
	"cmp"
	"slices"
)

// Group is a chapter of the reference.
type Group string

// The groups, in the order of the reference.
const (
	Numeric    Group = "Numbers"
	Text       Group = "Text"
	Collection Group = "Collections"
	Encoding   Group = "Encoding"
	File       Group = "Files"
	Time       Group = "Dates and times"
	Hash       Group = "Hashes and keys"
	Network    Group = "Networks"
	Conversion Group = "Types and errors"
)

// Doc describes a function.
type Doc struct {
	Name       string
	Group      Group
	Parameters string // as in a call: "string, start, length"; what may be left out is in brackets
	Text       string // a sentence or two
	Examples   []Example
}

// Example is a call and what it returns, both as expressions. Tests check them.
type Example struct{ Call, Result string }

// Reference describes all functions, by group and then by name.
func Reference() []Doc {
	var out []Doc
	for _, e := range newScope(Options{}).entries() {
		out = append(out, e.Doc)
	}
	slices.SortFunc(out, func(a, b Doc) int {
		groups := Groups()
		return cmp.Or(cmp.Compare(slices.Index(groups, a.Group), slices.Index(groups, b.Group)), cmp.Compare(a.Name, b.Name))
	})
	return out
}

// Groups lists the groups in the order of the reference.
func Groups() []Group {
	return []Group{Numeric, Text, Collection, Encoding, File, Time, Hash, Network, Conversion}
}

// entries lists all functions.
func (s *scope) entries() []entry {
	return slices.Concat(
		numeric(), textual(), patterns(), collections(), sets(), encodings(), s.filesystem(),
		s.times(), s.hashes(), networks(), s.conversions(), s.environment(),
	)
}
