package lang

import (
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2"

	"runner/lang/diag"
)

// shortestMasked is how many bytes a sensitive text has to have to be looked for in what comes from elsewhere. A shorter one stands there
// by chance, and would hide what it is not in.
const shortestMasked = 6

// masked is what stands for a sensitive text.
const masked = "(sensitive)"

// mask knows the texts of a site that are sensitive. It is safe for concurrent use.
type mask struct {
	mu      sync.Mutex // guards what follows
	begun   bool
	secrets []string
	shown   int      // how many texts the site has revealed
	passes  []string // those that have a secret in them
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

func (m *mask) replacer(s *Site) *strings.Replacer {
	m.mu.Lock()
	defer m.mu.Unlock()
	run := s.scope.run
	if !m.begun {
		m.begun = true
		texts := map[string]bool{}
		for _, text := range run.Texts() {
			texts[text] = true
		}
		s.hideHops(texts)
		m.secrets = maskable(texts)
		m.build()
	}
	if len(m.secrets) == 0 {
		return nil
	}
	if shown := run.Revealed(m.shown); shown != nil {
		m.shown = len(shown)
		passes := slices.DeleteFunc(shown, func(text string) bool { return m.replace.Replace(text) == text })
		if len(passes) > 0 {
			m.passes = append(m.passes, passes...)
			m.build()
		}
	}
	return m.replace
}

// maskable returns the ways in which texts may come back.
func maskable(texts map[string]bool) (out []string) {
	for text := range texts {
		for _, form := range append(forms(text), lines(text)...) {
			if len(form) >= shortestMasked {
				out = append(out, form)
			}
		}
	}
	return out
}

// build makes the replacer. Of texts that begin alike it takes the first, so the longest come first.
func (m *mask) build() {
	longest := func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	}
	all := append(slices.Clone(m.secrets), m.passes...)
	slices.SortFunc(all, longest)
	var pairs []string
	for _, text := range slices.Compact(all) {
		with := masked
		if slices.Contains(m.passes, text) {
			with = text
		}
		pairs = append(pairs, text, with)
	}
	m.replace = strings.NewReplacer(pairs...)
}
