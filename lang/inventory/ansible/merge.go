package ansible

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"runner/lang/diag"
	"runner/lang/inventory"
)

// finish makes the inventory of what was read.
func (b *builder) finish() (*inventory.Inventory, hcl.Diagnostics) {
	m := b.model
	if d := m.settle(); d != nil {
		return nil, append(b.diags, d)
	}
	f := finisher{builder: b, groupVars: b.openFolder("group_vars"), hostVars: b.openFolder("host_vars"), kin: map[string]*kin{}, files: map[*group]map[string]variable{}}
	out := f.all()
	if b.diags.HasErrors() {
		return nil, b.diags
	}
	return out, b.diags
}

// settle gives each group a parent and its depth, and each host a group.
func (m *model) settle() *hcl.Diagnostic {
	root := m.groups[all]
	for _, g := range m.order {
		if g != root && len(g.parents) == 0 {
			m.edges[[2]string{all, g.name}] = true
			root.children = append(root.children, edge{child: g})
			g.parents = append(g.parents, root)
		}
	}
	var order []*group // each behind all that lie in it
	for _, g := range m.order {
		if d := visit(g, &order); d != nil {
			return d
		}
	}
	for _, g := range slices.Backward(order) {
		for _, e := range g.children {
			e.child.depth = max(e.child.depth, g.depth+1)
		}
	}
	rest := m.groups[ungrouped]
	for _, h := range m.hostOrder {
		others := slices.ContainsFunc(h.groups, func(g *group) bool { return g != root && g != rest })
		switch in := slices.Contains(h.groups, rest); {
		case in && others:
			h.groups = slices.DeleteFunc(h.groups, func(g *group) bool { return g == rest })
		case !in && !others:
			h.groups = append(h.groups, rest)
		}
	}
	return nil
}

// visit orders the groups that lie in a group, without calling itself: groups can lie in one another very deeply.
func visit(from *group, order *[]*group) *hcl.Diagnostic {
	const open, done = 1, 2
	type step struct {
		group *group
		next  int
	}
	if from.state != 0 {
		return nil
	}
	from.state = open
	for stack := []step{{group: from}}; len(stack) > 0; {
		top := &stack[len(stack)-1]
		if top.next == len(top.group.children) {
			top.group.state = done
			*order = append(*order, top.group)
			stack = stack[:len(stack)-1]
			continue
		}
		e := top.group.children[top.next]
		top.next++
		switch e.child.state {
		case open:
			return e.at.Errorf(diag.Cycle, "Group in itself", "The groups %s and %s lie in one another.", diag.Quote(top.group.name), diag.Quote(e.child.name))
		case 0:
			e.child.state = open
			stack = append(stack, step{group: e.child})
		}
	}
	return nil
}

// finisher merges the variables.
type finisher struct {
	*builder
	groupVars, hostVars folder
	kin                 map[string]*kin
	files               map[*group]map[string]variable
	steps               int
}

// kin is what all hosts of the same groups have in common.
type kin struct {
	groups []*group // all included, the weakest first
	names  []string // sorted, without all
	vars   map[string]any
	// connect has what may say how to connect.
	connect map[string]variable
}

