package lang

import (
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"runner/agent/schema"
	"runner/lang/diag"
	"runner/lang/refs"
)

// jobScope is a job with what is needed to evaluate its tasks.
type jobScope struct {
	*Job
	block *jobBlock
	tasks map[string]*Task // by address, without handlers
	parts map[*Host]hostParts
	self  map[*Host]cty.Value // without facts
	hops  map[*Host][]*Hop    // nil: the same for all
	same  []*Hop
	// phantom stands for a host where there is none.
	phantom *Host
}

// buildJobs evaluates what is static of the jobs.
func (l *loader) buildJobs() {
	for _, b := range l.config.jobs {
		j := &jobScope{Job: &Job{Name: b.name, Range: b.block}, block: b, tasks: map[string]*Task{}}
		l.scope.jobs[b.name] = j
		l.site.Jobs = append(l.site.Jobs, j.Job)
		j.Hosts = l.jobHosts(b)
		l.jobSelf(j)
		j.same, j.hops = l.taskHops(j, b.runAs, b.hops)
		tags := l.stringSet(b.tags)
		for _, t := range b.tasks {
			task := l.buildTask(j, t, tags)
			j.Tasks = append(j.Tasks, task)
			j.tasks[t.address] = task
		}
		for _, t := range b.handlers {
			j.Handlers = append(j.Handlers, l.buildTask(j, t, tags))
		}
		j.DependsOn = dependencies(b)
	}
	if g := l.scope.groups[localhost]; g != nil {
		l.site.Hosts = append(l.site.Hosts, g.hosts...)
	}
}

// jobHosts evaluates hosts. One that is named twice counts once.
func (l *loader) jobHosts(b *jobBlock) []*Host {
	if b.hosts == nil {
		return nil
	}
	v, ok := l.staticKnown(b.hosts, nil)
	if !ok {
		return nil
	}
	plain, sensitive := bare(v)
	if sensitive && !isHost(plain.Type()) && v.IsMarked() {
		l.fail(sensitiveError(b.hosts.at(), "hosts", "their names are shown"))
		return nil
	}
	hosts, wrong := hostsOf(plain)
	if wrong != nil {
		l.fail(l.notHosts(b.hosts, plain, *wrong))
		return nil
	}
	seen := map[*Host]bool{}
	return slices.DeleteFunc(hosts, func(h *Host) bool {
		again := seen[h]
		seen[h] = true
		return again
	})
}

func (l *loader) notHosts(e *expr, all, wrong cty.Value) *hcl.Diagnostic {
	hint := ""
	at := e.at()
	if hosts, _ := hostsOf(wrong); len(hosts) > 0 {
		hint = " Lists are put together with concat, and values makes a list of a map: concat(values(host.a), [host.b])."
	}
	if !wrong.RawEquals(all) && isWritten(e.Expression) {
		for it := all.ElementIterator(); it.Next(); {
			if key, element := it.Element(); element.RawEquals(wrong) {
				at = narrow(e.Expression, cty.Path{cty.IndexStep{Key: key}})
				break
			}
		}
	}
	return diag.Errorf(diag.WrongType, at, "Wrong type of value",
		`"hosts" takes a host, or a list, set or map of hosts, but this is %s.%s`, valueWord(wrong), hint)
}

