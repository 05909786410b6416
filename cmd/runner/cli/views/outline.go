package views

import (
	"fmt"
	"slices"
	"strings"

	"runner/lang/diag"
	"runner/planner/plan"
)

// outline shows where a plan goes before it says what it does there: the connections as a tree, and the pipelines.
type outline struct {
	style
	plan    *plan.Plan
	verbose bool // everything, also what is like something shown

	children map[int][]int // -1: those of the controller
	users    [][]int       // hosts that need a connection, by connection
	shapes   []string      // of the tree below a connection, without names
}

func newOutline(s style, p *plan.Plan, verbose bool) *outline {
	o := &outline{style: s, plan: p, verbose: verbose, children: map[int][]int{}}
	o.users = make([][]int, len(p.Connections))
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
func (o *outline) findUsers() {
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

func (o *outline) connections() string {
	if len(o.plan.Connections) == 0 {
		return ""
	}
	var rows []row
	o.rows(&rows, -1, "")
	widest := 0
	for _, r := range rows {
		widest = max(widest, columns(r.title))
	}
	var b strings.Builder
	b.WriteString(o.paint(bold, "Connections:") + "\n")
	for _, r := range rows {
		line := "  " + pad(r.title, min(widest, 60)) + "  " + r.hosts
		if r.note != "" {
			line += "  " + o.paint(dim, "("+r.note+")")
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}

// row is a line of the tree.
type row struct{ title, hosts, note string }

func (o *outline) rows(out *[]row, parent int, indent string) {
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
	for i, c := range order {
		branch, below := "├─ ", "│  "
		if i == len(order)-1 && len(more) == 0 {
			branch, below = "└─ ", "   "
		}
		if parent < 0 {
			branch, below = "", ""
		}
		*out = append(*out, row{indent + branch + diag.HarmlessLine(o.plan.Connections[c].Title), o.hostNames(o.users[c], 6), o.note(c)})
		o.rows(out, c, indent+below)
	}
	for i, shape := range more {
		branch := "├─ "
		if i == len(more)-1 {
			branch = "└─ "
		}
		if parent < 0 {
			branch = ""
		}
		list := hidden[shape]
		var users []int
		for _, c := range list {
			users = append(users, o.users[c]...)
		}
		title := fmt.Sprintf("… %d more like these", len(list))
		*out = append(*out, row{title: indent + branch + title, hosts: o.hostNames(users, 2)})
	}
}

// note says how an ssh hop behind another hop is reached.
func (o *outline) note(c int) string {
	conn := o.plan.Connections[c]
	var notes []string
	if conn.Transport == "ssh" && conn.Parent >= 0 {
		if o.plan.Connections[conn.Parent].Transport == "ssh" {
			notes = append(notes, "by direct-tcpip")
		} else {
			notes = append(notes, "dialled by the agent before it")
		}
	}
	if conn.Transit {
		notes = append(notes, "no agent here")
	}
	return strings.Join(notes, ", ")
}

func (o *outline) hostNames(hosts []int, most int) string {
	list := make([]string, len(hosts))
	for i, h := range hosts {
		list[i] = o.plan.Hosts[h].Name
	}
	return names(list, most)
}

// pipelines shows where the tasks of each job are cut, hosts with the same cuts together.
func (o *outline) pipelines() string {
	type group struct {
		cuts  []plan.Pipeline
		hosts []int
	}
	var b strings.Builder
	pipelines := o.plan.Pipelines()
	for len(pipelines) > 0 {
		job := pipelines[0].Job
		groups := map[string]*group{}
		var order []*group
		for len(pipelines) > 0 && pipelines[0].Job == job {
			host, n := pipelines[0].Host, 1
			for n < len(pipelines) && pipelines[n].Host == host && pipelines[n].Job == job {
				n++
			}
			cuts := pipelines[:n]
			pipelines = pipelines[n:]
			var key strings.Builder
			for _, p := range cuts {
				fmt.Fprintf(&key, "%d %d %s %t\n", p.From, p.To, p.Cut, p.Wait)
			}
			g := groups[key.String()]
			if g == nil {
				g = &group{cuts: cuts}
				groups[key.String()] = g
				order = append(order, g)
			}
			g.hosts = append(g.hosts, host)
		}
		for _, g := range order {
			fmt.Fprintf(&b, "  job.%s on %s\n", diag.HarmlessLine(o.plan.Jobs[job].Name), o.hostNames(g.hosts, 6))
			for i, p := range g.cuts {
				fmt.Fprintf(&b, "    %d. %s\n", i+1, o.pipeline(p))
			}
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return o.paint(bold, "Pipelines:") + "\n" + b.String()
}

func (o *outline) pipeline(p plan.Pipeline) string {
	job := o.plan.Jobs[p.Job]
	var selected []string
	for _, t := range job.Tasks[p.From:p.To] {
		if t.Selected {
			selected = append(selected, strings.TrimPrefix(t.Address, "job."+job.Name+"."))
		}
	}
	text := selected[0]
	if n := len(selected); n > 1 {
		text = fmt.Sprintf("%s … %s (%d tasks)", selected[0], selected[n-1], n)
	}
	var why []string
	if p.Cut != "" {
		why = append(why, strings.ReplaceAll(p.Cut, "job."+job.Name+".", ""))
	}
	if p.Wait {
		why = append(why, "waits for facts")
	}
	if len(why) > 0 {
		text += o.paint(dim, "  ("+diag.HarmlessLine(strings.Join(why, ", "))+")")
	}
	return text
}
