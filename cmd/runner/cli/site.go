package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"

	"github.com/hashicorp/hcl/v2"

	"runner/agent/action"
	"runner/agent/schema"
	"runner/cmd/runner/build"
	"runner/cmd/runner/cli/arguments"
	"runner/cmd/runner/cli/terminal"
	"runner/cmd/runner/cli/views"
	"runner/executor/event"
	"runner/lang"
)

// session is what a command that shows a run works with.
type session struct {
	program *Program
	output  arguments.Output
	view    views.View
	files   map[string]*hcl.File
	log     *slog.Logger
	close   []func() error
}

// open makes a session. Its first event is the version.
func (p *Program) open(o arguments.Output, change func(*views.Options)) (*session, error) {
	s := &session{program: p, output: o, files: map[string]*hcl.File{}}
	logTo := io.Writer(p.Err)
	if o.LogFile != "" {
		f, err := os.OpenFile(o.LogFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, &arguments.Error{Message: fmt.Sprintf("cannot log: %s", err)}
		}
		logTo = f
		s.close = append(s.close, f.Close)
	}
	lines := views.NewLog(logTo)
	s.log = slog.New(slog.NewTextHandler(lines, &slog.HandlerOptions{Level: logLevel(o.LogLevel)}))
	options := views.Options{
		Out: p.Out, Err: p.Err, Files: s.files, Verbose: o.Verbose, Diff: arguments.DiffFull,
		Color: p.colors(p.Out, o.NoColor),
	}
	if o.LogFile == "" {
		options.Log = lines
	}
	if terminal.IsTerminal(p.Out) && p.env("TERM") != "dumb" {
		options.Size = func() (width, height int) { return terminal.Size(p.Out) }
	}
	if change != nil {
		change(&options)
	}
	s.view = views.New(o.JSON, options)
	s.close = append(s.close, s.view.Close)
	s.view.Emit(event.Version{Format: event.Format, Runner: build.Version()})
	return s, nil
}

// end closes a session after a command that ended with a code. Output that could not be written is an error.
func (s *session) end(code exitCode) error {
	for i := len(s.close) - 1; i >= 0; i-- {
		if err := s.close[i](); err != nil {
			fmt.Fprintf(s.program.Err, "runner: %s\n", err) //nolint:errcheck // nowhere to tell
			code = worst(code, exitWrong)
		}
	}
	return code.asError()
}

func logLevel(l arguments.Level) slog.Level {
	switch l {
	case arguments.LevelError:
		return slog.LevelError
	case arguments.LevelInfo:
		return slog.LevelInfo
	case arguments.LevelDebug:
		return slog.LevelDebug
	case arguments.LevelWarn:
	}
	return slog.LevelWarn
}

// load reads and checks a site. What is wrong with it has been shown when it returns nil.
func (s *session) load(_ context.Context, a arguments.Site) *lang.Site {
	site, files, diags := lang.Load(a.Path, lang.Options{
		Catalog: lang.Catalog{Actions: action.Schemas(), Transports: map[string]schema.Block{}},
		Version: build.Version(),
		Environ: s.program.Environ,
		Vars:    a.Vars,
	})
	maps.Copy(s.files, files)
	s.view.Diagnose(diags)
	if diags.HasErrors() {
		return nil
	}
	return site
}
