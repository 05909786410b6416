package lookahead

import (
	"slices"
	"testing"

	"runner/agent/wire"
	"runner/planner/plan"
)

// jobs: 1 after 0, 2 after 1, and 3, which waits for nobody; all on host 0.
func jobs() *plan.Plan {
	p := &plan.Plan{Jobs: make([]plan.Job, 4)}
	for i := range p.Jobs {
		p.Jobs[i].Hosts = []int{0}
	}
	p.Jobs[1].After, p.Jobs[2].After = []int{0}, []int{1}
	return p
}

// TestPipeline: jobs that follow each other share a pipeline, until one of them has cancelled it.
func TestPipeline(t *testing.T) {
	l := New(jobs())
	n := uint32(0)
	next := func() uint32 { n++; return n }
	for _, step := range []struct {
		job  int
		want uint32
	}{{0, 1}, {3, 2}, {1, 1}} {
		if got := l.Pipeline(0, step.job, next); got != step.want {
			t.Errorf("job %d has pipeline %d, want %d", step.job, got, step.want)
		}
	}
	l.Drop(0, 1)
	if got := l.Pipeline(0, 2, next); got != 3 {
		t.Errorf("after a failure the next job has pipeline %d", got)
	}
}

// TestElsewhere: an agent is told once of what it does not know, and of nothing that may as well happen later.
func TestElsewhere(t *testing.T) {
	l := New(jobs())
	own, other := Peer{Pipeline: 1, Connection: 0}, Peer{Pipeline: 1, Connection: 1}
	l.Leave("m", Trace{Job: 0, Knows: own, Address: "a", Path: "/a"})
	l.Leave("m", Trace{Job: 3, Knows: Peer{Pipeline: 2}, Address: "x", Path: "/x"})
	l.Leave("elsewhere", Trace{Job: 0, Knows: own, Address: "e", Path: "/e"})
	l.Leave("m", Trace{Job: 1, Host: 5, Knows: Peer{Pipeline: 9}, Address: "h", Path: "/h"})
	if flags, paths := l.Elsewhere("m", 1, 0, own); flags != 0 || paths != nil {
		t.Errorf("who knows is told %v, %v", flags, paths)
	}
	flags, paths := l.Elsewhere("m", 1, 0, other)
	if flags != wire.FlagUnsettled || len(paths) != 1 || paths[0] != (wire.Elsewhere{Path: "/a"}) {
		t.Errorf("told %v, %v", flags, paths)
	}
	if flags, paths := l.Elsewhere("m", 1, 0, other); flags != 0 || paths != nil {
		t.Errorf("told again %v, %v", flags, paths)
	}
	if by := l.Why("m", 1, 0); by != "" {
		t.Errorf("no program has run, but %s", by)
	}
	l.Leave("m", Trace{Job: 1, Knows: own, Address: "group", Setting: true})
	if by := l.Why("m", 2, 0); by != "group" {
		t.Errorf("it names %q", by)
	}
	l.Leave("m", Trace{Job: 1, Knows: own, Address: "run"})
	if flags, _ := l.Elsewhere("m", 2, 0, other); flags&wire.FlagDisturbed == 0 {
		t.Errorf("after a program: %v", flags)
	}
	if by := l.Why("m", 2, 0); by != "run" {
		t.Errorf("it names %q", by)
	}
	if by := l.Leaver("m", 3, 0); by != "x" || l.Leaver("m", 0, 0) != "a" || l.Leaver("none", 0, 0) != "" || !l.Expects(2, 0) {
		t.Errorf("who leaves something: %q", by)
	}
	for range 2 * mostPaths {
		l.Leave("many", Trace{Job: 0, Knows: own, Path: "/p"})
	}
	if flags, paths := l.Elsewhere("many", 1, 0, other); flags&wire.FlagDisturbed == 0 || len(paths) != mostPaths {
		t.Errorf("%v, %d paths", flags, len(paths))
	}
}

// TestPreceding: what other hosts of the same job leave on a machine is not even looked at; what earlier jobs have left comes
// in their order.
func TestPreceding(t *testing.T) {
	l := New(jobs())
	for _, job := range []int{2, 1, 0, 3} {
		for host := range 3 {
			l.Leave("m", Trace{Job: job, Host: host})
		}
	}
	for _, c := range []struct {
		job, host int
		want      [][2]int
	}{
		{0, 1, [][2]int{{0, 1}}},
		{2, 2, [][2]int{{0, 0}, {0, 1}, {0, 2}, {1, 0}, {1, 1}, {1, 2}, {2, 2}}},
		{3, 7, nil},
	} {
		var got [][2]int
		for trace := range l.preceding("m", c.job, c.host) {
			got = append(got, [2]int{trace.Job, trace.Host})
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("before job %d on host %d: %v, want %v", c.job, c.host, got, c.want)
		}
	}
}
