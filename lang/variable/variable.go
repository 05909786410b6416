// Package variable gives the variables of a site their values: by default, from the environment, from files and from
// flags, in this order, the later ones winning. Its neighbour is package lang, which evaluates what the values are used
// in, the variables' own validations included.
package variable

import (
	"os"
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
	origin string // for messages: "RUNNER_VAR_x", "--var x", or a file
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

// Values returns the value of every variable that has a valid one. The files that were read are added to those given.
func Values(variables []*config.Variable, files syntax.Files, inputs Inputs) (map[string]cty.Value, hcl.Diagnostics) {
	r := &reader{variables: variables, files: files, inputs: inputs}
	given := r.givenValues()
	out := map[string]cty.Value{}
	for _, v := range variables {
		if value, ok := r.variableValue(v, given[v.Name]); ok {
			out[v.Name] = value
		}
	}
	return out, r.diags
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
				input.Name, diag.DidYouMean(input.Name, r.variableNames())))
			continue
		}
		out[input.Name] = &given{text: input.Value, isText: true, origin: "--var " + input.Name}
	}
	return out
}

func (r *reader) valueFile(name string, out map[string]*given) {
	if _, err := os.Stat(name); err != nil {
		r.fail(diag.Errorf(diag.Unreadable, hcl.Range{Filename: name}, "File cannot be read", "It could not be read: %v.", err))
		r.incomplete = true
		return
	}
	if slices.Contains(r.inputs.Unread, name) { // said already
		r.incomplete = true
		return
	}
	body, diags := r.files.Config(name)
	if r.hasSecrets() {
		diags = hideSyntax(diags, name)
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
				diag.Quote(c.Name), diag.DidYouMean(c.Name, r.variableNames())))
			continue
		}
		out[c.Name] = &given{value: c.Value, at: c.Range, origin: filepath.Base(name)}
	}
}

// hideSyntax hides the lines of a file of values, and what the messages of the JSON parser quote from them.
func hideSyntax(diags hcl.Diagnostics, name string) hcl.Diagnostics {
	diags = diag.HideSource(diags)
	for _, d := range diags {
		if strings.HasSuffix(name, ".json") && diag.CodeOf(d) == diag.Syntax {
			d.Detail = "This is not valid JSON. The file may hold sensitive values, so what stands here is not shown."
		}
	}
	return diags
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
func (r *reader) variableValue(v *config.Variable, g *given) (cty.Value, bool) {
	sensitive, ok1 := r.constantBool(v.Sensitive, false)
	nullable, ok2 := r.constantBool(v.Nullable, true)
	r.constantString(v.Description)
	ty, defaults, ok3 := r.variableType(v)
	byDefault, ok4 := cty.NilVal, true
	if v.Default != nil {
		byDefault, ok4 = r.defaultValue(v, ty, defaults, nullable, sensitive)
	}
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return cty.NilVal, false
	}
	value, at := byDefault, hcl.Range{}
	if g != nil {
		var ok bool
		if value, ok = r.givenValue(v, g, ty, defaults, sensitive); !ok {
			return cty.NilVal, false
		}
		at = g.at
		if value.IsNull() && !nullable && byDefault != cty.NilVal {
			value = byDefault
		}
	}
	switch {
	case value == cty.NilVal && r.incomplete:
		return cty.NilVal, false // it may stand in a file that cannot be read
	case value == cty.NilVal:
		r.fail(diag.Errorf(diag.MissingVariable, v.Block, "Missing variable",
			"The variable %q has no default, so it needs a value: by --var %s=…, by %s%s in the environment, or in a file for --var-file.", v.Name, v.Name, envPrefix, v.Name))
		return cty.NilVal, false
	case value.IsNull() && !nullable:
		r.fail(diag.Errorf(diag.InvalidVariable, orElse(at, v.Block), "Null for a variable", "The variable %q must not be null: it is declared with nullable = false.", v.Name))
		return cty.NilVal, false
	}
	if sensitive {
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

// variableType reads the type; a variable without one takes anything.
func (r *reader) variableType(v *config.Variable) (cty.Type, *typeexpr.Defaults, bool) {
	if v.Type == nil {
		return cty.DynamicPseudoType, nil, true
	}
	e, diags := v.Type.Literal()
	if e == nil || diags.HasErrors() {
		r.failAll(diags)
		return cty.DynamicPseudoType, nil, false
	}
	if d := noLoops(e); d != nil {
		r.fail(d)
		return cty.DynamicPseudoType, nil, false
	}
	ty, defaults, diags := typeexpr.TypeConstraintWithDefaults(e)
	for _, d := range diags {
		detail := d.Detail
		if word := keywordAt(e, d.Subject); word != "" {
			detail += diag.DidYouMean(word, []string{"string", "number", "bool", "any", "list", "set", "map", "object", "tuple"})
		}
		r.fail(diag.Errorf(diag.InvalidType, orElse(deref(d.Subject), v.Type.Range), "Invalid type", "%s", detail))
	}
	return ty, defaults, !diags.HasErrors()
}

// noLoops refuses a loop in the default of an optional attribute: it is evaluated where nothing stops it.
func noLoops(e hclsyntax.Expression) *hcl.Diagnostic {
	var found *hcl.Diagnostic
	_ = hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics {
		if loop, ok := n.(*hclsyntax.ForExpr); ok && found == nil {
			found = diag.Errorf(diag.InvalidType, loop.Range(), "Invalid type", "A type cannot have a for expression in it.")
		}
		return nil
	})
	return found
}

// keywordAt returns the word of a type that a message is about.
func keywordAt(e hclsyntax.Expression, at *hcl.Range) string {
	word := ""
	_ = hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics {
		switch n := n.(type) {
		case *hclsyntax.ScopeTraversalExpr:
			if at != nil && n.Range() == *at {
				word = n.Traversal.RootName()
			}
		case *hclsyntax.FunctionCallExpr:
			if at != nil && n.NameRange == *at {
				word = n.Name
			}
		}
		return nil
	})
	return word
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
	value, ok := r.fit(v, value, ty, defaults, v.Default.At(), sensitive)
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
	value, at := g.value, g.at
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
			at = e.Range()
		}
		if diags.HasErrors() {
			r.failAll(diags)
			return cty.NilVal, false
		}
	}
	if at == (hcl.Range{}) {
		at = v.Block
	}
	return r.fit(v, value, ty, defaults, at, sensitive)
}

// fit converts a value to a variable's type.
func (r *reader) fit(v *config.Variable, given cty.Value, ty cty.Type, defaults *typeexpr.Defaults, at hcl.Range, sensitive bool) (cty.Value, bool) {
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
		r.fail(diag.Errorf(diag.WrongType, at, "Wrong type of value", "The variable %q takes %s, but %v.", v.Name, value.TypeWord(ty), err))
		return cty.NilVal, false
	}
	out, err := function.Convert(given, ty)
	if err != nil {
		found := value.TypeWord(given.Type()) + value.Because(err)
		if sensitive {
			found = value.KindWord(given.Type())
		}
		r.fail(diag.Errorf(diag.WrongType, at, "Wrong type of value", "The variable %q takes %s, but this is %s.", v.Name, value.TypeWord(ty), found))
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
		r.fail(diag.Errorf(diag.WrongType, e.At(), "Wrong type of value", "%q takes %s, but this is %s.", e.Arg.Name, value.TypeWord(ty), value.TypeWord(written.Type())))
		return cty.NullVal(ty), false
	}
	return out, true
}
