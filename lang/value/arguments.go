package value

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"runner/agent/action/pattern/compile"
	"runner/agent/schema"
	"runner/lang/diag"
	"runner/lang/function"
	"runner/lang/syntax"
)

// Argument is the value of an argument that a schema describes.
type Argument struct {
	Plain     any // nil: null, or not known
	Known     bool
	Sensitive bool
}

// Take checks a value against its description and makes it plain. What is of the block, for messages: `the
// action "file"`.
func Take(a schema.Attribute, v cty.Value, e hclsyntax.Expression, of string) (Argument, hcl.Diagnostics) {
	given := v
	v, sensitive := Bare(v)
	out := Argument{Sensitive: sensitive || a.Secret}
	if v.IsKnown() && v.IsNull() {
		out.Known, out.Sensitive = true, sensitive
		return out, nil
	}
	if plain, ok := fits(a, v); ok {
		out.Known, out.Plain = true, plain
		return out, nil
	}
	want := TypeFor(a.Type)
	converted, err := convert.Convert(v, want)
	if err != nil {
		return out, hcl.Diagnostics{Wrong(a, given, e, of)}
	}
	if !converted.IsWhollyKnown() {
		return out, nil
	}
	out.Known = true
	if err := function.Check(converted); err != nil {
		return out, hcl.Diagnostics{diag.Errorf(diag.TooLarge, e.Range(), "Value too large", "%q of %s cannot take this: %v.", a.Name, of, err)}
	}
	if path := NullIn(converted); path != nil && a.Type != schema.Any {
		return out, hcl.Diagnostics{diag.Errorf(diag.InvalidValue, Narrow(e, path), "Null in a list",
			"%q of %s cannot have null in it.", a.Name, of)}
	}
	out.Plain = Plain(converted)
	if problem := badValue(a, out.Plain, sensitive); problem != "" {
		return out, hcl.Diagnostics{diag.Errorf(diag.InvalidValue, e.Range(), "Invalid value", "%q of %s %s", a.Name, of, problem)}
	}
	return out, nil
}

// fits is the short way for what nearly all arguments are: short texts, and lists of them, that any value may be.
func fits(a schema.Attribute, v cty.Value) (any, bool) {
	if len(a.OneOf) > 0 || !v.IsKnown() {
		return nil, false
	}
	switch t := v.Type(); {
	case a.Type == schema.String && t == cty.String:
		return shortText(v)
	case a.Type != schema.Strings || !t.IsTupleType() || t.Length() > shortList:
		return nil, false
	}
	out := make([]any, 0, v.LengthInt())
	for it := v.ElementIterator(); it.Next(); {
		_, element := it.Element()
		if t := element.Type(); t == cty.Number || t == cty.Bool {
			element, _ = convert.Convert(element, cty.String) // which never fails
		}
		text, ok := shortText(element)
		if !ok {
			return nil, false
		}
		out = append(out, text)
	}
	return out, true
}

// What is short needs no measuring.
const (
	shortList = 256
	shortLine = 4096
)

func shortText(v cty.Value) (any, bool) {
	if v.Type() != cty.String || !v.IsKnown() || v.IsNull() {
		return nil, false
	}
	s := v.AsString()
	return s, len(s) <= shortLine
}

// Bare takes the marks off a value, at any depth, and says whether one of them was ours.
func Bare(v cty.Value) (cty.Value, bool) {
	if !v.ContainsMarked() {
		return v, false
	}
	v, marks := v.UnmarkDeep()
	_, sensitive := marks[function.Sensitive]
	return v, sensitive
}

// TypeFor is the type of the expressions that a schema's type takes.
func TypeFor(t schema.Type) cty.Type {
	switch t {
	case schema.String, schema.Mode, schema.Duration, schema.Pause, schema.Path, schema.Source, schema.Regex, schema.Tree, schema.Destination:
		return cty.String
	case schema.Number:
		return cty.Number
	case schema.Bool:
		return cty.Bool
	case schema.Strings:
		return cty.List(cty.String)
	case schema.Numbers:
		return cty.List(cty.Number)
	case schema.Map:
		return cty.Map(cty.String)
	case schema.Any:
	}
	return cty.DynamicPseudoType
}

// wanted says what a type takes, in the words of the language.
func wanted(t schema.Type) string {
	switch t {
	case schema.Mode:
		return `a mode such as "0640"`
	case schema.Duration, schema.Pause:
		return `a duration such as "30s"`
	case schema.Path:
		return "the path of a file on the target, a string"
	case schema.Source:
		return "the path of a file on the controller, a string"
	case schema.Regex:
		return "a regular expression, a string"
	case schema.Destination:
		return "a path on the controller, a string"
	case schema.Tree:
		return "the path of a directory or file on the controller, a string"
	default:
		return diag.Constraint(TypeFor(t))
	}
}

