package lang

import (
	"maps"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"runner/lang/diag"
	"runner/lang/function"
	"runner/lang/refs"
	"runner/lang/value"
)

// fixed is what some expressions can see of the site that no run changes.
type fixed struct {
	ctx *hcl.EvalContext // the functions and every root but those of hosts and jobs of their own
	// What a run can change: then ctx has these roots as they are without it.
	locals []string // names of the locals that the expressions name
	chains map[string]cty.Value
	live   bool // some of it does change
	facts  map[*Host]bool
}

// fixed makes the context of expressions with these uses; the job is the one that they stand in, or nil.
func (l *loader) fixed(uses *refs.Uses, job *jobScope) *fixed {
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
	variables, _ := l.variables(f.static(l, uses))
	if handlers := handlerValues(job, uses); handlers != nil {
		variables["handler"] = cty.ObjectVal(handlers)
	}
	f.ctx = with(l.scope.context(), variables)
	return f
}

// addLocals adds what the locals that are named use, and those that they name.
func (f *fixed) addLocals(l *loader, references []refs.Ref, seen map[string]bool) {
	for _, r := range references {
		if r.Root != refs.Local || seen[r.Name] {
			continue
		}
		seen[r.Name] = true
		if local := l.scope.locals[r.Name]; local.expr.Sound() {
			f.live = f.live || local.dynamic(len(f.facts) > 0)
			f.addRefs(l, local.expr.Uses.Refs)
			f.addLocals(l, local.expr.Uses.Refs, seen)
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

// static are the references that have a value before the run; what depends on it is named in locals.
func (f *fixed) static(l *loader, uses *refs.Uses) []refs.Ref {
	var out []refs.Ref
	for _, r := range uses.Refs {
		if r.Root == refs.Local {
			f.locals = append(f.locals, r.Name)
			if local := l.scope.locals[r.Name]; !local.expr.Sound() || local.dynamic(len(f.facts) > 0) {
				continue
			}
		}
		if _, ok := l.resolve(r); ok {
			out = append(out, r)
		}
	}
	return out
}

func handlerValues(job *jobScope, uses *refs.Uses) map[string]cty.Value {
	if job == nil || uses.Roots&refs.Handler == 0 {
		return nil
	}
	out := map[string]cty.Value{}
	for _, h := range job.block.Handlers {
		out[h.Name] = value.Of(value.HandlerType, h.Address)
	}
	return out
}

// view is what some expressions see at one moment of a run.
type view struct {
	scope  *scope
	state  State
	uses   *refs.Uses
	fixed  *fixed
	job    *jobScope // whose tasks are in sight; nil in outputs
	site   *hcl.EvalContext
	locals map[string]cty.Value // that were evaluated
	diags  hcl.Diagnostics
}

// context returns what can be seen without a host and a job of one's own.
func (v *view) context() *hcl.EvalContext {
	if !v.fixed.live {
		return v.fixed.ctx
	}
	roots := map[string]cty.Value{}
	if len(v.fixed.chains) > 0 {
		roots["chain"] = cty.ObjectVal(v.fixed.chains)
	}
	if len(v.uses.Hosts) > 0 {
		roots["host"] = v.hosts()
	}
	if v.uses.Roots&refs.Run != 0 {
		roots["run"] = runValue(v.state)
	}
	if jobs := v.jobs(); jobs != nil {
		roots["job"] = cty.ObjectVal(jobs)
	}
	v.site = with(v.scope.context(), roots)
	if len(v.fixed.locals) == 0 {
		return with(v.fixed.ctx, roots)
	}
	v.locals = map[string]cty.Value{}
	locals := map[string]cty.Value{}
	for _, name := range v.fixed.locals {
		locals[name] = v.local(name)
	}
	roots = maps.Clone(roots)
	roots["local"] = cty.ObjectVal(locals)
	return with(v.fixed.ctx, roots)
}

// hosts are the hosts that are named, those whose facts are needed with facts.
func (v *view) hosts() cty.Value {
	attrs := map[string]cty.Value{}
	for _, name := range v.uses.Hosts {
		g := v.scope.groups[name]
		switch {
		case g == nil:
			attrs[name] = cty.DynamicVal
		case !v.needsFacts(g):
			attrs[name] = g.value
		default:
			attrs[name] = g.collect(func(h *Host) cty.Value {
				if !v.fixed.facts[h] {
					return h.parts.object()
				}
				return withFacts(h.parts, v.scope.facts.of(v.state, h.Name))
			})
		}
	}
	return cty.ObjectVal(attrs)
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
func (v *view) local(name string) cty.Value {
	if value, ok := v.locals[name]; ok {
		return value
	}
	l := v.scope.locals[name]
	switch {
	case !l.expr.Sound():
		return cty.DynamicVal
	case !l.dynamic(len(v.fixed.facts) > 0):
		if !l.ok {
			return cty.DynamicVal
		}
		return l.value
	}
	v.locals[name] = cty.DynamicVal // circles were reported when the site was loaded
	others := map[string]cty.Value{}
	for _, r := range l.expr.Uses.Refs {
		if r.Root == refs.Local {
			others[r.Name] = v.local(r.Name)
		}
	}
	ctx := v.site
	if len(others) > 0 {
		ctx = with(ctx, map[string]cty.Value{"local": cty.ObjectVal(others)})
	}
	value, diags := evaluate(l.expr.Expression, ctx)
	if err := function.Check(value); err != nil && !diags.HasErrors() {
		diags = append(diags, diag.Errorf(diag.TooLarge, l.expr.At(), "Value too large", "local.%s cannot hold this: %v.", name, err))
	}
	v.diags = append(v.diags, diags...)
	if diags.HasErrors() {
		value = cty.DynamicVal
	}
	v.locals[name] = value
	return value
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

// tasks are the results of this job's tasks on a host that are read.
func (v *view) tasks(host string) cty.Value {
	tree := map[string]map[string]cty.Value{}
	for _, n := range v.uses.Needs {
		if n.Job != v.job.Name {
			continue
		}
		if tree[n.Task.Action] == nil {
			tree[n.Task.Action] = map[string]cty.Value{}
		}
		if _, ok := tree[n.Task.Action][n.Task.Name]; !ok {
			tree[n.Task.Action][n.Task.Name] = resultsOn(v.state, v.job.tasks[n.Task.Address], host)
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
