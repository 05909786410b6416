package diag

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// rewordCall says in place what is wrong with the call of a function, by the names that its reference gives to what it
// takes. Like reword, it knows how HCL and the functions of its library say it.
func rewordCall(d *hcl.Diagnostic, name string) {
	f := calledFunction(d, name)
	switch d.Summary {
	case "Not enough function arguments":
		d.Detail = fmt.Sprintf("The call of %q lacks an argument. The function is called as %s.", name, signature(name, f))
	case "Too many function arguments":
		d.Detail = fmt.Sprintf("The call of %q has too many arguments. The function is called as %s.", name, signature(name, f))
	case "Invalid function argument":
		param, why, ok := strings.Cut(strings.TrimPrefix(d.Detail, `Invalid value for "`), `" parameter: `)
		if ok {
			d.Detail = rewordArgument(d, name, parameter(f, param), strings.TrimSuffix(why, "."))
		}
	case "Invalid expanding argument value":
		d.Detail = fmt.Sprintf("What ... makes arguments of must be a list or a set, but this is %s.", found(d))
	case "Error in function call":
		why := strings.TrimPrefix(d.Detail, fmt.Sprintf("Call to function %q failed: ", name))
		d.Detail = fmt.Sprintf("The function %q failed: %s%s", name, sentence(plainWords(why)), calledWith(d, why))
	}
}

// rewordArgument says why a function does not take an argument.
func rewordArgument(d *hcl.Diagnostic, name string, p function.Parameter, why string) string {
	if want, typed := wantedType(p, why); typed {
		return fmt.Sprintf("The function %q takes %s for %q, but this is %s.", name, want, p.Name, found(d))
	}
	switch why = plainWords(why); {
	case strings.HasPrefix(why, "cannot convert ") && strings.HasPrefix(name, "to"):
		return noConversion(d, name)
	case strings.HasPrefix(why, "must be ") && p.Type == cty.DynamicPseudoType && !strings.Contains(why, ", not "):
		return fmt.Sprintf("What the function %q takes for %q %s, but this is %s.", name, p.Name, why, found(d))
	case strings.HasPrefix(why, "must "):
		return fmt.Sprintf("What the function %q takes for %q %s", name, p.Name, sentence(why))
	}
	return fmt.Sprintf("The function %q does not take this for %q: %s", name, p.Name, sentence(why))
}

// wantedType is the type that an argument must have, if that is why it is not taken.
func wantedType(p function.Parameter, why string) (string, bool) {
	word, _, other := strings.Cut(why, " required, but have ")
	if !other {
		var ends bool
		if word, ends = strings.CutSuffix(why, " required"); !ends {
			return "", false
		}
	}
	if p.Type != cty.NilType && p.Type != cty.DynamicPseudoType {
		return Constraint(p.Type), true
	}
	word = strings.TrimSuffix(word, " is")
	if article, bare, ok := strings.Cut(word, " "); ok && article == "a" && !strings.Contains(bare, " ") {
		word = bare
	}
	return word, true
}

// noConversion is for the functions that convert to a type.
func noConversion(d *hcl.Diagnostic, name string) string {
	takes := map[string]string{
		"tostring": "string, number or bool",
		"tonumber": "a number, or text that is one",
		"tobool":   `true, false, "true" or "false"`,
		"tolist":   "a list or a set, with elements of one type",
		"toset":    "a list or a set, with elements of one type",
		"tomap":    "a map or an object, with elements of one type",
	}[name]
	return fmt.Sprintf("The function %q takes %s, but this is %s.", name, takes, found(d))
}

// calledWith says what a function was called with that complains of it without saying of which.
func calledWith(d *hcl.Diagnostic, why string) string {
	call, ok := d.Expression.(*hclsyntax.FunctionCallExpr)
	if !ok || len(call.Args) == 0 || call.ExpandFinal || !strings.Contains(why, "must be ") && !strings.Contains(why, "can only ") && !strings.Contains(why, "requires a ") {
		return ""
	}
	var given []string
	for _, arg := range call.Args {
		given = append(given, foundIn(arg, d.EvalContext))
	}
	return fmt.Sprintf(" It was called with %s.", and(given))
}

