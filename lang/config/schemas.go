package config

import (
	"runner/agent/schema"
	"runner/lang/syntax"
)

// Schemas lists what each kind of block may hold, for the test that finds what the reference leaves out. A task's own
// arguments, and those of hops, are in the schemas of their actions and transports.
func Schemas() map[string]syntax.Schema {
	out := map[string]syntax.Schema{
		"inventory":    inventorySchema(schema.Block{}),
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
	for kind, own := range Inventories() {
		out["inventory "+kind] = syntax.Schema{Arguments: argumentNames(own)}
	}
	return out
}
