package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"runner/cmd/runner/cli/arguments"
	"runner/cmd/runner/cli/identity"
	"runner/cmd/runner/cli/recorded"
	"runner/cmd/runner/cli/saved"
	"runner/executor/broker"
	"runner/executor/event"
	"runner/executor/record"
	"runner/lang"
	"runner/lang/diag"
	"runner/lang/source"
	"runner/planner/plan"
	"runner/planner/planfile"
)

// origin is what a run is started from, beside its site.
type origin struct {
	command             string
	noHandlersOnFailure bool
	argv                []string // of exec
	lockTimeout         time.Duration
	planFile, plan      string           // a file and the id of the plan in it
	resume              *recorded.Resume // nil: it does not go on with another run
}

// recording is the record of the run that is under way.
type recording struct {
	store *record.Store
	run   *record.Run
}

// remember lets the session note what the site is read from.
func (s *session) remember() {
	dir, err := os.Getwd()
	if err != nil || s.recorder != nil {
		return // relative names cannot be read either; or it is noted already
	}
	s.recorder = planfile.NewRecorder(source.Disk{}, dir)
	s.source = s.recorder
}

// beginRecord records a run from now on, and says whether it may go on: that it cannot be recorded is a reason only where it
// goes on with another one, which a second run might do as well.
func (s *session) beginRecord(r *run, o origin) bool {
	recording, err := s.newRecord(r, o)
	switch {
	case err == nil:
	case o.resume != nil:
		s.diagnose(hcl.Diagnostics{diag.Errorf(diag.Records, hcl.Range{}, "The run cannot be recorded", "%s.", diag.Capital(err.Error()))})
		return false
	default:
		s.diagnose(hcl.Diagnostics{diag.Warningf(diag.Records, hcl.Range{}, "The run is not recorded",
			"%s. The run goes on: it will not be in the history, and cannot be resumed.", diag.Capital(err.Error()))})
	}
	s.recording = recording
	return true
}

func (s *session) newRecord(r *run, o origin) (*recording, error) {
	store, err := s.program.records()
	if err != nil {
		return nil, err
	}
	var kept *record.Run
	start, err := s.start(r, o, store)
	if err == nil {
		kept, err = store.Begin(r.id, r.began, start)
	}
	if err != nil {
		store.Close() //nolint:errcheck // nothing was written
		return nil, err
	}
	if _, err := store.Prune(record.DefaultLimits(), r.began); err != nil {
		s.log.Warn(err)
	}
	return &recording{store, kept}, nil
}

func (s *session) start(r *run, o origin, store *record.Store) (record.Start, error) {
	key, err := store.Key()
	if err != nil {
		return record.Start{}, err
	}
	dir, err := os.Getwd()
	if err != nil {
		return record.Start{}, fmt.Errorf("cannot find out the working directory: %w", err)
	}
	in := recorded.Input{
		Command: o.command, Asked: r.asked, Site: r.site, Files: s.recorder, Dir: dir,
		NoHandlersOnFailure: o.noHandlersOnFailure, Plan: o.plan, Argv: o.argv, Key: key,
	}
	if o.planFile != "" {
		in.PlanFile = source.Within(dir, o.planFile)
	}
	if o.resume != nil {
		in.Resumes = o.resume.Run.ID
	}
	for _, c := range r.plan.Connections {
		in.Secrets = append(in.Secrets, c.Secrets...)
	}
	return recorded.Start(in)
}

// records opens the records of whoever runs this.
func (p *Program) records() (*record.Store, error) {
	dir := p.stateDir()
	if dir == "" {
		return nil, errors.New("cannot find the records: neither HOME nor XDG_STATE_HOME is set")
	}
	return record.Open(dir) //nolint:wrapcheck // it says what it is about
}

// record keeps an event if the run is recorded, and has it told after that; tell, which may be nil, gets the time that is on
// record, or zero.
func (s *session) record(e event.Event, tell func(at time.Time)) {
	switch {
	case s.recording != nil:
		s.recording.run.Emit(e, tell)
	case tell != nil:
		tell(time.Time{})
	}
}

// onRecord returns when what was emitted before is on record, if the run is recorded.
func (s *session) onRecord() {
	if s.recording != nil {
		s.recording.run.Wait()
	}
}

// catchUp returns when what was emitted before is shown.
func (s *session) catchUp() {
	if s.recording != nil {
		shown := make(chan struct{})
		s.recording.run.Emit(nil, func(time.Time) { close(shown) })
		<-shown
	}
}

// endRecord ends the record of the run.
func (s *session) endRecord() {
	if s.recording == nil {
		return
	}
	err := s.recording.run.Close()
	err = errors.Join(err, s.recording.store.Close())
	s.recording = nil
	if err != nil {
		s.diagnose(hcl.Diagnostics{diag.Warningf(diag.Records, hcl.Range{}, "The record of the run is not whole",
			"%s. What it has done since then is unknown to the history, and done again by --resume.", diag.Capital(err.Error()))})
	}
}

