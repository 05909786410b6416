package refs

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"runner/lang/diag"
)

// root is what is known about a name that traversals begin with.
type root struct {
	roots Roots
	where string // where it can be used, for who uses it elsewhere
}

func roots() map[string]root {
	return map[string]root{
		"var":     {Var, ""},
		"local":   {Local, ""},
		"chain":   {Chain, "in hosts"},
		"host":    {Host, ""},
		"job":     {Jobs, ""},
		"path":    {Path, ""},
		"run":     {Run, ""},
		"self":    {Self, "in the arguments of hops, and in what a job evaluates for each host"},
		"each":    {Each, "in a block that has for_each; of a task, run_as, hops, tags, on_failure and sensitive are the same for all elements"},
		"count":   {Count, "in a host that has count"},
		"task":    {TaskResults, "inside jobs"},
		"role":    {RoleOutputs, "inside jobs"},
		"failure": {Failure, "in a rescue"},
		"result":  {Result, "in changed_when, failed_when and until"},
		"handler": {Handler, "in notify"},
		// Whatever takes hosts takes those of inventories.
		"inventory": {Host, ""},
		"resource":  {Resource, "in an inventory of type terraform"},
	}
}

// traversal follows a traversal that begins with a name.
func (w *walk) traversal(t hcl.Traversal) flow {
	name := t.RootName()
	if f, ok := w.bound(name); ok {
		return w.steps(f, t[1:])
	}
	at := t.SourceRange()
	known, ok := roots()[name]
	switch {
	case !ok:
		w.errorf(diag.UnknownReference, at, "Unknown reference", "There is nothing called %s here.%s", diag.Quote(name), w.meant(t))
		return nil
	case w.place.Roots&known.roots == 0:
		w.misplacedRoot(name, known, at)
		return nil
	}
	w.uses.Roots |= known.roots
	switch known.roots {
	case Var:
		return w.variableRef(t)
	case Local:
		return w.localRef(t)
	case Chain:
		w.named(t, w.analyzer.names.Chains, Chain, "chain")
	case Host:
		if name == "inventory" {
			return w.inventoryRef(t)
		}
		return w.hostRef(t)
	case Jobs:
		return w.jobRef(t)
	case Path:
		w.oneOf(t, "site", "module")
	case Run:
		w.oneOf(t, "id")
		w.dynamic("the run's id", at)
	case Self:
		return w.steps(flow{{kind: self}}, t[1:])
	case Each:
		return w.eachRef(t)
	case Count:
		w.oneOf(t, "index")
	case TaskResults:
		return w.taskRef(t)
	case RoleOutputs:
		return w.roleRef(t)
	case Failure:
		w.uses.Refs = append(w.uses.Refs, Ref{Failure, strconv.Itoa(w.place.Failed.Index), at})
		w.dynamic("what failed", at)
		w.attributeOf(t, append(FailureAttributes(), w.place.Failed.Results...))
	case Result:
		w.dynamic("a result", at)
		w.attributeOf(t, append(flags(), w.place.Results...))
	case Resource:
		w.oneOf(t, ResourceAttributes()...)
	case Handler:
		w.handlerRef(t)
	default: // roots that are several at once name nothing
	}
	return nil
}

func (w *walk) dynamic(what string, at hcl.Range) {
	if w.uses.Dynamic == nil {
		w.uses.Dynamic = &Dynamic{What: what, Range: at}
	}
}

func (w *walk) misplacedRoot(name string, r root, at hcl.Range) {
	if dynamic := r.roots & (TaskResults | RoleOutputs | Failure | Result | Jobs | Run); dynamic != 0 && w.place.Static {
		w.notStatic(Dynamic{What: "what only a run gives, such as " + name, Range: at})
		return
	}
	hint := ""
	if r.where != "" {
		hint = " It is only known " + r.where + "."
	}
	w.errorf(diag.UnknownReference, at, "Reference out of place", "%s cannot use %q.%s", diag.Capital(w.place.What), name, hint)
}

