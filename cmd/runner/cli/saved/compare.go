package saved

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"runner/executor/event"
)

// Found is what a plan, or another look at the same hosts, has found.
type Found struct {
	changes map[place]event.PlannedChange
	order   []place
	errors  []event.Diagnostic
}

// place is an element of a task on a host.
type place struct {
	host, address string
	again         int // a handler can run more than once
}

// Emit takes an event of a preview. It is not safe for concurrent use.
func (f *Found) Emit(e event.Event) {
	switch e := e.(type) {
	case event.PlannedChange:
		if f.changes == nil {
			f.changes = map[place]event.PlannedChange{}
		}
		at := place{host: e.Host, address: e.Address}
		for _, there := f.changes[at]; there; _, there = f.changes[at] {
			at.again++
		}
		f.changes[at] = e
		f.order = append(f.order, at)
	case event.Diagnostic:
		if e.Severity == "error" {
			f.errors = append(f.errors, e)
		}
	}
}

// Errors returns what a look has failed with.
func (f *Found) Errors() []event.Diagnostic { return f.errors }

// Difference tells that a task would not do on a host what the plan says.
type Difference struct {
	Host, Address string
	What          string // a sentence
}

// Compare returns what differs on the hosts that the plan was made for. Hosts that the new look could not speak of, because
// they were lost, are left to the caller.
func Compare(planned, found *Found, skip map[string]bool) []Difference {
	var out []Difference
	for _, at := range planned.order {
		if skip[at.host] {
			continue
		}
		was := planned.changes[at]
		is, there := found.changes[at]
		if !there {
			out = append(out, Difference{at.host, at.address, "The plan says " + verb(was) + ", and now there would be nothing of that kind."})
			continue
		}
		if what := differs(was, is); what != "" {
			out = append(out, Difference{at.host, at.address, what})
		}
	}
	for _, at := range found.order {
		if _, there := planned.changes[at]; !there && !skip[at.host] {
			out = append(out, Difference{at.host, at.address, "The plan says nothing of it, and now there would be " + verb(found.changes[at]) + "."})
		}
	}
	return out
}

// differs says in which way a change is another one; "" if it is the same.
func differs(was, is event.PlannedChange) string {
	if was.Action != is.Action {
		what := "The plan says " + verb(was) + ", and now it would be " + verb(is) + "."
		if was.Before != nil && is.Before != nil {
			what += attributes(was.Before, is.Before)
		}
		return what
	}
	if was.Action == event.Read || was.Action == event.Skip {
		return "" // what it reads is compared where something depends on it
	}
	switch {
	case string(was.State) != string(is.State) && was.Before == event.Hidden:
		return "What is there has changed since. (The task is sensitive.)"
	case string(was.State) != string(is.State) && was.Action == event.Remove:
		return "What is to be removed has changed since."
	case text(was.Before) != text(is.Before):
		return "What is there has changed since:" + attributes(was.Before, is.Before)
	case text(was.After) != text(is.After):
		return "What it would become is not what was planned:" + attributes(was.After, is.After)
	case was.Diff != is.Diff:
		return "What is there has other content than when it was planned."
	case string(was.State) != string(is.State):
		return "What is there has changed since, in something that a plan does not show."
	case was.Outcome != is.Outcome:
		return fmt.Sprintf("It would be reported as %s, and not as %s.", is.Outcome, was.Outcome)
	case !slices.Equal(was.Unknown, is.Unknown):
		return fmt.Sprintf("What only the run can tell is not what it was: %s, and now %s.", list(was.Unknown), list(is.Unknown))
	case string(was.Call) != string(is.Call):
		return "Its arguments, environment or other settings are not what was planned, in something that a plan does not show."
	}
	return ""
}

func list(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}

func verb(c event.PlannedChange) string {
	switch c.Action {
	case event.Create:
		return "to create it"
	case event.Update:
		return "to update it"
	case event.Remove:
		return "to remove it"
	case event.Run:
		return "to run it"
	case event.Read:
		return "to read it"
	case event.Skip:
		return "to skip it"
	case event.None:
	}
	return "that nothing is to be done"
}

// attributes lists what differs of plain maps.
func attributes(was, is any) string {
	a, _ := was.(map[string]any)
	b, _ := is.(map[string]any)
	var parts []string
	all := maps.Clone(a)
	if all == nil {
		all = map[string]any{}
	}
	maps.Copy(all, b)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		old, had := a[name]
		value, has := b[name]
		switch {
		case text(old) == text(value) && had == has:
		case !had:
			parts = append(parts, fmt.Sprintf("%s is %s", name, short(value)))
		case !has:
			parts = append(parts, fmt.Sprintf("%s is no more %s", name, short(old)))
		default:
			parts = append(parts, fmt.Sprintf("%s was %s and is %s", name, short(old), short(value)))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " " + strings.Join(parts, ", ") + "."
}

// short is a value in a sentence.
func short(v any) string {
	const most = 60
	t := text(v)
	if r := []rune(t); len(r) > most {
		t = string(r[:most]) + "…"
	}
	return t
}

// text is a plain value as a text that is the same for equal ones.
func text(v any) string {
	encoded, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(encoded)
}
