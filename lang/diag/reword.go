package diag

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// reword changes messages of HCL in place where they are bare, misspelt, about Go, or show what is sensitive. This file
// is the only place that knows HCL's wording; a message that HCL words differently one day is shown as HCL has it.
func reword(d *hcl.Diagnostic) {
	switch d.Summary {
	case "Unsuitable value type", "Incorrect attribute value type":
		d.Summary = "Wrong type of value"
		if _, why, ok := strings.Cut(d.Detail, ": "); ok {
			d.Detail = "This argument cannot take the value: " + why
		}
	case "Unsupported attribute", "Invalid index":
		if detail := missing(d); detail != "" {
			d.Detail = detail
		}
		if _, plain, ok := strings.Cut(d.Detail, "Can't access attributes on a primitive-typed value ("); ok {
			d.Detail = "This is " + strings.TrimSuffix(plain, ").") + ", which has no attributes."
		}
		rewordIndex(d)
	case "Invalid operand", "Invalid template interpolation value", "Incorrect condition type":
		if detail := unfit(d); detail != "" {
			d.Detail = detail
		}
	case "Operation failed":
		if strings.HasSuffix(d.Detail, "argument must not be null.") {
			d.Detail = "One of the values that this operator takes is null."
		}
	case "Duplicate object key":
		if seesSensitive(d) {
			d.Detail = "Two items produced the same key in this 'for' expression. It is sensitive, so it is not shown."
		}
	case "Inconsistent conditional result types":
		if seesSensitive(d) {
			d.Detail = "The two results must have one type. What they are made of is sensitive, so it is not shown how they differ."
		}
		d.Detail = strings.NewReplacer(
			"The true and false result expressions must have consistent types.", "The two results must have one type.", "tuple", "list",
		).Replace(d.Detail)
	case "Iteration over non-iterable value", "Iteration over null value":
		d.Detail = fmt.Sprintf("A for expression goes over a list, set, map or object, but this is %s.", found(d))
	case "Invalid 'for' condition":
		d.Detail = fmt.Sprintf("The condition behind if must be bool, but this is %s.", found(d))
	case "Incorrect key type":
		d.Detail = fmt.Sprintf("A key must be string, but this is %s.", found(d))
	case "Root value must be object":
		d.Detail = `A file in JSON syntax is one object, such as {"job": {}}, or a list of such objects.`
	case "Incorrect JSON value type":
		_, block, ok := strings.Cut(d.Detail, "one or more ")
		d.Detail = "Expected an object in { }."
		if ok {
			d.Detail = "Expected an object in { }, the inside of a block " + strings.TrimSuffix(block, " blocks.") + ", or a list of such objects."
		}
	case "Call to unknown function":
		if name, ok := calledUnknown(d); ok {
			d.Detail = fmt.Sprintf("There is no function %s.%s", Quote(name), DidYouMean(name, functionNames(d.EvalContext)))
		}
	case "Variables not allowed":
		d.Detail = "This value must be written out: it cannot refer to anything."
	case "Function calls not allowed":
		d.Detail = "This value must be written out: it cannot call a function."
	case "Failed to read file", "Failed to open file":
		d.Summary = "File cannot be read"
	case "Invalid path step":
		d.Detail = "This way into the value is not valid here."
	}
	rewordSyntax(d)
	if d.Detail == "Blocks are not allowed here." {
		d.Detail = "Only arguments can stand here, such as name = value."
	}
	if d.Detail == "" {
		d.Detail = d.Summary + "."
	}
}

// rewordIndex says how an element of a value is chosen.
func rewordIndex(d *hcl.Diagnostic) {
	_, why, _ := strings.Cut(d.Detail, "does not identify an element in this collection value: ")
	switch {
	case strings.HasPrefix(d.Detail, "Elements of a set are identified only by their value"):
		d.Detail = "A set has no order, so none of its elements can be chosen. The function tolist makes a list of it."
	case strings.Contains(why, "number"):
		d.Detail = "An element of a list is chosen by a whole number from 0, and this index is not one."
	case strings.HasPrefix(why, "string required"):
		d.Detail = "An element of a map is chosen by its key, which is string, and this index is not one."
	}
}

