package own

import (
	"fmt"
	"slices"
	"strings"

	"runner/lang/diag"
)

// maxDiff is how many bytes a diff may have.
const maxDiff = 256 << 10

// Answer is what an action says that it has done, or would do.
type Answer struct {
	Changed       bool
	Verb          string         // create, update, remove or run; "" where nothing changes
	Before, After map[string]any // plain; nil: not given
	Diff          string
	Result        map[string]any // plain, with everything that the action documents; nil: only acting will tell
	Error         string         // why it could not; "": it could
	Hint          string
}

// AnswerError tells that an answer is not one that the action may give: the action has a mistake.
type AnswerError struct {
	Action   string
	Problems []Problem
}

func (e *AnswerError) Error() string {
	parts := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		parts[i] = p.String()
	}
	return fmt.Sprintf("the action %s answers what it may not. %s", e.Action, strings.TrimSuffix(strings.Join(parts, " "), "."))
}

// Answer reads what the action has printed after it has looked or acted. The error is an *AnswerError.
func (a *Action) Answer(look bool, text []byte) (Answer, error) {
	var found problems
	out := a.answer(reader{&found}, look, text)
	if len(found) > 0 {
		return Answer{}, &AnswerError{a.Name, found}
	}
	return out, nil
}

func (a *Action) answer(r reader, look bool, text []byte) (out Answer) {
	top, err := parse(text)
	if err != nil {
		r.add("", "Its answer cannot be read: %v.", err)
		return out
	}
	r.fields("", top, "changed", "change", "before", "after", "diff", "result", "error")
	if out.Error, out.Hint = r.failure(top); out.Error != "" {
		return out
	}
	if _, given := top.get("changed"); !given {
		r.add("changed", "It is missing. Say true or false.")
	}
	out.Changed = r.bool("", top, "changed")
	out.Before, out.After = r.attributes(top, "before"), r.attributes(top, "after")
	out.Diff, _ = r.text("", top, "diff")
	if out.Verb = r.word("", top, "change", false, "create", "update", "remove", "run"); out.Verb == "" && out.Changed {
		out.Verb = "update"
		if !a.Exact {
			out.Verb = "run"
		}
	}
	if !out.Changed && (out.Verb != "" || out.Diff != "") {
		r.add("changed", "It is false, and yet there is a change or a diff.")
	}
	if len(out.Diff) > maxDiff {
		r.add("diff", "It has %d bytes; at most %d are shown. Shorten it.", len(out.Diff), maxDiff)
	}
	out.Result = a.result(r, top, look && out.Changed)
	return out
}

// failure reads why the action could not do what it was asked for.
func (r reader) failure(top object) (message, hint string) {
	v, _ := top.get("error")
	switch e := v.(type) {
	case nil:
		return "", ""
	case object:
		r.fields("error", e, "message", "hint")
		message, _ = r.text("error", e, "message")
		hint, _ = r.text("error", e, "hint")
		if strings.TrimSpace(message) == "" {
			r.add("error.message", "It is missing. Say in a sentence what went wrong.")
		}
		return message, hint
	default:
		r.add("error", `It takes an object, such as {"message": "…", "hint": "…"}, and this is %s.`, kind(v))
		return "", ""
	}
}

// attributes reads what is shown of something before or after a change.
func (r reader) attributes(top object, name string) map[string]any {
	v, _ := top.get(name)
	o, ok := v.(object)
	if v != nil && !ok {
		r.add(name, "It takes an object or null, and this is %s.", kind(v))
	}
	if !ok {
		return nil
	}
	out, _ := plain(o).(map[string]any)
	return out
}

// result reads what the action documents.
func (a *Action) result(r reader, top object, mayLack bool) map[string]any {
	v, _ := top.get("result")
	o, ok := v.(object)
	switch {
	case v == nil && (mayLack && len(a.Results) > 0):
		return nil
	case v == nil && len(a.Results) > 0:
		r.add("result", "It is missing, and the action documents results: they can be left out only where it has looked and would change something.")
		return nil
	case v != nil && !ok:
		r.add("result", "It takes an object, and this is %s.", kind(v))
		return nil
	}
	names := make([]string, len(a.Results))
	out := make(map[string]any, len(a.Results))
	for i, attribute := range a.Results {
		names[i] = attribute.Name
		v, _ := o.get(attribute.Name)
		out[attribute.Name] = plain(v)
		if what := misfit(attribute, out[attribute.Name]); what != "" {
			r.add(under("result", attribute.Name), "%s", what)
		}
	}
	for _, m := range o {
		if !slices.Contains(names, m.name) {
			r.add(under("result", m.name), "The action documents no result of this name.%s", diag.DidYouMean(m.name, names))
		}
	}
	return out
}
