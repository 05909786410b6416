package lang

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"runner/agent/schema"
	"runner/lang/config"
	"runner/lang/diag"
	"runner/lang/inventory"
	"runner/lang/inventory/tfstate"
	"runner/lang/value"
)

// readState makes hosts of the resources of a state that the block's expressions choose.
func (l *loader) readState(b *config.Inventory, path string) (*inventorySource, bool) {
	resources, diags := tfstate.Read(l.opts.Files, path)
	if !l.failAbout(diags, b.At("path")) {
		return nil, false
	}
	out := &inventorySource{Inventory: &inventory.Inventory{}, vars: map[string]cty.Value{}}
	members := map[string][]string{}
	names := map[string]string{}
	for _, r := range resources {
		s := stateHost{loader: l, block: b, resource: r, own: map[string]cty.Value{"resource": resourceValue(r)}}
		before := len(l.diags)
		h, vars, ok := s.host()
		if ok && h != nil && names[h.Name] != "" {
			l.fail(diag.Errorf(diag.DuplicateName, b.At("name"), "Two hosts of one name", "The resources %s and %s would both be the host %s.", names[h.Name], r.Address, diag.Quote(h.Name)))
			ok = false
		}
		if !ok {
			l.blame(r.Address, before)
			return nil, false
		}
		if h == nil {
			continue
		}
		names[h.Name] = r.Address
		out.vars[h.Name] = vars
		out.Hosts = append(out.Hosts, h)
		for _, g := range h.Groups {
			members[g] = append(members[g], h.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		out.Groups = append(out.Groups, inventory.Group{Name: name, Hosts: members[name]})
	}
	return out, true
}

func resourceValue(r tfstate.Resource) cty.Value {
	return cty.ObjectVal(map[string]cty.Value{
		"address": cty.StringVal(r.Address), "mode": cty.StringVal(r.Mode), "type": cty.StringVal(r.Type), "name": cty.StringVal(r.Name),
		"module": cty.StringVal(r.Module), "key": valueOf(r.Key), "values": valueOf(r.Values),
	})
}

// stateHost makes a host of one resource.
type stateHost struct {
	*loader
	block    *config.Inventory
	resource tfstate.Resource
	own      map[string]cty.Value
}

// host returns nil for a resource that is none.
func (s *stateHost) host() (*inventory.Host, cty.Value, bool) {
	is, ok := s.condition()
	if !ok || !is {
		return nil, cty.NilVal, ok
	}
	name, ok1 := s.text("name", s.resource.Address)
	if !ok1 {
		return nil, cty.NilVal, false
	}
	otherwise := name
	if strings.Contains(name, "[") { // of an element of count or for_each: no address looks like that
		otherwise = ""
	}
	address, ok2 := s.text("address", otherwise)
	groups, ok3 := s.groups()
	vars, ok4 := s.varsOf(s.block.Args["vars"], s.own)
	if !ok2 || !ok3 || !ok4 {
		return nil, cty.NilVal, false
	}
	return &inventory.Host{
		Name: name, Groups: groups,
		Connection: inventory.Connection{Address: address, Hop: inventory.Hop{Transport: "ssh", Options: map[string]any{}}},
	}, vars, true
}

// condition evaluates when.
func (s *stateHost) condition() (holds, ok bool) {
	e := s.block.Args["when"]
	if e == nil {
		return s.resource.Mode == "managed", true
	}
	v, ok := s.staticKnown(e, s.own)
	if !ok {
		return false, false
	}
	v, sensitive := value.Bare(v)
	if sensitive {
		s.fail(sensitiveError(e.At(), `"when" of an inventory`, "it decides which hosts there are"))
		return false, false
	}
	b, err := convert.Convert(v, cty.Bool)
	if err != nil || b.IsNull() {
		s.fail(diag.Errorf(diag.WrongType, e.At(), "Wrong type of value", `"when" takes true or false, but this is %s.`, value.Word(v)))
		return false, false
	}
	return b.True(), true
}

// text evaluates an argument that is shown; the default stands in where it is not given or null.
func (s *stateHost) text(name, otherwise string) (string, bool) {
	v, ok := s.shownText(s.block.Args[name], s.own)
	if !ok || v.IsNull() {
		return otherwise, ok
	}
	return v.AsString(), true
}

func (s *stateHost) groups() ([]string, bool) {
	e := s.block.Args["groups"]
	if e == nil {
		return nil, true
	}
	v, ok := s.staticKnown(e, s.own)
	if !ok {
		return nil, false
	}
	arg, diags := value.Take(schema.Attribute{Name: "groups", Type: schema.Strings}, v, e.Expression, "an inventory")
	s.failAll(diags)
	if diags.HasErrors() {
		return nil, false
	}
	if arg.Sensitive {
		s.fail(sensitiveError(e.At(), "A group", "its name is shown"))
		return nil, false
	}
	list, _ := arg.Plain.([]any)
	set := map[string]bool{}
	for _, g := range list {
		set[fmt.Sprint(g)] = true
	}
	return slices.Sorted(maps.Keys(set)), true
}
