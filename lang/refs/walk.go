package refs

import (
	"slices"
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"runner/lang/diag"
	"runner/lang/syntax"
)

// Analyzer analyzes the expressions of one site. It is for one goroutine.
type Analyzer struct {
	names  *Names
	locals map[string]*local
	depth  int // of the locals that are being analyzed
	// functions are the names of all, in order.
	functions func() []string
}

// local is a local that was analyzed, or is being analyzed.
type local struct {
	uses  Uses
	diags hcl.Diagnostics
	depth int // of the longest chain of locals that it begins
}

// maxDepth bounds chains of locals, which are evaluated one inside the other.
const maxDepth = 200

// New returns an analyzer for a site.
func New(names *Names) *Analyzer {
	functions := sync.OnceValue(func() []string { return diag.Candidates(names.Functions) })
	return &Analyzer{names: names, locals: map[string]*local{}, functions: functions}
}

// Analyze says what an expression needs, and what is wrong with its references.
func (a *Analyzer) Analyze(expr hclsyntax.Expression, place Place) (*Uses, hcl.Diagnostics) {
	w := &walk{analyzer: a, place: place}
	w.uses.value = w.expr(expr)
	if w.place.Static && w.uses.Dynamic != nil {
		w.notStatic(*w.uses.Dynamic)
	}
	return &w.uses, w.diags
}

// Local analyzes a local by its full name. What it needs is nil where that is too much to find out, which is an error of
// some local.
func (a *Analyzer) Local(name string) (*Uses, hcl.Diagnostics) {
	l := a.local(name)
	if l.depth > maxDepth {
		return nil, l.diags
	}
	return &l.uses, l.diags
}

// local analyzes a local once. One that leads back to itself uses nothing then: the cycle is reported elsewhere.
func (a *Analyzer) local(name string) *local {
	if l, ok := a.locals[name]; ok {
		return l
	}
	l := &local{}
	a.locals[name] = l
	if a.depth++; a.depth > 2*maxDepth {
		a.depth--
		l.depth = maxDepth // the ones on the way here will find out
		return l
	}
	defer func() { a.depth-- }()
	declared := a.names.Locals[name]
	uses, diags := a.Analyze(declared.Expr, declared.Place)
	l.uses, l.diags = *uses, diags
	for _, r := range uses.Refs {
		if next := a.locals[r.Name]; r.Root == Local && next != nil {
			l.depth = max(l.depth, next.depth+1)
		}
	}
	if l.depth == maxDepth+1 { // those that use this one have it as an error already
		l.diags = append(l.diags, diag.Errorf(diag.TooDeep, declared.Expr.Range(), "Locals nested too deeply",
			"%s uses a local that uses a local, and so on more than %d times.", declared.Title, maxDepth))
	}
	return l
}

// walk is the analysis of one expression.
type walk struct {
	analyzer *Analyzer
	place    Place
	uses     Uses
	diags    hcl.Diagnostics
	scopes   []scope
}

// scope is the names that a for expression binds.
type scope map[string]flow

func (w *walk) errorf(code diag.Code, at hcl.Range, summary, format string, args ...any) {
	w.diags = append(w.diags, diag.Errorf(code, at, summary, format, args...))
}

func (w *walk) notStatic(d Dynamic) {
	w.errorf(diag.NotStatic, d.Range, "Not known before the run",
		"%s must be known before anything connects, so it cannot use %s.", diag.Capital(w.place.What), d.What)
}

// whole walks an expression whose value is used as a whole.
func (w *walk) whole(e hclsyntax.Expression) {
	if e == nil {
		return
	}
	for _, s := range w.expr(e) {
		w.uses.need(s)
	}
}

