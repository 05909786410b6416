package lang

import (
	"runtime"
	"slices"
	"sync"
	"syscall"

	"github.com/hashicorp/hcl/v2"

	"runner/agent/manifest"
	"runner/agent/plain"
	"runner/agent/schema"
	"runner/lang/diag"
	"runner/lang/refs"
	"runner/lang/source"
	"runner/lang/value"
)

// nothing is the state before anything is known.
type nothing struct{}

// success is nothing, with the expectation that every host and element will have results: so wrong keys are found.
type success struct{ nothing }

// Facts are not known.
func (nothing) Facts(string) (map[string]any, bool) { return nil, false }

// Results are not known.
func (nothing) Results(string, string) (Results, bool) { return Results{}, false }

// check evaluates all tasks and outputs as far as they can be without a run, so that what is wrong in the known parts
// is found now. Dependencies come first: that a result is sensitive shows in what uses it.
func (l *loader) check() {
	done := map[string]bool{}
	var visit func(j *jobScope)
	visit = func(j *jobScope) {
		if done[j.Name] {
			return
		}
		done[j.Name] = true
		for _, name := range j.DependsOn {
			if other := l.scope.jobs[name]; other != nil {
				visit(other)
			}
		}
		for _, t := range slices.Concat(j.Preconditions, j.Tasks, j.Handlers) {
			l.checkTask(j, t)
		}
	}
	for _, j := range l.site.Jobs {
		visit(l.scope.jobs[j.Name])
	}
	for _, o := range l.site.Outputs {
		_, _, diags := l.site.Output(o, success{})
		l.failAll(diags)
	}
	l.checkLiveLocals()
}

// checkTask evaluates a task for all hosts, of those on which it is the same for one.
func (l *loader) checkTask(j *jobScope, t *Task) {
	hosts := j.Hosts
	switch {
	case len(hosts) == 0:
		hosts = []*Host{j.phantom}
	default:
		hosts = l.site.different(t, j)
	}
	// The hosts are shared out among the processors: there may be very many.
	share := max(len(hosts)/runtime.GOMAXPROCS(0), fewHosts)
	var found []*finding
	var all sync.WaitGroup
	for some := range slices.Chunk(hosts, share) {
		f := &finding{files: l.opts.Files}
		found = append(found, f)
		all.Go(func() { f.look(l.site, t, some) })
	}
	all.Wait()
	if i := slices.IndexFunc(found, func(f *finding) bool { return f.leftOut != nil }); i >= 0 {
		x := newExpansion(l.scope, t, found[i].leftOut, nothing{})
		x.lookAtCertain()
		l.failAll(x.located())
	}
	l.checkDestination(j, t, found)
	t.body.keys, t.body.keysKnown = found[0].keys, true
	for _, f := range found {
		t.body.hidden.join(f.hidden)
		t.body.keysKnown = t.body.keysKnown && !f.keysDiffer && slices.Equal(f.keys, t.body.keys)
		l.failAll(f.diags)
	}
}

// checkDestination finds a place on the controller that several hosts or tasks would write to. What is not known is looked at when it is.
func (l *loader) checkDestination(j *jobScope, t *Task, found []*finding) {
	for _, a := range t.body.schema.Arguments {
		if a.Type == schema.Destination && len(j.Hosts) > 1 && !t.Once && t.body.once[a.Name] != nil {
			l.failAll(hcl.Diagnostics{diag.Errorf(diag.InvalidValue, t.body.block.Args[a.Name].At(), "The same place for several hosts",
				"All %d hosts of the job would write to the same %s. Let it have self.name in it, or let the task run once.", len(j.Hosts), a.Name)})
			return
		}
	}
	var all []writing
	for _, f := range found {
		all = append(all, f.writes...)
	}
	l.failAll(j.claim(t, all))
}

// fewHosts are not worth a goroutine of their own.
const fewHosts = 64

// finding is what was found about a task on some hosts.
type finding struct {
	files      source.Files
	hidden     Hidden
	keys       []any // of the elements on each of the hosts,
	keysDiffer bool  // unless they differ or are not known
	leftOut    *Host // the first one that runs none of it, or not all elements
	diags      hcl.Diagnostics
	writes     []writing // on the controller
}