// jobSelf makes the host objects that the job's tasks see: those of the hosts with the job's vars over theirs.
func (l *loader) jobSelf(j *jobScope) {
	j.parts, j.self = map[*Host]hostParts{}, map[*Host]cty.Value{}
	for _, h := range append(slices.Clone(j.Hosts), phantom()) {
		parts := h.parts
		if j.block.vars != nil {
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
	v, ok := l.static(j.block.vars, own)
	parts := maps.Clone(h.parts)
	base, _ := h.parts["vars"].Unmark()
	switch t := v.Type(); {
	case !ok || !v.IsKnown() || !base.IsKnown():
		parts["vars"] = cty.DynamicVal
	case v.IsNull():
	case !t.IsObjectType() && !t.IsMapType():
		l.fail(diag.Errorf(diag.WrongType, j.block.vars.at(), "Wrong type of value", "vars takes an object, but this is %s.", valueWord(v)))
	default:
		parts["vars"] = overlay(h.parts["vars"], v)
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
func dependencies(b *jobBlock) []string {
	var out []string
	add := func(name string) {
		if name != b.name && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	for _, ref := range b.dependsOn {
		add(ref.name)
	}
	exprs := []*expr{b.when, b.environment}
	for _, t := range slices.Concat(b.tasks, b.handlers) {
		exprs = append(exprs, append(t.evaluated(), t.forEach, t.notify)...)
	}
	for _, e := range exprs {
		if e.is() {
			for _, n := range e.uses.Needs {
				add(n.Job)
			}
		}
	}
	return out
}

// taskHops evaluates run_as or hop blocks for the hosts of a job: once if they are the same for all.
func (l *loader) taskHops(j *jobScope, runAs *expr, blocks []*hopBlock) ([]*Hop, map[*Host][]*Hop) {
	if runAs != nil {
		if !runAs.is() {
			return nil, nil
		}
		blocks = []*hopBlock{{transport: "sudo", block: runAs.arg.Range, args: map[string]*expr{"user": runAs}}}
		if _, ok := l.opts.Catalog.Transports["sudo"]; !ok {
			return nil, nil
		}
	}
	if len(blocks) == 0 {
		return nil, nil
	}
	if !slices.ContainsFunc(blocks, func(b *hopBlock) bool { return !b.constant() }) {
		hops, ok := l.hopsOf(blocks, map[string]cty.Value{"self": j.self[j.phantom]})
		if ok {
			l.addressed(hops)
		}
		return unlessNull(hops, runAs), nil
	}
	out := map[*Host][]*Hop{}
	for _, h := range j.Hosts {
		hops, ok := l.hopsOf(blocks, map[string]cty.Value{"self": j.self[h]})
		if !ok || !l.addressed(hops) {
			break // the others would say the same
		}
		out[h] = unlessNull(hops, runAs)
	}
	return nil, out
}

// unlessNull leaves out the hop of a run_as that is null.
func unlessNull(hops []*Hop, runAs *expr) []*Hop {
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
func (l *loader) stringSet(e *expr) []string {
	if e == nil {
		return nil
	}
	v, ok := l.staticKnown(e, nil)
	if !ok {
		return nil
	}
	v, sensitive := bare(v)
	if sensitive {
		l.fail(sensitiveError(e.at(), e.arg.Name, "they are shown"))
		return nil
	}
	if v.IsNull() {
		return nil
	}
	list, err := convert.Convert(v, cty.List(cty.String))
	if err != nil || v.Type().IsPrimitiveType() {
		l.fail(diag.Errorf(diag.WrongType, e.at(), "Wrong type of value", "%q takes a set of strings, but this is %s%s.", e.arg.Name, valueWord(v), because(err)))
		return nil
	}
	var out []string
	for it := list.ElementIterator(); it.Next(); {
		_, element := it.Element()
		if element.IsNull() || !element.IsKnown() || element.AsString() == "" || strings.ContainsAny(element.AsString(), ", ") {
			l.fail(diag.Errorf(diag.InvalidValue, e.at(), "Invalid value", "%q takes words without commas and blanks.", e.arg.Name))
			return nil
		}
		if s := element.AsString(); !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// buildTask evaluates what is static of a task or handler.
func (l *loader) buildTask(j *jobScope, b *taskBlock, jobTags []string) *Task {
	t := &Task{Address: b.address, Action: b.action, Name: b.name, OnFailure: "stop", Range: b.block, job: j.Job}
	body := &taskBody{block: b, job: j, schema: l.opts.Catalog.Actions[b.action]}
	t.body = body
	body.result = resultType(body.schema)
	body.same, body.hops = l.taskHops(j, b.runAs, b.hops)
	tags := l.stringSet(b.tags)
	t.Tags = slices.Clone(jobTags)
	for _, tag := range tags {
		if !slices.Contains(t.Tags, tag) {
			t.Tags = append(t.Tags, tag)
		}
	}
	if s := l.staticWord(b.onFailure, "stop", "continue", "abort"); s != "" {
		t.OnFailure = s
	}
	body.sensitive = l.staticBool(b.sensitive)
	body.secret = body.sensitive
	body.saveConstants()
	l.collectUses(t)
	return t
}

// staticWord evaluates an argument that is one of a few words.
func (l *loader) staticWord(e *expr, words ...string) string {
	if e == nil {
		return ""
	}
	v, ok := l.static(e, nil)
	if !ok {
		return ""
	}
	arg, diags := takeArgument(schema.Attribute{Name: e.arg.Name, Type: schema.String, OneOf: words}, v, e.Expression, "a task")
	l.failAll(diags)
	s, _ := arg.plain.(string)
	return s
}

func (l *loader) staticBool(e *expr) bool {
	if e == nil {
		return false
	}
	v, ok := l.static(e, nil)
	if !ok {
		return false
	}
	arg, diags := takeArgument(schema.Attribute{Name: e.arg.Name, Type: schema.Bool}, v, e.Expression, "this block")
	l.failAll(diags)
	b, _ := arg.plain.(bool)
	return b
}

// collectUses says what a task needs when it is evaluated: for itself and for its job's when and environment.
func (l *loader) collectUses(t *Task) {
	body := t.body
	exprs := append(body.block.evaluated(), body.block.forEach, body.block.notify, body.job.block.when, body.job.block.environment)
	for _, e := range exprs {
		if !e.is() {
			continue
		}
		if l.usable(e.uses.Refs) {
			if e != body.block.forEach { // what becomes of its elements shows where each.value is used
				e.uses.Whole()
			}
			body.uses.Merge(e.uses)
		} else {
			e.broken = true
		}
	}
	body.fixed = l.fixed(&body.uses, body.job)
	for _, n := range body.uses.Needs {
		if !slices.Contains(t.Needs, n.Task.Address) {
			t.Needs = append(t.Needs, n.Task.Address)
		}
	}
	t.SelfFacts = body.uses.SelfFacts
	for _, ref := range body.uses.Facts {
		for _, h := range l.hostsMeant(ref) {
			if !slices.Contains(t.Facts, h.Name) {
				t.Facts = append(t.Facts, h.Name)
			}
		}
	}
	t.Notify = inOrderOf(body.uses.Handlers, body.job.block.handlers)
}

// usable says whether everything that an expression names has a value, or will have one.
func (l *loader) usable(references []refs.Ref) bool {
	return !slices.ContainsFunc(references, func(r refs.Ref) bool {
		if r.Root == refs.Local {
			local := l.scope.locals[r.Name]
			if local.expr.is() && local.expr.uses.Dynamic != nil {
				return l.bad[refs.Ref{Root: refs.Local, Name: r.Name}] || !l.usable(local.expr.uses.Refs)
			}
		}
		_, ok := l.resolve(r)
		return !ok
	})
}

// hostsMeant returns the hosts that a reference reads the facts of.
func (l *loader) hostsMeant(ref refs.HostRef) []*Host {
	g := l.scope.groups[ref.Name]
	if g == nil {
		return nil
	}
	return g.meant(ref.Key)
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

// inOrderOf sorts names of handlers by where they are declared.
func inOrderOf(names []string, handlers []*taskBlock) []string {
	var out []string
	for _, h := range handlers {
		if slices.Contains(names, h.name) {
			out = append(out, h.name)
		}
	}
	return out
}
