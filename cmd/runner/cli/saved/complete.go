package saved

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"runner/cmd/runner/cli/arguments"
	"runner/lang/diag"
	"runner/planner/planfile"
)

// IncompleteError tells that a plan file cannot be applied with what was given beside it.
type IncompleteError struct{ Detail string } // in sentences

func (e *IncompleteError) Error() string {
	return "the plan file cannot be applied like this: " + e.Detail
}

// Complete adds what the file does not hold: what is given again, or opened with an identity. The error is an *IncompleteError
// when something else has to be given, and a *planfile.TamperedError when the file cannot be trusted.
func (p *Plan) Complete(a arguments.Apply, env func(name string) string) error {
	fail := func(format string, args ...any) error { return &IncompleteError{fmt.Sprintf(format, args...)} }
	if flags := a.Selection.Flags(); len(flags) > 0 {
		return fail("A plan file is applied as it is, so %s cannot be given. Make another plan for another selection.", strings.Join(flags, ", "))
	}
	if !p.Sealed && len(a.Identities) > 0 {
		return &planfile.TamperedError{Why: "it is not sealed, and an identity is given to open it"}
	}
	if p.Sealed && len(a.Identities) > 0 {
		keys, err := identities(a.Identities)
		if err == nil {
			err = p.unseal(keys)
		}
		if err != nil {
			if _, tampered := errors.AsType[*planfile.TamperedError](err); tampered {
				return err
			}
			return fail("%s.", diag.Capital(err.Error()))
		}
	}
	hint := ""
	if p.Sealed && len(a.Identities) == 0 {
		hint = " The plan file has them sealed: open it with --identity FILE."
	}
	for _, kind := range []planfile.Kind{planfile.SourceFile, planfile.Program} {
		if missing := p.Missing(kind); len(missing) > 0 && hint != "" {
			return fail("The %s %s is sensitive and not in clear in the file.%s", kind, missing[0], hint)
		}
	}
	for _, name := range p.Missing(planfile.Environment) {
		if env(name) == "" {
			return fail("The environment variable %s is sensitive, so the plan file does not hold it: set it again.%s", name, hint)
		}
	}
	again := p.Missing(planfile.Variable)
	for _, v := range a.Vars {
		if v.Name != "" && !slices.Contains(again, v.Name) {
			return fail("--var %s: the plan file has that value. Only what is sensitive, and therefore not in the file, is given again.%s",
				v.Name, diag.DidYouMean(v.Name, again))
		}
	}
	return nil
}
