// Package packages holds the actions about what is installed from where: package and repository. What is installed is the
// business of the target's own package manager: it is asked, and told. Its neighbour agent/action/files writes the files of
// repositories.
package packages

import (
	"cmp"
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"runner/agent/action"
	"runner/agent/process"
	"runner/agent/view"
	"runner/agent/wire"
)

// Package is the action of that name.
type Package struct {
	Name       string   `cbor:"name"`
	Names      []string `cbor:"names"`
	Version    string   `cbor:"version"`
	State      string   `cbor:"state"`
	Purge      bool     `cbor:"purge"`
	Recommends *bool    `cbor:"recommends"`
	Refresh    string   `cbor:"refresh"`
	Manager    string   `cbor:"manager"`

	// What Look found, for Act.
	m    *manager
	all  []*want
	todo []*want // what is not as wanted, as far as can be said without the index
}

// want is one package that is wanted, there or not.
type want struct {
	name    string // "" of a file until that was looked into
	version string // "": any
	file    string
	have    string // the version that is there, with unfinished behind it where something is still to be done; ""
}

const (
	// unfinished stands behind the version of a package that is on the disk, but not in working order.
	unfinished = " (unfinished)"
	// leftover stands behind that of one of which only the configuration is there.
	leftover = " (configuration)"
	// fresh is how old the index may be unless the task says else.
	fresh = 24 * time.Hour
)

// Look finds out what is installed, and, to show it, what the manager would do.
func (p *Package) Look(ctx context.Context, env *action.Env) (out action.Outcome, err error) {
	if len(env.Unknown) > 0 {
		env.View.Disturb()
		return action.Change(wire.VerbUpdate, nil, nil, env.Unknown...), nil
	}
	if p.m, err = find(env, p.Manager); err != nil {
		return p.perhaps(env, err)
	}
	p.all = p.wanted()
	if err := p.look(ctx, env); err != nil {
		return p.perhaps(env, err)
	}
	switch {
	case len(p.todo) == 0:
		return action.None(p.values(nil)), nil
	case os.Geteuid() != 0:
		return out, action.Problem("Run the task as root, for example with run_as = \"root\".", "only root can change what is installed")
	case env.Mode == wire.ModeApply:
		return action.Change(wire.VerbUpdate, nil, nil), nil
	}
	return p.preview(ctx, env)
}

// wanted takes names, versions and files apart.
func (p *Package) wanted() []*want {
	list := p.Names
	if p.Name != "" {
		list = []string{p.Name}
	}
	var out []*want
	for _, name := range list {
		w := &want{name: name, version: p.Version}
		switch n, version, pinned := strings.Cut(name, "="); {
		case strings.HasPrefix(name, "/"):
			w.name, w.version, w.file = "", "", name
		case pinned:
			w.name, w.version = n, version
		}
		out = append(out, w)
	}
	return out
}

// look finds what is there of what is wanted, and what there is to do.
func (p *Package) look(ctx context.Context, env *action.Env) error {
	var ask []string
	for _, w := range p.all {
		if w.file != "" {
			if err := p.inspect(ctx, env, w); err != nil {
				return err
			}
		}
		if w.name != "" {
			ask = append(ask, w.name)
		}
	}
	there, err := p.m.installed(ctx, env, ask)
	if err != nil {
		return err
	}
	p.todo = nil
	for _, w := range p.all {
		w.have = ""
		for _, r := range there {
			if w.is(r) && (w.have == "" || p.m.fits(w, r.version)) {
				w.have = r.version
			}
		}
		if !p.done(w) {
			p.todo = append(p.todo, w)
		}
	}
	return nil
}

// done says whether there is nothing to do for a package, without asking what there is elsewhere.
func (p *Package) done(w *want) bool {
	whole := w.have != "" && !strings.HasSuffix(w.have, ")")
	switch p.State {
	case "absent":
		return w.have == "" || strings.HasSuffix(w.have, leftover) && !p.Purge
	case "latest":
		return whole && w.file != "" && p.m.fits(w, w.have)
	}
	return whole && p.m.fits(w, w.have)
}

// is says whether a row is about the package.
func (w *want) is(r row) bool {
	return w.name == r.name || w.name == r.name+":"+r.arch || w.name == r.name+"."+r.arch
}

