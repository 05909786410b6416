package lang

import (
	"maps"
	"strconv"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"runner/lang/config"
	"runner/lang/refs"
	"runner/lang/value"
)

// fixed is what some expressions can see of the site that no run changes.
type fixed struct {
	modules []moduleView
	// What a run can change: then the contexts of the modules have these roots as they are without it.
	chains map[string]cty.Value
	live   bool // some of it does change
	facts  map[*Host]bool
}

// moduleView is what the expressions of one module see.
type moduleView struct {
	module *config.Module
	ctx    *hcl.EvalContext // the functions and every root but those of hosts and jobs of their own
	locals []string         // full names of those that the expressions name, if some of them must be evaluated anew
	uses   *refs.Uses
}

// fixed makes the contexts of expressions with these uses, all together; the job is the one that they stand in, or nil.
func (l *loader) fixed(uses *refs.Uses, job *jobScope, exprs []*config.Expr) *fixed {
	f := &fixed{chains: map[string]cty.Value{}, facts: map[*Host]bool{}}
	for _, ref := range uses.Facts {
		for _, h := range l.hostsMeant(ref) {
			f.facts[h] = true
		}
	}
	f.live = len(f.facts) > 0 || uses.Roots&refs.Run != 0
	for _, n := range uses.Needs {
		f.live = f.live || job == nil || n.Job != job.Name
	}
	f.addLocals(l, uses.Refs, map[string]bool{})
	f.addRefs(l, uses.Refs)
	byModule := map[*config.Module]*refs.Uses{}
	for _, e := range exprs {
		if e.Sound() {
			if byModule[e.Module] == nil {
				byModule[e.Module] = &refs.Uses{}
			}
			byModule[e.Module].Merge(e.Uses)
		}
	}
	for m, uses := range byModule {
		f.modules = append(f.modules, f.module(l, m, uses))
	}
	return f
}

func (f *fixed) module(l *loader, m *config.Module, uses *refs.Uses) moduleView {
	out := moduleView{module: m, uses: uses}
	variables, _ := l.variables(f.static(l, &out, uses), nil)
	if uses.Roots&refs.Handler != 0 {
		variables["handler"] = handlerValues(m)
	}
	out.ctx = with(l.scope.context(m), variables)
	return out
}

// addLocals adds what the locals that are named use, and those that they name.
func (f *fixed) addLocals(l *loader, references []refs.Ref, seen map[string]bool) {
	for _, r := range references {
		if r.Root != refs.Local || seen[r.Name] {
			continue
		}
		seen[r.Name] = true
		if local := l.scope.locals[r.Name]; local.Sound() {
			f.live = f.live || local.dynamic(len(f.facts) > 0)
			f.addRefs(l, local.Uses.Refs)
			f.addLocals(l, local.Uses.Refs, seen)
		}
	}
}

func (f *fixed) addRefs(l *loader, references []refs.Ref) {
	for _, r := range references {
		if r.Root == refs.Chain {
			f.chains[r.Name] = value.Of(value.ChainType, l.scope.chains[r.Name])
		}
	}
}

// static are the references that have a value before the run. If there are locals that have none, all locals are noted
// in the view.
func (f *fixed) static(l *loader, view *moduleView, uses *refs.Uses) []refs.Ref {
	var out []refs.Ref
	var locals []string
	for _, r := range uses.Refs {
		if r.Root == refs.Local {
			locals = append(locals, r.Name)
			if local := l.scope.locals[r.Name]; !local.Sound() || local.dynamic(len(f.facts) > 0) {
				view.locals = locals
				continue
			}
		}
		if _, ok := l.resolve(r, nil); ok {
			out = append(out, r)
		}
	}
	if view.locals != nil {
		view.locals = locals
	}
	return out
}

func handlerValues(m *config.Module) cty.Value {
	out := map[string]cty.Value{}
	for _, h := range m.Names.Handlers {
		out[h.Name] = value.Of(value.HandlerType, h.Address)
	}
	return cty.ObjectVal(out)
}

