// Package config is what the files of a site declare: blocks and arguments taken apart, names checked, references looked
// up, and nothing evaluated. Its neighbours are lang/syntax, which reads the files, lang/refs, which looks into
// expressions, and package lang, which gives the values.
package config

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"runner/lang/refs"
	"runner/lang/syntax"
)

// Config is what the files of a site declare, taken apart and not evaluated. Lists are in source order.
type Config struct {
	Runner    *Runner
	Variables []*Variable
	Locals    []*Expr
	Chains    []*Chain
	Hosts     []*Host
	Jobs      []*Job
	Outputs   []*Output
}

// Expr is the expression of an argument, with what it refers to once that is analyzed.
type Expr struct {
	hclsyntax.Expression
	Arg  *syntax.Argument
	Uses *refs.Uses // nil until analyzed, and where the references are wrong: then it is not evaluated
}

// Named is what blocks with a name have in common.
type Named struct {
	Name      string
	NameRange hcl.Range
	Block     hcl.Range // the header
}

// Runner is the runner block.
type Runner struct {
	Block           hcl.Range
	RequiredVersion *Expr
	Parallelism     *Expr
	ConnectTimeout  *Expr
	TaskTimeout     *Expr
}

// Variable is a variable block.
type Variable struct {
	Named
	Type        *syntax.Argument
	Default     *Expr
	Description *Expr
	Sensitive   *Expr
	Nullable    *Expr
	Validations []*Validation
}

// Validation is one validation block of a variable.
type Validation struct {
	Block     hcl.Range
	Condition *Expr
	Message   *Expr
}

// Chain is a chain block.
type Chain struct {
	Named
	Extends *Expr
	Hops    []*Hop
}

// Host is a host block, which may make many hosts.
type Host struct {
	Named
	ForEach, Count   *Expr
	Address, Labels  *Expr
	Vars, Via, Chain *Expr
	Hops             []*Hop
}

// Hop is a hop, in a host, chain, job or task.
type Hop struct {
	Transport string
	Block     hcl.Range
	Args      map[string]*Expr // nil: the transport is not known
}

// Job is a job block.
type Job struct {
	Named
	Hosts, When, Environment *Expr
	RunAs, Tags, Vars        *Expr
	DependsOn                []*Reference
	Hops                     []*Hop
	Tasks, Handlers          []*Task
}

// Reference is one of depends_on.
type Reference struct {
	Name string
	At   hcl.Range
}

// Task is a task or a handler.
type Task struct {
	Named
	Address string
	Action  string
	Known   bool // the action is
	Handler bool

	Args        map[string]*Expr // of the action
	When        *Expr
	ForEach     *Expr
	Environment *Expr
	Notify      *Expr
	Timeout     *Expr
	OnFailure   *Expr
	Tags        *Expr
	Sensitive   *Expr
	RunAs       *Expr
	Hops        []*Hop
}

// Output is an output block.
type Output struct {
	Named
	Value, Sensitive *Expr
}

// Sound reports whether there is an expression, and nothing was found wrong with its references.
func (e *Expr) Sound() bool { return e != nil && e.Uses != nil }

// At is the range of the value.
func (e *Expr) At() hcl.Range { return e.Range() }

// Constant says whether a hop is the same for every host.
func (b *Hop) Constant() bool {
	for _, e := range b.Args {
		if e.Sound() && e.Uses.Roots&(refs.Self|refs.Each|refs.Count) != 0 {
			return false
		}
	}
	return true
}
