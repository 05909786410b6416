package lang

import (
	"fmt"
	"maps"

	"github.com/zclconf/go-cty/cty"

	"runner/lang/function"
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

// factsValue is what is known of a host's facts. Its environment is sensitive.
func factsValue(state State, host string) cty.Value {
	facts, ok := state.Facts(host)
	t := factsType()
	attrs := map[string]cty.Value{}
	for name, at := range t.AttributeTypes() {
		if ok {
			attrs[name] = fromPlain(facts[name], at)
		} else {
			attrs[name] = cty.UnknownVal(at).RefineNotNull()
		}
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
	keyed := t.body.block.forEach != nil
	switch {
	case !ok:
		return unknownResults(t, keyed)
	case !keyed && len(results.Elements) == 0:
		return resultValue(t, Result{Skipped: true}, results.Sensitive)
	case !keyed:
		return resultValue(t, results.Elements[0], results.Sensitive)
	}
	elements := map[string]cty.Value{}
	for _, r := range results.Elements {
		if r.Key == nil {
			return unknownResults(t, keyed)
		}
		elements[fmt.Sprint(r.Key)] = resultValue(t, r, results.Sensitive)
	}
	return mapOf(elements, t.body.result)
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
	keyed := t.body.block.forEach != nil
	elements := map[string]cty.Value{}
	for _, h := range j.Hosts {
		results, ok := state.Results(address, h.Name)
		if !ok {
			return unknownMap(elementType(t, keyed), t.body.secret)
		}
		if len(results.Elements) > 0 || results.Keyed {
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

func unknownResults(t *Task, keyed bool) cty.Value {
	if keyed {
		return unknownMap(t.body.result, t.body.secret)
	}
	return resultValue(t, Result{Unknown: true, UnknownChanged: true}, t.body.secret)
}

// resultValue is one result. Of a skipped one everything but the flags is null.
func resultValue(t *Task, r Result, sensitive bool) cty.Value {
	attrs := map[string]cty.Value{}
	for name, at := range t.body.result.AttributeTypes() {
		value := cty.UnknownVal(at)
		switch {
		case r.Skipped && !r.Unknown:
			value = cty.NullVal(at)
		case !r.Unknown:
			value = fromPlain(r.Values[name], at)
		}
		if sensitive {
			value = value.Mark(function.Sensitive)
		}
		attrs[name] = value
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

func flag(b, unknown bool) cty.Value {
	if unknown {
		return cty.UnknownVal(cty.Bool).RefineNotNull()
	}
	return cty.BoolVal(b)
}
