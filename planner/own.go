package planner

import (
	"errors"
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"runner/lang"
	"runner/lang/diag"
	"runner/lang/own"
	"runner/planner/plan"
)

// preview is how an action of the user's own is previewed; "" for another one.
func preview(t *lang.Task) string {
	switch a := t.Own(); {
	case a == nil:
		return ""
	case a.Exact:
		return "exact"
	default:
		return "runs"
	}
}

// takeOwn makes of an instance's arguments what an action of the user's own is run with.
func (e *Evaluator) takeOwn(task *lang.Task, action *own.Action, in *plan.Instance, secrets []string) hcl.Diagnostics {
	if in.Skip {
		return nil
	}
	s, err := e.source(action.File)
	if err != nil {
		return hcl.Diagnostics{sourceError(task, fmt.Errorf("cannot read %s: %w", action.File, err))}
	}
	request, err := action.Request(in.Args, secrets)
	if wrong, ok := errors.AsType[*own.RequestError](err); ok {
		d := diag.Errorf(diag.InvalidValue, task.Range, "Invalid value", "%s.", diag.Capital(wrong.Error()))
		return hcl.Diagnostics{diag.At(hcl.Diagnostics{d}, "", task.Address)[0]}
	}
	in.Own = &plan.Own{Head: request.Head, Tail: request.Tail, Size: s.size, SHA256: s.digest, Data: s.data, File: action.File}
	return nil
}

// Answer takes apart what an action of the user's own has printed after it has looked or acted.
func (e *Evaluator) Answer(address string, look bool, text []byte) (plan.Answer, error) {
	a, err := e.tasks[address].Own().Answer(look, text)
	if err != nil {
		return plan.Answer{}, err //nolint:wrapcheck // it says whose answer it is
	}
	out := plan.Answer{Verb: a.Verb, Before: a.Before, After: a.After, Diff: a.Diff, Result: a.Result, Error: a.Error, Hint: a.Hint}
	if !a.Changed {
		out.Verb = "none"
	}
	return out, nil
}
