package value

import (
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"runner/lang/diag"
)

// missingElement puts an error about a way into a value that leads nowhere into better words: it says what is missing,
// and what may have been meant. It returns nil for other errors.
func missingElement(d *hcl.Diagnostic) *hcl.Diagnostic {
	if d.Expression == nil || d.EvalContext == nil {
		return nil
	}
	value, of, name, at := missingStep(d)
	if value == cty.NilVal {
		return nil
	}
	var candidates []string
	switch {
	case value.IsMarked(): // and with it the names
	case value.IsKnown() && value.CanIterateElements():
		for it := value.ElementIterator(); it.Next(); {
			if key, _ := it.Element(); key.Type() == cty.String {
				candidates = append(candidates, key.AsString())
			}
		}
	case value.Type().IsObjectType():
		candidates = slices.Sorted(maps.Keys(value.Type().AttributeTypes()))
	}
	hint := diag.OneOf(name, candidates)
	if inner := inside(value, name); inner != "" {
		hint = diag.Meant(inner)
	}
	out := diag.Errorf(diag.UnknownReference, at, "Unknown attribute", "%s has no %s.%s", of, diag.Quote(name), hint)
	if _, where, ok := strings.Cut(d.Detail, "\n\n"); ok { // of a template: which call uses it
		out.Detail += "\n\n" + where
	}
	return diag.With(out, func(e *diag.Extra) {
		before := diag.ExtraOf(d)
		e.Source, e.HideSource, e.Caller = before.Source, before.HideSource, before.Caller
	})
}

// inside finds os.family where os_family is asked for.
func inside(v cty.Value, name string) string {
	outer, inner, ok := strings.Cut(name, "_")
	if t := v.Type(); !v.IsMarked() && ok && t.IsObjectType() && t.HasAttribute(outer) {
		if t = t.AttributeType(outer); t.IsObjectType() && t.HasAttribute(inner) {
			return outer + "." + inner
		}
	}
	return ""
}

// missingStep finds the first step of an error's expression that leads nowhere, and the object or map before it with
// what that is called.
func missingStep(d *hcl.Diagnostic) (value cty.Value, of, name string, at hcl.Range) {
	switch e := d.Expression.(type) {
	case *hclsyntax.IndexExpr:
		value, diags1 := e.Collection.Value(d.EvalContext)
		key, diags2 := e.Key.Value(d.EvalContext)
		if name, ok := textOf(key); ok && !diags1.HasErrors() && !diags2.HasErrors() && lacks(value, name) {
			return value, called(e.Collection), name, e.Key.Range()
		}
	case *hclsyntax.ScopeTraversalExpr:
		value, diags := e.Traversal[:1].TraverseAbs(d.EvalContext)
		if !diags.HasErrors() {
			return missingIn(value, e.Traversal.RootName(), e.Traversal[1:])
		}
	case *hclsyntax.RelativeTraversalExpr:
		value, diags := e.Source.Value(d.EvalContext)
		if !diags.HasErrors() {
			return missingIn(value, "This value", e.Traversal)
		}
	}
	return cty.NilVal, "", "", hcl.Range{}
}

// called is the name of what an expression refers to, if it is no more than that.
func called(e hclsyntax.Expression) string {
	t, diags := hcl.AbsTraversalForExpr(e)
	if diags.HasErrors() {
		return "This value"
	}
	var name strings.Builder
	name.WriteString(t.RootName())
	for _, step := range t[1:] {
		name.WriteString(stepWord(step))
	}
	return name.String()
}

// stepWord writes a step as it is written in expressions.
func stepWord(step hcl.Traverser) string {
	switch step := step.(type) {
	case hcl.TraverseAttr:
		return "." + step.Name
	case hcl.TraverseIndex:
		return PathWord(cty.Path{cty.IndexStep{Key: step.Key}})
	}
	return ""
}

func missingIn(from cty.Value, of string, steps hcl.Traversal) (value cty.Value, _, name string, at hcl.Range) {
	for _, step := range steps {
		name, ok := "", false
		switch step := step.(type) {
		case hcl.TraverseAttr:
			name, ok = step.Name, true
		case hcl.TraverseIndex:
			name, ok = textOf(step.Key)
		}
		if ok && lacks(from, name) {
			return from, of, name, step.SourceRange()
		}
		next, diags := step.TraversalStep(from)
		if diags.HasErrors() {
			break
		}
		from, of = next, of+stepWord(step)
	}
	return cty.NilVal, "", "", hcl.Range{}
}

func textOf(v cty.Value) (string, bool) {
	if v.IsMarked() || !v.IsKnown() || v.IsNull() || v.Type() != cty.String {
		return "", false
	}
	return v.AsString(), true
}

// lacks says whether an object or map is known not to have an element.
func lacks(v cty.Value, name string) bool {
	v, _ = v.Unmark()
	switch t := v.Type(); {
	case t.IsObjectType():
		return !t.HasAttribute(name)
	case t.IsMapType() && v.IsKnown() && !v.IsNull():
		return v.HasIndex(cty.StringVal(name)).False()
	}
	return false
}
