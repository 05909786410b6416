// Package diag is how the language speaks of errors: hcl.Diagnostics in which each one carries a stable code, with
// suggestions, a rendering for terminals and one for machines. Packages lang, lang/function and lang/format make
// diagnostics with it and the command line shows them. It parses and evaluates nothing, and it is not for errors
// that never reach a person.
package diag

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
)

// Code names a kind of diagnostic. Codes are stable: scripts may compare them. Codes lists all of them.
type Code string

// Extra is what our diagnostics carry in hcl.Diagnostic.Extra. Values are never changed once they are in use.
type Extra struct {
	Code    Code
	Host    string // the host it happened on, at run time
	Address string // the task or the job it is about, such as job.web.task.file.conf
	// Source is the text of the file that the subject is in, where that is no file of the site (a template).
	Source []byte
	// Caller is where the site uses the template that the subject is in.
	Caller *hcl.Range
	// HideSource keeps the source lines from being shown: they hold a value that is sensitive.
	HideSource bool

	wrapped any // what another package put there
}

// UnwrapDiagnosticExtra lets hcl.DiagnosticExtra find what this one replaced.
func (e *Extra) UnwrapDiagnosticExtra() any { return e.wrapped }

// Errorf makes an error. The summary is constant for its code, a few words without a full stop; the detail is a full
// sentence or more. A zero range means that the error has no place in a file.
func Errorf(code Code, rng hcl.Range, summary, format string, args ...any) *hcl.Diagnostic {
	return &hcl.Diagnostic{
		Severity: hcl.DiagError,
		Summary:  summary,
		Detail:   fmt.Sprintf(format, args...),
		Subject:  subject(rng),
		Extra:    &Extra{Code: code},
	}
}

// Warningf is Errorf for a warning.
func Warningf(code Code, rng hcl.Range, summary, format string, args ...any) *hcl.Diagnostic {
	d := Errorf(code, rng, summary, format, args...)
	d.Severity = hcl.DiagWarning
	return d
}

// subject returns nil for the zero range.
func subject(rng hcl.Range) *hcl.Range {
	if rng == (hcl.Range{}) {
		return nil
	}
	return &rng
}

// ExtraOf returns a copy of what the diagnostic carries; the zero value when it is not one of ours.
func ExtraOf(d *hcl.Diagnostic) Extra {
	if e, ok := hcl.DiagnosticExtra[*Extra](d); ok {
		return *e
	}
	return Extra{wrapped: d.Extra}
}

// CodeOf returns the diagnostic's code. One of HCL's that did not pass through Own has the code of the phase it looks
// like: evaluate if it is about an expression, else decode.
func CodeOf(d *hcl.Diagnostic) Code {
	if code := ExtraOf(d).Code; code != "" {
		return code
	}
	if d.Expression != nil || d.EvalContext != nil {
		return Evaluate
	}
	return Decode
}

// With returns a copy of the diagnostic whose extra is changed by the function given.
func With(d *hcl.Diagnostic, change func(*Extra)) *hcl.Diagnostic {
	e := ExtraOf(d)
	change(&e)
	out := *d
	out.Extra = &e
	return &out
}

// At returns copies of the diagnostics that name a host and an address; "" leaves either as it is.
func At(diags hcl.Diagnostics, host, address string) hcl.Diagnostics {
	out := make(hcl.Diagnostics, len(diags))
	for i, d := range diags {
		out[i] = With(d, func(e *Extra) {
			if host != "" {
				e.Host = host
			}
			if address != "" {
				e.Address = address
			}
		})
	}
	return out
}

// Redact returns a copy of the diagnostic that says neither why nor with which values: it may quote one that is sensitive.
func Redact(d *hcl.Diagnostic) *hcl.Diagnostic {
	code := CodeOf(d)
	out := With(d, func(e *Extra) { e.Code, e.wrapped = code, nil })
	out.Detail = "This does not work for the value at hand. The value is sensitive, so the reason is not shown."
	out.Expression, out.EvalContext = nil, nil
	return out
}

// HideSource returns copies of the diagnostics that are shown without their source lines.
func HideSource(diags hcl.Diagnostics) hcl.Diagnostics {
	out := make(hcl.Diagnostics, len(diags))
	for i, d := range diags {
		out[i] = With(d, func(e *Extra) { e.HideSource = true })
	}
	return out
}
