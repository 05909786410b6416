package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/hcl/v2"

	"runner/agent/plain"
	"runner/cmd/runner/build"
	"runner/cmd/runner/cli/arguments"
	"runner/cmd/runner/cli/jsonlines"
	"runner/cmd/runner/cli/logs"
	"runner/cmd/runner/cli/terminal"
	"runner/cmd/runner/cli/views"
	"runner/executor/event"
	"runner/lang/diag"
	"runner/lang/source"
	"runner/planner/digests"
	"runner/planner/planfile"
)

// session is one command's way to show what it does. It takes events from anywhere, also while nothing is shown because
// a question is being asked.
type session struct {
	program *Program
	json    bool
	options views.Options
	files   map[string]*hcl.File // shared with the view
	log     logs.Log
	logFile *os.File
	acted   bool           // something may have been changed
	saving  *saving        // nil: the plan is not saved
	source  source.Files   // what the site is read from
	digests *digests.Cache // of its files; saved once, at the end of the session

	recorder   *planfile.Recorder // notes what is read of it; nil: nobody needs that
	recording  *recording         // nil: what happens is not recorded
	unfinished string             // the id of a run that can be gone on with

	mu   sync.RWMutex // guards what follows
	view views.View   // nil while nothing is shown
	held []told       // what came meanwhile
	err  error        // of a view that was closed
}

// told is an event, and when it happened: zero is now.
type told struct {
	event event.Event
	at    time.Time
}

// unloggable says why nothing can be logged to a file.
func unloggable(file string, err error) error {
	hint := diag.Capital(plain.Cause(err).Error()) + "."
	switch {
	case errors.Is(err, fs.ErrNotExist):
		hint = fmt.Sprintf("There is no directory %s.", diag.Quote(filepath.Dir(file)))
	case errors.Is(err, syscall.EISDIR):
		hint = "It is a directory, and a file is needed."
	}
	return &arguments.Error{Message: fmt.Sprintf("cannot log to %s", diag.Quote(file)), Hint: hint}
}

// open makes a session. Its first event is the version.
func (p *Program) open(o arguments.Output, change func(*views.Options)) (*session, error) {
	s := &session{program: p, json: o.JSON, files: map[string]*hcl.File{}, source: source.Disk{}, digests: digests.New(p.cacheDir())}
	logTo := io.Writer(p.Err)
	if o.LogFile != "" {
		f, err := os.OpenFile(o.LogFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, unloggable(o.LogFile, err)
		}
		s.logFile, logTo = f, f
	}
	lines := views.NewLog(logTo)
	s.log = logs.New(lines, o.LogLevel)
	s.options = views.Options{
		Out: p.Out, Err: p.Err, Files: s.files, Verbose: o.Verbose, Diff: arguments.DiffShort,
		Color: p.colors(p.Out, o.NoColor), ErrColor: p.colors(p.Err, o.NoColor), ErrSize: p.errSize(),
	}
	if o.LogFile == "" && !o.JSON {
		s.options.Log = lines
	}
	if terminal.IsTerminal(p.Out) && p.env("TERM") != "dumb" {
		s.options.Size = func() (width, height int) { return terminal.Size(p.Out) }
	}
	if change != nil {
		change(&s.options)
	}
	s.show()
	s.Emit(event.Version{Format: event.Format, Runner: build.Version()})
	return s, nil
}

// show opens the view and shows what came while there was none.
func (s *session) show() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.showLocked()
}

func (s *session) showLocked() {
	if s.view != nil {
		return
	}
	s.view = views.New(s.json, s.options)
	for _, e := range s.held {
		s.view.Emit(e.event, e.at)
	}
	s.held = nil
}

// hide closes the view: everything so far has been shown, and the terminal is somebody else's.
func (s *session) hide() {
	s.catchUp()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hideLocked()
}

func (s *session) hideLocked() {
	if s.view == nil {
		return
	}
	if err := s.view.Close(); err != nil && s.err == nil {
		s.err = err
	}
	s.view = nil
}

// flash shows an event while the terminal is somebody else's.
func (s *session) flash(e event.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.showLocked()
	s.view.Emit(e, time.Time{})
	s.hideLocked()
}

// Emit shows an event, when it is on record if the run is recorded.
func (s *session) Emit(e event.Event) {
	s.log.Event(e)
	if s.saving != nil {
		s.saving.Emit(e)
	}
	s.record(e, func(at time.Time) { s.tell(e, at) })
}

// tell gives an event to the view.
func (s *session) tell(e event.Event, at time.Time) {
	s.mu.RLock()
	if s.view != nil {
		s.view.Emit(e, at)
		s.mu.RUnlock()
		return
	}
	s.mu.RUnlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.view != nil {
		s.view.Emit(e, at)
		return
	}
	s.held = append(s.held, told{e, at})
}

// diagnose shows errors and warnings, behind what was emitted before, and says whether there are errors.
func (s *session) diagnose(diags hcl.Diagnostics) (failed bool) {
	for _, d := range diags {
		e := jsonlines.Diagnostic(d)
		if s.saving != nil {
			s.saving.Emit(e)
		}
		s.record(e, func(at time.Time) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.showLocked()
			s.view.Diagnose(hcl.Diagnostics{d}, at)
		})
	}
	s.catchUp()
	s.show()
	return diags.HasErrors()
}

// end closes the session of a command that ends with a code. Output that could not be written is an error.
func (s *session) end(code exitCode) error {
	s.endRecord()
	_ = s.digests.Save() // without it the next run reads more
	s.hide()
	if s.unfinished != "" && !s.json {
		fmt.Fprintf(s.program.Err, "To go on with this run: runner apply --resume %s\n", s.unfinished) //nolint:errcheck // nowhere to tell
	}
	if s.logFile != nil {
		if err := s.logFile.Close(); err != nil && s.err == nil {
			s.err = fmt.Errorf("cannot write the log: %w", err)
		}
	}
	if s.err != nil {
		fmt.Fprintf(s.program.Err, "runner: %s\n", s.err) //nolint:errcheck // nowhere to tell
		failed := exitWrong
		if s.acted { // that code would say that nothing was changed
			failed = exitFailed
		}
		code = worst(code, failed)
	}
	return code.asError()
}
