package lang

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"runner/agent/schema"
	"runner/lang/config"
	"runner/lang/diag"
	"runner/lang/function"
	"runner/lang/refs"
	"runner/lang/source"
	"runner/lang/syntax"
	"runner/lang/value"
	"runner/lang/variable"
)

// scope is what the expressions of a site can see, whatever they belong to. Once the site is loaded it is only read.
type scope struct {
	dir     string
	files   source.Files
	config  *config.Config
	actions map[string]schema.Block
	vars    cty.Value
	facts   facts
	locals  map[string]*localValue // of all modules, by full name
	chains  map[string]*config.Chain
	groups  map[string]*hostGroup
	jobs    map[string]*jobScope
	modules map[*config.Module]*module

	run      *function.Run
	budget   *syntax.Budget
	programs programs
}

// module is what no run changes of what the expressions of a module see: functions, var and path.
type module struct {
	dir     string // absolute
	context *hcl.EvalContext
	typed   map[string]cty.Value // the variables whose types are declared, with any value
}

// newScope makes the scope of a site. The directory is absolute.
func newScope(opts Options, dir string) *scope {
	return &scope{
		dir:     dir,
		files:   opts.Files,
		actions: opts.Catalog.Actions,
		facts:   newFacts(),
		locals:  map[string]*localValue{},
		chains:  map[string]*config.Chain{},
		groups:  map[string]*hostGroup{},
		jobs:    map[string]*jobScope{},
		modules: map[*config.Module]*module{},
	}
}

// addModules makes the contexts of the site, its jobs, and its roles.
func (s *scope) addModules(c *config.Config, opts Options) {
	s.run = function.NewRun()
	all := s.budget.Context()
	s.run.Remembers = opts.Remember
	if m := opts.Memory; m != nil {
		s.run.Once = m.Once
	}
	path := func(dir string) cty.Value {
		return cty.ObjectVal(map[string]cty.Value{"site": cty.StringVal(s.dir), "module": cty.StringVal(dir)})
	}
	add := func(dir, shown string, variables map[string]cty.Value) *module {
		variables["path"] = path(dir)
		ctx := all.NewChild()
		ctx.Functions = function.Functions(function.Options{Dir: dir, Environ: opts.Environ, Files: opts.Files, Run: s.run, Env: opts.Memory.environ(), Parse: templateParser(dir, shown)})
		ctx.Variables = variables
		return &module{dir: dir, typed: map[string]cty.Value{}, context: ctx}
	}
	site := add(s.dir, c.Site.Dir, map[string]cty.Value{})
	s.modules[c.Site] = site
	for _, j := range c.Jobs {
		s.modules[j.Module] = site
	}
	for _, r := range c.Roles {
		dir := opts.absolute(r.Dir)
		s.modules[r.Module] = add(dir, r.Dir, map[string]cty.Value{})
	}
}

// setVariables gives the site's modules its variables.
func (s *scope) setVariables(c *config.Config, vars cty.Value) {
	s.vars = vars
	s.modules[c.Site].context.Variables["var"] = vars
}

// addTyped notes the type of a variable of a module.
func (s *scope) addTyped(m *config.Module, name string, d *variable.Declared) {
	if d != nil {
		if v := d.Unknown(); v != cty.NilVal {
			s.modules[m].typed[name] = v
		}
	}
}

// functionNames are the names of the functions, which all modules have.
func (s *scope) functionNames(c *config.Config) map[string]bool {
	names := map[string]bool{}
	for name := range s.context(c.Site).Functions {
		names[name] = true
	}
	return names
}

// context is what the expressions of a module see without anything of a host or a run.
func (s *scope) context(m *config.Module) *hcl.EvalContext { return s.modules[m].context }

// localValue is a local, or what is used like one. One that depends on a run or on a host has no value here, and neither
// has one with errors.
type localValue struct {
	*config.Local
	variable *variable.Declared // of a role: what the value must be
	secret   bool               // an output of a role that says so
	done     bool
	ok       bool
	value    cty.Value
}

