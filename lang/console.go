package lang

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"runner/lang/config"
	"runner/lang/diag"
	"runner/lang/function"
	"runner/lang/refs"
	"runner/lang/syntax"
	"runner/lang/value"
)

// Console evaluates expressions that stand in no file of the site. They see what an output sees before a run, and are
// checked like those of the site. It is for one goroutine.
type Console struct {
	site     *Site
	loader   *loader // of nothing more: it knows the site
	names    *refs.Names
	analyzer *refs.Analyzer
}

// Console returns a console for the site.
func (s *Site) Console() *Console {
	names := s.scope.config.Names(s.scope.functionNames(s.scope.config))
	return &Console{
		site:     s,
		loader:   &loader{scope: s.scope, site: s, config: s.scope.config, bad: map[refs.Ref]bool{}},
		names:    names,
		analyzer: refs.New(names),
	}
}

// Evaluate returns the value of an expression, written as HCL; false if there is none, after an error or because the
// text has only blanks and comments. The text begins at start in what the name stands for.
func (c *Console) Evaluate(src []byte, name string, start hcl.Pos) (string, bool, hcl.Diagnostics) {
	if syntax.Blank(src) {
		return "", false, nil
	}
	expr, diags := syntax.Expression(src, name, start)
	if diags.HasErrors() {
		return "", false, diags
	}
	module := c.site.scope.config.Site
	uses, diags := c.analyzer.Analyze(expr, refs.Place{What: "the console", Roots: refs.Site, Module: module.Names})
	if diags.HasErrors() {
		return "", false, diags
	}
	uses.Whole()
	e := &config.Expr{Expression: expr, Module: module, Uses: uses}
	v := &view{scope: c.site.scope, state: nothing{}, uses: uses, fixed: c.loader.fixed(uses, nil, []*config.Expr{e})}
	result, diags := evaluate(expr, v.contexts().of(module))
	diags = tidy(append(v.diags, diags...))
	if diags.HasErrors() {
		return "", false, diags
	}
	if err := function.Check(result); err != nil {
		return "", false, append(diags, diag.Errorf(diag.TooLarge, expr.Range(), "Value too large", "The console cannot show this: %v.", err))
	}
	return value.HCL(result, nameOf), true, diags
}

// nameOf says which expression stands for something that is no data.
func nameOf(thing any) string {
	if chain, ok := thing.(*config.Chain); ok {
		return "chain." + chain.Name
	}
	return "(no value)"
}

// Names lists what expressions can begin with, sorted.
func (c *Console) Names() []string {
	module := c.site.scope.config.Site.Names
	out := []string{"path.site", "path.module", "run.id"}
	for _, root := range []struct {
		name  string
		names []string
	}{
		{"var", slices.Collect(maps.Keys(module.Variables))},
		{"local", slices.Collect(maps.Keys(module.Locals))},
		{"chain", slices.Collect(maps.Keys(c.names.Chains))},
	} {
		for _, name := range root.names {
			out = append(out, root.name+"."+name)
		}
	}
	for _, h := range append(slices.Clip(c.site.Hosts), c.site.Localhost()) {
		for _, attribute := range refs.HostAttributes() {
			out = append(out, fmt.Sprintf("host.%s.%s", h.Name, attribute))
		}
	}
	for _, j := range c.site.Jobs {
		for _, t := range j.Tasks {
			out = append(out, t.Address)
		}
	}
	for name := range c.names.Functions {
		out = append(out, name+"(")
	}
	slices.Sort(out)
	return slices.Compact(out)
}
