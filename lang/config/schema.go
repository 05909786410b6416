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
			{Type: "inventory", Labels: []string{"type", "name"}},
			{Type: "job", Labels: name},
			{Type: "output", Labels: name},
		},
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

func conditionSchema(what string) syntax.Schema {
	return syntax.Schema{What: what, Arguments: []string{"condition", "error_message"}}
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
	return syntax.Schema{
		What:      "a job",
		Arguments: []string{"hosts", "depends_on", "when", "run_as", "environment", "tags", "vars", "strategy"},
		Blocks: append(workSchemas(), hopSchema(), handlerSchema(), syntax.BlockSchema{Type: "locals"},
			syntax.BlockSchema{Type: "rollout"}, syntax.BlockSchema{Type: "precondition"}),
		Raw: []string{"depends_on"},
	}
}

// workSchemas are the blocks that jobs, roles and tries have in the order of their work.
func workSchemas() []syntax.BlockSchema {
	return []syntax.BlockSchema{
		{Type: "task", Labels: []string{"action", "name"}}, {Type: "role", Labels: []string{"name"}}, {Type: "try"},
	}
}

func handlerSchema() syntax.BlockSchema {
	return syntax.BlockSchema{Type: "handler", Labels: []string{"action", "name"}}
}

func rolloutSchema() syntax.Schema {
	return syntax.Schema{What: "a rollout", Arguments: []string{"batches", "max_failures", "pause"}}
}

func trySchema() syntax.Schema {
	return syntax.Schema{
		What: "a try", Arguments: []string{"when", "tags"},
		Blocks: append(workSchemas(), syntax.BlockSchema{Type: "rescue"}, syntax.BlockSchema{Type: "always"}),
	}
}

// partSchema is that of a rescue or an always.
func partSchema(what string) syntax.Schema { return syntax.Schema{What: what, Blocks: workSchemas()} }

// roleArguments are a role block's own; all others are the role's variables.
func roleArguments() []string {
	return []string{"source", "when", "tags", "run_as", "environment", "on_failure"}
}

// roleSchema is what the files of a role may hold.
func roleSchema() syntax.Schema {
	name := []string{"name"}
	return syntax.Schema{
		What: "a role",
		Blocks: append(workSchemas(), handlerSchema(), syntax.BlockSchema{Type: "variable", Labels: name},
			syntax.BlockSchema{Type: "locals"}, syntax.BlockSchema{Type: "output", Labels: name}),
	}
}

// commonArguments are those that every task has beside its action's.
func commonArguments() []string {
	return []string{
		"when", "for_each", "on", "run_once", "run_as", "environment", "notify", "timeout", "changed_when", "failed_when",
		"on_failure", "tags", "sensitive", "lane",
	}
}

// TaskArguments are the names of what every task can hold beside its action's arguments.
func TaskArguments() []string {
	out := commonArguments()
	for _, b := range taskSchema(schema.Block{}).Blocks {
		out = append(out, b.Type)
	}
	return out
}

func retrySchema() syntax.Schema {
	return syntax.Schema{What: "a retry", Arguments: []string{"attempts", "delay", "backoff", "until"}}
}

// taskSchema is what a task of an action may hold; the name of an action that is not known is "".
func taskSchema(block schema.Block) syntax.Schema {
	out := syntax.Schema{
		What:      fmt.Sprintf("a task of the action %q", block.Name),
		Arguments: slices.Concat(argumentNames(block), commonArguments()),
		Blocks:    []syntax.BlockSchema{hopSchema(), {Type: "retry"}},
		Common:    len(commonArguments()),
	}
	return out
}

// argumentNames are the names of a block's arguments: those that it needs, then the others, both sorted.
func argumentNames(block schema.Block) []string {
	out := make([]string, len(block.Arguments))
	for i, a := range block.NeededFirst() {
		out[i] = a.Name
	}
	return out
}

func outputSchema() syntax.Schema {
	return syntax.Schema{What: "an output", Arguments: []string{"value", "sensitive"}}
}

// laterActions are actions that the language names and this version has not.
func laterActions() []string { return []string{"ansible_module"} }

// expr is the expression of an argument, whose names are looked up in the module.
func (d *declarer) expr(arg *syntax.Argument) *Expr {
	return &Expr{Expression: arg.Expr, Arg: arg, Module: d.module}
}

// get returns an argument's expression; nil where there is none.
func (d *declarer) get(content *syntax.Content, name string) *Expr {
	if arg := content.Arguments[name]; arg != nil {
		return d.expr(arg)
	}
	return nil
}

func (d *declarer) getter(content *syntax.Content) func(name string) *Expr {
	return func(name string) *Expr { return d.get(content, name) }
}

// required is get for an argument that is missed where the block begins.
func (d *declarer) required(content *syntax.Content, name string, block hcl.Range, what string) *Expr {
	if content.Lacks(name) {
		d.diags = append(d.diags, Missing(name, what, block))
	}
	return d.get(content, name)
}

// Missing says that a block lacks an argument.
func Missing(name, what string, block hcl.Range) *hcl.Diagnostic {
	return diag.Errorf(diag.MissingArgument, block, "Missing argument", "%s needs the argument %q.", diag.Capital(what), name)
}
