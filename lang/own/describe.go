package own

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"runner/agent/schema"
	"runner/lang/diag"
)

// Reserved are names that arguments cannot have, because every task has them, and results, because every result has
// them.
type Reserved struct{ Arguments, Results []string }

// Read takes apart what an action of a name says of itself. It finds all that is wrong with it.
func Read(name string, text []byte, reserved Reserved) (*Action, []Problem) {
	var found problems
	top, err := parse(text)
	if err != nil {
		found.add("", "What it prints when it is asked for its description cannot be read: %v.", err)
		return nil, found
	}
	r := reader{problems: &found}
	r.fields("", top, "protocol", "doc", "preview", "input", "arguments", "results", "example")
	a := &Action{Block: schema.Block{Name: name}, Defaults: map[string]any{}}
	switch v, given := top.get("protocol"); {
	case !given:
		found.add("protocol", `It is missing. This runner speaks "protocol": %d.`, Protocol)
	case v != int64(Protocol):
		found.add("protocol", "This runner speaks the protocol %d, and the action asks for %s.", Protocol, kind(v))
	}
	a.Doc = r.doc("", top)
	a.Exact = r.word("", top, "preview", true, "exact", "runs") == "exact"
	a.Shell = r.word("", top, "input", false, "json", "shell") == "shell"
	a.Example, _ = r.text("", top, "example")
	for _, m := range r.members(top, "arguments") {
		attribute, value := r.argument(under("arguments", m.name), m, reserved.Arguments)
		if value != nil {
			a.Defaults[m.name] = value
		}
		a.Arguments = append(a.Arguments, attribute)
	}
	for _, m := range r.members(top, "results") {
		a.Results = append(a.Results, r.result(under("results", m.name), m, reserved.Results))
	}
	if a.Example != "" && len(found) == 0 {
		a.checkExample(r, reserved)
	}
	if len(found) > 0 {
		return nil, found
	}
	return a, nil
}

// reader takes objects apart.
type reader struct{ *problems }

// fields reports members that an object cannot have.
func (r reader) fields(where string, o object, names ...string) {
	for _, m := range o {
		if !slices.Contains(names, m.name) {
			hint := diag.DidYouMean(m.name, names)
			if hint == "" {
				hint = fmt.Sprintf(" There are %s.", strings.Join(names, ", "))
			}
			r.add(under(where, m.name), "There is no field of this name here.%s", hint)
		}
	}
}

func (r reader) text(where string, o object, name string) (string, bool) {
	v, given := o.get(name)
	text, ok := v.(string)
	if given && !ok {
		r.add(under(where, name), "It takes a string, and this is %s.", kind(v))
	}
	return text, given
}

func (r reader) doc(where string, o object) string {
	text, given := r.text(where, o, "doc")
	if v, _ := o.get("doc"); !given || v == "" {
		r.add(under(where, "doc"), "It is missing. Say in a sentence what this is for.")
	}
	return text
}

// word reads one of a few words.
func (r reader) word(where string, o object, name string, required bool, words ...string) string {
	text, given := r.text(where, o, name)
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = diag.Quote(w)
	}
	either := strings.Join(quoted, " or ")
	if len(words) > 2 {
		either = "one of " + strings.Join(quoted, ", ")
	}
	v, _ := o.get(name)
	_, isText := v.(string)
	switch {
	case !given && required:
		r.add(under(where, name), "It is missing. Say %s.", either)
	case isText && !slices.Contains(words, text):
		r.add(under(where, name), "It must be %s, and this is %s.%s", either, diag.Quote(text), diag.DidYouMean(text, words))
	}
	return text
}

func (r reader) bool(where string, o object, name string) bool {
	v, given := o.get(name)
	yes, ok := v.(bool)
	if given && !ok {
		r.add(under(where, name), "It must be true or false, and this is %s.", kind(v))
	}
	return yes
}

// members reads an object of attributes by their names.
func (r reader) members(top object, name string) object {
	v, given := top.get(name)
	o, ok := v.(object)
	if given && !ok {
		r.add(name, "It takes an object with an attribute for each name, and this is %s.", kind(v))
	}
	return o
}

// types are those that attributes of own actions have.
func types() []string {
	var out []string
	for _, t := range []schema.Type{
		schema.String, schema.Number, schema.Bool, schema.Strings, schema.Numbers, schema.Map, schema.Mode, schema.Duration,
		schema.Path, schema.Any,
	} {
		out = append(out, string(t))
	}
	return out
}

// attribute reads what arguments and results have in common.
func (r reader) attribute(where string, m member, reserved []string, fields ...string) (schema.Attribute, object) {
	a := schema.Attribute{Name: m.name}
	if !hclsyntax.ValidIdentifier(m.name) {
		r.add(where, "%s is not a name: a name begins with a letter or an underscore and goes on with letters, digits, underscores and dashes.", diag.Quote(m.name))
	}
	if slices.Contains(reserved, m.name) {
		r.add(where, "The name %s is taken: every task has it. Choose another one.", diag.Quote(m.name))
	}
	o, ok := m.value.(object)
	if !ok {
		r.add(where, `It takes an object, such as {"type": "string", "doc": "…"}, and this is %s.`, kind(m.value))
		return a, nil
	}
	r.fields(where, o, append([]string{"type", "doc"}, fields...)...)
	if v, _ := o.get("type"); v == string(schema.Source) {
		r.add(under(where, "type"), `Own actions take no sources: take a "string", and let the site give it as file("…") or filebase64("…").`)
	} else {
		a.Type = schema.Type(r.word(where, o, "type", true, types()...))
	}
	a.Doc = r.doc(where, o)
	return a, o
}

func (r reader) argument(where string, m member, reserved []string) (a schema.Attribute, value any) {
	a, o := r.attribute(where, m, reserved, "required", "secret", "one_of", "default")
	if o == nil {
		return a, nil
	}
	a.Required, a.Secret = r.bool(where, o, "required"), r.bool(where, o, "secret")
	if strings.Contains(m.name, "-") && hclsyntax.ValidIdentifier(m.name) {
		r.add(where, "The name of an argument cannot have a dash, because shells could not name it: write %s.", diag.Quote(strings.ReplaceAll(m.name, "-", "_")))
	}
	if v, given := o.get("one_of"); given {
		a.OneOf = r.oneOf(under(where, "one_of"), v, a)
	}
	value, given := o.get("default")
	if value = plain(value); !given || value == nil {
		return a, nil
	}
	if a.Required {
		r.add(under(where, "default"), "An argument that is required has no default: leave one of them out.")
	}
	if slices.Contains(types(), string(a.Type)) {
		if what := misfit(a, value); what != "" {
			r.add(under(where, "default"), "%s", what)
		}
	}
	return a, value
}

func (r reader) oneOf(where string, v any, a schema.Attribute) []string {
	list, ok := v.([]any)
	var out []string
	for _, e := range list {
		text, isText := e.(string)
		ok = ok && isText
		out = append(out, text)
	}
	switch {
	case !ok || len(list) == 0:
		r.add(where, `It takes a list of strings with at least one, such as ["present", "absent"].`)
	case a.Type != schema.String && slices.Contains(types(), string(a.Type)):
		r.add(where, `Only an argument of the type "string" has one_of, and this one is of the type %s.`, diag.Quote(string(a.Type)))
	}
	return out
}

func (r reader) result(where string, m member, reserved []string) schema.Attribute {
	a, _ := r.attribute(where, m, reserved)
	return a
}
