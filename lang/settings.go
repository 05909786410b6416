package lang

import (
	"time"

	"github.com/hashicorp/go-version"
	"github.com/zclconf/go-cty/cty"

	"runner/agent/schema"
	"runner/lang/config"
	"runner/lang/diag"
	"runner/lang/value"
)

// maxParallelism is more hosts at once than any machine can serve.
const maxParallelism = 100_000

// settings evaluates the runner block.
func (l *loader) settings() {
	r := l.config.Runner
	if r == nil {
		return
	}
	l.requiredVersion(r.RequiredVersion)
	if r.Parallelism != nil {
		if v, ok := l.staticKnown(r.Parallelism, nil); ok && !v.IsNull() {
			n, problem := wholeNumber(v, 1, maxParallelism)
			if problem != "" {
				l.fail(notWhole(v, r.Parallelism.At(), `"parallelism"`, problem))
			}
			l.site.Settings.Parallelism = n
		}
	}
	l.site.Settings.ConnectTimeout = l.duration(r.ConnectTimeout, schema.Duration, "the runner block")
	l.site.Settings.TaskTimeout = l.duration(r.TaskTimeout, schema.Duration, "the runner block")
}

func (l *loader) duration(e *config.Expr, t schema.Type, of string) time.Duration {
	if e == nil {
		return 0
	}
	v, ok := l.staticKnown(e, nil)
	if !ok {
		return 0
	}
	arg, diags := value.Take(schema.Attribute{Name: e.Arg.Name, Type: t}, v, e.Expression, of)
	l.failAll(diags)
	text, _ := arg.Plain.(string)
	d, _ := time.ParseDuration(text) // it was checked
	return d
}

// requiredVersion compares the versions that the site asks for with our own. A build without a version is taken for
// any.
func (l *loader) requiredVersion(e *config.Expr) {
	if e == nil {
		return
	}
	v, ok := l.staticKnown(e, nil)
	if !ok {
		return
	}
	v, sensitive := value.Bare(v)
	if v.IsNull() || v.Type() != cty.String {
		l.fail(diag.Errorf(diag.WrongType, e.At(), "Wrong type of value", `"required_version" takes string, but this is %s.`, value.Word(v)))
		return
	}
	shown := diag.Quote(v.AsString())
	if sensitive {
		shown = "(sensitive)"
	}
	constraint, err := version.NewConstraint(v.AsString())
	if err != nil {
		l.fail(diag.Errorf(diag.InvalidValue, e.At(), "Invalid value",
			`"required_version" takes conditions such as ">= 1.2, < 2", and %s is none.`, shown))
		return
	}
	own, err := version.NewVersion(l.opts.Version)
	if err != nil {
		return
	}
	if !constraint.Check(own.Core()) {
		l.fail(diag.Errorf(diag.UnsupportedVersion, e.At(), "Another version required",
			"The site asks for runner %s, but this is %s. Run it with a version that fits, or change required_version.", shown, l.opts.Version))
	}
}
