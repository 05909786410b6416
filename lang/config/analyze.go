package config

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"runner/agent/schema"
	"runner/lang/diag"
	"runner/lang/refs"
	"runner/lang/syntax"
)

// Localhost is the host that always exists.
const Localhost = "localhost"

// analysis looks at the expressions of one site.
type analysis struct {
	config   *Config
	actions  map[string]schema.Block
	names    *refs.Names
	analyzer *refs.Analyzer
	graph    graph
	diags    hcl.Diagnostics
}

func (a *analysis) fail(d *hcl.Diagnostic)        { a.diags = append(a.diags, d) }
func (a *analysis) failAll(diags hcl.Diagnostics) { a.diags = append(a.diags, diags...) }

// Analyze checks what all expressions refer to, and that nothing depends on itself. It returns what does.
func (c *Config) Analyze(actions map[string]schema.Block, functions map[string]bool) (circular []refs.Ref, diags hcl.Diagnostics) {
	a := &analysis{config: c, actions: actions, graph: graph{}}
	a.names = a.declaredNames(functions)
	a.analyzer = refs.New(a.names)
	a.expressions()
	for _, cycle := range a.graph.cycles() {
		a.fail(cycle.diagnostic())
		for _, n := range cycle.nodes {
			circular = append(circular, refs.Ref{Root: n.root, Name: n.name})
		}
	}
	return circular, a.diags
}

// expressions analyzes them all.
func (a *analysis) expressions() {
	g := a.graph
	for _, local := range a.config.Locals {
		uses, diags := a.analyzer.Local(local.Arg.Name)
		a.failAll(diags)
		if !diags.HasErrors() {
			local.Uses = uses
		}
		g.add(node{refs.Local, local.Arg.Name}, local)
	}
	a.analyzeVariables()
	for _, c := range a.config.Chains {
		a.analyzeChain(c, g)
	}
	for _, h := range a.config.Hosts {
		a.analyzeHost(h, g)
	}
	for _, j := range a.config.Jobs {
		a.analyzeJob(j, g)
	}
	for _, o := range a.config.Outputs {
		a.look(o.Value, refs.Place{What: "an output", Roots: refs.Site})
		a.look(o.Sensitive, a.staticPlace(`"sensitive" of an output`))
		if o.Value.Sound() {
			o.Value.Uses.Whole()
		}
	}
}

// look analyzes one expression. What is wrong with it is reported here, and it is not evaluated then.
func (a *analysis) look(e *Expr, place refs.Place) {
	if e == nil {
		return
	}
	uses, diags := a.analyzer.Analyze(e.Expression, place)
	a.failAll(diags)
	if !diags.HasErrors() {
		e.Uses = uses
	}
}

// lookForAll is look for an expression that is evaluated for each host.
func (a *analysis) lookForAll(e *Expr, place refs.Place) {
	a.look(e, place)
	if e.Sound() {
		e.Expression = syntax.Keep(e.Expression, a.constant)
	}
}

// constant says whether a part of an expression has one value during the whole run. A host in it, whose facts will be
// known later, is no such value.
func (a *analysis) constant(part hclsyntax.Expression) bool {
	uses, diags := a.analyzer.Analyze(part, a.staticPlace("this"))
	uses.Whole()
	return !diags.HasErrors() && uses.Dynamic == nil && len(uses.Facts) == 0
}

// staticPlace is where an expression stands that must be known before anything connects and sees no host of its own.
func (a *analysis) staticPlace(what string) refs.Place {
	return refs.Place{What: what, Roots: refs.Var | refs.Local | refs.Chain | refs.Host | refs.Path, Static: true}
}

func (a *analysis) analyzeVariables() {
	place := refs.Place{What: "a validation", Roots: refs.Var | refs.Local | refs.Path, Static: true}
	for _, v := range a.config.Variables {
		for _, rule := range v.Validations {
			a.look(rule.Condition, place)
			a.look(rule.Message, place)
		}
	}
	if r := a.config.Runner; r != nil {
		for _, e := range []*Expr{r.RequiredVersion, r.Parallelism, r.ConnectTimeout, r.TaskTimeout} {
			a.look(e, refs.Place{What: "the runner block", Roots: refs.Var | refs.Local | refs.Path, Static: true})
		}
	}
}

func (a *analysis) analyzeChain(c *Chain, g graph) {
	self := node{refs.Chain, c.Name}
	a.look(c.Extends, a.staticPlace(`"extends" of a chain`))
	g.add(self, c.Extends)
	a.analyzeHops(c.Hops, refs.Self)
	g.addHops(self, c.Hops)
}

func (a *analysis) analyzeHops(hops []*Hop, more refs.Roots) {
	for _, hop := range hops {
		for _, name := range slices.Sorted(maps.Keys(hop.Args)) {
			place := a.staticPlace("an argument of a hop")
			place.Roots |= more
			a.look(hop.Args[name], place)
		}
	}
}

func (a *analysis) analyzeHost(h *Host, g graph) {
	self := node{refs.Host, h.Name}
	var element refs.Roots
	if h.ForEach != nil {
		element = refs.Each
	}
	if h.Count != nil {
		element |= refs.Count
	}
	for _, e := range []*Expr{h.ForEach, h.Count} {
		if e != nil {
			a.look(e, a.staticPlace(`"`+e.Arg.Name+`" of a host`))
			g.add(self, e)
		}
	}
	for _, e := range []*Expr{h.Address, h.Labels, h.Vars, h.Via, h.Chain} {
		if e != nil {
			place := a.staticPlace(`"` + e.Arg.Name + `" of a host`)
			place.Roots |= element
			a.look(e, place)
			g.add(self, e)
		}
	}
	a.analyzeHops(h.Hops, element|refs.Self)
	g.addHops(self, h.Hops)
}

