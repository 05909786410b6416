package diag

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// mostSeen is how many values are shown with a diagnostic.
const mostSeen = 8

// Seen returns the values that would be shown with a diagnostic.
func Seen(d *hcl.Diagnostic) string {
	e, _ := hcl.DiagnosticExtra[Extra](d)
	return Printer{}.seen(d, e)
}

// seen renders the values of what the diagnostic's expression refers to, for an expression that is evaluated more than
// once. Sensitive values are named and not shown; unknown ones say so.
func (p Printer) seen(d *hcl.Diagnostic, e Extra) string {
	if d.Expression == nil || d.EvalContext == nil || e.HideSource {
		return ""
	}
	var lines []string
	for _, traversal := range d.Expression.Variables() {
		value, diags := traversal.TraverseAbs(d.EvalContext)
		if diags.HasErrors() {
			continue
		}
		if text := brief(value); text != "" {
			lines = append(lines, fmt.Sprintf("  with %s %s\n", name(traversal), text))
		}
	}
	slices.Sort(lines)
	lines = slices.Compact(lines)
	if len(lines) > mostSeen {
		lines = append(lines[:mostSeen:mostSeen], "  …\n")
	}
	if len(lines) == 0 {
		return ""
	}
	for i, l := range lines {
		if p.Width > 0 {
			l = keepStart(strings.TrimSuffix(l, "\n"), max(p.Width, 20)) + "\n"
		}
		lines[i] = l
	}
	return strings.Join(lines, "")
}

func name(traversal hcl.Traversal) string {
	var b strings.Builder
	for _, step := range traversal {
		switch step := step.(type) {
		case hcl.TraverseRoot:
			b.WriteString(step.Name)
		case hcl.TraverseAttr:
			b.WriteString("." + step.Name)
		case hcl.TraverseIndex:
			key, _ := step.Key.Unmark()
			if !key.IsKnown() || !key.Type().IsPrimitiveType() || step.Key.IsMarked() {
				b.WriteString("[…]")
				continue
			}
			b.WriteString("[" + literal(key) + "]")
		}
	}
	return HarmlessLine(b.String())
}

// brief says in a few words what a value is, or "" when there is nothing worth saying.
func brief(v cty.Value) string {
	t := v.Type()
	switch {
	case v.IsMarked():
		return "(sensitive)"
	case !v.IsKnown():
		return "(known after apply)"
	case v.IsNull() || t.IsPrimitiveType():
		return "= " + literal(v)
	case t.IsObjectType():
		return "an object with " + Count(len(t.AttributeTypes()), "attribute")
	case t.IsCollectionType() || t.IsTupleType():
		return fmt.Sprintf("a %s with %s", Kind(t), Count(v.LengthInt(), "element"))
	}
	return ""
}

// Count says how many there are of something.
func Count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// literal writes a known primitive value as the language does.
func literal(v cty.Value) string {
	switch {
	case v.IsNull():
		return "null"
	case v.Type() == cty.Bool:
		return fmt.Sprint(v.True())
	case v.Type() == cty.Number:
		return number(v.AsBigFloat())
	}
	return Quote(v.AsString())
}

func number(f *big.Float) string {
	if f.IsInt() && f.MantExp(nil) < 64 {
		return f.Text('f', 0)
	}
	return f.Text('g', 10)
}