// fits says whether a version is what is wanted. A "*" at the end stands for anything.
func (m *manager) fits(w *want, is string) bool {
	if begin, any := strings.CutSuffix(w.version, "*"); any {
		return strings.HasPrefix(is, begin)
	}
	version := is
	if m.revised && w.version != version {
		if _, rest, epoch := strings.Cut(version, ":"); epoch && !strings.Contains(w.version, ":") {
			version = rest
		}
		if i := strings.LastIndexByte(version, '-'); i > 0 && version != w.version {
			version = version[:i]
		}
	}
	return w.version == "" || w.version == version
}

// installed returns what is installed of some packages. What is not in working order has a note behind its version.
func (m *manager) installed(ctx context.Context, env *action.Env, names []string) ([]row, error) {
	if len(names) == 0 {
		return nil, nil
	}
	exit, err := run(ctx, env, append(append(strings.Fields(m.query), "--"), names...), false)
	if err != nil {
		return nil, err
	}
	var out []row
	for _, r := range rows(string(exit.Stdout)) {
		if len(r.state) > 1 { // dpkg's: wanted, is, error
			switch r.state[1] {
			case 'n':
				continue
			case 'c':
				r.version += leftover
			case 'H', 'U', 'F':
				r.version += unfinished
			}
		}
		out = append(out, r)
	}
	return out, nil
}

// inspect finds out which package is in a file.
func (p *Package) inspect(ctx context.Context, env *action.Env, w *want) error {
	if _, err := os.Stat(w.file); err != nil {
		place, found := env.View.Find(w.file)
		if found == nil {
			defer place.Close()
			if place.Entry != nil && place.Entry.New { // an earlier task brings it
				return &view.UnknownError{Path: w.file, Err: err}
			}
		}
		if action.IsUnknown(found) {
			return found
		}
		return action.Cannot("read", w.file, err)
	}
	if p.m.inspect == "" {
		return nil
	}
	exit, err := run(ctx, env, append(strings.Fields(p.m.inspect), w.file), false)
	if err != nil {
		return err
	}
	found := rows(string(exit.Stdout))
	if exit.Status != 0 || len(found) == 0 {
		return failure("look into "+w.file, strings.Fields(p.m.inspect)[0], exit)
	}
	w.name, w.version = found[0].name, found[0].version
	return nil
}

// perhaps is what a preview says of an error that an earlier task may prevent.
func (p *Package) perhaps(env *action.Env, err error) (out action.Outcome, _ error) {
	if env.Mode == wire.ModeLook && own(err) && (action.IsUnknown(err) || env.View.Disturbed()) {
		return p.unknown(env, nil), nil
	}
	return out, err
}

// own tells errors of what was found from those of how a call was ended.
func own(err error) bool {
	problem, ok := errors.AsType[*wire.Problem](err)
	return err != nil && (!ok || problem.Code == wire.CodeAction)
}

// unknown is the outcome where only the run will tell what there is to do, or which versions there are.
func (p *Package) unknown(env *action.Env, steps []step) action.Outcome {
	env.View.Disturb()
	out := outcome(steps)
	out.Change.Verb = wire.VerbUpdate
	for _, w := range p.all {
		name := w.name
		if name == "" {
			name = w.file
		}
		if out.After != nil {
			delete(out.After, name)
		}
		out.Change.Unknown = append(out.Change.Unknown, name)
	}
	return out
}

// preview asks the manager what it would do.
func (p *Package) preview(ctx context.Context, env *action.Env) (out action.Outcome, err error) {
	// What the manager knows is not what it will know: a refresh comes first, or a task that adds a repository.
	due := ""
	if p.State != "absent" {
		due = p.due()
	}
	stale := due != "" || p.State != "absent" && (env.View.Disturbed() || env.View.Planning(p.m.config))
	steps, err := p.steps(ctx, env)
	defer func() {
		if len(out.Change.Unknown) > 0 {
			out.Change.Why = due
		}
	}()
	switch {
	case stale && own(err):
		return p.unknown(env, nil), nil
	case err != nil:
		return out, err
	case len(steps) == 0 && (!stale || p.State != "latest"):
		return action.None(p.values(nil)), nil
	case stale:
		return p.unknown(env, steps), nil
	}
	env.View.Disturb()
	out = outcome(steps)
	out.Values = p.values(steps)
	return out, nil
}

// due says why the index is to be refreshed before something is installed from it; "": it is not.
func (p *Package) due() string {
	limit := fresh
	if d, err := time.ParseDuration(p.Refresh); err == nil {
		limit = d
	}
	if p.Refresh == "" && p.onlyFiles() {
		return ""
	}
	at, indexed := p.m.refreshed()
	switch age := time.Since(at); {
	case !indexed:
		return "there is no index of packages yet, and one is fetched first"
	case limit == 0:
		return "the index of packages is refreshed first"
	case age >= limit:
		return "the index of packages is older than " + cmp.Or(p.Refresh, "24h") + ", and is refreshed first"
	}
	return ""
}