// Wrong says that a value does not have the type of its argument, at the part of it that does not.
func Wrong(a schema.Attribute, v cty.Value, e hclsyntax.Expression, of string) *hcl.Diagnostic {
	m := FindMisfit(v, TypeFor(a.Type))
	return diag.Errorf(diag.WrongType, m.At(e), "Wrong type of value", "%q of %s takes %s, but %s.", a.Name, of, wanted(a.Type), m)
}

// Narrow returns the range of the part of a written list or object that a path leads to.
func Narrow(e hclsyntax.Expression, path cty.Path) hcl.Range {
	for _, step := range path {
		inner := part(syntax.Inner(e), step)
		if inner == nil {
			break
		}
		e = inner
	}
	return e.Range()
}

func part(e hclsyntax.Expression, step cty.PathStep) hclsyntax.Expression {
	switch e := e.(type) {
	case *hclsyntax.TupleConsExpr:
		index, ok := step.(cty.IndexStep)
		if !ok || index.Key.Type() != cty.Number {
			return nil
		}
		if i, _ := index.Key.AsBigFloat().Int64(); int(i) < len(e.Exprs) {
			return e.Exprs[i]
		}
	case *hclsyntax.ObjectConsExpr:
		name := ""
		switch step := step.(type) {
		case cty.GetAttrStep:
			name = step.Name
		case cty.IndexStep:
			if step.Key.Type() == cty.String {
				name = step.Key.AsString()
			}
		}
		for _, item := range e.Items {
			if key, diags := item.KeyExpr.Value(nil); !diags.HasErrors() && key.Type() == cty.String && key.AsString() == name {
				return item.ValueExpr
			}
		}
	}
	return nil
}

// NullIn returns the path to a null inside a value, or nil.
func NullIn(v cty.Value) cty.Path {
	if !v.Type().IsCollectionType() && !v.Type().IsTupleType() {
		return nil
	}
	for it := v.ElementIterator(); it.Next(); {
		key, element := it.Element()
		if element.IsNull() {
			return cty.Path{cty.IndexStep{Key: key}}
		}
	}
	return nil
}

// badValue says what is wrong with a value of the right type, as the end of a sentence, or "".
func badValue(a schema.Attribute, v any, sensitive bool) string {
	text, isText := v.(string)
	shown := shownText{text, sensitive}
	switch {
	case !isText:
	case a.Type == schema.Mode && !isMode(text):
		return fmt.Sprintf("takes a mode of three or four octal digits such as \"0640\", and %s is none.", shown)
	case a.Type == schema.Duration && !isDuration(text, 1), a.Type == schema.Pause && !isDuration(text, 0):
		hint := ""
		if isDuration(text+"s", 1) && !sensitive {
			hint = diag.Meant(text + "s")
		}
		return fmt.Sprintf("takes a duration such as \"30s\" or \"1m30s\", and %s is none.%s", shown, hint)
	case a.Type == schema.Path && !strings.HasPrefix(text, "/"):
		return fmt.Sprintf("takes an absolute path, and %s is none.", shown)
	case text == "" && (a.Type == schema.Tree || a.Type == schema.Destination):
		return "takes a path, and this one is empty."
	case strings.ContainsRune(text, 0) && (a.Type == schema.Path || a.Type == schema.Source || a.Type == schema.Tree || a.Type == schema.Destination):
		return "takes a path, and a path cannot contain a NUL character."
	case a.Type == schema.Regex:
		return badRegex(text, sensitive)
	case len(a.OneOf) > 0 && !slices.Contains(a.OneOf, text):
		return fmt.Sprintf("must be %s, not %s.%s", orList(a.OneOf), shown, diag.Meant(cmp.Or(a.Meant[strings.ToLower(text)], diag.Suggest(text, a.OneOf))))
	}
	return ""
}

// badRegex says what is wrong with a regular expression, likewise.
func badRegex(text string, sensitive bool) string {
	_, err := compile.Program(text)
	switch {
	case err == nil:
		return ""
	case sensitive:
		return "takes a regular expression (RE2), and the sensitive value is none."
	}
	return fmt.Sprintf("takes a regular expression (RE2), and this is none: %v.", err)
}

// shownText is a value in a message.
type shownText struct {
	text      string
	sensitive bool
}

// String quotes the value, unless it is sensitive.
func (t shownText) String() string {
	if t.sensitive {
		return "the sensitive value"
	}
	return diag.Quote(t.text)
}

func isMode(s string) bool {
	const least, most = 3, 4
	return len(s) >= least && len(s) <= most && strings.Trim(s, "01234567") == ""
}

func isDuration(s string, least time.Duration) bool {
	d, err := time.ParseDuration(s)
	return err == nil && d >= least
}

// orList writes values as a choice.
func orList(values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = diag.Quote(v)
	}
	if len(quoted) < 2 {
		return strings.Join(quoted, "")
	}
	last := len(quoted) - 1
	return strings.Join(quoted[:last], ", ") + " or " + quoted[last]
}

// Texts are the texts of a plain list; none of anything else.
func Texts(plain any) []string {
	list, _ := plain.([]any)
	out := make([]string, len(list))
	for i, text := range list {
		out[i], _ = text.(string)
	}
	return out
}
