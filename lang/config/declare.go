package config

import (
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"runner/agent/schema"
	"runner/lang/diag"
	"runner/lang/own"
	"runner/lang/refs"
	"runner/lang/syntax"
)

// Options are what declarations are checked against, and how the files of roles are read.
type Options struct {
	Actions, Transports map[string]schema.Block
	Dir                 string // of the site, as people see it
	Partial             bool   // some of the site's files could not be read
	// Open reads the files of a role's directory; those that can be read come with errors about the others.
	Open func(dir string, at hcl.Range) ([]*syntax.Body, hcl.Diagnostics)
	Own  OwnActions // nil: there are none
}

// OwnActions are the actions of the user's own that lie beside the files of the site and of roles.
type OwnActions interface {
	// Action returns the one of a name that is beside a directory. It is nil with true if there is one that cannot be used.
	Action(dir, name string) (*own.Action, bool)
	Names(dir string) []string
}

// declarer collects what the files declare.
type declarer struct {
	Options
	config *Config
	module *Module // that blocks are declared in
	job    *Job    // nil: outside jobs
	around []*Outer
	try    int         // the innermost one around, an index in the job's; -1: none
	tried  *refs.Tried // of the innermost rescue around, in this module
	diags  hcl.Diagnostics
	seen   map[string]hcl.Range // by module, kind and name
}

// Declare takes the bodies of a site's files apart.
func Declare(bodies []*syntax.Body, o Options) (*Config, hcl.Diagnostics) {
	site := newModule("the site", "", o.Dir, nil)
	site.Names.Partial = o.Partial
	d := &declarer{Options: o, config: &Config{Site: site}, module: site, try: -1, seen: map[string]hcl.Range{}}
	for _, body := range bodies {
		content := d.content(body, fileSchema())
		for _, block := range content.Blocks {
			d.block(block)
		}
	}
	for _, j := range d.config.Jobs { // a job sees the site's names where it has none of its own
		maps.Copy(j.Module.Names.Variables, site.Names.Variables)
		own := j.Module.Names.Locals
		j.Module.Names.Locals = maps.Clone(site.Names.Locals)
		maps.Copy(j.Module.Names.Locals, own)
	}
	return d.config, d.diags
}

func newModule(title, prefix, dir string, parent *Module) *Module {
	return &Module{Prefix: prefix, Dir: dir, Parent: parent, Names: &refs.Module{
		Title: title, Variables: map[string]string{}, Locals: map[string]string{}, Roles: map[string]*refs.Role{},
	}}
}

// within declares something in another module.
func (d *declarer) within(m *Module, declare func()) {
	before := d.module
	d.module = m
	declare()
	d.module = before
}

func (d *declarer) content(body *syntax.Body, s syntax.Schema) *syntax.Content {
	content, diags := body.Content(s)
	d.diags = append(d.diags, diags...)
	return content
}

// unread says whether errors are about something that cannot be read.
func unread(diags hcl.Diagnostics) bool {
	return slices.ContainsFunc(diags, func(d *hcl.Diagnostic) bool {
		switch diag.CodeOf(d) {
		case diag.Syntax, diag.TooDeep, diag.TooLarge, diag.Unreadable:
			return d.Severity == hcl.DiagError
		default:
			return false
		}
	})
}

func (d *declarer) block(b *syntax.Block) {
	c := d.config
	switch b.Type {
	case "runner":
		if d.unique("the runner block", b.Range, diag.DuplicateBlock) {
			c.Runner = d.runner(b)
		}
	case "variable":
		if n, ok := d.named(b, 0, "variable"); ok {
			c.Variables = append(c.Variables, d.variable(b, n))
			c.Site.Names.Variables[n.Name] = ""
		}
	case "locals":
		d.locals(b)
	case "chain":
		if n, ok := d.named(b, 0, "chain"); ok {
			c.Chains = append(c.Chains, d.chain(b, n))
		}
	case "host":
		if n, ok := d.named(b, 0, "host"); ok {
			c.Hosts = append(c.Hosts, d.host(b, n))
		}
	case "inventory":
		d.inventory(b)
	case "job":
		if n, ok := d.named(b, 0, "job"); ok {
			c.Jobs = append(c.Jobs, d.jobBlock(b, n))
		}
	case "output":
		if n, ok := d.named(b, 0, "output"); ok {
			c.Outputs = append(c.Outputs, d.output(b, n))
		}
	}
}

// named reads a block's name from its label and reports one that is not valid or used already. The kind is what shares
// names, and where.
func (d *declarer) named(b *syntax.Block, label int, kind string, where ...string) (Named, bool) {
	l := b.Labels[label]
	n := Named{Name: l.Text, NameRange: l.Range, Block: b.Range}
	if !d.valid(l.Text, l.Range) {
		return n, false
	}
	what := kind + " " + diag.Quote(l.Text) + strings.Join(where, "")
	return n, d.unique(what, l.Range, diag.DuplicateName)
}

// valid reports a name that cannot be one.
func (d *declarer) valid(name string, at hcl.Range) bool {
	if hclsyntax.ValidIdentifier(name) {
		return true
	}
	d.diags = append(d.diags, diag.Errorf(diag.InvalidName, at, "Invalid name",
		"%s is not a name: a name begins with a letter or an underscore and goes on with letters, digits, underscores and dashes.", diag.Quote(name)))
	return false
}

