package variable

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"runner/lang/config"
	"runner/lang/diag"
	"runner/lang/function"
	"runner/lang/syntax"
	"runner/lang/value"
)

// Declared is a variable: what the value that it is given must be.
type Declared struct {
	variable            *config.Variable
	ty                  cty.Type
	defaults            *typeexpr.Defaults
	byDefault           cty.Value // cty.NilVal: none
	nullable, sensitive bool
}

// Declare checks what a role declares of a variable. It is nil after an error.
func Declare(v *config.Variable, files syntax.Files) (*Declared, hcl.Diagnostics) {
	r := &reader{files: files}
	return r.declare(v), r.diags
}

// declare checks what is declared of a variable. It is nil after an error.
func (r *reader) declare(v *config.Variable) *Declared {
	d := &Declared{variable: v, byDefault: cty.NilVal}
	var ok1, ok2, ok3 bool
	ok4 := true
	d.sensitive, ok1 = r.constantBool(v.Sensitive, false)
	d.nullable, ok2 = r.constantBool(v.Nullable, true)
	r.constantString(v.Description)
	d.ty, d.defaults, ok3 = r.variableType(v)
	if v.Default != nil && (r.inputs.Known == nil || r.inputs.Whole) {
		d.byDefault, ok4 = r.defaultValue(v, d.ty, d.defaults, d.nullable, d.sensitive)
	}
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return nil
	}
	return d
}

// Secret is the default of a sensitive variable; cty.NilVal of any other.
func (d *Declared) Secret() cty.Value {
	if !d.sensitive || d.byDefault == cty.NilVal {
		return cty.NilVal
	}
	return d.byDefault.Mark(function.Sensitive)
}

// Unknown is any value of the variable; cty.NilVal if its type leaves something open.
func (d *Declared) Unknown() cty.Value {
	if d.ty.HasDynamicTypes() {
		return cty.NilVal
	}
	v := cty.UnknownVal(d.ty)
	if d.sensitive {
		v = v.Mark(function.Sensitive)
	}
	return v
}

// Fit makes the variable's value of one that a role is given by an expression, which need not be known yet.
func (d *Declared) Fit(given cty.Value, e hclsyntax.Expression) (cty.Value, hcl.Diagnostics) {
	name, at := diag.Quote(d.variable.Name), e.Range()
	if err := function.Check(given); err != nil {
		return given, hcl.Diagnostics{diag.Errorf(diag.TooLarge, at, "Value too large", "The variable %s cannot hold this: %v.", name, err)}
	}
	bare, marks := given.Unmark()
	if bare.IsKnown() && bare.IsNull() && !d.nullable {
		if d.byDefault == cty.NilVal {
			return given, hcl.Diagnostics{diag.Errorf(diag.InvalidVariable, at, "Null for a variable",
				"The variable %s of the role must not be null: it is declared with nullable = false at %s line %d.",
				name, d.variable.Block.Filename, d.variable.Block.Start.Line)}
		}
		bare = d.byDefault
	}
	if d.defaults != nil && bare.IsKnown() && !bare.IsNull() {
		bare = d.defaults.Apply(bare)
	}
	out, err := function.Convert(bare, d.ty)
	switch {
	case function.IsLimit(err):
		return given, hcl.Diagnostics{diag.Errorf(diag.TooLarge, at, "Value too large", "The variable %s cannot hold this: %v.", name, err)}
	case err != nil:
		bare = bare.WithMarks(marks)
		if d.sensitive {
			bare = bare.Mark(function.Sensitive)
		}
		misfit := value.FindMisfit(bare, d.ty)
		return given, hcl.Diagnostics{diag.Errorf(diag.WrongType, misfit.At(e), "Wrong type of value",
			"The variable %s of the role takes %s, but %s. It is declared at %s line %d.",
			name, diag.Constraint(d.ty), misfit, d.variable.Block.Filename, d.variable.Block.Start.Line)}
	}
	if d.sensitive {
		out = out.Mark(function.Sensitive)
	}
	return out.WithMarks(marks), nil
}
