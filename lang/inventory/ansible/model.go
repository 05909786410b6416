// Package ansible reads inventories as Ansible does: files in INI and YAML, directories of them with group_vars and
// host_vars, and the JSON that dynamic inventories print. Tests hold it against ansible-inventory. What it leaves out it
// says: plugins, scripts and TOML. It decrypts with package vault, and turns the variables that Ansible connects by into
// hops; it evaluates no Jinja and knows neither sites nor transports.
package ansible

import (
	"strings"

	"github.com/hashicorp/hcl/v2"

	"runner/lang/diag"
	"runner/lang/inventory"
)

// The groups that always exist.
const (
	all       = "all"
	ungrouped = "ungrouped"
)

// priorityVar is the variable of a group that Ansible takes for its own.
const priorityVar = "ansible_group_priority"

// variable is a value and, if it may say how to connect, its place.
type variable struct {
	value any
	at    inventory.Place
}

// secret says whether the value is never shown.
func (v variable) secret() bool {
	_, secret := v.value.(inventory.Secret)
	return secret
}

// quote quotes text that the value holds.
func (v variable) quote(text string) string {
	if v.secret() {
		return "(sensitive)"
	}
	return diag.Quote(text)
}

type group struct {
	name     string
	vars     map[string]variable
	hosts    map[string]bool // its own
	children []edge
	parents  []*group
	depth    int // of the longest way from all
	priority int64
	state    int8 // while depths are computed
}

// edge is one group in another.
type edge struct {
	child *group
	at    inventory.Place
}

type host struct {
	name   string
	vars   map[string]variable
	groups []*group // those that name it
	at     inventory.Place
}

// model is what the files of an inventory have said so far.
type model struct {
	groups    map[string]*group
	order     []*group
	hosts     map[string]*host
	hostOrder []*host
	edges     map[[2]string]bool
	values    int // set so far
}

func newModel() *model {
	m := &model{groups: map[string]*group{}, hosts: map[string]*host{}, edges: map[[2]string]bool{}}
	root, rest := m.newGroup(all), m.newGroup(ungrouped)
	m.edges[[2]string{all, ungrouped}] = true
	root.children = append(root.children, edge{child: rest})
	rest.parents = append(rest.parents, root)
	return m
}

func (m *model) newGroup(name string) *group {
	g := &group{name: name, priority: 1}
	m.groups[name] = g
	m.order = append(m.order, g)
	return g
}

// addGroup returns the group of a name.
func (m *model) addGroup(name string, at inventory.Place) (*group, *hcl.Diagnostic) {
	if g := m.groups[name]; g != nil {
		return g, nil
	}
	switch {
	case name == "":
		return nil, at.Errorf(diag.Inventory, "Invalid inventory", "The name of a group cannot be empty.")
	case len(m.order) >= inventory.MaxGroups:
		return nil, at.Errorf(diag.TooLarge, "Inventory too large", "The inventory has more than %d groups.", inventory.MaxGroups)
	}
	return m.newGroup(name), nil
}

// addChild puts a group into another.
func (m *model) addChild(parent, child *group, at inventory.Place) *hcl.Diagnostic {
	if parent == child {
		return at.Errorf(diag.Cycle, "Group in itself", "The group %s cannot be a child of its own.", diag.Quote(child.name))
	}
	key := [2]string{parent.name, child.name}
	if m.edges[key] {
		return nil
	}
	if len(m.edges) >= inventory.MaxValues {
		return at.Errorf(diag.TooLarge, "Inventory too large", "The groups of the inventory have more than %d children.", inventory.MaxValues)
	}
	m.edges[key] = true
	parent.children = append(parent.children, edge{child, at})
	child.parents = append(child.parents, parent)
	return nil
}

// addHost names a host in a group. A port is for a host that was not named before.
func (m *model) addHost(name string, g *group, port int64, at inventory.Place) *hcl.Diagnostic {
	h := m.hosts[name]
	if h == nil {
		switch {
		case name == "":
			return at.Errorf(diag.Inventory, "Invalid inventory", "The name of a host cannot be empty.")
		case len(m.hostOrder) >= inventory.MaxHosts:
			return at.Errorf(diag.TooLarge, "Inventory too large", "The inventory has more than %d hosts.", inventory.MaxHosts)
		}
		h = &host{name: name, at: at}
		m.hosts[name] = h
		m.hostOrder = append(m.hostOrder, h)
		if port > 0 {
			h.vars = map[string]variable{"ansible_port": {port, at}}
		}
	}
	if g.hosts[name] {
		return nil
	}
	if g.hosts == nil {
		g.hosts = map[string]bool{}
	}
	g.hosts[name] = true
	h.groups = append(h.groups, g)
	return nil
}

// setHostVar sets a variable of a host. As in Ansible a group of the same name gets it instead.
func (m *model) setHostVar(name, key string, value any, at inventory.Place) *hcl.Diagnostic {
	if g := m.groups[name]; g != nil {
		return m.setGroupVar(g, key, value, at)
	}
	h := m.hosts[name]
	return m.set(&h.vars, key, value, at)
}

func (m *model) setGroupVar(g *group, key string, value any, at inventory.Place) *hcl.Diagnostic {
	if key != priorityVar {
		return m.set(&g.vars, key, value, at)
	}
	n, ok := wholeNumber(value)
	if !ok {
		return at.Errorf(diag.InvalidValue, "Invalid value", "%s takes a whole number.", priorityVar)
	}
	g.priority = n
	return nil
}

func (m *model) set(vars *map[string]variable, key string, value any, at inventory.Place) *hcl.Diagnostic {
	if m.values++; m.values > inventory.MaxValues {
		return at.Errorf(diag.TooLarge, "Inventory too large", "The inventory sets more than %d variables.", inventory.MaxValues)
	}
	if *vars == nil {
		*vars = map[string]variable{}
	}
	(*vars)[key] = newVariable(key, value, at)
	return nil
}

// newVariable keeps the places of what may say how to connect, and marks what is a password.
func newVariable(key string, value any, at inventory.Place) variable {
	if !strings.HasPrefix(key, "ansible_") {
		return variable{value: value}
	}
	if secretVariables()[key] && value != nil {
		if _, ok := value.(inventory.Secret); !ok {
			value = inventory.Secret{Value: value}
		}
	}
	return variable{value, at}
}
