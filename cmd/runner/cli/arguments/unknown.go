package arguments

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

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
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() != "":
		return errorf(shortHint(fs, unknown.GetSpecifiedName(), unknown.GetSpecifiedShortnames()), "unknown flag -%s", diag.HarmlessLine(unknown.GetSpecifiedName()))
	case errors.As(err, &unknown):
		name := unknown.GetSpecifiedName()
		return errorf(cmp.Or(instead(name), meant(nearFlag(fs, name))), "unknown flag --%s", diag.HarmlessLine(name))
	case errors.As(err, &lacking):
		f := lacking.GetFlag()
		return errorf("", "--%s needs a value: --%s %s", f.Name, f.Name, valueName(f))
	case errors.As(err, &invalid):
		hint := errors.Unwrap(err).Error()
		if invalid.GetFlag().Value.Type() == "bool" {
			hint = "it takes true or false, or no value at all"
		}
		if hint != "" && !strings.HasSuffix(hint, ".") && !strings.HasSuffix(hint, "?") {
			hint += "."
		}
		return errorf(diag.Capital(hint), "the value of --%s is not valid", invalid.GetFlag().Name)
	case errors.As(err, &syntax):
		return errorf("", "%s is not a flag", diag.Quote(syntax.GetSpecifiedFlag()))
	}
	return err
}

// valueName is what help calls the value of a flag.
func valueName(f *pflag.Flag) string {
	name, _ := pflag.UnquoteUsage(f)
	return name
}

// instead is what does here what flags of Ansible and Terraform do.
func instead(name string) string {
	switch name {
	case "i", "inventory":
		return "Hosts stand in the site, in blocks host and inventory."
	case "C", "check", "dry-run":
		return "What would change is shown by: runner plan"
	}
	return ""
}

func meant(flag string) string {
	if flag == "" {
		return ""
	}
	return fmt.Sprintf("Did you mean --%s?", flag)
}

// shortHint is for a letter that is no flag. Terraform takes long flags behind one dash; here such a word is taken for
// letters, of which those before the one at hand were flags.
func shortHint(fs *pflag.FlagSet, letter, rest string) string {
	rest, _, _ = strings.Cut(rest, "=")
	words := []string{rest}
	fs.VisitAll(func(f *pflag.Flag) {
		if f.Shorthand != "" {
			words = append(words, f.Shorthand+rest)
		}
	})
	for _, word := range words {
		if len(word) > 1 && fs.Lookup(word) != nil {
			return fmt.Sprintf("Long flags begin with two dashes: --%s.", word)
		}
	}
	if len(rest) > 1 {
		return meant(nearFlag(fs, rest))
	}
	return cmp.Or(instead(letter), meant(nearFlag(fs, letter)))
}

// nearFlag is the flag that was likely meant, also where another program calls it so; "" if none is near.
func nearFlag(fs *pflag.FlagSet, name string) string {
	elsewhere := map[string]string{
		"e": "var", "extra-vars": "var", "f": "parallelism", "forks": "parallelism", "y": "auto-approve", "yes": "auto-approve",
		"k": "ask-password", "ask-pass": "ask-password", "K": "ask-password", "ask-become-pass": "ask-password", "l": "limit", "t": "tags",
	}
	if f := fs.Lookup(elsewhere[name]); f != nil {
		return f.Name
	}
	var names []string
	fs.VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	return diag.Suggest(name, names)
}
