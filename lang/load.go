package lang

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"runner/agent/plain"
	"runner/lang/config"
	"runner/lang/diag"
	"runner/lang/inventory"
	"runner/lang/inventory/program"
	"runner/lang/refs"
	"runner/lang/source"
	"runner/lang/syntax"
	"runner/lang/variable"
)

// Load reads and checks the site at path, a file or a directory. All errors that can be known without a connection are
// returned together; the site is nil when there are any. The files, by the names that ranges have, are never nil: they
// are what diagnostics quote from.
func Load(path string, opts Options) (*Site, map[string]*hcl.File, hcl.Diagnostics) {
	l := &loader{
		opts: opts.complete(), bad: map[refs.Ref]bool{}, config: &config.Config{},
		blocks: map[string]*config.Host{}, inventories: map[string]*config.Inventory{}, contexts: map[*config.Expr]*hcl.EvalContext{},
		shared: map[*config.Hop]*Hop{}, chains: map[*config.Chain]*chainHops{}, ways: map[*config.Way]*way{}, known: map[string]bool{},
		asked: map[string]string{},
	}
	l.own = ownActions{loader: l, folders: map[string]*folder{}}
	l.opts.Catalog.Actions = withOwn(opts.Catalog.Actions)
	l.files = syntax.NewFiles(l.opts.Files)
	site := l.load(path)
	if l.scope != nil {
		l.scope.budget.Close()
		l.diags = endedBy(l.diags, l.scope.budget.Spent())
	}
	diags := l.config.UsedAt(tidy(l.diags))
	if diags.HasErrors() {
		site = nil
	}
	return site, l.files.Texts, diags
}

// complete fills in what was left out.
func (o Options) complete() Options {
	if o.Files == nil {
		o.Files = source.Disk{}
	}
	if o.Program == nil {
		o.Program = func(argv []string, dir string, timeout time.Duration) (*inventory.File, *hcl.Diagnostic) {
			return program.Run(context.Background(), argv, dir, timeout)
		}
	}
	if o.Describe == nil {
		o.Describe = runDescribe
	}
	return o
}

// absolute makes a name absolute.
func (o Options) absolute(name string) string {
	if o.Dir != "" && !filepath.IsAbs(name) {
		return filepath.Join(o.Dir, name)
	}
	if dir, err := filepath.Abs(name); err == nil {
		return dir
	}
	return name
}

// loader loads one site. Each step adds what is wrong to diags and goes on with what is right, so that all errors come
// out together and none of them twice.
type loader struct {
	opts      Options
	files     syntax.Files
	diags     hcl.Diagnostics
	path      string   // what the site is read from, as given
	dir       string   // the site's, as shown
	siteFiles []string // what is read, in order
	autoFiles []string
	unread    []string // of the site's

	config *config.Config
	scope  *scope
	site   *Site
	// bad are variables, locals, chains and hosts that have no value because of an error; what uses them is not
	// evaluated and nothing is said about it. The ranges of the keys are zero.
	bad         map[refs.Ref]bool
	blocks      map[string]*config.Host // by name
	inventories map[string]*config.Inventory
	contexts    map[*config.Expr]*hcl.EvalContext
	shared      map[*config.Hop]*Hop // hops that are the same for every host; nil: with errors
	chains      map[*config.Chain]*chainHops
	ways        map[*config.Way]*way
	// known are locals that are found to be usable, or not; varying are those of the host that is at hand.
	known   map[string]bool
	varying map[string]cty.Value
	held    held
	own     ownActions
	asked   map[string]string // what own actions printed, by their command lines
}

func (l *loader) fail(d *hcl.Diagnostic)        { l.diags = append(l.diags, d) }
func (l *loader) failAll(diags hcl.Diagnostics) { l.diags = append(l.diags, diags...) }

