package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"runner/lang/diag"
	"runner/lang/refs"
	"runner/lang/syntax"
)

// Localhost is the host that always exists.
const Localhost = "localhost"

// analysis looks at the expressions of one site.
type analysis struct {
	config   *Config
	names    *refs.Names
	analyzer *refs.Analyzer
	graph    graph
	diags    hcl.Diagnostics
}

func (a *analysis) fail(d *hcl.Diagnostic)        { a.diags = append(a.diags, d) }
func (a *analysis) failAll(diags hcl.Diagnostics) { a.diags = append(a.diags, diags...) }

// Analyze checks what all expressions refer to, and that nothing depends on itself. It returns what does.
func (c *Config) Analyze(functions map[string]bool) (circular []refs.Ref, diags hcl.Diagnostics) {
	a := &analysis{config: c, graph: graph{}}
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
		uses, diags := a.analyzer.Local(local.Full)
		a.failAll(diags)
		if !diags.HasErrors() {
			local.Uses = uses
		}
		g.add(node{refs.Local, local.Full}, local.Expr)
		a.look(local.Sensitive, a.staticPlace(`"sensitive" of an output`))
	}
	a.analyzeVariables()
	for _, c := range a.config.Chains {
		a.analyzeChain(c, g)
	}
	for _, h := range a.config.Hosts {
		a.analyzeHost(h, g)
	}
	for _, i := range a.config.Inventories {
		a.analyzeInventory(i, g)
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
	place.Module = e.Module.Names
	uses, diags := a.analyzer.Analyze(e.Expression, place)
	if e.Module.Role != nil { // whose use this is
		diags = diag.At(diags, "", strings.TrimSuffix(e.Module.Prefix, "."))
	}
	a.failAll(diags)
	if !diags.HasErrors() {
		e.Uses = uses
	}
}

// lookForAll is look for an expression that is evaluated for each host.
func (a *analysis) lookForAll(e *Expr, place refs.Place) {
	a.look(e, place)
	if e.Sound() {
		e.Expression = syntax.Keep(e.Expression, func(part hclsyntax.Expression) bool { return a.constant(part, e.Module) })
	}
}

// constant says whether a part of an expression has one value during the whole run. A host in it, whose facts will be
// known later, is no such value.
func (a *analysis) constant(part hclsyntax.Expression, m *Module) bool {
	place := a.staticPlace("this")
	place.Module = m.Names
	uses, diags := a.analyzer.Analyze(part, place)
	uses.Whole()
	return !diags.HasErrors() && uses.Dynamic == nil && len(uses.Facts) == 0
}

// staticPlace is where an expression stands that must be known before anything connects and sees no host of its own.
func (a *analysis) staticPlace(what string) refs.Place {
	return refs.Place{What: what, Roots: refs.Var | refs.Local | refs.Chain | refs.Host | refs.Path, Static: true}
}

func (a *analysis) analyzeVariables() {
	for _, v := range a.config.Variables {
		a.analyzeValidations(v, refs.Place{What: "a validation", Roots: refs.Var | refs.Local | refs.Path, Static: true})
	}
	for _, l := range a.config.Locals { // of a role: what it is given may be what only a run can know
		if l.Variable != nil {
			a.analyzeValidations(l.Variable, refs.Place{What: "a validation", Roots: refs.OnHost | refs.Failure, Before: anywhere})
		}
	}
	if r := a.config.Runner; r != nil {
		for _, e := range []*Expr{r.RequiredVersion, r.Parallelism, r.ConnectTimeout, r.TaskTimeout} {
			a.look(e, refs.Place{What: "the runner block", Roots: refs.Var | refs.Local | refs.Path, Static: true})
		}
	}
}

func (a *analysis) analyzeValidations(v *Variable, place refs.Place) {
	for _, rule := range v.Validations {
		a.look(rule.Condition, place)
		a.look(rule.Message, place)
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

// declaredNames are what expressions can refer to.
func (a *analysis) declaredNames(functions map[string]bool) *refs.Names {
	n := &refs.Names{
		Locals: map[string]*refs.Definition{}, Chains: map[string]bool{},
		Hosts: map[string]refs.HostShape{Localhost: refs.One}, Jobs: map[string]*refs.Module{}, Functions: functions,
		Partial: a.config.Site.Names.Partial,
	}
	for _, l := range a.config.Locals {
		n.Locals[l.Full] = &refs.Definition{Title: l.Title, Expr: l.Expression, Place: l.Place}
	}
	for _, c := range a.config.Chains {
		n.Chains[c.Name] = true
	}
	for _, h := range a.config.Hosts {
		n.Hosts[h.Name] = h.Shape()
	}
	for _, i := range a.config.Inventories {
		n.Hosts[i.Full()] = refs.Map
	}
	for _, j := range a.config.Jobs {
		n.Jobs[j.Name] = j.Module.Names
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
