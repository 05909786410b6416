package diag

import (
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
)

// Limits on what is said of one site: more helps nobody, and costs a multiple of the site's own size.
const (
	MostShown = 1000 // diagnostics
	mostText  = 4000 // bytes of a summary or detail
)

// Few returns the first of very many diagnostics, and one more that says how many are left out. Errors are kept before
// warnings. Long texts, which quote long input, are cut.
func Few(diags hcl.Diagnostics) hcl.Diagnostics {
	for _, d := range diags {
		d.Summary, d.Detail = cut(d.Summary), cut(d.Detail)
	}
	if len(diags) <= MostShown {
		return diags
	}
	var out, warnings hcl.Diagnostics
	for _, d := range diags {
		switch {
		case len(out) == MostShown:
		case d.Severity == hcl.DiagError:
			out = append(out, d)
		case len(warnings) < MostShown:
			warnings = append(warnings, d)
		}
	}
	out = append(out, warnings[:min(len(warnings), MostShown-len(out))]...)
	last := Warningf(TooLarge, hcl.Range{}, "Too many errors to show", "%d more are left out. Correct these first.", len(diags)-len(out))
	return append(out, last)
}

func cut(s string) string {
	if len(s) <= mostText {
		return s
	}
	end := mostText
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}
