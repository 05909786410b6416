package lang

import (
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"runner/lang/config"
	"runner/lang/refs"
)

// reads is what a task's expressions read of self, the facts left aside.
type reads struct {
	paths  [][]string
	locals []string // through which they read it
	// own: something that no two hosts have in common, or self as a whole.
	own bool
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
		v := t.body.job.self[h]
		for _, name := range path {
			switch {
			case v.IsMarked() || !v.IsKnown() || v.IsNull():
				return ""
			case v.Type().IsObjectType() && v.Type().HasAttribute(name):
				v = v.GetAttr(name)
			case v.Type().IsMapType() && v.HasIndex(cty.StringVal(name)).True():
				v = v.Index(cty.StringVal(name))
			default:
				return "" // an error, which is the host's own
			}
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

// different returns one of each of the hosts of a job on which a task is the same.
func (s *Site) different(t *Task, j *jobScope) []*Host {
	r := s.scope.readsOf(t.body)
	if r.own {
		return j.Hosts
	}
	set := r.set()
	if out, ok := j.groups[set]; ok {
		return out
	}
	seen := map[string]bool{}
	var out []*Host
	for _, h := range j.Hosts {
		key := s.Alike(t, h)
		if key == "" || !seen[key] {
			out = append(out, h)
		}
		seen[key] = true
	}
	j.groups[set] = out
	return out
}

// set names what is read. Hosts are alike for all tasks that read the same.
func (r *reads) set() string {
	var names []string
	for _, path := range r.paths {
		names = append(names, strings.Join(path, "\x00"))
	}
	slices.Sort(names)
	return strings.Join(names, "\x01")
}
