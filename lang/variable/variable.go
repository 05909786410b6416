// Package variable gives the variables of a site their values: by default, from the environment, from files and from
// flags, in this order, the later ones winning. Its neighbour is package lang, which evaluates what the values are used
// in, the variables' own validations included.
package variable

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"runner/lang/config"
	"runner/lang/diag"
	"runner/lang/function"
	"runner/lang/source"
	"runner/lang/syntax"
	"runner/lang/value"
)

// envPrefix begins the names of environment variables that give values to variables.
const envPrefix = "RUNNER_VAR_"

// given is a value for a variable, from where it is strongest.
type given struct {
	text   string // read when the type is known; else value is set
	isText bool
	value  cty.Value
	at     hcl.Range
	expr   hclsyntax.Expression // of the value, if it is written in our syntax
	origin string               // for messages: "RUNNER_VAR_x", "--var x", or a file
}

// Input is one --var or --var-file.
type Input struct {
	Name, Value string // of --var
	File        string // of --var-file
}

// Inputs are where values come from.
type Inputs struct {
	Environ []string // NAME=VALUE
	Auto    []string // files, in order
	Flags   []Input
	Unread  []string // files of the site that could not be read: there may be more variables than are known
	// Known are the values that variables had before. With any, even none, the others have to be given: by the environment
	// or a flag, and not by default.
	Known map[string]cty.Value
	Whole bool // the others have their defaults nevertheless: the files are those that the site was read from before
}

// reader reads the values of one site.
type reader struct {
	variables []*config.Variable
	files     syntax.Files
	inputs    Inputs
	diags     hcl.Diagnostics
	// incomplete: a file that gives values could not be read.
	incomplete bool
}

// Values returns the value of every variable that has a valid one, and what each that is declared well must be. The files
// that were read are added to those given.
func Values(variables []*config.Variable, files syntax.Files, inputs Inputs) (map[string]cty.Value, map[string]*Declared, hcl.Diagnostics) {
	r := &reader{variables: variables, files: files, inputs: inputs}
	given := r.givenValues()
	values, declared := map[string]cty.Value{}, map[string]*Declared{}
	for _, v := range variables {
		d := r.declare(v)
		if d == nil {
			continue
		}
		declared[v.Name] = d
		if value, ok := r.variableValue(d, given[v.Name]); ok {
			values[v.Name] = value
		}
	}
	return values, declared, r.diags
}

func (r *reader) fail(d *hcl.Diagnostic)        { r.diags = append(r.diags, d) }
func (r *reader) failAll(diags hcl.Diagnostics) { r.diags = append(r.diags, diags...) }

// givenValues collects what the environment, files and flags give, the strongest for each name.
func (r *reader) givenValues() map[string]*given {
	out := map[string]*given{}
	for _, entry := range r.inputs.Environ {
		if name, text, _ := strings.Cut(entry, "="); strings.HasPrefix(name, envPrefix) {
			out[strings.TrimPrefix(name, envPrefix)] = &given{text: text, isText: true, origin: name}
		}
	}
	r.misspelt(out)
	for _, name := range r.inputs.Auto {
		r.valueFile(name, out)
	}
	for _, input := range r.inputs.Flags {
		if input.File != "" {
			r.valueFile(input.File, out)
		}
	}
	for _, input := range r.inputs.Flags {
		if input.File != "" {
			continue
		}
		if !r.declared(input.Name) {
			r.fail(diag.Errorf(diag.UnknownVariable, hcl.Range{}, "Unknown variable", "--var %s: the site declares no such variable.%s",
				input.Name, diag.OneOf(input.Name, r.variableNames())))
			continue
		}
		out[input.Name] = &given{text: input.Value, isText: true, origin: "--var " + input.Name}
	}
	for name, value := range r.inputs.Known {
		out[name] = &given{value: value, origin: "the plan"}
	}
	return out
}

// misspelt warns of what the environment gives to a name that is like that of a variable. Others may be for other sites.
func (r *reader) misspelt(environment map[string]*given) {
	for _, name := range slices.Sorted(maps.Keys(environment)) {
		if r.declared(name) {
			continue
		}
		if meant := diag.Suggest(name, r.variableNames()); meant != "" && environment[meant] == nil {
			r.fail(diag.Warningf(diag.UnknownVariable, hcl.Range{}, "Unknown variable", "The environment has %s, but the site declares no variable %s.%s",
				diag.HarmlessLine(envPrefix+name), diag.Quote(name), diag.Meant(envPrefix+meant)))
		}
	}
}

