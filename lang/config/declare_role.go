package config

import (
	"path/filepath"
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"runner/lang/diag"
	"runner/lang/refs"
	"runner/lang/syntax"
)

// Roles are expanded where they are used, so a few that use each other twice would make very many.
const (
	maxRoles     = 1000
	maxRoleDepth = 20
)

// roleBlock declares what the files of a role have, in the place where the role is used. Its variables and outputs are
// evaluated like locals.
func (d *declarer) roleBlock(b *syntax.Block) {
	n, ok := d.named(b, 0, "role", " in "+d.module.Names.Title)
	args, diags := b.Body.Attributes()
	d.diags = append(d.diags, diags...)
	given := map[string]*syntax.Argument{}
	for _, arg := range args {
		given[arg.Name] = arg
	}
	dir, found := d.source(b, given["source"])
	if ok {
		d.module.Names.Roles[n.Name] = &refs.Role{Broken: true} // until it is not
	}
	if !ok || !found {
		return
	}
	r := &Role{Named: n, Dir: dir, Outer: d.roleOuter(given)}
	r.Module = newModule("the role", d.module.Prefix+"role."+n.Name+".", dir, d.module)
	r.Module.Role, r.Module.Names.Job = r, d.module.Names.Job
	if !d.mayUse(r) {
		return
	}
	bodies, diags := d.Open(dir, given["source"].Expr.Range())
	d.diags = append(d.diags, diags...)
	r.Module.Names.Partial = unread(diags)
	if diags.HasErrors() && !r.Module.Names.Partial {
		return
	}
	d.config.Roles = append(d.config.Roles, r)
	d.job.Outer = append(d.job.Outer, r.Outer)
	before, tried := d.around, d.tried
	d.around, d.tried = append(slices.Clone(before), r.Outer), nil
	d.roleFiles(r, bodies, given)
	d.around, d.tried = before, tried
	d.module.Names.Roles[n.Name] = &refs.Role{Outputs: r.Module.outputs, Index: len(d.job.Tasks), Partial: r.Module.Names.Partial}
}

// roleOuter is what the role block says of all tasks in it.
func (d *declarer) roleOuter(given map[string]*syntax.Argument) *Outer {
	get := func(name string) *Expr {
		if arg := given[name]; arg != nil {
			return d.expr(arg)
		}
		return nil
	}
	return &Outer{
		What: "a role", When: get("when"), Environment: get("environment"), OnFailure: get("on_failure"), Tags: get("tags"),
		Way: &Way{RunAs: get("run_as")}, Before: len(d.job.Tasks), Inside: d.try, Tried: d.tried,
	}
}

// source reads where a role's files are, which must be written out.
func (d *declarer) source(b *syntax.Block, arg *syntax.Argument) (string, bool) {
	if arg == nil {
		d.diags = append(d.diags, Missing("source", "a role", b.Range))
		return "", false
	}
	v, diags := syntax.EvaluateConstant(arg.Expr)
	switch {
	case unread(diags):
		return "", false
	case diags.HasErrors() || v.IsNull() || v.Type() != cty.String:
		d.diags = append(d.diags, diag.Errorf(diag.InvalidRole, arg.Expr.Range(), "Invalid role",
			`The source of a role is the path of its directory, written out, such as "./roles/nginx": it must be known before anything is evaluated.`))
		return "", false
	case v.AsString() == "":
		d.diags = append(d.diags, diag.Errorf(diag.InvalidRole, arg.Expr.Range(), "Invalid role", "The source of a role cannot be empty."))
		return "", false
	}
	if dir := v.AsString(); filepath.IsAbs(dir) {
		return filepath.Clean(dir), true
	}
	return filepath.Join(d.module.Dir, v.AsString()), true
}

// mayUse reports a role that contains itself, and too many roles.
func (d *declarer) mayUse(r *Role) bool {
	depth := 0
	for m := r.Module.Parent; m != nil; m = m.Parent {
		if m.Role != nil && sameDir(m.Role.Dir, r.Dir) {
			d.diags = append(d.diags, diag.Errorf(diag.Cycle, r.NameRange, "Role contains itself",
				"The role %s uses the directory %s, in which it stands itself.", diag.Quote(r.Name), r.Dir))
			return false
		}
		depth++
	}
	if depth > maxRoleDepth || len(d.config.Roles) >= maxRoles {
		d.diags = append(d.diags, diag.Errorf(diag.TooDeep, r.NameRange, "Too many roles",
			"A site can use roles %d times, and in each other at most %d deep.", maxRoles, maxRoleDepth))
		return false
	}
	return true
}

