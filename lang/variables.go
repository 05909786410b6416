package lang

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"runner/lang/diag"
	"runner/lang/function"
	"runner/lang/syntax"
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

// variableValues gives all variables their values, as an object. Those without a valid one are in bad.
func (l *loader) variableValues() {
	values := l.givenValues()
	attrs := map[string]cty.Value{}
	for _, v := range l.config.variables {
		value, ok := l.variableValue(v, values[v.name])
		if !ok {
			l.bad[refVar(v.name)] = true
			value = cty.DynamicVal
		}
		attrs[v.name] = value
	}
	l.scope.vars = cty.ObjectVal(attrs)
}

// givenValues collects what the environment, files and flags give, the strongest for each name.
func (l *loader) givenValues() map[string]*given {
	out := map[string]*given{}
	for _, entry := range l.opts.Environ {
		if name, text, _ := strings.Cut(entry, "="); strings.HasPrefix(name, envPrefix) {
			out[strings.TrimPrefix(name, envPrefix)] = &given{text: text, isText: true, origin: name}
		}
	}
	for _, name := range l.autoFiles {
		l.valueFile(name, out)
	}
	for _, input := range l.opts.Vars {
		if input.File != "" {
			l.valueFile(input.File, out)
		}
	}
	for _, input := range l.opts.Vars {
		if input.File != "" {
			continue
		}
		if !l.declared(input.Name) {
			l.fail(diag.Errorf(diag.UnknownVariable, hcl.Range{}, "Unknown variable", "--var %s: the site declares no such variable.%s",
				input.Name, diag.DidYouMean(input.Name, l.variableNames())))
			continue
		}
		out[input.Name] = &given{text: input.Value, isText: true, origin: "--var " + input.Name}
	}
	return out
}

func (l *loader) valueFile(name string, out map[string]*given) {
	if _, err := os.Stat(name); err != nil {
		l.fail(diag.Errorf(diag.Unreadable, hcl.Range{Filename: name}, "File cannot be read", "It could not be read: %v.", err))
		l.valuesMissing = true
		return
	}
	body, diags := l.files.Config(name)
	if l.hasSecrets() {
		diags = diag.HideSource(diags)
	}
	l.failAll(diags)
	if body == nil || diags.HasErrors() {
		l.valuesMissing = true
		return
	}
	constants, diags := body.Constants()
	if l.hasSecrets() {
		diags = diag.HideSource(diags)
	}
	l.failAll(diags)
	for _, c := range constants {
		if !l.declared(c.Name) {
			l.fail(diag.Warningf(diag.UnknownVariable, c.NameRange, "Unknown variable", "The site declares no variable %s.%s",
				diag.Quote(c.Name), diag.DidYouMean(c.Name, l.variableNames())))
			continue
		}
		out[c.Name] = &given{value: c.Value, at: c.Range, origin: filepath.Base(name)}
	}
}

// hasSecrets says whether a file of values may have one in it.
func (l *loader) hasSecrets() bool {
	return slices.ContainsFunc(l.config.variables, func(v *variable) bool { return v.sensitive != nil })
}

func (l *loader) declared(name string) bool {
	return slices.ContainsFunc(l.config.variables, func(v *variable) bool { return v.name == name })
}

func (l *loader) variableNames() []string {
	var names []string
	for _, v := range l.config.variables {
		names = append(names, v.name)
	}
	return names
}

