package value

import (
	"errors"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"runner/lang/diag"
	"runner/lang/function"
)

// Reword hides what diagnostics of HCL would quote of sensitive values, and says better what a way into a value does
// not find.
func Reword(diags hcl.Diagnostics) hcl.Diagnostics {
	diags = redact(diags)
	for i, d := range diags {
		if missing := missingElement(d); missing != nil {
			diags[i] = missing
		}
	}
	return diags
}

// redact hides the details of errors that quote a sensitive value.
func redact(diags hcl.Diagnostics) hcl.Diagnostics {
	for i, d := range diags {
		if d.Expression == nil || d.EvalContext == nil {
			continue
		}
		if quotesSecret(d) {
			diags[i] = diag.Redact(d)
		}
	}
	return diags
}

var errFound = errors.New("found")

// quotesSecret says whether a diagnostic's detail contains a sensitive text that its expression could see.
func quotesSecret(d *hcl.Diagnostic) bool {
	for _, traversal := range d.Expression.Variables() {
		v, diags := traversal.TraverseAbs(d.EvalContext)
		if diags.HasErrors() || !v.ContainsMarked() {
			continue
		}
		if secretIn(d.Detail, v) {
			return true
		}
	}
	return false
}

// secretIn says whether a text contains a sensitive part of a value. Whatever lies inside of something marked is
// sensitive as well.
func secretIn(text string, v cty.Value) bool {
	outer := v.HasMark(function.Sensitive)
	err := cty.Walk(v, func(path cty.Path, part cty.Value) (bool, error) {
		if !outer && !part.ContainsMarked() {
			return false, nil
		}
		part, _ = part.Unmark()
		if part.IsKnown() && !part.IsNull() && part.Type() == cty.String && part.AsString() != "" && strings.Contains(text, part.AsString()) {
			return false, errFound
		}
		return true, nil
	})
	return err != nil
}