// second returns the name behind the root.
func (w *walk) second(t hcl.Traversal, what string) (string, bool) {
	if len(t) > 1 {
		if name, ok := stepName(t[1]); ok {
			return name, true
		}
	}
	w.errorf(diag.UnknownReference, t.SourceRange(), "Incomplete reference",
		"%q alone stands for nothing: the name of a %s must follow, as in %s.NAME.", t.RootName(), what, t.RootName())
	return "", false
}

// stepName returns the name that a step leads to.
func stepName(step hcl.Traverser) (string, bool) {
	switch step := step.(type) {
	case hcl.TraverseAttr:
		return step.Name, true
	case hcl.TraverseIndex:
		return text(step.Key)
	}
	return "", false
}

// named checks a reference to something that a table has, and that is not followed further.
func (w *walk) named(t hcl.Traversal, table map[string]bool, root Roots, what string) {
	if name, _, ok := declared(w, t, what, table); ok {
		w.uses.Refs = append(w.uses.Refs, Ref{root, name, t.SourceRange()})
	}
}

// declared returns the name behind the root and what a table has for it, and reports one that it does not have.
func declared[V any](w *walk, t hcl.Traversal, what string, table map[string]V) (name string, found V, ok bool) {
	if name, ok = w.second(t, what); !ok {
		return name, found, false
	}
	if found, ok = table[name]; !ok {
		w.undeclared(what, name, diag.Candidates(table), t)
	}
	return name, found, ok
}

func (w *walk) undeclared(what, name string, candidates []string, t hcl.Traversal) {
	where, partial := w.place.Module.Title, w.place.Module.Partial
	inRole := where == "the role"
	if what != "role" && (!inRole || what != "variable" && what != "local") {
		where, partial = "the site", w.analyzer.names.Partial
	}
	if partial {
		w.missing(name, t)
		return
	}
	w.errorf(diag.UnknownReference, upTo(t, 2), "Unknown "+what, "%s declares no %s %s.%s",
		diag.Capital(where), what, diag.Quote(name), diag.OneOf(name, candidates))
}

// missing notes what may be declared in something that could not be read: the expression is not evaluated, and nothing is
// said about it.
func (w *walk) missing(name string, t hcl.Traversal) {
	w.uses.Refs = append(w.uses.Refs, Ref{Unread, name, t.SourceRange()})
}

// upTo is the range of the first steps of a traversal.
func upTo(t hcl.Traversal, n int) hcl.Range { return t[:min(n, len(t))].SourceRange() }

// attributeOf checks a reference to an object, or to one of its attributes.
func (w *walk) attributeOf(t hcl.Traversal, names []string) {
	if len(t) > 1 {
		w.oneOf(t, names...)
	}
}

// oneOf checks that one of a few names follows.
func (w *walk) oneOf(t hcl.Traversal, names ...string) {
	name, ok := "", false
	if len(t) > 1 {
		name, ok = stepName(t[1])
	}
	if ok && slices.Contains(names, name) {
		return
	}
	const few = 4
	has := strings.Join(names, " and ")
	if len(names) > few {
		has = strings.Join(names, ", ")
	}
	w.errorf(diag.UnknownReference, upTo(t, 2), "Unknown reference", "%q has only %s.%s",
		t.RootName(), has, diag.DidYouMean(name, names))
}

// variableRef follows var.NAME. A role's variable is what the role is given for it.
func (w *walk) variableRef(t hcl.Traversal) flow {
	name, full, ok := declared(w, t, "variable", w.place.Module.Variables)
	if !ok {
		return nil
	}
	if full == "" {
		w.uses.Refs = append(w.uses.Refs, Ref{Var, name, t.SourceRange()})
		return nil
	}
	return w.local(full, t, t[2:])
}

func (w *walk) localRef(t hcl.Traversal) flow {
	_, full, ok := declared(w, t, "local", w.place.Module.Locals)
	if !ok {
		return nil
	}
	return w.local(full, t, t[2:])
}

