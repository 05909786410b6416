package variable

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"runner/lang/config"
	"runner/lang/diag"
	"runner/lang/value"
)

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
		at := orElse(deref(d.Subject), v.Type.Range)
		r.fail(diag.Errorf(diag.InvalidType, at, "Invalid type", "%s", noType(e, at)))
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

// noType says what is wrong with a type at a place.
func noType(e hclsyntax.Expression, at hcl.Range) string {
	var (
		call, around *hclsyntax.FunctionCallExpr // the innermost around the place, and the one around that
		text, word   string                      // what stands at the place, in quotes and without
	)
	_ = hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics {
		switch n := n.(type) {
		case *hclsyntax.ScopeTraversalExpr:
			if n.Range() == at && len(n.Traversal) == 1 {
				word = n.Traversal.RootName()
			}
		case *hclsyntax.LiteralValueExpr:
			if n.Range() == at && n.Val.IsNull() {
				word = "null"
			}
		case *hclsyntax.TemplateExpr:
			if v, diags := n.Value(nil); n.Range() == at && !diags.HasErrors() {
				text = v.AsString()
			}
		case *hclsyntax.FunctionCallExpr:
			if r := n.Range(); r.Start.Byte <= at.Start.Byte && at.End.Byte <= r.End.Byte {
				call, around = n, call
			}
		}
		return nil
	})
	switch {
	case call != nil && call.Name == "optional" && len(call.Args) == 2 && call.Args[1].Range() == at:
		return badDefault(call)
	case word != "" && !slices.Contains(plainTypes(), word):
		return noKeyword(word)
	case text != "":
		return "A type stands without quotes: " + diag.HarmlessLine(text) + "."
	case call != nil:
		return noCall(call, around)
	}
	return noSuchType
}

const noSuchType = "This is not a type. The types are string, number, bool, any, list(TYPE), set(TYPE), map(TYPE), object({ NAME = TYPE }) and tuple([TYPE, TYPE])."

func plainTypes() []string { return []string{"string", "number", "bool", "any"} }

// forms are the types that need others, as they are written.
func forms() map[string]string {
	return map[string]string{
		"list": "list(string)", "set": "set(string)", "map": "map(string)",
		"object": "object({ name = string })", "tuple": "tuple([string, number])", "optional": "optional(string)",
	}
}

func noKeyword(word string) string {
	if form := forms()[word]; form != "" {
		return fmt.Sprintf("The type %q needs to know what is in it, such as %s.", word, form)
	}
	return unknownType(word)
}

func unknownType(word string) string {
	elsewhere := map[string]string{
		"int": "number", "integer": "number", "float": "number", "str": "string", "text": "string", "array": "list", "dict": "map", "hash": "map",
	}
	meant := elsewhere[word]
	if meant == "" {
		meant = diag.Suggest(word, append(plainTypes(), "list", "set", "map", "object", "tuple"))
	}
	if meant == "" {
		return fmt.Sprintf("There is no type %s.", diag.Quote(word)) + noSuchType[len("This is not a type."):]
	}
	return fmt.Sprintf("There is no type %s. Did you mean %q?", diag.Quote(word), meant)
}

func noCall(call, around *hclsyntax.FunctionCallExpr) string {
	form := forms()[call.Name]
	switch {
	case slices.Contains(plainTypes(), call.Name):
		return fmt.Sprintf("The type %q takes nothing in parentheses.", call.Name)
	case call.Name == "optional" && (around == nil || around.Name != "object"):
		return "Only an attribute of an object can be optional, as in object({ port = optional(number) })."
	case call.Name == "optional":
		return "It takes the type of the attribute, and its default if it has one, as in optional(number, 8080)."
	case form == "":
		return unknownType(call.Name)
	case len(call.Args) != 1 || call.Name == "object" || call.Name == "tuple":
		return fmt.Sprintf("The type %q is written as in %s.", call.Name, form)
	}
	return noSuchType
}

// badDefault says how the default of an optional attribute does not fit the attribute's type.
func badDefault(call *hclsyntax.FunctionCallExpr) string {
	ty, diags := typeexpr.TypeConstraint(call.Args[0])
	written, more := call.Args[1].Value(nil)
	if diags.HasErrors() || more.HasErrors() {
		return "The default of an optional attribute must be written out: it cannot refer to anything."
	}
	return fmt.Sprintf("The attribute takes %s, but %s.", diag.Constraint(ty), value.FindMisfit(written, ty))
}
