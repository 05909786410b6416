// Package planner turns a checked site into a plan: which connections are needed and who shares them, which jobs wait
// for which, where pipelines are cut. It opens no connection. Its neighbours are lang, which it reads, planner/plan,
// which it fills, and executor, which walks the result and asks its Evaluator for the values that only a run can give.
package planner

import (
	"slices"

	"github.com/hashicorp/hcl/v2"

	"runner/lang"
	"runner/lang/source"
	"runner/planner/digests"
	"runner/planner/plan"
	"runner/planner/trees"
)

// Options are what planning needs to know beside the site.
type Options struct {
	Selection Selection
	EveryHost bool           // checks the ways to all hosts, also those on which nothing runs
	Files     source.Files   // those that tasks name; nil: the disk's
	Digests   *digests.Cache // what is known of files from earlier runs, which the caller saves; nil: nothing
	// Expand resolves one hop into those that it stands for: an ssh hop into its jump hosts and itself, with the values
	// of ~/.ssh/config filled in. Other hops come back as they are.
	Expand func(transport string, options map[string]any) ([]map[string]any, error)
	// Title names a hop for people, without its secrets.
	Title func(transport string, options map[string]any) string
	// User says who one is behind a hop; "" is not known before.
	User func(transport string, options map[string]any) string
}

// Build plans a site. The plan is nil when there are errors.
func Build(site *lang.Site, o Options) (*plan.Plan, *Evaluator, hcl.Diagnostics) {
	picked, diags := o.Selection.apply(site)
	if diags.HasErrors() {
		return nil, nil, diags
	}
	if o.Files == nil {
		o.Files = source.Disk{}
	}
	b := &builder{
		options: o,
		site:    site,
		picked:  picked,
		tree:    newTree(o, site.Settings.ConnectTimeout),
		hosts:   map[*lang.Host]int{},
		names:   make(map[string]*lang.Host, len(site.Hosts)),
		plan:    &plan.Plan{Site: site.Dir, Parallelism: site.Settings.Parallelism},
		eval:    &Evaluator{site: site, files: o.Files, timeout: site.Settings.TaskTimeout, tasks: map[string]*lang.Task{}, rescues: map[string]bool{}, sources: map[string]*sourceFile{}, trees: trees.Trees{Digests: o.Digests}},
	}
	for _, h := range site.Hosts {
		b.names[h.Name] = h
	}
	if o.EveryHost {
		b.checkWays()
	}
	b.build()
	b.diags = distinct(b.diags)
	if b.diags.HasErrors() {
		return nil, nil, append(diags, b.diags...)
	}
	return b.plan, b.eval, append(diags, b.diags...)
}

// builder fills one plan.
type builder struct {
	options Options
	site    *lang.Site
	picked  selected
	tree    *tree
	hosts   map[*lang.Host]int    // index in plan.Hosts
	names   map[string]*lang.Host // all of the site
	plan    *plan.Plan
	eval    *Evaluator
	diags   hcl.Diagnostics
}

func (b *builder) build() {
	byName := map[string]int{}
	for _, job := range inOrder(b.site.Jobs) {
		if b.picked.jobs[job.Name] {
			byName[job.Name] = len(b.plan.Jobs)
			b.plan.Jobs = append(b.plan.Jobs, b.job(job, byName))
		}
	}
	if b.diags.HasErrors() {
		return // a chain that could not be resolved leads nowhere
	}
	for _, o := range b.site.Outputs {
		b.plan.Needs = append(b.plan.Needs, o.Needs...)
		for _, h := range o.Facts {
			if i, ok := b.hosts[h]; ok && b.plan.Hosts[i].Connection >= 0 { // an output connects to nobody
				b.plan.Facts = append(b.plan.Facts, i)
			}
		}
	}
	b.tree.mark(b.plan)
	b.plan.Connections = b.tree.connections
}

// checkWays resolves the hops of all hosts.
func (b *builder) checkWays() {
	seen := map[*lang.Hop]bool{}
	for _, h := range b.site.Hosts {
		for _, hop := range h.Hops {
			if seen[hop] {
				continue
			}
			seen[hop] = true
			if _, err := b.tree.expand(hop); err != nil {
				b.diags = append(b.diags, hopError(hop, err))
			}
		}
	}
}

// distinct leaves out what is said again of a hop on the way to several hosts.
func distinct(diags hcl.Diagnostics) hcl.Diagnostics {
	type said struct {
		at     hcl.Range
		detail string
	}
	seen := map[said]bool{}
	return slices.DeleteFunc(diags, func(d *hcl.Diagnostic) bool {
		key := said{detail: d.Detail}
		if d.Subject != nil {
			key.at = *d.Subject
		}
		again := seen[key]
		seen[key] = true
		return again
	})
}

// inOrder returns the jobs with dependencies before dependants, otherwise in source order. Cycles are lang's to refuse.
func inOrder(jobs []*lang.Job) []*lang.Job {
	byName := make(map[string]*lang.Job, len(jobs))
	for _, j := range jobs {
		byName[j.Name] = j
	}
	var out []*lang.Job
	seen := map[string]bool{}
	var visit func(*lang.Job)
	visit = func(j *lang.Job) {
		if j == nil || seen[j.Name] {
			return
		}
		seen[j.Name] = true
		for _, name := range j.DependsOn {
			visit(byName[name])
		}
		out = append(out, j)
	}
	for _, j := range jobs {
		visit(j)
	}
	return out
}

