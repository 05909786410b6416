package diag

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
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
		if call, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallDiagExtra](d); ok {
			if inner := ownCall(d, call); inner != nil {
				out = append(out, inner...)
				continue
			}
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
		})
		if d.Subject != nil {
			inner.Detail = fmt.Sprintf("%s\n\nThe template is used by the call of %q at %s line %d.",
				inner.Detail, name, d.Subject.Filename, d.Subject.Start.Line)
		}
		out = append(out, inner)
	}
	return out
}

// reword changes messages of HCL in place where they are bare, misspelt or about Go. It is the only place that knows
// HCL's wording; a message that HCL words differently one day is shown as HCL has it.
func reword(d *hcl.Diagnostic) {
	switch d.Summary {
	case "Unsuitable value type", "Incorrect attribute value type":
		d.Summary = "Wrong type of value"
		if _, why, ok := strings.Cut(d.Detail, ": "); ok {
			d.Detail = "This argument cannot take the value: " + why
		}
	case "Unsupported attribute":
		if name, candidates, ok := missingAttribute(d); ok {
			d.Detail = strings.TrimSuffix(d.Detail, ".") + "." + DidYouMean(name, candidates)
		}
	case "Missing attribute seperator comma": //nolint:misspell // HCL's
		d.Summary = "Missing comma between attributes"
	case "Variables not allowed":
		d.Detail = "This value must be written out: it cannot refer to anything."
	case "Function calls not allowed":
		d.Detail = "This value must be written out: it cannot call a function."
	case "Failed to read file", "Failed to open file":
		d.Summary = "File cannot be read"
	case "Invalid path step":
		d.Detail = "This way into the value is not valid here."
	}
	if d.Detail == "" {
		d.Detail = d.Summary + "."
	}
}

// missingAttribute finds the name that an object lacks and those that it has.
func missingAttribute(d *hcl.Diagnostic) (string, []string, bool) {
	if d.Expression == nil || d.EvalContext == nil {
		return "", nil, false
	}
	traversal, diags := hcl.AbsTraversalForExpr(d.Expression)
	if diags.HasErrors() {
		return "", nil, false
	}
	value, diags := traversal[:1].TraverseAbs(d.EvalContext)
	for _, step := range traversal[1:] {
		if diags.HasErrors() || value.IsMarked() {
			return "", nil, false
		}
		attr, ok := step.(hcl.TraverseAttr)
		if ok && value.Type().IsObjectType() && !value.Type().HasAttribute(attr.Name) {
			return attr.Name, attributeNames(value.Type()), true
		}
		value, diags = step.TraversalStep(value)
	}
	return "", nil, false
}

func attributeNames(t cty.Type) []string {
	return slices.Sorted(maps.Keys(t.AttributeTypes()))
}
