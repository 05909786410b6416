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
	Variables map[string]bool
	Locals    map[string]hclsyntax.Expression
	Chains    map[string]bool
	Hosts     map[string]HostShape
	Jobs      map[string]*Job
	Functions map[string]bool
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

// Job is what can be referred to in a job.
type Job struct {
	Name     string
	Tasks    []*Task
	Handlers []string
	tasks    map[string]map[string]*Task
}

// Task is what can be referred to of a task.
type Task struct {
	Address, Action, Name string
	Index                 int  // in the order of the job
	Keyed                 bool // it has for_each
	Results               []string
}

// Add puts a task into the job.
func (j *Job) Add(t *Task) {
	t.Index = len(j.Tasks)
	j.Tasks = append(j.Tasks, t)
	if j.tasks == nil {
		j.tasks = map[string]map[string]*Task{}
	}
	if j.tasks[t.Action] == nil {
		j.tasks[t.Action] = map[string]*Task{}
	}
	if j.tasks[t.Action][t.Name] == nil {
		j.tasks[t.Action][t.Name] = t
	}
}

// Roots are the names that a traversal can begin with.
type Roots uint16

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
	Handler
)

// Site is what can be seen outside jobs.
const Site = Var | Local | Chain | Host | Jobs | Path | Run

// Place is where an expression stands, which decides what it can see.
type Place struct {
	What     string // of messages: `"when" of a task`
	Roots    Roots
	Static   bool   // nothing that only a run can know
	Job      *Job   // whose tasks and handlers are in sight
	Before   int    // the index of the first task that is not
	Task     string // the address of the task that the expression belongs to
	Notifies int    // in notify: the index of the first handler that may be notified
	Elements Uses   // what for_each goes over: each.value may be a host
}

// Ref is a name that an expression has in it itself, not through a local.
type Ref struct {
	Root  Roots
	Name  string
	Range hcl.Range
}

// HostRef is a host, or all hosts of a block.
type HostRef struct {
	Name string
	Key  cty.Value // cty.NilVal: all
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
	SelfParts bool      // anything of self but self.facts
	Facts     []HostRef // hosts whose facts are read, or that are used as a whole
	Handlers  []string  // in notify
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
	u.SelfParts = u.SelfParts || other.SelfParts
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
		u.addFacts(HostRef{s.host, s.key})
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
	if !slices.ContainsFunc(u.Facts, func(o HostRef) bool { return o.Name == ref.Name && sameKey(o.Key, ref.Key) }) {
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
