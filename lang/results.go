package lang

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"runner/lang/function"
	"runner/lang/value"
)

// factsType is what self.facts is.
func factsType() cty.Type {
	text, number := cty.String, cty.Number
	return cty.Object(map[string]cty.Type{
		"os":              cty.Object(map[string]cty.Type{"family": text, "id": text, "version": text, "name": text}),
		"arch":            text,
		"kernel":          text,
		"hostname":        text,
		"fqdn":            text,
		"cpus":            number,
		"memory_bytes":    number,
		"user":            cty.Object(map[string]cty.Type{"name": text, "uid": number, "gid": number, "home": text, "shell": text}),
		"machine_id":      text,
		"virtualization":  text,
		"package_manager": text,
		"service_manager": text,
		"interfaces": cty.Map(cty.Object(map[string]cty.Type{
			"mac": text, "mtu": number, "up": cty.Bool, "addresses": cty.List(text),
		})),
		"mounts":    cty.List(cty.Object(map[string]cty.Type{"path": text, "device": text, "type": text, "options": text})),
		"env":       cty.Map(text),
		"time_zone": text,
	})
}

// facts makes values of facts. What does not change is made once.
type facts struct {
	attrs   map[string]cty.Type
	unknown cty.Value
}

func newFacts() facts {
	f := facts{attrs: factsType().AttributeTypes()}
	f.unknown = f.object(func(_ string, t cty.Type) cty.Value { return cty.UnknownVal(t).RefineNotNull() })
	return f
}

// of is what is known of a host's facts.
func (f facts) of(state State, host string) cty.Value {
	if plain, ok := state.Facts(host); ok {
		return f.object(func(name string, t cty.Type) cty.Value { return value.FromPlain(plain[name], t) })
	}
	return f.unknown
}

// object makes the facts of a host; its environment is sensitive.
func (f facts) object(value func(name string, t cty.Type) cty.Value) cty.Value {
	attrs := make(map[string]cty.Value, len(f.attrs))
	for name, t := range f.attrs {
		attrs[name] = value(name, t)
	}
	attrs["env"] = attrs["env"].Mark(function.Sensitive)
	return cty.ObjectVal(attrs)
}

func withFacts(parts hostParts, facts cty.Value) cty.Value {
	parts = maps.Clone(parts)
	parts["facts"] = facts
	return parts.object()
}

// resultsOn is what a task gave on one host.
func resultsOn(state State, t *Task, host string) cty.Value {
	results, ok := state.Results(t.Address, host)
	keyed := t.body.block.ForEach != nil
	switch {
	case !ok && expects(state, t):
		return t.body.expectedResult(keyed)
	case !ok:
		return t.body.unknownResult(keyed)
	case !keyed && len(results.Elements) == 0:
		return resultValue(t.body, Result{Skipped: true})
	case !keyed:
		return resultValue(t.body, results.Elements[0])
	}
	elements := map[string]cty.Value{}
	for _, r := range results.Elements {
		if r.Key == nil {
			return t.body.unknownResult(keyed)
		}
		elements[fmt.Sprint(r.Key)] = resultValue(t.body, r)
	}
	return mapOf(elements, t.body.result)
}

// expects says whether results that are not known are taken to come from every host and element: so that wrong keys are
// found when the site is checked, and where a map that is unknown as a whole would make the flags in it sensitive.
func expects(state State, t *Task) bool {
	_, checking := state.(success)
	return checking || t.body.hidden.results()
}

// mapOf is a map, or an object where the type leaves something open.
func mapOf(elements map[string]cty.Value, t cty.Type) cty.Value {
	switch {
	case t.HasDynamicTypes():
		return cty.ObjectVal(elements)
	case len(elements) == 0:
		return cty.MapValEmpty(t)
	}
	return cty.MapVal(elements)
}

// resultsOfJob is what a task gave on the hosts of its job that have reached it.
func resultsOfJob(state State, j *jobScope, address string) cty.Value {
	t := j.tasks[address]
	if _, checking := state.(success); !checking {
		return resultsOfAll(state, j, t)
	}
	t.body.everywhere.Do(func() { t.body.ofAll = resultsOfAll(state, j, t) })
	return t.body.ofAll
}

