package outline

import (
	"fmt"
	"slices"
	"strings"

	"runner/cmd/runner/cli/graph"
	"runner/cmd/runner/cli/names"
	"runner/cmd/runner/cli/style"
	"runner/lang/diag"
	"runner/planner/plan"
)

// Graph is the connections of a plan as a tree, and its jobs in their order, for people to read.
func Graph(p *plan.Plan, verbose, color bool) string {
	o := newOutline(style.Style{Color: color}, p, verbose)
	o.ends = true
	text := o.connections()
	if text != "" {
		text += "\n"
	}
	if len(p.Jobs) == 0 {
		return text + "There are no jobs.\n"
	}
	text += o.Paint(style.Bold, "Jobs:") + "\n"
	widest := 0
	for _, j := range p.Jobs {
		widest = max(widest, style.Columns(jobTitle(j)))
	}
	for _, j := range p.Jobs {
		text += strings.TrimRight(fmt.Sprintf("  %s  %s", style.Pad(jobTitle(j), min(widest, 60)), o.jobHosts(j, 6)), " ") + "\n"
		for _, after := range j.After {
			line := "after " + jobTitle(p.Jobs[after])
			if reads := readsOf(j, p.Jobs[after]); reads != "" {
				line += o.Paint(style.Dim, ", "+reads)
			}
			text += "    " + line + "\n"
		}
	}
	return text
}

func jobTitle(j plan.Job) string { return "job." + diag.HarmlessLine(j.Name) }

// jobHosts says how much a job does, and where.
func (o *outline) jobHosts(j plan.Job, most int) string {
	tasks := diag.Count(selectedTasks(j), "task")
	if len(j.Hosts) == 0 {
		return tasks + " on no host"
	}
	return tasks + " on " + o.hostNames(j.Hosts, most)
}

func selectedTasks(j plan.Job) int {
	n := 0
	for _, t := range j.Tasks {
		if t.Selected {
			n++
		}
	}
	return n
}

// readsOf says which results of another job a job reads; "" where it only waits.
func readsOf(j, of plan.Job) string {
	prefix := "job." + of.Name + "."
	var list []string
	for _, t := range slices.Concat(j.Preconditions, j.Tasks, j.Handlers) {
		for _, need := range t.Needs {
			if name, ok := strings.CutPrefix(need, prefix); ok && !slices.Contains(list, name) {
				list = append(list, name)
			}
		}
	}
	if len(list) == 0 {
		return ""
	}
	return "reads " + names.Joined(list, 2)
}

// mostNoted is how many hosts are named when somebody points at a box.
const mostNoted = 60

// Drawing is Graph as boxes and arrows.
func Drawing(p *plan.Plan, verbose bool) graph.Drawing {
	o := newOutline(style.Style{}, p, verbose)
	hops := graph.Part{Title: "Connections", Nodes: []graph.Node{{Title: "controller"}}}
	o.drawHops(&hops, 0, -1)
	jobs := graph.Part{Title: "Jobs"}
	for i, j := range p.Jobs {
		jobs.Nodes = append(jobs.Nodes, graph.Node{Title: jobTitle(j), Lines: []string{o.jobHosts(j, 3)}, Note: jobTitle(j) + ": " + o.jobHosts(j, mostNoted)})
		for _, after := range j.After {
			jobs.Edges = append(jobs.Edges, graph.Edge{From: after, To: i, Label: readsOf(j, p.Jobs[after])})
		}
	}
	return graph.Drawing{hops, jobs}
}

func (o *outline) drawHops(part *graph.Part, from, parent int) {
	for _, b := range o.branches(parent) {
		node := graph.Node{Title: b.title(o.plan)}
		if len(b.ends) > 0 {
			node.Lines = []string{o.hostNames(b.ends, 3)}
			node.Note = node.Title + ": " + o.hostNames(b.ends, mostNoted)
		}
		at := len(part.Nodes)
		part.Nodes = append(part.Nodes, node)
		part.Edges = append(part.Edges, graph.Edge{From: from, To: at})
		if b.like > 0 {
			continue
		}
		if note := o.note(b.connection); note != "" {
			part.Nodes[at].Lines = append(part.Nodes[at].Lines, "("+note+")")
		}
		o.drawHops(part, at, b.connection)
	}
}