// hasFiles says whether there are files to install.
func (p *Package) hasFiles() bool {
	for _, w := range p.todo {
		if w.file != "" {
			return true
		}
	}
	return false
}

// onlyFiles says whether nothing is to come from a repository, but what files need.
func (p *Package) onlyFiles() bool {
	for _, w := range p.todo {
		if w.file == "" {
			return false
		}
	}
	return true
}

// steps asks the manager what it would do about what is not as wanted.
func (p *Package) steps(ctx context.Context, env *action.Env) ([]step, error) {
	exit, err := run(ctx, env, p.argv(p.m.try), false)
	if err != nil {
		return nil, err
	}
	steps := p.m.parse(string(exit.Stdout))
	if !p.m.ended(exit) && (len(steps) == 0 || line(said(exit), "Operation aborted|Exiting on user command|to be ") == "") {
		return nil, p.refused(ctx, env, exit)
	}
	if !p.m.silent {
		return steps, nil
	}
	var ask []string
	for _, s := range steps {
		ask = append(ask, s.name)
	}
	there, err := p.m.installed(ctx, env, ask)
	for i := range steps {
		for _, r := range there {
			if r.name == steps[i].name {
				steps[i].from = r.version
			}
		}
		if p.State == "absent" {
			steps[i].to = ""
		}
	}
	return changing(steps), err
}

// changing leaves out the steps that change nothing.
func changing(steps []step) []step {
	var out []step
	for _, s := range steps {
		if s.from != s.to {
			out = append(out, s)
		}
	}
	return out
}

// ended says whether the manager was content.
func (m *manager) ended(exit process.Exit) bool {
	// zypper has been content, and tells that a restart of something is due.
	return exit.Status == 0 || m.name == "zypper" && exit.Status >= 100 && exit.Status <= 103
}

// argv is the command line for what is not as wanted.
func (p *Package) argv(h how) []string {
	verb := p.m.install
	switch {
	case p.State == "absent" && p.Purge && p.m.purge != "":
		verb = p.m.purge
	case p.State == "absent":
		verb = p.m.remove
	case p.m.files != "" && p.hasFiles():
		verb = p.m.files
	case p.State == "latest":
		verb = p.m.latest
	}
	var list []string
	for _, w := range p.todo {
		switch {
		case p.State == "absent":
			list = append(list, w.name)
		case w.file != "":
			list = append(list, w.file)
		case w.version != "":
			list = append(list, w.name+p.m.joint+w.version)
			if !strings.Contains(verb, p.m.pinned) {
				verb += " " + p.m.pinned
			}
		default:
			list = append(list, w.name)
		}
	}
	if p.Recommends != nil && p.State != "absent" {
		option := p.m.lean
		if *p.Recommends {
			option = p.m.rich
		}
		verb += " " + option
	}
	return p.m.argv(h, verb, list)
}

// verb says what is done, for people.
func (p *Package) verb() string {
	var list []string
	for _, w := range p.todo {
		switch {
		case w.file != "":
			list = append(list, w.file)
		case w.version != "" && p.State != "absent":
			list = append(list, w.name+" "+w.version)
		default:
			list = append(list, w.name)
		}
	}
	what := "install "
	if p.State == "absent" {
		what = "remove "
	}
	return what + strings.Join(list, ", ")
}

// outcome tells of steps.
func outcome(steps []step) action.Outcome {
	before, will := map[string]any{}, map[string]any{}
	for _, s := range steps {
		if s.from != "" {
			before[s.name] = s.from
		}
		if s.to != "" {
			will[s.name] = s.to
		}
	}
	switch {
	case len(before) == 0:
		return action.Change(wire.VerbCreate, nil, will)
	case len(will) == 0:
		return action.Change(wire.VerbRemove, before, nil)
	}
	return action.Change(wire.VerbUpdate, before, will)
}

// values are the results, after some steps.
func (p *Package) values(steps []step) map[string]any {
	is := map[string]any{}
	for _, w := range p.all {
		have := w.have
		for _, s := range steps {
			if s.is(w) {
				have = s.to
			}
		}
		if w.name != "" && have != "" && !strings.HasSuffix(have, ")") {
			is[w.name] = have
		}
	}
	return map[string]any{"versions": is}
}
