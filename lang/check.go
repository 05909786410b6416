package lang

import (
	"os"

	"runner/lang/diag"
	"runner/lang/refs"
)

// nothing is the state before anything is known.
type nothing struct{}

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
		for _, t := range append(j.Tasks, j.Handlers...) {
			l.checkTask(j, t)
		}
	}
	for _, j := range l.site.Jobs {
		visit(l.scope.jobs[j.Name])
	}
	for _, o := range l.site.Outputs {
		_, _, diags := l.site.Output(o, nothing{})
		l.failAll(diags)
	}
	l.checkLiveLocals()
}

// checkTask evaluates a task for all hosts, or for one if all are the same.
func (l *loader) checkTask(j *jobScope, t *Task) {
	hosts := j.Hosts
	switch {
	case len(hosts) == 0:
		hosts = []*Host{j.phantom}
	case !t.body.varies():
		hosts = hosts[:1]
	}
	for _, h := range hosts {
		instances, diags := l.site.Expand(t, h, nothing{})
		l.failAll(diags)
		for _, in := range instances {
			t.body.secret = t.body.secret || in.Sensitive
			l.checkSources(t, in)
		}
	}
}

// checkSources finds files that are not there.
func (l *loader) checkSources(t *Task, in Instance) {
	for name, file := range in.Sources {
		info, err := os.Stat(file)
		at := t.body.block.Args[name].At()
		if in.Sensitive && (err != nil || !info.Mode().IsRegular()) {
			l.fail(diag.Errorf(diag.Unreadable, at, "File cannot be read", "The source, whose name is sensitive, is not there or is no regular file."))
			continue
		}
		switch {
		case err != nil:
			l.fail(diag.Errorf(diag.Unreadable, at, "File cannot be read", "The source cannot be read: %v.", err))
		case !info.Mode().IsRegular():
			l.fail(diag.Errorf(diag.Unreadable, at, "File cannot be read", "The source %s is no regular file.", file))
		}
	}
}

// checkLiveLocals evaluates the locals that only a run can know, as far as they are known.
func (l *loader) checkLiveLocals() {
	for _, e := range l.config.Locals {
		name := e.Arg.Name
		if !e.Sound() || e.Uses.Dynamic == nil || !l.usable([]refs.Ref{{Root: refs.Local, Name: name}}) {
			continue
		}
		uses := *e.Uses
		uses.Refs = []refs.Ref{{Root: refs.Local, Name: name}}
		v := &view{scope: l.scope, state: nothing{}, uses: &uses, fixed: l.fixed(&uses, nil)}
		v.context()
		l.failAll(v.diags)
	}
}
