package jsonlines

import (
	"errors"

	"github.com/hashicorp/hcl/v2"

	"runner/executor/event"
	"runner/lang/diag"
)

// Diagnostic turns a diagnostic into an event.
func Diagnostic(d *hcl.Diagnostic) event.Diagnostic {
	j := diag.ToJSON(d)
	out := event.Diagnostic{
		Severity: j.Severity, Code: string(j.Code), Summary: j.Summary, Detail: j.Detail,
		File: j.File, Host: j.Host, Address: j.Address,
	}
	if j.Range != nil {
		out.Range = &event.Range{Start: event.Position(j.Range.Start), End: event.Position(j.Range.End)}
	}
	return out
}

// EvaluationOf returns what is wrong with an expression, if that is why something failed.
func EvaluationOf(f *event.Failure) hcl.Diagnostics {
	var out hcl.Diagnostics
	if f != nil {
		errors.As(f.Cause, &out)
	}
	return out
}

// diagnosed are the diagnostics that one of a preview stands for: those of an expression that cannot be evaluated, or
// itself.
func diagnosed(e event.Diagnostic) []event.Diagnostic {
	var out []event.Diagnostic
	for _, d := range diag.At(EvaluationOf(e.Failure), e.Host, e.Address) {
		out = append(out, Diagnostic(d))
	}
	if len(out) == 0 {
		return []event.Diagnostic{e}
	}
	return out
}

// failed are the diagnostics that say where in the site a task is that has failed, and why it has. Of a failure that was
// handled they are warnings: the run goes on well.
func failed(e event.TaskEnd) []event.Diagnostic {
	if e.Status != event.Failed || e.Failure == nil || e.Failure.Place.File == "" {
		return nil
	}
	d := event.Diagnostic{
		Severity: "error", Code: string(diag.TaskFailed), Summary: "Task failed", Detail: e.Failure.Place.Explain(e.Error),
		File: e.Failure.Place.File, Range: event.RangeOf(e.Failure.Place), Host: e.Host, Address: e.Address, Failure: e.Failure,
	}
	out := diagnosed(d)
	if e.Handled {
		for i := range out {
			out[i].Severity = "warning"
		}
	}
	return out
}