func resultsOfAll(state State, j *jobScope, t *Task) cty.Value {
	keyed := t.body.block.ForEach != nil
	if !j.sound {
		return unknownMap(elementType(t, keyed), t.body.hidden.results())
	}
	elements := map[string]cty.Value{}
	for _, h := range j.Hosts {
		results, ok := state.Results(t.Address, h.Name)
		switch {
		case !ok && !expects(state, t):
			return unknownMap(elementType(t, keyed), false)
		case !ok, len(results.Elements) > 0, results.Keyed:
			elements[h.Name] = resultsOn(state, t, h.Name)
		}
	}
	return mapOf(elements, elementType(t, keyed))
}

// elementType is the type of what a task gives on one host.
func elementType(t *Task, keyed bool) cty.Type {
	if keyed && !t.body.result.HasDynamicTypes() {
		return cty.Map(t.body.result)
	}
	if keyed {
		return cty.DynamicPseudoType
	}
	return t.body.result
}

func unknownMap(element cty.Type, sensitive bool) cty.Value {
	v := cty.DynamicVal
	if !element.HasDynamicTypes() {
		v = cty.UnknownVal(cty.Map(element)).RefineNotNull()
	}
	if sensitive {
		return v.Mark(function.Sensitive)
	}
	return v
}

// resultValue is one result. Of a skipped one everything but the flags is null.
func resultValue(b *taskBody, r Result) cty.Value {
	attrs := map[string]cty.Value{}
	for name, at := range b.result.AttributeTypes() {
		v := cty.UnknownVal(at)
		switch {
		case r.Skipped && !r.Unknown:
			v = cty.NullVal(at)
		case !r.Unknown:
			v = value.FromPlain(r.Values[name], at)
		}
		if r.Sensitive || slices.Contains(r.Hidden, name) {
			v = v.Mark(function.Sensitive)
		}
		attrs[name] = v
	}
	attrs["changed"] = flag(r.Changed, r.UnknownChanged)
	attrs["failed"] = flag(r.Failed, r.Unknown)
	attrs["skipped"] = flag(r.Skipped, r.Unknown && r.UnknownChanged)
	attrs["duration"] = cty.UnknownVal(cty.Number)
	switch {
	case r.Skipped && !r.Unknown:
		attrs["duration"] = cty.NullVal(cty.Number)
	case !r.Unknown:
		attrs["duration"] = cty.NumberFloatVal(r.Seconds)
	}
	return cty.ObjectVal(attrs)
}

// failureValue is what a rescue sees of what failed: what any task of its try gives is there, null where this one does
// not give it.
func failureValue(state State, j *jobScope, try int, host string) cty.Value {
	attrs := map[string]cty.Value{}
	f, known := Failure{}, false
	if s, ok := state.(interface {
		Failure(job string, try int, host string) (Failure, bool)
	}); ok {
		f, known = s.Failure(j.Name, try, host)
	}
	for _, name := range j.block.Tries[try].Results {
		attrs[name] = cty.DynamicVal
		if known {
			attrs[name] = cty.NullVal(cty.DynamicPseudoType)
		}
	}
	address, text := cty.UnknownVal(cty.String), cty.UnknownVal(cty.String)
	result := Result{Unknown: true, UnknownChanged: true}
	if known {
		task, _, _ := strings.Cut(f.Address, "[")
		if t := j.tasks[task]; t != nil {
			maps.Copy(attrs, resultValue(t.body, f.Result).AsValueMap())
		}
		address, text, result = cty.StringVal(f.Address), cty.StringVal(f.Error), f.Result
	}
	attrs["changed"], attrs["failed"] = flag(result.Changed, result.Unknown), cty.True
	attrs["skipped"], attrs["address"], attrs["error"] = cty.False, address, text
	if attrs["duration"] == cty.NilVal {
		attrs["duration"] = cty.UnknownVal(cty.Number)
	}
	if f.Sensitive {
		attrs["error"] = text.Mark(function.Sensitive)
	}
	return cty.ObjectVal(attrs)
}

func flag(b, unknown bool) cty.Value {
	if unknown {
		return cty.UnknownVal(cty.Bool).RefineNotNull()
	}
	return cty.BoolVal(b)
}
