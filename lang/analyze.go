package lang

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"runner/agent/schema"
	"runner/lang/diag"
	"runner/lang/refs"
)

// localhost is the host that always exists.
const localhost = "localhost"

// analyze checks what all expressions refer to, and that nothing depends on itself.
func (l *loader) analyze() {
	l.names = l.declaredNames()
	l.analyzer = refs.New(l.names)
	g := graph{}
	for _, local := range l.config.locals {
		uses, diags := l.analyzer.Local(local.arg.Name)
		l.failAll(diags)
		if !diags.HasErrors() {
			local.uses = uses
		}
		g.add(node{refs.Local, local.arg.Name}, local)
	}
	l.analyzeVariables()
	for _, c := range l.config.chains {
		l.analyzeChain(c, g)
	}
	for _, h := range l.config.hosts {
		l.analyzeHost(h, g)
	}
	for _, j := range l.config.jobs {
		l.analyzeJob(j, g)
	}
	for _, o := range l.config.outputs {
		l.look(o.value, refs.Place{What: "an output", Roots: refs.Site})
		l.look(o.sensitive, l.staticPlace(`"sensitive" of an output`))
		if o.value.is() {
			o.value.uses.Whole()
		}
	}
	for _, cycle := range g.cycles() {
		l.fail(cycle.diagnostic())
		for _, n := range cycle.nodes {
			l.bad[refs.Ref{Root: n.root, Name: n.name}] = true
		}
	}
}

// look analyzes one expression. What is wrong with it is reported here, and it is not evaluated then.
func (l *loader) look(e *expr, place refs.Place) {
	if e == nil {
		return
	}
	uses, diags := l.analyzer.Analyze(e.Expression, place)
	l.failAll(diags)
	if !diags.HasErrors() {
		e.uses = uses
	}
}

// staticPlace is where an expression stands that must be known before anything connects and sees no host of its own.
func (l *loader) staticPlace(what string) refs.Place {
	return refs.Place{What: what, Roots: refs.Var | refs.Local | refs.Chain | refs.Host | refs.Path, Static: true}
}

func (l *loader) analyzeVariables() {
	place := refs.Place{What: "a validation", Roots: refs.Var | refs.Local | refs.Path, Static: true}
	for _, v := range l.config.variables {
		for _, rule := range v.validations {
			l.look(rule.condition, place)
			l.look(rule.message, place)
		}
	}
	if r := l.config.runner; r != nil {
		for _, e := range []*expr{r.requiredVersion, r.parallelism, r.connectTimeout, r.taskTimeout} {
			l.look(e, refs.Place{What: "the runner block", Roots: refs.Var | refs.Local | refs.Path, Static: true})
		}
	}
}

func (l *loader) analyzeChain(c *chainBlock, g graph) {
	self := node{refs.Chain, c.name}
	l.look(c.extends, l.staticPlace(`"extends" of a chain`))
	g.add(self, c.extends)
	l.analyzeHops(c.hops, refs.Self)
	g.addHops(self, c.hops)
}

func (l *loader) analyzeHops(hops []*hopBlock, more refs.Roots) {
	for _, hop := range hops {
		for _, name := range sortedKeys(hop.args) {
			place := l.staticPlace("an argument of a hop")
			place.Roots |= more
			l.look(hop.args[name], place)
		}
	}
}

func (l *loader) analyzeHost(h *hostBlock, g graph) {
	self := node{refs.Host, h.name}
	var element refs.Roots
	if h.forEach != nil {
		element = refs.Each
	}
	if h.count != nil {
		element |= refs.Count
	}
	for _, e := range []*expr{h.forEach, h.count} {
		if e != nil {
			l.look(e, l.staticPlace(`"`+e.arg.Name+`" of a host`))
			g.add(self, e)
		}
	}
	for _, e := range []*expr{h.address, h.labels, h.vars, h.via, h.chain} {
		if e != nil {
			place := l.staticPlace(`"` + e.arg.Name + `" of a host`)
			place.Roots |= element
			l.look(e, place)
			g.add(self, e)
		}
	}
	l.analyzeHops(h.hops, element|refs.Self)
	g.addHops(self, h.hops)
}

