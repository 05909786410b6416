package plan

import "strings"

// Pipelines tells for each host of each job where its tasks are cut into pipelines, and why. The executor follows the
// same rules as it goes.
func (p *Plan) Pipelines() []Pipeline {
	var out []Pipeline
	for j, job := range p.Jobs {
		for _, h := range job.Hosts {
			out = append(out, p.pipelinesOf(j, h)...)
		}
	}
	return out
}

func (p *Plan) pipelinesOf(j, h int) []Pipeline {
	job := &p.Jobs[j]
	var out []Pipeline
	connection := -1
	sent := map[string]bool{} // addresses in the pipeline that is open
	for i := range job.Tasks {
		task := &job.Tasks[i]
		if !task.Selected {
			continue
		}
		cut := ""
		switch on := task.On(h, p); {
		case len(out) == 0:
			connection = on
		case on != connection:
			connection = on
			cut = "runs on " + p.Connections[on].Title
		default:
			for _, need := range task.Needs {
				if sent[need] {
					cut = "needs " + strings.TrimPrefix(need, "job."+job.Name+".")
				}
			}
		}
		if len(out) == 0 || cut != "" {
			out = append(out, Pipeline{Job: j, Host: h, From: i, Cut: cut})
			clear(sent)
		}
		last := &out[len(out)-1]
		last.To = i + 1
		if (task.SelfFacts && p.Connections[p.Hosts[h].Connection].Parent >= 0) || len(task.Facts) > 0 {
			last.Wait = true
		}
		sent[task.Address] = true
	}
	return out
}

// On returns the connection that a task runs on for a host.
func (t *Task) On(host int, p *Plan) int {
	if c, ok := t.Connections[host]; ok {
		return c
	}
	return p.Hosts[host].Connection
}

// Chain returns the connections from the controller to c, outermost first.
func (p *Plan) Chain(c int) []int {
	var out []int
	for ; c >= 0; c = p.Connections[c].Parent {
		out = append([]int{c}, out...)
	}
	return out
}

// Shared counts the hops that are opened, and how often a host or one of its tasks needs one that another host opened.
func (p *Plan) Shared() (connections, reused int) {
	needed := map[[2]int]bool{} // host, connection
	add := func(host, last int) {
		for c := last; c >= 0; c = p.Connections[c].Parent {
			needed[[2]int{host, c}] = true
		}
	}
	for i, h := range p.Hosts {
		add(i, h.Connection)
	}
	for _, j := range p.Jobs {
		for _, tasks := range [][]Task{j.Tasks, j.Handlers} {
			for _, t := range tasks {
				for host, c := range t.Connections {
					add(host, c)
				}
			}
		}
	}
	return len(p.Connections), len(needed) - len(p.Connections)
}
