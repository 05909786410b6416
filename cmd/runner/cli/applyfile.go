package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/hashicorp/hcl/v2"

	"runner/agent/wire"
	"runner/cmd/runner/build"
	"runner/cmd/runner/cli/arguments"
	"runner/cmd/runner/cli/identity"
	"runner/cmd/runner/cli/names"
	"runner/cmd/runner/cli/recorded"
	"runner/cmd/runner/cli/saved"
	"runner/executor"
	"runner/executor/event"
	"runner/lang"
	"runner/lang/diag"
	"runner/planner/planfile"
)

// applyFile does what a plan file says, if everything that it was made from still holds.
func (s *session) applyFile(ctx context.Context, a arguments.Apply, kill <-chan struct{}) exitCode {
	p, err := saved.Open(a.Path)
	if err != nil {
		s.refuse(err)
		return exitRefused
	}
	defer p.Close() //nolint:errcheck // it was only read
	ledger := saved.Ledger{Dir: s.program.stateDir()}
	if err := s.acceptable(p, ledger); err != nil {
		s.refuse(err)
		return exitRefused
	}
	if code := s.complete(p, a); code != exitDone {
		return code
	}
	w, code := s.again(ctx, p, a)
	if w == nil {
		return code
	}
	if !s.fits(w.plan) {
		return exitWrong
	}
	r := s.begin(w, origin{
		command: "apply", noHandlersOnFailure: a.NoHandlersOnFailure, lockTimeout: a.LockTimeout, planFile: a.Path, plan: p.File.ID,
	}, kill)
	if r == nil {
		return exitWrong
	}
	r.options.Diff = arguments.DiffFull // as when the plan was saved: what is compared has to be made in the same way
	leave, code := r.check(ctx, &p.Found, p.File.Hosts, a.AllowPartial)
	if leave == nil || !r.leaves(leave) {
		if code == exitDone { // nobody was reached when it was made
			code = exitUnreachable
		}
		return r.finishAs(executor.Summary{}, refused(code), code)
	}
	if err := ledger.Begin(p.File, r.id); err != nil {
		s.refuse(err)
		return r.finishAs(executor.Summary{}, event.RunStale, exitRefused)
	}
	summary := r.walk(ctx, wire.ModeApply, func(c *executor.Config) { c.Gone = leave })
	return r.finishAs(summary, refused(code), code)
}

// leaves says whether there is a host left to work on.
func (r *run) leaves(without map[string]bool) bool {
	for _, j := range r.plan.Jobs {
		if slices.ContainsFunc(j.Hosts, func(h int) bool { return !without[r.plan.Hosts[h].Name] }) {
			return true
		}
	}
	return false
}

// refused is how a run ends that has refused a plan, or a part of it.
func refused(code exitCode) event.RunStatus {
	switch code {
	case exitDone:
		return event.RunOK
	case exitUnreachable:
		return event.RunUnreachable
	case exitInterrupted:
		return event.RunInterrupted
	default:
		return event.RunStale
	}
}

// acceptable says whether this runner can apply a plan, and nobody has yet.
func (s *session) acceptable(p *saved.Plan, ledger saved.Ledger) error {
	if ledger.Dir == "" {
		return fmt.Errorf("%w: neither HOME nor XDG_STATE_HOME is set", saved.ErrNoLedger)
	}
	if v := build.Version(); p.File.Runner != v {
		return fmt.Errorf("the plan was made by runner %s, and this is runner %s", p.File.Runner, v)
	}
	digest, err := agentsDigest()
	if err != nil {
		return err
	}
	if p.File.Agents != digest {
		return errors.New("the plan was made with other agents than those of this runner, although both are version " + p.File.Runner)
	}
	return ledger.Check(p.File)
}

// complete adds what the file does not hold. When it ends with another code than exitDone, it has said what is missing.
func (s *session) complete(p *saved.Plan, a arguments.Apply) exitCode {
	err := p.Complete(a, s.program.env)
	if incomplete, ok := errors.AsType[*saved.IncompleteError](err); ok {
		s.diagnose(hcl.Diagnostics{diag.Errorf(diag.PlanFile, hcl.Range{}, "The plan file cannot be applied like this", "%s", incomplete.Detail)})
		return exitWrong
	}
	if err != nil {
		s.refuse(err)
		return exitRefused
	}
	return exitDone
}

// again loads and plans the site as it was when the plan was made.
func (s *session) again(ctx context.Context, p *saved.Plan, a arguments.Apply) (*work, exitCode) {
	s.source, s.recorder = p.Files, nil
	site := recorded.Repeat(p.File.Request, a.Site)
	loaded, code := s.loadWith(ctx, site, func(o *lang.Options) { o.Memory, o.Dir = p.Memory, p.File.Site.Dir })
	if loaded == nil {
		return nil, code
	}
	w, err := s.prepare(ctx, site, loaded, true)
	if err != nil {
		return nil, codeOf(err)
	}
	if what := p.Same(w.plan); what != "" {
		s.diagnose(hcl.Diagnostics{diag.Errorf(diag.Stale, hcl.Range{}, "The plan leads elsewhere", "%s Make a new plan.", what)})
		return nil, exitRefused
	}
	if _, err := os.Stat(w.plan.Site); errors.Is(err, fs.ErrNotExist) { // tasks of this machine run somewhere
		if w.plan.Site, err = os.Getwd(); err != nil {
			s.diagnose(hcl.Diagnostics{diag.Errorf(diag.PlanFile, hcl.Range{}, "The plan file cannot be applied like this", "%s.", diag.Capital(err.Error()))})
			return nil, exitWrong
		}
	}
	return w, exitDone
}