// dynamic says whether the local must be evaluated anew with what a run knows. With facts, that includes those in
// which hosts appear.
func (l *localValue) dynamic(facts bool) bool {
	return l.Uses.Dynamic != nil || l.varies() || facts && len(l.Uses.Hosts) > 0
}

// varies says whether the local is another one for each host.
func (l *localValue) varies() bool { return l.Uses.Roots&refs.Self != 0 }

// fit makes of what was evaluated what the local is.
func (l *localValue) fit(v cty.Value) (cty.Value, hcl.Diagnostics) {
	if l.secret {
		v = v.Mark(function.Sensitive)
	}
	if l.variable != nil {
		return l.variable.Fit(v, l.Expression)
	}
	if err := function.Check(v); err != nil {
		return v, hcl.Diagnostics{diag.Errorf(diag.TooLarge, l.At(), "Value too large", "%s cannot hold this: %v.", l.Title, err)}
	}
	return v, nil
}

// names collects the objects that traversals begin with.
type names map[string]map[string]cty.Value

func (n names) add(root, name string, v cty.Value) {
	if n[root] == nil {
		n[root] = map[string]cty.Value{}
	}
	n[root][name] = v
}

// addLocal adds a local where its title says: local.x, var.x, role.r.x.
func (n names) addLocal(l *localValue, v cty.Value) {
	root, name, _ := strings.Cut(l.Title, ".")
	if role, output, ok := strings.Cut(name, "."); ok {
		n.add(root+"."+role, output, v)
		return
	}
	n.add(root, name, v)
}

// addHosts adds a host block, or an inventory: inventory.TYPE.NAME.
func (n names) addHosts(name string, v cty.Value) {
	if inventory, ok := strings.CutPrefix(name, refs.InventoryPrefix); ok {
		kind, name, _ := strings.Cut(inventory, ".")
		n.add(refs.InventoryPrefix+kind, name, v)
		return
	}
	n.add("host", name, v)
}

func (n names) variables() map[string]cty.Value {
	out := map[string]cty.Value{}
	nested := map[string]map[string]cty.Value{}
	for root, attrs := range n {
		outer, inner, ok := strings.Cut(root, ".") // role.NAME, inventory.TYPE
		if !ok {
			out[root] = cty.ObjectVal(attrs)
			continue
		}
		if nested[outer] == nil {
			nested[outer] = map[string]cty.Value{}
		}
		nested[outer][inner] = cty.ObjectVal(attrs)
	}
	for outer, attrs := range nested {
		out[outer] = cty.ObjectVal(attrs)
	}
	return out
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
	if l.varying == nil { // what this expression uses is evaluated for this host, once
		l.varying = map[string]cty.Value{}
		defer func() { l.varying = nil }()
	}
	ctx, ok := l.contextOf(e, own)
	if !ok {
		return cty.DynamicVal, false
	}
	value, diags := evaluate(e.Expression, with(ctx, own))
	l.failAll(diags)
	return value, !diags.HasErrors()
}

// contextOf returns the context of an expression with the locals, chains and hosts that it names.
func (l *loader) contextOf(e *config.Expr, own map[string]cty.Value) (*hcl.EvalContext, bool) {
	ctx, ok := l.contexts[e]
	if ok {
		return ctx, ctx != nil
	}
	variables, ok := l.variables(e.Uses.Refs, own)
	if ok {
		ctx = with(l.scope.context(e.Module), variables)
	}
	if !l.variesByHost(e.Uses.Refs) {
		l.contexts[e] = ctx // nil: what it uses has errors
	}
	return ctx, ok
}

// variesByHost says whether what references stand for is another thing for each host.
func (l *loader) variesByHost(references []refs.Ref) bool {
	return slices.ContainsFunc(references, func(r refs.Ref) bool {
		if r.Root != refs.Local {
			return false
		}
		local := l.scope.locals[r.Name]
		return local.Sound() && local.varies()
	})
}

