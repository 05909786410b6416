package places_test

import (
	"testing"

	"runner/lang/places"
)

// Nobody writes to a place of somebody else, whoever comes first.
func TestClaim(t *testing.T) {
	type claim struct {
		at string
		places.Writer
	}
	is := func(address, host, from, at string) claim {
		return claim{at, places.Writer{Address: address, Host: host, From: from}}
	}
	for name, c := range map[string]struct {
		one, other claim
		free       bool
	}{
		"beside":                  {is("a", "h", "/x", "/out/a"), is("b", "h", "/y", "/out/ab"), true},
		"equal":                   {is("a", "h", "/x", "/out/a"), is("b", "h", "/y", "/out/a"), false},
		"the same twice":          {is("a", "h", "/x", "/out/a"), is("b", "h", "/x", "/out/a"), true},
		"equal of two hosts":      {is("a", "h", "/x", "/out/a"), is("a", "i", "/x", "/out/a"), false},
		"nested":                  {is("a", "h", "/x", "/out"), is("b", "h", "/y", "/out/a/b"), false},
		"nested of two hosts":     {is("a", "h", "/x", "/out"), is("a", "i", "/x", "/out/i"), false},
		"not known yet":           {is("a", "h", "/x", "/out"), is("b", "h", "", "/out/a/"), true},
		"known now":               {is("a", "h", "/x", "/out"), is("a", "h", "/x", "/out/a"), true},
		"in the root of all":      {is("a", "h", "/x", "/out"), is("b", "h", "/y", "/"), false},
		"elements of one":         {is(`a["1"]`, "h", "/x", "/out/1"), is(`a["2"]`, "h", "/y", "/out/1/2"), false},
		"names that only begin":   {is("a", "h", "/x", "/out/a/b"), is("b", "h", "/y", "/out/a/bc"), true},
		"what lies in both above": {is("a", "h", "/x", "/out/a/b/c"), is("b", "i", "/y", "/out/d"), true},
	} {
		for _, order := range [][2]claim{{c.one, c.other}, {c.other, c.one}} {
			var p places.Places
			if _, free := p.Claim(order[0].at, order[0].Writer); !free {
				t.Fatalf("%s: the first one is not free", name)
			}
			who, free := p.Claim(order[1].at, order[1].Writer)
			if free != c.free || !free && who != order[0].Writer {
				t.Errorf("%s: %v, %+v", name, free, who)
			}
		}
	}
}
