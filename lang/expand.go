package lang

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"runner/agent/schema"
	"runner/lang/config"
	"runner/lang/diag"
	"runner/lang/source"
	"runner/lang/value"
)

// Expand evaluates a task for a host as far as the state allows: one instance for each element of its for_each, or one.
// The values of the arguments are shared and must not be changed. It can be called from any number of goroutines.
func (s *Site) Expand(t *Task, h *Host, state State) ([]Instance, hcl.Diagnostics) {
	x := newExpansion(s.scope, t, h, state)
	out := x.run()
	return out, x.located()
}

// expansion evaluates one task for one host.
type expansion struct {
	scope    *scope
	task     *Task
	body     *taskBody
	host     *Host
	view     *view
	contexts contexts
	ctx      *hcl.EvalContext // of the task's own expressions, with each
	diags    hcl.Diagnostics

	certain bool  // only what is certain is evaluated
	leftOut bool  // there is no element, or a condition leaves one out
	open    []any // the keys of the elements that no condition leaves out
}

func newExpansion(s *scope, t *Task, h *Host, state State) *expansion {
	body := t.body
	v := &view{scope: s, state: state, uses: &body.uses, fixed: body.fixed, job: body.job, host: h.Name, self: body.job.self[h]}
	if h.Name != "" && body.uses.SelfFacts {
		v.self = withFacts(body.job.parts[h], s.facts.of(state, h.Name))
	}
	x := &expansion{scope: s, task: t, body: body, host: h, view: v, contexts: v.contexts(), diags: v.diags}
	x.ctx = x.contexts.of(body.block.Module)
	return x
}

// located returns what was found wrong, with its host and address, and where roles are used.
func (x *expansion) located() hcl.Diagnostics {
	if len(x.diags) == 0 {
		return nil
	}
	for i, d := range x.diags {
		address := x.task.Address
		if diag.ExtraOf(d).Address != "" {
			address = "" // it is the job's
		}
		x.diags[i] = diag.At(hcl.Diagnostics{d}, x.host.Name, address)[0]
	}
	return x.scope.config.UsedAt(x.diags)
}

// context returns what an expression sees.
func (x *expansion) context(e *config.Expr) *hcl.EvalContext {
	ctx := x.ctx
	if e.Module != x.body.block.Module {
		ctx = x.contexts.of(e.Module)
	}
	return with(ctx, x.view.failure(e.Uses))
}

// one is an element of for_each.
type one struct {
	key   any
	keyed bool
	each  cty.Value
}

func (x *expansion) run() []Instance {
	elements, known := x.elements()
	text := 0
	var out []Instance
	bare := x.ctx
	x.leftOut = len(elements) == 0
	for _, e := range elements {
		if e.keyed {
			x.ctx = with(bare, map[string]cty.Value{"each": e.each})
		}
		in := Instance{Address: x.task.Address, Key: e.key, Keyed: e.keyed, Hidden: Hidden{All: x.body.sensitive}}
		switch key := e.key.(type) {
		case string:
			in.Address += "[" + quoteKey(key) + "]"
		case int:
			in.Address += fmt.Sprintf("[%d]", key)
		}
		if !known {
			in.Unknown = append(in.Unknown, "for_each")
		}
		x.instance(&in)
		x.hide(in)
		own := in.text()
		if d := x.scope.budget.Spend(own, 0, x.body.block.Block); d != nil {
			x.diags = append(x.diags, d)
			return out
		}
		if text += own; text > maxHeldText {
			x.diags = append(x.diags, diag.Errorf(diag.TooLarge, x.body.block.Block, "Values too large",
				"The elements of this task's for_each have more than %d MiB of text in their arguments. Give large files as source.", maxHeldText>>20))
			return out
		}
		out = append(out, in)
	}
	return out
}

// hide remembers what is sensitive of what a task is given, for who keeps the site.
func (x *expansion) hide(in Instance) {
	if !x.scope.run.Remembers {
		return
	}
	var texts []string
	for _, name := range []string{"content", "stdin", "script"} {
		if text, ok := in.Args[name].(string); ok && (in.Hidden.All || slices.Contains(in.Secrets, name)) {
			texts = append(texts, text)
		}
	}
	files := in.Sources
	if !in.Hidden.All {
		files = nil
	}
	x.scope.run.HideTask(texts, files)
}

// maxElements bounds the elements of one for_each.
const maxElements = 20_000

