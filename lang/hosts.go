package lang

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"runner/lang/config"
	"runner/lang/diag"
	"runner/lang/inventory"
	"runner/lang/refs"
	"runner/lang/syntax"
	"runner/lang/value"
)

// hostGroup is what a host block stands for.
type hostGroup struct {
	shape refs.HostShape
	keys  []string  // of a map or list, in the order of the hosts
	hosts []*Host   // of a list in order
	value cty.Value // without facts
	// Of an inventory, which is an object of its hosts and of groups of them.
	isInventory bool
	groups      []inventory.Group
}

// hostParts are the values that a host object is made of.
type hostParts map[string]cty.Value

func (p hostParts) object() cty.Value { return cty.ObjectVal(p) }

// maxHosts bounds count: far more than anything connects to.
const maxHosts = 100_000

// buildHosts evaluates all host blocks, in source order; localhost comes last, if anything uses it.
func (l *loader) buildHosts() {
	for _, h := range l.config.Hosts {
		g := l.group(h.Name)
		if g == nil {
			if !l.diags.HasErrors() {
				l.fail(diag.Errorf(diag.Evaluate, h.Block, "Host without a value", "This host could not be evaluated. This is a bug in runner; please report the site."))
			}
			continue
		}
		l.site.Hosts = append(l.site.Hosts, g.hosts...)
	}
	l.inventoryHosts()
}

// group returns the hosts of a block, or nil if it has errors. Blocks are evaluated when the first one asks.
func (l *loader) group(name string) *hostGroup {
	if g, ok := l.scope.groups[name]; ok {
		return g
	}
	l.scope.groups[name] = nil // a circle was reported already
	if name == config.Localhost {
		l.scope.groups[name] = localhost()
		return l.scope.groups[name]
	}
	switch h, i := l.blocks[name], l.inventories[name]; {
	case l.bad[refs.Ref{Root: refs.Host, Name: name}]:
	case h != nil:
		l.scope.groups[name] = l.buildGroup(h)
	case i != nil:
		l.scope.groups[name] = l.inventoryGroup(i)
	}
	return l.scope.groups[name]
}

// localhost is the host that always exists.
func localhost() *hostGroup {
	h := &Host{Name: config.Localhost, Labels: map[string]string{}, Vars: map[string]any{}}
	h.Hops = []*Hop{{Transport: "local", Options: map[string]any{}}}
	h.parts = newParts(h, cty.NullVal(cty.String), cty.MapValEmpty(cty.String), cty.EmptyObjectVal)
	return &hostGroup{shape: refs.One, hosts: []*Host{h}, value: h.parts.object()}
}

func newParts(h *Host, address, labels, vars cty.Value) hostParts {
	return hostParts{
		"name":    cty.StringVal(h.Name),
		"address": address,
		"labels":  labels,
		"vars":    vars,
		"groups":  cty.ListValEmpty(cty.String),
		"facts":   value.Of(value.NoFactsType, h),
	}
}

// element is one host of a block.
type element struct {
	name string
	key  string
	own  func() map[string]cty.Value // each or count; there may be very many
}

func (l *loader) buildGroup(b *config.Host) *hostGroup {
	g := &hostGroup{shape: b.Shape()}
	elements, ok := l.elements(b)
	if !ok {
		return nil
	}
	l.settle(b)
	for _, e := range elements {
		before := len(l.diags)
		h, ok := l.buildHost(b, e)
		if !ok {
			l.blame(e.name, before)
			return nil
		}
		g.hosts = append(g.hosts, h)
		g.keys = append(g.keys, e.key)
	}
	g.value = g.collect(func(h *Host) cty.Value { return h.parts.object() })
	return g
}

// settle evaluates what a block refers to, so that errors there are not taken for those of its hosts.
func (l *loader) settle(b *config.Host) {
	exprs := []*config.Expr{b.Address, b.Labels, b.Vars, b.Via, b.Chain}
	for _, hop := range b.Hops {
		exprs = slices.AppendSeq(exprs, maps.Values(hop.Args))
	}
	for _, e := range exprs {
		if e.Sound() {
			l.contextOf(e, nil)
		}
	}
}

// blame names the host that the latest errors, from an index on, are about.
func (l *loader) blame(host string, from int) {
	copy(l.diags[from:], diag.At(l.diags[from:], host, ""))
}

// collect makes the value of the block out of those of its hosts.
func (g *hostGroup) collect(of func(*Host) cty.Value) cty.Value {
	if g.isInventory {
		return g.inventory(of)
	}
	switch g.shape {
	case refs.Map:
		attrs := make(map[string]cty.Value, len(g.hosts))
		for i, h := range g.hosts {
			attrs[g.keys[i]] = of(h)
		}
		return cty.ObjectVal(attrs)
	case refs.List:
		values := make([]cty.Value, len(g.hosts))
		for i, h := range g.hosts {
			values[i] = of(h)
		}
		return cty.TupleVal(values)
	default:
		return of(g.hosts[0])
	}
}

