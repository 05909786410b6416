package lang

import (
	"github.com/zclconf/go-cty/cty"

	"runner/agent/schema"
	"runner/lang/config"
	"runner/lang/diag"
	"runner/lang/value"
)

// staticWord evaluates an argument that is one of a few words.
func (l *loader) staticWord(e *config.Expr, of string, words ...string) string {
	if e == nil {
		return ""
	}
	v, ok := l.static(e, nil)
	if !ok {
		return ""
	}
	s, _ := l.shown(schema.Attribute{Name: e.Arg.Name, Type: schema.String, OneOf: words}, v, e, of).(string)
	return s
}

func (l *loader) staticBool(e *config.Expr, of string) bool {
	if e == nil {
		return false
	}
	v, ok := l.static(e, nil)
	if !ok {
		return false
	}
	b, _ := l.shown(schema.Attribute{Name: e.Arg.Name, Type: schema.Bool}, v, e, of).(bool)
	return b
}

// shown is the value of an argument that decides what everybody sees: it cannot be sensitive.
func (l *loader) shown(a schema.Attribute, v cty.Value, e *config.Expr, of string) any {
	arg, diags := value.Take(a, v, e.Expression, of)
	if diags.HasErrors() {
		l.failAll(diags)
		return nil
	}
	if arg.Sensitive {
		l.fail(sensitiveError(e.At(), diag.Quote(a.Name), "what it decides is shown"))
		return nil
	}
	return arg.Plain
}