func (f *finding) look(site *Site, t *Task, hosts []*Host) {
	for i, h := range hosts {
		if site.scope.budget.Spent() != nil {
			return
		}
		state := State(nothing{})
		if i == 0 { // results of many hosts cost too much to give them to many hosts
			state = success{}
		}
		x := newExpansion(site.scope, t, h, state)
		instances := x.run()
		if slices.ContainsFunc(instances, func(in Instance) bool { return in.Destination != "" }) {
			f.writes = append(f.writes, writing{h, instances})
		}
		if x.leftOut && f.leftOut == nil {
			f.leftOut = h
		}
		diags := x.located()
		f.diags = append(f.diags, diags...)
		f.addKeys(instances, i == 0)
		f.keysDiffer = f.keysDiffer || diags.HasErrors()
		if len(x.open) > 0 && (t.ChangedWhen() || t.Verdict()) {
			f.judges(site, t, h, state, x.open[0])
		}
		for _, in := range instances {
			f.hidden.join(in.Hidden)
			f.sources(t, in)
		}
	}
}

// judges checks the conditions over the result of an element.
func (f *finding) judges(site *Site, t *Task, h *Host, state State, key any) {
	x := newExpansion(site.scope, t, h, state)
	x.choose(key)
	x.judge(Result{Key: key, Unknown: true, UnknownChanged: true})
	f.diags = append(f.diags, x.located()...)
}

// addKeys compares the keys of the elements on a host with those on the hosts before.
func (f *finding) addKeys(instances []Instance, first bool) {
	var keys []any
	for _, in := range instances {
		keys = append(keys, in.Key)
		f.keysDiffer = f.keysDiffer || slices.Contains(in.Unknown, "for_each")
	}
	if first {
		f.keys = keys
	}
	f.keysDiffer = f.keysDiffer || !slices.Equal(keys, f.keys)
}

func (f *finding) fail(d *hcl.Diagnostic) { f.diags = append(f.diags, d) }

// sources finds files that are not there.
func (f *finding) sources(t *Task, in Instance) {
	for name, file := range in.Sources {
		if in.Trees[name] {
			f.tree(t, in, name, file)
			continue
		}
		info, err := f.files.Stat(file)
		if keeper, ok := f.files.(source.Keeper); ok { // the task may not be looked at: it stands in a rescue, or nothing notifies it
			keeper.Keep(file)
		}
		at := t.body.block.Args[name].At()
		if in.Hidden.All && (err != nil || !info.Mode().IsRegular()) {
			f.fail(diag.Errorf(diag.Unreadable, at, "File cannot be read", "The source, whose name is sensitive, is not there or is no regular file."))
			continue
		}
		switch {
		case err != nil:
			f.fail(diag.Errorf(diag.Unreadable, at, "File cannot be read", "%s.", diag.Capital(plain.File(file, err))))
		case info.IsDir():
			f.fail(diag.Errorf(diag.Unreadable, at, "File cannot be read", "%s.", diag.Capital(plain.File(file, syscall.EISDIR))))
		case !info.Mode().IsRegular():
			f.fail(diag.Errorf(diag.Unreadable, at, "File cannot be read", "%s is not a regular file.", diag.Quote(file)))
		}
	}
}

// tree finds a tree that is not there, or has something in it that cannot be sent.
func (f *finding) tree(t *Task, in Instance, name, root string) {
	for _, other := range []string{"exclude", "include", "links"} {
		if slices.Contains(in.Unknown, other) {
			return
		}
	}
	links, _ := in.Args["links"].(string)
	filter := manifest.Filter{Exclude: value.Texts(in.Args["exclude"]), Include: value.Texts(in.Args["include"])}
	keeper, keeps := f.files.(source.Keeper)
	walk := source.Tree{Root: root, Links: links, Excludes: filter.Excludes, Visit: func(found source.Found) error {
		if keeps && found.Info != nil && found.Info.Mode().IsRegular() {
			keeper.Keep(found.Name)
		}
		return nil
	}}
	at := t.body.block.Args[name].At()
	switch err := walk.Walk(f.files); {
	case err != nil && in.Hidden.All:
		f.fail(diag.Errorf(diag.Unreadable, at, "Tree cannot be read", "The source, whose name is sensitive, is not there, or cannot be read."))
	case err != nil:
		f.fail(diag.Errorf(diag.Unreadable, at, "Tree cannot be read", "%s.", diag.Capital(plain.Reading(err).Error())))
	}
}

// checkLiveLocals evaluates the locals that only a run can know, as far as they are known.
func (l *loader) checkLiveLocals() {
	for _, local := range l.config.Locals {
		if !local.Sound() || local.Module != l.config.Site || local.Uses.Dynamic == nil || !l.usable([]refs.Ref{{Root: refs.Local, Name: local.Full}}) {
			continue
		}
		uses := *local.Uses
		uses.Refs = []refs.Ref{{Root: refs.Local, Name: local.Full}}
		v := &view{scope: l.scope, state: success{}, uses: &uses, fixed: l.fixed(&uses, nil, nil)}
		v.contexts()
		v.local(local.Full)
		l.failAll(v.diags)
	}
}
