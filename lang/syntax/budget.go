package syntax

import (
	"reflect"
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"runner/lang/diag"
	"runner/lang/function"
)

// What all evaluations of a site may cost together while it is loaded, in bytes as a meter counts them. What each may
// cost for nothing is what ordinary arguments do, so that a site may have as many hosts and tasks as it likes. To go
// over all hosts on each host has an allowance of its own: that is what people who have a thousand hosts do.
const (
	siteCost   = 24 << 20
	perByte    = 12
	freeCost   = 8 << 10
	overHosts  = 512 << 20
	perHost    = 3 * valueCost
	budgetName = "(budget)"
)

// budgetType makes a budget a value that a context can hold.
var budgetType = cty.Capsule("budget", reflect.TypeFor[Budget]()) //nolint:gochecknoglobals // a type, never changed

// Budget is what the evaluations of a site have left together. Any number of goroutines may use it.
type Budget struct {
	mu          sync.Mutex
	left, hosts int
	spent       *hcl.Diagnostic // where it came to its end
	closed      bool
}

// NewBudget returns the budget of a site of some bytes.
func NewBudget(bytes int) *Budget {
	return &Budget{left: siteCost + perByte*bytes, hosts: overHosts}
}

// Context returns the context in which all expressions that spend of the budget are evaluated.
func (b *Budget) Context() *hcl.EvalContext {
	return &hcl.EvalContext{Variables: map[string]cty.Value{budgetName: cty.CapsuleVal(budgetType, b)}}
}

// Spend takes what something costs, of which a part may have been for going over hosts. Once nothing is left it returns
// the same error to all.
func (b *Budget) Spend(cost, hosts int, at hcl.Range) *hcl.Diagnostic {
	if cost -= freeCost; b == nil || cost <= 0 {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	hosts = min(cost, hosts, b.hosts)
	b.hosts -= hosts
	if b.left -= cost - hosts; b.left < 0 && b.spent == nil {
		b.spent = diag.Errorf(diag.TooLarge, at, "Site takes too much to evaluate",
			"Up to here the expressions of this site, over all its hosts, give too many elements or too much text. What is the same for all hosts belongs into locals, and what is large into files.")
	}
	return b.spent
}

// Spent returns the error that ended the budget, or nil.
func (b *Budget) Spent() *hcl.Diagnostic {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.spent
}

// Close ends the counting: a site that was loaded may be evaluated at will.
func (b *Budget) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
}

// allowance returns what going over a collection may cost apart from the rest: something where it is one of hosts.
func allowance(v cty.Value) int {
	v, _ = v.Unmark()
	if v.IsNull() || !v.IsKnown() || !v.CanIterateElements() || v.LengthInt() == 0 {
		return 0
	}
	var element cty.Type
	if t := v.Type(); t.IsCollectionType() {
		element = t.ElementType()
	} else {
		it := v.ElementIterator()
		it.Next()
		_, first := it.Element()
		element = first.Type()
	}
	if !function.IsHost(element) {
		return 0
	}
	return v.LengthInt() * perHost
}

func budgetOf(ctx *hcl.EvalContext) *Budget {
	for ; ctx != nil; ctx = ctx.Parent() {
		if v, ok := ctx.Variables[budgetName]; ok {
			b, _ := v.EncapsulatedValue().(*Budget)
			return b
		}
	}
	return nil
}
