package planner

import (
	"errors"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"runner/agent/plain"
	"runner/lang"
	"runner/lang/diag"
)

// EvaluationError is what the executor gets when a task cannot be evaluated; the command line shows its diagnostics.
type EvaluationError struct {
	Diagnostics hcl.Diagnostics
	barrier     *lang.Barrier
}

// Beyond returns the try in which the failure is one, if the condition of a block around the task could not be evaluated:
// no part of that block can run.
func (e *EvaluationError) Beyond() (try int, ok bool) {
	if e.barrier == nil {
		return 0, false
	}
	return e.barrier.Try, true
}

// Error is the first diagnostic's summary and detail.
func (e *EvaluationError) Error() string {
	for _, d := range e.Diagnostics {
		if d.Severity == hcl.DiagError {
			first, _, _ := strings.Cut(d.Detail, "\n\n") // the rest is for who sees it whole
			return d.Summary + ": " + first
		}
	}
	return "cannot evaluate"
}

// Unwrap returns the diagnostics.
func (e *EvaluationError) Unwrap() error { return e.Diagnostics }

func evaluationError(diags hcl.Diagnostics) error {
	if diags.HasErrors() {
		return &EvaluationError{Diagnostics: diags}
	}
	return nil
}

// hopError says at the hop's place why it could not be resolved.
func hopError(hop *lang.Hop, err error) *hcl.Diagnostic {
	detail := diag.Capital(err.Error())
	if !strings.HasSuffix(detail, ".") {
		detail += "."
	}
	var hinted interface{ Advice() string }
	if errors.As(err, &hinted) {
		detail += " " + hinted.Advice()
	}
	return diag.Errorf(diag.BadHop, hop.Range, "Hop cannot be resolved", "%s", detail)
}

func sourceError(task *lang.Task, err error) *hcl.Diagnostic {
	return diag.Errorf(diag.Unreadable, task.Range, "Source cannot be read", "%s", placeOfTask(task).Explain(diag.Capital(plain.Reading(err).Error())+"."))
}