func (l *loader) load(path string) *Site {
	if !l.find(path) {
		return nil
	}
	bodies := l.read()
	l.own.folder(l.dir)
	config, diags := config.Declare(bodies, config.Options{
		Actions: l.opts.Catalog.Actions, Transports: l.opts.Catalog.Transports, Dir: l.dir, Open: l.openRole,
		Partial: len(l.unread) > 0, Own: &l.own,
	})
	l.failAll(diags)
	l.config = config
	if l.opts.AllActions {
		l.own.askAll()
	}
	l.begin()
	l.analyze()
	l.variableValues()
	l.secretOutputs()
	l.validate()
	l.settings()
	l.checkLocals()
	l.buildHosts()
	l.checkChains()
	l.buildJobs()
	l.buildOutputs()
	l.check()
	return l.site
}

// find lists the files of the site.
func (l *loader) find(path string) bool {
	l.path = path
	info, err := l.opts.Files.Stat(path)
	if err != nil {
		l.fail(diag.Errorf(diag.NoSite, hcl.Range{Filename: path}, "No site here", "%s.", diag.Capital(plain.File(path, err))))
		return false
	}
	if !info.IsDir() {
		if !isSiteFile(filepath.Base(path)) {
			l.fail(diag.Errorf(diag.NoSite, hcl.Range{Filename: path}, "No site here",
				"A site is a file whose name ends in .hcl or .hcl.json, or a directory of such files. Files of values (.vars.hcl) go to --var-file."))
			return false
		}
		l.dir = filepath.Dir(path)
		l.siteFiles = []string{path}
		_, l.autoFiles = l.list()
		return true
	}
	l.dir = path
	l.siteFiles, l.autoFiles = l.list()
	if len(l.siteFiles) == 0 {
		l.fail(diag.Errorf(diag.NoSite, hcl.Range{Filename: path}, "No site here", "The directory has no file whose name ends in .hcl or .hcl.json."))
		return false
	}
	return true
}

// openRole reads the files of a role's directory.
func (l *loader) openRole(dir string, at hcl.Range) ([]*syntax.Body, hcl.Diagnostics) {
	entries, err := l.opts.Files.ReadDir(dir)
	if err != nil {
		return nil, hcl.Diagnostics{diag.Errorf(diag.InvalidRole, at, "Invalid role", "The source of a role is its directory, such as \"./roles/nginx\", but %s.", plain.File(dir, err))}
	}
	l.own.folder(dir)
	var out []*syntax.Body
	var diags hcl.Diagnostics
	for _, e := range entries {
		if e.IsDir() || strings.HasPrefix(e.Name(), ".") || !isSiteFile(e.Name()) {
			continue
		}
		body, d := l.files.Config(filepath.Join(dir, e.Name()))
		diags = append(diags, d...)
		if body != nil && diag.Parsed(d) {
			out = append(out, body)
		}
	}
	if len(out) == 0 && !diags.HasErrors() {
		diags = append(diags, diag.Errorf(diag.InvalidRole, at, "Invalid role", "The directory %s has no file whose name ends in .hcl or .hcl.json.", dir))
	}
	return out, diags
}

// list returns the files of the site's directory, and those that give values to variables, in the order of their names.
func (l *loader) list() (site, auto []string) {
	entries, err := l.opts.Files.ReadDir(l.dir)
	if err != nil {
		l.fail(diag.Errorf(diag.Unreadable, hcl.Range{Filename: l.dir}, "Directory cannot be read", "%s.", diag.Capital(plain.File(l.dir, err))))
		return nil, nil
	}
	for _, e := range entries {
		name := e.Name()
		switch {
		case e.IsDir() || strings.HasPrefix(name, "."):
		case isAutoFile(name):
			auto = append(auto, filepath.Join(l.dir, name))
		case isSiteFile(name):
			site = append(site, filepath.Join(l.dir, name))
		}
	}
	return site, auto
}

func hasSuffix(name string, suffixes ...string) bool {
	return slices.ContainsFunc(suffixes, func(s string) bool { return strings.HasSuffix(name, s) })
}

func isAutoFile(name string) bool { return hasSuffix(name, ".auto.vars.hcl", ".auto.vars.hcl.json") }

func isSiteFile(name string) bool {
	return hasSuffix(name, ".hcl", ".hcl.json") && !hasSuffix(name, ".vars.hcl", ".vars.hcl.json")
}

