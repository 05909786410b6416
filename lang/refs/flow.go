package refs

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"runner/lang/diag"
)

// flow is what a value may consist of, as far as it matters here: hosts and results.
type flow []source

type sourceKind uint8

const (
	self sourceKind = iota
	host
	result
)

// source is a host object or a result, somewhere in a value.
type source struct {
	kind  sourceKind
	host  string
	key   cty.Value // of the host; cty.NilVal: any of its block
	group string    // of an inventory: the host is in it; "": in any
	task  *Task
	// groups: the next step names the group.
	groups bool
	depth  int  // how many steps into the value it is; unknown: it may be anywhere
	loose  bool // there may be something else in its place, so it is no reason for an error
}

const unknown = -1

// join is what a value may consist of that is one of two.
func (f flow) join(g flow) flow {
	out := slices.Clone(f)
	out.add(g)
	return out
}

// add puts what is not there yet into a flow that nobody else has.
func (f *flow) add(g flow) {
	for _, s := range g {
		same := func(o source) bool {
			return o.kind == s.kind && o.host == s.host && o.task == s.task && o.depth == s.depth && o.loose == s.loose && o.group == s.group && sameKey(o.key, s.key)
		}
		if !slices.ContainsFunc(*f, same) {
			*f = append(*f, s)
		}
	}
}

// deeper is the flow of a collection that has the value in it.
func (f flow) deeper() flow {
	out := slices.Clone(f)
	for i := range out {
		out[i].loose = true
		if out[i].depth != unknown {
			out[i].depth++
		}
	}
	return out
}

// lost is the flow when it is no longer clear how deep things are.
func (f flow) lost() flow {
	out := slices.Clone(f)
	for i := range out {
		out[i].depth, out[i].loose = unknown, true
	}
	return out
}

// HostAttributes are what a host object has.
func HostAttributes() []string {
	return []string{"name", "address", "labels", "vars", "groups", "facts"}
}

// flags are what every result has.
func flags() []string { return []string{"changed", "failed", "skipped", "duration"} }

// FailureAttributes are what a failure has beside what the task gives.
func FailureAttributes() []string { return append(flags(), "address", "error") }

// step follows one step of a traversal: an attribute, or an index whose key may be unknown (cty.NilVal).
func (w *walk) step(f flow, key cty.Value, at hcl.Range) flow {
	var out flow
	for _, s := range f {
		switch {
		case s.depth > 0:
			if s.kind == host && s.depth == 1 && !s.loose && s.key == cty.NilVal {
				s.key = key
			}
			if s.groups && !s.loose {
				s.groups = false
				s.group, _ = text(key) // of one that is computed: any
			}
			s.depth--
			out = append(out, s)
		case s.depth == unknown:
			if name, ok := text(key); ok && name == "facts" && s.kind != result {
				w.facts(s, at)
				continue
			}
			out = append(out, s)
		default:
			w.attribute(s, key, at)
		}
	}
	return out
}

// elements is the flow of what a loop over a value gives.
func (f flow) elements() flow {
	out := make(flow, 0, len(f))
	for _, s := range f {
		switch {
		case s.depth > 0:
			s.depth--
			s.groups = false
		case s.depth == 0:
			s.depth, s.loose = unknown, true
		}
		out = append(out, s)
	}
	return out
}

// attribute reads one of a host's or a result's own attributes.
func (w *walk) attribute(s source, key cty.Value, at hcl.Range) {
	name, ok := text(key)
	if !ok {
		w.uses.need(s) // computed: it may be any
		return
	}
	if s.kind == result {
		if valid := slices.Concat(s.task.Results, flags()); !slices.Contains(valid, name) && !s.loose {
			w.errorf(diag.UnknownReference, at, "Unknown attribute", "A result of the action %q has no attribute %s.%s",
				s.task.Action, diag.Quote(name), diag.OneOf(name, valid))
		}
		return
	}
	switch {
	case name == "facts":
		w.facts(s, at)
	case !slices.Contains(HostAttributes(), name) && !s.loose:
		w.errorf(diag.UnknownReference, at, "Unknown attribute", "A host has no attribute %s.%s",
			diag.Quote(name), diag.OneOf(name, HostAttributes()))
	}
}

func (w *walk) facts(s source, at hcl.Range) {
	w.uses.need(s)
	if w.uses.Dynamic == nil {
		w.uses.Dynamic = &Dynamic{What: "the facts of a host", Range: at}
	}
}

// reordered is the flow of a collection in which other keys lead to the hosts than in their block.
func (f flow) reordered() flow {
	out := slices.Clone(f)
	for i := range out {
		if out[i].key == cty.NilVal {
			out[i].key = cty.DynamicVal
		}
	}
	return out
}

// text returns a known string.
func text(v cty.Value) (string, bool) {
	if v == cty.NilVal || v.IsMarked() || !v.IsKnown() || v.IsNull() || v.Type() != cty.String {
		return "", false
	}
	return v.AsString(), true
}

// throughCall is what comes out of a function.
func throughCall(name string, args []flow) flow {
	var all flow
	for _, f := range args {
		all.add(f)
	}
	if slices.ContainsFunc(all, func(s source) bool { return s.depth == 0 }) && name != "try" && name != "coalesce" {
		return all.lost() // the object itself is taken apart
	}
	switch name {
	case "length", "keys", "can":
		return nil
	case "try", "coalesce":
		return all
	case "values", "concat", "merge", "reverse", "slice", "coalescelist", "tolist", "toset", "tomap", "compact", "distinct":
		return all.reordered()
	case "element", "one", "lookup":
		return all.elements()
	}
	return all.lost()
}
