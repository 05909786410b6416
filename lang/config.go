package lang

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"runner/lang/refs"
	"runner/lang/syntax"
)

// config is what the files of a site declare, taken apart and not evaluated. Lists are in source order.
type config struct {
	runner    *runnerBlock
	variables []*variable
	locals    []*expr
	chains    []*chainBlock
	hosts     []*hostBlock
	jobs      []*jobBlock
	outputs   []*outputBlock
}

// expr is the expression of an argument, with what it refers to once that is analyzed.
type expr struct {
	hclsyntax.Expression
	arg  *syntax.Argument
	uses *refs.Uses // nil until analyzed, and where the references are wrong: then it is not evaluated

	ctx    *hcl.EvalContext // what it sees, but for hosts and jobs of its own; nil until needed
	broken bool             // what it uses has errors
}

// named is what blocks with a name have in common.
type named struct {
	name      string
	nameRange hcl.Range
	block     hcl.Range // the header
}

type runnerBlock struct {
	block           hcl.Range
	requiredVersion *expr
	parallelism     *expr
	connectTimeout  *expr
	taskTimeout     *expr
}

type variable struct {
	named
	typ         *syntax.Argument
	defaultTo   *expr
	description *expr
	sensitive   *expr
	nullable    *expr
	validations []*validation
}

type validation struct {
	block     hcl.Range
	condition *expr
	message   *expr
}

type chainBlock struct {
	named
	extends *expr
	hops    []*hopBlock
}

type hostBlock struct {
	named
	forEach, count   *expr
	address, labels  *expr
	vars, via, chain *expr
	hops             []*hopBlock
}

// hopBlock is a hop, in a host, chain, job or task.
type hopBlock struct {
	transport string
	block     hcl.Range
	args      map[string]*expr // nil: the transport is not known

	shared *Hop // where it is the same for every host
	failed bool // and where that one has errors
}

type jobBlock struct {
	named
	hosts, when, environment *expr
	runAs, tags, vars        *expr
	dependsOn                []*reference
	hops                     []*hopBlock
	tasks, handlers          []*taskBlock
}

// reference is one of depends_on.
type reference struct {
	name string
	at   hcl.Range
}

type taskBlock struct {
	named
	address string
	action  string
	known   bool // the action is
	handler bool

	args        map[string]*expr // of the action
	when        *expr
	forEach     *expr
	environment *expr
	notify      *expr
	timeout     *expr
	onFailure   *expr
	tags        *expr
	sensitive   *expr
	runAs       *expr
	hops        []*hopBlock
}

type outputBlock struct {
	named
	value, sensitive *expr
}

// is reports whether there is an expression, and nothing was found wrong with its references.
func (e *expr) is() bool { return e != nil && e.uses != nil }

// at is the range of the value.
func (e *expr) at() hcl.Range { return e.Range() }

// Marks and types that stand for things which are no data.
type (
	chainValue struct{ block *chainBlock }
	hostFacts  struct{ host *Host }
	handlerRef struct{ name string }
)

// The types of values that are no data: a chain, a handler, and what a host has for facts where facts cannot be used.
// The last also tells host objects from objects that only look like one.
var (
	chainType   = capsule[chainValue]("chain")                          //nolint:gochecknoglobals // a type, never changed
	handlerType = capsule[handlerRef]("handler")                        //nolint:gochecknoglobals // a type, never changed
	noFactsType = capsule[hostFacts]("facts, which are not known here") //nolint:gochecknoglobals // a type, never changed
)

func chainVal(c *chainBlock) cty.Value { return cty.CapsuleVal(chainType, &chainValue{c}) }
