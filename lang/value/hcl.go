package value

import (
	"slices"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"runner/lang/function"
)

// unknown stands for what only a run can give.
const unknown = "(known after apply)"

// HCL writes a value as an expression, one that holds others over several lines. Reading it gives the value back with
// its type, but for what stands in parentheses because it is sensitive or not known. Whatever the value holds, a terminal
// only shows it. What is no data is written as the function given names it.
func HCL(v cty.Value, name func(thing any) string) string {
	if text, ok := heredoc(v); ok {
		return text
	}
	return writer{name}.write(v, "")
}

type writer struct{ name func(thing any) string }

func (w writer) write(v cty.Value, indent string) string {
	switch {
	case v.HasMark(function.Sensitive):
		return Hidden
	case v.IsMarked():
		v, _ = v.Unmark()
	}
	t := v.Type()
	switch {
	case !v.IsKnown() || t == NoFactsType:
		return unknown
	case v.IsNull():
		return null(t)
	case t.IsCapsuleType():
		return w.name(Is(v))
	case t == cty.Number && v.AsBigFloat().IsInt():
		return v.AsBigFloat().Text('f', 0)
	case t.IsPrimitiveType():
		return string(hclwrite.TokensForValue(v).Bytes())
	}
	before, after := "", ""
	switch {
	case t.IsListType():
		before, after = "tolist(", ")"
	case t.IsSetType():
		before, after = "toset(", ")"
	case t.IsMapType():
		before, after = "tomap(", ")"
	}
	if t.IsMapType() || t.IsObjectType() {
		return before + w.writeMap(v, indent) + after
	}
	return before + w.writeList(v, indent) + after
}

// null says the type where there is one.
func null(t cty.Type) string {
	switch t {
	case cty.String:
		return "tostring(null)"
	case cty.Number:
		return "tonumber(null)"
	case cty.Bool:
		return "tobool(null)"
	}
	return "null"
}

func (w writer) writeList(v cty.Value, indent string) string {
	if v.LengthInt() == 0 {
		return "[]"
	}
	var b strings.Builder
	b.WriteString("[\n")
	for it := v.ElementIterator(); it.Next(); {
		_, element := it.Element()
		b.WriteString(indent + "  " + w.write(element, indent+"  ") + ",\n")
	}
	return b.String() + indent + "]"
}

func (w writer) writeMap(v cty.Value, indent string) string {
	if v.LengthInt() == 0 {
		return "{}"
	}
	var b strings.Builder
	b.WriteString("{\n")
	for it := v.ElementIterator(); it.Next(); {
		key, element := it.Element()
		b.WriteString(indent + "  " + w.write(key, "") + " = " + w.write(element, indent+"  ") + "\n")
	}
	return b.String() + indent + "}"
}

// heredoc writes a text of whole lines as they are, where nothing in it would be read as something else.
func heredoc(v cty.Value) (string, bool) {
	const marker = "EOT"
	if v.IsMarked() || !v.IsKnown() || v.IsNull() || v.Type() != cty.String {
		return "", false
	}
	text := v.AsString()
	body, whole := strings.CutSuffix(text, "\n")
	odd := func(r rune) bool { return r != '\n' && r != '\t' && !unicode.IsPrint(r) }
	if !whole || strings.ContainsFunc(text, odd) {
		return "", false
	}
	if slices.ContainsFunc(strings.Split(body, "\n"), func(line string) bool { return strings.TrimSpace(line) == marker }) {
		return "", false
	}
	return "<<" + marker + "\n" + strings.NewReplacer("${", "$${", "%{", "%%{").Replace(text) + marker, true
}
