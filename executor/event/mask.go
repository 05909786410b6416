package event

import (
	"maps"
	"slices"
)

// Mask returns a sink that changes the texts that come from targets with a function, which puts Hidden in the place of what is
// sensitive. An attribute of a result that has something sensitive in it is hidden whole: a resumed run must not take it for the value.
// A nil function changes nothing.
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
		t.Before, t.After, t.Diff, t.Reason = m.attributes(t.Before), m.attributes(t.After), m.mask(t.Diff), m.mask(t.Reason)
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
	t.Before, t.After, t.Result = m.attributes(t.Before), m.attributes(t.After), m.attributes(t.Result)
	t.Diff, t.Error = m.mask(t.Diff), m.mask(t.Error)
	if t.Failure != nil {
		f := *t.Failure
		f.Message, f.Hint, f.Quote = m.mask(f.Message), m.mask(f.Hint), m.mask(f.Quote)
		t.Failure = &f
	}
	return t
}

// attributes hides each attribute that has something sensitive in it.
func (m *masking) attributes(v any) any {
	all, ok := v.(map[string]any)
	if !ok {
		return v
	}
	var out map[string]any
	for name, value := range all {
		if m.holds(value) {
			if out == nil {
				out = maps.Clone(all)
			}
			out[name] = Hidden
		}
	}
	if out == nil {
		return v
	}
	return out
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