func (l *loader) analyzeJob(j *jobBlock, g graph) {
	job := l.names.Jobs[j.name]
	self := node{refs.Jobs, j.name}
	l.look(j.hosts, l.staticPlace(`"hosts" of a job`))
	l.look(j.tags, l.staticPlace(`"tags" of a job`))
	for _, e := range []*expr{j.runAs, j.vars} {
		if e != nil {
			l.look(e, l.selfPlace(`"`+e.arg.Name+`" of a job`))
		}
	}
	l.analyzeHops(j.hops, refs.Self)
	for _, e := range []*expr{j.when, j.environment} {
		if e != nil {
			l.look(e, refs.Place{What: `"` + e.arg.Name + `" of a job`, Roots: refs.Site | refs.Self, Job: job})
			g.addNeeds(self, e)
		}
	}
	for _, ref := range j.dependsOn {
		switch l.names.Jobs[ref.name] {
		case nil:
			l.fail(diag.Errorf(diag.UnknownReference, ref.at, "Unknown job", "The site declares no job %s.%s",
				diag.Quote(ref.name), diag.DidYouMean(ref.name, sortedKeys(l.names.Jobs))))
		default:
			g.edge(self, node{refs.Jobs, ref.name}, ref.at)
		}
	}
	for i, t := range j.tasks {
		l.analyzeTask(t, refs.Place{Job: job, Before: i, Task: t.address})
		g.addTask(self, t)
	}
	for i, t := range j.handlers {
		l.analyzeTask(t, refs.Place{Job: job, Before: len(j.tasks), Task: t.address, Notifies: i + 1})
		g.addTask(self, t)
	}
}

// selfPlace is where an expression stands that must be known before anything connects and sees its host.
func (l *loader) selfPlace(what string) refs.Place {
	place := l.staticPlace(what)
	place.Roots |= refs.Self
	return place
}

func (l *loader) analyzeTask(t *taskBlock, place refs.Place) {
	what := "a task"
	if t.handler {
		what = "a handler"
	}
	for _, e := range []*expr{t.tags, t.onFailure, t.sensitive} {
		if e != nil {
			l.look(e, l.staticPlace(`"`+e.arg.Name+`" of `+what))
		}
	}
	if t.runAs != nil {
		l.look(t.runAs, l.selfPlace(`"run_as" of `+what))
	}
	l.analyzeHops(t.hops, refs.Self)

	place.Roots = refs.Site | refs.Self | refs.TaskResults
	if t.forEach != nil {
		place.What = `"for_each" of ` + what
		l.look(t.forEach, place)
		place.Roots |= refs.Each
		if t.forEach.is() {
			place.Elements = *t.forEach.uses
		}
	}
	for _, e := range t.evaluated() {
		place.What = `"` + e.arg.Name + `" of ` + what
		l.look(e, place)
	}
	if t.notify != nil {
		place.What, place.Roots = `"notify" of `+what, place.Roots|refs.Handler
		l.look(t.notify, place)
	}
}

// evaluated are the arguments that are evaluated for each element, but for notify.
func (t *taskBlock) evaluated() []*expr {
	var out []*expr
	for _, e := range []*expr{t.when, t.environment, t.timeout} {
		if e != nil {
			out = append(out, e)
		}
	}
	for _, name := range sortedKeys(t.args) {
		out = append(out, t.args[name])
	}
	return out
}

// declaredNames are what expressions can refer to.
func (l *loader) declaredNames() *refs.Names {
	n := &refs.Names{
		Variables: map[string]bool{}, Locals: map[string]hclsyntax.Expression{}, Chains: map[string]bool{},
		Hosts: map[string]refs.HostShape{localhost: refs.One}, Jobs: map[string]*refs.Job{}, Functions: map[string]bool{},
	}
	for _, v := range l.config.variables {
		n.Variables[v.name] = true
	}
	for _, e := range l.config.locals {
		n.Locals[e.arg.Name] = e.Expression
	}
	for _, c := range l.config.chains {
		n.Chains[c.name] = true
	}
	for _, h := range l.config.hosts {
		n.Hosts[h.name] = h.shape()
	}
	for _, j := range l.config.jobs {
		n.Jobs[j.name] = j.names(l.opts.Catalog)
	}
	for name := range l.scope.functions {
		n.Functions[name] = true
	}
	return n
}

