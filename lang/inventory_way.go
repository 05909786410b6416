package lang

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"runner/lang/config"
	"runner/lang/diag"
	"runner/lang/inventory"
	"runner/lang/value"
)

// inventoryWay joins the hops of an inventory block with what the source says of a host. What the block gives stays; the
// source fills what is left open, and adds the hops that are not there.
type inventoryWay struct {
	*loader
	block *config.Inventory
	host  *Host
	hops  []*Hop
}

// join reports false after an error.
func (w *inventoryWay) join(c inventory.Connection) bool {
	ok := true
	switch c.Hop.Transport {
	case "ssh":
		ok = w.ssh(c)
	case "local":
		if len(w.hops) == 0 {
			ok = w.insert(0, c.Hop)
		}
	default:
		if c.Hop.Transport != "" && w.last(c.Hop.Transport) < 0 {
			ok = w.insert(len(w.hops), c.Hop)
		}
	}
	if !ok || c.Become == nil {
		return ok
	}
	if i := w.last(c.Become.Transport); i >= 0 {
		return w.fill(i, c.Become.Options)
	}
	return w.insert(len(w.hops), *c.Become)
}

// ssh is for the last ssh hop without an address. If there is none, one is put behind the ssh hops, unless the block
// leads on by something else: then it says the whole way.
func (w *inventoryWay) ssh(c inventory.Connection) bool {
	at := -1
	for i, hop := range slices.Backward(w.hops) {
		if hop.Transport == "ssh" && hop.Options["address"] == nil {
			at = i
			break
		}
	}
	switch {
	case at >= 0:
		if !w.fill(at, c.Hop.Options) {
			return false
		}
	case slices.ContainsFunc(w.hops, func(h *Hop) bool { return h.Transport != "ssh" && h.Transport != "sudo" }):
		return true
	default:
		at = w.last("ssh") + 1
		if !w.insert(at, c.Hop) {
			return false
		}
	}
	for i, jump := range c.Jumps {
		if !w.insert(at+i, jump) {
			return false
		}
	}
	return true
}

// last is the index of the last hop of a transport, -1 if there is none.
func (w *inventoryWay) last(transport string) int {
	for i, hop := range slices.Backward(w.hops) {
		if hop.Transport == transport {
			return i
		}
	}
	return -1
}

// insert puts a hop of the source's before the one at an index.
func (w *inventoryWay) insert(at int, h inventory.Hop) bool {
	w.hops = slices.Insert(w.hops, at, &Hop{Transport: h.Transport, Options: map[string]any{}, Range: w.host.Range})
	return w.fill(at, h.Options)
}

// fill gives a hop the options that it does not have.
func (w *inventoryWay) fill(at int, options map[string]any) bool {
	hop := *w.hops[at]
	hop.Options, hop.Secrets = maps.Clone(hop.Options), slices.Clone(hop.Secrets)
	transport := w.opts.Catalog.Transports[hop.Transport]
	of := "the hop " + diag.Quote(hop.Transport)
	for _, a := range transport.Arguments {
		given, ok := options[a.Name]
		if !ok || hop.Options[a.Name] != nil {
			continue
		}
		v := valueOf(given)
		arg, diags := value.Take(a, v, &hclsyntax.LiteralValueExpr{Val: v, SrcRange: w.host.Range}, of)
		w.failAll(diags)
		if diags.HasErrors() {
			return false
		}
		hop.Options[a.Name] = value.Floats(arg.Plain)
		if arg.Sensitive {
			hop.Secrets = append(hop.Secrets, a.Name)
		}
	}
	if diags := checkBlock(transport, hop.Options, hop.Secrets, nil, w.host.Range); diags.HasErrors() {
		w.failAll(diags)
		return false
	}
	w.hops[at] = &hop
	return true
}
