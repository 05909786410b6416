package lang

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"runner/agent/schema"
	"runner/lang/config"
	"runner/lang/diag"
	"runner/lang/refs"
	"runner/lang/value"
)

// maxHops bounds the hops of a host, a chain or a task: more than any way has, and little enough that ways which go on
// from each other, each with a copy of what comes before, take no memory to speak of.
const maxHops = 100

// atMostHops reports more hops than anything can have. What comes after is not looked at: nothing is said twice.
func (l *loader) atMostHops(n int, at hcl.Range, of string) bool {
	if n <= maxHops {
		return true
	}
	l.fail(diag.Errorf(diag.TooDeep, at, "Too many hops", "%s can have at most %d hops, those that it goes on from included.", of, maxHops))
	return false
}

// buildChain gives a host its hops: those of via, of its chain, and its own.
func (l *loader) buildChain(b *config.Host, h *Host, own map[string]cty.Value) bool {
	each := maps.Clone(own)
	delete(each, "self")
	through, ok1 := l.via(b.Via, each)
	blocks, ok2 := l.chainOf(b.Chain, each)
	if !ok1 || !ok2 {
		return false
	}
	hops, ok := l.hopsOf(slices.Concat(blocks, b.Hops), own)
	if !ok {
		return false
	}
	if !l.address(h, hops, b.Address, b.Block) {
		return false
	}
	if !l.atMostHops(len(through)+len(hops), b.Block, "A host") {
		return false
	}
	h.Hops = slices.Concat(through, hops)
	if len(h.Hops) == 0 {
		l.fail(diag.Errorf(diag.NoHop, b.Block, "Host without a hop",
			"There is no way to reach the host %s: it needs via, chain or a hop block, such as hop \"ssh\" {}.", h.Name))
		return false
	}
	return true
}

// via returns the hops of the host that lies before.
func (l *loader) via(e *config.Expr, own map[string]cty.Value) ([]*Hop, bool) {
	if e == nil {
		return nil, true
	}
	v, ok := l.staticKnown(e, own)
	if !ok {
		return nil, false
	}
	if v.IsNull() {
		return nil, true
	}
	h := hostOf(v)
	if h == nil {
		hint := ""
		if hosts, _ := hostsOf(v); len(hosts) > 0 {
			hint = " Say which of them, as in host.NAME[\"KEY\"]."
		}
		if hint == "" {
			hint = l.quoted("host", v)
		}
		l.fail(diag.Errorf(diag.WrongType, e.At(), "Wrong type of value", `"via" takes a host, but this is %s.%s`, value.Word(v), hint))
		return nil, false
	}
	return h.Hops, true
}

// quoted suggests the reference where the name of a host or chain stands as text.
func (l *loader) quoted(kind string, v cty.Value) string {
	v, sensitive := value.Bare(v)
	if sensitive || !v.IsKnown() || v.IsNull() || v.Type() != cty.String {
		return ""
	}
	name := v.AsString()
	_, isHost := l.blocks[name]
	_, isChain := l.scope.chains[name]
	if kind == "host" && (isHost || name == "localhost") || kind == "chain" && isChain {
		return diag.Meant(kind + "." + name)
	}
	return ""
}

// chainOf returns the hops of a chain and of those that it extends.
func (l *loader) chainOf(e *config.Expr, own map[string]cty.Value) ([]*config.Hop, bool) {
	if e == nil {
		return nil, true
	}
	v, ok := l.staticKnown(e, own)
	if !ok {
		return nil, false
	}
	if v.IsNull() {
		return nil, true
	}
	chain, ok := value.Is(v).(*config.Chain)
	if !ok {
		l.fail(diag.Errorf(diag.WrongType, e.At(), "Wrong type of value", "%q takes a chain, such as chain.NAME, but this is %s.%s", e.Arg.Name, value.Word(v), l.quoted("chain", v)))
		return nil, false
	}
	return l.hopsOfChain(chain)
}

// hopsOfChain puts the hops of the chain that a chain extends before its own, once.
func (l *loader) hopsOfChain(chain *config.Chain) ([]*config.Hop, bool) {
	c, ok := l.chains[chain]
	if !ok {
		c = &chainHops{}
		if !l.bad[refs.Ref{Root: refs.Chain, Name: chain.Name}] {
			before, ok := l.chainOf(chain.Extends, nil)
			c.ok = ok && l.atMostHops(len(before)+len(chain.Hops), chain.Block, "A chain")
			if c.ok {
				c.hops = slices.Concat(before, chain.Hops)
			}
		}
		l.chains[chain] = c
	}
	return c.hops, c.ok
}

// chainHops are all hops of a chain, unless it has errors.
type chainHops struct {
	hops []*config.Hop
	ok   bool
}

