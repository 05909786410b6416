package arguments

import (
	"errors"
	"fmt"

	"github.com/spf13/pflag"

	"runner/lang/diag"
)

// FlagError turns what pflag says about a command line into an *Error, with the flag that was probably meant. Values
// are left out: one that was misplaced may be a secret.
func FlagError(fs *pflag.FlagSet, err error) error {
	var (
		unknown *pflag.NotExistError
		lacking *pflag.ValueRequiredError
		invalid *pflag.InvalidValueError
		syntax  *pflag.InvalidSyntaxError
	)
	switch {
	case errors.As(err, &unknown):
		if short := unknown.GetSpecifiedShortnames(); short != "" {
			return errorf("", "unknown flag -%s in -%s", unknown.GetSpecifiedName(), short)
		}
		name := unknown.GetSpecifiedName()
		var names []string
		fs.VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				names = append(names, f.Name)
			}
		})
		hint := ""
		if near := diag.Suggest(name, names); near != "" {
			hint = fmt.Sprintf("Did you mean --%s?", near)
		}
		return errorf(hint, "unknown flag --%s", diag.HarmlessLine(name))
	case errors.As(err, &lacking):
		return errorf("", "--%s needs a value", lacking.GetFlag().Name)
	case errors.As(err, &invalid):
		cause := errors.Unwrap(err)
		if invalid.GetFlag().Value.Type() == "bool" {
			cause = errors.New("it takes true or false")
		}
		return errorf("", "the value of --%s is not valid: %s", invalid.GetFlag().Name, cause)
	case errors.As(err, &syntax):
		return errorf("", "%s is not a flag", diag.Quote(syntax.GetSpecifiedFlag()))
	}
	return err
}
