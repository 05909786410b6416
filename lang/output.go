package lang

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"runner/lang/config"
	"runner/lang/diag"
	"runner/lang/function"
	"runner/lang/value"
)

// buildOutputs prepares the outputs.
func (l *loader) buildOutputs() {
	for _, b := range l.config.Outputs {
		o := &Output{Name: b.Name, Range: b.Block, block: b, Sensitive: l.staticBool(b.Sensitive, "an output")}
		if b.Value.Sound() {
			if !l.usable(b.Value.Uses.Refs) {
				b.Value.Uses = nil
				continue
			}
			o.fixed = l.fixed(b.Value.Uses, nil, []*config.Expr{b.Value})
			o.Facts = slices.Collect(maps.Keys(o.fixed.facts))
			for _, n := range b.Value.Uses.Needs {
				o.Needs = append(o.Needs, n.Task.Address)
			}
		}
		l.site.Outputs = append(l.site.Outputs, o)
	}
}

// Output evaluates an output as far as the state allows. What comes out is plain, and exact; known is false while a part of it is not.
func (s *Site) Output(o *Output, state State) (out any, known bool, diags hcl.Diagnostics) {
	e := o.block.Value
	if !e.Sound() {
		return nil, false, nil
	}
	v := &view{scope: s.scope, state: state, uses: e.Uses, fixed: o.fixed}
	result, diags := evaluate(e.Expression, v.contexts().of(e.Module))
	diags = append(v.diags, diags...)
	if diags.HasErrors() {
		return nil, false, s.scope.config.UsedAt(diags)
	}
	result, sensitive := value.Bare(result)
	if sensitive && !o.Sensitive {
		return nil, false, append(diags, diag.Errorf(diag.Sensitive, e.At(), "Sensitive value where it would be shown",
			"The value of the output %q is sensitive, so the output must say so with sensitive = true.", o.Name))
	}
	if err := function.Check(result); err != nil {
		return nil, false, append(diags, diag.Errorf(diag.TooLarge, e.At(), "Value too large", "The output %q cannot hold this: %v.", o.Name, err))
	}
	if !result.IsWhollyKnown() {
		return nil, false, diags
	}
	return value.Exact(result), true, diags
}
