package lang

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"runner/agent/schema"
	"runner/lang/config"
	"runner/lang/refs"
	"runner/lang/value"
)

// taskBody is what of a task is evaluated during a run.
type taskBody struct {
	block  *config.Task
	job    *jobScope
	schema schema.Block
	title  string // of what takes the arguments, for messages
	result cty.Type

	uses    refs.Uses // of all expressions, those of the job included
	fixed   *fixed
	ways    []*way            // the job's, those of the roles around, its own
	on      map[*Host]*Host   // nil: nowhere else
	lanes   map[*Host]string  // nil: the default lane
	dir     string            // where relative paths start
	similar []bool            // by group of hosts: whether the task is right on all of them if it is on one
	once    map[string]*saved // arguments that are the same on all hosts, by name

	read sync.Once
	self reads // what of self its expressions read

	conditions []condition // that decide about it, in their order

	sensitive bool // the task says so
	unknown   sync.Once
	nothing   cty.Value
	hidden    Hidden // it says so, or an argument was found to be sensitive when the site was loaded

	keys       []any // of for_each, where they are known before the run and the same on all hosts
	keysKnown  bool
	expect     sync.Once
	expected   cty.Value
	everywhere sync.Once
	ofAll      cty.Value
}

// saved is the value of an argument that is the same everywhere.
type saved struct {
	sync.Once
	value.Argument
	diags hcl.Diagnostics
}

// Hops returns the further hops of a task on a host of its job: those of the job's run_as or hop blocks, those of the
// roles around it, then its own. Where they do not depend on the host, all hosts get the same pointers.
func (t *Task) Hops(h *Host) []*Hop {
	if t.Action == resetConnection || peerless(t.Action) { // the one is about the host's own, the others about none
		return nil
	}
	var out []*Hop
	for _, w := range t.body.ways {
		out = append(out, w.of(h)...)
	}
	return out
}

// On returns the host that the task runs on for a host of its job.
func (t *Task) On(h *Host) *Host {
	if other := t.body.on[h]; other != nil && !peerless(t.Action) {
		return other
	}
	return h
}

// Used says where the role that the task belongs to is used, in a sentence; "" outside of roles.
func (t *Task) Used() string {
	if r := t.body.block.Module.Role; r != nil {
		return r.Used()
	}
	return ""
}

// AtHost says whether the task needs the host of its job itself: it runs there, or behind it, or reads its facts.
func (t *Task) AtHost(h *Host) bool {
	peer := t.Action != "" && !peerless(t.Action) // the others are carried out by the controller
	return t.SelfFacts || peer && t.On(h) == h
}

// ChangedWhen says whether a condition of the task decides whether it has changed something.
func (t *Task) ChangedWhen() bool { return t.body.block.ChangedWhen != nil }

// Verdict says whether conditions of the task decide whether it has failed, or must be tried again.
func (t *Task) Verdict() bool {
	retry := t.body.block.Retry
	return t.body.block.FailedWhen != nil || retry != nil && retry.Until != nil
}

// Keyed says whether the task has for_each.
func (t *Task) Keyed() bool { return t.body.block.ForEach != nil }

// Elements returns how many elements the task's for_each has where that depends on nothing but the site; else 0.
func (s *Site) Elements(t *Task) int {
	e := t.body.block.ForEach
	if e == nil || !constant(e) || len(t.body.job.Hosts) == 0 {
		return 0
	}
	elements, known := newExpansion(s.scope, t, t.body.job.Hosts[0], nothing{}).elements()
	if !known {
		return 0
	}
	return len(elements)
}

// Results returns the names of what the task's action documents as results, sorted.
func (t *Task) Results() []string { return slices.Sorted(maps.Keys(t.body.result.AttributeTypes())) }

// Uncut says whether an interrupt lets the task finish.
func (t *Task) Uncut() bool { return t.body.schema.Uncut }

// constant says whether an expression has one value during the whole run, whatever the host.
func constant(e *config.Expr) bool {
	const varying = refs.Self | refs.Each | refs.TaskResults | refs.RoleOutputs | refs.Failure | refs.Result | refs.Jobs | refs.Run | refs.Handler
	return e.Sound() && e.Uses.Dynamic == nil && e.Uses.Roots&varying == 0 && len(e.Uses.Facts) == 0 && len(e.Uses.Needs) == 0
}

// saveConstants prepares the arguments that need to be evaluated only once.
func (b *taskBody) saveConstants() {
	b.once = map[string]*saved{}
	for name, e := range b.block.Args {
		if constant(e) {
			b.once[name] = &saved{}
		}
	}
}

// hide says of a result what is sensitive.
func (b *taskBody) hide(r Result) Result {
	r.Sensitive, r.Hidden = b.hidden.All, b.hidden.Results
	return r
}

// unknownResult is what is known of the results on a host before the task has run. It is first asked for when the task
// itself was checked.
func (b *taskBody) unknownResult(keyed bool) cty.Value {
	b.unknown.Do(func() {
		if keyed {
			b.nothing = unknownMap(b.result, b.hidden.results())
		} else {
			b.nothing = resultValue(b, b.hide(Result{Unknown: true, UnknownChanged: true}))
		}
	})
	return b.nothing
}

// expectedResult is unknownResult with the keys that there will be if nothing fails, as far as they are known.
func (b *taskBody) expectedResult(keyed bool) cty.Value {
	if !keyed || !b.keysKnown {
		return b.unknownResult(keyed)
	}
	b.expect.Do(func() {
		elements := map[string]cty.Value{}
		for _, key := range b.keys {
			elements[fmt.Sprint(key)] = resultValue(b, b.hide(Result{Unknown: true, UnknownChanged: true}))
		}
		b.expected = mapOf(elements, b.result)
	})
	return b.expected
}
