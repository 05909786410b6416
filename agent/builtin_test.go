package agent

import (
	"testing"

	"runner/agent/action/catalog"
	"runner/agent/wire"
)

// TestBuiltinNames: what the agent does itself has no name that the language has for an action.
func TestBuiltinNames(t *testing.T) {
	for _, d := range catalog.All() {
		if c := (&call{msg: wire.Call{Action: d.Name}}); c.builtin() != nil {
			t.Errorf("%s is done by the agent itself", d.Name)
		}
	}
}
