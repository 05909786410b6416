package lang

import (
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"runner/agent/schema"
	"runner/lang/config"
	"runner/lang/diag"
	"runner/lang/refs"
)

// What a retry is that does not say.
const (
	defaultAttempts = 3
	defaultDelay    = time.Second
)

// maxAttempts and maxBackoff bound what a site can ask for by mistake.
const (
	maxAttempts = 10_000
	maxBackoff  = 100
)

// retry evaluates how often the task is tried.
func (x *expansion) retry(in *Instance) {
	r := x.body.block.Retry
	if r == nil {
		return
	}
	in.Retry = Retry{Attempts: defaultAttempts, Delay: defaultDelay, Backoff: 1}
	if d, ok := x.duration(in, r.Delay, schema.Pause); ok {
		in.Retry.Delay = d
	}
	if n, ok := x.number(in, r.Attempts, 1, maxAttempts); ok {
		if n != float64(int(n)) {
			x.diags = append(x.diags, diag.Errorf(diag.InvalidValue, r.Attempts.At(), "Invalid value", `"attempts" takes a whole number.`))
		}
		in.Retry.Attempts = int(n)
	}
	if n, ok := x.number(in, r.Backoff, 1, maxBackoff); ok {
		in.Retry.Backoff = n
	}
}

// number evaluates an argument that is a number within limits.
func (x *expansion) number(in *Instance, e *config.Expr, least, most float64) (float64, bool) {
	var n float64
	switch v := x.plain(in, e, schema.Number).(type) {
	case float64:
		n = v
	case int64:
		n = float64(v)
	default:
		return 0, false
	}
	if n < least || n > most {
		x.diags = append(x.diags, diag.Errorf(diag.InvalidValue, e.At(), "Invalid value", "%q takes a number from %v to %v, but this is %v.", e.Arg.Name, least, most, n))
		return 0, false
	}
	return n, true
}

// Judge applies the conditions of a task to the result of one of its elements.
func (s *Site) Judge(t *Task, h *Host, r Result, state State) (Verdict, hcl.Diagnostics) {
	x := newExpansion(s.scope, t, h, state)
	x.choose(r.Key)
	v := x.judge(r)
	return v, x.located()
}

// choose makes each what it is for the element with a key.
func (x *expansion) choose(key any) {
	if !x.task.Keyed() || !slices.ContainsFunc(x.body.block.Judges(), func(e *config.Expr) bool {
		return e.Sound() && e.Uses.Roots&refs.Each != 0
	}) {
		return
	}
	value := each(cty.DynamicVal, cty.DynamicVal)
	elements, known := x.elements()
	for _, e := range elements {
		if known && fmt.Sprint(e.key) == fmt.Sprint(key) {
			value = e.each
		}
	}
	x.ctx = with(x.ctx, map[string]cty.Value{"each": value})
}

// judge evaluates the conditions over a result.
func (x *expansion) judge(r Result) Verdict {
	v := Verdict{Changed: r.Changed, Failed: r.Failed, UnknownChanged: r.UnknownChanged, UnknownFailed: r.Unknown}
	b := x.body.block
	x.ctx = with(x.ctx, map[string]cty.Value{"result": resultValue(x.body, x.body.hide(r))})
	if b.FailedWhen != nil {
		known, holds := x.condition(b.FailedWhen)
		v.Failed, v.UnknownFailed = holds, !known
	}
	if b.ChangedWhen != nil {
		known, holds := x.condition(b.ChangedWhen)
		v.Changed, v.UnknownChanged = holds, !known
	}
	v.Again, v.UnknownAgain = v.Failed, v.UnknownFailed
	if b.Retry != nil && b.Retry.Until != nil {
		known, holds := x.condition(b.Retry.Until)
		v.Again, v.UnknownAgain = known && !holds, !known
	}
	return v
}