// elements says which hosts a block makes.
func (l *loader) elements(b *config.Host) ([]element, bool) {
	switch {
	case b.Shape() == refs.Broken:
		return nil, false
	case b.ForEach != nil:
		return l.forEachHost(b)
	case b.Count != nil:
		return l.countHosts(b)
	}
	return []element{{name: b.Name, own: func() map[string]cty.Value { return nil }}}, true
}

func (l *loader) forEachHost(b *config.Host) ([]element, bool) {
	v, ok := l.staticKnown(b.ForEach, nil)
	if !ok {
		return nil, false
	}
	at := b.ForEach.At()
	if v.ContainsMarked() {
		if unmarked, sensitive := v.Unmark(); len(sensitive) > 0 || unmarked.Type().IsSetType() {
			l.fail(sensitiveError(at, `"for_each" of a host`, "its keys become the hosts' names"))
			return nil, false
		}
	}
	t := v.Type()
	if v.IsNull() || !t.IsMapType() && !t.IsObjectType() && (!t.IsSetType() || t.ElementType() != cty.String) {
		hint := ""
		if t.IsTupleType() || t.IsListType() {
			hint = " Write toset(…) around it."
		}
		l.fail(diag.Errorf(diag.WrongType, at, "Wrong type of value",
			`"for_each" of a host takes a map or a set of strings, but this is %s.%s`, value.Word(v), hint))
		return nil, false
	}
	var out []element
	for it := v.ElementIterator(); it.Next(); {
		key, value := it.Element()
		if t.IsSetType() {
			key = value
		}
		if key.IsNull() {
			l.fail(diag.Errorf(diag.InvalidValue, at, "Null in a set", `"for_each" of a host cannot have null in it.`))
			return nil, false
		}
		k := key.AsString()
		out = append(out, element{
			name: b.Name + "[" + quoteKey(k) + "]", key: k,
			own: func() map[string]cty.Value { return map[string]cty.Value{"each": each(key, value)} },
		})
	}
	return out, true
}

func (l *loader) countHosts(b *config.Host) ([]element, bool) {
	v, ok := l.staticKnown(b.Count, nil)
	if !ok {
		return nil, false
	}
	n, problem := wholeNumber(v, 0, maxHosts)
	if problem != "" {
		l.fail(notWhole(v, b.Count.At(), `"count" of a host`, problem))
		return nil, false
	}
	out := make([]element, n)
	for i := range out {
		out[i] = element{name: fmt.Sprintf("%s[%d]", b.Name, i), key: strconv.Itoa(i), own: func() map[string]cty.Value {
			return map[string]cty.Value{"count": cty.ObjectVal(map[string]cty.Value{"index": cty.NumberIntVal(int64(i))})}
		}}
	}
	return out, true
}

// wholeNumber reads a whole number within limits, or says what is wrong, as the end of a sentence.
func wholeNumber(v cty.Value, least, most int) (int, string) {
	v, sensitive := value.Bare(v)
	number, err := convert.Convert(v, cty.Number)
	if err != nil || number.IsNull() || sensitive {
		return 0, fmt.Sprintf("takes a whole number, but this is %s.", value.Word(v))
	}
	n, accuracy := number.AsBigFloat().Int64()
	if accuracy != 0 || n < int64(least) || n > int64(most) {
		return 0, fmt.Sprintf("takes a whole number from %d to %d, but this is %s.", least, most, number.AsBigFloat().Text('g', 10))
	}
	return int(n), ""
}

// notWhole reports what wholeNumber has found.
func notWhole(v cty.Value, at hcl.Range, what, problem string) *hcl.Diagnostic {
	v, sensitive := value.Bare(v)
	if number, err := convert.Convert(v, cty.Number); err != nil || number.IsNull() || sensitive {
		return diag.Errorf(diag.WrongType, at, "Wrong type of value", "%s %s", what, problem)
	}
	return diag.Errorf(diag.InvalidValue, at, "Invalid value", "%s %s", what, problem)
}

// quoteKey writes a key as the language writes strings.
func quoteKey(key string) string {
	for _, c := range []byte(key) {
		if c < ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '$' || c == '%' {
			return string(hclwrite.TokensForValue(cty.StringVal(key)).Bytes())
		}
	}
	return `"` + key + `"`
}

// staticKnown is static for a value that must be known.
func (l *loader) staticKnown(e *config.Expr, own map[string]cty.Value) (cty.Value, bool) {
	v, ok := l.static(e, own)
	if !ok {
		return v, false
	}
	if !v.IsKnown() {
		l.fail(diag.Errorf(diag.NotStatic, e.At(), "Not known before the run", "%q must be known before anything connects.", e.Arg.Name))
		return v, false
	}
	return v, true
}

func sensitiveError(at hcl.Range, what, why string) *hcl.Diagnostic {
	return diag.Errorf(diag.Sensitive, at, "Sensitive value where it would be shown", "%s cannot be sensitive: %s.", what, why)
}