func (l *loader) read() []*syntax.Body {
	var bodies []*syntax.Body
	for _, name := range l.siteFiles {
		body, diags := l.files.Config(name)
		l.failAll(diags)
		if body == nil || !diag.Parsed(diags) {
			l.unread = append(l.unread, name)
			continue
		}
		bodies = append(bodies, body)
	}
	return bodies
}

// begin makes the site and the scope that the other steps fill.
func (l *loader) begin() {
	dir := l.opts.absolute(l.dir)
	l.site = &Site{mask: &mask{}, Path: l.opts.absolute(l.path), Dir: dir}
	l.scope = newScope(l.opts, dir)
	l.scope.config = l.config
	l.scope.budget = syntax.NewBudget(l.bytesRead())
	l.scope.addModules(l.config, l.opts)
	l.site.scope = l.scope
	l.scope.programs.said = l.asked
	for _, local := range l.config.Locals {
		l.scope.locals[local.Full] = l.declareLocal(local)
	}
	for _, r := range l.config.Roles {
		for name, full := range r.Module.Names.Variables {
			l.scope.addTyped(r.Module, name, l.scope.locals[full].variable)
		}
	}
	for _, h := range l.config.Hosts {
		l.blocks[h.Name] = h
	}
	for _, i := range l.config.Inventories {
		l.inventories[i.Full()] = i
	}
	for _, c := range l.config.Chains {
		l.scope.chains[c.Name] = c
	}
}

// declareLocal makes a local, or what is used like one, ready to be evaluated.
func (l *loader) declareLocal(local *config.Local) *localValue {
	out := &localValue{Local: local}
	if local.Variable != nil {
		declared, diags := variable.Declare(local.Variable, l.files)
		l.failAll(diags)
		out.variable = declared
		if declared != nil && declared.Secret() != cty.NilVal {
			l.scope.run.Hide(declared.Secret()) // it stands in the role's file, whether or not the role is given another
		}
		if declared == nil {
			l.bad[refs.Ref{Root: refs.Local, Name: local.Full}] = true
		}
	}
	return out
}

// analyze checks what all expressions refer to.
func (l *loader) analyze() {
	circular, diags := l.config.Analyze(l.scope.functionNames(l.config))
	l.failAll(diags)
	for _, ref := range circular {
		l.bad[ref] = true
	}
}

// endedBy leaves one of the errors that all evaluations give once the site's budget is spent.
func endedBy(diags hcl.Diagnostics, spent *hcl.Diagnostic) hcl.Diagnostics {
	if spent == nil {
		return diags
	}
	out := slices.DeleteFunc(slices.Clone(diags), func(d *hcl.Diagnostic) bool { return d.Summary == spent.Summary })
	return append(out, spent)
}

// tidy puts diagnostics into the order of the files and leaves out what is said twice about one place.
func tidy(diags hcl.Diagnostics) hcl.Diagnostics {
	slices.SortStableFunc(diags, func(a, b *hcl.Diagnostic) int { return comparePlace(a.Subject, b.Subject) })
	type said struct {
		at      hcl.Range
		code    diag.Code
		summary string
		detail  string // of what is not about one of many hosts
	}
	seen := map[said]bool{}
	var out hcl.Diagnostics
	for _, d := range diags {
		key := said{code: diag.CodeOf(d), summary: d.Summary}
		if diag.ExtraOf(d).Host == "" {
			key.detail = d.Detail
		}
		if d.Subject != nil {
			key.at = *d.Subject
		}
		if d.Subject != nil && d.Subject.Start.Line > 0 && seen[key] {
			continue
		}
		seen[key] = true
		out = append(out, d)
	}
	return diag.Few(out)
}

func comparePlace(a, b *hcl.Range) int {
	switch {
	case a == nil || b == nil:
		return boolToInt(a != nil) - boolToInt(b != nil)
	case a.Filename != b.Filename:
		return strings.Compare(a.Filename, b.Filename)
	}
	return a.Start.Byte - b.Start.Byte
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