// roleRef follows role.NAME.OUTPUT.
func (w *walk) roleRef(t hcl.Traversal) flow {
	name, role, ok := declared(w, t, "role", w.place.Module.Roles)
	switch {
	case !ok:
		return nil
	case role.Broken:
		w.missing(name, t)
		return nil
	case role.Index > w.place.Before:
		w.errorf(diag.LaterReference, upTo(t, 2), "Reference to a later role",
			"The role %s comes later in the job, so its outputs are not known here. Roles run where they are written.", diag.Quote(name))
		return nil
	}
	output, ok := "", false
	if len(t) > 2 {
		output, ok = stepName(t[2])
	}
	full, has := role.Outputs[output]
	switch {
	case !ok:
		w.errorf(diag.UnknownReference, upTo(t, 3), "Incomplete reference", "Of a role its outputs can be read: role.%s.OUTPUT.", name)
		return nil
	case !has && role.Partial:
		w.missing(output, t)
		return nil
	case !has:
		w.errorf(diag.UnknownReference, upTo(t, 3), "Unknown output", "The role %s has no output %s.%s",
			diag.Quote(name), diag.Quote(output), diag.OneOf(output, diag.Candidates(role.Outputs)))
		return nil
	}
	return w.local(full, t, t[3:])
}

// local uses a local by its full name, as if its expression stood here.
func (w *walk) local(full string, t, rest hcl.Traversal) flow {
	at := t.SourceRange()
	w.uses.Refs = append(w.uses.Refs, Ref{Local, full, at})
	uses := w.analyzer.local(full).uses
	title := w.analyzer.names.Locals[full].Title
	if uses.Dynamic != nil {
		// What is wrong here is this reference; that the local has it is a reason.
		uses.Dynamic = &Dynamic{What: fmt.Sprintf("%s, which uses %s", title, uses.Dynamic.What), Range: at}
	}
	if uses.Roots&Self&^w.place.Roots != 0 {
		w.errorf(diag.UnknownReference, at, "Reference out of place", "%s cannot use %s, which uses self: there is no host here.", diag.Capital(w.place.What), title)
		return nil
	}
	for _, n := range uses.Needs {
		if w.place.Module.Job != nil && n.Job == w.place.Module.Job.Name && n.Task.Index >= w.place.Before {
			w.errorf(diag.LaterReference, at, "Task refers to a later one",
				"%s uses the result of %s, which is not known here. Tasks run in the order in which they are written.", title, n.Task.Address)
			return nil
		}
	}
	w.uses.merge(&uses)
	return w.steps(uses.value, rest)
}

func (w *walk) hostRef(t hcl.Traversal) flow {
	name, shape, ok := declared(w, t, "host", w.analyzer.names.Hosts)
	if !ok {
		return nil
	}
	w.uses.Refs = append(w.uses.Refs, Ref{Host, name, t.SourceRange()})
	w.uses.Hosts = union(w.uses.Hosts, []string{name})
	s := source{kind: host, host: name}
	switch shape {
	case Map, List:
		s.depth = 1
		if len(t) > 2 {
			w.checkIndex(t, shape, name)
		}
	case Broken:
		s.depth, s.loose = unknown, true
	case One:
	}
	return w.steps(flow{s}, t[2:])
}

// checkIndex finds attributes that are read of a whole map or list of hosts.
func (w *walk) checkIndex(t hcl.Traversal, shape HostShape, name string) {
	attr, ok := t[2].(hcl.TraverseAttr)
	if !ok || !slices.Contains(HostAttributes(), attr.Name) {
		return
	}
	example := `["KEY"]`
	if shape == List {
		example = "[0]"
	}
	w.errorf(diag.UnknownReference, upTo(t, 3), "Incomplete reference",
		"host.%s is many hosts: say which, as in host.%s%s.%s.", name, name, example, attr.Name)
}

func (w *walk) eachRef(t hcl.Traversal) flow {
	w.oneOf(t, "key", "value")
	if len(t) > 1 {
		if name, _ := stepName(t[1]); name == "value" {
			return w.steps(w.place.Elements.value.elements(), t[2:])
		}
	}
	return nil
}

// steps follows the rest of a traversal.
func (w *walk) steps(f flow, rest hcl.Traversal) flow {
	for _, step := range rest {
		if len(f) == 0 {
			return nil
		}
		switch step := step.(type) {
		case hcl.TraverseAttr:
			f = w.step(f, cty.StringVal(step.Name), step.SrcRange)
		case hcl.TraverseIndex:
			f = w.step(f, step.Key, step.SrcRange)
		}
	}
	return f
}
