package config

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"runner/agent/schema"
	"runner/lang/diag"
	"runner/lang/refs"
	"runner/lang/syntax"
)

// Inventory is an inventory block.
type Inventory struct {
	Named
	Type  string
	Args  map[string]*Expr // of its type
	Chain *Expr
	Hops  []*Hop
}

// Full is its name among those of host blocks, which is how expressions begin that use it.
func (i *Inventory) Full() string { return refs.InventoryPrefix + i.Type + "." + i.Name }

// Inventories describes the types of inventories with their own arguments.
func Inventories() map[string]schema.Block {
	resource := func(name string, t schema.Type, doc string) schema.Attribute {
		return schema.Attribute{Name: name, Type: t, Static: true, Doc: doc}
	}
	path := func(doc string) schema.Attribute {
		return schema.Attribute{Name: "path", Type: schema.String, Required: true, Static: true, Doc: doc}
	}
	return map[string]schema.Block{
		"ansible": {Name: "ansible", Doc: "Ansible's inventories.", Arguments: []schema.Attribute{
			path("A file in INI or YAML, or a directory of them."),
			{Name: "vault_password", Type: schema.Any, Static: true, Secret: true, Doc: "What ansible-vault encrypted with: text, or a map of vault id to text."},
		}},
		"ssh_config": {Name: "ssh_config", Doc: "The hosts of an OpenSSH configuration.", Arguments: []schema.Attribute{
			path("The configuration, such as `~/.ssh/config`."),
		}},
		"exec": {Name: "exec", Doc: "The output of a program.", Arguments: []schema.Attribute{
			{Name: "argv", Type: schema.Strings, Required: true, Static: true, Doc: "The program and its arguments, as they are."},
			{Name: "timeout", Type: schema.Duration, Static: true, Doc: "How long it may take. Default 10s."},
			{Name: "vault_password", Type: schema.Any, Static: true, Secret: true, Doc: "As for ansible."},
		}},
		"terraform": {Name: "terraform", Doc: "Resources of a Terraform or OpenTofu state file.", Arguments: []schema.Attribute{
			path("The state file, version 4."),
			resource("when", schema.Bool, "Whether a resource is a host. Default: all that Terraform manages are."),
			resource("name", schema.String, "The host's name. Default: the resource's address."),
			resource("address", schema.String, "The host's address. Default: its name, if that can be one."),
			resource("groups", schema.Strings, "The groups that it is in."),
			resource("vars", schema.Any, "Its variables, an object."),
		}},
	}
}

// OfResource says whether an argument is evaluated for each resource.
func (i *Inventory) OfResource(name string) bool { return i.Type == "terraform" && name != "path" }

// inventorySchema is what an inventory of a type may hold.
func inventorySchema(own schema.Block) syntax.Schema {
	return syntax.Schema{
		What:      "an inventory of type " + diag.Quote(own.Name),
		Arguments: append(argumentNames(own), "chain"),
		Blocks:    []syntax.BlockSchema{hopSchema()},
	}
}

func (d *declarer) inventory(b *syntax.Block) {
	kind := b.Labels[0]
	types := Inventories()
	own, ok := types[kind.Text]
	if !ok {
		d.diags = append(d.diags, diag.Errorf(diag.UnknownInventory, kind.Range, "Unknown type of inventory",
			"There is no inventory of type %s.%s", diag.Quote(kind.Text), suggest(kind.Text, slices.Sorted(maps.Keys(types)), "The types")))
		return
	}
	n, ok := d.named(b, 1, "inventory "+diag.Quote(kind.Text))
	if !ok {
		return
	}
	content := d.content(b.Body, inventorySchema(own))
	out := &Inventory{Named: n, Type: kind.Text, Args: map[string]*Expr{}, Chain: d.get(content, "chain"), Hops: d.hops(content)}
	for _, a := range own.Arguments {
		if content.Lacks(a.Name) && a.Required {
			d.diags = append(d.diags, Missing(a.Name, "an inventory of type "+diag.Quote(kind.Text), b.Range))
		}
		if e := d.get(content, a.Name); e != nil {
			out.Args[a.Name] = e
		}
	}
	d.config.Inventories = append(d.config.Inventories, out)
}

func (a *analysis) analyzeInventory(i *Inventory, g graph) {
	self := node{refs.Host, i.Full()}
	for _, name := range slices.Sorted(maps.Keys(i.Args)) {
		place := a.staticPlace(diag.Quote(name) + " of an inventory")
		if i.OfResource(name) {
			place.Roots |= refs.Resource
		}
		a.look(i.Args[name], place)
		g.add(self, i.Args[name])
	}
	if i.Chain != nil {
		a.look(i.Chain, a.staticPlace(`"chain" of an inventory`))
		g.add(self, i.Chain)
	}
	a.analyzeHops(i.Hops, refs.Self)
	g.addHops(self, i.Hops)
}

// Exprs are all expressions of the block that are evaluated once or for each host.
func (i *Inventory) Exprs() []*Expr {
	out := slices.Collect(maps.Values(i.Args))
	if i.Chain != nil {
		out = append(out, i.Chain)
	}
	for _, hop := range i.Hops {
		out = slices.AppendSeq(out, maps.Values(hop.Args))
	}
	return out
}

// At is where an argument stands; the block where it is not given.
func (i *Inventory) At(argument string) hcl.Range {
	if e := i.Args[argument]; e != nil {
		return e.At()
	}
	return i.Block
}
