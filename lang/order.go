package lang

import (
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"runner/agent/schema"
	"runner/lang/config"
	"runner/lang/diag"
	"runner/lang/value"
)

// order evaluates in which order a job goes over its hosts.
func (l *loader) order(j *jobScope) {
	j.Lockstep = l.staticWord(j.block.Strategy, "a job", "free", "lockstep") == "lockstep"
	r := j.block.Rollout
	if r == nil {
		return
	}
	j.Rollout.Pause = l.duration(r.Pause, schema.Pause, "a rollout")
	if r.MaxFailures != nil {
		if v, ok := l.staticKnown(r.MaxFailures, nil); ok && !v.IsNull() {
			j.Rollout.MaxFailures, _ = l.portion("max_failures", r.MaxFailures.At(), v, 0)
		}
	}
	if r.Batches == nil {
		return
	}
	v, ok := l.staticKnown(r.Batches, nil)
	if !ok || v.IsNull() {
		return
	}
	v, sensitive := value.Bare(v)
	if sensitive {
		l.fail(sensitiveError(r.Batches.At(), `"batches"`, "the order of the hosts shows them"))
		return
	}
	if t := v.Type(); !t.IsTupleType() && !t.IsListType() || v.LengthInt() == 0 {
		found := value.Word(v)
		if t.IsTupleType() || t.IsListType() {
			found = "an empty list"
		}
		l.fail(diag.Errorf(diag.WrongType, r.Batches.At(), "Wrong type of value",
			`"batches" takes a list of numbers of hosts and percentages, such as [1, "25%%", "100%%"], but this is %s.`, found))
		return
	}
	for it := v.ElementIterator(); it.Next(); {
		key, element := it.Element()
		at := value.Narrow(r.Batches.Expression, cty.Path{cty.IndexStep{Key: key}})
		if p, ok := l.portion("batches", at, element, 1); ok {
			j.Rollout.Batches = append(j.Rollout.Batches, p)
		}
	}
}

// portion reads a number of hosts, or a percentage of them.
func (l *loader) portion(name string, at hcl.Range, v cty.Value, least int) (Portion, bool) {
	bare, sensitive := value.Bare(v)
	if !sensitive && bare.IsKnown() && !bare.IsNull() && bare.Type() == cty.String {
		if text, ok := strings.CutSuffix(bare.AsString(), "%"); ok {
			percent, err := strconv.ParseFloat(text, 64)
			if err == nil && percent >= 0 && percent <= 100 && (percent > 0 || least == 0) && !strings.ContainsAny(text, "eExX_pPnN+-") {
				return Portion{Percent: percent}, true
			}
		}
	}
	n, problem := wholeNumber(v, least, maxHosts)
	if problem != "" || sensitive {
		found := value.Word(bare)
		if !sensitive && bare.IsKnown() && !bare.IsNull() && bare.Type() == cty.String {
			found = diag.Quote(bare.AsString())
		}
		if number, err := convert.Convert(bare, cty.Number); err == nil && !sensitive && number.IsKnown() && !number.IsNull() {
			found = number.AsBigFloat().Text('g', 10)
		}
		l.fail(diag.Errorf(diag.InvalidValue, at, "Invalid value",
			`%q takes a number of hosts from %d, or a part of them from "%d%%" to "100%%", but this is %s.`, name, least, least, found))
		return Portion{}, false
	}
	return Portion{Count: n}, true
}

// on evaluates which host a task runs on instead of each host of its job; nil if it has no say in that.
func (l *loader) on(j *jobScope, e *config.Expr) map[*Host]*Host {
	out := map[*Host]*Host{}
	if !l.forEachSelf(j, e, func(h *Host, v cty.Value) bool {
		if v.IsMarked() {
			l.fail(sensitiveError(e.At(), `"on"`, "the name of the host is shown"))
			return false
		}
		if v.IsNull() {
			return true
		}
		other := hostOf(v)
		if other == nil {
			hint := ""
			if hosts, _ := hostsOf(v); len(hosts) > 0 {
				hint = " Say which of them, as in host.NAME[\"KEY\"]."
			}
			if hint == "" {
				hint = l.quoted("host", v)
			}
			l.fail(diag.Errorf(diag.WrongType, e.At(), "Wrong type of value", `"on" takes a host, but this is %s.%s`, value.Word(v), hint))
			return false
		}
		out[h] = other
		return true
	}) {
		return nil
	}
	return out
}

// lanes evaluates the lane of a task on each host of its job; nil if it has none.
func (l *loader) lanes(j *jobScope, e *config.Expr) map[*Host]string {
	out := map[*Host]string{}
	if !l.forEachSelf(j, e, func(h *Host, v cty.Value) bool {
		arg, diags := value.Take(schema.Attribute{Name: "lane", Type: schema.String}, v, e.Expression, "a task")
		l.failAll(diags)
		if diags.HasErrors() {
			return false
		}
		if arg.Sensitive {
			l.fail(sensitiveError(e.At(), "A lane", "it names what waits for what"))
			return false
		}
		if arg.Plain == "" {
			l.fail(diag.Errorf(diag.InvalidValue, e.At(), "Invalid value", `"lane" cannot be an empty string; null means the target's default lane.`))
			return false
		}
		out[h], _ = arg.Plain.(string)
		return true
	}) {
		return nil
	}
	return out
}

// forEachSelf evaluates an expression that may use self for the hosts of a job, until take reports false.
func (l *loader) forEachSelf(j *jobScope, e *config.Expr, take func(*Host, cty.Value) bool) bool {
	if !e.Sound() {
		return false
	}
	if len(j.Hosts) == 0 { // what is wrong on any host
		v, ok := l.static(e, map[string]cty.Value{"self": j.self[j.phantom]})
		return ok && v.IsWhollyKnown() && take(j.phantom, v)
	}
	for _, h := range j.Hosts {
		before := len(l.diags)
		v, ok := l.staticKnown(e, map[string]cty.Value{"self": j.self[h]})
		if !ok || !take(h, v) {
			l.blame(h.Name, before)
			return false
		}
	}
	return true
}

// precondition is what a precondition block takes.
func precondition() schema.Block {
	return schema.Block{Arguments: []schema.Attribute{
		{Name: "condition", Type: schema.Bool, Required: true}, {Name: "error_message", Type: schema.String, Required: true},
	}}
}
