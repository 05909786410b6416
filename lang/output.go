package lang

import (
	"github.com/hashicorp/hcl/v2"

	"runner/lang/diag"
	"runner/lang/function"
)

// buildOutputs prepares the outputs.
func (l *loader) buildOutputs() {
	for _, b := range l.config.outputs {
		o := &Output{Name: b.name, Range: b.block, block: b, Sensitive: l.staticBool(b.sensitive)}
		if b.value.is() {
			b.value.broken = !l.usable(b.value.uses.Refs)
			o.fixed = l.fixed(b.value.uses, nil)
		}
		l.site.Outputs = append(l.site.Outputs, o)
	}
}

// Output evaluates an output as far as the state allows. The value is plain; known is false while a part of it is not.
func (s *Site) Output(o *Output, state State) (value any, known bool, diags hcl.Diagnostics) {
	e := o.block.value
	if !e.is() || e.broken {
		return nil, false, nil
	}
	v := &view{scope: s.scope, state: state, uses: e.uses, fixed: o.fixed}
	ctx := v.context()
	result, diags := evaluate(e.Expression, ctx)
	diags = append(v.diags, diags...)
	if diags.HasErrors() {
		return nil, false, diags
	}
	result, sensitive := bare(result)
	if sensitive && !o.Sensitive {
		return nil, false, append(diags, diag.Errorf(diag.Sensitive, e.at(), "Sensitive value where it would be shown",
			"The value of the output %q is sensitive, so the output must say so with sensitive = true.", o.Name))
	}
	if err := function.Check(result); err != nil {
		return nil, false, append(diags, diag.Errorf(diag.TooLarge, e.at(), "Value too large", "The output %q cannot hold this: %v.", o.Name, err))
	}
	if !result.IsWhollyKnown() {
		return nil, false, diags
	}
	return plain(result), true, diags
}