func (r *reader) valueFile(name string, out map[string]*given) {
	if slices.Contains(r.inputs.Unread, name) { // said already
		r.incomplete = true
		return
	}
	// Values are given anew each time: they are no part of the site that somebody may have kept.
	body, diags := syntax.Files{Texts: r.files.Texts, From: source.Disk{}}.Config(name)
	if r.hasSecrets() {
		diags = diag.HideSource(diags)
	}
	r.failAll(diags)
	if body == nil || diags.HasErrors() {
		r.incomplete = true
		return
	}
	constants, diags := body.Constants()
	if r.hasSecrets() {
		diags = diag.HideSource(diags)
	}
	r.failAll(diags)
	for _, c := range constants {
		if !r.declared(c.Name) {
			r.fail(diag.Warningf(diag.UnknownVariable, c.NameRange, "Unknown variable", "The site declares no variable %s.%s",
				diag.Quote(c.Name), diag.OneOf(c.Name, r.variableNames())))
			continue
		}
		out[c.Name] = &given{value: c.Value, at: c.Range, expr: c.Expr, origin: filepath.Base(name)}
	}
}

// hasSecrets says whether a file of values may have one in it.
func (r *reader) hasSecrets() bool {
	return slices.ContainsFunc(r.variables, func(v *config.Variable) bool { return v.Sensitive != nil })
}

func (r *reader) declared(name string) bool {
	return len(r.inputs.Unread) > 0 || slices.ContainsFunc(r.variables, func(v *config.Variable) bool { return v.Name == name })
}

func (r *reader) variableNames() []string {
	var names []string
	for _, v := range r.variables {
		names = append(names, v.Name)
	}
	return names
}

// variableValue is the value of one variable: given or by default, converted, marked.
func (r *reader) variableValue(d *Declared, g *given) (cty.Value, bool) {
	v, value, at := d.variable, d.byDefault, hcl.Range{}
	if g != nil {
		var ok bool
		if value, ok = r.givenValue(v, g, d.ty, d.defaults, d.sensitive); !ok {
			return cty.NilVal, false
		}
		at = g.at
		if value.IsNull() && !d.nullable && d.byDefault != cty.NilVal {
			value = d.byDefault
		}
	}
	switch {
	case value == cty.NilVal && r.incomplete:
		return cty.NilVal, false // it may stand in a file that cannot be read
	case value == cty.NilVal && r.inputs.Known != nil:
		r.fail(diag.Errorf(diag.MissingVariable, v.Block, "Missing variable",
			"The variable %q is sensitive, so it was not kept, and has to be given again: by --var %s=… or by %s%s in the environment.", v.Name, v.Name, envPrefix, v.Name))
		return cty.NilVal, false
	case value == cty.NilVal:
		r.fail(diag.Errorf(diag.MissingVariable, v.Block, "Missing variable",
			"The variable %q has no default, so it needs a value: by --var %s=…, by %s%s in the environment, or in a file for --var-file.", v.Name, v.Name, envPrefix, v.Name))
		return cty.NilVal, false
	case value.IsNull() && !d.nullable:
		r.fail(diag.Errorf(diag.InvalidVariable, orElse(at, v.Block), "Null for a variable", "The variable %q must not be null: it is declared with nullable = false.", v.Name))
		return cty.NilVal, false
	}
	if d.sensitive {
		value = value.Mark(function.Sensitive)
	}
	return value, true
}

func orElse(at, otherwise hcl.Range) hcl.Range {
	if at == (hcl.Range{}) {
		return otherwise
	}
	return at
}

func deref(r *hcl.Range) hcl.Range {
	if r == nil {
		return hcl.Range{}
	}
	return *r
}

// hideSince hides the lines of the errors from an index on, which hold a sensitive value.
func (r *reader) hideSince(from int) { copy(r.diags[from:], diag.HideSource(r.diags[from:])) }

func (r *reader) defaultValue(v *config.Variable, ty cty.Type, defaults *typeexpr.Defaults, nullable, sensitive bool) (cty.Value, bool) {
	if sensitive {
		defer r.hideSince(len(r.diags))
	}
	value, diags := syntax.EvaluateConstant(v.Default.Expression)
	if diags.HasErrors() {
		r.failAll(diags)
		return cty.NilVal, false
	}
	value, ok := r.fit(v, value, ty, defaults, v.Default.At(), v.Default.Expression, sensitive)
	if ok && value.IsNull() && !nullable {
		r.fail(diag.Errorf(diag.InvalidVariable, v.Default.At(), "Null for a variable",
			"The variable %q is declared with nullable = false, so its default cannot be null.", v.Name))
		return cty.NilVal, false
	}
	return value, ok
}

// givenValue reads a value that was given, by the variable's type.
func (r *reader) givenValue(v *config.Variable, g *given, ty cty.Type, defaults *typeexpr.Defaults, sensitive bool) (cty.Value, bool) {
	if sensitive {
		defer r.hideSince(len(r.diags))
	}
	value, at, expr := g.value, g.at, g.expr
	switch {
	case g.isText && !utf8.ValidString(g.text):
		r.fail(diag.Errorf(diag.InvalidVariable, v.Block, "Value that is no text", "%s: the value is not UTF-8. Give bytes by a file that an argument names, or as base64.", g.origin))
		return cty.NilVal, false
	case g.isText && (v.Type == nil || ty == cty.String):
		value = cty.StringVal(g.text)
	case g.isText:
		e, diags := r.files.Expression(g.text, g.origin)
		if e != nil && !diags.HasErrors() {
			value, diags = syntax.EvaluateConstant(e)
			at, expr = e.Range(), e
		}
		if diags.HasErrors() {
			r.fail(unread(v, ty, diags[0], g, sensitive))
			return cty.NilVal, false
		}
	}
	if at == (hcl.Range{}) {
		at = v.Block
	}
	return r.fit(v, value, ty, defaults, at, expr, sensitive)
}

