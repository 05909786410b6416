package lang

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2"

	"runner/lang/diag"
	"runner/lang/value"
)

// shortestMasked is how many bytes a sensitive text has to have to be looked for in what comes from elsewhere. A shorter one stands there
// by chance, and would hide what it is not in.
const shortestMasked = 6

// mask knows the texts of a site that are sensitive. It is safe for concurrent use.
type mask struct {
	mu      sync.Mutex        // guards what follows
	texts   map[string]string // what is put in the place of each; nil: nobody has asked yet
	shown   int               // how many texts the site has revealed
	replace *strings.Replacer
}

// Mask returns what puts "(sensitive)" in the place of each text of the site that is sensitive, where it comes back from elsewhere: from a
// file that another task has written, or as what a program prints. Marks cannot follow it there. It is nil where nothing is sensitive. It
// knows what was known when it was first asked for, when the site is loaded. Of a text of several lines each longer one counts, for what
// comes may have them one by one. What the site has revealed with nonsensitive stays.
func (s *Site) Mask() func(text string) string {
	if s.mask.replacer(s) == nil {
		return nil
	}
	return func(text string) string { return s.mask.replacer(s).Replace(text) }
}

// Conceal returns diagnostics of expressions without the reason where it, or a value that is shown with it, has something in it that Mask
// would hide.
func (s *Site) Conceal(diags hcl.Diagnostics) hcl.Diagnostics {
	mask := s.Mask()
	if mask == nil {
		return diags
	}
	out := slices.Clone(diags)
	for i, d := range out {
		if text := d.Detail + diag.Seen(d); mask(text) != text {
			out[i] = diag.Redact(d)
		}
	}
	return out
}

// replacer is nil where nothing is sensitive.
func (m *mask) replacer(s *Site) *strings.Replacer {
	m.mu.Lock()
	defer m.mu.Unlock()
	run := s.scope.run
	if m.texts == nil {
		secrets := run.Texts()
		s.hideHops(secrets)
		m.texts = map[string]string{}
		for text := range secrets {
			for _, form := range append(forms(text), lines(text)...) {
				if len(form) >= shortestMasked {
					m.texts[form] = value.Hidden
				}
			}
		}
		m.build()
	}
	if len(m.texts) == 0 {
		return nil
	}
	if shown := run.Revealed(m.shown); shown != nil {
		m.shown = len(shown)
		shown = slices.DeleteFunc(shown, func(text string) bool { return m.replace.Replace(text) == text })
		for _, text := range shown { // it has something sensitive in it, and stays
			m.texts[text] = text
		}
		if len(shown) > 0 {
			m.build()
		}
	}
	return m.replace
}

// build makes the replacer. Of texts that begin alike it takes the first, so the longest come first.
func (m *mask) build() {
	longest := func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) }
	var pairs []string
	for _, text := range slices.SortedFunc(maps.Keys(m.texts), longest) {
		pairs = append(pairs, text, m.texts[text])
	}
	m.replace = strings.NewReplacer(pairs...)
}
