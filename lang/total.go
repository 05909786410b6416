package lang

import (
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"runner/agent/schema"
	"runner/lang/config"
	"runner/lang/refs"
	"runner/lang/source"
	"runner/lang/syntax"
)

// Of ten thousand hosts whose variables have the same types, a task that only writes them into texts is right on all of
// them if it is right on one: nothing in it can fail because of the values. Here this is found out.

// maxText is how long the texts of a host may be for that; what is longer could become too long together.
const maxText = 4096

// typesOf returns the same text for hosts of which a task reads values of the same types. It returns "" for a host of
// which it reads something that is not a short text, a number or a bool.
func (s *scope) typesOf(r *reads, self cty.Value) string {
	if r.whole {
		return ""
	}
	key := []byte{'='}
	for _, path := range r.all {
		v, ok := follow(self, path)
		if !ok || v.IsMarked() || !v.IsKnown() || v.IsNull() {
			return ""
		}
		switch v.Type() {
		case cty.String:
			if text := v.AsString(); len(text) > maxText || text == "" || strings.ContainsRune(text, 0) {
				return ""
			}
			key = append(key, 's')
		case cty.Number:
			key = append(key, 'n')
		case cty.Bool:
			key = append(key, 'b')
		default:
			return ""
		}
	}
	return strconv.Quote(r.set) + string(key)
}

// follow goes a way into a host object.
func follow(v cty.Value, path []string) (cty.Value, bool) {
	for _, name := range path {
		switch {
		case v.IsMarked() || !v.IsKnown() || v.IsNull():
			return v, false
		case v.Type().IsObjectType() && v.Type().HasAttribute(name):
			v = v.GetAttr(name)
		case v.Type().IsMapType() && v.HasIndex(cty.StringVal(name)).True():
			v = v.Index(cty.StringVal(name))
		default:
			return v, false
		}
	}
	return v, true
}

// isTotal says whether a task that is right on a host is right on all hosts of the same types.
func (s *scope) isTotal(t *Task, h *Host) bool {
	b := t.body
	free := map[*config.Expr]schema.Type{}
	for _, a := range b.schema.Arguments {
		if e := b.block.Args[a.Name]; e != nil && a.Free {
			free[e] = a.Type
		}
	}
	x := newExpansion(s, t, h, nothing{})
	for _, e := range b.block.Expressions(b.job.block) {
		if !e.Sound() || e.Uses.Roots&refs.Self == 0 {
			continue
		}
		kind, ok := free[e]
		if !ok || e.Uses.Dynamic != nil || b.block.ForEach != nil {
			return false
		}
		w := total{scope: s, module: e.Module, ctx: x.context(e)}
		if !w.argument(e.Expression, kind) {
			return false
		}
	}
	return len(x.diags) == 0
}

// total looks whether an expression has a value whatever the texts, numbers and bools of a host are.
type total struct {
	scope  *scope
	module *config.Module
	ctx    *hcl.EvalContext
	given  map[string]cty.Type // in a template: the types of its variables
}

// argument looks at the whole value of an argument.
func (w *total) argument(e hclsyntax.Expression, kind schema.Type) bool {
	if kind == schema.String {
		return w.typeOf(e) != cty.NilType
	}
	list, ok := syntax.Inner(e).(*hclsyntax.TupleConsExpr)
	if !ok || kind != schema.Strings || len(list.Exprs) == 0 || !w.isConstant(list.Exprs[0]) {
		return false // the first one may be a command, of which more is asked
	}
	for _, element := range list.Exprs {
		if w.typeOf(element) == cty.NilType {
			return false
		}
	}
	return true
}

// isConstant says whether nothing in an expression is another thing for another host.
func (w *total) isConstant(e hclsyntax.Expression) bool {
	for _, t := range e.Variables() {
		switch t.RootName() {
		case "var", "path":
			if w.module.Role != nil { // of a role: what it is given
				return false
			}
		case "local":
			attr, ok := t[min(1, len(t)-1)].(hcl.TraverseAttr)
			if l := w.scope.locals[w.module.Names.Locals[attr.Name]]; !ok || l == nil || !l.Sound() || l.dynamic(false) {
				return false
			}
		default:
			return false
		}
	}
	return w.given == nil
}