// elements evaluates for_each. While it is not known, and where it is wrong, there is one element without a key.
func (x *expansion) elements() (out []one, known bool) {
	e := x.body.block.ForEach
	if e == nil {
		return []one{{}}, true
	}
	anything := []one{{keyed: true, each: each(cty.DynamicVal, cty.DynamicVal)}}
	v, ok := x.value(e)
	if !ok {
		return anything, false
	}
	if v.IsMarked() {
		x.diags = append(x.diags, sensitiveError(e.At(), `"for_each"`, "its keys become part of the tasks' addresses"))
		return anything, false
	}
	t := v.Type()
	isSet := t.IsSetType() && (t.ElementType() == cty.String || t.ElementType() == cty.DynamicPseudoType)
	switch {
	case t == cty.DynamicPseudoType && !v.IsNull():
		return anything, false
	case !t.IsMapType() && !t.IsObjectType() && !t.IsTupleType() && !t.IsListType() && !isSet || v.IsKnown() && v.IsNull():
		x.diags = append(x.diags, diag.Errorf(diag.WrongType, e.At(), "Wrong type of value",
			`"for_each" takes a map, a list or a set of strings, but this is %s.`, value.Word(v)))
		return anything, false
	case !v.IsKnown() || isSet && !v.IsWhollyKnown():
		return anything, false
	case v.LengthInt() > maxElements:
		x.diags = append(x.diags, diag.Errorf(diag.TooLarge, e.At(), "Value too large", `"for_each" takes at most %d elements.`, maxElements))
		return anything, false
	}
	for it := v.ElementIterator(); it.Next(); {
		key, value := it.Element()
		switch {
		case isSet && value.IsNull():
			x.diags = append(x.diags, diag.Errorf(diag.InvalidValue, e.At(), "Null in a set", `"for_each" cannot have null among its keys.`))
			return anything, false
		case isSet:
			out = append(out, one{key: value.AsString(), keyed: true, each: each(value, value)})
		case key.Type() == cty.Number:
			out = append(out, one{key: len(out), keyed: true, each: each(key, value)})
		default:
			out = append(out, one{key: key.AsString(), keyed: true, each: each(key, value)})
		}
	}
	return out, true
}

func each(key, value cty.Value) cty.Value {
	return cty.ObjectVal(map[string]cty.Value{"key": key, "value": value})
}

// value evaluates an expression that is sound. It reports false after an error.
func (x *expansion) value(e *config.Expr) (cty.Value, bool) {
	if !x.evaluates(e) {
		return cty.DynamicVal, false
	}
	v, diags := x.evaluate(e)
	x.diags = append(x.diags, diags...)
	return v, !diags.HasErrors()
}

// instance evaluates a task for one element: first when, the rest only where that is true.
func (x *expansion) instance(in *Instance) {
	for _, c := range x.body.conditions {
		before := len(x.diags)
		known, holds := x.condition(c.when)
		failed := !known && (len(x.diags) > before || !c.when.Sound())
		x.blame(c.when, before)
		switch {
		case failed:
			in.Barrier, x.leftOut = c.barrier, true
			return
		case known && !holds:
			in.Skip, in.Unknown = true, nil
			x.leftOut = true
			return
		case !known && !slices.Contains(in.Unknown, "when"):
			in.Unknown = append(in.Unknown, "when")
		}
	}
	x.open = append(x.open, in.Key)
	x.rest(in)
}

// rest evaluates what is not for_each or a condition.
func (x *expansion) rest(in *Instance) {
	x.arguments(in)
	x.environment(in)
	in.Timeout, _ = x.duration(in, x.body.block.Timeout, schema.Duration)
	x.retry(in)
	x.notify(in)
	in.Lane = x.body.lanes[x.host]
}

// condition says whether a condition is known, and whether it holds.
func (x *expansion) condition(e *config.Expr) (known, holds bool) {
	v, ok := x.value(e)
	if !ok {
		return false, false
	}
	v, _ = v.Unmark()
	b, err := convert.Convert(v, cty.Bool)
	switch {
	case err != nil || v.IsKnown() && v.IsNull():
		x.diags = append(x.diags, diag.Errorf(diag.WrongType, e.At(), "Wrong type of value", `%q takes true or false, but this is %s.`, e.Arg.Name, value.Word(v)))
		return false, false
	case !b.IsKnown():
		return false, false
	}
	return true, b.True()
}

// blame names the job in the errors from an index on, if they are about an argument of the job.
func (x *expansion) blame(e *config.Expr, from int) {
	if job := x.body.job; e == job.block.When || e == job.block.Environment {
		copy(x.diags[from:], diag.At(x.diags[from:], "", "job."+job.Name))
	}
}