func (a *analysis) analyzeJob(j *Job, g graph) {
	job := a.names.Jobs[j.Name]
	self := node{refs.Jobs, j.Name}
	a.look(j.Hosts, a.staticPlace(`"hosts" of a job`))
	a.look(j.Tags, a.staticPlace(`"tags" of a job`))
	for _, e := range []*Expr{j.RunAs, j.Vars} {
		if e != nil {
			a.look(e, a.selfPlace(`"`+e.Arg.Name+`" of a job`))
		}
	}
	a.analyzeHops(j.Hops, refs.Self)
	for _, e := range []*Expr{j.When, j.Environment} {
		if e != nil {
			a.lookForAll(e, refs.Place{What: `"` + e.Arg.Name + `" of a job`, Roots: refs.Site | refs.Self, Job: job})
			g.addNeeds(self, e)
		}
	}
	for _, ref := range j.DependsOn {
		switch a.names.Jobs[ref.Name] {
		case nil:
			a.fail(diag.Errorf(diag.UnknownReference, ref.At, "Unknown job", "The site declares no job %s.%s",
				diag.Quote(ref.Name), diag.DidYouMean(ref.Name, diag.Candidates(a.names.Jobs))))
		default:
			g.edge(self, node{refs.Jobs, ref.Name}, ref.At)
		}
	}
	for i, t := range j.Tasks {
		a.analyzeTask(t, refs.Place{Job: job, Before: i, Task: t.Address})
		g.addTask(self, t)
	}
	for i, t := range j.Handlers {
		a.analyzeTask(t, refs.Place{Job: job, Before: len(j.Tasks), Task: t.Address, Notifies: i + 1})
		g.addTask(self, t)
	}
}

// selfPlace is where an expression stands that must be known before anything connects and sees its host.
func (a *analysis) selfPlace(what string) refs.Place {
	place := a.staticPlace(what)
	place.Roots |= refs.Self
	return place
}

func (a *analysis) analyzeTask(t *Task, place refs.Place) {
	what := "a task"
	if t.Handler {
		what = "a handler"
	}
	for _, e := range []*Expr{t.Tags, t.OnFailure, t.Sensitive} {
		if e != nil {
			a.look(e, a.staticPlace(`"`+e.Arg.Name+`" of `+what))
		}
	}
	if t.RunAs != nil {
		a.look(t.RunAs, a.selfPlace(`"run_as" of `+what))
	}
	a.analyzeHops(t.Hops, refs.Self)

	place.Roots = refs.Site | refs.Self | refs.TaskResults
	if t.ForEach != nil {
		place.What = `"for_each" of ` + what
		a.lookForAll(t.ForEach, place)
		place.Roots |= refs.Each
		if t.ForEach.Sound() {
			place.Elements = *t.ForEach.Uses
		}
	}
	for _, e := range t.Evaluated() {
		place.What = `"` + e.Arg.Name + `" of ` + what
		a.lookForAll(e, place)
	}
	if t.Notify != nil {
		place.What, place.Roots = `"notify" of `+what, place.Roots|refs.Handler
		a.look(t.Notify, place)
	}
}

// Evaluated are the arguments that are evaluated for each element, but for notify.
func (t *Task) Evaluated() []*Expr {
	var out []*Expr
	for _, e := range []*Expr{t.When, t.Environment, t.Timeout} {
		if e != nil {
			out = append(out, e)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.Args)) {
		out = append(out, t.Args[name])
	}
	return out
}

// declaredNames are what expressions can refer to.
func (a *analysis) declaredNames(functions map[string]bool) *refs.Names {
	n := &refs.Names{
		Variables: map[string]bool{}, Locals: map[string]hclsyntax.Expression{}, Chains: map[string]bool{},
		Hosts: map[string]refs.HostShape{Localhost: refs.One}, Jobs: map[string]*refs.Job{}, Functions: functions,
	}
	for _, v := range a.config.Variables {
		n.Variables[v.Name] = true
	}
	for _, e := range a.config.Locals {
		n.Locals[e.Arg.Name] = e.Expression
	}
	for _, c := range a.config.Chains {
		n.Chains[c.Name] = true
	}
	for _, h := range a.config.Hosts {
		n.Hosts[h.Name] = h.Shape()
	}
	for _, j := range a.config.Jobs {
		n.Jobs[j.Name] = j.names(a.actions)
	}
	return n
}

// Shape is what host.NAME is.
func (h *Host) Shape() refs.HostShape {
	switch {
	case h.ForEach != nil && h.Count != nil:
		return refs.Broken
	case h.ForEach != nil:
		return refs.Map
	case h.Count != nil:
		return refs.List
	}
	return refs.One
}

func (j *Job) names(actions map[string]schema.Block) *refs.Job {
	out := &refs.Job{Name: j.Name}
	for _, t := range j.Tasks {
		out.Add(&refs.Task{
			Address: t.Address, Action: t.Action, Name: t.Name, Keyed: t.ForEach != nil,
			Results: resultNames(actions[t.Action]),
		})
	}
	for _, t := range j.Handlers {
		out.Handlers = append(out.Handlers, t.Name)
	}
	return out
}

func resultNames(block schema.Block) []string {
	names := make([]string, len(block.Results))
	for i, a := range block.Results {
		names[i] = a.Name
	}
	return names
}
