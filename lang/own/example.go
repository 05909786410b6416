package own

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"runner/lang/diag"
	"runner/lang/guard"
)

// checkExample reports what is wrong with the example of an action: it is read by people, and has to be what they can write.
// Nothing in it is evaluated.
func (a *Action) checkExample(r reader, reserved Reserved) {
	if err := guard.Config([]byte(a.Example)); err != nil {
		r.add("example", "It is nested too deeply, or too large.")
		return
	}
	file, diags := hclsyntax.ParseConfig([]byte(a.Example), "example", hcl.InitialPos)
	body, ok := file.Body.(*hclsyntax.Body)
	switch {
	case diags.HasErrors():
		d := diags.Errs()[0]
		r.add("example", "It is not well-formed: %v.", d)
		return
	case !ok || len(body.Blocks) == 0:
		r.add("example", `It has no task. Write one as it stands in a site, such as task %s "x" {}.`, diag.Quote(a.Name))
		return
	}
	for _, b := range body.Blocks {
		if (b.Type == "task" || b.Type == "handler") && len(b.Labels) == 2 && b.Labels[0] == a.Name {
			a.checkTask(r, b, reserved)
		}
	}
	if !slices.ContainsFunc(body.Blocks, func(b *hclsyntax.Block) bool {
		return b.Type == "task" && len(b.Labels) == 2 && b.Labels[0] == a.Name
	}) {
		r.add("example", "It has no task %s.", diag.Quote(a.Name))
	}
}

// checkTask reports arguments that a task of the action has and that there are not, and those that it lacks.
func (a *Action) checkTask(r reader, b *hclsyntax.Block, reserved Reserved) {
	names := slices.Clone(reserved.Arguments)
	for _, attribute := range a.Arguments {
		names = append(names, attribute.Name)
		if _, given := b.Body.Attributes[attribute.Name]; attribute.Required && !given {
			r.add("example", "The task %s lacks the argument %s, which is required.", diag.Quote(b.Labels[1]), diag.Quote(attribute.Name))
		}
	}
	for _, name := range diag.Candidates(b.Body.Attributes) {
		if !slices.Contains(names, name) {
			r.add("example", "The task %s has an argument %s, and the action takes none of this name.%s", diag.Quote(b.Labels[1]), diag.Quote(name), diag.DidYouMean(name, names))
		}
	}
}
