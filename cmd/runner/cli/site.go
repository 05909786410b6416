package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"runner/agent/action"
	"runner/agent/schema"
	"runner/cmd/runner/build"
	"runner/cmd/runner/cli/arguments"
	"runner/cmd/runner/cli/terminal"
	"runner/executor"
	"runner/lang"
	"runner/lang/diag"
	"runner/lang/inventory"
	"runner/lang/inventory/program"
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
		Catalog:  lang.Catalog{Actions: action.Schemas(), Transports: catalog.Schemas()},
		Version:  build.Version(),
		Environ:  s.program.Environ,
		Vars:     a.Vars,
		Files:    s.source,
		Remember: s.recorder != nil,
		Program: func(argv []string, dir string, timeout time.Duration) (*inventory.File, *hcl.Diagnostic) {
			return program.Run(ctx, argv, dir, timeout)
		},
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
	passwords, diags := newPasswords(a.AskPasswords, all)
	if s.diagnose(diags) {
		return nil, exitWrong
	}
	if ask {
		passwords.ask = func(hop string) (string, error) { return s.askPassword(ctx, hop) }
	}
	options := s.planning(a, site, passwords)
	options.EveryHost = everyHost
	var p *plan.Plan
	var evaluator executor.Evaluator
	if !unlessInterrupted(ctx, func() { p, evaluator, diags = planner.Build(site, options) }) {
		return nil, exitInterrupted
	}
	if passwords.err != nil {
		return nil, passwords.err
	}
	if !diags.HasErrors() {
		diags = passwords.unused()
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
func (s *session) planning(a arguments.Site, site *lang.Site, p *passwords) planner.Options {
	env := ssh.CurrentEnvironment()
	env.Dir = site.Dir // paths of keys and the like are relative to the site
	env.Open = s.opener(site.Dir)
	expander := ssh.NewExpander(env)
	return planner.Options{
		Selection: planner.Selection(a.Selection),
		Open:      s.source.Open,
		Expand: func(transport string, options map[string]any) ([]map[string]any, error) {
			return p.expand(expander, transport, options)
		},
		Title: func(transport string, options map[string]any) string { return p.all[transport].Title(options) },
		User:  func(transport string, options map[string]any) string { return user(p.all, transport, options) },
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

// passwords are those that somebody types instead of the site saying them.
type passwords struct {
	all   map[string]transports.Transport
	asked []*asked
	ask   func(hop string) (string, error) // nil: nobody is asked
	err   error                            // of the one that was not answered
}

// asked is one --ask-password.
type asked struct {
	hop             string // as it was given
	transport, user string // user "": any
	answer          string
	used            bool
}

func newPasswords(hops []string, all map[string]transports.Transport) (*passwords, hcl.Diagnostics) {
	out := &passwords{all: all}
	var diags hcl.Diagnostics
	var takers []string
	for name, t := range all {
		if slices.ContainsFunc(t.Arguments, func(a schema.Attribute) bool { return a.Name == "password" }) {
			takers = append(takers, name)
		}
	}
	slices.Sort(takers)
	for _, hop := range hops {
		transport, user, _ := strings.Cut(hop, ":")
		if !slices.Contains(takers, transport) {
			diags = append(diags, diag.Errorf(diag.Password, hcl.Range{}, "No hop of that kind takes a password",
				"--ask-password takes %s, or one of them and a user, such as sudo:postgres; it got %s.%s",
				strings.Join(takers, ", "), diag.Quote(hop), diag.DidYouMean(transport, takers)))
			continue
		}
		if !slices.ContainsFunc(out.asked, func(a *asked) bool { return a.hop == hop }) {
			out.asked = append(out.asked, &asked{hop: hop, transport: transport, user: user})
		}
	}
	// The more exact one counts, in whatever order they were given.
	slices.SortStableFunc(out.asked, func(a, b *asked) int {
		switch {
		case a.user != "" && b.user == "":
			return -1
		case a.user == "" && b.user != "":
			return 1
		}
		return 0
	})
	return out, diags
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

// expand turns a hop of the site into those that it stands for, and gives them the passwords that they lack.
func (p *passwords) expand(x *ssh.Expander, transport string, options map[string]any) ([]map[string]any, error) {
	steps := []map[string]any{options}
	if transport == "ssh" {
		expanded, err := x.Expand(options)
		if err != nil {
			return nil, fmt.Errorf("%w", err)
		}
		steps = steps[:0]
		for _, o := range expanded {
			steps = append(steps, o)
		}
	}
	for i, o := range steps {
		if steps[i] = p.fill(transport, o); p.err != nil {
			return nil, p.err
		}
	}
	return steps, nil
}

// fill returns the options with a password, where one was asked for and the site says none.
func (p *passwords) fill(transport string, options map[string]any) map[string]any {
	if options["password"] != nil {
		return options
	}
	for _, a := range p.asked {
		if a.transport == transport && (a.user == "" || a.user == user(p.all, transport, options)) {
			if !a.used && p.ask != nil {
				a.answer, p.err = p.ask(a.hop)
			}
			a.used = true
			if p.ask == nil || p.err != nil {
				return options
			}
			out := maps.Clone(options)
			out["password"] = a.answer
			return out
		}
	}
	return options
}

func user(all map[string]transports.Transport, transport string, options map[string]any) string {
	t := all[transport]
	return t.User(options)
}

// unused finds questions that were for nothing.
func (p *passwords) unused() hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, a := range p.asked {
		if !a.used {
			diags = append(diags, diag.Errorf(diag.Password, hcl.Range{}, "No hop takes the password",
				"--ask-password %s: no hop of this run is of that kind and has no password of its own.", diag.HarmlessLine(a.hop)))
		}
	}
	return diags
}
