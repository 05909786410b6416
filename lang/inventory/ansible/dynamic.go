package ansible

import (
	"github.com/hashicorp/hcl/v2"
	"go.yaml.in/yaml/v3"

	"runner/lang/diag"
	"runner/lang/inventory"
	"runner/lang/inventory/document"
)

// Dynamic reads the JSON that an inventory program prints for --list: an object of groups, each a list of hosts or an
// object with hosts, vars and children, and _meta with the variables of all hosts.
func Dynamic(file *inventory.File, opts Options) (*inventory.Inventory, hcl.Diagnostics) {
	b := newBuilder(opts)
	doc, d := document.ParseJSON(file)
	if d != nil {
		return nil, hcl.Diagnostics{d}
	}
	b.adopt(doc)
	r := &dynamic{yamlReader{model: b.model, doc: doc}}
	r.all()
	b.diags = r.diags
	if b.diags.HasErrors() {
		return nil, b.diags
	}
	return b.finish()
}

type dynamic struct{ yamlReader }

func (r *dynamic) all() {
	if r.doc.Root.Kind != yaml.MappingNode {
		r.fail(r.doc.At(r.doc.Root).Errorf(diag.Inventory, "Invalid inventory", "An inventory program prints a JSON object, whose keys are groups."))
		return
	}
	pairs, d := r.doc.Pairs(r.doc.Root)
	if d != nil {
		r.fail(d)
		return
	}
	var meta *document.Pair
	for i, p := range pairs {
		if p.Name == "_meta" {
			meta = &pairs[i]
		} else if !r.group(p) {
			return
		}
	}
	switch {
	case meta != nil:
		r.meta(*meta)
	case len(r.model.hostOrder) > 0:
		r.diags = append(r.diags, r.doc.At(r.doc.Root).Warningf(diag.Inventory, "Inventory without variables of hosts",
			"The program printed no _meta, so its hosts have no variables of their own: it is not called with --host for each of them."))
	}
}

func (r *dynamic) group(p document.Pair) bool {
	g, d := r.model.addGroup(p.Name, r.doc.At(p.Key))
	if d != nil {
		return r.fail(d)
	}
	if p.Value.Kind != yaml.MappingNode {
		return r.hosts(g, p.Value)
	}
	pairs, d := r.doc.Pairs(p.Value)
	if d != nil {
		return r.fail(d)
	}
	parts := map[string]*yaml.Node{}
	for _, part := range pairs {
		parts[part.Name] = part.Value
	}
	hosts, vars, children := parts["hosts"], parts["vars"], parts["children"]
	if hosts == nil && vars == nil && children == nil {
		// A host of the group's name, with variables.
		if d := r.model.addHost(g.name, g, 0, r.doc.At(p.Key)); d != nil {
			return r.fail(d)
		}
		return r.variables(g, p.Value)
	}
	return (hosts == nil || r.hosts(g, hosts)) && (vars == nil || r.variables(g, vars)) && (children == nil || r.children(g, children))
}

// names calls add with each text of a list.
func (r *dynamic) names(n *yaml.Node, what string, add func(name string, at inventory.Place) *hcl.Diagnostic) bool {
	if n.Kind != yaml.SequenceNode {
		return r.fail(r.doc.At(n).Errorf(diag.Inventory, "Invalid inventory", "The %s of a group are a list of names.", what))
	}
	for _, e := range n.Content {
		if e.Kind != yaml.ScalarNode || e.Tag != "!!str" {
			return r.fail(r.doc.At(e).Errorf(diag.Inventory, "Invalid inventory", "The %s of a group are a list of names, which are text.", what))
		}
		if d := add(e.Value, r.doc.At(e)); d != nil {
			return r.fail(d)
		}
	}
	return true
}

func (r *dynamic) hosts(g *group, n *yaml.Node) bool {
	return r.names(n, "hosts", func(name string, at inventory.Place) *hcl.Diagnostic {
		return r.model.addHost(name, g, 0, at)
	})
}

func (r *dynamic) children(g *group, n *yaml.Node) bool {
	return r.names(n, "children", func(name string, at inventory.Place) *hcl.Diagnostic {
		child, d := r.model.addGroup(name, at)
		if d != nil {
			return d
		}
		return r.model.addChild(g, child, at)
	})
}

func (r *dynamic) variables(g *group, n *yaml.Node) bool {
	if n.Kind != yaml.MappingNode {
		return r.fail(r.doc.At(n).Errorf(diag.Inventory, "Invalid inventory", "The variables of a group are an object."))
	}
	pairs, d := r.doc.Pairs(n)
	if d != nil {
		return r.fail(d)
	}
	for _, p := range pairs {
		v, d := r.doc.Value(p.Value)
		if d == nil {
			d = r.model.setGroupVar(g, p.Name, v, r.doc.At(p.Key))
		}
		if d != nil {
			return r.fail(d)
		}
	}
	return true
}

// meta reads the variables of hosts. Those of hosts that no group names are left out, as Ansible does.
func (r *dynamic) meta(p document.Pair) {
	if p.Value.Kind != yaml.MappingNode {
		r.fail(r.doc.At(p.Value).Errorf(diag.Inventory, "Invalid inventory", "_meta is an object with the key hostvars."))
		return
	}
	pairs, d := r.doc.Pairs(p.Value)
	if d != nil {
		r.fail(d)
		return
	}
	for _, part := range pairs {
		if part.Name != "hostvars" {
			continue
		}
		hosts, _, ok := r.mapping(part.Value, "hostvars")
		for _, h := range hosts {
			if !ok || r.model.hosts[h.Name] != nil && !r.hostVars(h) {
				return
			}
		}
	}
}

func (r *dynamic) hostVars(h document.Pair) bool {
	vars, _, ok := r.mapping(h.Value, "a host")
	if !ok {
		return false
	}
	for _, p := range vars {
		v, d := r.doc.Value(p.Value)
		if d == nil {
			d = r.model.setHostVar(h.Name, p.Name, v, r.doc.At(p.Key))
		}
		if d != nil {
			return r.fail(d)
		}
	}
	return true
}