// variables are the objects that references begin with, for a host if one is among what is one's own.
func (l *loader) variables(references []refs.Ref, own map[string]cty.Value) (map[string]cty.Value, bool) {
	objects := names{}
	for _, r := range references {
		value, ok := l.resolve(r, own)
		switch {
		case !ok:
			return nil, false
		case value == cty.NilVal:
		case r.Root == refs.Local:
			objects.addLocal(l.scope.locals[r.Name], value)
		case r.Root == refs.Chain:
			objects.add("chain", r.Name, value)
		default:
			objects.addHosts(r.Name, value)
		}
	}
	return objects.variables(), true
}

// resolve returns what a reference stands for: cty.NilVal where every context has it.
func (l *loader) resolve(r refs.Ref, own map[string]cty.Value) (cty.Value, bool) {
	r.Range = hcl.Range{}
	if l.bad[r] {
		return cty.NilVal, false
	}
	switch r.Root {
	case refs.Local:
		return l.localValue(r.Name, own)
	case refs.Unread:
		return cty.NilVal, false
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

// localValue evaluates a local: once, or for the host that is among what is one's own.
func (l *loader) localValue(name string, own map[string]cty.Value) (cty.Value, bool) {
	v := l.scope.locals[name]
	switch {
	case v.done:
		return v.value, v.ok
	case !v.Sound() || v.Uses.Dynamic != nil || l.held.failed || v.varies() && own["self"] == cty.NilVal:
		return cty.NilVal, false
	}
	if out, ok := l.varying[name]; ok {
		return out, true
	}
	v.done = !v.varies()
	before := len(l.diags)
	out, ok := l.static(v.Expr, own)
	l.blameRole(v.Module, before)
	if ok {
		var diags hcl.Diagnostics
		out, diags = v.fit(out)
		l.scope.run.Hide(out)
		l.failAll(diags)
		ok = !diags.HasErrors()
	}
	if v.done {
		if ok = ok && l.hold(out, v.At()); !ok {
			out = cty.NilVal
		}
		v.value, v.ok = out, ok
	}
	if !ok {
		return out, false
	}
	if !v.done {
		l.varying[name] = out
	}
	if v.Variable != nil && !l.validateGiven(v, own) { // its conditions read the variable itself
		v.ok = false
		return out, false
	}
	return out, true
}

// blameRole names the role in whose files the latest errors are, from an index on, as far as they name nothing.
func (l *loader) blameRole(m *config.Module, from int) {
	if m.Role == nil {
		return
	}
	for i, d := range l.diags[from:] {
		if diag.ExtraOf(d).Address == "" {
			l.diags[from+i] = diag.At(hcl.Diagnostics{d}, "", strings.TrimSuffix(m.Prefix, "."))[0]
		}
	}
}

// validateGiven checks what a role is given for a variable.
func (l *loader) validateGiven(v *localValue, own map[string]cty.Value) bool {
	before := len(l.diags)
	diags := validate(v.Variable, v.At(), func(e *config.Expr) (cty.Value, hcl.Diagnostics) {
		if e.Uses.Dynamic != nil {
			return cty.DynamicVal, nil // the run will tell
		}
		out, _ := l.static(e, own)
		return out, nil
	})
	l.failAll(diags)
	return !l.diags[before:].HasErrors()
}

// secretOutputs finds out which outputs of roles are sensitive, whatever they are made of.
func (l *loader) secretOutputs() {
	for _, local := range l.config.Locals {
		if local.Sensitive != nil {
			l.scope.locals[local.Full].secret = l.staticBool(local.Sensitive, "an output")
		}
	}
}

// checkLocals evaluates the locals that nothing has asked for.
func (l *loader) checkLocals() {
	for _, local := range l.config.Locals {
		if local.Sound() && local.Uses.Dynamic == nil && !l.bad[refs.Ref{Root: refs.Local, Name: local.Full}] {
			l.localValue(local.Full, nil)
		}
	}
}