// unfit says which type a part of an expression has and which it must have; "" when that cannot be told.
func unfit(d *hcl.Diagnostic) string {
	if d.Expression == nil || d.EvalContext == nil {
		return ""
	}
	v, diags := d.Expression.Value(d.EvalContext)
	if diags.HasErrors() {
		return ""
	}
	found := TypeOf(v.Type())
	if v.IsKnown() && v.IsNull() {
		found = "null"
	}
	switch _, why, _ := strings.Cut(d.Detail, ": "); {
	case d.Summary == "Incorrect condition type":
		return fmt.Sprintf("A condition must be bool, but this is %s.", found)
	case d.Summary == "Invalid template interpolation value":
		return fmt.Sprintf("What is put into text must be string, number or bool, but this is %s.", found)
	case strings.HasPrefix(strings.TrimPrefix(why, "a "), "number"):
		return fmt.Sprintf("The operator takes number here, but this is %s.", found)
	case strings.HasPrefix(strings.TrimPrefix(why, "a "), "bool"):
		return fmt.Sprintf("The operator takes bool here, but this is %s.", found)
	}
	return ""
}

// seesSensitive reports whether anything that the diagnostic's expression refers to is sensitive; when it cannot be
// told, it may be. What a loop goes over shows only to package syntax, which redacts all errors if it is sensitive.
func seesSensitive(d *hcl.Diagnostic) bool {
	if d.Expression == nil || d.EvalContext == nil {
		return true
	}
	for _, traversal := range d.Expression.Variables() {
		if v, diags := traversal.TraverseAbs(d.EvalContext); diags.HasErrors() || v.ContainsMarked() {
			return true
		}
	}
	return false
}

// missing says which attribute or element a value lacks, and which was likely meant; "" when that cannot be told, or
// when the value or the key is sensitive.
func missing(d *hcl.Diagnostic) string {
	if d.Expression == nil || d.EvalContext == nil {
		return ""
	}
	if index, ok := d.Expression.(*hclsyntax.IndexExpr); ok {
		collection, diags := index.Collection.Value(d.EvalContext)
		key, more := index.Key.Value(d.EvalContext)
		if diags.HasErrors() || more.HasErrors() {
			return ""
		}
		return lacks(collection, key)
	}
	var value cty.Value
	var steps hcl.Traversal
	var diags hcl.Diagnostics
	if relative, ok := d.Expression.(*hclsyntax.RelativeTraversalExpr); ok {
		value, diags = relative.Source.Value(d.EvalContext)
		steps = relative.Traversal
	} else {
		traversal, failed := hcl.AbsTraversalForExpr(d.Expression)
		if failed.HasErrors() {
			return ""
		}
		value, diags = traversal[:1].TraverseAbs(d.EvalContext)
		steps = traversal[1:]
	}
	for _, step := range steps {
		if diags.HasErrors() {
			return ""
		}
		var text string
		switch step := step.(type) {
		case hcl.TraverseAttr:
			text = lacks(value, cty.StringVal(step.Name))
		case hcl.TraverseIndex:
			text = lacks(value, step.Key)
		}
		if text != "" {
			return text
		}
		value, diags = step.TraversalStep(value)
	}
	return ""
}

// lacks says that a value has no element under the key, or "" if it has, or if it is sensitive.
func lacks(value, key cty.Value) string {
	if value.IsMarked() || key.IsMarked() || !value.IsKnown() || !key.IsKnown() || value.IsNull() || key.IsNull() {
		return ""
	}
	t := value.Type()
	switch {
	case t.IsObjectType() || t.IsMapType():
		name, err := convert.Convert(key, cty.String)
		if err != nil {
			return ""
		}
		names := elementNames(value)
		if slices.Contains(names, name.AsString()) {
			return ""
		}
		return fmt.Sprintf("There is no %s here.%s", Quote(name.AsString()), OneOf(name.AsString(), names))
	case t.IsListType() || t.IsTupleType():
		index, err := convert.Convert(key, cty.Number)
		if err != nil || !index.AsBigFloat().IsInt() || value.HasIndex(index).True() {
			return ""
		}
		return fmt.Sprintf("There is no element %s: this %s has %s, and the first one is 0.", number(index.AsBigFloat()), Kind(t), Count(value.LengthInt(), "element"))
	}
	return ""
}

func elementNames(v cty.Value) []string {
	if t := v.Type(); t.IsObjectType() {
		return slices.Sorted(maps.Keys(t.AttributeTypes()))
	}
	return slices.Sorted(maps.Keys(v.AsValueMap()))
}
