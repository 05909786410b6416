package diag

import (
	"errors"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty/function"
)

// TemplateError is what a function returns when a template that it was given cannot be parsed or evaluated. Own puts
// its diagnostics, whose ranges lie in the template, in place of the one about the call.
type TemplateError struct {
	Filename string
	Source   []byte
	Diags    hcl.Diagnostics
}

func (e *TemplateError) Error() string {
	for _, d := range e.Diags {
		if d.Severity == hcl.DiagError {
			at := e.Filename
			if d.Subject != nil {
				at = fmt.Sprintf("%s line %d", d.Subject.Filename, d.Subject.Start.Line)
			}
			return fmt.Sprintf("%s: %s; %s", at, d.Summary, d.Detail)
		}
	}
	return e.Filename + " is not a valid template"
}

// Own takes over diagnostics that HCL made: those without a code get that of the phase (Syntax, Decode or Evaluate),
// messages of HCL that say too little are put into better words, and errors inside a template point into the template.
// Diagnostics that have a code already stay as they are.
func Own(diags hcl.Diagnostics, phase Code) hcl.Diagnostics {
	var out hcl.Diagnostics
	for _, d := range diags {
		if ExtraOf(d).Code != "" {
			out = append(out, d)
			continue
		}
		d = With(d, func(e *Extra) { e.Code = phase })
		if len(out) > MostShown { // it is only counted: Few leaves it out
			d.Detail = d.Summary + "."
			out = append(out, d)
			continue
		}
		if call, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallDiagExtra](d); ok {
			if inner := ownCall(d, call); inner != nil {
				out = append(out, inner...)
				continue
			}
			rewordCall(d, call.CalledFunctionName())
		}
		if follows(d, out) {
			continue
		}
		reword(d)
		out = append(out, d)
	}
	return out
}

// ownCall returns what replaces the diagnostic about a failed function call, or nil.
func ownCall(d *hcl.Diagnostic, call hclsyntax.FunctionCallDiagExtra) hcl.Diagnostics {
	err := call.FunctionCallError()
	if template, ok := errors.AsType[*TemplateError](err); ok {
		return ownTemplate(d, call.CalledFunctionName(), template)
	}
	if _, ok := errors.AsType[function.PanicError](err); ok {
		d.Detail = fmt.Sprintf("Function %q failed on these arguments. This is a bug in runner; please report the call.", call.CalledFunctionName())
		return hcl.Diagnostics{d}
	}
	return nil
}

// ownTemplate points the diagnostics of a template into its file and says where it is used.
func ownTemplate(d *hcl.Diagnostic, name string, template *TemplateError) hcl.Diagnostics {
	var out hcl.Diagnostics
	for _, inner := range Own(template.Diags, Template) {
		inner = With(inner, func(e *Extra) {
			if e.Source == nil {
				e.Source = template.Source
			}
			e.Caller = d.Subject // the outermost one is the last
		})
		if d.Subject != nil {
			inner.Detail = fmt.Sprintf("%s\n\nThe template is used by the call of %q at %s line %d.",
				inner.Detail, name, d.Subject.Filename, d.Subject.Start.Line)
		}
		out = append(out, inner)
	}
	return out
}
