package lang

import (
	"path/filepath"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	ctyfunction "github.com/zclconf/go-cty/cty/function"

	"runner/agent/schema"
	"runner/lang/config"
	"runner/lang/diag"
	"runner/lang/function"
	"runner/lang/refs"
	"runner/lang/syntax"
	"runner/lang/value"
)

// scope is what the expressions of a site can see, whatever they belong to. Once the site is loaded it is only read.
type scope struct {
	dir       string
	functions map[string]ctyfunction.Function
	actions   map[string]schema.Block
	vars      cty.Value
	path      cty.Value
	facts     facts
	locals    map[string]*localValue
	chains    map[string]*config.Chain
	groups    map[string]*hostGroup
	jobs      map[string]*jobScope
	base      *hcl.EvalContext // functions, var and path
}

// localValue is a local. One that depends on a run has no value here, and neither has one with errors.
type localValue struct {
	expr  *config.Expr
	done  bool
	ok    bool
	value cty.Value
}

// dynamic says whether the local must be evaluated anew with what a run knows. With facts, that includes those in
// which hosts appear.
func (l *localValue) dynamic(facts bool) bool {
	return l.expr.Uses.Dynamic != nil || facts && len(l.expr.Uses.Hosts) > 0
}

// newScope makes the scope of a site. The directory is absolute; shown is the same as people see it.
func newScope(opts Options, dir, shown string) *scope {
	return &scope{
		dir:       dir,
		functions: function.Functions(function.Options{Dir: dir, Environ: opts.Environ, Parse: templateParser(dir, shown)}),
		actions:   opts.Catalog.Actions,
		path:      cty.ObjectVal(map[string]cty.Value{"site": cty.StringVal(dir), "module": cty.StringVal(dir)}),
		facts:     newFacts(),
		locals:    map[string]*localValue{},
		chains:    map[string]*config.Chain{},
		groups:    map[string]*hostGroup{},
		jobs:      map[string]*jobScope{},
	}
}

// templateParser parses templates, whose names it shows like those of the site's files.
func templateParser(dir, shown string) func([]byte, string) (hcl.Expression, hcl.Diagnostics) {
	return func(src []byte, filename string) (hcl.Expression, hcl.Diagnostics) {
		if rel, err := filepath.Rel(dir, filename); err == nil && filepath.IsLocal(rel) {
			filename = filepath.Join(shown, rel)
		}
		expr, diags := syntax.Template(src, filename, hcl.InitialPos)
		if expr == nil {
			return hcl.StaticExpr(cty.DynamicVal, hcl.Range{Filename: filename}), diags
		}
		return expr, diags
	}
}

// context is the scope without anything of a host or a job.
func (s *scope) context() *hcl.EvalContext {
	if s.base == nil {
		s.base = &hcl.EvalContext{
			Functions: s.functions,
			Variables: map[string]cty.Value{"var": s.vars, "path": s.path},
		}
	}
	return s.base
}

// with returns a context in which more names can be seen.
func with(ctx *hcl.EvalContext, variables map[string]cty.Value) *hcl.EvalContext {
	if len(variables) == 0 {
		return ctx
	}
	child := ctx.NewChild()
	child.Variables = variables
	return child
}

// evaluate evaluates an expression.
func evaluate(e hclsyntax.Expression, ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	v, diags := e.Value(ctx)
	if len(diags) == 0 {
		return v, nil
	}
	return v, value.Reword(diag.Own(diags, diag.Evaluate))
}

// static evaluates an expression that needs nothing of a run. The names are what it sees beside the site's own. It
// reports false after an error, here or in what the expression uses.
func (l *loader) static(e *config.Expr, own map[string]cty.Value) (cty.Value, bool) {
	if !e.Sound() {
		return cty.DynamicVal, false
	}
	ctx, ok := l.contextOf(e)
	if !ok {
		return cty.DynamicVal, false
	}
	value, diags := evaluate(e.Expression, with(ctx, own))
	l.failAll(diags)
	return value, !diags.HasErrors()
}

// contextOf returns the context of an expression with the locals, chains and hosts that it names.
func (l *loader) contextOf(e *config.Expr) (*hcl.EvalContext, bool) {
	ctx, ok := l.contexts[e]
	if !ok {
		if variables, ok := l.variables(e.Uses.Refs); ok {
			ctx = with(l.scope.context(), variables)
		}
		l.contexts[e] = ctx // nil: what it uses has errors
	}
	return ctx, ctx != nil
}

// variables are the objects that references begin with.
func (l *loader) variables(references []refs.Ref) (map[string]cty.Value, bool) {
	objects := map[refs.Roots]map[string]cty.Value{}
	for _, r := range references {
		value, ok := l.resolve(r)
		if !ok {
			return nil, false
		}
		if value == cty.NilVal {
			continue
		}
		if objects[r.Root] == nil {
			objects[r.Root] = map[string]cty.Value{}
		}
		objects[r.Root][r.Name] = value
	}
	out := map[string]cty.Value{}
	for root, attrs := range objects {
		out[rootName(root)] = cty.ObjectVal(attrs)
	}
	return out, true
}

func rootName(r refs.Roots) string {
	switch r {
	case refs.Local:
		return "local"
	case refs.Chain:
		return "chain"
	default:
		return "host"
	}
}

// resolve returns what a reference stands for: cty.NilVal where every context has it.
func (l *loader) resolve(r refs.Ref) (cty.Value, bool) {
	r.Range = hcl.Range{}
	if l.bad[r] {
		return cty.NilVal, false
	}
	switch r.Root {
	case refs.Local:
		return l.localValue(r.Name)
	case refs.Chain:
		return value.Of(value.ChainType, l.scope.chains[r.Name]), true
	case refs.Host:
		g := l.group(r.Name)
		if g == nil {
			return cty.NilVal, false
		}
		return g.value, true
	default:
		return cty.NilVal, true
	}
}

// localValue evaluates a local once.
func (l *loader) localValue(name string) (cty.Value, bool) {
	v := l.scope.locals[name]
	if v.done {
		return v.value, v.ok
	}
	v.done = true
	if !v.expr.Sound() || v.expr.Uses.Dynamic != nil || l.held.failed {
		return cty.NilVal, false
	}
	v.value, v.ok = l.static(v.expr, nil)
	if !v.ok {
		return cty.NilVal, false
	}
	if err := function.Check(v.value); err != nil {
		v.ok = false
		l.fail(diag.Errorf(diag.TooLarge, v.expr.At(), "Value too large", "local.%s cannot hold this: %v.", name, err))
	}
	if v.ok = v.ok && l.hold(v.value, v.expr.At()); !v.ok {
		v.value = cty.NilVal
	}
	return v.value, v.ok
}

// checkLocals evaluates the locals that nothing has asked for.
func (l *loader) checkLocals() {
	for _, e := range l.config.Locals {
		if e.Sound() && e.Uses.Dynamic == nil && !l.bad[refs.Ref{Root: refs.Local, Name: e.Arg.Name}] {
			l.localValue(e.Arg.Name)
		}
	}
}