// arguments evaluates what the action takes.
func (x *expansion) arguments(in *Instance) {
	block := x.body.block
	in.Args = make(map[string]any, len(block.Args))
	known := make(map[string]any, len(block.Args))
	of := x.body.title
	to := "" // the argument that is a destination
	for _, a := range x.body.schema.Arguments {
		e := block.Args[a.Name]
		if e == nil {
			continue
		}
		arg, ok := x.argument(a, e, of)
		if arg.Sensitive {
			in.Secrets = append(in.Secrets, a.Name)
			in.Hidden.add(a.Reach)
		}
		switch {
		case !ok:
			known[a.Name] = schema.Unknown{} // the others are looked at all the same
		case !arg.Known:
			in.Unknown = append(in.Unknown, a.Name)
			known[a.Name] = schema.Unknown{}
		case arg.Plain == nil && a.Required:
			x.diags = append(x.diags, diag.Errorf(diag.MissingArgument, e.At(), "Missing argument", "%s needs the argument %q, but this is null.", diag.Capital(of), a.Name))
		case arg.Plain == nil:
		case a.Type == schema.Destination:
			path, _ := arg.Plain.(string)
			known[a.Name] = path
			to = a.Name
			in.Destination = path
		case a.Type == schema.Source, a.Type == schema.Tree:
			if in.Sources == nil {
				in.Sources = map[string]string{}
			}
			path, _ := arg.Plain.(string)
			known[a.Name] = path
			in.Sources[a.Name] = source.Within(x.body.dir, path)
			if a.Type == schema.Tree {
				in.Trees = map[string]bool{a.Name: true}
			}
		default:
			if a.Type == schema.Regex {
				in.Patterns = append(in.Patterns, a.Name)
			}
			in.Args[a.Name] = arg.Plain
			known[a.Name] = value.Floats(arg.Plain)
		}
	}
	if to != "" {
		in.Destination = destination(x.body.dir, in.Destination, in.Args)
		x.checkDestination(in, to)
	}
	if x.certain && len(in.Unknown) > 0 {
		return
	}
	x.diags = append(x.diags, checkBlock(x.body.schema, known, in.Secrets, block.Args, block.Block)...)
}

func (x *expansion) argument(a schema.Attribute, e *config.Expr, of string) (value.Argument, bool) {
	if !x.evaluates(e) {
		return value.Argument{}, true
	}
	take := func() (value.Argument, hcl.Diagnostics) {
		v, diags := x.evaluate(e)
		if diags.HasErrors() {
			return value.Argument{}, diags
		}
		arg, more := value.Take(a, v, e.Expression, of)
		return arg, append(diags, more...)
	}
	if s := x.body.once[a.Name]; s != nil && !x.certain {
		s.Do(func() { s.Argument, s.diags = take() })
		x.diags = append(x.diags, s.diags...)
		return s.Argument, !s.diags.HasErrors()
	}
	arg, diags := take()
	x.diags = append(x.diags, diags...)
	return arg, !diags.HasErrors()
}

// environment lays the variables of roles over the job's, and the task's over those.
func (x *expansion) environment(in *Instance) {
	before := len(x.diags)
	x.addEnvironment(in, x.body.job.block.Environment, "a job")
	x.blame(x.body.job.block.Environment, before)
	for _, o := range x.body.block.Outer {
		x.addEnvironment(in, o.Environment, o.What)
	}
	x.addEnvironment(in, x.body.block.Environment, "a task")
}

func (x *expansion) addEnvironment(in *Instance, e *config.Expr, of string) {
	if e == nil {
		return
	}
	v, ok := x.value(e)
	if !ok {
		return
	}
	plain, sensitive := value.Bare(v)
	if sensitive && !slices.Contains(in.Secrets, "environment") {
		in.Secrets = append(in.Secrets, "environment")
		in.Hidden.add(x.body.schema.Environ)
	}
	m, err := convert.Convert(plain, cty.Map(cty.String))
	switch {
	case err != nil:
		x.diags = append(x.diags, value.Wrong(schema.Attribute{Name: "environment", Type: schema.Map}, v, e.Expression, of))
	case !m.IsWhollyKnown():
		if !slices.Contains(in.Unknown, "environment") {
			in.Unknown = append(in.Unknown, "environment")
		}
	case !m.IsNull():
		x.setEnvironment(in, m, v.IsMarked(), e)
	}
}

