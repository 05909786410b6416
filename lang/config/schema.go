package config

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"runner/agent/schema"
	"runner/lang/diag"
	"runner/lang/syntax"
)

// The blocks of the language. What a later version will take is listed too, so that it is told from a misspelling.

func fileSchema() syntax.Schema {
	name := []string{"name"}
	return syntax.Schema{
		What: "a site",
		Blocks: []syntax.BlockSchema{
			{Type: "runner"},
			{Type: "variable", Labels: name},
			{Type: "locals"},
			{Type: "chain", Labels: name},
			{Type: "host", Labels: name},
			{Type: "job", Labels: name},
			{Type: "output", Labels: name},
		},
		Later: []string{"inventory"},
	}
}

func runnerSchema() syntax.Schema {
	return syntax.Schema{What: "the runner block", Arguments: []string{"required_version", "parallelism", "connect_timeout", "task_timeout"}}
}

func variableSchema() syntax.Schema {
	return syntax.Schema{
		What:      "a variable",
		Arguments: []string{"type", "default", "description", "sensitive", "nullable"},
		Blocks:    []syntax.BlockSchema{{Type: "validation"}},
		Raw:       []string{"type"},
	}
}

func validationSchema() syntax.Schema {
	return syntax.Schema{What: "a validation", Arguments: []string{"condition", "error_message"}}
}

func hopSchema() syntax.BlockSchema {
	return syntax.BlockSchema{Type: "hop", Labels: []string{"transport"}}
}

func chainSchema() syntax.Schema {
	return syntax.Schema{What: "a chain", Arguments: []string{"extends"}, Blocks: []syntax.BlockSchema{hopSchema()}}
}

func hostSchema() syntax.Schema {
	return syntax.Schema{
		What:      "a host",
		Arguments: []string{"address", "chain", "via", "labels", "vars", "for_each", "count"},
		Blocks:    []syntax.BlockSchema{hopSchema()},
	}
}

func jobSchema() syntax.Schema {
	labels := []string{"action", "name"}
	return syntax.Schema{
		What:      "a job",
		Arguments: []string{"hosts", "depends_on", "when", "run_as", "environment", "tags", "vars"},
		Blocks:    []syntax.BlockSchema{hopSchema(), {Type: "task", Labels: labels}, {Type: "handler", Labels: labels}},
		Raw:       []string{"depends_on"},
		Later:     []string{"role", "try", "rollout", "strategy", "precondition", "locals"},
	}
}

// commonArguments are those that every task has beside its action's.
func commonArguments() []string {
	return []string{"when", "for_each", "run_as", "environment", "notify", "timeout", "on_failure", "tags", "sensitive"}
}

func laterArguments() []string {
	return []string{"on", "run_once", "retry", "changed_when", "failed_when", "lane"}
}

// taskSchema is what a task of an action may hold; the name of an action that is not known is "".
func taskSchema(block schema.Block) syntax.Schema {
	out := syntax.Schema{
		What:      fmt.Sprintf("a task of the action %q", block.Name),
		Arguments: slices.Concat(argumentNames(block), commonArguments()),
		Blocks:    []syntax.BlockSchema{hopSchema()},
		Later:     laterArguments(),
	}
	return out
}

func argumentNames(block schema.Block) []string {
	names := make([]string, len(block.Arguments))
	for i, a := range block.Arguments {
		names[i] = a.Name
	}
	return names
}

func outputSchema() syntax.Schema {
	return syntax.Schema{What: "an output", Arguments: []string{"value", "sensitive"}}
}

// laterActions are actions that the language names and this version has not.
func laterActions() []string { return []string{"package", "service", "flush"} }

// expect returns an argument's expression; required ones are missed where the block begins.
func expect(content *syntax.Content, name string, required *hcl.Diagnostics, block hcl.Range, what string) *Expr {
	if arg := content.Arguments[name]; arg != nil {
		if arg.Expr == nil {
			return nil
		}
		return &Expr{Expression: arg.Expr, Arg: arg}
	}
	if required != nil {
		*required = append(*required, Missing(name, what, block))
	}
	return nil
}

// Missing says that a block lacks an argument.
func Missing(name, what string, block hcl.Range) *hcl.Diagnostic {
	return diag.Errorf(diag.MissingArgument, block, "Missing argument", "%s needs the argument %q.", upper(what), name)
}