func (h *hostBlock) shape() refs.HostShape {
	switch {
	case h.forEach != nil && h.count != nil:
		return refs.Broken
	case h.forEach != nil:
		return refs.Map
	case h.count != nil:
		return refs.List
	}
	return refs.One
}

func (j *jobBlock) names(catalog Catalog) *refs.Job {
	out := &refs.Job{Name: j.name}
	for _, t := range j.tasks {
		out.Add(&refs.Task{
			Address: t.address, Action: t.action, Name: t.name, Keyed: t.forEach != nil,
			Results: resultNames(catalog.Actions[t.action]),
		})
	}
	for _, t := range j.handlers {
		out.Handlers = append(out.Handlers, t.name)
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

// node is something that can depend on itself by way of others.
type node struct {
	root refs.Roots
	name string
}

func (n node) String() string {
	prefix := map[refs.Roots]string{refs.Local: "local", refs.Chain: "chain", refs.Host: "host", refs.Jobs: "job"}
	return prefix[n.root] + "." + n.name
}

// graph is who refers to whom, and where.
type graph map[node][]edge

type edge struct {
	to node
	at hcl.Range
}

func (g graph) edge(from, to node, at hcl.Range) { g[from] = append(g[from], edge{to, at}) }

// add adds what an expression refers to.
func (g graph) add(from node, e *expr) {
	if !e.is() {
		return
	}
	for _, r := range e.uses.Refs {
		if r.Root&(refs.Local|refs.Chain|refs.Host) != 0 {
			g.edge(from, node{r.Root, r.Name}, r.Range)
		}
	}
}

func (g graph) addHops(from node, hops []*hopBlock) {
	for _, hop := range hops {
		for _, name := range sortedKeys(hop.args) {
			g.add(from, hop.args[name])
		}
	}
}

// addNeeds adds the jobs whose results an expression reads.
func (g graph) addNeeds(from node, e *expr) {
	if !e.is() {
		return
	}
	for _, n := range e.uses.Needs {
		if n.Job != from.name {
			g.edge(from, node{refs.Jobs, n.Job}, n.Range)
		}
	}
}

func (g graph) addTask(from node, t *taskBlock) {
	for _, e := range append(t.evaluated(), t.forEach, t.notify) {
		if e != nil {
			g.addNeeds(from, e)
		}
	}
}

// cycle is a way from a node back to it.
type cycle struct {
	nodes []node
	at    hcl.Range // of the reference that closes it
}

func (c cycle) diagnostic() *hcl.Diagnostic {
	names := make([]string, 0, len(c.nodes)+1)
	for _, n := range c.nodes {
		names = append(names, n.String())
	}
	if len(names) == 1 {
		return diag.Errorf(diag.Cycle, c.at, "Reference to itself", "%s refers to itself.", names[0])
	}
	names = append(names, names[0])
	return diag.Errorf(diag.Cycle, c.at, "References in a circle", "Each of these refers to the next: %s.", strings.Join(names, ", "))
}

// cycles finds one cycle for each group of nodes that depend on each other.
func (g graph) cycles() []cycle {
	const (
		open = 1
		done = 2
	)
	state := map[node]int{}
	var path []node
	var found []cycle
	var visit func(n node)
	visit = func(n node) {
		state[n] = open
		path = append(path, n)
		for _, e := range g[n] {
			switch state[e.to] {
			case 0:
				visit(e.to)
			case open:
				found = append(found, cycle{nodes: slices.Clone(path[slices.Index(path, e.to):]), at: e.at})
			}
		}
		path = path[:len(path)-1]
		state[n] = done
	}
	for _, n := range slices.SortedFunc(mapsKeys(g), compareNodes) {
		if state[n] == 0 {
			visit(n)
		}
	}
	return found
}
