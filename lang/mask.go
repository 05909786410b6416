package lang

import (
	"slices"
	"strings"
)

// shortestMasked is how many bytes a sensitive text has to have to be looked for in what comes from elsewhere. A shorter one stands there
// by chance, and would hide what it is not in.
const shortestMasked = 6

// Mask returns what puts a word in the place of each text of the site that is sensitive, and was known when the site was loaded, where it
// comes back from elsewhere: from a file that another task has written, or as what a program prints. Marks cannot follow it there. It is nil
// where nothing is sensitive. Of a text of several lines each longer one counts, for what comes may have them one by one.
func (s *Site) Mask(word string) func(text string) string {
	memory := s.Memory()
	var all []string
	for secret := range memory.secrets {
		for _, form := range append(forms(secret), lines(secret)...) {
			if len(form) >= shortestMasked {
				all = append(all, form)
			}
		}
	}
	if all == nil {
		return nil
	}
	slices.SortFunc(all, func(a, b string) int { // one may be the beginning of another
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	all = slices.Compact(all)
	pairs := make([]string, 0, 2*len(all))
	for _, form := range all {
		pairs = append(pairs, form, word)
	}
	return strings.NewReplacer(pairs...).Replace
}