// variableValue is the value of one variable: given or by default, converted, marked.
func (l *loader) variableValue(v *variable, g *given) (cty.Value, bool) {
	sensitive, ok1 := l.constantBool(v.sensitive, false)
	nullable, ok2 := l.constantBool(v.nullable, true)
	l.constantString(v.description)
	ty, defaults, ok3 := l.variableType(v)
	byDefault, ok4 := cty.NilVal, true
	if v.defaultTo != nil {
		byDefault, ok4 = l.defaultValue(v, ty, defaults, nullable, sensitive)
	}
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return cty.NilVal, false
	}
	value, at := byDefault, hcl.Range{}
	if g != nil {
		var ok bool
		if value, ok = l.givenValue(v, g, ty, defaults, sensitive); !ok {
			return cty.NilVal, false
		}
		at = g.at
		if value.IsNull() && !nullable && byDefault != cty.NilVal {
			value = byDefault
		}
	}
	switch {
	case value == cty.NilVal && l.valuesMissing:
		return cty.NilVal, false // it may stand in a file that cannot be read
	case value == cty.NilVal:
		l.fail(diag.Errorf(diag.MissingVariable, v.block, "Missing variable",
			"The variable %q has no default, so it needs a value: by --var %s=…, by %s%s in the environment, or in a file for --var-file.", v.name, v.name, envPrefix, v.name))
		return cty.NilVal, false
	case value.IsNull() && !nullable:
		l.fail(diag.Errorf(diag.InvalidVariable, orElse(at, v.block), "Null for a variable", "The variable %q must not be null: it is declared with nullable = false.", v.name))
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
func (l *loader) variableType(v *variable) (cty.Type, *typeexpr.Defaults, bool) {
	if v.typ == nil {
		return cty.DynamicPseudoType, nil, true
	}
	e, diags := v.typ.Literal()
	if e == nil || diags.HasErrors() {
		l.failAll(diags)
		return cty.DynamicPseudoType, nil, false
	}
	if d := noLoops(e); d != nil {
		l.fail(d)
		return cty.DynamicPseudoType, nil, false
	}
	ty, defaults, diags := typeexpr.TypeConstraintWithDefaults(e)
	for _, d := range diags {
		detail := d.Detail
		if word := keywordAt(e, d.Subject); word != "" {
			detail += diag.DidYouMean(word, []string{"string", "number", "bool", "any", "list", "set", "map", "object", "tuple"})
		}
		l.fail(diag.Errorf(diag.InvalidType, orElse(deref(d.Subject), v.typ.Range), "Invalid type", "%s", detail))
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

func (l *loader) defaultValue(v *variable, ty cty.Type, defaults *typeexpr.Defaults, nullable, sensitive bool) (cty.Value, bool) {
	value, diags := syntax.EvaluateConstant(v.defaultTo.Expression)
	if diags.HasErrors() {
		l.failAll(diags)
		return cty.NilVal, false
	}
	value, ok := l.fit(v, value, ty, defaults, v.defaultTo.at(), sensitive)
	if ok && value.IsNull() && !nullable {
		l.fail(diag.Errorf(diag.InvalidVariable, v.defaultTo.at(), "Null for a variable",
			"The variable %q is declared with nullable = false, so its default cannot be null.", v.name))
		return cty.NilVal, false
	}
	return value, ok
}

// givenValue reads a value that was given, by the variable's type.
func (l *loader) givenValue(v *variable, g *given, ty cty.Type, defaults *typeexpr.Defaults, sensitive bool) (cty.Value, bool) {
	value, at := g.value, g.at
	switch {
	case g.isText && (v.typ == nil || ty == cty.String):
		value = cty.StringVal(g.text)
	case g.isText:
		e, diags := l.files.Expression(g.text, g.origin)
		if e != nil && !diags.HasErrors() {
			value, diags = syntax.EvaluateConstant(e)
			at = e.Range()
		}
		if diags.HasErrors() {
			if sensitive {
				diags = diag.HideSource(diags)
			}
			l.failAll(diags)
			return cty.NilVal, false
		}
	}
	if at == (hcl.Range{}) {
		at = v.block
	}
	return l.fit(v, value, ty, defaults, at, sensitive)
}

// fit converts a value to a variable's type.
func (l *loader) fit(v *variable, value cty.Value, ty cty.Type, defaults *typeexpr.Defaults, at hcl.Range, sensitive bool) (cty.Value, bool) {
	if err := function.Check(value); err != nil {
		l.fail(diag.Errorf(diag.TooLarge, at, "Value too large", "The variable %q cannot hold this: %v.", v.name, err))
		return cty.NilVal, false
	}
	if defaults != nil && !value.IsNull() {
		value = defaults.Apply(value)
	}
	out, err := convert.Convert(value, ty)
	if err != nil {
		d := diag.Errorf(diag.WrongType, at, "Wrong type of value", "The variable %q takes %s, but this is %s%s.",
			v.name, typeWord(ty), typeWord(value.Type()), because(err))
		if sensitive {
			d = diag.HideSource(hcl.Diagnostics{d})[0]
		}
		l.fail(d)
		return cty.NilVal, false
	}
	return out, true
}

func (l *loader) constantBool(e *expr, otherwise bool) (bool, bool) {
	v, ok := l.constantOf(e, cty.Bool)
	if !ok || v.IsNull() {
		return otherwise, ok
	}
	return v.True(), true
}

func (l *loader) constantString(e *expr) { l.constantOf(e, cty.String) }

// constantOf evaluates an argument that must be written out; a null is one that is not there.
func (l *loader) constantOf(e *expr, ty cty.Type) (cty.Value, bool) {
	if e == nil {
		return cty.NullVal(ty), true
	}
	value, diags := syntax.EvaluateConstant(e.Expression)
	if diags.HasErrors() {
		l.failAll(diags)
		return cty.NullVal(ty), false
	}
	out, err := convert.Convert(value, ty)
	if err != nil {
		l.fail(diag.Errorf(diag.WrongType, e.at(), "Wrong type of value", "%q takes %s, but this is %s.", e.arg.Name, typeWord(ty), typeWord(value.Type())))
		return cty.NullVal(ty), false
	}
	return out, true
}

// validate checks the variables' own conditions.
func (l *loader) validate() {
	for _, v := range l.config.variables {
		if l.bad[refVar(v.name)] {
			continue
		}
		for _, rule := range v.validations {
			l.validateRule(v, rule)
		}
	}
}

func (l *loader) validateRule(v *variable, rule *validation) {
	condition, ok := l.static(rule.condition, nil)
	if !ok {
		return
	}
	condition, _ = condition.Unmark()
	holds, err := convert.Convert(condition, cty.Bool)
	if err != nil || holds.IsNull() || !holds.IsKnown() {
		l.fail(diag.Errorf(diag.WrongType, rule.condition.at(), "Wrong type of value",
			"The condition of a validation must be true or false, but this is %s.", typeWord(condition.Type())))
		return
	}
	if holds.True() {
		return
	}
	text := "The value is not valid."
	if message, ok := l.static(rule.message, nil); ok {
		message, marks := message.Unmark()
		switch s, err := convert.Convert(message, cty.String); {
		case len(marks) > 0:
			text = "The value is not valid. (Why is sensitive.)"
		case err == nil && !s.IsNull() && s.IsKnown():
			text = s.AsString()
		}
	}
	l.fail(diag.Errorf(diag.InvalidVariable, v.block, "Invalid value of a variable", "%s\n\nThis is the validation of variable %q at %s line %d.",
		text, v.name, rule.block.Filename, rule.block.Start.Line))
}

// because is the reason of a failed conversion, for the end of a sentence; "" where the types say all.
func because(err error) string {
	path, ok := errors.AsType[cty.PathError](err)
	switch {
	case ok && len(path.Path) > 0:
		return fmt.Sprintf(" (at %s: %s)", pathWord(path.Path), path.Error())
	case err != nil && strings.HasPrefix(err.Error(), "attribute"):
		return fmt.Sprintf(" (%s)", err)
	}
	return ""
}
