// Package outline shows where a plan goes and in which order, not what it changes there: its connections as a tree, its jobs, and
// the pipelines of each host. Its neighbours are graph, which draws, and views, which shows the changes.
package outline

import (
	"fmt"
	"slices"
	"strings"

	"runner/cmd/runner/cli/names"
	"runner/cmd/runner/cli/style"
	"runner/lang/diag"
	"runner/planner/plan"
)

// Text is the connections and the pipelines of a plan; those that are many and alike are shown in part unless it is verbose.
func Text(s style.Style, p *plan.Plan, verbose bool) string {
	o := newOutline(s, p, verbose)
	text := o.connections()
	if pipelines := o.pipelines(); pipelines != "" {
		text += "\n" + pipelines
	}
	return text
}

// outline is what is written of a tree.
type outline struct {
	style.Style
	*tree
	ends bool // shows the hosts whose chains end at a hop, not those that need it
}

func newOutline(s style.Style, p *plan.Plan, verbose bool) *outline {
	return &outline{Style: s, tree: newTree(p, verbose)}
}

func (o *outline) connections() string {
	if len(o.plan.Connections) == 0 {
		return ""
	}
	var rows []row
	o.rows(&rows, -1, "")
	widest, hosts := 0, 0
	for _, r := range rows {
		widest = max(widest, style.Columns(r.title))
		if o.ends { // most hops have none
			hosts = max(hosts, min(style.Columns(r.hosts), 40))
		}
	}
	var b strings.Builder
	b.WriteString(o.Paint(style.Bold, "Connections:") + "\n")
	for _, r := range rows {
		line := "  " + style.Pad(r.title, min(widest, 60)) + "  " + r.hosts + strings.Repeat(" ", max(hosts-style.Columns(r.hosts), 0))
		if r.note != "" {
			line += "  " + o.Paint(style.Dim, "("+r.note+")")
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	if !o.ends && o.relays() {
		b.WriteString("  " + o.Paint(style.Dim, "An account on the way can see what goes to the hops behind it, but not through an ssh hop there.") + "\n")
	}
	return b.String()
}

// relays says whether an agent passes on what is for another hop.
func (o *outline) relays() bool {
	return slices.ContainsFunc(o.plan.Connections, func(c plan.Connection) bool { return c.Parent >= 0 && c.Transport != "ssh" })
}

// row is a line of the tree.
type row struct{ title, hosts, note string }

func (o *outline) rows(out *[]row, parent int, indent string) {
	branches := o.branches(parent)
	for i, b := range branches {
		sign, below := "├─ ", "│  "
		if i == len(branches)-1 {
			sign, below = "└─ ", "   "
		}
		if parent < 0 {
			sign, below = "", ""
		}
		if b.like > 0 {
			*out = append(*out, row{title: indent + sign + b.title(o.plan), hosts: o.hostNames(b.hosts(o.ends), 2)})
			continue
		}
		*out = append(*out, row{indent + sign + b.title(o.plan), o.hostNames(b.hosts(o.ends), 6), o.note(b.connection)})
		o.rows(out, b.connection, indent+below)
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
		notes = append(notes, "no agent here, sees ciphertext only")
	}
	return strings.Join(notes, ", ")
}

func (o *outline) hostNames(hosts []int, most int) string {
	list := make([]string, len(hosts))
	for i, h := range hosts {
		list[i] = o.plan.Hosts[h].Name
	}
	return names.List(list, most)
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
			fmt.Fprintf(&b, "  job.%s on %s%s\n", diag.HarmlessLine(o.plan.Jobs[job].Name), o.hostNames(g.hosts, 6),
				o.Paint(style.Dim, "  ("+diag.Count(o.plan.RoundTrips(g.cuts), "round trip")+")"))
			for i, p := range g.cuts {
				fmt.Fprintf(&b, "    %d. %s\n", i+1, o.pipeline(p))
			}
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return o.Paint(style.Bold, "Pipelines:") + "\n" + b.String()
}

func (o *outline) pipeline(p plan.Pipeline) string {
	job := o.plan.Jobs[p.Job]
	var selected []string
	for i, t := range job.Tasks[p.From:p.To] {
		if t.Selected && !job.Rescues(p.From+i) {
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
		text += o.Paint(style.Dim, "  ("+diag.HarmlessLine(strings.Join(why, ", "))+")")
	}
	return text
}
