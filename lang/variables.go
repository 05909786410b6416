package lang

import (
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
	inputs := variable.Inputs{Environ: l.opts.Environ, Auto: l.autoFiles}
	for _, v := range l.opts.Vars {
		inputs.Flags = append(inputs.Flags, variable.Input(v))
	}
	values, diags := variable.Values(l.config.Variables, l.files, inputs)
	l.failAll(diags)
	for _, v := range l.config.Variables {
		if _, ok := values[v.Name]; !ok {
			l.bad[refs.Ref{Root: refs.Var, Name: v.Name}] = true
			values[v.Name] = cty.DynamicVal
		}
	}
	l.scope.vars = cty.ObjectVal(values)
}

// validate checks the variables' own conditions.
func (l *loader) validate() {
	for _, v := range l.config.Variables {
		if l.bad[refs.Ref{Root: refs.Var, Name: v.Name}] {
			continue
		}
		for _, rule := range v.Validations {
			l.validateRule(v, rule)
		}
	}
}

func (l *loader) validateRule(v *config.Variable, rule *config.Validation) {
	condition, ok := l.static(rule.Condition, nil)
	if !ok {
		return
	}
	condition, _ = condition.Unmark()
	holds, err := convert.Convert(condition, cty.Bool)
	if err != nil || holds.IsNull() || !holds.IsKnown() {
		l.fail(diag.Errorf(diag.WrongType, rule.Condition.At(), "Wrong type of value",
			"The condition of a validation must be true or false, but this is %s.", value.TypeWord(condition.Type())))
		return
	}
	if holds.True() {
		return
	}
	text := "The value is not valid."
	if message, ok := l.static(rule.Message, nil); ok {
		message, marks := message.Unmark()
		switch s, err := convert.Convert(message, cty.String); {
		case len(marks) > 0:
			text = "The value is not valid. (Why is sensitive.)"
		case err == nil && !s.IsNull() && s.IsKnown():
			text = s.AsString()
		}
	}
	l.fail(diag.Errorf(diag.InvalidVariable, v.Block, "Invalid value of a variable", "%s\n\nThis is the validation of variable %q at %s line %d.",
		text, v.Name, rule.Block.Filename, rule.Block.Start.Line))
}