// unread says that a text which is given for a variable that is no string is not a value of its type.
func unread(v *config.Variable, ty cty.Type, d *hcl.Diagnostic, g *given, sensitive bool) *hcl.Diagnostic {
	code := diag.CodeOf(d)
	if code != diag.Syntax && code != diag.Evaluate {
		return d // it is too much to be read
	}
	found := diag.Quote(g.text)
	switch {
	case g.text == "":
		found = "empty"
	case sensitive:
		found = "something else"
	}
	takes := diag.Constraint(ty)
	if ty == cty.DynamicPseudoType {
		takes = "a value of any type"
	}
	return diag.Errorf(code, orElse(deref(d.Subject), v.Block), "Value cannot be read", "The variable %q takes %s, but this is %s. Write it as in %s.",
		v.Name, takes, found, example(ty, g.origin))
}

// example is how a value of a type is given on a command line or in the environment.
func example(ty cty.Type, origin string) string {
	text := `["text", { name = 1 }]`
	switch {
	case ty == cty.Number:
		return origin + "=8080"
	case ty == cty.Bool:
		return origin + "=true"
	case ty == cty.DynamicPseudoType:
		text = `"text"`
	case ty.IsListType() || ty.IsSetType():
		text = `["a", "b"]`
	case ty.IsMapType() || ty.IsObjectType():
		text = `{ name = "a" }`
	}
	if flag, name, ok := strings.Cut(origin, " "); ok {
		return fmt.Sprintf("%s '%s=%s'", flag, name, text)
	}
	return fmt.Sprintf("%s='%s'", origin, text)
}

// fit converts a value to a variable's type. The expression is that of the value, if there is one.
func (r *reader) fit(
	v *config.Variable, given cty.Value, ty cty.Type, defaults *typeexpr.Defaults, at hcl.Range, e hclsyntax.Expression, sensitive bool,
) (cty.Value, bool) {
	if err := function.Check(given); err != nil {
		r.fail(diag.Errorf(diag.TooLarge, at, "Value too large", "The variable %q cannot hold this: %v.", v.Name, err))
		return cty.NilVal, false
	}
	if defaults != nil && !given.IsNull() {
		if n := defaultCells(given, defaults); n > function.MaxCells {
			r.fail(diag.Errorf(diag.TooLarge, at, "Value too large",
				"The variable %q cannot hold this: with the defaults of its optional attributes there would be more than %d values.", v.Name, function.MaxCells))
			return cty.NilVal, false
		}
		given = defaults.Apply(given)
	}
	if err := numbers(given, ty); err != nil {
		r.fail(diag.Errorf(diag.WrongType, at, "Wrong type of value", "The variable %q takes %s, but %v.", v.Name, diag.Constraint(ty), err))
		return cty.NilVal, false
	}
	out, err := function.Convert(given, ty)
	switch {
	case function.IsLimit(err):
		r.fail(diag.Errorf(diag.TooLarge, at, "Value too large", "The variable %q cannot hold this: %v.", v.Name, err))
		return cty.NilVal, false
	case err != nil:
		if sensitive {
			given = given.Mark(function.Sensitive)
		}
		misfit := value.FindMisfit(given, ty)
		if e != nil {
			at = misfit.At(e)
		}
		r.fail(diag.Errorf(diag.WrongType, at, "Wrong type of value", "The variable %q takes %s, but %s.", v.Name, diag.Constraint(ty), misfit))
		return cty.NilVal, false
	}
	return out, true
}

func (r *reader) constantBool(e *config.Expr, otherwise bool) (bool, bool) {
	v, ok := r.constantOf(e, cty.Bool)
	if !ok || v.IsNull() {
		return otherwise, ok
	}
	return v.True(), true
}

func (r *reader) constantString(e *config.Expr) { r.constantOf(e, cty.String) }

// constantOf evaluates an argument that must be written out; a null is one that is not there.
func (r *reader) constantOf(e *config.Expr, ty cty.Type) (cty.Value, bool) {
	if e == nil {
		return cty.NullVal(ty), true
	}
	written, diags := syntax.EvaluateConstant(e.Expression)
	if diags.HasErrors() {
		r.failAll(diags)
		return cty.NullVal(ty), false
	}
	out, err := convert.Convert(written, ty)
	if err != nil {
		r.fail(diag.Errorf(diag.WrongType, e.At(), "Wrong type of value", "%q of a variable takes %s, but this is %s.", e.Arg.Name, diag.Constraint(ty), value.Word(written)))
		return cty.NullVal(ty), false
	}
	return out, true
}
