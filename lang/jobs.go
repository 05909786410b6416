package lang

import (
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"runner/agent/schema"
	"runner/lang/config"
	"runner/lang/diag"
	"runner/lang/places"
	"runner/lang/refs"
	"runner/lang/value"
)

// jobScope is a job with what is needed to evaluate its tasks.
type jobScope struct {
	*Job
	block *config.Job
	sound bool             // its hosts are those that it should have
	tasks map[string]*Task // by address, without handlers
	parts map[*Host]hostParts
	self  map[*Host]cty.Value // without facts
	// groups are the hosts by the types of what some tasks read of them, by what that is.
	groups map[string]*hostTypes
	// phantom stands for a host where there is none.
	phantom *Host
	places  places.Places // on the controller, that tasks surely write to
}

// buildJobs evaluates what is static of the jobs.
func (l *loader) buildJobs() {
	for _, b := range l.config.Jobs {
		j := &jobScope{Job: &Job{Name: b.Name, Range: b.Block}, block: b, tasks: map[string]*Task{}, groups: map[string]*hostTypes{}}
		l.scope.jobs[b.Name] = j
		l.site.Jobs = append(l.site.Jobs, j.Job)
		j.Hosts, j.sound = l.jobHosts(b)
		l.jobSelf(j)
		l.order(j)
		l.stringSet(b.Tags) // also where there is no task to have them
		l.way(j, b.Way)
		for _, o := range b.Outer {
			l.stringSet(o.Tags)
			l.way(j, o.Way)
		}
		for _, c := range b.Preconditions {
			j.Preconditions = append(j.Preconditions, l.buildTask(j, c))
		}
		for _, t := range b.Tasks {
			task := l.buildTask(j, t)
			j.Tasks = append(j.Tasks, task)
			j.tasks[t.Address] = task
		}
		for _, t := range b.Handlers {
			j.Handlers = append(j.Handlers, l.buildTask(j, t))
		}
		for _, t := range b.Tries {
			j.Tries = append(j.Tries, Try{Parent: t.Parent, From: t.From, Rescue: t.Rescue, Always: t.Always, To: t.To, Rescues: t.Rescues})
		}
		j.DependsOn = dependencies(b)
	}
	if g := l.scope.groups[config.Localhost]; g != nil {
		l.site.Hosts = append(l.site.Hosts, g.hosts...)
		l.inventoryLocalhost()
	}
}

// jobHosts evaluates hosts. One that is named twice counts once. It reports false after an error.
func (l *loader) jobHosts(b *config.Job) ([]*Host, bool) {
	if b.Hosts == nil {
		return nil, false
	}
	v, ok := l.staticKnown(b.Hosts, nil)
	if !ok {
		return nil, false
	}
	plain, _ := value.Bare(v)
	if sensitiveHosts(v) {
		l.fail(sensitiveError(b.Hosts.At(), "Hosts", "their names are shown"))
		return nil, false
	}
	hosts, wrong := hostsOf(plain)
	if wrong != nil {
		l.fail(l.notHosts(b.Hosts, plain, *wrong))
		return nil, false
	}
	seen := map[*Host]bool{}
	return slices.DeleteFunc(hosts, func(h *Host) bool {
		again := seen[h]
		seen[h] = true
		return again
	}), true
}

// sensitiveHosts says whether it would give something away which hosts these are. What is inside of a host may be
// sensitive.
func sensitiveHosts(v cty.Value) bool {
	if v.IsMarked() || v.IsNull() || !v.CanIterateElements() || value.IsHost(v.Type()) {
		return v.IsMarked()
	}
	for it := v.ElementIterator(); it.Next(); {
		if _, element := it.Element(); element.IsMarked() {
			return true
		}
	}
	return false
}