// view is what some expressions see at one moment of a run.
type view struct {
	scope  *scope
	state  State
	uses   *refs.Uses
	fixed  *fixed
	job    *jobScope // whose tasks are in sight; nil in outputs
	host   string    // whose results
	self   cty.Value // cty.NilVal: none
	site   map[string]cty.Value
	locals map[string]cty.Value // that were evaluated, by full name
	diags  hcl.Diagnostics
}

// contexts are what expressions see, by module: of one or a few.
type contexts []moduleContext

type moduleContext struct {
	module *config.Module
	ctx    *hcl.EvalContext
}

func (c contexts) of(m *config.Module) *hcl.EvalContext {
	for i := range c {
		if c[i].module == m {
			return c[i].ctx
		}
	}
	return nil
}

// contexts returns what the expressions see, by module.
func (v *view) contexts() contexts {
	if v.fixed.live {
		v.site = v.roots()
		v.locals = map[string]cty.Value{}
	}
	out := make(contexts, len(v.fixed.modules))
	for i, m := range v.fixed.modules {
		own := v.own(m.module, m.uses)
		maps.Copy(own, v.site)
		if m.locals != nil {
			maps.Copy(own, v.named(m.locals))
		}
		out[i] = moduleContext{m.module, with(m.ctx, own)}
	}
	return out
}

// roots are those of the site that a run can change.
func (v *view) roots() map[string]cty.Value {
	roots := map[string]cty.Value{}
	if len(v.fixed.chains) > 0 {
		roots["chain"] = cty.ObjectVal(v.fixed.chains)
	}
	if len(v.uses.Hosts) > 0 {
		maps.Copy(roots, v.hosts())
	}
	if v.uses.Roots&refs.Run != 0 {
		roots["run"] = runValue(v.state)
	}
	if jobs := v.jobs(); jobs != nil {
		roots["job"] = cty.ObjectVal(jobs)
	}
	return roots
}

// own are the roots of the host at hand: what there is of them in a module.
func (v *view) own(m *config.Module, uses *refs.Uses) map[string]cty.Value {
	own := map[string]cty.Value{}
	if v.self != cty.NilVal && uses.Roots&refs.Self != 0 {
		own["self"] = v.self
	}
	if v.job != nil && uses.Roots&refs.TaskResults != 0 {
		own["task"] = v.tasks(m)
	}
	return own
}

// failure is what an expression sees of what its rescue is about. In rescues inside of each other each one's is another.
func (v *view) failure(uses *refs.Uses) map[string]cty.Value {
	for _, r := range uses.Refs {
		if r.Root == refs.Failure {
			try, _ := strconv.Atoi(r.Name) // we wrote it
			return map[string]cty.Value{"failure": failureValue(v.state, v.job, try, v.host)}
		}
	}
	return nil
}

// named are locals, where expressions have them.
func (v *view) named(locals []string) map[string]cty.Value {
	out := names{}
	for _, full := range locals {
		out.addLocal(v.scope.locals[full], v.local(full))
	}
	return out.variables()
}

// hosts are the hosts that are named, those whose facts are needed with facts.
func (v *view) hosts() map[string]cty.Value {
	named := names{}
	for _, name := range v.uses.Hosts {
		g := v.scope.groups[name]
		switch {
		case g == nil:
			named.addHosts(name, cty.DynamicVal)
		case !v.needsFacts(g):
			named.addHosts(name, g.value)
		default:
			named.addHosts(name, g.collect(func(h *Host) cty.Value {
				if !v.fixed.facts[h] {
					return h.parts.object()
				}
				return withFacts(h.parts, v.scope.facts.of(v.state, h.Name))
			}))
		}
	}
	return named.variables()
}

func (v *view) needsFacts(g *hostGroup) bool {
	for _, h := range g.hosts {
		if v.fixed.facts[h] {
			return true
		}
	}
	return false
}

