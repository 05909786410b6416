package outline

import (
	"fmt"
	"slices"
	"strings"

	"runner/lang/diag"
	"runner/planner/plan"
)

// tree is the connections of a plan, of many that are alike only some.
type tree struct {
	plan    *plan.Plan
	verbose bool // everything, also what is like something shown

	children map[int][]int // -1: those of the controller
	users    [][]int       // hosts that need a connection, by connection
	ends     [][]int       // hosts whose chains end there, by connection
	shapes   []string      // of the tree below a connection, without names
}

func newTree(p *plan.Plan, verbose bool) *tree {
	o := &tree{plan: p, verbose: verbose, children: map[int][]int{}}
	o.users = make([][]int, len(p.Connections))
	o.ends = make([][]int, len(p.Connections))
	for i, h := range p.Hosts {
		if h.Connection >= 0 {
			o.ends[h.Connection] = append(o.ends[h.Connection], i)
		}
	}
	o.shapes = make([]string, len(p.Connections))
	for i, c := range p.Connections {
		o.children[c.Parent] = append(o.children[c.Parent], i)
	}
	o.findUsers()
	for i := len(p.Connections) - 1; i >= 0; i-- { // children come after their parents
		var below []string
		for _, child := range o.children[i] {
			below = append(below, o.shapes[child])
		}
		slices.Sort(below)
		o.shapes[i] = p.Connections[i].Transport + "(" + strings.Join(below, " ") + ")"
	}
	return o
}

// findUsers notes which hosts need a connection: those with it in their chain, and those with a task that goes through it.
func (o *tree) findUsers() {
	use := func(host, last int) {
		for _, c := range o.plan.Chain(last) {
			if u := o.users[c]; len(u) == 0 || u[len(u)-1] != host {
				o.users[c] = append(u, host)
			}
		}
	}
	further := map[int][]int{} // host → last connections of its tasks
	for _, job := range o.plan.Jobs {
		for _, tasks := range [][]plan.Task{job.Tasks, job.Handlers} {
			for _, t := range tasks {
				for host, c := range t.Connections {
					if t.Selected && !slices.Contains(further[host], c) {
						further[host] = append(further[host], c)
					}
				}
			}
		}
	}
	for host := range o.plan.Hosts {
		use(host, o.plan.Hosts[host].Connection)
		for _, c := range further[host] {
			use(host, c)
		}
	}
}

// Up to allAlike connections of one shape under one parent are all shown, of more only someAlike.
const (
	allAlike  = 16
	someAlike = 4
)

// branch is a connection, or stands for more of one shape.
type branch struct {
	connection int
	like       int   // how many it stands for; 0: it is one
	users      []int // hosts that need it
	ends       []int // hosts whose chains end there, or somewhere behind what it stands for
}

func (b branch) hosts(ends bool) []int {
	if ends {
		return b.ends
	}
	return b.users
}

func (b branch) title(p *plan.Plan) string {
	if b.like > 0 {
		return fmt.Sprintf("… %d more like these", b.like)
	}
	return diag.HarmlessLine(p.Connections[b.connection].Title)
}

// branches are the connections behind another one (-1: the controller).
func (o *tree) branches(parent int) []branch {
	alike := map[string]int{}
	for _, c := range o.children[parent] {
		alike[o.shapes[c]]++
	}
	shown := map[string]int{}
	hidden := map[string][]int{}
	var order []int
	for _, c := range o.children[parent] {
		if shape := o.shapes[c]; alike[shape] > allAlike && shown[shape] >= someAlike && !o.verbose {
			hidden[shape] = append(hidden[shape], c)
			continue
		}
		shown[o.shapes[c]]++
		order = append(order, c)
	}
	var more []string
	for shape, list := range hidden {
		if len(list) == 1 { // one more is no longer than the line that says so
			order = append(order, list[0])
			continue
		}
		more = append(more, shape)
	}
	slices.Sort(order)
	slices.Sort(more)
	var out []branch
	for _, c := range order {
		out = append(out, branch{connection: c, users: o.users[c], ends: o.ends[c]})
	}
	for _, shape := range more {
		more := branch{connection: -1, like: len(hidden[shape])}
		for _, c := range hidden[shape] {
			more.users = append(more.users, o.users[c]...)
		}
		more.ends = more.users
		out = append(out, more)
	}
	return out
}