// recognizing notes what hosts are known by, when they have been reached, beside another one who is told of connections. Only
// what apply does can be gone on with, so only there it is of use.
func (r *run) recognizing(tell func(broker.Event)) func(broker.Event) {
	if r.command != "apply" {
		return tell
	}
	hosts := map[int][]plan.Host{}
	for _, h := range r.plan.Hosts {
		hosts[h.Connection] = append(hosts[h.Connection], h)
	}
	return func(e broker.Event) {
		if e.Status == broker.Opened {
			for _, h := range hosts[e.Connection] {
				r.record(event.Identity{Host: h.Name, Known: identity.Of(r.plan, r.broker, h)}, nil)
			}
		}
		tell(e)
	}
}

// past is what the run has done that another one goes on with.
type past struct {
	*record.Progress
	run *run
}

// Reached says whether the run has reached a host.
func (p past) Reached(host string) bool { return p.Known(host) != nil }

// Stranger says in which way a host is not the one that the run has worked on.
func (p past) Stranger(host int) string {
	h := p.run.plan.Hosts[host]
	was, is := p.Known(h.Name), identity.Of(p.run.plan, p.run.broker, h)
	if slices.Equal(was, is) {
		return ""
	}
	return fmt.Sprintf("this is another machine than the one that the run has worked on, or it was set up anew: it was known by %s, and now it is %s. Apply the site anew there",
		strings.Join(was, ", "), strings.Join(is, ", "))
}

// resume goes on with a run that was killed or interrupted, or in which something failed.
func (s *session) resume(ctx context.Context, a arguments.Apply, kill <-chan struct{}) exitCode {
	if !s.mayAct(a) {
		return exitWrong
	}
	store, err := s.program.records()
	if err != nil {
		return s.noRecords(err)
	}
	defer store.Close() //nolint:errcheck // it was only read
	r, err := recorded.Find(store, a)
	if err != nil {
		s.diagnose(hcl.Diagnostics{diag.Errorf(diag.Resume, hcl.Range{}, "The run cannot be resumed", "%s.%s", diag.Capital(err.Error()), findHint(err))})
		return exitWrong
	}
	w, done, code := s.reload(ctx, r, a)
	defer done()
	if w == nil {
		return code
	}
	key, err := store.Key()
	if err != nil {
		return s.noRecords(err)
	}
	if other := r.Otherwise(w.site, key); len(other) > 0 {
		s.diagnose(hcl.Diagnostics{diag.Errorf(diag.Resume, hcl.Range{}, "The run cannot be resumed",
			"The sensitive variable %[2]s does not have the value that run %[1]s was started with, and that is not on record. Give it again: by --var, --var-file or RUNNER_VAR_%[3]s.",
			r.Run.ID, strings.Join(other, " and of "), other[0])})
		return exitWrong
	}
	o := origin{
		command: "apply", noHandlersOnFailure: r.NoHandlersOnFailure || a.NoHandlersOnFailure, lockTimeout: a.LockTimeout,
		planFile: r.PlanFile, plan: r.Plan, resume: r,
	}
	return s.carryOut(ctx, w, o, a.AutoApprove, kill)
}

// reload loads and plans what a run was started from. It has to be told when the files of that are not needed any more.
func (s *session) reload(ctx context.Context, r *recorded.Resume, a arguments.Apply) (w *work, done func(), code exitCode) {
	done = func() {}
	if r.PlanFile != "" {
		p, err := saved.Open(r.PlanFile)
		if err != nil {
			s.refuse(err)
			return nil, done, exitRefused
		}
		done = func() { p.Close() } //nolint:errcheck // it was only read
		if p.File.ID != r.Plan {
			s.refuse(fmt.Errorf("%s has another plan than the one that run %s was applying", filepath.Base(r.PlanFile), r.Run.ID))
			return nil, done, exitRefused
		}
		if code := s.complete(p, a); code != exitDone {
			return nil, done, code
		}
		w, code = s.again(ctx, p, a)
		return w, done, code
	}
	if !s.withoutFile(a, "run "+r.Run.ID+" has applied none") {
		return nil, done, exitWrong
	}
	s.remember()
	asked := r.Asked(a.Site)
	site, code := s.loadWith(ctx, asked, func(o *lang.Options) { o.Memory, o.Dir = r.Memory, r.Site.Dir })
	if site == nil {
		return nil, done, code
	}
	w, err := s.prepare(ctx, asked, site, true)
	return w, done, codeOf(err)
}

// withdrawn lets the run that this one was to go on with be gone on with by another one: nothing of it was done.
func (s *session) withdrawn() {
	if s.recording == nil {
		return
	}
	if err := s.recording.run.Withdraw(); err != nil {
		s.log.Warn(err)
	}
}

// findHint says how to find the run that was meant.
func findHint(err error) string {
	_, unknown := errors.AsType[*record.UnknownError](err)
	_, ambiguous := errors.AsType[*record.AmbiguousError](err)
	if unknown || ambiguous {
		return " `runner history` lists the runs."
	}
	return ""
}
