package config

import (
	"runner/agent/schema"
	"runner/lang/syntax"
)

// Schemas lists what each kind of block may hold, for the test that finds what the reference leaves out. A task's own
// arguments, and those of hops, are in the schemas of their actions and transports.
func Schemas() map[string]syntax.Schema {
	return map[string]syntax.Schema{
		"site":         fileSchema(),
		"runner":       runnerSchema(),
		"variable":     variableSchema(),
		"validation":   conditionSchema(""),
		"locals":       {},
		"chain":        chainSchema(),
		"host":         hostSchema(),
		"hop":          {},
		"job":          jobSchema(),
		"rollout":      rolloutSchema(),
		"precondition": conditionSchema(""),
		"role":         {Arguments: roleArguments()},
		"role file":    roleSchema(),
		"try":          trySchema(),
		"rescue":       {}, // what a try itself may hold
		"always":       {},
		"retry":        retrySchema(),
		"task":         taskSchema(schema.Block{}),
		"handler":      taskSchema(schema.Block{}),
		"output":       outputSchema(),
	}
}