func (b *builder) job(job *lang.Job, byName map[string]int) plan.Job {
	out := plan.Job{Name: job.Name, Place: placeOf(job.Range)}
	for _, name := range job.DependsOn {
		if i, ok := byName[name]; ok {
			out.After = append(out.After, i)
		}
	}
	works := slices.ContainsFunc(job.Tasks, b.picked.takes)
	connects := func(h *lang.Host) bool {
		at := func(t *lang.Task) bool { return t.AtHost(h) }
		return len(job.Tasks) == 0 || // who plans without tasks adds its own
			slices.ContainsFunc(job.Tasks, func(t *lang.Task) bool { return b.picked.takes(t) && at(t) }) ||
			works && (slices.ContainsFunc(job.Preconditions, at) || slices.ContainsFunc(job.Handlers, at))
	}
	var hosts []*lang.Host
	for _, h := range job.Hosts {
		if b.picked.hosts == nil || b.picked.hosts[h.Name] {
			hosts = append(hosts, h)
			out.Hosts = append(out.Hosts, b.host(h, connects(h)))
		}
	}
	for _, t := range job.Preconditions {
		out.Preconditions = append(out.Preconditions, b.task(t, hosts, works))
	}
	for _, t := range job.Tasks {
		out.Tasks = append(out.Tasks, b.task(t, hosts, b.picked.takes(t)))
	}
	for _, t := range job.Handlers { // always ready to be notified
		out.Handlers = append(out.Handlers, b.task(t, hosts, works && b.picked.targets(t)))
	}
	for _, t := range job.Tries {
		out.Tries = append(out.Tries, plan.Try(t))
		for i := t.From; i < t.To; i++ { // what cannot be judged has failed: nothing behind may have started by then
			out.Tasks[i].Verdict = out.Tasks[i].Verdict || out.Tasks[i].ChangedWhen
			b.eval.rescues[out.Tasks[i].Address] = b.eval.rescues[out.Tasks[i].Address] || t.Rescue <= i && i < t.Always
		}
	}
	out.Lockstep = job.Lockstep
	out.Rollout = rollout(job.Rollout, len(hosts))
	return out
}

// rollout counts the hosts of a job's batches.
func rollout(r lang.Rollout, hosts int) plan.Rollout {
	out := plan.Rollout{MaxFailures: r.MaxFailures.Of(hosts), Pause: r.Pause}
	for _, batch := range r.Batches {
		out.Batches = append(out.Batches, max(1, batch.Of(hosts)))
	}
	return out
}

// host returns the index of a host; connect tells whether it has to be connected to.
func (b *builder) host(h *lang.Host, connect bool) int {
	i, ok := b.hosts[h]
	if !ok {
		i = len(b.plan.Hosts)
		b.hosts[h] = i
		b.plan.Hosts = append(b.plan.Hosts, plan.Host{Name: h.Name, Connection: -1})
		b.eval.hosts = append(b.eval.hosts, h)
	}
	if connect && b.plan.Hosts[i].Connection < 0 {
		connection, diags := b.tree.chain(-1, h.Hops)
		b.diags = append(b.diags, diags...)
		b.plan.Hosts[i].Connection = connection
	}
	return i
}

func (b *builder) task(t *lang.Task, hosts []*lang.Host, selected bool) plan.Task {
	out := plan.Task{
		Address: t.Address, Action: t.Action, Own: preview(t), Name: t.Name,
		Needs: t.Needs, SelfFacts: t.SelfFacts, Notify: t.Notify, Results: t.Results(), Uncut: t.Uncut(), Keyed: t.Keyed(), Elements: b.eval.site.Elements(t),
		Once: t.Once, ChangedWhen: t.ChangedWhen(), Verdict: t.Verdict(),
		OnFailure: plan.OnFailure(t.OnFailure), Selected: selected, Place: placeOfTask(t),
	}
	if out.OnFailure == "" {
		out.OnFailure = plan.Stop
	}
	b.eval.tasks[t.Address] = t
	if !out.Selected {
		return out
	}
	for _, name := range t.Facts {
		if h := b.names[name]; h != nil {
			out.Facts = append(out.Facts, b.host(h, true))
		}
	}
	for _, h := range hosts {
		b.way(&out, t, h)
	}
	return out
}

// way finds out which connection a task runs on for a host, where it is not the host's own.
func (b *builder) way(out *plan.Task, t *lang.Task, h *lang.Host) {
	on, hops := t.On(h), t.Hops(h)
	if on == h && len(hops) == 0 {
		return
	}
	first, diags := b.tree.chain(-1, on.Hops)
	last, more := b.tree.chain(first, hops)
	b.diags = append(b.diags, append(diags, more...)...)
	if out.Connections == nil {
		out.Connections = map[int]int{}
	}
	out.Connections[b.hosts[h]] = last
}

func placeOfTask(t *lang.Task) plan.Place {
	out := placeOf(t.Range)
	out.Used = t.Used()
	return out
}

func placeOf(r hcl.Range) plan.Place {
	return plan.Place{
		File: r.Filename,
		Line: r.Start.Line, Column: r.Start.Column, Byte: r.Start.Byte,
		EndLine: r.End.Line, EndColumn: r.End.Column, EndByte: r.End.Byte,
	}
}
