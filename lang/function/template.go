package function

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"runner/lang/diag"
)

// template is a parsed template, or why it is none.
type template struct {
	name   string // as the site names it
	source []byte
	expr   hcl.Expression
	uses   []hcl.Traversal // what it refers to
	nests  bool            // it calls templatefile or templatestring
	// unknown are errors about functions that there are not.
	unknown hcl.Diagnostics
	diags   hcl.Diagnostics
}

// templates keeps the templates of files by their paths.
type templates struct {
	mu     sync.Mutex
	parsed map[string]*template
}

// Limits on templates that use templates.
const (
	mostTemplateDepth = 8
	mostTemplateCalls = 1000 // within one call of an expression
)

// nest is where in templates that use each other a call stands; nil is outside of all.
type nest struct {
	paths []string // of the template files around, outermost first
	depth int
	calls *int
}

// inner returns the nest of calls within a template, or an error if it is too deep or goes round. The path is "" for a
// template that is no file.
func (n *nest) inner(path string) (*nest, error) {
	calls := new(int)
	var paths []string
	depth := 0
	if n != nil {
		calls, paths, depth = n.calls, n.paths, n.depth
	}
	if path != "" && slices.Contains(paths, path) {
		return nil, fmt.Errorf("the template %s uses itself", diag.Quote(path))
	}
	if *calls++; depth >= mostTemplateDepth || *calls > mostTemplateCalls {
		return nil, fmt.Errorf("templates use each other more than %d deep or %d times", mostTemplateDepth, mostTemplateCalls)
	}
	return &nest{paths: append(slices.Clip(paths), path), depth: depth + 1, calls: calls}, nil
}

// templateFile makes templatefile as it is within a nest. The template is read and looked through as soon as its path
// is known, so that its errors are found although its variables are not known yet.
func (s *scope) templateFile(around *nest) function.Function {
	return templateFunction("path", func(argument string, vars cty.Value) (cty.Value, error) {
		path, err := s.files.Resolve(argument)
		if err != nil {
			return cty.NilVal, function.NewArgError(0, err)
		}
		inside, err := around.inner(path)
		if err != nil {
			return cty.NilVal, err
		}
		t, err := s.template(path, argument)
		if err != nil {
			return cty.NilVal, function.NewArgError(0, err)
		}
		return s.render(t, vars, inside)
	})
}

// templateString makes templatestring as it is within a nest.
func (s *scope) templateString(around *nest) function.Function {
	return templateFunction("template", func(argument string, vars cty.Value) (cty.Value, error) {
		inside, err := around.inner("")
		if err != nil {
			return cty.NilVal, err
		}
		return s.render(s.parse("templatestring", []byte(argument)), vars, inside)
	})
}

// templateFunction makes a function of a text and the variables. Only the variables that the template uses make its
// result sensitive.
func templateFunction(name string, render func(argument string, vars cty.Value) (cty.Value, error)) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{open(text(name)), open(whatever("variables"))},
		Type:   function.StaticReturnType(cty.DynamicPseudoType),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			argument, marks := args[0].Unmark()
			vars, varMarks := args[1].Unmark()
			for i, arg := range args {
				if arg.IsNull() {
					return cty.NilVal, function.NewArgErrorf(i, "must not be null")
				}
				if err := walkable(arg); err != nil {
					return cty.NilVal, function.NewArgError(i, err)
				}
			}
			if !argument.IsKnown() {
				return cty.DynamicVal.WithMarks(marks, varMarks), nil
			}
			v, err := render(argument.AsString(), vars)
			if err != nil {
				if len(marks) > 0 {
					return cty.NilVal, errHidden
				}
				return cty.NilVal, err
			}
			if err := checkText(v); err != nil {
				return cty.NilVal, err
			}
			return v.WithMarks(marks, varMarks), nil
		},
	})
}

// template returns the template in a file, parsed once.
func (s *scope) template(path, name string) (*template, error) {
	s.templates.mu.Lock()
	t, ok := s.templates.parsed[path]
	s.templates.mu.Unlock()
	if ok {
		return t, nil
	}
	source, err := s.files.Read(name)
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(source) {
		return nil, fmt.Errorf("%s is not UTF-8 text", diag.Quote(name))
	}
	t = s.parse(path, source)
	s.templates.mu.Lock()
	defer s.templates.mu.Unlock()
	if s.templates.parsed == nil {
		s.templates.parsed = map[string]*template{}
	}
	s.templates.parsed[path] = t
	return t, nil
}

func (s *scope) parse(name string, source []byte) *template {
	t := &template{name: name, source: source}
	if s.Parse != nil {
		t.expr, t.diags = s.Parse(source, name)
	} else {
		t.expr, t.diags = hclsyntax.ParseTemplate(source, name, hcl.InitialPos)
	}
	if !t.diags.HasErrors() {
		t.uses = t.expr.Variables()
		t.look(s.functions())
	}
	return t
}