// address gives the host's own to the last ssh hop that has none.
func (l *loader) address(h *Host, hops []*Hop, written *config.Expr, block hcl.Range) bool {
	given := h.Address == ""
	for i, hop := range slices.Backward(hops) {
		if hop.Transport != "ssh" || hop.Options["address"] != nil {
			continue
		}
		if given {
			at, why := block, "It needs one of its own, or its host needs the argument address."
			if hop.Range != (hcl.Range{}) {
				at = hop.Range
			}
			if h.Address != "" {
				why = "The host's own address is for the last ssh hop; this one needs the argument address."
			}
			l.fail(diag.Errorf(diag.NoAddress, at, "No address for ssh", "On the way to the host %s this ssh hop has no address. %s", h.Name, why))
			return false
		}
		given = true
		own := map[string]any{"address": h.Address}
		if diags := checkBlock(l.opts.Catalog.Transports[hop.Transport], own, nil, map[string]*config.Expr{"address": written}, block); diags.HasErrors() {
			l.failAll(diags)
			return false
		}
		hops[i] = &Hop{Transport: hop.Transport, Options: maps.Clone(hop.Options), Secrets: hop.Secrets, Range: hop.Range}
		hops[i].Options["address"] = h.Address
	}
	return true
}

// hopsOf evaluates hops. Those that are the same for everyone are one object.
func (l *loader) hopsOf(blocks []*config.Hop, own map[string]cty.Value) ([]*Hop, bool) {
	out := make([]*Hop, 0, len(blocks))
	all := true
	for _, b := range blocks {
		hop, done := l.shared[b]
		if !done {
			hop = l.hop(b, own)
			if b.Constant() {
				l.shared[b] = hop
			}
		}
		if hop == nil {
			all = false
			continue
		}
		out = append(out, hop)
	}
	return out, all
}

// hop evaluates a hop; nil after an error.
func (l *loader) hop(b *config.Hop, own map[string]cty.Value) *Hop {
	if b.Args == nil {
		return nil
	}
	transport := l.opts.Catalog.Transports[b.Transport]
	of := "the hop " + diag.Quote(b.Transport)
	hop := &Hop{Transport: b.Transport, Options: map[string]any{}, Range: b.Block}
	all := true
	for _, a := range transport.Arguments {
		e := b.Args[a.Name]
		if e == nil {
			if a.Required && b.Lacks(a.Name) {
				l.fail(config.Missing(a.Name, of, b.Block))
			}
			all = all && !a.Required
			continue
		}
		if !l.option(hop, a, e, own, of) {
			all = false
		}
	}
	diags := checkBlock(transport, hop.Options, hop.Secrets, b.Args, b.Block)
	l.failAll(diags)
	if !all || diags.HasErrors() {
		return nil
	}
	return hop
}

// option evaluates one argument of a hop.
func (l *loader) option(hop *Hop, a schema.Attribute, e *config.Expr, own map[string]cty.Value, of string) bool {
	v, ok := l.static(e, own)
	if !ok {
		return false
	}
	arg, diags := value.Take(a, v, e.Expression, of)
	l.failAll(diags)
	switch {
	case diags.HasErrors():
		return false
	case !arg.Known && !unknownSelf(own):
		l.fail(diag.Errorf(diag.NotStatic, e.At(), "Not known before the run", "An argument of a hop must be known before anything connects."))
		return false
	case arg.Plain == nil:
		if a.Required && arg.Known {
			l.fail(config.Missing(a.Name, of, e.At()))
			return false
		}
		return true
	case arg.Sensitive && e.Arg.Name == "run_as":
		l.fail(sensitiveError(e.At(), `"run_as"`, "it names the target, which is shown"))
		return false
	case arg.Sensitive && a.Name == "address":
		l.fail(sensitiveError(e.At(), "An address", "it is shown wherever the host is"))
		return false
	}
	hop.Options[a.Name] = value.Floats(arg.Plain)
	if arg.Sensitive {
		hop.Secrets = append(hop.Secrets, a.Name)
	}
	return true
}

// unknownSelf says whether an expression was evaluated for no host in particular.
func unknownSelf(own map[string]cty.Value) bool {
	self, ok := own["self"]
	return ok && !self.GetAttr("name").IsKnown()
}

// anyHost stands for a host where there is none: only types are known of it.
func anyHost() hostParts {
	return hostParts{
		"name":    cty.UnknownVal(cty.String).RefineNotNull(),
		"address": cty.UnknownVal(cty.String),
		"labels":  cty.UnknownVal(cty.Map(cty.String)).RefineNotNull(),
		"vars":    cty.DynamicVal,
		"groups":  cty.UnknownVal(cty.List(cty.String)).RefineNotNull(),
		"facts":   cty.DynamicVal,
	}
}

// checkChains looks at the chains that no host uses.
func (l *loader) checkChains() {
	own := map[string]cty.Value{"self": anyHost().object()}
	for _, c := range l.config.Chains {
		if l.bad[refs.Ref{Root: refs.Chain, Name: c.Name}] {
			continue
		}
		l.hopsOfChain(c)
		l.hopsOf(c.Hops, own)
	}
}