func (l *loader) notHosts(e *config.Expr, all, wrong cty.Value) *hcl.Diagnostic {
	hint := ""
	at := e.At()
	if hosts, _ := hostsOf(wrong); len(hosts) > 0 {
		hint = " Lists are put together with concat, and values makes a list of a map: concat(values(host.a), [host.b])."
	}
	if hint == "" {
		hint = l.quoted("host", wrong)
	}
	if !wrong.RawEquals(all) && isWritten(e.Expression) {
		for it := all.ElementIterator(); it.Next(); {
			if key, element := it.Element(); element.RawEquals(wrong) {
				at = value.Narrow(e.Expression, cty.Path{cty.IndexStep{Key: key}})
				break
			}
		}
	}
	return diag.Errorf(diag.WrongType, at, "Wrong type of value",
		`"hosts" takes a host, or a list, set or map of hosts, but this is %s.%s`, value.Word(wrong), hint)
}

// jobSelf makes the host objects that the job's tasks see: those of the hosts with the job's vars over theirs.
func (l *loader) jobSelf(j *jobScope) {
	j.parts, j.self = map[*Host]hostParts{}, map[*Host]cty.Value{}
	for _, h := range append(slices.Clone(j.Hosts), phantom()) {
		parts := h.parts
		if j.block.Vars != nil {
			parts = l.withVars(j, h)
		}
		j.parts[h], j.self[h] = parts, parts.object()
		if h.Name == "" {
			j.phantom = h
		}
	}
}

// phantom stands for a host in jobs that have none.
func phantom() *Host { return &Host{parts: anyHost()} }

// withVars lays the job's vars over the host's.
func (l *loader) withVars(j *jobScope, h *Host) hostParts {
	own := map[string]cty.Value{"self": h.parts.object()}
	v, ok := l.static(j.block.Vars, own)
	parts := maps.Clone(h.parts)
	base, _ := h.parts["vars"].Unmark()
	switch t := v.Type(); {
	case !ok || !v.IsKnown():
		parts["vars"] = cty.DynamicVal
	case v.IsNull():
	case t.IsObjectType() || t.IsMapType():
		if parts["vars"] = cty.DynamicVal; base.IsKnown() {
			parts["vars"] = overlay(h.parts["vars"], v)
		}
	default:
		l.fail(diag.Errorf(diag.WrongType, j.block.Vars.At(), "Wrong type of value", `"vars" of a job takes an object, but this is %s.`, value.Word(v)))
	}
	return parts
}

// overlay returns an object with the attributes of both; the second wins.
func overlay(a, b cty.Value) cty.Value {
	attrs := map[string]cty.Value{}
	var marks []cty.ValueMarks
	for _, v := range []cty.Value{a, b} {
		v, m := v.Unmark()
		marks = append(marks, m)
		for it := v.ElementIterator(); it.Next(); {
			key, element := it.Element()
			attrs[key.AsString()] = element
		}
	}
	return cty.ObjectVal(attrs).WithMarks(marks...)
}

