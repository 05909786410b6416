package action

import "runner/agent/schema"

// Schemas describes all actions, by name.
func Schemas() map[string]schema.Block {
	out := map[string]schema.Block{}
	for _, b := range []schema.Block{commandSchema(), shellSchema(), fileSchema(), directorySchema(), symlinkSchema()} {
		out[b.Name] = b
	}
	return out
}
