package lang

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"runner/lang/config"
	"runner/lang/diag"
	"runner/lang/refs"
	"runner/lang/value"
	"runner/lang/variable"
)

// variableValues gives the variables their values.
func (l *loader) variableValues() {
	inputs := variable.Inputs{Environ: l.opts.Environ, Auto: l.autoFiles, Unread: l.unread}
	if m := l.opts.Memory; m != nil {
		known, err := m.given()
		if err != nil {
			l.fail(diag.Errorf(diag.InvalidVariable, hcl.Range{}, "Invalid value of a variable", "%s.", err))
		}
		inputs.Known, inputs.Whole = known, m.Whole
		if !m.Whole {
			inputs.Auto = nil
		}
	}
	for _, v := range l.opts.Vars {
		inputs.Flags = append(inputs.Flags, variable.Input(v))
	}
	values, declared, diags := variable.Values(l.config.Variables, l.files, inputs)
	l.failAll(diags)
	for _, v := range l.config.Variables {
		l.scope.addTyped(l.config.Site, v.Name, declared[v.Name])
		if _, ok := values[v.Name]; !ok {
			l.bad[refs.Ref{Root: refs.Var, Name: v.Name}] = true
			values[v.Name] = cty.DynamicVal
		}
	}
	for _, v := range values {
		l.scope.run.Hide(v)
	}
	l.scope.setVariables(l.config, cty.ObjectVal(values))
}

// validate checks the variables' own conditions.
func (l *loader) validate() {
	for _, v := range l.config.Variables {
		if l.bad[refs.Ref{Root: refs.Var, Name: v.Name}] {
			continue
		}
		l.failAll(validate(v, v.Block, func(e *config.Expr) (cty.Value, hcl.Diagnostics) {
			before := len(l.diags)
			out, ok := l.static(e, nil)
			if !ok && len(l.diags) == before {
				return cty.DynamicVal, nil // said elsewhere
			}
			diags := slices.Clone(l.diags[before:])
			l.diags = l.diags[:before]
			return out, diags
		}))
	}
}

// validate checks a variable's conditions; what is not known holds. The place is that of the value.
func validate(v *config.Variable, at hcl.Range, evaluate func(*config.Expr) (cty.Value, hcl.Diagnostics)) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, rule := range v.Validations {
		if rule.Condition.Sound() && rule.Message.Sound() {
			diags = append(diags, validateRule(v, rule, at, evaluate)...)
		}
	}
	return diags
}

func validateRule(v *config.Variable, rule *config.Condition, at hcl.Range, evaluate func(*config.Expr) (cty.Value, hcl.Diagnostics)) hcl.Diagnostics {
	condition, diags := evaluate(rule.Condition)
	if diags.HasErrors() {
		return diags
	}
	condition, _ = condition.Unmark()
	holds, err := convert.Convert(condition, cty.Bool)
	switch {
	case err != nil || holds.IsKnown() && holds.IsNull():
		return hcl.Diagnostics{diag.Errorf(diag.WrongType, rule.Condition.At(), "Wrong type of value",
			"The condition of a validation must be true or false, but this is %s.", value.Word(condition))}
	case !holds.IsKnown() || holds.True():
		return nil
	}
	text := "The value is not valid."
	if message, diags := evaluate(rule.Message); !diags.HasErrors() {
		message, marks := message.Unmark()
		switch s, err := convert.Convert(message, cty.String); {
		case len(marks) > 0:
			text = "The value is not valid. (Why is sensitive.)"
		case err == nil && !s.IsNull() && s.IsKnown():
			text = s.AsString()
		}
	}
	return hcl.Diagnostics{diag.Errorf(diag.InvalidVariable, at, "Invalid value of a variable", "%s\n\nThis is the validation of variable %q at %s line %d.",
		text, v.Name, rule.Block.Filename, rule.Block.Start.Line)}
}