// expr walks an expression and returns what its value may consist of.
func (w *walk) expr(e hclsyntax.Expression) flow {
	switch e := syntax.Inner(e).(type) {
	case *syntax.Unread:
		w.missing("", e.Traversal)
	case *hclsyntax.ScopeTraversalExpr:
		return w.traversal(e.Traversal)
	case *hclsyntax.RelativeTraversalExpr:
		return w.steps(w.expr(e.Source), e.Traversal)
	case *hclsyntax.IndexExpr:
		w.whole(e.Key)
		return w.step(w.expr(e.Collection), cty.NilVal, e.SrcRange)
	case *hclsyntax.SplatExpr:
		return w.splat(e)
	case *hclsyntax.AnonSymbolExpr:
		return w.lookUp(anonymous)
	case *hclsyntax.ForExpr:
		return w.loop(e)
	case *hclsyntax.FunctionCallExpr:
		return w.call(e)
	case *hclsyntax.ConditionalExpr:
		w.whole(e.Condition)
		return w.expr(e.TrueResult).join(w.expr(e.FalseResult))
	case *hclsyntax.TupleConsExpr:
		var out flow
		for _, element := range e.Exprs {
			out.add(w.expr(element).deeper())
		}
		return out
	case *hclsyntax.ObjectConsExpr:
		return w.object(e)
	case *hclsyntax.TemplateWrapExpr:
		return w.expr(e.Wrapped)
	case *hclsyntax.BinaryOpExpr:
		w.whole(e.LHS)
		w.whole(e.RHS)
	case *hclsyntax.UnaryOpExpr:
		w.whole(e.Val)
	case *hclsyntax.TemplateExpr:
		for _, part := range e.Parts {
			w.whole(part)
		}
	case *hclsyntax.TemplateJoinExpr:
		w.whole(e.Tuple)
	}
	return nil
}

// anonymous is the name of what a splat goes over, in its scope.
const anonymous = "*"

func (w *walk) splat(e *hclsyntax.SplatExpr) flow {
	source := w.expr(e.Source)
	item := make(flow, 0, len(source))
	for _, s := range source {
		if s.depth > 0 {
			s.depth--
		}
		item = append(item, s) // a splat over a single object is one over a list of it
	}
	return w.within(scope{anonymous: item}, func() flow { return w.expr(e.Each) }).deeper()
}

func (w *walk) loop(e *hclsyntax.ForExpr) flow {
	names := scope{e.ValVar: w.expr(e.CollExpr).elements()}
	if e.KeyVar != "" {
		names[e.KeyVar] = nil
	}
	return w.within(names, func() flow {
		w.whole(e.KeyExpr)
		w.whole(e.CondExpr)
		return w.expr(e.ValExpr).deeper()
	})
}

func (w *walk) within(s scope, f func() flow) flow {
	w.scopes = append(w.scopes, s)
	defer func() { w.scopes = w.scopes[:len(w.scopes)-1] }()
	return f()
}

// lookUp returns what a name of the scopes around stands for.
func (w *walk) lookUp(name string) flow {
	f, _ := w.bound(name)
	return f
}

func (w *walk) bound(name string) (flow, bool) {
	for _, v := range slices.Backward(w.scopes) {
		if f, ok := v[name]; ok {
			return f, true
		}
	}
	return nil, false
}

func (w *walk) object(e *hclsyntax.ObjectConsExpr) flow {
	var out flow
	for _, item := range e.Items {
		if key, ok := item.KeyExpr.(*hclsyntax.ObjectConsKeyExpr); !ok {
			w.whole(item.KeyExpr)
		} else if key.ForceNonLiteral || hcl.ExprAsKeyword(key.Wrapped) == "" {
			w.whole(key.Wrapped)
		}
		out.add(w.expr(item.ValueExpr).deeper())
	}
	return out
}

func (w *walk) call(e *hclsyntax.FunctionCallExpr) flow {
	if functions := w.analyzer.names.Functions; !functions[e.Name] {
		hint := ""
		if len(w.diags) < diag.MostShown {
			hint = diag.DidYouMean(e.Name, w.analyzer.functions())
		}
		w.errorf(diag.UnknownFunction, e.NameRange, "Unknown function", "There is no function %s.%s", diag.Quote(e.Name), hint)
	}
	args := make([]flow, len(e.Args))
	for i, arg := range e.Args {
		args[i] = w.expr(arg)
		if i == len(e.Args)-1 && e.ExpandFinal {
			args[i] = args[i].elements()
		}
	}
	return throughCall(e.Name, args)
}
