package ansible

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"go.yaml.in/yaml/v3"

	"runner/lang/diag"
	"runner/lang/inventory"
	"runner/lang/inventory/document"
)

// yamlReader reads one file in YAML or JSON whose keys are groups.
type yamlReader struct {
	model *model
	doc   *document.Document
	diags hcl.Diagnostics
	seen  int // groups and hosts read, those that come by a reference counted again
}

// isInventory says whether a document can be an inventory: only then is it read as one, else as INI.
func isInventory(doc *document.Document) bool {
	return doc.Root != nil && document.Resolve(doc.Root).Kind == yaml.MappingNode && len(document.Resolve(doc.Root).Content) > 0
}

// readYAML adds what a document says to the model.
func readYAML(m *model, doc *document.Document) hcl.Diagnostics {
	r := &yamlReader{model: m, doc: doc}
	pairs, d := doc.Pairs(doc.Root)
	if d != nil {
		return hcl.Diagnostics{d}
	}
	for _, p := range pairs {
		if p.Name == "plugin" && document.Resolve(p.Value).Kind == yaml.ScalarNode {
			return hcl.Diagnostics{doc.At(p.Key).Errorf(diag.NotSupported, "Inventory plugin",
				"This configures one of Ansible's plugins, which are not run here. Let Ansible run it: an inventory of type exec with argv = [\"ansible-inventory\", \"-i\", %q, \"--list\"].", doc.File.Name)}
		}
	}
	for _, p := range pairs {
		if _, ok := r.group(p, 0); !ok && (tooMany(r.diags) || r.tooLarge()) {
			break
		}
	}
	return r.diags
}

func (r *yamlReader) tooLarge() bool {
	return slices.ContainsFunc(r.diags, func(d *hcl.Diagnostic) bool { return diag.CodeOf(d) == diag.TooLarge })
}

// fail adds an error and returns false.
func (r *yamlReader) fail(d *hcl.Diagnostic) bool {
	r.diags = append(r.diags, d)
	return false
}

// count bounds how often the same text is read through references.
func (r *yamlReader) count(n *yaml.Node) bool {
	const most = 2 * inventory.MaxHosts
	if r.seen++; r.seen > most {
		return r.fail(r.doc.At(n).Errorf(diag.TooLarge, "Inventory too large", "Written out, %s has more than %d groups and hosts, each counted wherever it is named.", r.doc.File.Name, most))
	}
	return true
}

// group reads a group, and returns false after an error.
func (r *yamlReader) group(p document.Pair, depth int) (*group, bool) {
	if !r.count(p.Key) {
		return nil, false
	}
	at := r.doc.At(p.Key)
	if depth > inventory.MaxDepth {
		return nil, r.fail(at.Errorf(diag.TooDeep, "Inventory nested too deeply", "More than %d groups lie in one another here.", inventory.MaxDepth))
	}
	if !p.Text {
		return nil, r.fail(at.Errorf(diag.Inventory, "Invalid inventory", "The name of a group is text: put it in quotes."))
	}
	body, empty, ok := r.mapping(p.Value, "a group")
	if !ok {
		return nil, false
	}
	g, d := r.model.addGroup(p.Name, at)
	if d != nil {
		return nil, r.fail(d)
	}
	if empty {
		return g, true
	}
	for _, section := range body {
		if !r.section(g, section, depth) {
			return g, false
		}
	}
	return g, true
}

// mapping returns the pairs of a map; empty says that it is null.
func (r *yamlReader) mapping(n *yaml.Node, what string) (pairs []document.Pair, empty, ok bool) {
	resolved := document.Resolve(n)
	if resolved.Kind == yaml.MappingNode {
		pairs, d := r.doc.Pairs(resolved)
		if d != nil {
			return nil, false, r.fail(d)
		}
		return pairs, false, true
	}
	if resolved.Kind == yaml.ScalarNode {
		v, d := r.doc.Value(resolved)
		if d != nil {
			return nil, false, r.fail(d)
		}
		if v == nil {
			return nil, true, true
		}
	}
	return nil, false, r.fail(r.doc.At(n).Errorf(diag.Inventory, "Invalid inventory", "This must be a map: it is the content of %s.", what))
}

// section reads hosts, vars or children of a group.
func (r *yamlReader) section(g *group, p document.Pair, depth int) bool {
	known := []string{"hosts", "vars", "children"}
	if !slices.Contains(known, p.Name) {
		if len(r.diags) < mostErrors {
			r.diags = append(r.diags, r.doc.At(p.Key).Warningf(diag.Inventory, "Unknown key in an inventory",
				"A group has the keys hosts, vars and children; %s is left out.%s", diag.Quote(p.Name), diag.DidYouMean(p.Name, known)))
		}
		return true
	}
	if n := document.Resolve(p.Value); n.Kind == yaml.ScalarNode { // one name, without a map around it
		v, d := r.doc.Value(n)
		if d != nil {
			return r.fail(d)
		}
		if name, ok := v.(string); ok {
			return r.entry(g, p.Name, document.Pair{Name: name, Text: true, Key: n, Value: &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Line: n.Line, Column: n.Column}}, depth)
		}
	}
	entries, _, ok := r.mapping(p.Value, p.Name+" of a group")
	if !ok {
		return false
	}
	for _, e := range entries {
		if !r.entry(g, p.Name, e, depth) {
			return false
		}
	}
	return true
}

// entry reads one host, variable or child.
func (r *yamlReader) entry(g *group, kind string, p document.Pair, depth int) bool {
	switch kind {
	case "vars":
		v, d := r.doc.Value(p.Value)
		if d == nil {
			d = r.model.setGroupVar(g, p.Name, v, r.doc.At(p.Key))
		}
		return d == nil || r.fail(d)
	case "children":
		child, ok := r.group(p, depth+1)
		if !ok {
			return false
		}
		d := r.model.addChild(g, child, r.doc.At(p.Key))
		return d == nil || r.fail(d)
	}
	return r.host(g, p)
}

func (r *yamlReader) host(g *group, p document.Pair) bool {
	at := r.doc.At(p.Key)
	if !p.Text {
		return r.fail(at.Errorf(diag.Inventory, "Invalid inventory", "The name of a host is text: put it in quotes."))
	}
	hosts, port, err := expand(p.Name)
	switch {
	case err != nil && strings.Contains(err.Error(), "more than"):
		return r.fail(at.Errorf(diag.TooLarge, "Inventory too large", "In this pattern of hosts, %s.", err))
	case err != nil:
		return r.fail(at.Errorf(diag.Inventory, "Invalid host pattern", "This is no pattern of hosts: %s.", err))
	}
	vars, _, ok := r.mapping(p.Value, "a host")
	if !ok || !r.count(p.Key) {
		return false
	}
	for _, name := range hosts {
		if d := r.model.addHost(name, g, port, at); d != nil {
			return r.fail(d)
		}
	}
	for _, v := range vars {
		value, d := r.doc.Value(v.Value)
		if d != nil {
			return r.fail(d)
		}
		for _, name := range hosts {
			if d := r.model.setHostVar(name, v.Name, value, r.doc.At(v.Key)); d != nil {
				return r.fail(d)
			}
		}
	}
	return true
}