// looker keeps what a look finds.
type looker struct {
	shown event.Sink // shows it as well; may be nil

	mu    sync.Mutex
	found saved.Found
}

// Emit implements event.Sink.
func (l *looker) Emit(e event.Event) {
	if l.shown != nil {
		l.shown.Emit(e)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.found.Emit(e)
}

// check looks at every host before any is changed, and compares with what was found before. It returns the hosts to be
// left out, nil if nothing is to be done.
func (r *run) check(ctx context.Context, planned *saved.Found, hosts []planfile.Host, partial bool) (leave map[string]bool, code exitCode) {
	leave = map[string]bool{} // hosts
	was := map[string]planfile.Host{}
	for _, h := range hosts {
		was[h.Name] = h
		if h.Lost {
			leave[h.Name] = true // it was not planned for
		}
	}
	l := &looker{}
	r.Emit(event.Outline{Plan: r.plan, Preview: true, Check: true})
	summary := r.walk(ctx, wire.ModeLook, func(c *executor.Config) {
		c.Sink, c.Gone, c.Lock = l, maps.Clone(leave), r.locks // from here on nobody else changes what is compared
	})
	if summary.Interrupted {
		return nil, exitInterrupted
	}
	code = exitDone
	var diags hcl.Diagnostics
	stale := func(host, address, format string, args ...any) {
		leave[host], code = true, exitRefused
		diags = append(diags, diag.At(hcl.Diagnostics{diag.Errorf(diag.Stale, hcl.Range{}, "The plan does not hold any more", format, args...)}, host, address)...)
	}
	for _, is := range identity.Hosts(r.plan, r.broker, summary.Lost) {
		h := was[is.Name]
		switch {
		case leave[is.Name]:
		case !is.Reached && h.Reached:
			leave[is.Name], code = true, worst(code, exitUnreachable)
		case is.Reached && !slices.Equal(h.Known, is.Known):
			stale(is.Name, "", "This is another machine, or one that was set up anew. %s", identity.Change(h.Known, is.Known))
		}
	}
	for _, e := range l.found.Errors() {
		if e.Code == string(diag.Unreachable) {
			r.Emit(e)
			continue
		}
		if e.Host == "" {
			partial = false // it is nobody's alone
		}
		stale(e.Host, e.Address, "What the plan says would fail now: %s", e.Detail)
	}
	differences := saved.Compare(planned, &l.found, leave)
	for _, d := range differences {
		leave[d.Host], code = true, exitRefused
	}
	for _, d := range r.together(differences) {
		stale(d.Host, d.Address, "%s", d.What)
	}
	r.diagnose(diag.Few(diags))
	if code != exitDone && !partial {
		return nil, code
	}
	return leave, code
}

// together joins, for people, what is the same on several hosts.
func (r *run) together(all []saved.Difference) []saved.Difference {
	if r.json {
		return all
	}
	type same struct{ address, what string }
	hosts := map[same][]string{}
	for _, d := range all {
		hosts[same{d.Address, d.What}] = append(hosts[same{d.Address, d.What}], d.Host)
	}
	var out []saved.Difference
	for _, d := range all {
		on := hosts[same{d.Address, d.What}]
		if d.Host != on[0] {
			continue
		}
		if len(on) > 1 {
			d.What += " It is the same on " + names.List(on[1:], 6) + "."
		}
		out = append(out, d)
	}
	return out
}

// stateDir is where runner keeps what it has to remember; "" is nowhere.
func (p *Program) stateDir() string { return p.userDir("XDG_STATE_HOME", ".local/state") }

// cacheDir is where runner keeps what it could find out again; "" is nowhere.
func (p *Program) cacheDir() string { return p.userDir("XDG_CACHE_HOME", ".cache") }

// userDir is runner's directory in the one of the user that a variable names, or that lies in the home directory.
func (p *Program) userDir(variable, inHome string) string {
	dir := p.env(variable)
	if home := p.env("HOME"); !filepath.IsAbs(dir) && home != "" {
		dir = filepath.Join(home, inHome)
	}
	if !filepath.IsAbs(dir) {
		return ""
	}
	return filepath.Join(dir, "runner")
}

// hint says what to do about a plan that is refused.
func hint(err error) string {
	if _, applied := errors.AsType[*saved.AppliedError](err); applied {
		return " A plan is applied once: make a new one."
	}
	if _, missing := errors.AsType[*fs.PathError](err); missing || errors.Is(err, saved.ErrNoLedger) {
		return ""
	}
	return " Make a new plan."
}
