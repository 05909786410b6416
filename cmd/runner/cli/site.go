package cli

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"time"

	"github.com/hashicorp/hcl/v2"

	actions "runner/agent/action/catalog"
	"runner/cmd/runner/build"
	"runner/cmd/runner/cli/arguments"
	"runner/cmd/runner/cli/passwords"
	"runner/cmd/runner/cli/terminal"
	"runner/executor"
	"runner/lang"
	"runner/lang/diag"
	"runner/lang/inventory"
	inventories "runner/lang/inventory/program"
	"runner/lang/program"
	"runner/lang/source"
	"runner/planner"
	"runner/planner/plan"
	"runner/transports"
	"runner/transports/catalog"
	"runner/transports/ssh"
)

// work is a plan and who evaluates what only the run will give.
type work struct {
	plan       *plan.Plan
	evaluator  executor.Evaluator
	transports map[string]transports.Transport
	site       *lang.Site
	asked      arguments.Site
}

// load reads and checks a site. What is wrong with it has been shown when it returns nil, and how to end.
func (s *session) load(ctx context.Context, a arguments.Site) (*lang.Site, exitCode) {
	return s.loadWith(ctx, a, func(*lang.Options) {})
}

// loadWith is load with other options.
func (s *session) loadWith(ctx context.Context, a arguments.Site, change func(*lang.Options)) (*lang.Site, exitCode) {
	o := lang.Options{
		Catalog:  lang.Catalog{Actions: actions.Schemas(), Transports: catalog.Schemas()},
		Version:  build.Version(),
		Environ:  s.program.Environ,
		Vars:     a.Vars,
		Files:    s.source,
		Remember: s.recorder != nil,
		Program: func(argv []string, dir string, timeout time.Duration) (*inventory.File, *hcl.Diagnostic) {
			return inventories.Run(ctx, argv, dir, timeout)
		},
		Describe: func(c program.Command) ([]byte, error) { return program.Output(ctx, c) },
	}
	change(&o)
	var site *lang.Site
	var files map[string]*hcl.File
	var diags hcl.Diagnostics
	if !unlessInterrupted(ctx, func() { site, files, diags = lang.Load(a.Path, o) }) {
		return nil, exitInterrupted
	}
	maps.Copy(s.files, files)
	if s.diagnose(diags) {
		return nil, exitWrong
	}
	return site, exitDone
}

// grace is how long what is computed before anything connects has to end by itself after an interrupt.
const grace = 300 * time.Millisecond

// unlessInterrupted does what changes nothing anywhere. After an interrupt it reports false and leaves that to the end of
// the program, which is near, once programs that it started and questions at the terminal had time to end.
func unlessInterrupted(ctx context.Context, do func()) bool {
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	select {
	case <-done:
		return ctx.Err() == nil
	case <-ctx.Done():
	}
	select {
	case <-done:
	case <-time.After(grace):
	}
	return false
}

// prepare plans a site. ask tells whether passwords are asked for, which happens when the first hop needs one. What is
// wrong has been shown when it returns nil.
func (s *session) prepare(ctx context.Context, a arguments.Site, site *lang.Site, ask bool) (*work, error) {
	return s.build(ctx, a, site, ask, false)
}

// build is prepare that also looks at the ways to hosts on which nothing runs.
func (s *session) build(ctx context.Context, a arguments.Site, site *lang.Site, ask, everyHost bool) (*work, error) {
	all := catalog.All()
	typed, diags := passwords.New(a.AskPasswords, all)
	if s.diagnose(diags) {
		return nil, exitWrong
	}
	if ask {
		typed.Ask = func(hop string) (string, error) { return s.askPassword(ctx, hop) }
	}
	options := s.planning(a, site, typed)
	options.EveryHost = everyHost
	var p *plan.Plan
	var evaluator executor.Evaluator
	if !unlessInterrupted(ctx, func() { p, evaluator, diags = planner.Build(site, options) }) {
		return nil, exitInterrupted
	}
	if typed.Err != nil {
		return nil, typed.Err
	}
	if !diags.HasErrors() {
		diags = typed.Unused()
	}
	if s.diagnose(diags) {
		return nil, exitWrong
	}
	if a.Parallelism > 0 {
		p.Parallelism = a.Parallelism
	}
	return &work{plan: p, evaluator: evaluator, transports: all, site: site, asked: a}, nil
}

// planning is what the planner is told about hops.
func (s *session) planning(a arguments.Site, site *lang.Site, p *passwords.Typed) planner.Options {
	all := catalog.All()
	env := ssh.CurrentEnvironment()
	env.Dir = site.Dir // paths of keys and the like are relative to the site
	env.Open = s.opener(site.Dir)
	expander := ssh.NewExpander(env)
	return planner.Options{
		Selection: planner.Selection(a.Selection),
		Files:     s.source,
		Digests:   s.digests,
		Expand: func(transport string, options map[string]any) ([]map[string]any, error) {
			return p.Expand(expander, transport, options)
		},
		Title: func(transport string, options map[string]any) string { return all[transport].Title(options) },
		User: func(transport string, options map[string]any) string {
			t := all[transport]
			return t.User(options)
		},
	}
}

// opener opens the files of ssh's configuration: those of the site as the site's, others as they are.
func (s *session) opener(dir string) func(string) (fs.File, error) {
	return func(name string) (fs.File, error) {
		if rel, err := filepath.Rel(dir, name); err == nil && filepath.IsLocal(rel) {
			return s.source.Open(name)
		}
		return source.Disk{}.Open(name)
	}
}

// askPassword asks for a password. What is wrong has been said when it fails.
func (s *session) askPassword(ctx context.Context, hop string) (string, error) {
	s.hide()
	answer, err := terminal.Password(ctx, "Password for "+diag.HarmlessLine(hop)+": ")
	s.show()
	switch {
	case err == nil:
		return answer, nil
	case errors.Is(err, executor.ErrInterrupted):
		return "", exitInterrupted
	case errors.Is(err, terminal.ErrNone):
		s.diagnose(hcl.Diagnostics{diag.Errorf(diag.NoTerminal, hcl.Range{}, "Nobody to ask for a password",
			"--ask-password asks at a terminal, and this program has none. Set a sensitive variable instead, for instance from the environment.")})
	default:
		s.diagnose(hcl.Diagnostics{diag.Errorf(diag.Password, hcl.Range{}, "No password", "%s.", diag.Capital(err.Error()))})
	}
	return "", exitWrong
}
