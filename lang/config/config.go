// Package config is what the files of a site declare: blocks and arguments taken apart, names checked, references looked
// up, and nothing evaluated. Its neighbours are lang/syntax, which reads the files, lang/refs, which looks into
// expressions, and package lang, which gives the values.
package config

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"runner/agent/schema"
	"runner/lang/own"
	"runner/lang/refs"
	"runner/lang/syntax"
)

// Config is what the files of a site declare, taken apart and not evaluated. Lists are in source order.
type Config struct {
	Site        *Module
	Runner      *Runner
	Variables   []*Variable
	Locals      []*Local // of all modules
	Chains      []*Chain
	Hosts       []*Host
	Inventories []*Inventory
	Jobs        []*Job
	Outputs     []*Output
	Roles       []*Role // where they are used, outer ones first
}

// Module is where the names in an expression are looked up: the site, one of its jobs, or a role where it is used.
type Module struct {
	Prefix string // of the full names and addresses of what it declares: "", "job.web.", "job.web.role.nginx."
	Dir    string // where relative paths start, as people see it
	Role   *Role  // nil: the site or a job
	Parent *Module
	Names  *refs.Module

	outputs map[string]string // of a role: full names
}

// Expr is the expression of an argument, with what it refers to once that is analyzed.
type Expr struct {
	hclsyntax.Expression
	Arg    *syntax.Argument
	Module *Module    // where its names are looked up
	Uses   *refs.Uses // nil until analyzed, and where the references are wrong: then it is not evaluated
}

// Local is a local, or what is used like one: a variable of a role, with what the role is given for it, and an output
// of a role.
type Local struct {
	*Expr
	Full     string // of all locals; other modules than the site begin with their prefix
	Title    string // as expressions have it: local.x
	Place    refs.Place
	Variable *Variable // of a role: what the value must be
	// Sensitive of an output of a role says that its value is, whatever it is made of.
	Sensitive *Expr
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
	Validations []*Condition
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
	Lacks     func(name string) bool
}

// Job is a job block. The tasks of its roles and tries stand in its own lists, each in its place.
type Job struct {
	Named
	Module                   *Module
	Hosts, When, Environment *Expr
	Tags, Vars, Strategy     *Expr
	Way                      *Way
	DependsOn                []*Reference
	Rollout                  *Rollout
	Preconditions            []*Task // without an action; their arguments are condition and error_message
	Tasks, Handlers          []*Task
	Tries                    []*Try
	Outer                    []*Outer // roles and tries, outer ones first
}

// Way is how a block gets further than its host's chain leads: run_as, hop blocks, or neither.
type Way struct {
	RunAs *Expr
	Hops  []*Hop
}

// Rollout is a rollout block.
type Rollout struct {
	Block                       hcl.Range
	Batches, MaxFailures, Pause *Expr
}

// Condition is a validation or precondition block.
type Condition struct {
	Block              hcl.Range
	Condition, Message *Expr
}

// Outer is a role or a try, of which the tasks in it have something.
type Outer struct {
	What                         string // of messages: "a role", "a try"
	When, Environment, OnFailure *Expr
	Tags                         *Expr
	Way                          *Way
	Before                       int // index of the first task in it
	Inside                       int // the innermost try around it, an index in Job.Tries; -1: none
	Tried                        *refs.Tried
}

// Try is a try block: Tasks[From:Rescue] is tried, Tasks[Rescue:Always] is its rescue, Tasks[Always:To] runs always.
type Try struct {
	Parent                   int // index in Job.Tries; -1: none
	From, Rescue, Always, To int
	Rescues                  bool
	Results                  []string // names of what any of its tasks gives
}

// Role is a role block, with what its files declare.
type Role struct {
	Named
	Module *Module
	Outer  *Outer
	Dir    string // of its files, as people see it
}

// Reference is one of depends_on.
type Reference struct {
	Name string
	At   hcl.Range
}

// Task is a task or a handler.
type Task struct {
	Named
	Module  *Module
	Address string
	Action  string
	Schema  schema.Block // of the action
	Own     *own.Action  // it is one of the user's own; nil: it comes with runner
	Known   bool         // the action is
	Handler bool
	Outer   []*Outer    // the roles and tries around it, outer ones first
	Tried   *refs.Tried // what it is the rescue of

	Args        map[string]*Expr // of the action
	When        *Expr
	ForEach     *Expr
	Environment *Expr
	Notify      *Expr
	Timeout     *Expr
	OnFailure   *Expr
	Tags        *Expr
	Sensitive   *Expr
	On          *Expr
	RunOnce     *Expr
	Lane        *Expr
	ChangedWhen *Expr
	FailedWhen  *Expr
	Retry       *Retry
	Way         *Way
}

// Retry is a retry block.
type Retry struct {
	Block                           hcl.Range
	Attempts, Delay, Backoff, Until *Expr
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
