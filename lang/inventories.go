package lang

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"runner/agent/schema"
	"runner/lang/config"
	"runner/lang/diag"
	"runner/lang/inventory"
	"runner/lang/inventory/ansible"
	"runner/lang/inventory/program"
	"runner/lang/inventory/sshconfig"
	"runner/lang/inventory/vault"
	"runner/lang/refs"
	"runner/lang/source"
	"runner/lang/value"
)

// inventoryGroup makes hosts of what an inventory's source says; nil after an error.
func (l *loader) inventoryGroup(b *config.Inventory) *hostGroup {
	for _, e := range b.Exprs() { // so that errors in what it refers to are not taken for its own
		if e.Sound() && e.Uses.Roots&refs.Resource == 0 {
			l.contextOf(e, nil)
		}
	}
	source, ok := l.readInventory(b)
	if !ok {
		return nil
	}
	g := &hostGroup{shape: refs.Map, groups: source.Groups, isInventory: true}
	c := converter{seen: map[uintptr]converted{}}
	for _, from := range source.Hosts {
		before := len(l.diags)
		h, ok := l.inventoryHost(b, source, from, &c)
		if !ok {
			l.blame(from.Name, before)
			return nil
		}
		g.hosts = append(g.hosts, h)
		g.keys = append(g.keys, h.Name)
	}
	g.value = g.collect(func(h *Host) cty.Value { return h.parts.object() })
	return g
}

func (l *loader) inventoryHost(b *config.Inventory, source *inventorySource, from *inventory.Host, c *converter) (*Host, bool) {
	h := &Host{Name: cty.NormalizeString(from.Name), Address: from.Connection.Address, Labels: map[string]string{}, Range: from.Range}
	if h.Range == (hcl.Range{}) {
		h.Range = b.Block
	}
	var vars converted
	fresh := true
	if v, ok := source.vars[from.Name]; ok {
		vars = converted{value: v, shown: value.Shown(v)}
	} else {
		vars, fresh = c.object(from.Vars)
	}
	if fresh && !l.holdInventory(vars.value, b.Block) {
		return nil, false
	}
	l.scope.run.Hide(vars.value)
	h.Vars = vars.shown
	address := cty.NullVal(cty.String)
	if h.Address != "" {
		address = cty.StringVal(h.Address)
	}
	h.parts = newParts(h, address, cty.MapValEmpty(cty.String), vars.value)
	if len(from.Groups) > 0 {
		groups := make([]cty.Value, len(from.Groups))
		for i, name := range from.Groups {
			groups[i] = cty.StringVal(name)
		}
		h.parts["groups"] = cty.ListVal(groups)
	}
	blocks, ok := l.chainOf(b.Chain, nil)
	if !ok {
		return nil, false
	}
	hops, ok := l.hopsOf(slices.Concat(blocks, b.Hops), map[string]cty.Value{"self": h.parts.object()})
	if !ok {
		return nil, false
	}
	w := inventoryWay{loader: l, block: b, host: h, hops: hops}
	if !w.join(from.Connection) || !l.address(h, w.hops, nil, h.Range) || !l.atMostHops(len(w.hops), b.Block, "A host") {
		return nil, false
	}
	h.Hops = w.hops
	if len(h.Hops) == 0 {
		l.fail(diag.Errorf(diag.NoHop, b.Block, "Host without a hop",
			"There is no way to reach the host %s: its inventory needs chain or a hop block, such as hop \"ssh\" {}.", diag.Quote(h.Name)))
		return nil, false
	}
	return h, true
}

// inventorySource is what a source says.
type inventorySource struct {
	*inventory.Inventory
	vars map[string]cty.Value // of hosts whose variables are no plain values
}