// unique reports what stands there already.
func (d *declarer) unique(what string, at hcl.Range, code diag.Code) bool {
	key := d.module.Prefix + what
	if first, ok := d.seen[key]; ok {
		summary := "Duplicate name"
		if code == diag.DuplicateBlock {
			summary = "Duplicate block"
		}
		d.diags = append(d.diags, diag.Errorf(code, at, summary, "There is %s already, at %s line %d.", article(what), first.Filename, first.Start.Line))
		return false
	}
	d.seen[key] = at
	return true
}

func (d *declarer) runner(b *syntax.Block) *Runner {
	content := d.content(b.Body, runnerSchema())
	get := d.getter(content)
	return &Runner{
		Block:           b.Range,
		RequiredVersion: get("required_version"),
		Parallelism:     get("parallelism"),
		ConnectTimeout:  get("connect_timeout"),
		TaskTimeout:     get("task_timeout"),
	}
}

func (d *declarer) variable(b *syntax.Block, n Named) *Variable {
	content := d.content(b.Body, variableSchema())
	get := d.getter(content)
	v := &Variable{
		Named: n, Type: content.Arguments["type"], Default: get("default"), Description: get("description"),
		Sensitive: get("sensitive"), Nullable: get("nullable"),
	}
	for _, inner := range content.Blocks {
		v.Validations = append(v.Validations, d.condition(inner, "a validation"))
	}
	return v
}

func (d *declarer) condition(b *syntax.Block, what string) *Condition {
	content := d.content(b.Body, conditionSchema(what))
	return &Condition{
		Block:     b.Range,
		Condition: d.required(content, "condition", b.Range, what),
		Message:   d.required(content, "error_message", b.Range, what),
	}
}

// maxLocals bounds the locals of a site, those of its roles each time that they are used.
const maxLocals = 100_000

func (d *declarer) locals(b *syntax.Block) {
	args, diags := b.Body.Attributes()
	d.diags = append(d.diags, diags...)
	if len(d.config.Locals)+len(args) > maxLocals {
		d.diags = append(d.diags, diag.Errorf(diag.TooLarge, b.Range, "Too many locals",
			"A site can have at most %d locals. What is one kind of thing can stand in one of them, as a list or an object.", maxLocals))
		args, d.module.Names.Partial = nil, true
	}
	for _, arg := range args {
		if d.valid(arg.Name, arg.NameRange) && d.unique("local "+diag.Quote(arg.Name), arg.NameRange, diag.DuplicateName) {
			d.addLocal(arg.Name, &Local{Expr: d.expr(arg), Title: "local." + arg.Name})
		}
	}
}

// addLocal declares a local in the module.
func (d *declarer) addLocal(name string, l *Local) {
	l.Full = name
	if d.module != d.config.Site {
		l.Full = d.module.Prefix + l.Title
	}
	roots := refs.Site
	if d.job != nil {
		roots = refs.OnHost
	}
	l.Place = refs.Place{What: "a local", Roots: roots, Module: d.module.Names, Before: anywhere}
	d.module.Names.Locals[name] = l.Full
	d.config.Locals = append(d.config.Locals, l)
}

// anywhere is behind the last task: what may be used is found out where the local is.
const anywhere = math.MaxInt

func (d *declarer) chain(b *syntax.Block, n Named) *Chain {
	content := d.content(b.Body, chainSchema())
	return &Chain{Named: n, Extends: d.get(content, "extends"), Hops: d.hops(content)}
}

func (d *declarer) host(b *syntax.Block, n Named) *Host {
	content := d.content(b.Body, hostSchema())
	get := d.getter(content)
	h := &Host{
		Named: n, ForEach: get("for_each"), Count: get("count"), Address: get("address"), Labels: get("labels"),
		Vars: get("vars"), Via: get("via"), Chain: get("chain"), Hops: d.hops(content),
	}
	if h.ForEach != nil && h.Count != nil {
		d.diags = append(d.diags, diag.Errorf(diag.InvalidValue, h.Count.Arg.NameRange, "Conflicting arguments",
			"A host has either for_each or count, not both."))
	}
	if n.Name == Localhost {
		d.diags = append(d.diags, diag.Errorf(diag.DuplicateName, n.NameRange, "Duplicate name",
			"host.localhost always exists and cannot be declared."))
	}
	return h
}

func (d *declarer) output(b *syntax.Block, n Named) *Output {
	content := d.content(b.Body, outputSchema())
	return &Output{
		Named:     n,
		Value:     d.required(content, "value", b.Range, "an output"),
		Sensitive: d.get(content, "sensitive"),
	}
}

// hops takes the hop blocks among others apart.
func (d *declarer) hops(content *syntax.Content) []*Hop {
	var out []*Hop
	for _, b := range content.Blocks {
		if b.Type == "hop" {
			out = append(out, d.hop(b))
		}
	}
	return out
}

func (d *declarer) hop(b *syntax.Block) *Hop {
	l := b.Labels[0]
	hop := &Hop{Transport: l.Text, Block: b.Range}
	transport, ok := d.Transports[l.Text]
	if !ok {
		d.diags = append(d.diags, diag.Errorf(diag.UnknownTransport, l.Range, "Unknown transport",
			"There is no transport %s.%s", diag.Quote(l.Text), suggest(l.Text, slices.Sorted(maps.Keys(d.Transports)), "The transports")))
		return hop
	}
	content := d.content(b.Body, syntax.Schema{What: "a hop of the transport " + diag.Quote(l.Text), Arguments: argumentNames(transport)})
	hop.Args, hop.Lacks = map[string]*Expr{}, content.Lacks
	for name := range content.Arguments {
		if e := d.get(content, name); e != nil {
			hop.Args[name] = e
		}
	}
	return hop
}
