package plan

import (
	"slices"
	"strings"
)

// Pipelines tells for each host of each job where its tasks are cut into pipelines, and why. The executor follows the
// same rules as it goes. Handlers, and rescues, which nobody needs where all goes well, are not among them.
func (p *Plan) Pipelines() []Pipeline {
	var out []Pipeline
	for j := range p.Jobs {
		for _, batch := range p.Jobs[j].Batches() {
			for i, h := range batch {
				c := cutter{plan: p, job: j, host: h, sent: map[string]bool{}}
				c.first, c.alone = p.Hosts[batch[0]].Name, len(batch) == 1
				c.cut(i == 0)
				out = append(out, c.out...)
			}
		}
	}
	return out
}

// cutter finds the pipelines of one job on one host.
type cutter struct {
	plan      *Plan
	job, host int
	first     string // name of the first host of the batch
	alone     bool   // there is no other

	out        []Pipeline
	connection int
	sent       map[string]bool // addresses in the pipeline that is open
	why        string          // the next task begins a pipeline, whatever it is
	facts      bool            // and waits for facts that a task before it needs
}

// cut goes through the tasks; first says whether the host is the one that runs what runs once.
func (c *cutter) cut(first bool) {
	job := &c.plan.Jobs[c.job]
	short := func(address string) string { return strings.TrimPrefix(address, "job."+job.Name+".") }
	for i := range job.Tasks {
		task := &job.Tasks[i]
		switch {
		case !task.Selected, job.Rescues(i):
		case task.Once && !first:
			c.why = short(task.Address) + " runs on " + c.first
		case task.Action == "flush":
			c.why = short(task.Address) + " runs handlers"
		case task.Action == "reset_connection":
			c.why = short(task.Address) + " closes the connection"
		case task.Action == "pause":
			c.why = short(task.Address) + " waits"
		case task.Aside():
			c.aside(task, short)
		default:
			alone := map[string]string{"http": " makes a request", "raw": " runs without an agent"}[task.Action]
			if alone != "" {
				c.why = short(task.Address) + alone
			}
			c.add(i, task, short)
			switch {
			case alone != "":
				c.why = short(task.Address) + alone
			case task.Action == "reboot":
				c.why = short(task.Address) + " restarts the machine"
			case task.Verdict:
				c.why = "waits for the verdict on " + short(task.Address)
			}
		}
	}
}

// aside is a task that is in no pipeline. What it reads may have to be known before the next one begins.
func (c *cutter) aside(task *Task, short func(string) string) {
	if task.Verdict {
		c.why = "waits for the verdict on " + short(task.Address)
	}
	if c.sent[task.Address] = true; task.Deferred() {
		return
	}
	c.facts = c.facts || c.waits(task)
	for _, need := range task.Needs {
		if c.sent[need] && len(c.out) > 0 {
			c.why = short(task.Address) + " needs " + short(need)
		}
	}
}

func (c *cutter) add(i int, task *Task, short func(string) string) {
	on, cut := task.On(c.host, c.plan), c.why
	switch {
	case len(c.out) == 0, cut != "":
	case on != c.connection && on >= 0:
		cut = "runs on " + c.plan.Connections[on].Title
	case c.plan.Jobs[c.job].Lockstep && !c.alone:
		cut = "lockstep"
	default:
		for _, need := range task.Needs {
			if c.sent[need] {
				cut = "needs " + short(need)
			}
		}
	}
	c.connection, c.why = on, ""
	if len(c.out) == 0 || cut != "" {
		if len(c.out) == 0 {
			cut = ""
		}
		c.out = append(c.out, Pipeline{Job: c.job, Host: c.host, From: i, Cut: cut})
		clear(c.sent)
	}
	last := &c.out[len(c.out)-1]
	last.To = i + 1
	last.Wait = last.Wait || c.waits(task) || c.facts
	c.facts = false
	if len(c.out) == 1 {
		last.Wait = last.Wait || slices.ContainsFunc(c.plan.Jobs[c.job].Preconditions, func(t Task) bool { return c.waits(&t) })
	}
	c.sent[task.Address] = true
}

// waits says whether a task needs facts that do not come with the first hello.
func (c *cutter) waits(t *Task) bool {
	own := c.plan.Hosts[c.host].Connection
	return t.SelfFacts && own >= 0 && c.plan.Connections[own].Parent >= 0 || len(t.Facts) > 0
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

// Tree holds for each connection those that lead straight on from it.
type Tree [][]int

// NewTree returns the tree of connections that are given parents first.
func NewTree(connections []Connection) Tree {
	t := make(Tree, len(connections))
	for c := range connections {
		if parent := connections[c].Parent; parent >= 0 {
			t[parent] = append(t[parent], c)
		}
	}
	return t
}

// Behind returns a connection and those that lead through it, parents first.
func (t Tree) Behind(c int) []int {
	out := []int{c}
	for i := 0; i < len(out); i++ {
		out = append(out, t[out[i]]...)
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

// Batches returns the job's hosts in the portions in which it goes over them.
func (j *Job) Batches() [][]int {
	var out [][]int
	sizes := j.Rollout.Batches
	for hosts := j.Hosts; len(hosts) > 0; {
		size := len(hosts)
		if n := min(len(out), len(sizes)-1); n >= 0 {
			size = min(max(1, sizes[n]), size)
		}
		out = append(out, hosts[:size])
		hosts = hosts[size:]
	}
	return out
}

// RunsOnce says whether one host of a batch does something for all of it.
func (j *Job) RunsOnce() bool {
	once := func(t Task) bool { return t.Once }
	return slices.ContainsFunc(j.Tasks, once) || slices.ContainsFunc(j.Handlers, once)
}

// Rescues says whether a task is part of a rescue, which runs only where something failed.
func (j *Job) Rescues(at int) bool {
	return slices.ContainsFunc(j.Tries, func(t Try) bool { return t.Rescue <= at && at < t.Always })
}

// RoundTrips is how long the chain of waits for a job on one host is, after the last authentication: until the agent says
// hello, and then one for each pipeline; a request has to be connected first. Facts from behind the first hop take one more.
func (p *Plan) RoundTrips(pipelines []Pipeline) int {
	if len(pipelines) == 0 {
		return 0
	}
	trips := 1 + len(pipelines)
	if chain := p.Chain(p.Hosts[pipelines[0].Host].Connection); len(chain) > 0 && p.Connections[chain[0]].Transport == "ssh" {
		trips++ // the channel is opened first
	}
	if slices.ContainsFunc(pipelines, func(l Pipeline) bool { return l.Wait }) {
		trips++
	}
	for _, l := range pipelines {
		if p.Jobs[l.Job].Tasks[l.From].Action == "http" {
			trips++
		}
	}
	return trips
}