// readInventory reads what an inventory names.
func (l *loader) readInventory(b *config.Inventory) (*inventorySource, bool) {
	args, ok := l.inventoryArguments(b)
	if !ok {
		return nil, false
	}
	var out *inventory.Inventory
	var diags hcl.Diagnostics
	var at hcl.Range // of what the source is named by
	switch b.Type {
	case "ansible":
		at = b.At("path")
		out, diags = ansible.Read(l.inventoryPath(args), l.ansibleOptions(args))
	case "ssh_config":
		at = b.At("path")
		path := l.inventoryPath(args)
		out, diags = sshconfig.Read(l.opts.Files, path, l.opts.absolute(path), l.home())
	case "exec":
		at = b.At("argv")
		out, diags = l.runInventory(args)
	case "terraform":
		return l.readState(b, l.inventoryPath(args))
	}
	return &inventorySource{Inventory: out}, l.failAbout(diags, at) && out != nil
}

// failAbout reports what a reader says. What is about no line of a source is about where the site names it. It reports
// false after an error.
func (l *loader) failAbout(diags hcl.Diagnostics, at hcl.Range) bool {
	for _, d := range diags {
		if d.Subject == nil {
			d.Subject = &at
		}
		l.fail(d)
	}
	return !diags.HasErrors()
}

// inventoryArguments evaluates the arguments that are the same for the whole inventory. Values are plain.
func (l *loader) inventoryArguments(b *config.Inventory) (map[string]any, bool) {
	out, all := map[string]any{}, true
	of := "an inventory of type " + diag.Quote(b.Type)
	for _, a := range config.Inventories()[b.Type].Arguments {
		e := b.Args[a.Name]
		switch {
		case e == nil && a.Required:
			all = false // it was reported
			continue
		case e == nil || b.OfResource(a.Name):
			continue
		}
		v, ok := l.staticKnown(e, nil)
		if !ok {
			all = false
			continue
		}
		arg, diags := value.Take(a, v, e.Expression, of)
		l.failAll(diags)
		if !diags.HasErrors() {
			diags = l.checkInventoryArgument(a, arg, e, of)
			l.failAll(diags)
		}
		all = all && !diags.HasErrors()
		out[a.Name] = arg.Plain
	}
	return out, all
}

func (l *loader) checkInventoryArgument(a schema.Attribute, arg value.Argument, e *config.Expr, of string) hcl.Diagnostics {
	wrong := func(code diag.Code, summary, format string, args ...any) hcl.Diagnostics {
		return hcl.Diagnostics{diag.Errorf(code, e.At(), summary, format, args...)}
	}
	switch v := arg.Plain.(type) {
	case nil:
		if a.Required {
			return hcl.Diagnostics{config.Missing(a.Name, of, e.At())}
		}
		return nil
	case string:
		if a.Name == "path" && (v == "" || strings.ContainsRune(v, 0)) {
			return wrong(diag.InvalidValue, "Invalid value", "A path cannot be empty or hold a NUL character.")
		}
	case []any:
		if a.Name == "argv" && (len(v) == 0 || v[0] == "") {
			return wrong(diag.InvalidValue, "Invalid value", "argv begins with the name of a program.")
		}
	}
	if a.Name == "path" && arg.Sensitive || a.Name == "argv" && arg.Sensitive {
		return hcl.Diagnostics{sensitiveError(e.At(), fmt.Sprintf("%q of an inventory", a.Name), "it is shown in errors")}
	}
	if a.Name != "vault_password" {
		return nil
	}
	if _, ok := passwords(arg.Plain); !ok {
		return wrong(diag.WrongType, "Wrong type of value", "%q takes text, or a map of text by vault id.", a.Name)
	}
	return nil
}

// passwords are those of vaults by id.
func passwords(v any) (map[string]string, bool) {
	switch v := v.(type) {
	case nil:
		return nil, true
	case string:
		return map[string]string{vault.DefaultID: v}, true
	case map[string]any:
		out := map[string]string{}
		for id, password := range v {
			text, ok := password.(string)
			if !ok && password != nil {
				return nil, false
			}
			if ok {
				out[id] = text
			}
		}
		return out, true
	}
	return nil, false
}

func (l *loader) ansibleOptions(args map[string]any) ansible.Options {
	given, _ := passwords(args["vault_password"])
	return ansible.Options{Files: l.opts.Files, Passwords: given, Transports: slices.Collect(maps.Keys(l.opts.Catalog.Transports))}
}

