// Package function holds the functions that expressions can call: those of Terraform under its names, and env. Package
// lang puts them into the scope of its expressions; the reference of the language is printed from Reference. Whatever
// the arguments, a call ends soon and takes little memory, and its error shows nothing that is sensitive. Functions
// that are not for expressions do not belong here.
package function

import (
	"errors"
	"maps"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"runner/lang/diag"
	"runner/lang/function/files"
	"runner/lang/source"
)

// Options are what functions know beside their arguments.
type Options struct {
	Dir     string                            // where relative paths start: the directory of the module, absolute
	Env     func(name string) (*string, bool) // what env returns without asking Environ; nil: nothing
	Environ []string                          // NAME=VALUE: what env reads, and HOME for ~
	Files   source.Files                      // nil: the disk
	Run     *Run                              // what is evaluated once a run; nil: one of its own
	// Parse parses a template, with whatever limits the language has for the nesting of expressions.
	Parse func(src []byte, filename string) (hcl.Expression, hcl.Diagnostics)
}

// mark is the type of our marks on values.
type mark string

// Sensitive marks a value that is never shown.
const Sensitive = mark("sensitive")

// Functions returns the functions by name. They can be called at the same time. What they read from files they keep:
// a file has one content as long as they are used.
func Functions(o Options) map[string]function.Function {
	return maps.Clone(newScope(o).functions())
}

// scope is what the functions of one module share.
type scope struct {
	Options
	environ   map[string]string
	files     *files.Reader
	templates *templates
	run       *Run
	functions func() map[string]function.Function // made when they are first asked for
}

func newScope(o Options) *scope {
	s := &scope{Options: o, environ: map[string]string{}, templates: &templates{}, run: o.Run}
	if s.Files == nil {
		s.Files = source.Disk{}
	}
	if s.run == nil {
		s.run = NewRun()
	}
	for _, e := range o.Environ {
		if name, value, ok := strings.Cut(e, "="); ok {
			s.environ[name] = value
		}
	}
	s.files = &files.Reader{Dir: o.Dir, Home: s.environ["HOME"], From: s.Files}
	s.run.mu.Lock()
	s.run.readers = append(s.run.readers, s.files)
	s.run.mu.Unlock()
	s.functions = sync.OnceValue(func() map[string]function.Function {
		out := map[string]function.Function{}
		for _, e := range s.entries() {
			out[e.Name] = e.guarded()
		}
		return out
	})
	return s
}

// entry is a function with its line in the reference and its limits.
type entry struct {
	Doc
	function function.Function
	// limit refuses arguments whose result would be too large. It is called when no argument is unknown; the arguments
	// themselves are unmarked, what they contain may be marked or unknown.
	limit func(args []cty.Value) error
	// raw functions take care of marks, of sizes and of errors themselves.
	raw bool
}

// guarded returns the function behind the checks that all of them share. The type of its result is only known from a
// call: expressions need no more, and the function's own type is then worked out once and not at every level.
func (e entry) guarded() function.Function {
	if e.raw {
		return e.function
	}
	params, rest := e.function.Params(), e.function.VarParam()
	param := func(i int) function.Parameter {
		if i < len(params) {
			return params[i]
		}
		return *rest
	}
	spec := &function.Spec{
		Description: e.Parameters, // package diag shows it as the way to call the function
		Type:        function.StaticReturnType(cty.DynamicPseudoType),
		Impl: func(args []cty.Value, _ cty.Type) (v cty.Value, err error) {
			for i, arg := range args {
				if arg.IsNull() && !param(i).AllowNull {
					return cty.NilVal, function.NewArgErrorf(i, "must not be null")
				}
				if err := walkable(arg); err != nil {
					return cty.NilVal, function.NewArgError(i, err)
				}
				if args[i], err = asParameter(arg, param(i)); err != nil {
					return cty.NilVal, function.NewArgError(i, err)
				}
			}
			if err := e.limited(args); err != nil {
				return cty.NilVal, err
			}
			if v, err = e.function.Call(args); err != nil {
				return cty.NilVal, hide(err, args)
			}
			return v, checkText(v)
		},
	}
	names := e.names()
	for i, p := range params {
		p.Name = names[i]
		spec.Params = append(spec.Params, open(p))
	}
	if rest != nil {
		p := open(*rest)
		p.Name = names[len(names)-1]
		spec.VarParam = &p
	}
	return function.New(spec)
}

