package event

import (
	"slices"
	"strings"

	"runner/planner/plan"
)

// Hide is the failure of an instance without all that is not to be shown: it may name an argument, or repeat what was printed.
func (f *Failure) Hide(in plan.Instance) *Failure {
	if in.Hidden.Failures() {
		return &Failure{Message: Hidden, Place: f.Place}
	}
	if len(in.Secrets) == 0 {
		return f
	}
	out := &Failure{Message: f.Message, Hop: f.Hop, Hint: f.Hint, Quote: f.Quote, Place: f.Place}
	if in.Hidden.Output() && out.Quote != "" {
		out.Quote = Hidden
	}
	for _, secret := range secretTexts(in) { // no action repeats them; this makes sure of it
		for _, text := range []*string{&out.Message, &out.Hint, &out.Quote} {
			*text = strings.ReplaceAll(*text, secret, Hidden)
		}
	}
	return out
}

// secretTexts are the sensitive arguments that are texts, the longest first. What is very short stands anywhere by chance.
func secretTexts(in plan.Instance) (out []string) {
	const shortest = 4
	for _, name := range in.Secrets {
		if text, ok := in.Args[name].(string); ok && len(text) >= shortest {
			out = append(out, text)
		}
	}
	slices.SortFunc(out, func(a, b string) int { return len(b) - len(a) })
	return out
}