// found says what the diagnostic's expression is.
func found(d *hcl.Diagnostic) string {
	if d.Expression == nil {
		return "something else"
	}
	return foundIn(d.Expression, d.EvalContext)
}

// foundIn says of which type an expression is, and which text or number.
func foundIn(e hcl.Expression, ctx *hcl.EvalContext) string {
	if _, loop := e.(*hclsyntax.ForExpr); loop { // going through it once more may take long
		return "the result of a loop"
	}
	v, diags := e.Value(ctx)
	switch {
	case diags.HasErrors():
		return "something else"
	case v.ContainsMarked():
		return Kind(v.Type())
	case v.IsKnown() && v.IsNull():
		return "null"
	case v.IsKnown() && v.Type() == cty.String:
		return "string (" + Quote(v.AsString()) + ")"
	case v.IsKnown() && v.Type() == cty.Number:
		const digits = 20
		return "number (" + v.AsBigFloat().Text('g', digits) + ")"
	}
	return TypeOf(v.Type())
}

// calledFunction looks a function up where the diagnostic's expression was evaluated.
func calledFunction(d *hcl.Diagnostic, name string) *function.Function {
	for ctx := d.EvalContext; ctx != nil; ctx = ctx.Parent() {
		if f, ok := ctx.Functions[name]; ok {
			return &f
		}
	}
	return nil
}

// signature is how a function is called: as its description says, which our functions use for that.
func signature(name string, f *function.Function) string {
	if f == nil {
		return name + "(…)"
	}
	if params := f.Description(); params != "" {
		return name + "(" + params + ")"
	}
	var names []string
	for _, p := range f.Params() {
		names = append(names, p.Name)
	}
	if p := f.VarParam(); p != nil {
		names = append(names, p.Name+"...")
	}
	return name + "(" + strings.Join(names, ", ") + ")"
}

// parameter finds a parameter by its name.
func parameter(f *function.Function, name string) function.Parameter {
	if f == nil {
		return function.Parameter{Name: name}
	}
	for _, p := range f.Params() {
		if p.Name == name {
			return p
		}
	}
	if p := f.VarParam(); p != nil && p.Name == name {
		return *p
	}
	return function.Parameter{Name: name}
}

// plainWords puts what the library of functions says into words of the language.
func plainWords(s string) string {
	for _, is := range [][2]string{
		{"lists, sets and tuples", "lists and sets"},
		{"list, tuple, or set", "a list or a set"},
		{"lists or tuples", "lists"},
		{"list or tuple values", "a list"},
		{"must have map or object type", "must be a map or an object"},
		{"values() requires a map as the first argument", "it takes a map or an object"},
		{"cannot use element function with an empty list", "the list is empty"},
		{"invalid regexp pattern: ", "it is not a regular expression: "},
		{"not a valid RFC3339 timestamp: ", "it is not a time such as 2026-03-01T12:30:00Z: "},
		{"must pass at least one number", "it takes at least one number"},
		{"end index must not be", "the end must not be"},
		{"start index must not be", "the start must not be"},
		{"greater than end index", "greater than the end"},
	} {
		s = strings.ReplaceAll(s, is[0], is[1])
	}
	return s
}

// sentence ends what is said with a full stop, if it has no end yet.
func sentence(s string) string {
	s = strings.TrimRight(s, ".")
	if strings.HasSuffix(s, "?") || strings.HasSuffix(s, ")") && strings.Contains(s, ". ") {
		return s
	}
	return s + "."
}

// calledUnknown is the name of the function that a diagnostic says is unknown.
func calledUnknown(d *hcl.Diagnostic) (string, bool) {
	call, ok := d.Expression.(*hclsyntax.FunctionCallExpr)
	if !ok {
		return "", false
	}
	return call.Name, true
}

func functionNames(ctx *hcl.EvalContext) []string {
	var names []string
	for ; ctx != nil; ctx = ctx.Parent() {
		names = slices.AppendSeq(names, maps.Keys(ctx.Functions))
	}
	slices.Sort(names)
	return names
}