func sameDir(a, b string) bool {
	if a == b {
		return true
	}
	realA, errA := filepath.EvalSymlinks(a)
	realB, errB := filepath.EvalSymlinks(b)
	return errA == nil && errB == nil && realA == realB
}

// roleFiles declares what the files of a role have.
func (d *declarer) roleFiles(r *Role, bodies []*syntax.Body, given map[string]*syntax.Argument) {
	var variables []*Variable
	user := d.module
	d.within(r.Module, func() {
		for _, body := range bodies {
			for _, b := range d.content(body, roleSchema()).Blocks {
				switch b.Type {
				case "variable":
					if n, ok := d.named(b, 0, "variable", " in "+r.Module.Names.Title); ok {
						variables = append(variables, d.variable(b, n))
					}
				case "locals":
					d.locals(b)
				case "output":
					if n, ok := d.named(b, 0, "output", " in "+r.Module.Names.Title); ok {
						d.roleOutput(r, d.output(b, n))
					}
				default:
					d.work(b)
				}
			}
		}
	})
	d.roleVariables(r, user, variables, given)
	if !r.Module.Names.Partial {
		d.leftOver(r, variables, given)
	}
}

// roleVariables gives the variables of a role what it is given for them, or their defaults.
func (d *declarer) roleVariables(r *Role, user *Module, variables []*Variable, given map[string]*syntax.Argument) {
	for _, v := range variables {
		if slices.Contains(roleArguments(), v.Name) {
			d.diags = append(d.diags, diag.Errorf(diag.InvalidName, v.NameRange, "Invalid name",
				"A variable of a role cannot be called %s: that is an argument of every role.", diag.Quote(v.Name)))
			continue
		}
		l := &Local{Title: "var." + v.Name, Full: r.Module.Prefix + "var." + v.Name, Variable: v}
		arg := given[v.Name]
		switch {
		case arg != nil:
			l.Expr = &Expr{Expression: arg.Expr, Arg: arg, Module: user}
			place := refs.Place{What: diag.Quote(v.Name) + " of a role", Roots: refs.OnHost, Module: user.Names, Before: r.Outer.Before}
			l.Place = place.Rescuing(r.Outer.Tried)
		case v.Default != nil:
			l.Expr = v.Default
			l.Place = refs.Place{What: "a default", Module: r.Module.Names, Static: true}
		default:
			d.diags = append(d.diags, diag.Errorf(diag.MissingVariable, r.Block, "Missing variable",
				"%s needs the variable %q, which is declared at %s line %d without a default.",
				diag.Capital(r.Module.Names.Title), v.Name, v.Block.Filename, v.Block.Start.Line))
		}
		if l.Expr == nil { // what uses it is not reported again
			l.Expr = &Expr{Expression: &hclsyntax.LiteralValueExpr{Val: cty.DynamicVal, SrcRange: r.Block}, Arg: &syntax.Argument{Name: v.Name, Range: r.Block}, Module: user}
			l.Place = refs.Place{What: "a variable", Module: user.Names}
		}
		r.Module.Names.Variables[v.Name] = l.Full
		d.config.Locals = append(d.config.Locals, l)
	}
}

// roleOutput declares an output of a role, which the module that uses the role can see.
func (d *declarer) roleOutput(r *Role, o *Output) {
	if o.Value == nil {
		return
	}
	full := r.Module.Prefix + "output." + o.Name
	if r.Module.outputs == nil {
		r.Module.outputs = map[string]string{}
	}
	r.Module.outputs[o.Name] = full
	d.config.Locals = append(d.config.Locals, &Local{
		Expr: o.Value, Full: full, Title: "role." + r.Name + "." + o.Name, Sensitive: o.Sensitive,
		Place: refs.Place{What: "an output of a role", Roots: refs.OnHost, Module: r.Module.Names, Before: anywhere},
	})
}

// leftOver reports arguments that the role has no variable for.
func (d *declarer) leftOver(r *Role, variables []*Variable, given map[string]*syntax.Argument) {
	var names []string
	for _, v := range variables {
		names = append(names, v.Name)
	}
	slices.Sort(names)
	names = append(names, roleArguments()...)
	var left []*syntax.Argument
	for name, arg := range given {
		if !slices.Contains(names, name) {
			left = append(left, arg)
		}
	}
	slices.SortFunc(left, func(a, b *syntax.Argument) int { return a.Range.Start.Byte - b.Range.Start.Byte })
	for _, arg := range left {
		d.diags = append(d.diags, diag.Errorf(diag.UnknownArgument, arg.NameRange, "Unknown argument", "The role %s has no variable %s.%s",
			diag.Quote(r.Name), diag.Quote(arg.Name), diag.OneOf(arg.Name, names)))
	}
}
