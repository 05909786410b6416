package lang

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"runner/lang/diag"
	"runner/lang/syntax"
)

// declarer collects what the files declare.
type declarer struct {
	catalog Catalog
	config  *config
	diags   hcl.Diagnostics
	seen    map[string]hcl.Range // by kind and name
}

// declare takes the bodies of a site's files apart.
func declare(bodies []*syntax.Body, catalog Catalog) (*config, hcl.Diagnostics) {
	d := &declarer{catalog: catalog, config: &config{}, seen: map[string]hcl.Range{}}
	for _, body := range bodies {
		content := d.content(body, fileSchema())
		for _, block := range content.Blocks {
			d.block(block)
		}
	}
	return d.config, d.diags
}

func (d *declarer) content(body *syntax.Body, s syntax.Schema) *syntax.Content {
	content, diags := body.Content(s)
	d.diags = append(d.diags, diags...)
	return content
}

func (d *declarer) block(b *syntax.Block) {
	c := d.config
	switch b.Type {
	case "runner":
		if d.unique("the runner block", b.Range, diag.DuplicateBlock) {
			c.runner = d.runner(b)
		}
	case "variable":
		if n, ok := d.named(b, 0, "variable"); ok {
			c.variables = append(c.variables, d.variable(b, n))
		}
	case "locals":
		d.locals(b)
	case "chain":
		if n, ok := d.named(b, 0, "chain"); ok {
			c.chains = append(c.chains, d.chain(b, n))
		}
	case "host":
		if n, ok := d.named(b, 0, "host"); ok {
			c.hosts = append(c.hosts, d.host(b, n))
		}
	case "job":
		if n, ok := d.named(b, 0, "job"); ok {
			c.jobs = append(c.jobs, d.job(b, n))
		}
	case "output":
		if n, ok := d.named(b, 0, "output"); ok {
			c.outputs = append(c.outputs, d.output(b, n))
		}
	}
}

// named reads a block's name from its label and reports one that is not valid or used already. The kind is what shares
// names, and where.
func (d *declarer) named(b *syntax.Block, label int, kind string, where ...string) (named, bool) {
	l := b.Labels[label]
	n := named{name: l.Text, nameRange: l.Range, block: b.Range}
	if !hclsyntax.ValidIdentifier(l.Text) {
		d.diags = append(d.diags, diag.Errorf(diag.InvalidName, l.Range, "Invalid name",
			"%s is not a name: a name begins with a letter or an underscore and goes on with letters, digits, underscores and dashes.", diag.Quote(l.Text)))
		return n, false
	}
	what := kind + " " + diag.Quote(l.Text) + strings.Join(where, "")
	return n, d.unique(what, l.Range, diag.DuplicateName)
}

// unique reports what stands there already.
func (d *declarer) unique(what string, at hcl.Range, code diag.Code) bool {
	if first, ok := d.seen[what]; ok {
		summary := "Duplicate name"
		if code == diag.DuplicateBlock {
			summary = "Duplicate block"
		}
		d.diags = append(d.diags, diag.Errorf(code, at, summary, "There is %s already, at %s line %d.", article(what), first.Filename, first.Start.Line))
		return false
	}
	d.seen[what] = at
	return true
}

func (d *declarer) runner(b *syntax.Block) *runnerBlock {
	content := d.content(b.Body, runnerSchema())
	get := func(name string) *expr { return expect(content, name, nil, b.Range, "") }
	return &runnerBlock{
		block:           b.Range,
		requiredVersion: get("required_version"),
		parallelism:     get("parallelism"),
		connectTimeout:  get("connect_timeout"),
		taskTimeout:     get("task_timeout"),
	}
}

func (d *declarer) variable(b *syntax.Block, n named) *variable {
	content := d.content(b.Body, variableSchema())
	get := func(name string) *expr { return expect(content, name, nil, b.Range, "") }
	v := &variable{
		named: n, typ: content.Arguments["type"], defaultTo: get("default"), description: get("description"),
		sensitive: get("sensitive"), nullable: get("nullable"),
	}
	for _, inner := range content.Blocks {
		content := d.content(inner.Body, validationSchema())
		v.validations = append(v.validations, &validation{
			block:     inner.Range,
			condition: expect(content, "condition", &d.diags, inner.Range, "a validation"),
			message:   expect(content, "error_message", &d.diags, inner.Range, "a validation"),
		})
	}
	return v
}

func (d *declarer) locals(b *syntax.Block) {
	args, diags := b.Body.Attributes()
	d.diags = append(d.diags, diags...)
	for _, arg := range args {
		if d.unique("local "+diag.Quote(arg.Name), arg.NameRange, diag.DuplicateName) && arg.Expr != nil {
			d.config.locals = append(d.config.locals, &expr{Expression: arg.Expr, arg: arg})
		}
	}
}

func (d *declarer) chain(b *syntax.Block, n named) *chainBlock {
	content := d.content(b.Body, chainSchema())
	return &chainBlock{named: n, extends: expect(content, "extends", nil, b.Range, ""), hops: d.hops(content)}
}

func (d *declarer) host(b *syntax.Block, n named) *hostBlock {
	content := d.content(b.Body, hostSchema())
	get := func(name string) *expr { return expect(content, name, nil, b.Range, "") }
	h := &hostBlock{
		named: n, forEach: get("for_each"), count: get("count"), address: get("address"), labels: get("labels"),
		vars: get("vars"), via: get("via"), chain: get("chain"), hops: d.hops(content),
	}
	if h.forEach != nil && h.count != nil {
		d.diags = append(d.diags, diag.Errorf(diag.InvalidValue, h.count.arg.NameRange, "Conflicting arguments",
			"A host has either for_each or count, not both."))
	}
	if n.name == localhost {
		d.diags = append(d.diags, diag.Errorf(diag.DuplicateName, n.nameRange, "Duplicate name",
			"host.localhost always exists and cannot be declared."))
	}
	return h
}

func (d *declarer) output(b *syntax.Block, n named) *outputBlock {
	content := d.content(b.Body, outputSchema())
	return &outputBlock{
		named:     n,
		value:     expect(content, "value", &d.diags, b.Range, "an output"),
		sensitive: expect(content, "sensitive", nil, b.Range, ""),
	}
}

// hops takes the hop blocks among others apart.
func (d *declarer) hops(content *syntax.Content) []*hopBlock {
	var out []*hopBlock
	for _, b := range content.Blocks {
		if b.Type == "hop" {
			out = append(out, d.hop(b))
		}
	}
	return out
}

func (d *declarer) hop(b *syntax.Block) *hopBlock {
	l := b.Labels[0]
	hop := &hopBlock{transport: l.Text, block: b.Range}
	transport, ok := d.catalog.Transports[l.Text]
	if !ok {
		d.diags = append(d.diags, diag.Errorf(diag.UnknownTransport, l.Range, "Unknown transport",
			"There is no transport %s.%s", diag.Quote(l.Text), suggest(l.Text, sortedKeys(d.catalog.Transports), "The transports")))
		return hop
	}
	content := d.content(b.Body, syntax.Schema{What: "a hop of the transport " + diag.Quote(l.Text), Arguments: argumentNames(transport)})
	hop.args = map[string]*expr{}
	for name := range content.Arguments {
		if e := expect(content, name, nil, b.Range, ""); e != nil {
			hop.args[name] = e
		}
	}
	return hop
}