// names are what the reference calls the parameters.
func (d Doc) names() []string {
	return strings.Split(strings.NewReplacer("[, ", ", ", ", ]", ", ", "]", "", "[", "", "...", "").Replace(d.Parameters), ", ")
}

// limited applies the entry's limit.
func (e entry) limited(args []cty.Value) error {
	if e.limit == nil {
		return nil
	}
	plain := make([]cty.Value, len(args))
	for i, arg := range args {
		if !arg.IsKnown() || arg.IsNull() {
			return nil
		}
		plain[i], _ = arg.Unmark()
	}
	return e.limit(plain)
}

// open lets everything through to the function itself.
func open(p function.Parameter) function.Parameter {
	p.AllowNull, p.AllowUnknown, p.AllowDynamicType, p.AllowMarked = true, true, true, true
	if p.Type == cty.Number || p.Type.IsCollectionType() {
		p.Type = cty.DynamicPseudoType // so that asParameter converts it
	}
	return p
}

// asParameter converts the argument for a parameter that is a number, unless it is a text too long for one, or a
// collection.
func asParameter(arg cty.Value, p function.Parameter) (cty.Value, error) {
	if p.Type != cty.Number && !p.Type.IsCollectionType() || arg.Type().Equals(p.Type) {
		return arg, nil
	}
	if p.Type == cty.Number {
		if err := CheckDigits(arg); err != nil {
			return arg, err
		}
	}
	v, err := Convert(arg, p.Type)
	switch {
	case err == nil:
		return v, nil
	case arg.ContainsMarked():
		return arg, errHidden
	case IsLimit(err):
		return arg, err
	}
	return arg, errors.New(diag.Constraint(p.Type) + " required") // as cty says it where it converts
}

// errHidden stands for an error that may quote a sensitive argument.
var errHidden = errors.New("an argument is sensitive, so the reason is not shown")

// hide replaces an error that may quote an argument if one of them is sensitive.
func hide(err error, args []cty.Value) error {
	marked := false
	for _, arg := range args {
		marked = marked || arg.ContainsMarked()
	}
	if !marked || errors.Is(err, errTooLarge) || errors.Is(err, errTooMany) {
		return err
	}
	if arg, ok := errors.AsType[function.ArgError](err); ok {
		return function.NewArgError(arg.Index, errHidden)
	}
	return errHidden
}

// define makes a function of fixed parameters and a result of one type from what it does with known arguments.
func define(result cty.Type, impl func(args []cty.Value) (cty.Value, error), params ...function.Parameter) function.Function {
	return function.New(&function.Spec{
		Params: params,
		Type:   function.StaticReturnType(result),
		Impl:   func(args []cty.Value, _ cty.Type) (cty.Value, error) { return impl(args) },
	})
}

// ofText makes a function of one text to another.
func ofText(impl func(string) (string, error)) function.Function {
	return define(cty.String, func(args []cty.Value) (cty.Value, error) {
		out, err := impl(args[0].AsString())
		if err != nil {
			return cty.NilVal, err
		}
		return cty.StringVal(out), nil
	}, text("string"))
}

func text(name string) function.Parameter {
	return function.Parameter{Name: name, Type: cty.String}
}

func number(name string) function.Parameter {
	return function.Parameter{Name: name, Type: cty.Number}
}

// whatever is a parameter of any type.
func whatever(name string) function.Parameter {
	return function.Parameter{Name: name, Type: cty.DynamicPseudoType}
}