func (f *finisher) all() *inventory.Inventory {
	merged := 0
	type hostParts struct {
		kin  *kin
		own  []map[string]variable
		size int
	}
	parts := make([]hostParts, len(f.model.hostOrder))
	for i, h := range f.model.hostOrder {
		p := hostParts{kin: f.kinOf(h)}
		if p.kin == nil || tooMany(f.diags) {
			return nil
		}
		p.own = []map[string]variable{h.vars, f.varsOf(f.hostVars, h.name)}
		if n := len(p.own[0]) + len(p.own[1]); n > 0 {
			p.size = n + len(p.kin.vars)
			merged += p.size
		}
		if merged += len(p.kin.groups); merged > inventory.MaxMerged {
			f.fail(h.at.Errorf(diag.TooLarge, "Inventory too large", "Up to this host, the hosts have more than %d variables and groups, those of their groups included.", inventory.MaxMerged))
			return nil
		}
		parts[i] = p
	}
	if f.diags.HasErrors() {
		return nil
	}
	out := &inventory.Inventory{Hosts: make([]*inventory.Host, 0, len(parts))}
	members := map[*group][]string{}
	for i, h := range f.model.hostOrder {
		p := parts[i]
		host := &inventory.Host{Name: h.name, Groups: p.kin.names, Vars: p.kin.vars, Range: h.at.Range()}
		if p.size > 0 {
			host.Vars = make(map[string]any, p.size)
			maps.Copy(host.Vars, p.kin.vars)
			for _, vars := range p.own {
				copyValues(host.Vars, vars)
			}
		}
		c := connector{builder: f.builder, host: h.name, at: h.at, layers: []map[string]variable{p.own[1], p.own[0], p.kin.connect}, vars: host.Vars}
		host.Connection = c.connection()
		if tooMany(f.diags) {
			return nil
		}
		out.Hosts = append(out.Hosts, host)
		for _, g := range p.kin.groups {
			members[g] = append(members[g], h.name)
		}
	}
	for _, g := range slices.SortedFunc(slices.Values(f.model.order), func(a, b *group) int { return strings.Compare(a.name, b.name) }) {
		out.Groups = append(out.Groups, inventory.Group{Name: g.name, Hosts: members[g]})
	}
	return out
}

func copyValues(to map[string]any, from map[string]variable) {
	for name, v := range from {
		to[name] = v.value
	}
}

// kinOf returns what a host has in common with others; nil after an error.
func (f *finisher) kinOf(h *host) *kin {
	names := make([]string, len(h.groups))
	for i, g := range h.groups {
		names[i] = g.name
	}
	slices.Sort(names)
	key := strings.Join(names, "\x00")
	if k := f.kin[key]; k != nil {
		return k
	}
	k := &kin{groups: ancestors(h.groups)}
	root := f.model.groups[all]
	if !slices.Contains(k.groups, root) {
		k.groups = append(k.groups, root)
	}
	slices.SortFunc(k.groups, func(a, b *group) int {
		return cmp.Or(cmp.Compare(a.depth, b.depth), cmp.Compare(a.priority, b.priority), strings.Compare(a.name, b.name))
	})
	for _, g := range k.groups {
		if g != root {
			k.names = append(k.names, g.name)
		}
	}
	slices.Sort(k.names)
	// all < groups < group_vars of all < group_vars of groups; all is the first of the groups.
	k.vars, k.connect = map[string]any{}, map[string]variable{}
	for _, g := range k.groups {
		f.lay(k, g.vars)
	}
	for _, g := range k.groups {
		vars, ok := f.files[g]
		if !ok {
			vars = f.varsOf(f.groupVars, g.name)
			f.files[g] = vars
		}
		f.lay(k, vars)
	}
	if f.steps += len(k.groups) + len(k.vars); f.steps > inventory.MaxMerged {
		f.fail(h.at.Errorf(diag.TooLarge, "Inventory too large", "Up to this host, the groups that hosts are in have more than %d variables, those of their own groups included.", inventory.MaxMerged))
		return nil
	}
	f.kin[key] = k
	return k
}

func (f *finisher) lay(k *kin, vars map[string]variable) {
	f.steps += len(vars)
	for name, v := range vars {
		k.vars[name] = v.value
		if v.at.File != nil {
			k.connect[name] = v
		}
	}
}

// ancestors are some groups with all that they lie in.
func ancestors(groups []*group) []*group {
	seen := map[*group]bool{}
	var out []*group
	for queue := slices.Clone(groups); len(queue) > 0; {
		g := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if !seen[g] {
			seen[g] = true
			out = append(out, g)
			queue = append(queue, g.parents...)
		}
	}
	return out
}
