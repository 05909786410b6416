// Package refs finds out what expressions refer to without evaluating them: whether all of it is declared and may stand
// there, which tasks' results and which hosts' facts the value needs, and whether it can be known before a run. It
// follows host and result objects through loops, locals and functions, so that `[for h in host.web : h.address]` needs
// nobody's facts. Where it cannot follow, it says that more is needed than is, never less. Its neighbour is package
// lang, which knows what the names stand for.
package refs

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Names are what a site declares.
type Names struct {
	Locals    map[string]*Definition // of all modules, by their full names
	Chains    map[string]bool
	Hosts     map[string]HostShape
	Jobs      map[string]*Module
	Functions map[string]bool
	Partial   bool // there may be more: some of the site could not be read
}

// Module is where names are looked up: the site, one of its jobs, or a role where it is used.
type Module struct {
	Title     string            // for messages: "the site", `the job "web"`
	Variables map[string]string // the full name of the local that a role's variable is; "" for the site's
	Locals    map[string]string // full names
	Roles     map[string]*Role
	Handlers  []*Notifiable
	Job       *Job // nil: the site
	Partial   bool // there may be more: some of what declares it could not be read
	tasks     map[string]map[string]*Task
	names     []string // ACTION.NAME of the tasks
}

// Definition is what is evaluated where it is used: a local, and of a role its variables and outputs too.
type Definition struct {
	Title string // as expressions have it: local.x, var.x
	Expr  hclsyntax.Expression
	Place Place // where it stands
}

// Role is what can be seen of a role where it is used.
type Role struct {
	Outputs map[string]string // full names
	Index   int               // of the first task behind it
	Broken  bool              // it has errors, so its outputs are not known
	Partial bool              // it may have more outputs: some of its files could not be read
}

// HostShape is what host.NAME is.
type HostShape uint8

// The shapes.
const (
	One    HostShape = iota // an object
	Map                     // a map of objects: the block has for_each
	List                    // a list of objects: the block has count
	Broken                  // not known: the block has errors
)

// Job is a job.
type Job struct{ Name string }

// Notifiable is a handler.
type Notifiable struct {
	Name, Address string
	Index         int // in the order of the job
}

// Task is what can be referred to of a task.
type Task struct {
	Address, Action, Name string
	Module                *Module
	Index                 int  // in the order of the job
	Keyed                 bool // it has for_each
	Results               []string
}

// Add puts a task into the module.
func (m *Module) Add(t *Task) {
	t.Module = m
	if m.tasks == nil {
		m.tasks = map[string]map[string]*Task{}
	}
	if m.tasks[t.Action] == nil {
		m.tasks[t.Action] = map[string]*Task{}
	}
	if m.tasks[t.Action][t.Name] == nil {
		m.tasks[t.Action][t.Name] = t
		m.names = append(m.names, t.Action+"."+t.Name)
	}
}

// Roots are the names that a traversal can begin with.
type Roots uint32

// The roots.
const (
	Var Roots = 1 << iota
	Local
	Chain
	Host
	Jobs
	Path
	Run
	Self
	Each
	Count
	TaskResults
	RoleOutputs
	Failure
	Result
	Handler
	Resource
	// Unread is no name: what stands for it could not be read.
	Unread
)

// OnHost is what can be seen where there is a host, beside what can be seen everywhere.
const OnHost = Site | Self | TaskResults | RoleOutputs

// Site is what can be seen outside jobs.
const Site = Var | Local | Chain | Host | Jobs | Path | Run

// Place is where an expression stands, which decides what it can see.
type Place struct {
	What     string // of messages: `"when" of a task`
	Roots    Roots
	Static   bool // nothing that only a run can know
	Module   *Module
	Before   int      // the index of the first task of the job that is not in sight
	Task     string   // the address of the task that the expression belongs to
	Notifies int      // in notify: the index of the first handler that may be notified
	Failed   *Tried   // in a rescue: what may have failed
	Results  []string // in a condition over a result: the names that it has
	Elements Uses     // what for_each goes over: each.value may be a host
}

// Tried is what a rescue can see of what failed before it.
type Tried struct {
	Index   int      // of the try in its job
	Results []string // names of what any of its tasks gives
}

// Rescuing is the place in a rescue; nil is none.
func (p Place) Rescuing(tried *Tried) Place {
	if tried != nil {
		p.Roots |= Failure
		p.Failed = tried
	}
	return p
}

// Ref is a name that an expression has in it itself, not through a local.
type Ref struct {
	Root  Roots
	Name  string
	Range hcl.Range
}

// HostRef is a host, or all hosts of a block.
type HostRef struct {
	Name  string
	Key   cty.Value // cty.NilVal: all
	Group string    // of an inventory: only hosts in it; "": all
}

// Need is a task whose result is used.
type Need struct {
	Job   string
	Task  *Task
	Range hcl.Range
}

// Uses is what an expression needs, locals included.
type Uses struct {
	Roots     Roots
	Refs      []Ref     // without those of locals
	Hosts     []string  // host blocks, those of locals included
	Needs     []Need    // tasks whose results are read
	SelfFacts bool      // self.facts, or self as a whole
	Facts     []HostRef // hosts whose facts are read, or that are used as a whole
	Handlers  []string  // addresses, in notify
	// Dynamic is the first place that only a run can know, and what it is; nil if there is none.
	Dynamic *Dynamic

	value flow
}

// Dynamic is something that only a run can know.
type Dynamic struct {
	What  string // "the facts of a host"
	Range hcl.Range
}

// Whole says that the value goes where all of it is used: hosts that are in it need their facts.
func (u *Uses) Whole() {
	for _, s := range u.value {
		u.need(s)
	}
	u.value = nil
}

// merge adds what another expression needs, but for its value.
func (u *Uses) merge(other *Uses) {
	u.Roots |= other.Roots
	u.Hosts = union(u.Hosts, other.Hosts)
	for _, n := range other.Needs {
		u.addNeed(n)
	}
	u.SelfFacts = u.SelfFacts || other.SelfFacts
	for _, ref := range other.Facts {
		u.addFacts(ref)
	}
	u.Handlers = union(u.Handlers, other.Handlers)
	if u.Dynamic == nil {
		u.Dynamic = other.Dynamic
	}
}

// Merge adds what another expression needs.
func (u *Uses) Merge(other *Uses) {
	u.merge(other)
	u.Refs = append(u.Refs, other.Refs...)
	u.value = u.value.join(other.value)
}

func (u *Uses) need(s source) {
	switch s.kind {
	case self:
		u.SelfFacts = true
	case host:
		u.addFacts(HostRef{s.host, s.key, s.group})
	case result:
	}
}

// addNeed and addFacts keep one of each: locals that use each other twice would double them without end.
func (u *Uses) addNeed(n Need) {
	if !slices.ContainsFunc(u.Needs, func(o Need) bool { return o.Task == n.Task }) {
		u.Needs = append(u.Needs, n)
	}
}

func (u *Uses) addFacts(ref HostRef) {
	if !slices.ContainsFunc(u.Facts, func(o HostRef) bool { return o.Name == ref.Name && o.Group == ref.Group && sameKey(o.Key, ref.Key) }) {
		u.Facts = append(u.Facts, ref)
	}
}

// sameKey compares keys, which may be cty.NilVal.
func sameKey(a, b cty.Value) bool {
	if a == cty.NilVal || b == cty.NilVal {
		return a == b
	}
	return a.RawEquals(b)
}

func union(a, b []string) []string {
	for _, s := range b {
		if !slices.Contains(a, s) {
			a = append(a, s)
		}
	}
	return a
}
