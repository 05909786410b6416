package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"runner/lang/diag"
	"runner/lang/refs"
)

// node is something that can depend on itself by way of others.
type node struct {
	root refs.Roots
	name string
}

func (n node) String() string {
	if n.root == refs.Host && strings.HasPrefix(n.name, refs.InventoryPrefix) {
		return n.name
	}
	prefix := map[refs.Roots]string{refs.Local: "local", refs.Chain: "chain", refs.Host: "host", refs.Jobs: "job"}
	if n.root == refs.Local && strings.Contains(n.name, ".") {
		return n.name // of a job or a role: its full name says so
	}
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
func (g graph) add(from node, e *Expr) {
	if !e.Sound() {
		return
	}
	for _, r := range e.Uses.Refs {
		if r.Root&(refs.Local|refs.Chain|refs.Host) != 0 {
			g.edge(from, node{r.Root, r.Name}, r.Range)
		}
	}
}

func (g graph) addHops(from node, hops []*Hop) {
	for _, hop := range hops {
		for _, name := range slices.Sorted(maps.Keys(hop.Args)) {
			g.add(from, hop.Args[name])
		}
	}
}

// addNeeds adds the jobs whose results an expression reads.
func (g graph) addNeeds(from node, e *Expr) {
	if !e.Sound() {
		return
	}
	for _, n := range e.Uses.Needs {
		if n.Job != from.name {
			g.edge(from, node{refs.Jobs, n.Job}, n.Range)
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
	return diag.Errorf(diag.Cycle, c.at, "References in a circle", "Each of these refers to the next: %s. One of them has to do without.", strings.Join(names, ", "))
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
	for _, n := range slices.SortedFunc(maps.Keys(g), compareNodes) {
		if state[n] == 0 {
			visit(n)
		}
	}
	return found
}

func compareNodes(a, b node) int { return strings.Compare(a.String(), b.String()) }