func (l *loader) buildHost(b *config.Host, e element) (*Host, bool) {
	h := &Host{Name: e.name, Range: b.Block}
	each := e.own()
	address, ok1 := l.shownText(b.Address, each)
	labels, ok2 := l.labels(b.Labels, each)
	vars, ok3 := l.varsOf(b.Vars, each)
	if !ok1 || !ok2 || !ok3 {
		return nil, false
	}
	if !address.IsNull() {
		h.Address = address.AsString()
	}
	h.Labels = map[string]string{}
	for it := labels.ElementIterator(); it.Next(); {
		key, value := it.Element()
		h.Labels[key.AsString()] = value.AsString()
	}
	if b.Vars != nil && !l.hold(vars, b.Vars.At()) || b.Labels != nil && !l.hold(labels, b.Labels.At()) {
		return nil, false
	}
	h.Vars = value.Shown(vars)
	h.parts = newParts(h, address, labels, vars)
	own := map[string]cty.Value{"self": h.parts.object()}
	maps.Copy(own, each)
	return h, l.buildChain(b, h, own)
}

// shownText evaluates an argument that is a string and cannot be sensitive; null where there is none.
func (l *loader) shownText(e *config.Expr, own map[string]cty.Value) (cty.Value, bool) {
	none := cty.NullVal(cty.String)
	if e == nil {
		return none, true
	}
	v, ok := l.staticKnown(e, own)
	if !ok {
		return none, false
	}
	v, sensitive := value.Bare(v)
	if sensitive {
		l.fail(sensitiveError(e.At(), fmt.Sprintf("%q", e.Arg.Name), "it is shown wherever the host is"))
		return none, false
	}
	text, err := convert.Convert(v, cty.String)
	if err != nil {
		l.fail(diag.Errorf(diag.WrongType, e.At(), "Wrong type of value", "%q of a host takes string, but this is %s.", e.Arg.Name, value.Word(v)))
		return none, false
	}
	if !text.IsNull() && text.AsString() == "" {
		l.fail(diag.Errorf(diag.InvalidValue, e.At(), "Invalid value", "%q cannot be an empty string; null means that there is none.", e.Arg.Name))
		return none, false
	}
	return text, true
}

// labels evaluates a map of strings that is shown.
func (l *loader) labels(e *config.Expr, own map[string]cty.Value) (cty.Value, bool) {
	none := cty.MapValEmpty(cty.String)
	if e == nil {
		return none, true
	}
	v, ok := l.static(e, own)
	if !ok {
		return none, false
	}
	v, sensitive := value.Bare(v)
	if sensitive {
		l.fail(sensitiveError(e.At(), "Labels", "they are shown wherever the host is"))
		return none, false
	}
	out, err := convert.Convert(v, cty.Map(cty.String))
	if err != nil {
		misfit := value.FindMisfit(v, cty.Map(cty.String))
		l.fail(diag.Errorf(diag.WrongType, misfit.At(e.Expression), "Wrong type of value", "\"labels\" of a host takes map(string), but %s.", misfit))
		return none, false
	}
	if out.IsNull() {
		return none, true
	}
	if path := value.NullIn(out); path != nil || !out.IsWhollyKnown() {
		l.fail(diag.Errorf(diag.InvalidValue, value.Narrow(e.Expression, path), "Null in a map", "labels cannot have null in it."))
		return none, false
	}
	return out, true
}

// varsOf evaluates an object of anything.
func (l *loader) varsOf(e *config.Expr, own map[string]cty.Value) (cty.Value, bool) {
	if e == nil {
		return cty.EmptyObjectVal, true
	}
	v, ok := l.staticKnown(e, own)
	if !ok {
		return cty.EmptyObjectVal, false
	}
	if v.IsNull() {
		return cty.EmptyObjectVal, true
	}
	if t := v.Type(); !t.IsObjectType() && !t.IsMapType() {
		l.fail(diag.Errorf(diag.WrongType, e.At(), "Wrong type of value", `"vars" of a host takes an object, but this is %s.`, value.Word(v)))
		return cty.EmptyObjectVal, false
	}
	return value.Quick(v), true
}

// hostsOf returns the hosts that a value consists of: one, or a list, set, tuple or map of them. It returns the type
// of what is none.
func hostsOf(v cty.Value) ([]*Host, *cty.Value) {
	if h := hostOf(v); h != nil {
		return []*Host{h}, nil
	}
	if v.IsNull() || !v.IsKnown() || !v.CanIterateElements() {
		return nil, &v
	}
	var out []*Host
	for it := v.ElementIterator(); it.Next(); {
		_, element := it.Element()
		h := hostOf(element)
		if h == nil {
			return nil, &element
		}
		out = append(out, h)
	}
	return out, nil
}

// hostOf returns the host that an object stands for, or nil.
func hostOf(v cty.Value) *Host {
	v, _ = v.Unmark()
	if !v.IsKnown() || v.IsNull() || !value.IsHost(v.Type()) {
		return nil
	}
	h, _ := value.Is(v.GetAttr("facts")).(*Host)
	return h
}

// isWritten says whether an expression is written as a list, so that its parts can be pointed at.
func isWritten(e hclsyntax.Expression) bool {
	_, ok := syntax.Inner(e).(*hclsyntax.TupleConsExpr)
	return ok
}