// local is the value of a local at this moment.
func (v *view) local(full string) cty.Value {
	if value, ok := v.locals[full]; ok {
		return value
	}
	l := v.scope.locals[full]
	switch {
	case !l.Sound():
		return cty.DynamicVal
	case !l.dynamic(len(v.fixed.facts) > 0):
		if !l.ok {
			return cty.DynamicVal
		}
		return l.value
	}
	v.locals[full] = cty.DynamicVal // circles were reported when the site was loaded
	out, diags := v.evaluate(l.Expr)
	if !diags.HasErrors() {
		var more hcl.Diagnostics
		out, more = l.fit(out)
		v.scope.run.Hide(out)
		diags = append(diags, more...)
	}
	v.locals[full] = out
	if l.Variable != nil && !diags.HasErrors() { // its conditions read the variable itself
		diags = append(diags, validate(l.Variable, l.At(), v.evaluate)...)
	}
	v.diags = append(v.diags, diags...)
	if diags.HasErrors() {
		v.locals[full] = cty.DynamicVal
	}
	return v.locals[full]
}

// evaluate evaluates an expression that is not one of the task's own.
func (v *view) evaluate(e *config.Expr) (cty.Value, hcl.Diagnostics) {
	roots := v.own(e.Module, e.Uses)
	maps.Copy(roots, v.site)
	maps.Copy(roots, v.failure(e.Uses))
	var others []string
	for _, r := range e.Uses.Refs {
		if r.Root == refs.Local {
			others = append(others, r.Name)
		}
	}
	maps.Copy(roots, v.named(others))
	return evaluate(e.Expression, with(v.scope.context(e.Module), roots))
}

// runValue is what is known of the run.
func runValue(state State) cty.Value {
	id := cty.UnknownVal(cty.String).RefineNotNull()
	if r, ok := state.(interface{ RunID() string }); ok && r.RunID() != "" {
		id = cty.StringVal(r.RunID())
	}
	return cty.ObjectVal(map[string]cty.Value{"id": id})
}

// jobs are the results of other jobs that are read.
func (v *view) jobs() map[string]cty.Value {
	tree := map[string]map[string]map[string]cty.Value{}
	for _, n := range v.uses.Needs {
		if v.job != nil && n.Job == v.job.Name {
			continue
		}
		if tree[n.Job] == nil {
			tree[n.Job] = map[string]map[string]cty.Value{}
		}
		if tree[n.Job][n.Task.Action] == nil {
			tree[n.Job][n.Task.Action] = map[string]cty.Value{}
		}
		if _, ok := tree[n.Job][n.Task.Action][n.Task.Name]; !ok {
			tree[n.Job][n.Task.Action][n.Task.Name] = resultsOfJob(v.state, v.scope.jobs[n.Job], n.Task.Address)
		}
	}
	if len(tree) == 0 {
		return nil
	}
	out := map[string]cty.Value{}
	for job, actions := range tree {
		out[job] = cty.ObjectVal(map[string]cty.Value{"task": byAction(actions)})
	}
	return out
}

// tasks are the results of a module's tasks on the host that are read.
func (v *view) tasks(m *config.Module) cty.Value {
	tree := map[string]map[string]cty.Value{}
	for _, n := range v.uses.Needs {
		if n.Job != v.job.Name || n.Task.Module != m.Names {
			continue
		}
		if tree[n.Task.Action] == nil {
			tree[n.Task.Action] = map[string]cty.Value{}
		}
		if _, ok := tree[n.Task.Action][n.Task.Name]; !ok {
			tree[n.Task.Action][n.Task.Name] = resultsOn(v.state, v.job.tasks[n.Task.Address], v.host)
		}
	}
	return byAction(tree)
}

func byAction(tree map[string]map[string]cty.Value) cty.Value {
	out := map[string]cty.Value{}
	for action, tasks := range tree {
		out[action] = cty.ObjectVal(tasks)
	}
	return cty.ObjectVal(out)
}