// typeOf returns the type of a value that there always is: a text, a number or a bool. It is cty.NilType where that cannot
// be said.
func (w *total) typeOf(e hclsyntax.Expression) cty.Type {
	switch e := syntax.Inner(e).(type) {
	case *hclsyntax.TemplateExpr:
		for _, part := range e.Parts {
			if w.typeOf(part) == cty.NilType {
				return cty.NilType
			}
		}
		return cty.String
	case *hclsyntax.TemplateWrapExpr:
		return w.typeOf(e.Wrapped)
	case *hclsyntax.ConditionalExpr:
		yes, no := w.typeOf(e.TrueResult), w.typeOf(e.FalseResult)
		if w.typeOf(e.Condition) == cty.Bool && yes == no {
			return yes
		}
		return cty.NilType
	case *hclsyntax.BinaryOpExpr:
		return w.operation(e)
	case *hclsyntax.FunctionCallExpr:
		return w.call(e)
	case *hclsyntax.ScopeTraversalExpr:
		if w.given != nil {
			if ty, ok := w.given[e.Traversal.RootName()]; ok && len(e.Traversal) == 1 {
				return ty
			}
			return cty.NilType
		}
		if e.Traversal.RootName() == "self" {
			return w.valueType(e) // its type is that on all hosts
		}
	}
	if w.isConstant(e) || w.given != nil && len(e.Variables()) == 0 {
		return w.valueType(e)
	}
	return cty.NilType
}

func (w *total) valueType(e hclsyntax.Expression) cty.Type {
	v, diags := e.Value(w.ctx)
	if diags.HasErrors() || v.IsMarked() || !v.IsKnown() || v.IsNull() || !v.Type().IsPrimitiveType() {
		return cty.NilType
	}
	return v.Type()
}

// operation is the type of an operation that no values make fail.
func (w *total) operation(e *hclsyntax.BinaryOpExpr) cty.Type {
	left, right := w.typeOf(e.LHS), w.typeOf(e.RHS)
	switch e.Op {
	case hclsyntax.OpAdd, hclsyntax.OpSubtract, hclsyntax.OpMultiply:
		if left == cty.Number && right == cty.Number {
			return cty.Number
		}
	case hclsyntax.OpGreaterThan, hclsyntax.OpGreaterThanOrEqual, hclsyntax.OpLessThan, hclsyntax.OpLessThanOrEqual:
		if left == cty.Number && right == cty.Number {
			return cty.Bool
		}
	case hclsyntax.OpEqual, hclsyntax.OpNotEqual:
		if left != cty.NilType && right != cty.NilType {
			return cty.Bool
		}
	case hclsyntax.OpLogicalAnd, hclsyntax.OpLogicalOr:
		if left == cty.Bool && right == cty.Bool {
			return cty.Bool
		}
	}
	return cty.NilType
}

// call is the type of a call that no values make fail. Of the functions that is known only of templatefile.
func (w *total) call(e *hclsyntax.FunctionCallExpr) cty.Type {
	if e.Name != "templatefile" || len(e.Args) != 2 || e.ExpandFinal || w.given != nil || !w.isConstant(e.Args[0]) {
		return cty.NilType
	}
	name, diags := e.Args[0].Value(w.ctx)
	object, ok := syntax.Inner(e.Args[1]).(*hclsyntax.ObjectConsExpr)
	if diags.HasErrors() || !ok || name.IsMarked() || !name.IsKnown() || name.IsNull() || name.Type() != cty.String {
		return cty.NilType
	}
	given := map[string]cty.Type{}
	for _, item := range object.Items {
		key := hcl.ExprAsKeyword(item.KeyExpr)
		given[key] = w.typeOf(item.ValueExpr)
		if key == "" || given[key] == cty.NilType {
			return cty.NilType
		}
	}
	path := source.Within(w.scope.modules[w.module].dir, name.AsString())
	source, diags := syntax.Read(w.scope.files, path)
	if diags.HasErrors() {
		return cty.NilType
	}
	template, diags := syntax.Template(source, path, hcl.InitialPos)
	if diags.HasErrors() {
		return cty.NilType
	}
	inside := &total{scope: w.scope, module: w.module, ctx: w.ctx, given: given}
	return inside.typeOf(template)
}