// setEnvironment adds variables, whose names may be sensitive too.
func (x *expansion) setEnvironment(in *Instance, m cty.Value, hidden bool, e *config.Expr) {
	if in.Environment == nil {
		in.Environment = make(map[string]string, m.LengthInt())
	}
	for it := m.ElementIterator(); it.Next(); {
		key, value := it.Element()
		name := key.AsString()
		shown := diag.Quote(name)
		if hidden {
			shown = "(sensitive)"
		}
		switch {
		case name == "" || strings.ContainsAny(name, "=\x00"):
			x.diags = append(x.diags, diag.Errorf(diag.InvalidValue, e.At(), "Invalid value", "%s cannot be the name of an environment variable.", shown))
		case value.IsNull():
			delete(in.Environment, name)
		case strings.ContainsRune(value.AsString(), 0):
			x.diags = append(x.diags, diag.Errorf(diag.InvalidValue, e.At(), "Invalid value", "The environment variable %s cannot have a NUL character in its value.", shown))
		default:
			in.Environment[name] = value.AsString()
		}
	}
}

// duration evaluates an argument that is a duration. It reports false where it is not given or not known.
func (x *expansion) duration(in *Instance, e *config.Expr, t schema.Type) (time.Duration, bool) {
	text, ok := x.plain(in, e, t).(string)
	d, _ := time.ParseDuration(text) // it was checked
	return d, ok
}

// plain evaluates an argument that all tasks have; nil where it is not given or not known.
func (x *expansion) plain(in *Instance, e *config.Expr, t schema.Type) any {
	if e == nil {
		return nil
	}
	v, ok := x.value(e)
	if !ok {
		return nil
	}
	arg, diags := value.Take(schema.Attribute{Name: e.Arg.Name, Type: t}, v, e.Expression, "a task")
	x.diags = append(x.diags, diags...)
	if !diags.HasErrors() && !arg.Known {
		in.Unknown = append(in.Unknown, e.Arg.Name)
	}
	return arg.Plain
}

// notify evaluates which handlers the element notifies; all that it could while that is not known.
func (x *expansion) notify(in *Instance) {
	e := x.body.block.Notify
	if e == nil {
		return
	}
	v, ok := x.value(e)
	if !ok {
		return
	}
	v, _ = value.Bare(v)
	wrong := func(v cty.Value) {
		x.diags = append(x.diags, diag.Errorf(diag.WrongType, e.At(), "Wrong type of value",
			`"notify" takes a list of handlers, such as [handler.NAME], but this is %s.%s`, value.Word(v), quotedHandler(e.Module, v)))
	}
	switch {
	case value.Is(v) != nil:
		wrong(v)
		return
	case !v.IsWhollyKnown():
		in.Notify = x.task.Notify
		return
	case v.IsNull():
		return
	case !v.CanIterateElements():
		wrong(v)
		return
	}
	var addresses []string
	for it := v.ElementIterator(); it.Next(); {
		_, element := it.Element()
		address, ok := value.Is(element).(string)
		if !ok {
			wrong(element)
			return
		}
		addresses = append(addresses, address)
	}
	in.Notify = addressesOf(x.body.job.block.Handlers, addresses)
}

// quotedHandler suggests the handler whose name stands as text.
func quotedHandler(m *config.Module, v cty.Value) string {
	if !v.IsKnown() || v.IsNull() || v.Type() != cty.String {
		return ""
	}
	for _, h := range m.Names.Handlers {
		if h.Name == v.AsString() {
			return diag.Meant("handler." + h.Name)
		}
	}
	return ""
}

// checkBlock runs the schema's own check over the arguments that are known. What it says of one that is sensitive is not
// shown where it may quote it.
func checkBlock(b schema.Block, known map[string]any, secrets []string, args map[string]*config.Expr, block hcl.Range) hcl.Diagnostics {
	if b.Check == nil {
		return nil
	}
	err := b.Check(known)
	if err == nil {
		return nil
	}
	var out hcl.Diagnostics
	for _, err := range schema.Problems(err) {
		at, detail := block, err.Error()
		if problem, ok := errors.AsType[*schema.ArgumentError](err); ok {
			secret := slices.Contains(secrets, problem.Argument)
			if e := args[problem.Argument]; e != nil && !secret { // whose line may have it written out
				at = e.At()
			}
			if secret && !problem.Fixed {
				detail = fmt.Sprintf("%q cannot have this value. It is sensitive, so the reason is not shown.", problem.Argument)
			}
		}
		out = append(out, diag.Errorf(diag.InvalidValue, at, "Invalid value", "%s", detail))
	}
	return out
}
