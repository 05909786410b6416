package lang

import (
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"runner/agent/schema"
	"runner/lang/config"
	"runner/lang/refs"
)

// reads is what a task's expressions read of self, the facts left aside.
type reads struct {
	paths  [][]string
	locals []string // through which they read it
	// own: something that no two hosts have in common, or self as a whole.
	own   bool
	all   [][]string // paths, and those of what no two hosts have in common
	whole bool       // self as a whole is read, or computed parts of it
	set   string     // names all of it
}

// readsOf looks through the expressions that are evaluated for each host.
func (s *scope) readsOf(b *taskBody) *reads {
	b.read.Do(func() {
		for _, e := range b.block.Expressions(b.job.block) {
			s.addReads(&b.self, e)
		}
		if b.block.Lane.Sound() {
			s.addReads(&b.self, b.block.Lane)
		}
		b.self.name()
	})
	return &b.self
}

// addReads adds what an expression reads, and the locals that it names.
func (s *scope) addReads(r *reads, e *config.Expr) {
	if !e.Sound() || e.Uses.Roots&refs.Self == 0 {
		return
	}
	r.add(e)
	for _, ref := range e.Uses.Refs {
		if ref.Root == refs.Local && !slices.Contains(r.locals, ref.Name) {
			r.locals = append(r.locals, ref.Name)
			s.addReads(r, s.locals[ref.Name].Expr)
		}
	}
}

func (r *reads) add(e *config.Expr) {
	for _, t := range e.Variables() {
		if t.RootName() != "self" {
			continue
		}
		var path []string
		for _, step := range t[1:] {
			attr, ok := step.(hcl.TraverseAttr)
			if !ok {
				break
			}
			path = append(path, attr.Name)
		}
		r.note(path)
		switch {
		case len(path) == 0 || path[0] == "name":
			r.own = true
		case path[0] != "facts" && !slices.ContainsFunc(r.paths, func(p []string) bool { return slices.Equal(p, path) }):
			r.paths = append(r.paths, path)
		}
	}
}

// Alike returns the same text for hosts on which a task is the same as long as no facts and no results are known. It
// returns "" for a host that has to be looked at by itself.
func (s *Site) Alike(t *Task, h *Host) string {
	r := s.scope.readsOf(t.body)
	if r.own {
		return ""
	}
	key := []byte{'='}
	for _, path := range r.paths {
		v, ok := follow(t.body.job.self[h], path)
		if !ok {
			return "" // an error, which is the host's own
		}
		if key = appendKey(key, v); key == nil {
			return ""
		}
	}
	return string(key)
}

// appendKey appends what tells a value from others, or returns nil.
func appendKey(key []byte, v cty.Value) []byte {
	if v.ContainsMarked() || !v.IsWhollyKnown() {
		return nil
	}
	if !v.IsNull() && v.Type() == cty.String {
		return strconv.AppendQuote(append(key, 's'), v.AsString())
	}
	if !v.IsNull() && v.Type() == cty.Number {
		if n, accuracy := v.AsBigFloat().Int64(); accuracy == big.Exact {
			return strconv.AppendInt(append(key, 'n'), n, 10)
		}
	}
	if text, err := ctyjson.Marshal(v, cty.DynamicPseudoType); err == nil {
		return append(append(key, 'v'), text...)
	}
	return nil
}

// note keeps the way to what is read, whatever it is.
func (r *reads) note(path []string) {
	switch {
	case len(path) == 0:
		r.whole = true
	case path[0] != "facts" && !slices.ContainsFunc(r.all, func(p []string) bool { return slices.Equal(p, path) }):
		r.all = append(r.all, path)
	}
}

// name names what is read. Hosts are alike for all tasks that read the same.
func (r *reads) name() {
	slices.SortFunc(r.paths, slices.Compare[[]string])
	slices.SortFunc(r.all, slices.Compare[[]string])
	var names []string
	for _, path := range r.all {
		names = append(names, strings.Join(path, "\x00"))
	}
	r.set = strings.Join(names, "\x01")
}

// hostTypes are the hosts of a job by the types of what some tasks read of them.
type hostTypes struct {
	groups [][]*Host     // the last one: those of which something else is read
	index  map[*Host]int // of the group
}

// different returns those hosts of a job on which a task has to be checked: what is right on one of the others is right
// on them.
func (s *Site) different(t *Task, j *jobScope) []*Host {
	r := s.scope.readsOf(t.body)
	var out []*Host
	groups := s.byTypes(r, j).groups
	t.body.similar = make([]bool, len(groups))
	for i, group := range groups {
		switch {
		case i < len(groups)-1 && len(group) > fewHosts && s.scope.isTotal(t, group[0]):
			t.body.similar[i] = true
			out = append(out, group[0])
		case r.own, t.writesHere():
			out = append(out, group...)
		default:
			out = s.unlike(out, t, group)
		}
	}
	return out
}

// writesHere says whether a task writes on the controller: where one host's does, no other one's may.
func (t *Task) writesHere() bool {
	return slices.ContainsFunc(t.body.schema.Arguments, func(a schema.Attribute) bool { return a.Type == schema.Destination })
}

// Similar returns the same text for many hosts on which a task differs, as long as no facts and no results are known, in
// nothing but what stands in its texts. It returns "" for a host that is like no other in that.
func (s *Site) Similar(t *Task, h *Host) string {
	r := s.scope.readsOf(t.body)
	types := t.body.job.groups[r.set]
	if r.whole || types == nil || t.body.similar == nil || !t.body.similar[types.index[h]] {
		return ""
	}
	return strconv.Itoa(types.index[h])
}

// byTypes groups the hosts of a job by the types of what is read of them.
func (s *Site) byTypes(r *reads, j *jobScope) *hostTypes {
	if r.whole {
		return &hostTypes{groups: [][]*Host{j.Hosts}}
	}
	if found := j.groups[r.set]; found != nil {
		return found
	}
	out := &hostTypes{index: make(map[*Host]int, len(j.Hosts))}
	byKey := map[string]int{}
	var rest []*Host
	for _, h := range j.Hosts {
		key := s.scope.typesOf(r, j.self[h])
		if key == "" {
			rest = append(rest, h)
			continue
		}
		i, ok := byKey[key]
		if !ok {
			i = len(out.groups)
			byKey[key] = i
			out.groups = append(out.groups, nil)
		}
		out.groups[i] = append(out.groups[i], h)
		out.index[h] = i
	}
	for _, h := range rest {
		out.index[h] = len(out.groups)
	}
	out.groups = append(out.groups, rest)
	j.groups[r.set] = out
	return out
}

// unlike adds one of each of the hosts on which a task is the same.
func (s *Site) unlike(out []*Host, t *Task, hosts []*Host) []*Host {
	seen := map[string]bool{}
	for _, h := range hosts {
		key := s.Alike(t, h)
		if key == "" || !seen[key] {
			out = append(out, h)
		}
		seen[key] = true
	}
	return out
}