func (t *template) fail(diags hcl.Diagnostics) error {
	return &diag.TemplateError{Filename: t.name, Source: t.source, Diags: diags}
}

// render evaluates a template. Variables are unmarked on the outside and may be unknown.
func (s *scope) render(t *template, vars cty.Value, inside *nest) (cty.Value, error) {
	if t.diags.HasErrors() {
		return cty.NilVal, t.fail(t.diags)
	}
	names, err := variableNames(vars)
	if err != nil {
		return cty.NilVal, function.NewArgError(1, err)
	}
	diags := t.unknown
	if names != nil {
		diags = append(slices.Clip(diags), t.undeclared(names)...)
	}
	switch {
	case diags.HasErrors():
		return cty.NilVal, t.fail(diags)
	case names == nil:
		return cty.DynamicVal, nil // an unknown map
	}
	scope := &hcl.EvalContext{Functions: s.functions()}
	if t.nests {
		scope = s.templateScope(inside)
	}
	scope.Variables = make(map[string]cty.Value, len(names))
	for _, name := range names {
		if vars.Type().IsObjectType() {
			scope.Variables[name] = vars.GetAttr(name)
		} else {
			scope.Variables[name] = vars.Index(cty.StringVal(name))
		}
	}
	v, diags := t.expr.Value(scope)
	if diags.HasErrors() {
		return cty.NilVal, t.fail(diags)
	}
	return v, nil
}

// look goes through the calls in a template.
func (t *template) look(functions map[string]function.Function) {
	node, ok := t.expr.(hclsyntax.Node)
	if !ok {
		t.nests = true
		return
	}
	_ = hclsyntax.VisitAll(node, func(n hclsyntax.Node) hcl.Diagnostics {
		call, ok := n.(*hclsyntax.FunctionCallExpr)
		if !ok {
			return nil
		}
		t.nests = t.nests || call.Name == "templatefile" || call.Name == "templatestring"
		if _, known := functions[call.Name]; !known && len(t.unknown) < mostUndeclared {
			t.unknown = append(t.unknown, diag.Errorf(diag.UnknownFunction, call.NameRange, "Unknown function", "There is no function %s.%s",
				diag.Quote(call.Name), diag.DidYouMean(call.Name, diag.Candidates(functions))))
		}
		return nil
	})
}

// templateScope holds all functions, of which templatefile and templatestring know where they are.
func (s *scope) templateScope(inside *nest) *hcl.EvalContext {
	outer := &hcl.EvalContext{Functions: s.functions()}
	inner := outer.NewChild()
	inner.Functions = map[string]function.Function{
		"templatefile":   s.templateFile(inside),
		"templatestring": s.templateString(inside),
	}
	return inner
}

// variableNames lists the names of template variables; nil, without an error, when they are not known.
func variableNames(vars cty.Value) ([]string, error) {
	names := []string{}
	switch t := vars.Type(); {
	case t == cty.DynamicPseudoType:
		return nil, nil
	case t.IsObjectType():
		for name := range t.AttributeTypes() {
			names = append(names, name)
		}
	case t.IsMapType() && !vars.IsKnown():
		return nil, nil
	case t.IsMapType():
		for it := vars.ElementIterator(); it.Next(); {
			key, _ := it.Element()
			names = append(names, key.AsString())
		}
	default:
		return nil, fmt.Errorf("must be a map or an object")
	}
	slices.Sort(names)
	for _, name := range names {
		if !isPlainName(name) && !hclsyntax.ValidIdentifier(name) {
			return nil, fmt.Errorf("%s cannot be the name of a variable: names begin with a letter and hold letters, digits, _ and -", diag.Quote(name))
		}
	}
	return names, nil
}

// mostUndeclared is how many names one call's error speaks of.
const mostUndeclared = 100

// undeclared finds the variables that a template uses and does not get, each where it is used first.
func (t *template) undeclared(names []string) hcl.Diagnostics {
	var diags hcl.Diagnostics
	said := map[string]bool{}
	for _, traversal := range t.uses {
		name := traversal.RootName()
		if _, found := slices.BinarySearch(names, name); found || said[name] || len(said) == mostUndeclared {
			continue
		}
		said[name] = true
		var got string
		if len(names) > 0 {
			got = " It gets " + strings.Join(names, ", ") + "."
		}
		diags = append(diags, diag.Errorf(diag.Template, traversal.SourceRange(), "Unknown template variable",
			"The call does not pass a variable %s to this template.%s%s", diag.Quote(name), got, diag.DidYouMean(name, names)))
	}
	return diags
}

// isPlainName says whether a name is made of ASCII as most are. HCL's own check is a run of its scanner.
func isPlainName(name string) bool {
	for i, c := range []byte(name) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
		if !letter && (i == 0 || (c < '0' || c > '9') && c != '-') {
			return false
		}
	}
	return name != ""
}