func (l *loader) home() string {
	home := ""
	for _, entry := range l.opts.Environ {
		if value, ok := strings.CutPrefix(entry, "HOME="); ok {
			home = value
		}
	}
	return home
}

// inventoryPath is the path of a source: relative ones start at the site's directory, ~ is the home directory.
func (l *loader) inventoryPath(args map[string]any) string {
	path, _ := args["path"].(string)
	if rest, ok := strings.CutPrefix(path, "~/"); ok && l.home() != "" {
		return filepath.Join(l.home(), rest)
	}
	return source.Within(l.dir, path)
}

func (l *loader) runInventory(args map[string]any) (*inventory.Inventory, hcl.Diagnostics) {
	var argv []string
	list, _ := args["argv"].([]any)
	for _, v := range list {
		text, _ := v.(string)
		argv = append(argv, text)
	}
	timeout := program.DefaultTimeout
	if text, ok := args["timeout"].(string); ok {
		timeout, _ = time.ParseDuration(text) // it was checked
	}
	file, d := l.runProgram(argv, timeout)
	if d != nil {
		return nil, hcl.Diagnostics{d}
	}
	return ansible.Dynamic(file, l.ansibleOptions(args))
}

// inventory makes the value of an inventory out of those of its hosts.
func (g *hostGroup) inventory(of func(*Host) cty.Value) cty.Value {
	hosts := make(map[string]cty.Value, len(g.hosts))
	for _, h := range g.hosts {
		hosts[h.Name] = of(h)
	}
	groups := make(map[string]cty.Value, len(g.groups))
	for _, group := range g.groups {
		members := make(map[string]cty.Value, len(group.Hosts))
		for _, name := range group.Hosts {
			name = cty.NormalizeString(name)
			members[name] = hosts[name]
		}
		groups[group.Name] = cty.ObjectVal(members)
	}
	return cty.ObjectVal(map[string]cty.Value{"hosts": cty.ObjectVal(hosts), "groups": cty.ObjectVal(groups)})
}

// inventoryHosts adds the hosts of all inventories to the site. Names are those of the sources, so two may be the same.
func (l *loader) inventoryHosts() {
	if len(l.config.Inventories) == 0 {
		return
	}
	first := make(map[string]*Host, len(l.site.Hosts))
	for _, h := range l.site.Hosts {
		first[h.Name] = h
	}
	for _, b := range l.config.Inventories {
		g := l.group(b.Full())
		if g == nil {
			continue
		}
		for _, h := range g.hosts {
			if other := first[h.Name]; other != nil {
				l.fail(diag.At(hcl.Diagnostics{diag.Errorf(diag.DuplicateName, b.Block, "Two hosts of one name",
					"This inventory has a host %s, at %s line %d, and so has the site at %s line %d. Hosts of inventories keep their names, so one of them needs another.",
					diag.Quote(h.Name), h.Range.Filename, h.Range.Start.Line, other.Range.Filename, other.Range.Start.Line)}, h.Name, "")[0])
				break
			}
			first[h.Name] = h
		}
		l.site.Hosts = append(l.site.Hosts, g.hosts...)
	}
}

// inventoryLocalhost reports an inventory with a host that is called as host.localhost is, where both are used.
func (l *loader) inventoryLocalhost() {
	for _, b := range l.config.Inventories {
		g := l.scope.groups[b.Full()]
		if g == nil || !slices.ContainsFunc(g.hosts, func(h *Host) bool { return h.Name == config.Localhost }) {
			continue
		}
		l.fail(diag.Errorf(diag.DuplicateName, b.Block, "Two hosts of one name",
			"This inventory has a host localhost, and the site uses host.localhost as well. Use only the inventory's: inventory.%s.%s.hosts.localhost.", b.Type, b.Name))
	}
}

// inGroup says whether a host of an inventory is in one of its groups.
func (g *hostGroup) inGroup(h *Host, name string) bool {
	return slices.ContainsFunc(g.groups, func(group inventory.Group) bool { return group.Name == name && slices.Contains(group.Hosts, h.Name) })
}
