package event

import (
	"maps"
	"slices"
)

// Mask returns a sink that changes the texts that come from targets with a function, which puts Hidden in the place of what is
// sensitive. Results and outputs, which others read, have each attribute with something sensitive in it hidden whole: nobody must take it
// for the value. A nil function changes nothing.
func Mask(to Sink, mask func(text string) string) Sink {
	if mask == nil {
		return to
	}
	return &masking{to, mask}
}

type masking struct {
	to   Sink
	mask func(string) string
}

// Emit implements Sink.
func (m *masking) Emit(e Event) {
	switch t := e.(type) {
	case PlannedChange:
		t.Before, t.After, t.Diff, t.Reason = m.inside(t.Before), m.inside(t.After), m.mask(t.Diff), m.mask(t.Reason)
		e = t
	case Diagnostic:
		t.Detail, t.Failure = m.mask(t.Detail), m.failure(t.Failure)
		e = t
	case Output:
		t.Text = m.mask(t.Text)
		e = t
	case EarlyFailure:
		t.TaskEnd = m.end(t.TaskEnd)
		e = t
	case TaskEnd:
		e = m.end(t)
	case RunEnd:
		t.Outputs, _ = m.attributes(t.Outputs).(map[string]any)
		e = t
	}
	m.to.Emit(e)
}

func (m *masking) end(t TaskEnd) TaskEnd {
	t.Before, t.After, t.Result = m.inside(t.Before), m.inside(t.After), m.attributes(t.Result)
	t.Diff, t.Error, t.Failure = m.mask(t.Diff), m.mask(t.Error), m.failure(t.Failure)
	return t
}

// failure is one with the cause that it had: whoever evaluates an expression has seen to that.
func (m *masking) failure(f *Failure) *Failure {
	if f == nil {
		return nil
	}
	out := *f
	out.Message, out.Hint, out.Quote = m.mask(f.Message), m.mask(f.Hint), m.mask(f.Quote)
	return &out
}

// attributes hides each attribute that has something sensitive in it.
func (m *masking) attributes(v any) any {
	all, ok := v.(map[string]any)
	if !ok {
		return v
	}
	out := maps.Clone(all)
	for name, value := range all {
		if m.holds(value) {
			out[name] = Hidden
		}
	}
	return out
}

// inside hides what is sensitive in the texts of a plain value.
func (m *masking) inside(v any) any {
	switch v := v.(type) {
	case string:
		return m.mask(v)
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = m.inside(e)
		}
		return out
	case []string:
		out := make([]string, len(v))
		for i, e := range v {
			out[i] = m.mask(e)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, e := range v {
			out[m.mask(name)] = m.inside(e)
		}
		return out
	}
	return v
}

// holds says whether something sensitive is in a plain value.
func (m *masking) holds(v any) bool {
	switch v := v.(type) {
	case string:
		return m.mask(v) != v
	case []any:
		return slices.ContainsFunc(v, m.holds)
	case []string:
		return slices.ContainsFunc(v, func(e string) bool { return m.holds(e) })
	case map[string]any:
		for name, e := range v {
			if m.holds(name) || m.holds(e) {
				return true
			}
		}
	}
	return false
}