// dependencies are the jobs that must have ended before: those that are listed, and those whose results are read.
func dependencies(b *config.Job) []string {
	var out []string
	add := func(name string) {
		if name != b.Name && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	for _, ref := range b.DependsOn {
		add(ref.Name)
	}
	for _, e := range b.Expressions() {
		if e.Sound() {
			for _, n := range e.Uses.Needs {
				add(n.Job)
			}
		}
	}
	return out
}

// way is where a block leads: once if that is the same on all hosts.
type way struct {
	same []*Hop
	hops map[*Host][]*Hop
}

// of returns the further hops on a host.
func (w *way) of(h *Host) []*Hop {
	if w.hops != nil {
		return w.hops[h]
	}
	return w.same
}

// way evaluates run_as or hop blocks for the hosts of a job.
func (l *loader) way(j *jobScope, b *config.Way) *way {
	if w := l.ways[b]; w != nil {
		return w
	}
	w := &way{}
	w.same, w.hops = l.taskHops(j, b.RunAs, b.Hops)
	l.ways[b] = w
	return w
}

// taskHops evaluates run_as or hop blocks for the hosts of a job: once if they are the same for all.
func (l *loader) taskHops(j *jobScope, runAs *config.Expr, blocks []*config.Hop) ([]*Hop, map[*Host][]*Hop) {
	if runAs != nil {
		if !runAs.Sound() {
			return nil, nil
		}
		blocks = []*config.Hop{{Transport: "sudo", Block: runAs.Arg.Range, Args: map[string]*config.Expr{"user": runAs}}}
		if _, ok := l.opts.Catalog.Transports["sudo"]; !ok {
			return nil, nil
		}
	}
	if len(blocks) == 0 || !l.atMostHops(len(blocks), blocks[0].Block, "A job or task") {
		return nil, nil
	}
	if !slices.ContainsFunc(blocks, func(b *config.Hop) bool { return !b.Constant() }) {
		hops, ok := l.hopsOf(blocks, map[string]cty.Value{"self": j.self[j.phantom]})
		if ok {
			l.addressed(hops)
		}
		return unlessNull(hops, runAs), nil
	}
	out := map[*Host][]*Hop{}
	hosts := j.Hosts
	if len(hosts) == 0 {
		hosts = []*Host{j.phantom}
	}
	for _, h := range hosts {
		before := len(l.diags)
		hops, ok := l.hopsOf(blocks, map[string]cty.Value{"self": j.self[h]})
		if !ok || h != j.phantom && !l.addressed(hops) {
			l.blame(h.Name, before)
			continue
		}
		out[h] = unlessNull(hops, runAs)
	}
	return nil, out
}

// unlessNull leaves out the hop of a run_as that is null.
func unlessNull(hops []*Hop, runAs *config.Expr) []*Hop {
	if runAs != nil && len(hops) == 1 && hops[0].Options["user"] == nil {
		return nil
	}
	return hops
}

// addressed reports an ssh hop of a job or task that has no address: no host's is meant for it.
func (l *loader) addressed(hops []*Hop) bool {
	for _, hop := range hops {
		if hop.Transport == "ssh" && hop.Options["address"] == nil {
			l.fail(diag.Errorf(diag.NoAddress, hop.Range, "No address for ssh", "An ssh hop of a job or task needs the argument address."))
			return false
		}
	}
	return true
}

// stringSet evaluates a static set of strings, such as tags.
func (l *loader) stringSet(e *config.Expr) []string {
	if e == nil {
		return nil
	}
	v, ok := l.staticKnown(e, nil)
	if !ok {
		return nil
	}
	v, sensitive := value.Bare(v)
	if sensitive {
		l.fail(sensitiveError(e.At(), `"`+e.Arg.Name+`"`, "it is shown"))
		return nil
	}
	if v.IsNull() {
		return nil
	}
	list, err := convert.Convert(v, cty.List(cty.String))
	if err != nil || v.Type().IsPrimitiveType() {
		misfit := value.FindMisfit(v, cty.Set(cty.String))
		l.fail(diag.Errorf(diag.WrongType, misfit.At(e.Expression), "Wrong type of value", "%q takes a set of strings, but %s.", e.Arg.Name, misfit))
		return nil
	}
	var out []string
	for it := list.ElementIterator(); it.Next(); {
		_, element := it.Element()
		if element.IsNull() || !element.IsKnown() || element.AsString() == "" || strings.ContainsAny(element.AsString(), ", ") {
			l.fail(diag.Errorf(diag.InvalidValue, e.At(), "Invalid value", "%q takes words without commas and blanks.", e.Arg.Name))
			return nil
		}
		if s := element.AsString(); !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// buildTask evaluates what is static of a task, a handler or a precondition.
func (l *loader) buildTask(j *jobScope, b *config.Task) *Task {
	t := &Task{Address: b.Address, Action: b.Action, Name: b.Name, OnFailure: "stop", Range: b.Block, job: j.Job}
	body := &taskBody{block: b, job: j, schema: l.schemaOf(b), dir: l.scope.modules[b.Module].dir}
	t.body = body
	body.title = "the action " + diag.Quote(b.Action)
	if b.Action == "" {
		body.title = "a precondition"
	}
	body.result = value.ResultType(body.schema)
	body.ways = []*way{l.way(j, j.block.Way)}
	tags := l.stringSet(j.block.Tags)
	for _, o := range b.Outer {
		body.ways = append(body.ways, l.way(j, o.Way))
		tags = append(tags, l.stringSet(o.Tags)...)
		l.onFailure(t, o.OnFailure)
	}
	body.ways = append(body.ways, l.way(j, b.Way))
	body.ways = slices.DeleteFunc(body.ways, func(w *way) bool { return w.same == nil && w.hops == nil })
	for _, tag := range append(tags, l.stringSet(b.Tags)...) {
		if !slices.Contains(t.Tags, tag) {
			t.Tags = append(t.Tags, tag)
		}
	}
	l.onFailure(t, b.OnFailure)
	t.Once = l.staticBool(b.RunOnce, "a task")
	body.on = l.on(j, b.On)
	body.lanes = l.lanes(j, b.Lane)
	body.sensitive = l.staticBool(b.Sensitive, "a task")
	body.hidden.All = body.sensitive
	body.conditions = conditionsOf(j.block, b)
	l.collectUses(t)
	body.saveConstants() // only now it is known whose facts they need
	return t
}

func (l *loader) schemaOf(b *config.Task) schema.Block {
	if b.Action == "" {
		return precondition()
	}
	return b.Schema
}

func (l *loader) onFailure(t *Task, e *config.Expr) {
	if s := l.staticWord(e, "a task", "stop", "continue", "abort"); s != "" {
		t.OnFailure = s
	}
}

// collectUses says what a task needs when it is evaluated: for itself and for what is around it.
func (l *loader) collectUses(t *Task) {
	body := t.body
	exprs := body.block.Expressions(body.job.block)
	for _, e := range exprs {
		if !e.Sound() {
			continue
		}
		if l.usable(e.Uses.Refs) {
			if e != body.block.ForEach { // what becomes of its elements shows where each.value is used
				e.Uses.Whole()
			}
			body.uses.Merge(e.Uses)
		} else {
			e.Uses = nil // something in it has errors
		}
	}
	body.fixed = l.fixed(&body.uses, body.job, exprs)
	for _, n := range body.uses.Needs {
		if !slices.Contains(t.Needs, n.Task.Address) {
			t.Needs = append(t.Needs, n.Task.Address)
		}
	}
	t.SelfFacts = body.uses.SelfFacts
	seen := map[*Host]bool{}
	for _, ref := range body.uses.Facts {
		for _, h := range l.hostsMeant(ref) {
			if !seen[h] {
				seen[h] = true
				t.Facts = append(t.Facts, h.Name)
			}
		}
	}
	t.Notify = addressesOf(body.job.block.Handlers, body.uses.Handlers)
}

// usable says whether everything that an expression names has a value, or will have one.
func (l *loader) usable(references []refs.Ref) bool {
	return !slices.ContainsFunc(references, func(r refs.Ref) bool {
		if r.Root == refs.Local {
			local := l.scope.locals[r.Name]
			if local.Sound() && local.dynamic(false) {
				usable, done := l.known[r.Name]
				if !done {
					usable = !l.bad[refs.Ref{Root: refs.Local, Name: r.Name}] && l.usable(local.Uses.Refs)
					l.known[r.Name] = usable
				}
				return !usable
			}
		}
		_, ok := l.resolve(r, nil)
		return !ok
	})
}

// hostsMeant returns the hosts that a reference reads the facts of.
func (l *loader) hostsMeant(ref refs.HostRef) []*Host {
	g := l.scope.groups[ref.Name]
	if g == nil {
		return nil
	}
	hosts := g.meant(ref.Key)
	if ref.Group == "" {
		return hosts
	}
	return slices.DeleteFunc(slices.Clone(hosts), func(h *Host) bool { return !g.inGroup(h, ref.Group) })
}

// meant returns the hosts of a key; all, if it is not known.
func (g *hostGroup) meant(key cty.Value) []*Host {
	if key == cty.NilVal || !key.IsKnown() || key.IsNull() {
		return g.hosts
	}
	text, err := convert.Convert(key, cty.String)
	if err != nil {
		return g.hosts
	}
	for i, h := range g.hosts {
		if g.keys[i] == text.AsString() {
			return []*Host{h}
		}
	}
	return nil
}

// addressesOf returns the addresses of the handlers that are meant, in the order in which they are declared.
func addressesOf(handlers []*config.Task, meant []string) []string {
	var out []string
	for _, h := range handlers {
		if slices.Contains(meant, h.Address) {
			out = append(out, h.Address)
		}
	}
	return out
}
